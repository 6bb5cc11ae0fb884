"""The entry point for all files: recognise a file, read it, or say in plain words why it cannot be read."""

import re
import zipfile
from collections.abc import Collection
from io import BytesIO

from finance.errors import StatementUnreadable
from finance.imports.parsers.csv import read_csv
from finance.imports.parsers.limits import MAX_BYTES
from finance.imports.parsers.ofx import looks_like_ofx, read_ofx
from finance.imports.parsers.profile import CsvProfile
from finance.imports.parsers.statement import ParsedFile

_ADVICE = "Please export the transactions as CSV or OFX (QFX) and try again."
_BINARY = (
    (b"%PDF", "This is a PDF document, made for reading on paper."),
    (b"\xd0\xcf\x11\xe0", "This is an Excel workbook (XLS)."),
    (b"\x89PNG", "This is a picture."),
    (b"\xff\xd8\xff", "This is a picture."),
    (b"GIF8", "This is a picture."),
    (b"\x1f\x8b", "This is a compressed file (gzip); please unpack it first."),
    (b"7z\xbc\xaf", "This is a compressed file (7z); please unpack it first."),
    (b"Rar!", "This is a compressed file (RAR); please unpack it first."),
)
_TEXT = (
    (
        re.compile(rb"<Document[^<>]*camt\.05|BkToCstmr(?:Stmt|AcctRpt|DbtCdtNtfctn)"),
        "This is a CAMT statement (XML)",
    ),
    (
        re.compile(rb"<!DOCTYPE html|<html[\s>]", re.IGNORECASE),
        "This is a web page, perhaps the bank's log-in page",
    ),
    (
        re.compile(rb"^(?:\{1:|[ \t]{0,20}[^\s:;,|\d-]{0,20}[ \t]{0,20}:20:)|^:(?:25|28C?|60[FM]):", re.MULTILINE),
        "This is an MT940 (SWIFT) statement",
    ),
    (
        re.compile(rb"^!(?:Type|Account|Option):", re.MULTILINE | re.IGNORECASE),
        "This is a Quicken file (QIF)",
    ),
    (re.compile(rb"\A\s*+(?:\{|\[\s*+\{)"), "This is a JSON file"),
    (re.compile(rb"\A\s*+<\?xml"), "This is an XML file of a kind that is not known here"),
)


def read_statement(
    data: bytes,
    *,
    profile: CsvProfile | None = None,
    currency: str = "",
    card: bool = False,
    own_accounts: Collection[str] = (),
) -> ParsedFile:
    """Read a bank file of any supported format.

    `profile` is used for CSV files, instead of detection; `currency` and `card` describe the account that the file
    is for, `own_accounts` are numbers of the household's accounts. Raises StatementUnreadable with one or two plain
    sentences: what was seen, and what to do.
    """
    if not data.strip():
        raise StatementUnreadable(reason="The file is empty.")
    if len(data) > MAX_BYTES:
        raise StatementUnreadable(reason="The file is larger than 50 MB. Please export a shorter period.")
    for magic, seen in _BINARY:
        if data.startswith(magic):
            raise StatementUnreadable(reason=f"{seen} {_ADVICE}")
    if data.startswith(b"PK\x03\x04"):
        raise StatementUnreadable(reason=f"{_archive(data)} {_ADVICE}")
    if looks_like_ofx(data):
        return read_ofx(data)
    for pattern, seen in _TEXT:
        if pattern.search(data[:20_000].lstrip(b"\xef\xbb\xbf")):
            raise StatementUnreadable(reason=f"{seen}, which cannot be read yet. {_ADVICE}")
    return read_csv(data, profile=profile, currency=currency, card=card, own_accounts=own_accounts)


def _archive(data: bytes) -> str:
    try:
        names = zipfile.ZipFile(BytesIO(data)).namelist()
    except zipfile.BadZipFile:
        names = []
    if any(name.startswith("xl/") for name in names):
        return "This is an Excel workbook (XLSX)."
    if "content.xml" in names:
        return "This is an office document (ODS)."
    return "This is a ZIP archive; please unpack it and import the files in it."
