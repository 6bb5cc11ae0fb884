"""Bytes of a bank file → text. Banks write UTF-8, UTF-16 and code pages, sometimes two at once."""

import codecs
import re

from charset_normalizer import from_bytes

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CODE_PAGES = [
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1257",
    "cp932",
    "gb18030",
    "cp852",
    "cp850",
]
_DOUBLE_ENCODED = re.compile(
    "[ÃÂÅÄ][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u2013-\u203a\u20ac]"
)
_SAMPLE_BYTES = 200_000


def decode(data: bytes, encoding: str = "") -> tuple[str, str]:
    """The text and the name of its encoding; a given encoding is believed, but never fails on a stray byte."""
    if encoding:
        # Some codecs of Python make halves of characters or fail although they are told not to; UTF-8 is the refuge.
        try:
            text = data.decode(encoding, errors="replace")
        except (LookupError, ValueError):
            text = data.decode("utf-8", errors="replace")
        return _tidy(text.encode("utf-8", errors="replace").decode("utf-8")), encoding
    found = (
        next((name for mark, name in _BOMS if data.startswith(mark)), None)
        or _by_nulls(data)
        or _utf8(data)
        or _code_page(data)
    )
    text = data.decode(found, errors="replace")
    return _tidy(_undo_double_encoding(text) if found.startswith("utf-8") else text), found


def _tidy(text: str) -> str:
    return text.lstrip("\ufeff").replace("\x00", "")


def _by_nulls(data: bytes) -> str | None:
    """UTF-16 without a mark shows as a zero in every second byte."""
    sample = data[:2000]
    if len(sample) < 4 or sample.count(0) < len(sample) * 0.3:
        return None
    return "utf-16-le" if sample[1::2].count(0) > sample[0::2].count(0) else "utf-16-be"


def _utf8(data: bytes) -> str | None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "utf-8" if _mostly_utf8(data) else None
    return "utf-8"


def _mostly_utf8(data: bytes) -> bool:
    """A file with a few broken characters is still UTF-8."""
    text = data.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    whole = sum(1 for character in text if character > "\x7f" and character != "\ufffd")
    return whole >= 5 * broken


def _code_page(data: bytes) -> str:
    sample = data[:_SAMPLE_BYTES]
    candidates = [name for name in _CODE_PAGES if _decodes(sample, name)]
    best = from_bytes(sample, cp_isolation=candidates or ["cp1252"]).best() if len(sample) >= 32 else None
    # Western is the safe guess: nearly every byte means something there.
    return best.encoding if best is not None and best.encoding in candidates else "cp1252"


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _undo_double_encoding(text: str) -> str:
    """ "Ã¼" back to "ü", where the whole file can be read that way."""
    if len(_DOUBLE_ENCODED.findall(text[:_SAMPLE_BYTES])) < 1:
        return text
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return text
