"""Small pictures of receipts, made in a process of its own with limits: `python -m finance.attachments.thumbnails`.

A stranger made the picture. A decoder that it makes run wild ends with its process, which sees neither the database nor
the settings. The thumbnail is a new picture without the metadata of the file (place, device).
"""

import sys
from io import BytesIO
from typing import Any

from core.texts import gettext as _
from finance.errors import Invalid, StatementUnreadable
from finance.imports.parsers.child import Child, Limits, serve

SIDE = 480  # pixels
# A picture of 8,000 × 6,000; a few kilobytes can claim to be a thousand times that.
MOST_PIXELS = 48_000_000
LIMITS = Limits(seconds=20, megabytes=768)

_CHILD = Child(module="finance.attachments.thumbnails", classes=(), advice="", broken="")


def thumbnail_of(data: bytes) -> bytes:
    """A JPEG of at most 480 × 480 pixels, turned as the camera was held. Raises Invalid for what cannot be drawn."""
    try:
        kind, value = _CHILD.ask(data, {}, limits=LIMITS)
    except StatementUnreadable as error:
        raise Invalid(reason=error.detail.strip()) from error
    if kind != "file":
        raise Invalid(reason=value[1])
    drawn: bytes = value
    return drawn


def draw(data: bytes) -> bytes:
    """As `thumbnail_of`, in this process: for the child."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2  # Pillow refuses twice as many, before it decodes
    try:
        with Image.open(BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise Invalid(reason=_("The picture has too many pixels."))
            picture.draft("RGB", (2 * SIDE, 2 * SIDE))  # JPEG: decoded at a fraction of its size
            small = ImageOps.exif_transpose(picture)
            small.thumbnail((SIDE, SIDE))
            ground = Image.new("RGB", small.size, "white")
            small = small.convert("RGBA")
            ground.paste(small, mask=small.getchannel("A"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Invalid(reason=_("The picture cannot be read.")) from error
    drawn = BytesIO()
    ground.save(drawn, "JPEG", quality=80, optimize=True)
    return drawn.getvalue()


def _answer(data: bytes, question: Any) -> bytes:
    return draw(data)


if __name__ == "__main__":
    sys.exit(serve(_answer))
