"""The entry point for all files: recognise a file, read it, or say in plain words why it cannot be read."""

import dataclasses
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from core.texts import gettext as _
from core.texts import gettext_noop
from finance.errors import StatementUnreadable
from finance.imports.parsers.archive import unpack
from finance.imports.parsers.camt import looks_like_camt, read_camt
from finance.imports.parsers.csv import read_csv
from finance.imports.parsers.currencies import in_currency_of_account
from finance.imports.parsers.limits import MAX_BYTES
from finance.imports.parsers.mt940 import looks_like_mt940, read_mt940
from finance.imports.parsers.ofx import looks_like_ofx, read_ofx
from finance.imports.parsers.profile import CsvProfile
from finance.imports.parsers.qif import looks_like_qif, read_qif
from finance.imports.parsers.sheets import looks_like_workbook, read_sheet
from finance.imports.parsers.statement import ParsedFile

_ADVICE = gettext_noop("Please export the transactions as CSV or OFX (QFX) and try again.")
_MOST_TOLD = 10
_ARCHIVE = (b"PK\x03\x04", b"PK\x05\x06")
_BINARY = (
    (b"%PDF", gettext_noop("This is a PDF document, made for reading on paper.")),
    (b"\x89PNG", gettext_noop("This is a picture.")),
    (b"\xff\xd8\xff", gettext_noop("This is a picture.")),
    (b"GIF8", gettext_noop("This is a picture.")),
    (b"\x1f\x8b", gettext_noop("This is a compressed file (gzip); please unpack it first.")),
    (b"7z\xbc\xaf", gettext_noop("This is a compressed file (7z); please unpack it first.")),
    (b"Rar!", gettext_noop("This is a compressed file (RAR); please unpack it first.")),
)
_TEXT = (
    (
        re.compile(rb"<!DOCTYPE html|<html[\s>]", re.IGNORECASE),
        gettext_noop("This is a web page, perhaps the bank's log-in page"),
    ),
    (re.compile(rb"\A\s*+(?:\{|\[\s*+\{)"), gettext_noop("This is a JSON file")),
    (re.compile(rb"\A\s*+<\?xml"), gettext_noop("This is an XML file of a kind that is not known here")),
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

    `profile` is used for CSV files and sheets, instead of detection; `currency` and `card` describe the account that the
    file is for, `own_accounts` are numbers of the household's accounts. Raises StatementUnreadable with one or two plain
    sentences: what was seen, and what to do.
    """
    if not data.strip():
        raise StatementUnreadable(reason=_("The file is empty."))
    if len(data) > MAX_BYTES:
        raise StatementUnreadable(reason=_("The file is larger than 50 MB. Please export a shorter period."))
    for magic, seen in _BINARY:
        if data.startswith(magic):
            raise StatementUnreadable(reason=f"{_(seen)} {_(_ADVICE)}")
    asked = _Asked(profile=profile, currency=currency, card=card, own_accounts=own_accounts)
    for looks_right, read in _FORMATS:
        if looks_right(data):
            return in_currency_of_account(read(data, asked), currency=currency)
    for pattern, seen in _TEXT:
        if pattern.search(data[:20_000].lstrip(b"\xef\xbb\xbf")):
            raise StatementUnreadable(
                reason=_("%(seen)s, which cannot be read yet. %(advice)s") % {"seen": _(seen), "advice": _(_ADVICE)}
            )
    parsed = asked.of_table(data)
    return in_currency_of_account(parsed, currency=currency)


def is_table(data: bytes) -> bool:
    """Whether the bytes are a table in text, as far as their beginning tells: nothing else that is known."""
    if data.startswith(tuple(magic for magic, _seen in _BINARY)) or any(right(data) for right, _read in _FORMATS):
        return False
    return not any(pattern.search(data[:20_000].lstrip(b"\xef\xbb\xbf")) for pattern, _seen in _TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    profile: CsvProfile | None
    currency: str
    card: bool
    own_accounts: Collection[str]

    def of_table(self, data: bytes) -> ParsedFile:
        return read_csv(
            data, profile=self.profile, currency=self.currency, card=self.card, own_accounts=self.own_accounts
        )


def _from_workbook(data: bytes, asked: _Asked) -> ParsedFile:
    sheet = read_sheet(data)
    parsed = asked.of_table(sheet.text)
    return dataclasses.replace(parsed, format=sheet.format, notes=(*sheet.notes, *parsed.notes))


def _from_archive(data: bytes, asked: _Asked) -> ParsedFile:
    """What a ZIP archive holds: statements that a bank delivers together, or one file of another format."""
    files = unpack(data)
    for looks_right, read in ((looks_like_camt, read_camt), (looks_like_mt940, read_mt940)):
        found = [name for name, content in files.items() if looks_right(content)]
        if found:
            others = [name for name in files if name not in found]
            notes = [
                _("%(name)s in the archive is not read: it is of another kind.") % {"name": name[:80]}
                for name in others[:_MOST_TOLD]
            ]
            parsed = read([files[name] for name in found])
            return dataclasses.replace(parsed, notes=(*parsed.notes, *notes))
    content = next(iter(files.values()))
    if len(files) > 1 or content.startswith(_ARCHIVE):
        raise StatementUnreadable(
            reason=_("This is a ZIP archive of several files; please unpack it and import them one by one.")
        )
    return read_statement(
        content, profile=asked.profile, currency=asked.currency, card=asked.card, own_accounts=asked.own_accounts
    )


_FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes, _Asked], ParsedFile]], ...] = (
    (looks_like_workbook, _from_workbook),
    (lambda data: data.startswith(_ARCHIVE), _from_archive),
    (looks_like_ofx, lambda data, _asked: read_ofx(data)),
    (looks_like_camt, lambda data, _asked: read_camt([data])),
    (looks_like_mt940, lambda data, _asked: read_mt940([data])),
    (looks_like_qif, lambda data, asked: read_qif(data, currency=asked.currency)),
)
