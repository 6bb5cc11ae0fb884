"""How the reader of a bank file goes about it."""

import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any

from core.texts import gettext as _
from core.texts import gettext_noop
from finance.errors import Invalid, StatementUnreadable
from finance.imports.parsers.banks import find_bank
from finance.imports.parsers.csv import detect
from finance.imports.parsers.dates import describe
from finance.imports.parsers.encoding import words_under_each
from finance.imports.parsers.limits import PREVIEW_BYTES
from finance.imports.parsers.profile import CsvProfile
from finance.imports.parsers.question import Question
from finance.imports.parsers.recognise import is_table, read_statement
from finance.imports.parsers.sheets import looks_like_workbook, read_sheet
from finance.imports.parsers.statement import ParsedFile

_NOT_AS_BEFORE = gettext_noop(
    "This file contradicts how the earlier files of this account were read, so it is read by itself: please check dates, "
    "signs and amounts."
)

# Encodings of earlier files that are tried on the header of a file.
_MOST_PAGES = 3


def read_file(data: bytes, question: Question) -> ParsedFile:
    """Read a bank file. Raises StatementUnreadable, and Invalid for a profile that does not fit together."""
    if not looks_like_workbook(data):
        parsed = _as_asked(data, question)
        table = parsed.profile is not None
        return dataclasses.replace(parsed, encodings=words_under_each(data[:PREVIEW_BYTES])) if table else parsed
    sheet = read_sheet(data)
    # A sheet has neither an encoding nor a separator that somebody could correct.
    changes = {name: value for name, value in (question.changes or {}).items() if name not in ("delimiter", "encoding")}
    typed = dataclasses.replace(question, encoding="", delimiter="", changes=changes)
    parsed = _as_asked(sheet.text, typed, decimal_mark=sheet.decimal_mark)
    head = sheet.text[:PREVIEW_BYTES]
    if len(sheet.text) > PREVIEW_BYTES:
        head = head[: head.rfind(b"\n") + 1]
    return dataclasses.replace(parsed, format=sheet.format, notes=(*sheet.notes, *parsed.notes), head=head)


def _as_asked(data: bytes, question: Question, *, decimal_mark: str = "") -> ParsedFile:
    if question.profile is not None:
        return _read(data, question, _corrected(data, question))
    if question.encoding or question.delimiter:
        believed = detect(
            data,
            currency=question.currency,
            card=question.card,
            encoding=question.encoding,
            delimiter=question.delimiter,
            own_accounts=question.own_accounts,
        )
        return _read(data, question, believed.profile)
    parsed = _by_itself(data, question, decimal_mark)
    saved = question.saved.get(parsed.profile.signature) if parsed.profile else None
    if saved is None:
        saved = _saved_under_another_encoding(data, question, parsed)
    if saved is None:
        return parsed
    try:
        before = CsvProfile.from_dict(saved)
        if parsed.profile is not None:
            # Every file says for itself that it is Unicode, and a currency beside its amounts.
            alone = parsed.profile
            unicode = alone.encoding.startswith("utf") or before.encoding.startswith("utf")
            encoding = alone.encoding if unicode else before.encoding
            before = dataclasses.replace(before, encoding=encoding, currency=alone.currency or before.currency)
        as_before = _read(data, question, before)
    except (StatementUnreadable, Invalid):
        return dataclasses.replace(parsed, notes=(*parsed.notes, _(_NOT_AS_BEFORE)))
    if _contradictions(as_before) > _contradictions(parsed):
        return dataclasses.replace(parsed, notes=(*parsed.notes, _(_NOT_AS_BEFORE)))
    told = _told_otherwise(parsed.profile, as_before.profile)
    return dataclasses.replace(as_before, notes=(*as_before.notes, *told))


def _by_itself(data: bytes, question: Question, decimal_mark: str) -> ParsedFile:
    """As the bank writes its files, where the columns are known to be a bank's and nothing in the file contradicts that.

    `decimal_mark` is that of a sheet, whose numbers were typed whatever the bank writes into its CSV files.
    """
    known = find_bank(data) if is_table(data) else None
    if known is None:
        return _read(data, question, None)
    layout, profile = known
    profile = dataclasses.replace(profile, decimal_mark=decimal_mark or profile.decimal_mark)
    told = _("Read as %(told)s.") % {"told": layout.told}
    try:
        parsed = _read(data, question, None)
    except StatementUnreadable:
        as_bank = _read(data, question, profile)
        return dataclasses.replace(as_bank, notes=(told, *as_bank.notes))
    for bank in dict.fromkeys((_completed(profile, parsed.profile), profile)):
        with contextlib.suppress(StatementUnreadable, Invalid):
            as_bank = _read(data, question, bank)
            if _contradictions(as_bank) <= _contradictions(parsed):
                return dataclasses.replace(as_bank, notes=(told, *as_bank.notes))
    note = _(
        "The columns are those of %(told)s, but its way of writing does not fit this file, which is read by itself."
    ) % {"told": layout.told}
    return dataclasses.replace(parsed, notes=(*parsed.notes, note))


# What a file may say beyond what is known of its bank; none of it changes an amount or a date.
_MORE = (
    "value_date",
    "time",
    "balance",
    "currency",
    "status",
    "bank_id",
    "account",
    "counterparty_account",
    "counterparty_bank",
)


def _completed(bank: CsvProfile, alone: CsvProfile | None) -> CsvProfile:
    """The bank's columns, and those that the file itself shows to be a balance, an id, a text and so on."""
    if alone is None or (alone.delimiter, alone.header) != (bank.delimiter, bank.header):
        return bank
    single = {name: value for name, value in bank.to_dict().items() if name.endswith("_column") and value is not None}
    used = {*single.values(), *bank.payee_columns, *bank.description_columns}
    changes: dict[str, Any] = {}
    for name in (f"{role}_column" for role in _MORE):
        found = getattr(alone, name)
        if name not in single and found is not None and found not in used:
            changes[name] = found
            used.add(found)
    for name in ("payee_columns", "description_columns"):
        more = tuple(column for column in getattr(alone, name) if column not in used)
        if name == "description_columns" or not bank.payee_columns:
            changes[name] = getattr(bank, name) + more
            used.update(more)
    return dataclasses.replace(bank, **changes)


def _saved_under_another_encoding(data: bytes, question: Question, parsed: ParsedFile) -> Mapping[str, Any] | None:
    """The reading of an earlier file whose header is this one's, once it is decoded as that one was."""
    if parsed.profile is None or parsed.profile.encoding.startswith("utf"):
        return None
    pages = dict.fromkeys(str(each.get("encoding", "")) for each in question.saved.values())
    pages = {page: None for page in pages if page and not page.startswith("utf") and page != parsed.profile.encoding}
    for page in list(pages)[:_MOST_PAGES]:
        try:
            found = detect(data, currency=question.currency, card=question.card, encoding=page)
        except StatementUnreadable:
            continue
        if found.profile.signature in question.saved:
            return question.saved[found.profile.signature]
    return None


def _contradictions(parsed: ParsedFile) -> int:
    """Rows that cannot be read, and balances that do not add up, under this reading."""
    problems = sum(bool(row.problem) for statement in parsed.statements for row in statement.rows)
    return problems + sum(statement.balance_break is not None for statement in parsed.statements)


def _told_otherwise(alone: CsvProfile | None, before: CsvProfile | None) -> list[str]:
    """What the file by itself would have been read as, where the earlier files of the account settled it otherwise."""
    if alone is None or before is None:
        return []
    told = []
    if alone.date_order != before.date_order:
        told.append(
            _("Dates are read as %(order)s, like those of the earlier files of this account.")
            % {"order": describe(before.date_order)}
        )
    if alone.sign != before.sign:
        told.append(_("Money in and out is told apart as in the earlier files of this account."))
    if alone.decimal_mark != before.decimal_mark:
        told.append(
            _("Decimals are read behind “%(decimal_mark)s”, as in the earlier files of this account.")
            % {"decimal_mark": before.decimal_mark}
        )
    return told


def _read(data: bytes, question: Question, profile: CsvProfile | None) -> ParsedFile:
    return read_statement(
        data,
        profile=profile,
        currency=question.currency,
        card=question.card,
        own_accounts=question.own_accounts,
    )


def _corrected(data: bytes, question: Question) -> CsvProfile:
    """The profile with the changes; with another delimiter or encoding the columns are looked for again."""
    profile = CsvProfile.from_dict(question.profile or {})
    changes = question.changes or {}
    checked = profile.corrected(changes)
    if (checked.delimiter, checked.encoding) == (profile.delimiter, profile.encoding):
        return checked
    found = detect(
        data,
        currency=question.currency,
        card=question.card,
        encoding=checked.encoding,
        delimiter=checked.delimiter,
        own_accounts=question.own_accounts,
    )
    return found.profile.corrected(
        {name: value for name, value in changes.items() if name not in ("delimiter", "encoding")}
    )
