"""Reading loans: their tables, what is paid, what the books say, and what is expected."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from django.db.models import QuerySet, Sum

from core.clock import day_in
from finance.errors import NotFound
from finance.ledger.models import Account, Book, JournalEntry, JournalLine
from finance.ledger.revisions import current_of, roots_of
from finance.ledger.selectors import balances_of
from finance.money import divided
from finance.periods import WeekendShift, shifted
from finance.planning.loans.arithmetic import (
    MOST_CHANGES,
    Effect,
    Method,
    Movement,
    RateChange,
    Row,
    RowKind,
    Table,
    Terms,
    amortise,
)
from finance.planning.loans.day_counts import DayCount
from finance.planning.loans.models import Loan, LoanMovement, LoanPayment, LoanRate
from finance.planning.loans.payoff import Debt
from finance.planning.recurrence import Unit
from finance.planning.upcoming import Layer, Upcoming

RowT = TypeVar("RowT", LoanRate, LoanMovement, LoanPayment)
# How far from its day a payment is looked for, and how many are proposed.
NEAR = datetime.timedelta(days=15)
MOST_UNLINKED = 12
_ACCOUNTS = ("account", "pays_from", "interest_account", "fee_account", "partner_account", "contribution_account")


def terms_of(loan: Loan, *, rates: Iterable[LoanRate], movements: Iterable[LoanMovement]) -> Terms:
    """What was agreed, as the arithmetic takes it. Raises Invalid where it has no meaning."""
    return Terms(
        principal=loan.principal, percent=loan.percent, start=loan.start, first_payment=loan.first_payment,
        method=Method(loan.method), payments=loan.payments, payment=loan.payment, unit=Unit(loan.unit),
        every=loan.every, day_count=DayCount(loan.day_count), grace=loan.grace, fee=loan.fee,
        rates=tuple(RateChange(since=each.since, percent=each.percent, payment=each.payment) for each in rates),
        movements=tuple(
            Movement(date=each.date, amount=each.amount, effect=Effect(each.effect)) for each in movements
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanState:
    """A loan with its table and what was paid of it. Amounts in minor units; what is owed counts as positive.

    `paid` is instalment day → the entry that counts today. `by_books` is owed by the account's balance at the end of
    today, `by_table` by the table. `next` is the first instalment that is not paid.
    """

    loan: Loan
    table: Table
    today: datetime.date
    paid: dict[datetime.date, int]
    by_books: int
    rates: Sequence[LoanRate]
    movements: Sequence[LoanMovement]
    # Of a scenario: day → what more is paid on it, as far as something is owed by then.
    extras: Mapping[datetime.date, int] = field(default_factory=dict)

    @property
    def by_table(self) -> int:
        """What is owed today if everything was paid as agreed; nothing before the loan is paid out."""
        if self.today < self.loan.start:
            return 0
        return self.table.balance_on(self.today, principal=self.loan.principal)

    @property
    def difference(self) -> int:
        """How much more the books say than the table."""
        return self.by_books - self.by_table

    @property
    def counted_from(self) -> datetime.date:
        """The day on which the loan was added to the plan: earlier instalments count as paid without an entry."""
        return day_in(self.loan.book.time_zone, at=self.loan.created_at)

    def is_open(self, row: Row) -> bool:
        """Whether the instalment is still to be paid."""
        return row.kind is RowKind.PAYMENT and row.date not in self.paid and row.date >= self.counted_from

    @property
    def next(self) -> Row | None:
        """The first instalment that is to be paid; None where the loan is paid back."""
        return next((row for row in self.table.rows if self.is_open(row)), None)

    @property
    def interest_left(self) -> int:
        """Interest of the instalments that are open."""
        return sum(row.interest for row in self.table.rows if self.is_open(row))

    @property
    def ends(self) -> datetime.date:
        """The day of the last payment."""
        return self.table.rows[-1].date


def with_accounts(*, book: Book) -> QuerySet[Loan]:
    """The loans of the book with their accounts, for lists that page by themselves."""
    return Loan.objects.filter(book=book).select_related("book", *_ACCOUNTS)


def loans_of(*, book: Book) -> list[Loan]:
    """The loans of the book by their names, with their accounts."""
    return [_placed(loan, book) for loan in with_accounts(book=book).order_by("name", "pk")]


def loan_for(*, book: Book, loan_id: int) -> Loan:
    """The book's loan with its accounts. Raises NotFound."""
    loan = with_accounts(book=book).filter(pk=loan_id).first()
    if loan is None:
        raise NotFound(thing="loan")
    return _placed(loan, book)


def _placed(loan: Loan, book: Book) -> Loan:
    loan.book = book
    for name in _ACCOUNTS:
        account: Account | None = getattr(loan, name)
        if account is not None:
            account.book = book
    return loan


def states_of(*, book: Book, loans: Sequence[Loan], today: datetime.date) -> list[LoanState]:
    """The loans with tables, payments and balances; seven queries at most, whatever their number. Raises Invalid."""
    ids = [loan.pk for loan in loans]
    if not ids:
        return []
    rates = _by_loan(LoanRate.objects.filter(book=book, loan__in=ids).order_by("since"))
    movements = _by_loan(
        LoanMovement.objects.filter(book=book, loan__in=ids).select_related("entry").order_by("date", "pk")
    )
    payments = _by_loan(LoanPayment.objects.filter(book=book, loan__in=ids).order_by("due"))
    roots = {each.entry_id for found in payments.values() for each in found}
    roots |= {each.entry_id for found in movements.values() for each in found if each.entry_id is not None}
    current = current_of(book=book, root_ids=roots)
    held = balances_of(account_ids=[loan.account_id for loan in loans], as_of=today)
    posted = {current[each.entry_id] for found in movements.values() for each in found if each.entry_id in current}
    lines = JournalLine.objects.filter(entry__in=posted, account__in=[loan.account_id for loan in loans])
    sums = dict(lines.values_list("entry").annotate(sum=Sum("amount"))) if posted else {}
    days = dict(JournalEntry.objects.filter(pk__in=posted).values_list("pk", "date")) if posted else {}
    states = []
    for loan in loans:
        made = []
        for each in movements.get(loan.pk, []):
            if each.entry_id is not None:
                # As the books have it now: corrected, or deleted so that it did not happen.
                now = current.get(each.entry_id, 0)
                each.amount = -sums.get(now, 0) if loan.is_lent else sums.get(now, 0)
                each.date = days.get(now, each.date)
            if each.amount:
                made.append(each)
        owed = held.get(loan.account_id, 0)
        states.append(
            LoanState(
                loan=loan, today=today, rates=rates.get(loan.pk, []), movements=made,
                table=amortise(terms_of(loan, rates=rates.get(loan.pk, []), movements=made)),
                paid={
                    each.due: current[each.entry_id] for each in payments.get(loan.pk, []) if each.entry_id in current
                },
                by_books=owed if loan.is_lent else -owed,
            )
        )  # fmt: skip
    return states


def with_extras(state: LoanState, extras: Iterable[tuple[datetime.date, int]]) -> LoanState:
    """The loan if more is paid on it on these days, as far as something is owed by then. Raises Invalid.

    More days than a table takes changes are left out, the latest first.
    """
    terms = terms_of(state.loan, rates=state.rates, movements=state.movements)
    days: dict[datetime.date, int] = defaultdict(int)
    for day, amount in extras:
        if day > terms.start:
            days[day] += amount
    room = max(MOST_CHANGES - len(terms.movements), 0)
    more = tuple(Movement(date=day, amount=days[day], while_owed=True) for day in sorted(days)[:room])
    table = amortise(replace(terms, movements=(*terms.movements, *more)))
    paid: dict[datetime.date, int] = defaultdict(int)
    for row in table.rows:
        if row.kind is RowKind.EXTRA and row.date in days:
            paid[row.date] += row.principal
    for each in terms.movements:
        if each.date in days and each.amount > 0:
            paid[each.date] -= each.amount
    return replace(state, table=table, extras={day: amount for day, amount in paid.items() if amount > 0})


def owed_in(state: LoanState, day: datetime.date) -> int:
    """What is owed at the end of that day, from what the books say today; below zero for one that was lent."""
    owed = (
        state.table.balance_on(day, principal=state.loan.principal) + state.difference if day >= state.loan.start else 0
    )
    return -owed if state.loan.is_lent else owed


def state_of(*, loan: Loan, today: datetime.date) -> LoanState:
    """As `states_of`, for one loan."""
    return states_of(book=loan.book, loans=[loan], today=today)[0]


def _by_loan(rows: Iterable[RowT]) -> dict[int, list[RowT]]:
    found: dict[int, list[RowT]] = {}
    for row in rows:
        found.setdefault(row.loan_id, []).append(row)
    return found


def entries_of(*, state: LoanState) -> dict[datetime.date, JournalEntry]:
    """Instalment day → the entry that paid it, as it is now; one query."""
    entries = JournalEntry.objects.in_bulk(state.paid.values())
    return {due: entries[pk] for due, pk in state.paid.items() if pk in entries}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlinked:
    """An entry that may have paid an instalment and is linked to none: what it took off the loan, and the instalment.

    `whole`: all of it was booked on the loan, although some of it is interest or a fee.
    """

    entry: JournalEntry
    amount: int
    row: Row
    whole: bool


def unlinked(*, state: LoanState, most: int | None = MOST_UNLINKED) -> list[Unlinked]:
    """Entries that lowered the debt about the day of an unpaid instalment and are not linked, newest first; three queries.

    They are proposed, never linked by themselves: an extra payment looks the same. At most one for an instalment: the one
    whose day is nearest.
    """
    loan = state.loan
    rows = [row for row in state.table.instalments if row.date not in state.paid and row.date <= state.today + NEAR]
    if not rows:
        return []
    signed = {"amount__lt": 0} if loan.is_lent else {"amount__gt": 0}
    lines = JournalLine.objects.filter(
        account=loan.account, date__gte=rows[0].date - NEAR, date__lte=state.today,
        entry__reverses=None, entry__reversed_by=None, **signed,
    ).exclude(entry__source=JournalEntry.Source.OPENING)  # fmt: skip
    found = list(lines.select_related("entry").order_by("-date", "-pk")[:most])
    roots = roots_of(book=loan.book, entry_ids=[line.entry_id for line in found])
    taken = {each.entry_id for each in state.movements}
    taken |= set(LoanPayment.objects.filter(book=loan.book, loan=loan).values_list("entry", flat=True))
    nearest: dict[datetime.date, Unlinked] = {}
    for line in found:
        if roots.get(line.entry_id) in taken:
            continue
        row = min(rows, key=lambda each: abs((each.date - line.date).days))
        if abs(row.date - line.date) > NEAR:
            continue
        whole = line.entry.line_count == 2 and abs(line.amount) > row.interest + row.fee > 0
        each = Unlinked(entry=line.entry, amount=abs(line.amount), row=row, whole=whole)
        known = nearest.get(row.date)
        if known is None or abs(row.date - line.date) < abs(row.date - known.entry.date):
            nearest[row.date] = each
    return sorted(nearest.values(), key=lambda each: (each.entry.date, each.entry.pk), reverse=True)


def indebted(*, states: Iterable[LoanState], currency: str) -> list[LoanState]:
    """The loans of that currency on which something is owed and an instalment is to come, in the order of `debts_of`."""
    return [
        state
        for state in states
        if not state.loan.is_lent and state.loan.currency == currency and state.by_books > 0 and state.next is not None
    ]


def debts_of(*, states: Iterable[LoanState], currency: str) -> list[Debt]:
    """What is owed on loans of that currency, with today's rate and the monthly payment, for comparing strategies."""
    debts = []
    for state in indebted(states=states, currency=currency):
        loan, row = state.loan, state.next
        assert row is not None
        # What is paid in a month on average.
        times, of = (52, 12 * loan.every) if loan.unit == Unit.WEEK else (1, loan.every)
        minimum = divided(row.payment * times, of)
        debts.append(Debt(name=loan.name, balance=state.by_books, percent=row.percent, minimum=minimum))
    return debts


def upcoming(*, states: Iterable[LoanState], first: datetime.date, last: datetime.date) -> list[Upcoming]:
    """Instalments, planned extra payments and drawdowns that are still to come, from `first` to `last`.

    What is late is shown today. Each is two movements: of the account that pays, and of the loan's account.
    """
    expected: list[Upcoming] = []
    for state in states:
        loan, today = state.loan, state.today
        for row in state.table.rows:
            if state.is_open(row):
                day = max(today, shifted(row.date, WeekendShift(loan.shift), loan.book.holidays))
                expected += _both_sides(loan, day, row.date, paid=row.total, principal=row.principal)
        for day, amount in state.extras.items():
            if day >= today:
                expected += _both_sides(loan, day, day, paid=amount, principal=amount)
        for movement in state.movements:
            if movement.entry_id is None and movement.date >= today:
                amount = movement.amount
                expected += _both_sides(loan, movement.date, movement.date, paid=amount, principal=amount)
    return [each for each in expected if first <= each.date <= last]


def interest_to_come(*, states: Iterable[LoanState], last: datetime.date) -> list[tuple[datetime.date, int, str, int]]:
    """Interest of instalments that are still to come: day, category, currency and amount in minor units."""
    return [
        (max(state.today, row.date), state.loan.interest_account_id, state.loan.currency, row.interest)
        for state in states
        if state.loan.interest_account_id is not None and not state.loan.is_lent
        for row in state.table.rows
        if state.is_open(row) and row.date <= last
    ]


def _both_sides(loan: Loan, day: datetime.date, nominal: datetime.date, *, paid: int, principal: int) -> list[Upcoming]:
    sign = -1 if loan.is_lent else 1
    sides = [(loan.account_id, sign * principal)]
    if loan.pays_from_id is not None:
        sides.append((loan.pays_from_id, -sign * paid))
    return [
        Upcoming(
            date=day, nominal=nominal, account_id=account_id, amount=amount, currency=loan.currency, layer=Layer.LOAN,
            label=loan.name, source_id=loan.pk,
        )
        for account_id, amount in sides
        if amount
    ]  # fmt: skip
