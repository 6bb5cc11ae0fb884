"""Instalments of loans as imports expect them. A module above the slices, because it joins imports and loans."""

import datetime
from collections import defaultdict
from collections.abc import Collection
from functools import partial

from django.utils.translation import gettext as _

from core.clock import today_in
from core.formatting import date_text
from finance.errors import FinanceError
from finance.figures import money_text
from finance.imports.expected import Expected
from finance.ledger.models import Account, Book
from finance.planning.loans.arithmetic import Row
from finance.planning.loans.models import Loan, LoanPayment
from finance.planning.loans.selectors import NEAR, states_of, with_accounts
from finance.planning.loans.services import lines_of_payment
from finance.planning.loans.splits import split

# A shorter name of a payee is in too many texts.
_SHORTEST_PAYEE = 4


def expected_instalments(account: Account) -> list[Expected]:
    """What is unpaid of the loans that are paid from the account, each payment split into its parts. One query without loans.

    A row pays an instalment by its exact amount, nearer to its day than to that of another one; the payee does not matter.
    Another amount pays it where the payee is that of an earlier payment: what is more or less than agreed is principal. A
    loan that lacks an account for one of the parts is left out: its page says what is missing.
    """
    book, found = account.book, []
    loans = list(with_accounts(book=book).filter(pays_from=account).order_by("pk"))
    for loan in loans:
        loan.book = book
    payees = _payees(book, loans)
    for state in states_of(book=book, loans=loans, today=today_in(book)):
        loan, rows = state.loan, state.table.instalments
        for place, row in enumerate(rows):
            if row.date in state.paid or row.date > state.today + NEAR:
                continue
            near = NEAR
            for other in rows[max(0, place - 1) : place] + rows[place + 1 : place + 2]:
                near = min(near, datetime.timedelta(days=(abs((other.date - row.date).days) - 1) // 2))
            lines = _lines(loan, row, row.total, account)
            if lines is None:
                break
            moved = lines.pop(account.pk)
            told = {"number": row.number, "count": len(rows), "name": loan.name[:80], "day": date_text(row.date)}
            why = _("Instalment %(number)d of %(count)d of “%(name)s”, due on %(day)s") % told
            found.append(
                Expected(
                    account_id=loan.account_id, amount=moved, is_named=partial(_is_named, payees[loan.pk]), name="",
                    why=why, days=(row.date - near, row.date + near), parts=_against(lines),
                    other_parts=partial(_of_another_amount, loan, row, account, why),
                )
            )  # fmt: skip
    return found


def _payees(book: Book, loans: Collection[Loan]) -> dict[int, set[str]]:
    """Loan → payees of what paid it so far, in lower case; one query where there are loans."""
    found: dict[int, set[str]] = defaultdict(set)
    if loans:
        paid = LoanPayment.objects.filter(book=book, loan__in=loans).values_list("loan_id", "entry__payee").distinct()
        for loan_id, payee in paid:
            if len(payee) >= _SHORTEST_PAYEE:
                found[loan_id].add(payee.casefold())
    return found


def _is_named(payees: Collection[str], text: str) -> bool:
    lowered = f" {text.casefold()} "
    return any(f" {payee} " in lowered for payee in payees)


def _lines(loan: Loan, row: Row, amount: int, account: Account) -> dict[int, int] | None:
    """Account → signed amount of a payment of the instalment; None where an account or the amount does not do."""
    try:
        parts = split(amount=amount, interest=row.interest, fee=row.fee, share=loan.share)
        return lines_of_payment(loan=loan, parts=parts, against=account)
    except FinanceError:
        return None


def _against(lines: dict[int, int]) -> tuple[tuple[int, int], ...]:
    """The other lines as parts of a row, whose sign is that of the account that pays."""
    return tuple((each, -amount) for each, amount in lines.items())


def _of_another_amount(
    loan: Loan, row: Row, account: Account, why: str, amount: int
) -> tuple[tuple[tuple[int, int], ...], str] | None:
    lines = _lines(loan, row, abs(amount), account)
    if lines is None or lines.pop(account.pk, 0) != amount:
        return None
    more = abs(amount) - row.total
    told = {"why": why, "amount": money_text(abs(more), currency=loan.currency)}
    if more > 0:
        return _against(lines), _("%(why)s; %(amount)s more than agreed is principal") % told
    return _against(lines), _("%(why)s; %(amount)s less than agreed, so less principal") % told
