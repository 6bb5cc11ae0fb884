"""The file of a backup: a tar of manifest.json, database.dump and media.tar, sealed with age when keys are set.

All formats are standard, so a backup opens without LifeOS:

    age --decrypt --identity key.txt lifeos-….tar.age | tar --extract
    pg_restore --dbname … database.dump
"""

import contextlib
import hashlib
import io
import json
import os
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyrage

from lifeos_project.backups.errors import BackupError, BackupRefused

FORMAT = 1
MANIFEST, DUMP, MEDIA = "manifest.json", "database.dump", "media.tar"
AGE_HEADER = b"age-encryption.org/"
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What was written: bytes and SHA-256 of the whole file."""

    size: int
    sha256: str


class HashingWriter:
    """Passes on what is written and digests it on the way."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        self._size += len(data)
        return self._target.write(data)

    def flush(self) -> None:
        self._target.flush()

    def sealed(self) -> Sealed:
        return Sealed(size=self._size, sha256=self._digest.hexdigest())


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pack_media(*, root: Path, into: Path) -> int:
    """Write all files below `root` to a tar; returns how many. A file that goes away meanwhile is left out."""
    count = 0
    with tarfile.open(into, "w") as tar:
        for path in sorted(root.rglob("*")):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and not path.is_symlink():
                    tar.add(path, arcname=str(path.relative_to(root)), recursive=False)
                    count += 1
    return count


def seal(*, parts: Path, manifest: dict[str, Any], into: Path, recipients: Sequence[Any]) -> Sealed:
    """Write the backup's file from the parts in a directory; encrypted to `recipients` unless there are none."""
    manifest = {
        **manifest,
        "format": FORMAT,
        "files": {
            name: {"sha256": digest(parts / name), "bytes": (parts / name).stat().st_size} for name in (DUMP, MEDIA)
        },
    }
    descriptor = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        writer = HashingWriter(file)
        if recipients:
            with _pipe(lambda end: pyrage.encrypt_io(end, writer, list(recipients)), we_read=False) as end:
                _write_tar(end, parts, manifest)
        else:
            _write_tar(writer, parts, manifest)
        file.flush()
        os.fsync(file.fileno())
    return writer.sealed()


def open_sealed(path: Path, *, identities: Sequence[Any], into: Path) -> dict[str, Any]:
    """Unpack a backup's file to a directory and return its manifest; every checksum has been compared.

    Raises BackupError for a file that is damaged, cut off, not ours, or not readable with the given keys.
    """
    try:
        with _plain(path, identities) as reader, tarfile.open(fileobj=reader, mode="r|") as tar:
            for member in tar:
                if member.name not in (MANIFEST, DUMP, MEDIA) or not member.isreg():
                    raise BackupError(f"{path.name} is not a backup of LifeOS: it holds {member.name}.")
                with _content(tar, member) as content, (into / member.name).open("wb") as file:
                    shutil.copyfileobj(content, file, CHUNK)
    except (tarfile.TarError, EOFError) as error:
        raise BackupError(f"{path.name} is damaged or incomplete: {error}.") from error
    try:
        manifest: dict[str, Any] = json.loads((into / MANIFEST).read_text())
        told = {name: facts["sha256"] for name, facts in manifest["files"].items()}
        found = {name: digest(into / name) for name in (DUMP, MEDIA)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{path.name} is incomplete: {error}.") from error
    if manifest.get("format") != FORMAT:
        raise BackupRefused(f"{path.name} has format {manifest.get('format')}; this version of LifeOS reads {FORMAT}.")
    for name, checksum in found.items():
        if told.get(name) != checksum:
            raise BackupError(f"{path.name} is damaged: {name} does not match its checksum in the manifest.")
    return manifest


def unpack_media(*, tar: Path, root: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """The attachments one by one: where each belongs, and its content.

    By hand, because the standard library's filter for what is safe is not in Debian 12's Python (3.11.2). Raises
    BackupError for a file that would not be within `root`.
    """
    with tarfile.open(tar) as archive:
        for member in archive:
            if not member.isreg():
                continue
            place = (root / member.name).resolve()
            if not place.is_relative_to(root.resolve()):
                raise BackupError(f"The backup holds an attachment that is outside of its directory: {member.name}.")
            with _content(archive, member) as content:
                yield place, content


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    found = archive.extractfile(member)
    assert found is not None, "a regular file has content"
    return found


def recipients(keys: Sequence[str]) -> list[Any]:
    """age's public keys (age1…) as objects."""
    try:
        return [pyrage.x25519.Recipient.from_str(key) for key in keys]
    except pyrage.RecipientError as error:
        raise BackupRefused(
            f"BACKUP_AGE_RECIPIENTS holds something that is not a public key of age: {error}."
        ) from error


def identities(text: str) -> list[Any]:
    """age's secret keys (AGE-SECRET-KEY-…) in the text of a key file, comments ignored."""
    lines = [line.strip() for line in text.splitlines()]
    try:
        return [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except pyrage.IdentityError:
        # Its message would quote the key.
        raise BackupRefused("This is not a secret key of age; such a key begins with AGE-SECRET-KEY-1.") from None


def new_identity() -> Any:
    """A key pair for one run."""
    return pyrage.x25519.Identity.generate()


def is_encrypted(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(AGE_HEADER)) == AGE_HEADER


def _write_tar(target: Any, parts: Path, manifest: dict[str, Any]) -> None:
    text = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
    with tarfile.open(fileobj=target, mode="w|", bufsize=CHUNK) as tar:
        member = tarfile.TarInfo(MANIFEST)
        member.size, member.mode = len(text), 0o600
        tar.addfile(member, io.BytesIO(text))
        for name in (DUMP, MEDIA):
            tar.add(parts / name, arcname=name)


@contextlib.contextmanager
def _plain(path: Path, identities: Sequence[Any]) -> Iterator[IO[bytes]]:
    if not is_encrypted(path):
        with path.open("rb") as file:
            yield file
        return
    if not identities:
        raise BackupRefused(
            f"{path.name} is encrypted; name the file with the secret key: --identity FILE, or set BACKUP_AGE_IDENTITY."
        )

    def decrypt(target: IO[bytes]) -> None:
        try:
            with path.open("rb") as file:
                pyrage.decrypt_io(file, target, list(identities))
        except (pyrage.DecryptError, OSError) as error:
            # age tells a wrong key by the first, damage further in by the second.
            raise BackupError(f"{path.name} cannot be decrypted: {error}.") from error

    with _pipe(decrypt, we_read=True) as end:
        yield end


@contextlib.contextmanager
def _pipe(work: Callable[[IO[bytes]], None], *, we_read: bool) -> Iterator[IO[bytes]]:
    """Our end of a pipe whose other end `work` has, in a thread; its failure is raised when the block ends.

    age runs in the thread and Python in the block, so that a signal interrupts Python and not age's own code.
    """
    ours, theirs = os.pipe() if we_read else reversed(os.pipe())
    failures: list[BaseException] = []

    def body() -> None:
        try:
            with os.fdopen(theirs, "wb" if we_read else "rb", buffering=CHUNK) as end:
                work(end)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=body, name="backup-pipe", daemon=True)
    thread.start()
    try:
        with os.fdopen(ours, "rb" if we_read else "wb", buffering=CHUNK) as end:
            yield end
            while we_read and end.read(CHUNK):
                pass
    except (OSError, tarfile.TarError, EOFError) as error:
        # A cut-off stream is only the consequence when the other side has failed.
        thread.join()
        _raise_first(failures)
        raise error
    finally:
        thread.join()
    _raise_first(failures)


def _raise_first(failures: Sequence[BaseException]) -> None:
    for failure in failures:
        if not isinstance(failure, BrokenPipeError):
            raise failure
