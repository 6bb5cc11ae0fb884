"""The daily projection of accounts from what they hold and what is expected; without a database."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from finance.planning.upcoming import Layer, Upcoming

DAYS = 400
_ONE_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """An own account at the start: `balance` in minor units of `currency`, without entries that are dated ahead.

    The balance should not fall below `floor`; None for an account that has no floor, such as a card. `set_aside` is
    what goals hold of it, which is not for spending.
    """

    account_id: int
    currency: str
    balance: int
    floor: int | None = 0
    set_aside: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A balance at the end of a day, in minor units."""

    date: datetime.date
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnover:
    """What comes in (>= 0) and goes out (<= 0), in minor units."""

    received: int = 0
    spent: int = 0

    @property
    def net(self) -> int:
        return self.received + self.spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """One account day by day. `expected[0]` is the end of today: today's balance and what is due today or overdue.

    `steps` are the changes of each layer, by days from today.
    """

    holding: Holding
    today: datetime.date
    expected: Sequence[int]
    steps: Mapping[Layer, Mapping[int, int]] = field(default_factory=dict)

    def date(self, day: int) -> datetime.date:
        """The date of a day that is counted from today."""
        return self.today + day * _ONE_DAY

    def point(self, day: int) -> Point:
        """The expected balance of that day."""
        return Point(date=self.date(day), amount=self.expected[day])

    def lowest(self, *, last: int | None = None) -> Point:
        """The lowest expected balance through the day `last`, the first of several."""
        within = self.expected if last is None else self.expected[: last + 1]
        return self.point(min(range(len(within)), key=within.__getitem__))

    def first_below(self, limit: int) -> Point | None:
        """The first day whose balance is below `limit`; None where there is none."""
        return next((self.point(day) for day, amount in enumerate(self.expected) if amount < limit), None)

    def below_floor(self) -> Point | None:
        """The first day below the account's floor."""
        return None if self.holding.floor is None else self.first_below(self.holding.floor)

    def safe_to_spend(self, *, last: int | None = None) -> int:
        """What can be spent today without going below the floor, or touching what is set aside, on any later day."""
        if self.holding.floor is None:
            return 0
        kept = self.holding.floor + self.holding.set_aside
        return max(0, min(self.lowest(last=last).amount, self.holding.balance) - kept)

    def layer(self, layer: Layer, *, day: int) -> int:
        """What the layer adds to the balance from today through that day."""
        return sum(amount for step, amount in self.steps.get(layer, {}).items() if step <= day)


def project(
    *, holdings: Iterable[Holding], upcoming: Iterable[Upcoming], today: datetime.date, days: int = DAYS
) -> list[Projection]:
    """Each account from today through `days` days later, in the order given.

    What is expected earlier than today is overdue, and counts today; what lies behind the last day, or is of another
    account, does not count. Raises ValueError for a movement in another currency than its account's.
    """
    steps: dict[int, dict[Layer, dict[int, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    given = list(holdings)
    currencies = {each.account_id: each.currency for each in given}
    first = today.toordinal()
    for each in upcoming:
        day = max(0, each.date.toordinal() - first)
        if day > days or each.account_id not in currencies:
            continue
        if each.currency != currencies[each.account_id]:
            raise ValueError(f"{each.label}: {each.currency} on an account in {currencies[each.account_id]}")
        steps[each.account_id][each.layer][day] += each.amount
    found = []
    for holding in given:
        changes = [0] * (days + 1)
        for layer in steps[holding.account_id].values():
            for day, amount in layer.items():
                changes[day] += amount
        changes[0] += holding.balance
        found.append(
            Projection(
                holding=holding, today=today, expected=list(accumulate(changes)), steps=steps[holding.account_id]
            )
        )
    return found


def together(projections: Sequence[Projection]) -> Projection:
    """Several accounts of one currency as one; floors and what is set aside add up. Raises ValueError for none."""
    currencies = {each.holding.currency for each in projections}
    if len(currencies) != 1:
        raise ValueError("Only accounts of one currency add up.")
    steps: dict[Layer, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for each in projections:
        for layer, changes in each.steps.items():
            for day, amount in changes.items():
                steps[layer][day] += amount
    holdings = [each.holding for each in projections]
    return Projection(
        holding=Holding(
            account_id=0,
            currency=currencies.pop(),
            balance=sum(each.balance for each in holdings),
            floor=sum(each.floor or 0 for each in holdings),
            set_aside=sum(each.set_aside for each in holdings),
        ),
        today=projections[0].today,
        expected=[sum(amounts) for amounts in zip(*(each.expected for each in projections), strict=True)],
        steps=steps,
    )


def turnovers(
    upcoming: Iterable[Upcoming], *, first: datetime.date, last: datetime.date
) -> dict[str, dict[Layer, Turnover]]:
    """What is expected to come in and to go out from `first` to `last`, per currency and layer."""
    found: dict[str, dict[Layer, Turnover]] = defaultdict(dict)
    for each in upcoming:
        if first <= each.date <= last:
            before = found[each.currency].get(each.layer, Turnover())
            found[each.currency][each.layer] = Turnover(
                received=before.received + max(each.amount, 0), spent=before.spent + min(each.amount, 0)
            )
    return dict(found)
