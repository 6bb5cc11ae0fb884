"""Payments that are in the books, linked to instalments: all that look like it at once, and new ones as they come."""

from collections.abc import Collection

from django.db import transaction

from core.clock import today_in
from finance.errors import FinanceError
from finance.ledger.models import Book, JournalEntry, JournalLine
from finance.ledger.revisions import roots_of
from finance.planning.loans.arithmetic import Row
from finance.planning.loans.models import Loan, LoanPayment
from finance.planning.loans.selectors import NEAR, LoanState, states_of, unlinked, with_accounts
from finance.planning.loans.services import lines_of_payment, locked, note_payment, split_entry
from finance.planning.loans.splits import split
from identity.models import User


@transaction.atomic
def link_all(*, loan: Loan, actor: User | None, splitting: bool = False) -> int:
    """Link every entry that looks like an instalment (selectors.unlinked); returns how many.

    `splitting` also corrects those that booked all of a payment on the loan. What cannot be corrected, such as an entry in a
    closed period, stays proposed.
    """
    loan = locked(loan)
    (state,) = states_of(book=loan.book, loans=[loan], today=today_in(loan.book))
    found = unlinked(state=state, most=None)
    roots = roots_of(book=loan.book, entry_ids=[each.entry.pk for each in found])
    first_versions = JournalEntry.objects.in_bulk(roots.values())
    linked = 0
    for each in reversed(found):
        try:
            with transaction.atomic():
                if splitting and each.whole:
                    each.entry.book = loan.book
                    split_entry(loan=loan, entry=each.entry, row=each.row, actor=actor, today=state.today)
                note_payment(loan, each.row, first_versions[roots[each.entry.pk]], actor)
        except FinanceError:
            continue
        linked += 1
    return linked


@transaction.atomic
def match_payments(*, book: Book, entry_ids: Collection[int]) -> int:
    """Link new entries that are split exactly as an unpaid instalment near their day; returns how many.

    Only where interest or a fee says that it is no extra payment. Called again for the same entries it does nothing.
    """
    accounts = Loan.objects.filter(book=book).values("account")
    lines = JournalLine.objects.filter(book=book, entry__in=entry_ids, account__in=accounts)
    lines = lines.filter(entry__reverses=None, entry__reversed_by=None).order_by("date", "pk")
    if not (found := list(lines.prefetch_related("entry__lines"))):
        return 0
    loans = list(with_accounts(book=book).filter(account__in={line.account_id for line in found}).order_by("pk"))
    loans = [locked(loan) for loan in loans]
    states = {state.loan.account_id: state for state in states_of(book=book, loans=loans, today=today_in(book))}
    roots = roots_of(book=book, entry_ids=[line.entry_id for line in found])
    first_versions = JournalEntry.objects.in_bulk(roots.values())
    linked = set(LoanPayment.objects.filter(book=book, entry__in=roots.values()).values_list("entry_id", flat=True))
    made = 0
    for line in found:
        state, root_id = states[line.account_id], roots[line.entry_id]
        row = _paid(state, line)
        if row is not None and root_id not in linked:
            note_payment(state.loan, row, first_versions[root_id], None)
            state.paid[row.date] = line.entry_id
            linked.add(root_id)
            made += 1
    return made


def _paid(state: LoanState, line: JournalLine) -> Row | None:
    """The unpaid instalment whose interest, fee and shares the line's entry has; None where there is none."""
    loan = state.loan
    rows = [row for row in state.table.instalments if row.date not in state.paid and abs(row.date - line.date) <= NEAR]
    row = min(rows, key=lambda each: abs((each.date - line.date).days), default=None)
    if row is None or not row.interest + row.fee:
        return None
    amounts: dict[int, int] = {}
    for other in line.entry.lines.all():
        amounts[other.account_id] = amounts.get(other.account_id, 0) + other.amount
    total = abs(line.amount) + row.interest + row.fee
    try:
        parts = split(amount=total, interest=row.interest, fee=row.fee, share=loan.share)
        wanted = lines_of_payment(loan=loan, parts=parts, against=loan.pays_from)
    except FinanceError:
        return None
    paying = loan.pays_from_id
    same = {account: amount for account, amount in wanted.items() if account != paying}
    rest = {account: amount for account, amount in amounts.items() if account not in same}
    fits = same == {account: amounts.get(account, 0) for account in same}
    return row if fits and len(rest) == 1 else None
