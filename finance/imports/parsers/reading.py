"""What the reader of a bank file is asked, beside the bytes, and how it goes about it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from finance.errors import Invalid, StatementUnreadable
from finance.imports.parsers.csv import detect
from finance.imports.parsers.profile import CsvProfile
from finance.imports.parsers.recognise import read_statement
from finance.imports.parsers.statement import ParsedFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How a file is to be read; JSON-able through `dataclasses.asdict`.

    `currency` and `card` describe the account. A given `profile` is used as it is, or with `changes` made to it;
    without one, the profile in `saved` (by signature) for files of this shape, or else the one that is detected.
    """

    currency: str = ""
    card: bool = False
    profile: Mapping[str, Any] | None = None
    changes: Mapping[str, Any] | None = None
    saved: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_file(data: bytes, question: Question) -> ParsedFile:
    """Read a bank file. Raises StatementUnreadable, and Invalid for a profile that does not fit together."""
    if question.profile is not None:
        return _read(data, question, _corrected(data, question))
    parsed = _read(data, question, None)
    saved = question.saved.get(parsed.profile.signature) if parsed.profile else None
    if saved is None:
        return parsed
    try:
        return _read(data, question, CsvProfile.from_dict(saved))
    except (StatementUnreadable, Invalid):
        return parsed


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
