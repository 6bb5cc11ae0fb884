"""Reading what a forecast is made of, and the forecasts that were made.

What other slices expect is handed in (finance.forecasts gathers it).
"""

import datetime
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, Q
from django.utils.translation import gettext as _

from finance.errors import NotFound
from finance.ledger.models import Account, AccountKind, AccountType, Book, JournalLine
from finance.ledger.plans import by_index
from finance.ledger.selectors import balances_of
from finance.planning.forecast.bands import HORIZONS, Band, Basis, Score, Spread, backtest, band, score, spreads
from finance.planning.forecast.habits import Habit, learn
from finance.planning.forecast.models import Forecast, ForecastAccount, ForecastPoint
from finance.planning.forecast.projection import DAYS, Holding, Projection, project, together
from finance.planning.upcoming import Layer, Upcoming
from finance.replica import reading

_ONE_DAY = datetime.timedelta(days=1)
# Long enough to have forecast a quarter of a year from a year of habits, twenty times.
HISTORY_DAYS = 548
# What was learned longer ago than that is learned again for a page.
BASIS_DAYS = 7
# Errors of older forecasts tell of another life.
SCORED_DAYS = 400
KINDS = (AccountKind.CASH, AccountKind.CHECKING, AccountKind.SAVINGS, AccountKind.CARD)
# Money that was spent or earned and is not planned: entries of one own account with categories only.
_HISTORY = """
SELECT line.account_id, line.date, other.spends, sum(line.amount)::bigint
  FROM finance_journalline AS line
  JOIN finance_journalentry AS entry ON entry.id = line.entry_id
 CROSS JOIN LATERAL (
       SELECT bool_and(account.type = 'expense' OR account.kind = 'trading') AS spends,
              bool_and(account.type = 'income' OR account.kind = 'trading') AS earns,
              bool_or(account.id = ANY(%(categories)s::bigint[])) AS is_planned
         FROM finance_journalline AS beside JOIN finance_account AS account ON account.id = beside.account_id
        WHERE beside.entry_id = line.entry_id AND beside.account_id <> line.account_id
       OFFSET 0) AS other
 WHERE line.account_id = ANY(%(accounts)s::bigint[]) AND line.date BETWEEN %(first)s AND %(last)s
   AND (other.spends OR other.earns) AND NOT other.is_planned
   AND NOT (entry.payee <> '' AND lower(entry.payee) = ANY(%(payees)s::text[]))
   AND NOT line.entry_id = ANY(%(entries)s::bigint[])
   AND NOT EXISTS (
       SELECT FROM unnest(%(plan_accounts)s::bigint[], %(plan_categories)s::bigint[], %(least)s::bigint[],
                          %(most)s::bigint[]) AS plan (account_id, category_id, least, most)
         JOIN finance_journalline AS category
           ON category.entry_id = line.entry_id AND category.account_id = plan.category_id
        WHERE plan.account_id = line.account_id AND line.amount BETWEEN plan.least AND plan.most)
 GROUP BY line.account_id, line.date, other.spends
"""
_FIRST_DAYS = """
SELECT account.id, line.date FROM unnest(%(accounts)s::bigint[]) AS account (id)
 CROSS JOIN LATERAL (SELECT date FROM finance_journalline WHERE account_id = account.id ORDER BY date LIMIT 1) AS line
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What a plan moves on an account for a category; `least` <= `most` are minor units with their sign there."""

    account_id: int
    category_id: int
    least: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What plans cover, so that it is no habit: entries that paid them, whom they pay, categories that are planned as a
    whole, and payments like those that they expect. Payees are in small letters.
    """

    entries: frozenset[int] = frozenset()
    payees: frozenset[str] = frozenset()
    categories: frozenset[int] = frozenset()
    payments: tuple[Payment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What the past of one account tells: its habit, how far plans and habits were off, and what usually comes in.

    `income` is the median month of income that no plan covers, in minor units. It is only told, never forecast: a
    salary that is spread over a month would hide the days before it.
    """

    habit: Habit | None = None
    planned: Mapping[int, Spread] = field(default_factory=dict)
    habitual: Mapping[int, Spread] = field(default_factory=dict)
    income: int = 0

    def basis(self, horizon: int) -> Basis:
        """The weakest that a band rests on that many days ahead."""
        found = [part[horizon].basis for part in (self.planned, self.habitual) if horizon in part]
        return max(found, key=list(Basis).index, default=Basis.NONE)

    def as_json(self) -> dict[str, Any]:
        """As it is kept with a forecast."""

        def kept(part: Mapping[int, Spread]) -> dict[str, list[Any]]:
            return {str(days): [each.low, each.high, each.errors, each.basis.value] for days, each in part.items()}

        habit = self.habit and [self.habit.monthly, list(self.habit.weekdays), self.habit.months]
        return {"habit": habit, "planned": kept(self.planned), "habitual": kept(self.habitual), "income": self.income}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Learned":
        """The reverse of `as_json`."""

        def part(name: str) -> dict[int, Spread]:
            return {
                int(days): Spread(low=low, high=high, errors=errors, basis=Basis(basis))
                for days, (low, high, errors, basis) in kept[name].items()
            }

        habit = kept["habit"]
        return cls(
            habit=habit and Habit(monthly=habit[0], weekdays=tuple(habit[1]), months=habit[2]),
            planned=part("planned"),
            habitual=part("habitual"),
            income=kept["income"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountForecast:
    """The forecast of one account. `with_entered` is its balance with all entries that are dated ahead."""

    account: Account
    projection: Projection
    band: Band | None
    learned: Learned
    with_entered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookForecast:
    """The forecast of a book: its accounts, what they are computed from, and sums per currency.

    Sums are of the accounts that have a floor: what a card owes leaves the bank with its payment. `learned_on` is the
    day on which habits and bands were learned.
    """

    today: datetime.date
    days: int
    accounts: list[AccountForecast]
    upcoming: list[Upcoming]
    learned_on: datetime.date

    def totals(self) -> dict[str, Projection]:
        """All accounts that have a floor as one, per currency."""
        found: dict[str, list[Projection]] = defaultdict(list)
        for each in self.accounts:
            if each.projection.holding.floor is not None:
                found[each.account.currency].append(each.projection)
        return {currency: together(found[currency]) for currency in sorted(found)}

    def of(self, account_id: int) -> AccountForecast:
        """The forecast of that account. Raises NotFound."""
        for each in self.accounts:
            if each.account.pk == account_id:
                return each
        raise NotFound(thing="account")


def accounts_in_forecast(*, book: Book) -> list[tuple[Account, ForecastAccount | None]]:
    """Open cash, bank and card accounts with what the forecast was told of each, by name; those left out too."""
    found = Account.objects.filter(
        book=book, kind__in=KINDS, type__in=(AccountType.ASSET, AccountType.LIABILITY), closed_on=None
    )
    ordered = found.select_related("forecast").order_by("type", "name", "pk")
    return [(account, getattr(account, "forecast", None)) for account in ordered]


def account_in_forecast(*, book: Book, account_id: int) -> tuple[Account, ForecastAccount | None]:
    """One of them. Raises NotFound."""
    for account, told in accounts_in_forecast(book=book):
        if account.pk == account_id:
            return account, told
    raise NotFound(thing="account")


def floor_of(account: Account, told: ForecastAccount | None) -> int | None:
    """The least balance that the account should keep: as set, else 0; None for cards without a setting."""
    if told is not None:
        return told.floor
    return None if account.kind == AccountKind.CARD or account.type == AccountType.LIABILITY else 0


def entered_ahead(
    *, account_ids: Sequence[int], currencies: Mapping[int, str], today: datetime.date, last: datetime.date
) -> list[Upcoming]:
    """What is posted already and dated later than today, through `last`, one movement per entry; its reversals beside it."""
    rows = JournalLine.objects.filter(account_id__in=account_ids, date__gt=today, date__lte=last)
    return [
        Upcoming(
            date=date,
            nominal=date,
            account_id=account_id,
            amount=amount,
            currency=currencies[account_id],
            layer=Layer.ENTERED,
            label=payee or description or _("Entry"),
            source_id=entry_id,
        )
        for account_id, date, amount, entry_id, payee, description in rows.order_by("date", "id").values_list(
            "account_id", "date", "amount", "entry_id", "entry__payee", "entry__description"
        )
    ]


def forecast_of(
    *,
    book: Book,
    today: datetime.date,
    days: int = DAYS,
    expected: Iterable[Upcoming],
    planned: Callable[[], Planned],
    set_aside: Mapping[int, int],
    anew: bool = False,
    learn: bool = True,
) -> BookForecast:
    """The forecast from today's balances, entries that are dated ahead, what is `expected`, and habits.

    Habits and bands are those kept with the newest forecast, learned again where there is none of the last days, or
    `anew`; only then what plans cover is asked for. With `learn` false nothing is learned: habits that are not kept are none.
    """
    accounts = [(account, told) for account, told in accounts_in_forecast(book=book) if told is None or told.included]
    ids = [account.pk for account, _told in accounts]
    currencies = {account.pk: account.currency for account, _told in accounts}
    last = today + days * _ONE_DAY
    held = balances_of(account_ids=ids, as_of=today)
    learned = None if anew else kept_basis(book=book, today=today)
    if not learn:
        learned = today, {**dict.fromkeys(ids, Learned()), **(learned[1] if learned else {})}
    elif learned is None or not set(ids) <= set(learned[1]):
        learned = today, learn_from_past(book=book, account_ids=ids, today=today, planned=planned())
    learned_on, by_account = learned
    entered = entered_ahead(account_ids=ids, currencies=currencies, today=today, last=last)
    # Those dated behind the last day belong to the second figure of an account all the same.
    all_entered = balances_of(account_ids=ids, as_of=None)
    upcoming = [*entered, *(each for each in expected if each.account_id in currencies)]
    for account_id in ids:
        habit = by_account[account_id].habit
        if habit is not None and habit.monthly < 0:
            upcoming += habit.upcoming(
                account_id=account_id,
                currency=currencies[account_id],
                label=_("Usual spending"),
                first=today + _ONE_DAY,
                last=last,
            )
    holdings = [
        Holding(
            account_id=account.pk,
            currency=account.currency,
            balance=held.get(account.pk, 0),
            floor=floor_of(account, told),
            set_aside=set_aside.get(account.pk, 0),
        )
        for account, told in accounts
    ]
    projections = project(holdings=holdings, upcoming=upcoming, today=today, days=days)
    ranged = [each for each in upcoming if each.least is not None or each.most is not None]
    return BookForecast(
        today=today,
        days=days,
        learned_on=learned_on,
        upcoming=sorted(upcoming, key=lambda each: (each.date, each.account_id, each.layer, each.source_id or 0)),
        accounts=[
            AccountForecast(
                account=account,
                projection=projection,
                band=band(
                    projection,
                    spreads=(by_account[account.pk].planned, by_account[account.pk].habitual),
                    upcoming=ranged,
                ),
                learned=by_account[account.pk],
                with_entered=all_entered.get(account.pk, 0),
            )
            for (account, _told), projection in zip(accounts, projections, strict=True)
        ],
    )


def kept_basis(*, book: Book, today: datetime.date) -> tuple[datetime.date, dict[int, Learned]] | None:
    """What the newest forecast learned, and when; None where none was made in the last days."""
    newest = Forecast.objects.filter(book=book, made_on__gt=today - BASIS_DAYS * _ONE_DAY, made_on__lte=today)
    found = newest.order_by("-made_on").first()
    if found is None:
        return None
    return found.made_on, {int(account_id): Learned.from_json(kept) for account_id, kept in found.basis.items()}


def learn_from_past(
    *, book: Book, account_ids: Sequence[int], today: datetime.date, planned: Planned
) -> dict[int, Learned]:
    """Habits and bands of the accounts, from what happened before today and from forecasts that were scored."""
    last = today - _ONE_DAY
    first = today - HISTORY_DAYS * _ONE_DAY
    spent: dict[int, dict[datetime.date, int]] = {account_id: {} for account_id in account_ids}
    earned: dict[int, dict[datetime.date, int]] = {account_id: {} for account_id in account_ids}
    asked: dict[str, Any] = {
        "accounts": list(account_ids),
        "first": first,
        "last": last,
        "categories": list(planned.categories),
        "payees": list(planned.payees),
        "entries": list(planned.entries),
        "plan_accounts": [each.account_id for each in planned.payments],
        "plan_categories": [each.category_id for each in planned.payments],
        "least": [each.least for each in planned.payments],
        "most": [each.most for each in planned.payments],
    }
    with by_index(reading()), reading().cursor() as cursor:
        cursor.execute(_HISTORY, asked)
        for account_id, date, spends, amount in cursor.fetchall():
            (spent if spends else earned)[account_id][date] = amount
        cursor.execute(_FIRST_DAYS, asked)
        first_days = dict(cursor.fetchall())
    errors = scored_errors(book=book, today=today)
    found = {}
    for account_id in account_ids:
        since = max(first, first_days.get(account_id, today))
        incomes = learn(earned[account_id], first=since, last=last)
        found[account_id] = Learned(
            habit=learn(spent[account_id], first=since, last=last),
            planned=spreads(scored=errors[account_id][0], backtested={}),
            habitual=spreads(
                scored=errors[account_id][1], backtested=backtest(spent[account_id], first=since, last=last)
            ),
            income=max(0, incomes.monthly) if incomes else 0,
        )
    return found


def scored_errors(
    *, book: Book, today: datetime.date
) -> defaultdict[int, tuple[dict[int, list[int]], dict[int, list[int]]]]:
    """Per account the errors of earlier forecasts per horizon: of what was planned, and of what was usual."""
    found: defaultdict[int, tuple[dict[int, list[int]], dict[int, list[int]]]] = defaultdict(
        lambda: ({horizon: [] for horizon in HORIZONS}, {horizon: [] for horizon in HORIZONS})
    )
    scored = ForecastPoint.objects.filter(
        book=book, date__gt=today - SCORED_DAYS * _ONE_DAY, date__lt=today, actual_planned__isnull=False
    )
    for account_id, horizon, of_plans, of_habits in scored.values_list(
        "account_id",
        "horizon",
        F("actual_planned") - F("planned"),
        F("actual") - F("start") - F("actual_planned") - F("habitual"),
    ):
        if horizon in HORIZONS:
            found[account_id][0][horizon].append(of_plans)
            found[account_id][1][horizon].append(of_habits)
    return found


def scores_of(*, book: Book, account_ids: Collection[int], today: datetime.date) -> dict[int, list[Score]]:
    """How good the forecasts of each account were, per horizon; over the forecasts of the last SCORED_DAYS."""
    outcomes: dict[int, dict[int, list[tuple[int, int, int | None, int | None]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    scored = ForecastPoint.objects.filter(
        book=book, account_id__in=account_ids, date__gt=today - SCORED_DAYS * _ONE_DAY, actual__isnull=False
    )
    for account_id, horizon, actual, expected, low, high in scored.values_list(
        "account_id", "horizon", "actual", "expected", "low", "high"
    ):
        outcomes[account_id][horizon].append((actual or 0, expected, low, high))
    return {
        account_id: [score(horizon, found) for horizon, found in sorted(by_horizon.items())]
        for account_id, by_horizon in outcomes.items()
    }


def forecast_for(*, book: Book, forecast_id: int) -> Forecast:
    """A forecast that was made. Raises NotFound."""
    found = Forecast.objects.filter(book=book, pk=forecast_id).first()
    if found is None:
        raise NotFound(thing="forecast")
    return found


def waiting_points(*, book: Book, today: datetime.date) -> list[ForecastPoint]:
    """Figures whose day is over and that were not compared with it yet, by day."""
    waiting = ForecastPoint.objects.filter(Q(actual=None), book=book, date__lt=today)
    return list(waiting.select_related("forecast").order_by("date", "account_id", "pk"))


def changes_by_plans(*, points: Sequence[ForecastPoint], linked: Collection[int]) -> dict[int, int]:
    """Point → what plans changed on its account until its day: entries that paid one, or were dated ahead before."""
    if not points:
        return {}
    accounts = {each.account_id for each in points}
    first = min(each.forecast.made_on for each in points)
    last = max(each.date for each in points)
    rows = JournalLine.objects.filter(account_id__in=accounts, date__gt=first, date__lte=last)
    made = rows.filter(Q(entry_id__in=linked) | Q(entry__created_at__date__lt=F("date"))).values_list(
        "account_id", "date", "amount", "entry_id", "entry__created_at"
    )
    lines = defaultdict(list)
    for account_id, date, amount, entry_id, created_at in made:
        lines[account_id].append((date, amount, entry_id in linked, created_at))
    return {
        point.pk: sum(
            amount
            for date, amount, is_linked, created_at in lines[point.account_id]
            if point.forecast.made_on < date <= point.date and (is_linked or created_at <= point.forecast.made_at)
        )
        for point in points
    }
