"""Pictures of our own making, as a phone and a scanner would send them."""

from io import BytesIO

import pytest
from PIL import Image

from finance.tests.api.conftest import api, clients, foreign, url
from finance.tests.web.conftest import as_, page, send

__all__ = ["api", "as_", "clients", "foreign", "page", "send", "url"]

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"


@pytest.fixture
def picture():
    """picture("JPEG", (40, 20), orientation=6) → its bytes: red above blue, GPS and camera in its metadata."""

    def make(kind="JPEG", size=(60, 40), *, orientation=1, colour="red"):
        drawn = Image.new("RGB", size, colour)
        drawn.paste("blue", (0, size[1] // 2, size[0], size[1]))
        metadata = Image.Exif()
        metadata[0x0112] = orientation
        metadata[0x010F] = "CAMERA-MAKER"
        out = BytesIO()
        drawn.save(out, kind, exif=metadata)
        return out.getvalue()

    return make
