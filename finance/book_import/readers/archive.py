"""Archives from a stranger: sizes are checked before anything is unpacked, and again while it is."""

import io
import zipfile
import zlib

from core.texts import gettext as _
from finance.errors import BookUnreadable

MAX_UNPACKED = 200 * 1024 * 1024
_MAX_MEMBERS = 1000


def is_zip(data: bytes) -> bool:
    return data.startswith(b"PK\x03\x04")


def members(data: bytes, *, suffixes: tuple[str, ...]) -> dict[str, bytes]:
    """Files of a zip archive whose names end like that, by name. Raises BookUnreadable for one beyond the limits."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = archive.infolist()
            if len(found) > _MAX_MEMBERS:
                raise BookUnreadable(
                    reason=_("The archive holds more than %(max_members)s files.") % {"max_members": _MAX_MEMBERS}
                )
            # macOS adds a file of its own beside each.
            wanted = [
                each
                for each in found
                if each.filename.lower().endswith(suffixes) and not each.filename.startswith("__MACOSX/")
            ]
            if any(each.flag_bits & 1 for each in wanted):
                raise BookUnreadable(reason=_("The archive is protected by a password. Please export it without one."))
            # What the directory says may be a lie; reading ends at the limit all the same.
            left = MAX_UNPACKED
            unpacked = {}
            for each in wanted:
                with archive.open(each) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise BookUnreadable(reason=_too_large())
                unpacked[each.filename] = content
            return unpacked
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise BookUnreadable(reason=_("The archive is damaged: %(error)s.") % {"error": error}) from error


def gunzip(data: bytes) -> bytes:
    """The content of a gzip file. Raises BookUnreadable for a damaged one, or one beyond the limit."""
    unpacking = zlib.decompressobj(wbits=31)
    try:
        content = unpacking.decompress(data, MAX_UNPACKED + 1)
    except zlib.error as error:
        raise BookUnreadable(reason=_("The file is damaged: %(error)s.") % {"error": error}) from error
    if len(content) > MAX_UNPACKED:
        raise BookUnreadable(reason=_too_large())
    if not unpacking.eof:
        raise BookUnreadable(reason=_("The file is damaged: it ends too early."))
    return content


def _too_large() -> str:
    return _("Unpacked, the file is larger than %(max_unpacked)s MB.") % {"max_unpacked": MAX_UNPACKED // 1024 // 1024}
