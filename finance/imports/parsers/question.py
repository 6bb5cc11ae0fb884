"""What the reader of a bank file is asked, beside the bytes: known to who asks, without the readers of all formats."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How a file is to be read; JSON-able through `dataclasses.asdict`.

    `currency` and `card` describe the account. A given `profile` is used as it is, or with `changes` made to it;
    without one, `encoding` and `delimiter` are believed where they are given, or the profile in `saved` (by signature) is
    used for files of this shape, or else the one that is detected. `own_accounts` are the numbers of the book's accounts
    at their banks.
    """

    currency: str = ""
    card: bool = False
    encoding: str = ""
    delimiter: str = ""
    profile: Mapping[str, Any] | None = None
    changes: Mapping[str, Any] | None = None
    saved: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    own_accounts: Sequence[str] = ()


def to_json(question: Question) -> dict[str, Any]:
    """The opposite of `Question(**values)`."""
    return dataclasses.asdict(question)
