"""What the household plans: schedules of what its diary shows again and again, its card, its loan, limits and a goal.

Amounts are read from the diary, so that the plan fits what was posted; what the diary does not show is not planned.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from finance.demo.diary import CARD, CHECKING, LOAN, SAVINGS, Diary, DiaryEntry, banking_day, day_of, months_back
from finance.demo.settling import MONTHLY_SAVING
from finance.demo.stories import OPENING
from finance.ledger.models import Account, Book, JournalEntry
from finance.periods import WeekendShift, months_later
from finance.planning.budgets import services as budgets
from finance.planning.budgets.models import Budget
from finance.planning.cards.services import add_card
from finance.planning.goals.services import create_goal
from finance.planning.loans.models import LoanPayment
from finance.planning.loans.services import add_loan
from finance.planning.recurrence import Unit
from finance.planning.schedules.definition import AmountKind, CounterLine, Definition
from finance.planning.schedules.services import create_schedule
from identity.models import User

# How many months of payments a schedule looks back at, and how many months have limits.
_MONTHS = 3
_LIMITED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Again:
    """A payee whose payments come on that day of every `every`-th month; weekends wait for Monday."""

    name: str
    payee: str
    day: int
    account: str = CHECKING
    every: int = 1
    kind: AmountKind = AmountKind.FIXED


_AGAIN: Sequence[_Again] = (
    _Again(name="Anna's salary", payee="Meridian Software Ltd", day=28, kind=AmountKind.LEARNED),
    _Again(name="Ben's salary", payee="St Brigid's School", day=15, kind=AmountKind.LEARNED),
    _Again(name="Rent", payee="Liffey Lettings", day=1),
    _Again(name="Crèche", payee="Little Acorns Crèche", day=2),
    _Again(name="Gym", payee="FlexFit Gym", day=3),
    _Again(name="Broadband", payee="Eir Broadband", day=5),
    _Again(name="Mobile phones", payee="48 Mobile", day=12),
    _Again(name="Netflix", payee="Netflix", day=8, account=CARD),
    _Again(name="Spotify", payee="Spotify", day=14, account=CARD),
    _Again(name="The Irish Times", payee="The Irish Times", day=18, account=CARD),
    _Again(name="Electricity and heating", payee="Energia", day=11, every=3, kind=AmountKind.VARIABLE),
    _Again(name="Home insurance", payee="Aviva Home Insurance", day=6, every=12),
    _Again(name="Motor insurance", payee="Zurich Motor Insurance", day=12, every=12),
    _Again(name="Motor tax", payee="Motor Tax Online", day=4, every=12),
)

# Categories in which nothing is scheduled, so that nothing is planned twice.
_LIMITS = (
    "Expenses:Food:Groceries",
    "Expenses:Food:Restaurants",
    "Expenses:Leisure:Going out",
    "Expenses:Transport:Fuel",
    "Expenses:Transport:Public transport",
    "Expenses:Shopping:Clothing",
)


def make_plans(*, book: Book, owner: User, diary: Diary, accounts: Mapping[str, Account]) -> None:
    """Plan through the services, after the diary was posted. Nothing is posted, and nothing of the past is asked about."""
    by_payee: dict[str, list[DiaryEntry]] = defaultdict(list)
    for posting in diary.postings:
        by_payee[posting.payee].append(posting)
    for again in _AGAIN:
        if by_payee[again.payee]:
            _schedule(book, owner, diary, accounts, again, by_payee[again.payee])
    saved = [each for each in diary.postings if each.description == "Monthly saving"]
    saving = Definition(
        name="Monthly saving",
        account_id=accounts[CHECKING].pk,
        amount=-MONTHLY_SAVING,
        first=day_of(saved[-_MONTHS:][0].date.replace(day=1), 29),
        unit=Unit.MONTH,
        days=(29,),
        lines=(CounterLine(account_id=accounts[SAVINGS].pk),),
        description="Monthly saving",
    )
    create_schedule(
        book=book,
        actor=owner,
        definition=saving,
        today=diary.today,
        asked_from=diary.today + datetime.timedelta(days=1),
    )
    add_card(
        book=book,
        actor=owner,
        account=accounts[CARD],
        closing_day=31,
        due_day=20,
        shift=WeekendShift.AFTER.value,
        pays_from=accounts[CHECKING],
    )
    loan = add_loan(
        book=book,
        actor=owner,
        account=accounts[LOAN],
        name="Car loan",
        principal=-OPENING[LOAN],
        percent=Decimal("4.9"),
        # A month before the first payment, so that each has the interest of a month.
        start=months_back(diary.start, 1).replace(day=10),
        first_payment=diary.start.replace(day=10),
        payment=31_240,
        shift=WeekendShift.AFTER.value,
        pays_from=accounts[CHECKING],
        interest_account=accounts["Expenses:Interest paid"],
    )
    entries = JournalEntry.objects.filter(book=book, payee="Credit Union Motor Loans")
    LoanPayment.objects.bulk_create(
        LoanPayment(book=book, loan=loan, due=_nominal(each.date, 10), entry=each, saved_by=owner) for each in entries
    )
    _limit(book, owner, diary, accounts)
    held = OPENING[SAVINGS] + _moved(diary.postings, SAVINGS)
    create_goal(
        book=book,
        actor=owner,
        account=accounts[SAVINGS],
        name="New kitchen",
        today=diary.today,
        target=1_500_000,
        by=months_later(diary.today.replace(day=1), 18),
        saved=max(0, min(600_000, held // 2 // 10_000 * 10_000)),
    )


def _schedule(
    book: Book,
    owner: User,
    diary: Diary,
    accounts: Mapping[str, Account],
    again: _Again,
    postings: Sequence[DiaryEntry],
) -> None:
    """A schedule that begins with one of the latest payments, and asks for those after the last one."""
    amounts = [_moved([each], again.account) for each in postings[-_MONTHS:]]
    # A bonus in one of three months is not the usual amount.
    amount = sorted(amounts)[len(amounts) // 2] if again.kind is AmountKind.LEARNED else amounts[-1]
    other = next(path for path, _amount, _memo in postings[-1].lines if path != again.account)
    last = _nominal(postings[-1].date, again.day)
    definition = Definition(
        name=again.name,
        account_id=accounts[again.account].pk,
        amount=amount,
        amount_kind=again.kind,
        first=_nominal(postings[-len(amounts)].date, again.day) if again.every == 1 else last,
        unit=Unit.MONTH if again.every < 12 else Unit.YEAR,
        every=again.every if again.every < 12 else 1,
        shift=WeekendShift.AFTER,
        lines=(CounterLine(account_id=accounts[other].pk),),
        payee=again.payee,
    )
    create_schedule(
        book=book, actor=owner, definition=definition, today=diary.today, asked_from=last + datetime.timedelta(days=1)
    )


def _nominal(date: datetime.date, day: int) -> datetime.date:
    """The day on which a payment was due that the bank booked on `date`: that day, or a weekend before it."""
    month = date.replace(day=1)
    return day_of(month, day) if banking_day(month, day) == date else day_of(months_back(month, 1), day)


def _moved(postings: Iterable[DiaryEntry], account: str) -> int:
    return sum(amount for each in postings for path, amount, _memo in each.lines if path == account)


def _limit(book: Book, owner: User, diary: Diary, accounts: Mapping[str, Account]) -> None:
    """Limits near the average of the full months, in tens of euros, for the latest months and the running one."""
    this_month = diary.today.replace(day=1)
    before = [each for each in diary.postings if each.date < this_month]
    months = (this_month.year - diary.start.year) * 12 + this_month.month - diary.start.month
    budget = budgets.save_budget(
        book=book,
        actor=owner,
        name="Monthly limits",
        kind=Budget.Kind.TRACKING,
        day=1,
        pays_from=accounts[CHECKING],
    )
    given = []
    for path in _LIMITS:
        amount = round(_moved(before, path) / months / 1_000) * 1_000
        if amount > 0:
            line = budgets.add_line(budget=budget, actor=owner, account=accounts[path])
            given.append(budgets.Given(line=line, amount=amount))
    for back in range(min(months, _LIMITED), -1, -1):
        budgets.assign(budget=budget, actor=owner, day=months_back(this_month, back), given=given)
