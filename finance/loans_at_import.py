"""Instalments of loans as imports expect them. A module above the slices, because it joins imports and loans."""

import datetime

from django.utils.translation import gettext as _

from core.clock import today_in
from core.formatting import date_text
from finance.errors import FinanceError
from finance.imports.expected import Expected
from finance.ledger.models import Account
from finance.planning.loans.selectors import NEAR, states_of, with_accounts
from finance.planning.loans.services import lines_of_payment
from finance.planning.loans.splits import split


def expected_instalments(account: Account) -> list[Expected]:
    """What is unpaid of the loans that are paid from the account, each payment split into its parts. One query without loans.

    A row pays an instalment by its exact amount, nearer to its day than to that of another one; the payee does not matter. A
    loan that lacks an account for one of the parts is left out: its page says what is missing.
    """
    book, found = account.book, []
    loans = list(with_accounts(book=book).filter(pays_from=account).order_by("pk"))
    for loan in loans:
        loan.book = book
    for state in states_of(book=book, loans=loans, today=today_in(book)):
        loan, rows = state.loan, state.table.instalments
        for place, row in enumerate(rows):
            if row.date in state.paid or row.date > state.today + NEAR:
                continue
            near = NEAR
            for other in rows[max(0, place - 1) : place] + rows[place + 1 : place + 2]:
                near = min(near, datetime.timedelta(days=(abs((other.date - row.date).days) - 1) // 2))
            try:
                parts = split(amount=row.total, interest=row.interest, fee=row.fee, share=loan.share)
                lines = lines_of_payment(loan=loan, parts=parts, against=account)
            except FinanceError:
                break
            moved = lines.pop(account.pk)
            told = {"number": row.number, "count": len(rows), "name": loan.name[:80], "day": date_text(row.date)}
            found.append(
                Expected(
                    account_id=loan.account_id, amount=moved, is_named=lambda _text: False, name="",
                    why=_("Instalment %(number)d of %(count)d of “%(name)s”, due on %(day)s") % told,
                    days=(row.date - near, row.date + near),
                    parts=tuple((each, -amount) for each, amount in lines.items()),
                )
            )  # fmt: skip
    return found
