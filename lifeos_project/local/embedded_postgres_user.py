"""The user who runs the embedded PostgreSQL: the current one or, because it refuses root, a system user."""

import contextlib
import os
import pwd
import shutil
import stat
import struct
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

SYSTEM_USER = "pgserver"
ACCESS_LIST = "system.posix_acl_access"
# Tags of a POSIX access list as the kernel stores it (linux/posix_acl_xattr.h).
OWNER, NAMED_USER, GROUP, NAMED_GROUP, MASK, OTHERS = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
SEARCH = 0o1
NOBODY_ID = 0xFFFFFFFF


def identity() -> dict[str, Any]:
    """Arguments for subprocess that make the child run as the server's user."""
    if os.geteuid() != 0:
        return {}
    account = _account()
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def prepare(*, directory: Path, programs: Path) -> None:
    """Let the server's user own its data directory, read its programs and pass the directories above both."""
    directory.chmod(0o700)
    if os.geteuid() != 0:
        return
    hand_over(directory)
    # A strict umask while installing leaves the programs readable to root alone.
    for path in (programs, *programs.rglob("*")):
        mode = path.lstat().st_mode
        wanted = mode | stat.S_IRGRP | stat.S_IROTH
        if mode & stat.S_IXUSR:
            wanted |= stat.S_IXGRP | stat.S_IXOTH
        if wanted != mode and not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(wanted))
    for path in {*directory.parents, *programs.parents}:
        if subprocess.run(["test", "-x", str(path)], check=False, cwd="/", **identity()).returncode:
            _grant_passage(path)


def hand_over(path: Path) -> None:
    """Make the server's user the owner of `path`, where that user is not oneself."""
    if os.geteuid() == 0:
        os.chown(path, _account().pw_uid, _account().pw_gid)


@cache
def _account() -> pwd.struct_passwd:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    if shutil.which("useradd"):
        subprocess.run(
            ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
            check=False,
            capture_output=True,
        )
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    return pwd.getpwnam("nobody")


def _grant_passage(directory: Path) -> None:
    """Let the server's user, and nobody else, go through `directory`: an access-list entry with search only."""
    account = _account()
    try:
        there = list(struct.iter_unpack("<HHI", os.getxattr(directory, ACCESS_LIST)[4:]))
    except (OSError, AttributeError):
        mode = directory.stat().st_mode
        there = [(OWNER, mode >> 6 & 7, NOBODY_ID), (GROUP, mode >> 3 & 7, NOBODY_ID), (OTHERS, mode & 7, NOBODY_ID)]
    entries = [
        (tag, permissions, who)
        for tag, permissions, who in there
        if tag != MASK and (tag, who) != (NAMED_USER, account.pw_uid)
    ]
    entries.append((NAMED_USER, SEARCH, account.pw_uid))
    mask = 0
    for tag, permissions, _ in entries:
        if tag in (NAMED_USER, GROUP, NAMED_GROUP):
            mask |= permissions
    entries.append((MASK, mask, NOBODY_ID))
    packed = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", *entry) for entry in sorted(entries, key=lambda entry: (entry[0], entry[2]))
    )
    try:
        os.setxattr(directory, ACCESS_LIST, packed)
    except (OSError, AttributeError) as error:
        raise PermissionError(
            0,
            f"root's PostgreSQL runs as user {account.pw_name}, who may not enter {directory}; "
            f"move the checkout, run as an ordinary user, or set DATABASE_URL",
        ) from error
