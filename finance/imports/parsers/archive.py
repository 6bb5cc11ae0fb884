"""ZIP archives in which banks deliver their files: what is inside, within limits."""

import lzma
import zipfile
import zlib
from io import BytesIO

from core.texts import gettext as _
from finance.errors import StatementUnreadable
from finance.imports.parsers.limits import MAX_BYTES

_MOST_FILES = 500


def names_in(data: bytes) -> list[str]:
    """The names of the files in the archive; none when it is broken."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return []


def check_unpacked(data: bytes, *, limit: int) -> None:
    """Raise StatementUnreadable for an archive whose files would take more than `limit` bytes together, or one that lies.

    The sizes in its table of contents are not believed: every file is unpacked once, a piece at a time.
    """
    for _name, _content in _unpacked(data, limit=limit, keep=False):
        pass


def unpack(data: bytes) -> dict[str, bytes]:
    """The files of the archive by name, without folders and what macOS adds. Raises StatementUnreadable."""
    found = {
        name: content
        for name, content in _unpacked(data, limit=MAX_BYTES, keep=True)
        if not name.startswith("__MACOSX/") and not name.rpartition("/")[2].startswith(".")
    }
    if not found:
        raise StatementUnreadable(reason=_("The ZIP archive is empty."))
    return found


def _unpacked(data: bytes, *, limit: int, keep: bool) -> list[tuple[str, bytes]]:
    found, total = [], 0
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) > _MOST_FILES:
                raise StatementUnreadable(
                    reason=_("The archive holds more than %(most_files)s files; please import fewer.")
                    % {"most_files": _MOST_FILES}
                )
            for member in members:
                pieces = []
                with archive.open(member) as source:
                    while piece := source.read(1024 * 1024):
                        total += len(piece)
                        if total > limit:
                            raise StatementUnreadable(
                                reason=_(
                                    "Unpacked, the file is larger than %(limit)s MB. Please export a shorter period."
                                )
                                % {"limit": limit // 1024 // 1024}
                            )
                        if keep:
                            pieces.append(piece)
                found.append((member.filename, b"".join(pieces)))
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        ValueError,
        NotImplementedError,
        OSError,
    ) as error:
        raise StatementUnreadable(
            reason=_("The ZIP archive is damaged and cannot be unpacked. Please download it again.")
        ) from error
    except RuntimeError as error:  # that is how zipfile says that it wants a password
        raise StatementUnreadable(
            reason=_("The ZIP archive is protected with a password. Please unpack it and import the files in it.")
        ) from error
    return found
