"""Money that is expected to move: what schedules, cards, loans, receivables and budgets tell the forecast and the plan."""

import datetime
from dataclasses import dataclass
from enum import StrEnum


class Layer(StrEnum):
    """Where an expectation comes from; the forecast shows its layers one by one."""

    ENTERED = "entered"  # entries that are dated ahead
    SCHEDULE = "schedule"
    CARD = "card"
    LOAN = "loan"
    RECEIVABLE = "receivable"
    BUDGET = "budget"
    HABIT = "habit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """One movement that is expected on one own account. Nothing of it is posted.

    `amount` is in minor units of `currency`, negative when money leaves the account; `least` and `most` bound it where
    it is not certain (least <= amount <= most). `date` is the day shown, in the book's zone, `nominal` the day that is
    the occurrence's identity (a weekend may lie between them). `source_id` is the key of what expects it, such as the
    schedule. A transfer between own accounts is two movements.
    """

    date: datetime.date
    nominal: datetime.date
    account_id: int
    amount: int
    currency: str
    layer: Layer
    label: str
    source_id: int | None = None
    least: int | None = None
    most: int | None = None
