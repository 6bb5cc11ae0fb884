"""The file of a backup: what goes in comes out, and nothing that was touched on the way does."""

import io
import json
import os
import shutil
import subprocess
import tarfile

import pytest

from lifeos_project.backups import archive
from lifeos_project.backups.errors import BackupError, BackupRefused

ROWS = os.urandom(300_000)


@pytest.fixture
def parts(tmp_path):
    """A directory with a dump and two attachments, as a backup is made of."""
    media = tmp_path / "media"
    (media / "2026").mkdir(parents=True)
    (media / "2026" / "receipt ä.pdf").write_bytes(b"%PDF")
    (media / "empty").touch()
    (media / "elsewhere").symlink_to("/etc/passwd")
    directory = tmp_path / "parts"
    directory.mkdir()
    (directory / archive.DUMP).write_bytes(ROWS)
    assert archive.pack_media(root=media, into=directory / archive.MEDIA) == 2
    return directory


@pytest.fixture
def opened(tmp_path):
    directory = tmp_path / "opened"
    directory.mkdir()
    return directory


@pytest.fixture(params=["plain", "age"])
def sealed(request, parts, tmp_path):
    """A sealed file and the keys that open it."""
    keys = [archive.new_identity()] if request.param == "age" else []
    path = tmp_path / "lifeos-20260315T023000Z.tar"
    facts = archive.seal(parts=parts, manifest={"n": 1}, into=path, recipients=[key.to_public() for key in keys])
    assert (facts.size, facts.sha256) == (path.stat().st_size, archive.digest(path))
    assert path.stat().st_mode & 0o777 == 0o600
    return path, keys


def test_what_goes_in_comes_out(sealed, opened):
    path, keys = sealed
    manifest = archive.open_sealed(path, identities=keys, into=opened)
    assert manifest["n"] == 1
    assert (opened / archive.DUMP).read_bytes() == ROWS
    found = {
        str(where): content.read() for where, content in archive.unpack_media(tar=opened / archive.MEDIA, root=opened)
    }
    assert found == {str(opened / "2026" / "receipt ä.pdf"): b"%PDF", str(opened / "empty"): b""}


def test_the_python_of_debian_12_unpacks_it_too(sealed, opened, monkeypatch):
    # 3.11.2 knows neither the filters nor the argument for them.
    for name in ("data_filter", "TarFile.extract"):
        monkeypatch.delattr(f"tarfile.{name}")
    path, keys = sealed
    archive.open_sealed(path, identities=keys, into=opened)
    assert len(list(archive.unpack_media(tar=opened / archive.MEDIA, root=opened))) == 2


@pytest.mark.parametrize("place", [0.3, 0.7])
def test_a_changed_byte_is_noticed(sealed, opened, place):
    path, keys = sealed
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)
    with pytest.raises(BackupError, match=r"damaged|cannot be decrypted"):
        archive.open_sealed(path, identities=keys, into=opened)


@pytest.mark.parametrize("rest", [0, 10, 700, 200_000])
def test_a_cut_off_file_is_noticed(sealed, opened, rest):
    path, keys = sealed
    os.truncate(path, rest)
    with pytest.raises(BackupError):
        archive.open_sealed(path, identities=keys, into=opened)


def test_an_encrypted_file_tells_nothing_and_opens_for_each_recipient_alone(parts, opened, tmp_path):
    (parts / archive.DUMP).write_bytes(b"Olga's salary " * 5000)
    here, there, stranger = (archive.new_identity() for _ in range(3))
    path = tmp_path / "backup.tar.age"
    archive.seal(parts=parts, manifest={}, into=path, recipients=[here.to_public(), there.to_public()])
    assert b"salary" not in path.read_bytes()
    for key in (here, there):
        assert archive.open_sealed(path, identities=[key], into=opened)
    with pytest.raises(BackupError, match="cannot be decrypted"):
        archive.open_sealed(path, identities=[stranger], into=opened)
    with pytest.raises(BackupRefused, match="--identity FILE"):
        archive.open_sealed(path, identities=[], into=opened)


@pytest.mark.skipif(shutil.which("age") is None, reason="the program age is not installed")
def test_age_and_tar_open_a_backup_without_us(parts, tmp_path):
    key = archive.new_identity()
    path = tmp_path / "backup.tar.age"
    archive.seal(parts=parts, manifest={}, into=path, recipients=[key.to_public()])
    (tmp_path / "key.txt").write_text(f"# created: today\n{key}\n")
    plain = subprocess.run(
        ["age", "--decrypt", "--identity", tmp_path / "key.txt", path], capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(plain.stdout)) as tar:
        assert tar.getnames() == ["manifest.json", "database.dump", "media.tar"]


@pytest.mark.parametrize("name", ["../escape", "/etc/cron.d/job", "media/extra"])
def test_a_tar_with_other_members_is_refused(tmp_path, opened, name):
    path = tmp_path / "foreign.tar"
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(BackupError, match="is not a backup of LifeOS"):
        archive.open_sealed(path, identities=[], into=opened)
    assert list(opened.iterdir()) == []


def test_attachments_cannot_leave_their_directory(tmp_path):
    tar = tmp_path / "media.tar"
    with tarfile.open(tar, "w") as archived:
        archived.addfile(tarfile.TarInfo("../../outside"), io.BytesIO())
    with pytest.raises(BackupError, match="outside of its directory"):
        list(archive.unpack_media(tar=tar, root=tmp_path / "media"))


def test_another_format_is_refused_by_its_number(parts, opened, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "FORMAT", 2)
    path = tmp_path / "later.tar"
    archive.seal(parts=parts, manifest={}, into=path, recipients=[])
    monkeypatch.undo()
    with pytest.raises(BackupRefused, match="format 2; this version of LifeOS reads 1"):
        archive.open_sealed(path, identities=[], into=opened)
    assert json.loads((opened / archive.MANIFEST).read_text())["format"] == 2


def test_keys_that_are_none_are_refused_without_being_repeated():
    with pytest.raises(BackupRefused, match="not a public key of age"):
        archive.recipients(["age1nonsense"])
    with pytest.raises(BackupRefused) as refusal:
        archive.identities("AGE-SECRET-KEY-1QQQ")
    assert "QQQ" not in str(refusal.value)
