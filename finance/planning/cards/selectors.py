"""Reading cards: statements, what is still due of them, and what leaves the bank when."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from django.db.models import Exists, OuterRef, QuerySet, Sum

from finance.errors import NotFound
from finance.ledger.models import AccountType, Book, JournalLine
from finance.ledger.selectors import balance_of
from finance.periods import WeekendShift
from finance.planning.cards.cycles import Cycle, Mode
from finance.planning.cards.models import CardTerms
from finance.planning.upcoming import Layer, Upcoming


def cycle_of(terms: CardTerms) -> Cycle:
    """The card's cycle, as the arithmetic takes it. Raises Invalid."""
    return Cycle(
        closing_day=terms.closing_day, due_day=terms.due_day, shift=WeekendShift(terms.shift), mode=Mode(terms.mode),
        percent=terms.percent, amount=terms.amount, holidays=terms.book.holidays,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CardStatement:
    """What a card owed when its statement closed, in minor units; owed counts as positive.

    `payment` is what is paid of it by the terms, `paid` what came from own accounts after it closed and until the next
    one does, `left` what is still to be paid. `pays_on` is the due day moved off a weekend.
    """

    closing: datetime.date
    due: datetime.date
    pays_on: datetime.date
    balance: int
    payment: int
    paid: int

    @property
    def left(self) -> int:
        return max(0, self.payment - self.paid)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardState:
    """A card today: what it owes, and its latest statement."""

    terms: CardTerms
    owed: int
    statement: CardStatement

    @property
    def after_payment(self) -> int:
        """What the card owes once the statement is paid, if nothing else happens."""
        return self.owed - self.statement.left


def with_accounts(*, book: Book) -> QuerySet[CardTerms]:
    """The terms of the book's cards with their accounts, for lists that page by themselves."""
    return CardTerms.objects.filter(book=book).select_related("book", "account", "pays_from")


def cards_of(*, book: Book) -> list[CardTerms]:
    """The cards of the book that have terms, by their names."""
    return [_placed(terms, book) for terms in with_accounts(book=book).order_by("account__name", "pk")]


def card_for(*, book: Book, card_id: int) -> CardTerms:
    """The terms with this number. Raises NotFound."""
    terms = with_accounts(book=book).filter(pk=card_id).first()
    if terms is None:
        raise NotFound(thing="card")
    return _placed(terms, book)


def _placed(terms: CardTerms, book: Book) -> CardTerms:
    terms.book = terms.account.book = book
    return terms


def statements_of(
    *, terms: CardTerms, until: datetime.date, limit: int
) -> tuple[list[CardStatement], datetime.date | None]:
    """Statements that closed on or before `until`, newest first, and the day before which the next page begins.

    The list ends with the card's first line. Four queries whatever the number.
    """
    cycle, card = cycle_of(terms), terms.account
    begins = JournalLine.objects.filter(account=card).order_by("date").values_list("date", flat=True).first()
    if begins is None or until < begins:
        return [], None
    closings = [day for day in islice(cycle.closings_back(until), limit + 1) if day >= begins]
    shown = closings[:limit]
    if not shown:
        return [], None
    held = -balance_of(account=card, as_of=shown[0])
    lines = JournalLine.objects.filter(account=card, date__gt=shown[-1], date__lte=shown[0])
    moved = dict(lines.values_list("date").annotate(sum=Sum("amount")))
    paid = _paid_by_day(terms, after=shown[-1], until=cycle.next_closing(shown[0]))
    found = []
    for closing in shown:
        held += sum(moved.pop(day) for day in list(moved) if day > closing)
        found.append(_statement(cycle, closing, balance=held, paid=paid))
    return found, shown[-1] if len(closings) > limit else None


def state_of(*, terms: CardTerms, today: datetime.date) -> CardState:
    """The card today; three queries."""
    cycle = cycle_of(terms)
    closing = cycle.closing_before(today)
    balance = -balance_of(account=terms.account, as_of=closing)
    paid = _paid_by_day(terms, after=closing, until=cycle.next_closing(closing))
    return CardState(
        terms=terms, owed=-balance_of(account=terms.account, as_of=today),
        statement=_statement(cycle, closing, balance=balance, paid=paid),
    )  # fmt: skip


def states_of(*, cards: Iterable[CardTerms], today: datetime.date) -> list[CardState]:
    """All these cards today."""
    return [state_of(terms=terms, today=today) for terms in cards]


def _statement(cycle: Cycle, closing: datetime.date, *, balance: int, paid: dict[datetime.date, int]) -> CardStatement:
    following = cycle.next_closing(closing)
    return CardStatement(
        closing=closing, due=cycle.due(closing), pays_on=cycle.paid_on(closing), balance=balance,
        payment=cycle.payment(balance),
        paid=sum(amount for day, amount in paid.items() if closing < day <= following),
    )  # fmt: skip


def _paid_by_day(terms: CardTerms, *, after: datetime.date, until: datetime.date) -> dict[datetime.date, int]:
    """Day → what came onto the card from own accounts. A refund is no payment, nor is an entry that was taken back."""
    other = JournalLine.objects.filter(entry=OuterRef("entry"), account__type=AccountType.ASSET)
    lines = JournalLine.objects.filter(
        Exists(other), account=terms.account, amount__gt=0, date__gt=after, date__lte=until,
        entry__reverses=None, entry__reversed_by=None,
    )  # fmt: skip
    return dict(lines.values_list("date").annotate(sum=Sum("amount")))


def upcoming(*, book: Book, first: datetime.date, last: datetime.date, today: datetime.date) -> list[Upcoming]:
    """What leaves the bank for cards, and reaches them, from `first` to `last`; three queries a card.

    The latest statement counts with what is left of it, late ones today. Later statements owe what the card owes by
    then without those payments: entries that are dated ahead are in it, spending that nobody knows yet is not.
    """
    expected: list[Upcoming] = []
    for terms in cards_of(book=book):
        cycle = cycle_of(terms)
        closing = cycle.closing_before(today)
        owed = -balance_of(account=terms.account, as_of=closing)
        paid = _paid_by_day(terms, after=closing, until=cycle.next_closing(max(last, today)))
        statement = _statement(cycle, closing, balance=owed, paid=paid)
        payments = [(statement, statement.left)]
        lines = JournalLine.objects.filter(account=terms.account, date__gt=closing, date__lte=last)
        moved = dict(lines.values_list("date").annotate(sum=Sum("amount")))
        # Later ones owe what is in the books by then without the payments so far: a minimum leaves a rest to pay.
        while (closing := cycle.next_closing(closing)) < last:
            by_then = owed - sum(amount for day, amount in moved.items() if day <= closing)
            balance = by_then - sum(amount for _each, amount in payments)
            statement = _statement(cycle, closing, balance=balance, paid=paid)
            payments.append((statement, statement.left))
        for each, amount in payments:
            day = max(today, each.pays_on)
            if amount and first <= day <= last:
                expected += _both_sides(terms, day, each.due, amount)
    return expected


def _both_sides(terms: CardTerms, day: datetime.date, nominal: datetime.date, amount: int) -> list[Upcoming]:
    sides = [(terms.account_id, amount)]
    if terms.pays_from_id is not None:
        sides.append((terms.pays_from_id, -amount))
    return [
        Upcoming(
            date=day, nominal=nominal, account_id=account_id, amount=signed, currency=terms.account.currency,
            layer=Layer.CARD, label=terms.account.name, source_id=terms.pk,
        )
        for account_id, signed in sides
    ]  # fmt: skip
