"""The arithmetic of statements, without a database: the difference, and what lies between two statements."""

import datetime
from dataclasses import dataclass

_DAY = datetime.timedelta(days=1)


def difference(*, opening: int, closing: int, linked: int) -> int:
    """What is still to be explained: closing − opening − Σ linked, in minor units. Everything that shows it asks here."""
    return closing - opening - linked


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """How a statement follows the one before it. At most one of `gap` and `overlap` is above zero.

    `gap`: days that no statement covers. `overlap`: days that two of them cover. `jump`: opening minus the closing
    before, in minor units; None for the first statement and where two overlap, for then neither balance is the other's.
    """

    gap: int = 0
    overlap: int = 0
    jump: int | None = None

    @property
    def holds(self) -> bool:
        """Whether the two meet without a day or a cent between them."""
        return not (self.gap or self.overlap or self.jump)


def join_of(
    *, start: datetime.date, opening: int, covered_to: datetime.date | None, closing_before: int | None
) -> Join:
    """How a statement that starts on `start` follows those before, which cover the days through `covered_to`."""
    if covered_to is None:
        return Join()
    days = (start - covered_to).days - 1
    if days < 0:
        return Join(overlap=-days)
    return Join(gap=days, jump=None if closing_before is None else opening - closing_before)


def next_start(covered_to: datetime.date) -> datetime.date:
    """The day on which the next statement would begin."""
    return covered_to + _DAY
