"""A row of a file on its way into the database."""

import datetime
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class StagedRow:
    """An `ImportRow` before it is written, column for column: a model instance takes ten times as long to make.

    Matching and proposing take both.
    """

    id: int | None = None
    book_id: int
    batch_id: int
    statement_id: int
    account_id: int | None
    number: int
    date: datetime.date | None
    raw_date: str
    amount: int | None
    balance: int | None
    payee: str
    description: str
    text: str
    bank_id: str
    counterparty_account: str
    counterparty_bank: str
    booked: bool
    left_out: str
    fate: str
    reason: str
    note: str
    identity: str = ""
    occurrence: int = 1
    decision: str = ""
    decided_by_id: int | None = None
    decided_at: datetime.datetime | None = None
    counter_account_id: int | None = None
    suggestion: str = ""
    suggestions: list[dict[str, Any]] = field(default_factory=list)
    new_payee: str = ""
    memo: str = ""
    split: list[dict[str, Any]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    refund_of_id: int | None = None
    refund_of_line: int | None = None
    matched_entry_id: int | None = None
    posted_entry_id: int | None = None
    outcome: str = ""
    active: bool = False

    @property
    def pk(self) -> int | None:
        return self.id
