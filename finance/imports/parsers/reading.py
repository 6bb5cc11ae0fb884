"""What the reader of a bank file is asked, beside the bytes, and how it goes about it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from finance.errors import Invalid, StatementUnreadable
from finance.imports.parsers.csv import detect
from finance.imports.parsers.dates import describe
from finance.imports.parsers.profile import CsvProfile
from finance.imports.parsers.recognise import read_statement
from finance.imports.parsers.statement import ParsedFile

_NOT_AS_BEFORE = (
    "This file contradicts how the earlier files of this account were read, so it is read by itself: please check dates, "
    "signs and amounts."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How a file is to be read; JSON-able through `dataclasses.asdict`.

    `currency` and `card` describe the account. A given `profile` is used as it is, or with `changes` made to it;
    without one, `encoding` and `delimiter` are believed where they are given, or the profile in `saved` (by signature) is
    used for files of this shape, or else the one that is detected.
    """

    currency: str = ""
    card: bool = False
    encoding: str = ""
    delimiter: str = ""
    profile: Mapping[str, Any] | None = None
    changes: Mapping[str, Any] | None = None
    saved: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_file(data: bytes, question: Question) -> ParsedFile:
    """Read a bank file. Raises StatementUnreadable, and Invalid for a profile that does not fit together."""
    if question.profile is not None:
        return _read(data, question, _corrected(data, question))
    if question.encoding or question.delimiter:
        believed = detect(
            data,
            currency=question.currency,
            card=question.card,
            encoding=question.encoding,
            delimiter=question.delimiter,
        )
        return _read(data, question, believed.profile)
    parsed = _read(data, question, None)
    saved = question.saved.get(parsed.profile.signature) if parsed.profile else None
    if saved is None:
        return parsed
    try:
        as_before = _read(data, question, _for_this_file(CsvProfile.from_dict(saved), parsed.profile))
    except (StatementUnreadable, Invalid):
        return dataclasses.replace(parsed, notes=(*parsed.notes, _NOT_AS_BEFORE))
    if _contradictions(as_before) > _contradictions(parsed):
        return dataclasses.replace(parsed, notes=(*parsed.notes, _NOT_AS_BEFORE))
    told = _told_otherwise(parsed.profile, as_before.profile)
    return dataclasses.replace(as_before, notes=(*as_before.notes, *told))


def _for_this_file(saved: CsvProfile, alone: CsvProfile | None) -> CsvProfile:
    """The saved reading with what every file says for itself: that it is Unicode, and a currency beside its amounts."""
    if alone is None:
        return saved
    unicode = alone.encoding.startswith("utf") or saved.encoding.startswith("utf")
    return dataclasses.replace(
        saved, encoding=alone.encoding if unicode else saved.encoding, currency=alone.currency or saved.currency
    )


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
            f"Dates are read as {describe(before.date_order)}, like those of the earlier files of this account."
        )
    if alone.sign != before.sign:
        told.append("Money in and out is told apart as in the earlier files of this account.")
    if alone.decimal_mark != before.decimal_mark:
        told.append(f"Decimals are read behind “{before.decimal_mark}”, as in the earlier files of this account.")
    return told


def _read(data: bytes, question: Question, profile: CsvProfile | None) -> ParsedFile:
    return read_statement(data, profile=profile, currency=question.currency, card=question.card)


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
    )
    return found.profile.corrected(
        {name: value for name, value in changes.items() if name not in ("delimiter", "encoding")}
    )


def to_json(question: Question) -> dict[str, Any]:
    """The opposite of `Question(**values)`."""
    return dataclasses.asdict(question)
