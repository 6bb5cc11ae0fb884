"""Loans in the export and import of a whole book."""

import datetime
import uuid
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from finance.errors import BookUnreadable, FinanceError
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Account, Book
from finance.planning.loans.arithmetic import amortise
from finance.planning.loans.models import Loan, LoanMovement, LoanPayment, LoanRate
from finance.planning.loans.selectors import terms_of
from identity.models import User

VERSION = 1
_ACCOUNTS = ("account", "pays_from", "interest_account", "fee_account", "partner_account", "contribution_account")
_TEXTS = ("name", "method", "unit", "day_count", "shift")
_NUMBERS = ("principal", "payments", "payment", "every", "grace", "fee")
_DAYS = ("start", "first_payment")


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """Loans with their rates, movements and payments. Amounts in minor units of the account's currency."""
    loans = Loan.objects.filter(book=book).prefetch_related("rates", "movements__entry", "paid__entry").order_by("pk")
    return {"version": VERSION, "loans": [_given(loan) for loan in loans]}


def _given(loan: Loan) -> dict[str, Any]:
    movements = sorted(loan.movements.all(), key=lambda each: each.pk)
    return {
        **{name: getattr(loan, f"{name}_id") for name in _ACCOUNTS},
        **{name: getattr(loan, name) for name in (*_TEXTS, *_NUMBERS)},
        **{name: getattr(loan, name).isoformat() for name in _DAYS},
        "percent": str(loan.percent),
        "share": None if loan.share is None else str(loan.share),
        "created_at": loan.created_at.isoformat(),
        "rates": sorted([each.since.isoformat(), str(each.percent), each.payment] for each in loan.rates.all()),
        "movements": [
            [each.date.isoformat(), each.amount, each.effect, str(each.entry.uid) if each.entry else None]
            for each in movements
        ],
        "paid": sorted([each.due.isoformat(), str(each.entry.uid)] for each in loan.paid.all()),
    }


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; nothing is left out. Raises BookUnreadable."""
    try:
        if document["version"] != VERSION:
            raise BookUnreadable(
                reason=_("Loans of version %(version)s are not known here.")
                % {"version": str(document["version"])[:20]}
            )
        for given in document["loans"]:
            _take_loan(arrival, given)
    except FinanceError as error:
        reason = _("The loans of the export are damaged: %(detail)s") % {"detail": error.detail}
        raise BookUnreadable(reason=reason) from error
    except (LookupError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
        reason = _("The loans of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        raise BookUnreadable(reason=reason) from error
    return []


def _take_loan(arrival: Arrival, given: Any) -> None:
    book, saved_by = arrival.book, arrival.owner
    accounts: dict[str, Account | None] = {
        name: None if given[name] is None else arrival.account(given[name]) for name in _ACCOUNTS
    }
    loan = Loan(
        book=book, saved_by=saved_by, percent=Decimal(given["percent"]),
        share=None if given["share"] is None else Decimal(given["share"]), **accounts,
        **{name: str(given[name])[:120] for name in _TEXTS},
        **{name: None if given[name] is None else int(given[name]) for name in _NUMBERS},
        **{name: datetime.date.fromisoformat(given[name]) for name in _DAYS},
    )  # fmt: skip
    rates = [
        LoanRate(
            book=book, loan=loan, since=datetime.date.fromisoformat(since), percent=Decimal(percent),
            payment=None if payment is None else int(payment), saved_by=saved_by,
        )
        for since, percent, payment in given["rates"]
    ]  # fmt: skip
    uids = {uuid.UUID(each[3]) for each in given["movements"] if each[3]}
    entries = arrival.entries(uids | {uuid.UUID(uid) for _due, uid in given["paid"]})
    movements = [
        LoanMovement(
            book=book, loan=loan, date=datetime.date.fromisoformat(date), amount=int(amount), effect=str(effect)[:7],
            entry_id=entries[uuid.UUID(uid)] if uid else None, saved_by=saved_by,
        )
        for date, amount, effect, uid in given["movements"]
    ]  # fmt: skip
    # What has no table is not a loan.
    amortise(terms_of(loan, rates=rates, movements=movements))
    loan.save(force_insert=True)
    # When it was added says which instalments count as paid.
    Loan.objects.filter(pk=loan.pk).update(created_at=_moment(given["created_at"]))
    LoanRate.objects.bulk_create(rates)
    LoanMovement.objects.bulk_create(movements)
    LoanPayment.objects.bulk_create(
        LoanPayment(
            book=book, loan=loan, due=datetime.date.fromisoformat(due), entry_id=entries[uuid.UUID(uid)],
            saved_by=saved_by,
        )
        for due, uid in given["paid"]
    )  # fmt: skip


def _moment(text: str) -> datetime.datetime:
    found = parse_datetime(text)
    if found is None or found.tzinfo is None:
        raise ValueError("no moment")
    return found
