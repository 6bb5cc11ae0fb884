"""Files of operations: private, whole or not there, and gone after a while."""

import datetime
import os

import pytest

from platform_outbox.operations import runs

NOW = datetime.datetime(2026, 3, 15, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def age(path, days):
    moment = (NOW - datetime.timedelta(days=days)).timestamp()
    os.utime(path, (moment, moment))


def test_what_was_given_is_read_by_its_own_name_only():
    name = runs.keep_given([b"hel", b"lo"], name="../../etc/passwd")
    assert name.endswith("-passwd")
    assert runs.given(name) == b"hello"
    with pytest.raises(OSError, match="passwd"):
        runs.given("../../../etc/passwd")


def test_a_file_that_breaks_off_is_not_there():
    def pieces():
        yield "begun"
        raise ValueError

    with pytest.raises(ValueError):
        runs.write_private(runs.directory_of(1) / "book.json", pieces())
    assert runs.left_by(1) == []
    assert list(runs.directory_of(1).iterdir()) == []


def test_old_files_go_and_young_ones_stay():
    old = runs.write_private(runs.directory_of(1) / "old.json", ["x"])
    young = runs.write_private(runs.directory_of(2) / "young.json", ["x"])
    given = runs.directory() / "given" / runs.keep_given([b"x"], name="may.csv")
    for path, days in ((old, 40), (young, 5), (given, 40)):
        age(path, days)
    assert runs.prune_files(before=NOW - datetime.timedelta(days=30)) == 2
    assert not runs.directory_of(1).exists()
    assert [path.name for path in runs.left_by(2)] == ["young.json"]
