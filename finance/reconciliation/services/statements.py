"""Statements: added, changed, reconciled, reopened, removed."""

import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.formatting import date_text
from finance.errors import Conflict, Invalid
from finance.events.records import (
    StatementAdded,
    StatementChanged,
    StatementReconciled,
    StatementRemoved,
    StatementReopened,
)
from finance.figures import money_text
from finance.ledger.models import Account, Book, JournalEntry, JournalLine
from finance.ledger.posting import LineDraft
from finance.ledger.services import post_entry
from finance.reconciliation.models import AccountStatement, LineMark
from finance.reconciliation.selectors import has_statements, view_of
from identity.models import User
from platform_outbox.emit import emit


@transaction.atomic
def add_statement(
    *,
    book: Book,
    account: Account,
    actor: User | None,
    start: datetime.date,
    end: datetime.date,
    opening: int,
    closing: int,
    imported_id: int | None = None,
) -> AccountStatement:
    """A statement with the bank's figures, in minor units with the account's sign, still without rows.

    Raises Invalid (days in the wrong order, an account that no bank states), Conflict for a period that is there.
    """
    if not has_statements(account):
        raise Invalid(field="account", reason=_("Only accounts that hold money or debts have statements."))
    statement = AccountStatement(
        book=book, account=account, start=start, end=end, opening=opening, closing=closing, imported_id=imported_id,
        created_by=actor,
    )  # fmt: skip
    _save(statement)
    emit(StatementAdded(book_id=book.pk, statement_id=statement.pk))
    return statement


@transaction.atomic
def change_statement(
    *,
    statement: AccountStatement,
    actor: User | None,
    version: int | None,
    start: datetime.date,
    end: datetime.date,
    opening: int,
    closing: int,
) -> AccountStatement:
    """Correct the figures of an open statement. Rows after an earlier last day stay cleared, and leave the statement.

    Raises Conflict where it is reconciled, or no longer of that `version`, and as add_statement does.
    """
    held = locked(statement, version=version)
    refuse_reconciled(held)
    held.start, held.end, held.opening, held.closing = start, end, opening, closing
    held.version += 1
    _save(held)
    LineMark.objects.filter(statement=held, line__date__gt=end).update(statement=None)
    emit(StatementChanged(book_id=held.book_id, statement_id=held.pk))
    return held


@transaction.atomic
def reconcile(*, statement: AccountStatement, actor: User | None, version: int | None = None) -> AccountStatement:
    """Finish a statement whose rows explain its closing balance to the last cent; its rows are guarded from then on.

    Raises Conflict with the difference that is left, and for another `version`. A second call changes nothing.
    """
    held = locked(statement, version=None)
    if not held.is_open:
        return held
    _refuse_version(held, version)
    _refuse_difference(held)
    held.state, held.reconciled_by, held.reconciled_at = AccountStatement.State.RECONCILED, actor, timezone.now()
    held.version += 1
    held.save(update_fields=["state", "reconciled_by", "reconciled_at", "version"])
    emit(StatementReconciled(book_id=held.book_id, statement_id=held.pk))
    return held


@transaction.atomic
def reopen_statement(*, statement: AccountStatement, actor: User | None) -> AccountStatement:
    """Open a reconciled statement again, this one alone; its rows stay ticked. An open one stays as it is."""
    held = locked(statement, version=None)
    if not held.is_open:
        open_again(held)
    return held


@transaction.atomic
def remove_statement(*, statement: AccountStatement, actor: User | None) -> None:
    """Remove an open statement; its rows stay cleared. Raises Conflict for a reconciled one."""
    held = locked(statement, version=None)
    refuse_reconciled(held)
    LineMark.objects.filter(statement=held).update(statement=None)
    emit(StatementRemoved(book_id=held.book_id, statement_id=held.pk))
    held.delete()


@transaction.atomic
def post_difference(
    *, statement: AccountStatement, actor: User | None, against: Account, description: str = ""
) -> JournalEntry | None:
    """Post what is missing on the statement's last day against an account, and tick it; without a difference nothing.

    Raises Conflict where the statement is reconciled or changes meanwhile, and what posting raises.
    """
    refuse_reconciled(statement)
    missing = view_of(statement).difference
    if not missing:
        return None
    # Posted before the statement is locked: month totals are always locked first, so that no two transactions wait for each other.
    entry = post_entry(
        book=statement.book, actor=actor, date=statement.end,
        description=description or _("Difference to the bank's statement"),
        lines=[
            LineDraft(account_id=statement.account_id, amount=missing), LineDraft(account_id=against.pk, amount=-missing)
        ],
    )  # fmt: skip
    held = locked(statement, version=None)
    refuse_reconciled(held)
    line = JournalLine.objects.get(entry=entry, account_id=statement.account_id)
    LineMark.objects.create(book=statement.book, line=line, statement=held, marked_by=actor)
    _refuse_difference(held)
    emit(StatementChanged(book_id=held.book_id, statement_id=held.pk))
    return entry


def locked(statement: AccountStatement, *, version: int | None) -> AccountStatement:
    """The statement as it is now, held until the transaction ends. Raises Conflict if it is gone or another version."""
    held = AccountStatement.objects.select_for_update(no_key=True, of=("self",)).filter(pk=statement.pk)
    found = held.select_related("account", "book").first()
    if found is None:
        raise Conflict(reason=_("This statement has just been removed."))
    found.account.book = found.book
    _refuse_version(found, version)
    return found


def open_again(held: AccountStatement) -> None:
    """Write and announce that a statement, which the caller holds, is open again."""
    held.state, held.reconciled_by, held.reconciled_at = AccountStatement.State.OPEN, None, None
    held.version += 1
    held.save(update_fields=["state", "reconciled_by", "reconciled_at", "version"])
    emit(StatementReopened(book_id=held.book_id, statement_id=held.pk))


def refuse_reconciled(statement: AccountStatement) -> None:
    """Raise Conflict for a reconciled statement."""
    if not statement.is_open:
        raise Conflict(reason=_("This statement is reconciled. Reopen it to change it."))


def _refuse_version(held: AccountStatement, version: int | None) -> None:
    if version is not None and held.version != version:
        raise Conflict(reason=_("This statement has changed in the meantime. Look at it again."))


def _refuse_difference(held: AccountStatement) -> None:
    view = view_of(held)
    if view.difference:
        amount = money_text(view.difference, currency=held.account.currency)
        text = ngettext(
            "%(amount)s are not explained by the %(count)d ticked row.",
            "%(amount)s are not explained by the %(count)d ticked rows.",
            view.sums.count,
        )
        raise Conflict(reason=text % {"amount": amount, "count": view.sums.count})


def _save(statement: AccountStatement) -> None:
    if statement.end < statement.start:
        raise Invalid(field="end", reason=_("The last day is before the first."))
    try:
        with transaction.atomic():
            statement.save()
    except IntegrityError as error:
        if "finance_accountstatement_period" not in str(error):
            raise
        period = f"{date_text(statement.start)} – {date_text(statement.end)}"
        text = _("This account already has a statement for %(period)s.")
        raise Conflict(field="end", reason=text % {"period": period}) from error
