"""Reading rates and the values of valuables."""

import datetime
from dataclasses import dataclass

from django.db.models import Count, Max, Sum

from core.keyset import KeysetPage, keyset_page
from finance.errors import NotFound
from finance.ledger.models import Account, Book, JournalLine
from finance.ledger.selectors import balance_of
from finance.valuation.models import AssetPlan, AssetValue, ExchangeRate, ValuationChoice


def rate_for(*, book: Book, rate_id: int) -> ExchangeRate:
    """The book's rate. Raises NotFound."""
    found = ExchangeRate.objects.select_related("saved_by").filter(book=book, pk=rate_id).first()
    if found is None:
        raise NotFound(thing="rate")
    found.book = book
    return found


def rates_page(
    *, book: Book, base: str = "", quote: str = "", after: tuple[datetime.date, int] | None = None, limit: int = 50
) -> KeysetPage[ExchangeRate]:
    """The book's rates, newest first, of one pair if both of its codes are given; by keyset on (date, id)."""
    found = ExchangeRate.objects.filter(book=book).select_related("saved_by")
    if base:
        found = found.filter(base=base)
    if quote:
        found = found.filter(quote=quote)
    return keyset_page(found, ordering=("-date", "-pk"), after=after, limit=limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """How many rates the book has of two currencies, and the day of the latest."""

    base: str
    quote: str
    count: int
    latest: datetime.date


def pairs_of(*, book: Book) -> list[Pair]:
    """The pairs that the book has rates of, by their codes."""
    pairs = ExchangeRate.objects.filter(book=book).values("base", "quote")
    counted = pairs.annotate(count=Count("pk"), latest=Max("date")).order_by("base", "quote")
    return [Pair(**row) for row in counted]


def choice_of(*, book: Book) -> ValuationChoice:
    """Which rates the book uses; the defaults, not saved, where nothing was chosen."""
    return ValuationChoice.objects.filter(book=book).first() or ValuationChoice(book=book)


def plan_of(*, account: Account) -> AssetPlan | None:
    """How the valuable loses value; None where it does not."""
    return AssetPlan.objects.filter(book_id=account.book_id, account=account).first()


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedValue:
    """A value as it was recorded, and what the books hold at the end of its day (minor units)."""

    row: AssetValue
    held: int

    @property
    def differs(self) -> bool:
        """Entries on the account have changed since; the service `bring_up_to_date` posts the difference."""
        return self.held != self.row.value


def values_page(
    *, account: Account, before: datetime.date | None = None, limit: int = 50
) -> tuple[list[DatedValue], datetime.date | None]:
    """The valuable's values, newest first, and the day that the next page begins before."""
    found = AssetValue.objects.filter(book_id=account.book_id, account=account).select_related("entry", "saved_by")
    if before is not None:
        found = found.filter(date__lt=before)
    rows = list(found.order_by("-date")[: limit + 1])
    shown = rows[:limit]
    held = _held_at(account, [row.date for row in shown])
    return [DatedValue(row=row, held=held[row.date]) for row in shown], shown[-1].date if len(rows) > limit else None


def read_day(text: str | None) -> datetime.date | None:
    """The day that a page of values ends before; raises ValueError for what is not a day."""
    return datetime.date.fromisoformat(text) if text else None


def value_for(*, account: Account, value_id: int) -> AssetValue:
    """A value of the valuable. Raises NotFound."""
    found = AssetValue.objects.filter(book_id=account.book_id, account=account, pk=value_id).first()
    if found is None:
        raise NotFound(thing="value")
    found.account = account
    return found


def _held_at(account: Account, days: list[datetime.date]) -> dict[datetime.date, int]:
    """The account's balance at the end of each of the days, which are in descending order; two queries."""
    if not days:
        return {}
    held = balance_of(account=account, as_of=days[0])
    lines = JournalLine.objects.filter(account=account, date__gt=days[-1], date__lte=days[0])
    moved = dict(lines.values_list("date").annotate(sum=Sum("amount")))
    balances: dict[datetime.date, int] = {}
    for day in days:
        later = [moved.pop(other) for other in list(moved) if other > day]
        held -= sum(later)
        balances[day] = held
    return balances
