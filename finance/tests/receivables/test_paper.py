"""Invoices as PDF: what stands on them, in which language, and that what people wrote stays text."""

import re
import zlib
from decimal import Decimal

import pytest
from django.utils import translation

from finance.receivables import services
from finance.receivables.paper import invoice_pdf
from finance.receivables.selectors import invoice_for

HOSTILE = '#panic("x") $x$ *b* \\u{41} <l> @ref // no /* no */ `r` #read("/etc/passwd") ){"a'
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def pages_of(pdf):
    """The letters of each page, without spaces: glyphs by the tables of letters that the fonts carry."""
    objects = {int(m[1]): m[2] for m in re.finditer(rb"(\d+) 0 obj\n(.*?)\nendobj", pdf, re.S)}

    def stream(body, key):
        raw = objects[int(re.search(key + rb" (\d+) 0 R", body)[1])]
        return zlib.decompress(re.search(rb"stream\n(.*)\nendstream", raw, re.S)[1])

    def letters(font):
        # Rows "<glyph> <letter>", and for pairs such as "fi" more than one letter.
        rows = re.findall(rb"<([0-9a-fA-F]{4})> <([0-9a-fA-F]+)>", stream(objects[font], b"/ToUnicode"))
        return {int(glyph, 16): bytes.fromhex(code.decode()).decode("utf-16-be") for glyph, code in rows}

    shown = []
    for body in objects.values():
        if b"/Type/Page/" not in body:
            continue
        resources = objects[int(re.search(rb"/Resources (\d+) 0 R", body)[1])]
        fonts = {name: letters(int(number)) for name, number in re.findall(rb"/(f\d+) (\d+) 0 R", resources)}
        text, font = "", {}
        content = re.sub(rb"<<.*?>>", b"", stream(body, b"/Contents"), flags=re.S)
        for name, literal in re.findall(rb"/(f\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\)", content, re.S):
            if name:
                font = fonts[name]
                continue
            raw = re.sub(
                rb"\\([0-7]{1,3}|.)",
                lambda m: bytes([int(m[1], 8)]) if m[1][:1].isdigit() else _ESCAPES.get(m[1], m[1]),
                literal, flags=re.S,
            )  # fmt: skip
            text += "".join(font[int.from_bytes(raw[at : at + 2])] for at in range(0, len(raw), 2))
        shown.append(re.sub(r"[\s\u200b]", "", text))
    return shown


def bare(text):
    return text.replace(" ", "")


@pytest.fixture
def written(book, owner, invoice):
    """The draft with these lines and texts."""

    def write(*lines, **texts):
        given = [
            services.LineGiven(text=text, quantity=Decimal("1.5"), price=10_00, rate=Decimal(19)) for text in lines
        ]
        return services.save_draft(book=book, actor=owner, invoice=invoice, changes={"lines": given, **texts})

    return write


def test_what_people_wrote_is_set_as_it_is(written):
    texts = {"sender": f"Olga\n{HOSTILE}", "note": f"= Thanks\n- {HOSTILE}"}
    (page,) = pages_of(invoice_pdf(invoice=written(HOSTILE, "Ελληνικά, Кириллица, żółć", **texts)))
    assert page.count(bare(HOSTILE)) == 3
    assert bare("= Thanks- #panic") in page
    assert bare("Ελληνικά, Кириллица, żółć") in page


def test_a_long_invoice_repeats_its_heads_and_ends_with_its_sums(written, book, owner):
    sent = services.send(
        invoice=written(*(f"{place}. " + "W" * 120 for place in range(60))), actor=owner, on=None, due_on=None,
        today=book.created_at.date(),
    )  # fmt: skip
    pages = pages_of(invoice_pdf(invoice=sent))
    assert len(pages) > 2
    assert all("WhatforQuantityPriceTax%Net" in page for page in pages[:-1])
    assert all(f"{place}/{len(pages)}" in page for place, page in enumerate(pages, 1))
    assert bare(f"Invoice {sent.number}") in pages[0]
    assert "Total€1,071.00" in pages[-1]
    assert "".join(pages).count("W" * 10) >= 60


def test_the_same_invoice_gives_the_same_bytes_in_each_language(written):
    invoice = written("Beratung")
    with translation.override("de"):
        german = invoice_pdf(invoice=invoice)
        assert invoice_pdf(invoice=invoice) == german
    assert "17,85€" in pages_of(german)[0]
    assert b"/Lang(de)" in german
    assert "€17.85" in pages_of(invoice_pdf(invoice=invoice))[0]


def test_a_cancelled_invoice_asks_for_no_payment(written, owner, book):
    today = book.created_at.date()
    sent = services.send(invoice=written("Consulting"), actor=owner, on=None, due_on=None, today=today)
    assert "Pleasepayby" in pages_of(invoice_pdf(invoice=sent))[0]
    services.cancel(invoice=sent, actor=owner, today=today)
    (page,) = pages_of(invoice_pdf(invoice=invoice_for(book=book, invoice_id=sent.pk)))
    assert "(cancelled)" in page
    assert "Pleasepayby" not in page
