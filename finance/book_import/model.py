"""What every reader makes of an export: accounts, entries, the source's own balances, and what cannot come along."""

import datetime
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from core.texts import gettext as _
from core.texts import gettext_noop
from core.texts import number as number_of
from finance import money
from finance.errors import BookUnreadable

# Readers cannot ask the ledger's models (they run in a process without Django); these are its texts.
ASSET, LIABILITY, EQUITY, INCOME, EXPENSE = TYPES = ("asset", "liability", "equity", "income", "expense")
GROUP, OPENING, CATEGORY = "group", "opening", "category"

MAX_ENTRIES = 200_000
MAX_ACCOUNTS = 10_000
_EXAMPLES = 5
# What all of the programs have, and LifeOS does not.
MARK = gettext_noop("mark of cleared, pending or reconciled")
NO_MARKS = gettext_noop("LifeOS compares with bank files instead")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAccount:
    """An account of the source; `key` is how its lines name it, `parent` the key of the account above or "".

    `currency` is that of an account with only one, else "". `kind` is one of LifeOS's or "" for the usual one of the
    type. A `closed_on` day makes it a closed account; `closed` without a day does so after its last line.
    """

    key: str
    name: str
    type: str
    kind: str = ""
    currency: str = ""
    parent: str = ""
    closed_on: datetime.date | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """One side of an entry: debit positive, in a currency or in any other commodity that the source knows."""

    account: str
    currency: str
    amount: Decimal
    memo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """A transaction of the source. `where` is how people find it there: a line, a row, an id.

    `source`, `reverses` and `corrects` are known to LifeOS's own exports only; the latter two are uids.
    """

    date: datetime.date
    lines: tuple[SourceLine, ...]
    payee: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    uid: uuid.UUID | None = None
    source: str = ""
    reverses: uuid.UUID | None = None
    corrects: uuid.UUID | None = None
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBalance:
    """What an account held according to the source, at the end of `on` or of everything.

    `stated`: the file says so itself; otherwise it is summed from the file's rows, apart from making entries of them.
    `with_children` counts the accounts below it too. `tolerance` is what the source itself lets pass.
    """

    account: str
    currency: str
    amount: Decimal
    on: datetime.date | None = None
    stated: bool = False
    with_children: bool = False
    tolerance: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSide:
    """What a scheduled payment books on another account: debit positive; None is what the other sides leave."""

    account: str
    amount: Decimal | None
    memo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSchedule:
    """A payment that comes again, or once. `amount` is that of its own account, negative where money leaves it.

    `unit`, `days`, `weekday` and `shift` are as in finance.planning (recurrence.Recurrence, periods.WeekendShift);
    `bounds` are the least and the most that it may be.
    """

    name: str
    account: str
    currency: str
    amount: Decimal
    first: datetime.date
    unit: str
    sides: tuple[SourceSide, ...]
    every: int = 1
    days: tuple[int, ...] = ()
    weekday: tuple[int, int] | None = None
    shift: str = "none"
    until: datetime.date | None = None
    count: int | None = None
    bounds: tuple[Decimal, Decimal] | None = None
    payee: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBudgetLine:
    """A category (the key of its account) or a tag, with its amounts as (a day of the period, amount).

    `carries` says what it carries over (budgets.arithmetic.Carry) from which period on; the first day None is from the
    beginning. `available` is what the source says is left in it at the end of the budget's `stated_on`.
    """

    name: str
    account: str = ""
    tag: str = ""
    amounts: tuple[tuple[datetime.date, Decimal], ...] = ()
    carries: tuple[tuple[datetime.date | None, str], ...] = ()
    available: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBudget:
    """`kind` is "envelope" or "tracking"; a period is `every` units long, counted from `anchor`.

    `own` are the accounts whose money it shares out; none of them: all own money in its currency.
    """

    name: str
    kind: str
    currency: str
    lines: tuple[SourceBudgetLine, ...]
    unit: str = "month"
    every: int = 1
    anchor: datetime.date | None = None
    starts_on: datetime.date | None = None
    own: tuple[str, ...] = ()
    stated_on: datetime.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceGoal:
    """Money that is set aside in an account for something; `target` None just grows."""

    name: str
    account: str
    currency: str
    saved: Decimal
    target: Decimal | None = None
    by: datetime.date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRule:
    """A rule for bank files as finance.rules.definition writes it in JSON, with keys of accounts where it has ids."""

    name: str
    match: str
    conditions: tuple[dict[str, Any], ...]
    actions: tuple[dict[str, Any], ...]

    def definition(self, id_of: Callable[[str], int]) -> dict[str, Any]:
        """The JSON with ids; `id_of` tells that of a key."""

        def told(each: dict[str, Any]) -> dict[str, Any]:
            if "conditions" in each:
                return each | {"conditions": [told(one) for one in each["conditions"]]}
            if each.get("field") in ("account", "category"):
                return each | {"value": id_of(each["value"])}
            return each | {"account": id_of(each["account"])} if "account" in each else each

        return {
            "match": self.match,
            "conditions": [told(each) for each in self.conditions],
            "actions": [told(each) for each in self.actions],
        }

    def accounts(self) -> list[str]:
        """The keys of all accounts that it names."""
        named: list[str] = []

        def name(key: str) -> int:
            named.append(key)
            return 0

        self.definition(name)
        return named


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Something of the source that does not come, or comes changed: what, how often, why, and a few of them."""

    kind: str
    count: int
    why: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBook:
    """A whole book as a reader understood it.

    `exact`: it is one of ours, and its tree is kept as it is, roots included. An archive of ours also has `parts`, as
    (name, JSON), `files` as (SHA-256, content), and the `digest` of its entries (finance.exports.digest).
    """

    format: str
    accounts: tuple[SourceAccount, ...]
    entries: tuple[SourceEntry, ...]
    balances: tuple[SourceBalance, ...]
    schedules: tuple[SourceSchedule, ...] = ()
    budgets: tuple[SourceBudget, ...] = ()
    goals: tuple[SourceGoal, ...] = ()
    rules: tuple[SourceRule, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    name: str = ""
    base_currency: str = ""
    time_zone: str = ""
    closed_through: datetime.date | None = None
    exact: bool = False
    parts: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How a file is to be read; JSON-able. Programs without currencies keep everything in `base_currency`."""

    format: str
    base_currency: str = ""
    time_zone: str = ""


@dataclass(slots=True)
class Tally:
    """Counts what cannot come, by kind and reason, and keeps the first few of each."""

    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _examples: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, kind: str, why: str, *, example: str = "", count: int = 1) -> None:
        """Count something; a count of zero is nothing."""
        if not count:
            return
        kind, why = _(kind), _(why)  # constants of readers are only marked for translation
        self._counts[kind, why] += count
        kept = self._examples.setdefault((kind, why), [])
        if example and len(kept) < _EXAMPLES and example not in kept:
            kept.append(example[:200])

    def add_cost(self, account: str, *, quantity: Decimal, commodity: str, total: Decimal, currency: str) -> None:
        """Tell what shares cost, in all and each: the two are easily taken for one another."""
        places = money.exponent(currency) if currency in money.known_currencies() else 4
        each = abs(total / quantity) if quantity else Decimal(0)
        self.add(
            _("cost of shares"),
            _("the money went to or came from the trading account"),
            example=_("%(account)s: %(quantity)s %(commodity)s for %(total)s %(currency)s in all, %(each)s each")
            % {
                "account": account,
                "quantity": f"{quantity:f}",
                "commodity": commodity,
                "total": f"{abs(total):.{places}f}",
                "currency": currency,
                "each": f"{each:.4f}",
            },
        )

    def told(self) -> tuple[LeftOut, ...]:
        return tuple(
            LeftOut(kind=kind, count=count, why=why, examples=tuple(self._examples[kind, why]))
            for (kind, why), count in self._counts.items()
        )


@dataclass(slots=True)
class Sums:
    """The source's balances by account and currency, added up row by row."""

    _held: dict[tuple[str, str], Decimal] = field(default_factory=dict)

    def add(self, account: str, currency: str, amount: Decimal) -> None:
        self._held[account, currency] = self._held.get((account, currency), Decimal(0)) + amount

    def balances(self) -> tuple[SourceBalance, ...]:
        return tuple(
            SourceBalance(account=account, currency=currency, amount=amount)
            for (account, currency), amount in self._held.items()
        )


def uid_of(text: str) -> uuid.UUID | None:
    """The source's id as a uid, where it is one (GnuCash and Actual have such ids)."""
    try:
        return uuid.UUID(text)
    except (ValueError, TypeError):  # TypeError: an empty field of a database
        return None


def check_entries(number: int) -> None:
    """Raise BookUnreadable for more entries than are taken at once."""
    if number > MAX_ENTRIES:
        raise BookUnreadable(
            reason=_("The file holds more than %(max_entries)s transactions, which is the limit.")
            % {"max_entries": number_of(MAX_ENTRIES)}
        )
