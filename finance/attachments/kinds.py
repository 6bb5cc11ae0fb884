"""What a receipt may be, by its first bytes: the name and the type that a sender states prove nothing."""

# Type → whether browsers show it as a picture. Everything else is offered to be saved.
SHOWN_AS_PICTURE = {
    "image/jpeg": True,
    "image/png": True,
    "image/webp": True,
    "image/heic": False,
    "application/pdf": False,
}
# A small picture can be made of these.
WITH_THUMBNAIL = frozenset({"image/jpeg", "image/png", "image/webp"})

# ISO/IEC 23008-12 (HEIF), brands of still pictures coded by HEVC.
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1"})
# PDF 32000-1, 7.5.2: the header is at the beginning; readers accept it within the first kilobyte.
_PDF_WITHIN = 1024


def kind_of(data: bytes) -> str | None:
    """The content type of a JPEG, PNG, WebP, HEIC or PDF; None for anything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return "image/heic"
    if b"%PDF-" in data[:_PDF_WITHIN]:
        return "application/pdf"
    return None
