"""Where backups are kept: a directory, or a bucket that speaks S3. A name appears only when its file is complete."""

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import obstore
from django.conf import settings
from obstore.exceptions import BaseError as StoreError
from obstore.exceptions import NotFoundError
from obstore.store import S3Store

from lifeos_project.backups.archive import CHUNK, Sealed, digest
from lifeos_project.backups.errors import BackupError, BackupRefused

NAME = re.compile(r"lifeos-(\d{8}T\d{6}Z)(-deploy)?\.tar(\.age)?")
STAMP = "%Y%m%dT%H%M%SZ"
# What is not yet a backup; a dot keeps it out of a plain ls.
UNFINISHED = ".unfinished-"


def name_of(moment: datetime, *, encrypted: bool, before_deploy: bool = False) -> str:
    """A backup's file name: its moment in UTC, so that names sort by age, and whether a deploy asked for it."""
    stamp = moment.astimezone(UTC).strftime(STAMP)
    return f"lifeos-{stamp}{'-deploy' if before_deploy else ''}.tar{'.age' if encrypted else ''}"


def moment_of(name: str) -> datetime | None:
    """When a backup was begun, or None for a name that is none of ours."""
    match = NAME.fullmatch(name)
    return datetime.strptime(match[1], STAMP).replace(tzinfo=UTC) if match else None


def is_before_deploy(name: str) -> bool:
    """Whether it was made before a deploy: the way back from that release."""
    match = NAME.fullmatch(name)
    return bool(match and match[2])


class Store(Protocol):
    """A place of finished backups."""

    @property
    def location(self) -> str: ...

    def staging(self, name: str, *, work: Path) -> Path:
        """Where the file is to be written before it counts. Only one backup is made at a time."""
        ...

    def keep(self, staged: Path, name: str, *, sealed: Sealed) -> None:
        """Make the staged file a backup; when this returns, what is kept has been read back and is equal."""
        ...

    def names(self) -> list[str]:
        """Names of all finished backups, oldest first."""
        ...

    def fetch(self, name: str, *, work: Path) -> Path:
        """The backup as a file on this machine."""
        ...

    def delete(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class DirectoryStore:
    """A directory of this machine, perhaps a mounted one."""

    root: Path

    @property
    def location(self) -> str:
        return str(self.root)

    def staging(self, name: str, *, work: Path) -> Path:
        staged = self.root / f"{UNFINISHED}{name}"
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left_over in self.root.glob(f"{UNFINISHED}*"):
                left_over.unlink(missing_ok=True)
            staged.touch(mode=0o600)
        except OSError as error:
            raise BackupRefused(
                f"{self.root} (BACKUP_TARGET) cannot be written: {error.strerror}. Change its owner to the user that makes backups."
            ) from error
        return staged

    def keep(self, staged: Path, name: str, *, sealed: Sealed) -> None:
        if digest(staged) != sealed.sha256:
            raise BackupError(f"{self.root} did not keep what was written to it; check the disk.")
        staged.rename(self.root / name)
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def names(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return sorted(path.name for path in self.root.iterdir() if NAME.fullmatch(path.name))
        return []

    def fetch(self, name: str, *, work: Path) -> Path:
        if name not in self.names():
            raise BackupRefused(f"There is no backup {name} in {self.location}.")
        return self.root / name

    def delete(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class BucketStore:
    """A bucket of S3 or of anything that speaks its language. An upload that is not completed leaves no object."""

    bucket: str
    prefix: str
    _s3: S3Store = field(repr=False)

    @property
    def location(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def staging(self, name: str, *, work: Path) -> Path:
        return work / name

    def keep(self, staged: Path, name: str, *, sealed: Sealed) -> None:
        with self._told_as("cannot keep the backup"):
            obstore.put(self._s3, name, staged)
        found = hashlib.sha256()
        for chunk in self._content(name):
            found.update(chunk)
        if found.hexdigest() != sealed.sha256:
            self.delete(name)
            raise BackupError(f"{self.location} did not keep what was uploaded; the object was removed.")

    def names(self) -> list[str]:
        with self._told_as("cannot be listed"):
            found = [item["path"] for batch in obstore.list(self._s3) for item in batch]
        names = [path.rpartition("/")[2] for path in found]
        return sorted(name for name in names if NAME.fullmatch(name))

    def fetch(self, name: str, *, work: Path) -> Path:
        target = work / name
        with target.open("wb") as file:
            for chunk in self._content(name):
                file.write(chunk)
        return target

    def delete(self, name: str) -> None:
        with self._told_as("cannot delete"):
            obstore.delete(self._s3, name)

    def _content(self, name: str) -> Iterator[bytes]:
        try:
            for chunk in obstore.get(self._s3, name).stream(min_chunk_size=CHUNK):
                yield bytes(chunk)
        except (NotFoundError, FileNotFoundError) as error:
            raise BackupRefused(f"There is no backup {name} in {self.location}.") from error
        except StoreError as error:
            raise BackupError(f"{self.location} cannot be read: {_short(error)}") from error

    @contextlib.contextmanager
    def _told_as(self, what: str) -> Iterator[None]:
        try:
            yield
        except (StoreError, OSError) as error:
            raise BackupError(f"{self.location} {what}: {_short(error)}") from error


def configured() -> Store:
    """The store that BACKUP_TARGET names."""
    target = settings.BACKUP_TARGET
    if not target.startswith("s3://"):
        return DirectoryStore(settings.BASE_DIR / target if target else settings.VAR_DIR / "backups")
    bucket, _, prefix = target.removeprefix("s3://").partition("/")
    if not bucket:
        raise BackupRefused("BACKUP_TARGET names no bucket; write s3://bucket/prefix.")
    endpoint, prefix = settings.BACKUP_S3_ENDPOINT, prefix.strip("/")
    # What is left out comes from AWS's own variables or the machine's role.
    given = {
        "region": settings.BACKUP_S3_REGION,
        "access_key_id": settings.BACKUP_S3_ACCESS_KEY_ID,
        "secret_access_key": settings.BACKUP_S3_SECRET_ACCESS_KEY,
        "endpoint": endpoint,
    }
    store = S3Store(
        bucket,
        prefix=prefix or None,
        config={name: value for name, value in given.items() if value},  # type: ignore[arg-type]
        virtual_hosted_style_request=not endpoint,
        client_options={"allow_http": endpoint.startswith("http://")},
        retry_config={"max_retries": 4},
    )
    return BucketStore(bucket, prefix, store)


def room_in(directory: Path) -> int:
    """Free bytes on the disk of a directory that may not exist yet."""
    while not directory.exists():
        directory = directory.parent
    return shutil.disk_usage(directory).free


def _short(error: Exception) -> str:
    """The first line: the rest repeats the request, with addresses that say who we are."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
