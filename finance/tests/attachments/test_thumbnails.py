"""What a file is by its bytes, and the small pictures made of it."""

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from finance.attachments import thumbnails
from finance.attachments.kinds import kind_of
from finance.attachments.thumbnails import draw, thumbnail_of
from finance.errors import Invalid
from finance.tests.attachments.conftest import PDF


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PDF, "application/pdf"),
        (b"\n\n" + PDF, "application/pdf"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "image/heic"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00", None),
        (b"<html><script>alert(1)</script>", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"GIF89a", None),
        (b"RIFF\x00\x00\x00\x00WAVE", None),
        (b"PK\x03\x04", None),
        (b" " * 1024 + PDF, None),
        (b"", None),
    ],
)
def test_a_kind_is_told_by_the_bytes(data, kind):
    assert kind_of(data) == kind


@pytest.mark.parametrize(("name", "kind"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")])
def test_pictures_become_small_jpegs(picture, name, kind):
    data = picture(name, (1200, 600))
    assert kind_of(data) == kind
    small = Image.open(BytesIO(draw(data)))
    assert (small.format, small.size) == ("JPEG", (480, 240))


def test_the_camera_is_held_as_it_was_and_its_data_is_gone(picture):
    data = picture("JPEG", (60, 40), orientation=6)  # the phone was held upright
    assert b"CAMERA-MAKER" in data
    drawn = draw(data)
    small = Image.open(BytesIO(drawn))
    assert small.size == (40, 60)
    red, _green, blue = small.getpixel((35, 30))
    assert red > 200 > blue  # what was above is at the right
    assert b"CAMERA-MAKER" not in drawn
    assert not small.getexif()


def test_what_is_clear_becomes_white():
    out = BytesIO()
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(out, "PNG")
    assert Image.open(BytesIO(draw(out.getvalue()))).getpixel((5, 5)) == (255, 255, 255)


def png_that_claims(width, height):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [7_000, 30_000, 2_000_000_000])
def test_a_picture_that_would_burst_is_refused_before_it_is_decoded(side):
    with pytest.raises(Invalid):
        draw(png_that_claims(side, side))


@pytest.mark.parametrize("damage", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\x00"])
def test_a_broken_picture_is_refused(damage):
    with pytest.raises(Invalid):
        draw(damage)


def test_the_child_draws_and_refuses_within_its_limits(picture, monkeypatch):
    assert Image.open(BytesIO(thumbnail_of(picture("JPEG", (900, 900))))).size == (480, 480)
    with pytest.raises(Invalid):
        thumbnail_of(png_that_claims(30_000, 30_000))
    monkeypatch.setattr(thumbnails, "LIMITS", thumbnails.Limits(seconds=20, megabytes=20))
    with pytest.raises(Invalid):
        thumbnail_of(picture("JPEG", (900, 900)))
