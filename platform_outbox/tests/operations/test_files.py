"""Files of operations: private, whole or not there, and gone after a while."""

import datetime
import os

import pytest

from platform_outbox.operations import files

NOW = datetime.datetime(2026, 3, 15, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def age(path, days):
    moment = (NOW - datetime.timedelta(days=days)).timestamp()
    os.utime(path, (moment, moment))


def test_what_was_given_is_read_by_its_own_name_only():
    name = files.keep_given([b"hel", b"lo"], name="../../etc/passwd")
    assert name.endswith("-passwd")
    assert files.given(name) == b"hello"
    with pytest.raises(OSError, match="passwd"):
        files.given("../../../etc/passwd")


def test_a_file_that_breaks_off_is_not_there():
    def pieces():
        yield "begun"
        raise ValueError

    with pytest.raises(ValueError):
        files.write_private(files.directory_of(1) / "book.json", pieces())
    assert files.left_by(1) == []
    assert list(files.directory_of(1).iterdir()) == []


def test_old_files_go_and_young_ones_stay():
    old = files.write_private(files.directory_of(1) / "old.json", ["x"])
    young = files.write_private(files.directory_of(2) / "young.json", ["x"])
    given = files.directory() / "given" / files.keep_given([b"x"], name="may.csv")
    for path, days in ((old, 40), (young, 5), (given, 40)):
        age(path, days)
    assert files.prune(before=NOW - datetime.timedelta(days=30)) == 2
    assert not files.directory_of(1).exists()
    assert [path.name for path in files.left_by(2)] == ["young.json"]
