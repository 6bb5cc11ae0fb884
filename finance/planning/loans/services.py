"""Loans: adding and changing them, and posting what is paid, drawn and charged. Each change is locked, and announced."""

import datetime
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from core.clock import today_in
from finance.errors import Conflict, Invalid, NotFound
from finance.events.plans import LoanPaid, LoanPaymentUnlinked, LoanRemoved, LoanSaved
from finance.ledger.models import Account, AccountKind, AccountType, Book, JournalEntry
from finance.ledger.posting import EntryDraft, LineDraft
from finance.ledger.revisions import root_of
from finance.ledger.selectors import entry_for
from finance.ledger.services import post_entry, replace_entry
from finance.periods import WeekendShift
from finance.planning.loans.arithmetic import Effect, Method, Row, amortise, is_rate
from finance.planning.loans.day_counts import DayCount
from finance.planning.loans.models import Loan, LoanMovement, LoanPayment, LoanRate
from finance.planning.loans.selectors import LoanState, loan_for, state_of, terms_of
from finance.planning.loans.splits import Split, split
from finance.planning.recurrence import Unit
from identity.models import User
from platform_outbox.emit import emit

USUAL: Mapping[str, Any] = {
    "method": Method.ANNUITY.value, "payments": None, "payment": None, "unit": Unit.MONTH.value, "every": 1,
    "day_count": DayCount.THIRTY_360.value, "grace": 0, "fee": 0, "shift": WeekendShift.NONE.value, "pays_from": None,
    "interest_account": None, "fee_account": None, "share": None, "partner_account": None,
    "contribution_account": None,
}  # fmt: skip
FIELDS = ("name", "principal", "percent", "start", "first_payment", *USUAL)
# What each account of a loan may be: its types.
_HOLDINGS = (AccountType.ASSET, AccountType.LIABILITY)
_TYPES: Mapping[str, tuple[str, ...]] = {
    "pays_from": _HOLDINGS,
    "interest_account": (AccountType.EXPENSE, AccountType.INCOME),
    "fee_account": (AccountType.EXPENSE, AccountType.INCOME),
    "partner_account": _HOLDINGS,
    "contribution_account": (AccountType.INCOME, AccountType.EQUITY),
}
_CHOICES = {"method": Method, "unit": Unit, "day_count": DayCount, "shift": WeekendShift}


@transaction.atomic
def add_loan(*, book: Book, actor: User | None, account: Account, **given: Any) -> Loan:
    """Plan a loan on an account: borrowed on a liability, lent on an asset. `given` are FIELDS; USUAL may be left out.

    Amounts are minor units of the account's currency. Nothing is posted. Raises Invalid, which names the field, and
    Conflict where the account has a loan.
    """
    if account.type not in _HOLDINGS or account.kind in (AccountKind.GROUP, AccountKind.CARD):
        raise Invalid(
            field="account", reason=_("A loan is kept on an account of its own that owes or is owed, not on a card.")
        )
    # One loan of an account, whoever asks at the same moment.
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if Loan.objects.filter(book=book, account=account).exists():
        raise Conflict(field="account", reason=_("%(name)s has a loan already.") % {"name": account.name})
    loan = Loan(book=book, account=account, saved_by=actor)
    _fill(loan, {**USUAL, **given})
    amortise(terms_of(loan, rates=(), movements=()))
    loan.save(force_insert=True)
    emit(LoanSaved(book_id=book.pk, loan_id=loan.pk))
    return loan


@transaction.atomic
def change_loan(*, loan: Loan, actor: User | None, **changes: Any) -> Loan:
    """Change what was agreed; payments that were posted stay. Raises as add_loan does."""
    loan = locked(loan)
    _fill(loan, changes)
    _check_table(loan)
    loan.saved_by = actor
    loan.save()
    emit(LoanSaved(book_id=loan.book_id, loan_id=loan.pk))
    return loan


@transaction.atomic
def remove_loan(*, loan: Loan, actor: User | None) -> None:
    """Take the loan out of the plan with its rates and planned movements. Its account and entries stay."""
    loan = locked(loan)
    number = loan.pk
    loan.delete()
    emit(LoanRemoved(book_id=loan.book_id, loan_id=number))


@transaction.atomic
def set_rate(
    *, loan: Loan, actor: User | None, since: datetime.date, percent: Decimal, payment: int | None = None
) -> LoanRate:
    """The rate from the day `since` on, in place of one of that day. Raises Invalid."""
    loan = locked(loan)
    if not is_rate(percent):
        reason = _("A rate is from 0 to 1000 per cent a year, with at most 6 decimals.")
        raise Invalid(field="percent", reason=reason)
    if since <= loan.start:
        raise Invalid(field="since", reason=_("A rate changes after the loan is paid out; change the loan itself."))
    rate, _created = LoanRate.objects.update_or_create(
        book=loan.book, loan=loan, since=since, defaults={"percent": percent, "payment": payment, "saved_by": actor}
    )
    _check_table(loan)
    emit(LoanSaved(book_id=loan.book_id, loan_id=loan.pk))
    return rate


@transaction.atomic
def remove_rate(*, loan: Loan, rate_id: int, actor: User | None) -> None:
    """Remove a change of the rate. Raises NotFound, Invalid."""
    loan = locked(loan)
    if not LoanRate.objects.filter(book=loan.book, loan=loan, pk=rate_id).delete()[0]:
        raise NotFound(thing="rate")
    _check_table(loan)
    emit(LoanSaved(book_id=loan.book_id, loan_id=loan.pk))


@transaction.atomic
def add_movement(
    *,
    loan: Loan,
    actor: User | None,
    date: datetime.date,
    amount: int,
    effect: str = Effect.SHORTEN.value,
    against: Account | None = None,
) -> LoanMovement:
    """An extra payment (amount > 0), or more of the loan paid out (amount < 0), in minor units.

    With `against`, the account that the money comes from or goes to, it is posted as one entry; without, it is a plan.
    Raises Invalid, and what posting raises.
    """
    loan = locked(loan)
    if effect not in set(Effect):
        raise Invalid(field="effect", reason=_("An extra payment either shortens the loan or lowers its payments."))
    entry = None
    if against is not None:
        _check_account(loan, "money_account", against, _HOLDINGS)
        said = _("Extra payment") if amount > 0 else _("Paid out")
        signed = -amount if loan.is_lent else amount
        lines = {loan.account_id: signed, against.pk: -signed}
        entry = _post(loan, actor=actor, date=date, lines=lines, description=said)
    movement = LoanMovement.objects.create(
        book=loan.book, loan=loan, date=date, amount=amount, effect=effect, entry=entry, saved_by=actor
    )
    _check_table(loan)
    emit(LoanSaved(book_id=loan.book_id, loan_id=loan.pk))
    return movement


@transaction.atomic
def plan_extras(*, loan: Loan, actor: User | None, extras: Mapping[datetime.date, int]) -> list[LoanMovement]:
    """Plan extra payments (day → minor units above zero) that shorten the loan, all in one change. Raises Invalid."""
    loan = locked(loan)
    made = LoanMovement.objects.bulk_create(
        [
            LoanMovement(
                book=loan.book, loan=loan, date=day, amount=extras[day], effect=Effect.SHORTEN.value, saved_by=actor
            )
            for day in sorted(extras)
        ]
    )
    _check_table(loan)
    emit(LoanSaved(book_id=loan.book_id, loan_id=loan.pk))
    return made


@transaction.atomic
def remove_movement(*, loan: Loan, movement_id: int, actor: User | None) -> None:
    """Take a planned movement out. Raises NotFound, and Conflict for one that is posted: its entry is deleted instead."""
    loan = locked(loan)
    movement = LoanMovement.objects.filter(book=loan.book, loan=loan, pk=movement_id).first()
    if movement is None:
        raise NotFound(thing="movement")
    state = state_of(loan=loan, today=today_in(loan.book))
    if movement.entry_id is not None and movement.pk in {each.pk for each in state.movements}:
        raise Conflict(reason=_("This was posted. Delete its entry, and it is gone from the table too."))
    movement.delete()
    _check_table(loan)
    emit(LoanSaved(book_id=loan.book_id, loan_id=loan.pk))


def proposed_split(
    *, state: LoanState, date: datetime.date, amount: int | None = None, due: datetime.date | None = None
) -> tuple[Row, Split]:
    """The open instalment that a payment on `date` belongs to, and how `amount` (default: what is due) falls apart.

    Interest and fee are those of the table; what is more or less than agreed is principal. Raises Invalid.
    """
    rows = [row for row in state.table.instalments if row.date not in state.paid]
    if due is None and date >= state.counted_from:
        # Earlier ones count as paid.
        rows = [row for row in rows if state.is_open(row)] or rows
    if due is not None:
        rows = [row for row in rows if row.date == due]
        if not rows:
            raise Invalid(field="due", reason=_("No unpaid instalment of the table is due on that day."))
    if not rows:
        raise Conflict(reason=_("All instalments of this loan are paid."))
    row = min(rows, key=lambda each: abs((each.date - date).days))
    loan = state.loan
    return row, split(
        amount=row.total if amount is None else amount, interest=row.interest, fee=row.fee, share=loan.share
    )


def lines_of_payment(*, loan: Loan, parts: Split, against: Account | None) -> dict[int, int]:
    """Account → signed minor units of the entry that posts the split. Raises Invalid, which names what is missing."""
    accounts = {
        "pays_from": (against, -parts.amount),
        "account": (loan.account, parts.principal),
        "interest_account": (loan.interest_account, parts.my_interest),
        "fee_account": (loan.fee_account, parts.my_fee),
        "partner_account": (loan.partner_account, parts.claim),
        "contribution_account": (loan.contribution_account, -parts.contribution),
    }
    sign = -1 if loan.is_lent else 1
    lines: dict[int, int] = {}
    for field, (account, amount) in accounts.items():
        if not amount:
            continue
        if account is None:
            raise Invalid(field=field, reason=_("The loan does not say which account this part of a payment is for."))
        lines[account.pk] = lines.get(account.pk, 0) + sign * amount
    return {account: amount for account, amount in lines.items() if amount}


@transaction.atomic
def pay(
    *,
    loan: Loan,
    actor: User | None,
    date: datetime.date,
    amount: int | None = None,
    due: datetime.date | None = None,
    against: Account | None = None,
) -> LoanPayment:
    """Post the payment of an instalment as one entry, split into principal, interest, fee and shares.

    `against` is the account that pays (of a lent loan: that receives), else the loan's own. Raises Invalid, Conflict,
    and what posting raises.
    """
    loan = locked(loan)
    paying = against or loan.pays_from
    if paying is not None:
        _check_account(loan, "pays_from", paying, _HOLDINGS)
    state = state_of(loan=loan, today=today_in(loan.book))
    row, parts = proposed_split(state=state, date=date, amount=amount, due=due)
    lines = lines_of_payment(loan=loan, parts=parts, against=paying)
    said = _("Instalment %(number)d of %(count)d") % {"number": row.number, "count": len(state.table.instalments)}
    return note_payment(loan, row, _post(loan, actor=actor, date=date, lines=lines, description=said), actor)


@transaction.atomic
def link_payment(
    *, loan: Loan, actor: User | None, entry_uid: uuid.UUID, due: datetime.date | None = None, splitting: bool = False
) -> LoanPayment:
    """Say that an entry which is in the books paid an instalment: the one due on that day, else the nearest.

    `splitting` also corrects an entry that booked all of a payment on the loan, such as one from a bank file: interest,
    fee and shares get their own lines. Raises NotFound, Invalid (an entry without this account), Conflict, and what
    correcting raises.
    """
    loan = locked(loan)
    entry = entry_for(book=loan.book, uid=entry_uid)
    lines = list(entry.lines.select_related("account"))
    if all(line.account_id != loan.account_id for line in lines):
        reason = _("This entry has no line on %(name)s.") % {"name": loan.account.name}
        raise Invalid(field="entry", reason=reason)
    root = JournalEntry.objects.get(pk=root_of(entry=entry))
    if LoanPayment.objects.filter(book=loan.book, entry=root).exists():
        raise Conflict(field="entry", reason=_("This entry pays an instalment already."))
    state = state_of(loan=loan, today=today_in(loan.book))
    row, _parts = proposed_split(state=state, date=entry.date, due=due)
    if splitting:
        split_entry(loan=loan, entry=entry, row=row, actor=actor, today=state.today)
    return note_payment(loan, row, root, actor)


def split_entry(*, loan: Loan, entry: JournalEntry, row: Row, actor: User | None, today: datetime.date) -> None:
    """Correct an entry of two lines, which booked all of a payment on the loan, into the parts that the row says.

    Raises Conflict for an entry of more lines, Invalid, and what correcting raises.
    """
    lines = list(entry.lines.select_related("account"))
    if len(lines) != 2:
        raise Conflict(field="entry", reason=_("This entry has several lines already; link it as it is."))
    (against,) = [line.account for line in lines if line.account_id != loan.account_id]
    against.book = loan.book
    _check_account(loan, "entry", against, _HOLDINGS)
    parts = split(amount=abs(lines[0].amount), interest=row.interest, fee=row.fee, share=loan.share)
    drafts = [
        LineDraft(account_id=account_id, amount=amount)
        for account_id, amount in lines_of_payment(loan=loan, parts=parts, against=against).items()
    ]
    draft = EntryDraft(date=entry.date, payee=entry.payee, description=entry.description, lines=drafts)
    replace_entry(entry=entry, actor=actor, draft=draft, today=today)


@transaction.atomic
def unlink_payment(*, loan: Loan, payment_id: int, actor: User | None) -> None:
    """The instalment counts as unpaid again; its entry stays. Raises NotFound."""
    loan = locked(loan)
    payment = LoanPayment.objects.filter(book=loan.book, loan=loan, pk=payment_id).first()
    if payment is None:
        raise NotFound(thing="payment")
    payment.delete()
    emit(LoanPaymentUnlinked(book_id=loan.book_id, loan_id=loan.pk, due=payment.due))


@transaction.atomic
def charge(
    *, loan: Loan, actor: User | None, date: datetime.date, amount: int, category: Account | None = None
) -> JournalEntry:
    """Post interest or a fee that is added to what is owed, instead of being paid. Raises Invalid, and what posting does."""
    loan = locked(loan)
    against = category or loan.interest_account
    if amount <= 0:
        raise Invalid(field="amount", reason=_("A charge is more than zero."))
    if against is None:
        raise Invalid(field="category", reason=_("Name the category of this charge."))
    _check_account(loan, "category", against, _TYPES["interest_account"])
    signed = amount if loan.is_lent else -amount
    lines = {loan.account_id: signed, against.pk: -signed}
    entry = _post(loan, actor=actor, date=date, lines=lines, description=_("Charged to the loan"))
    emit(LoanSaved(book_id=loan.book_id, loan_id=loan.pk))
    return entry


def locked(loan: Loan) -> Loan:
    """The loan as it is now; one change of it at a time."""
    Loan.objects.select_for_update().get(pk=loan.pk)
    return loan_for(book=loan.book, loan_id=loan.pk)


def _fill(loan: Loan, given: Mapping[str, Any]) -> None:
    """Set the fields, and check what the arithmetic does not look at."""
    for name, value in given.items():
        if name not in FIELDS:
            raise TypeError(f"a loan has no {name}")
        setattr(loan, name, value)
    loan.name = (loan.name or "").strip()[:120]
    if not loan.name or "\x00" in loan.name:
        raise Invalid(field="name", reason=_("A loan needs a name."))
    for name, choices in _CHOICES.items():
        if getattr(loan, name) not in set(choices):
            reason = _("%(value)s is none of %(names)s.")
            said = {"value": getattr(loan, name), "names": ", ".join(each.value for each in choices)}
            raise Invalid(field=name, reason=reason % said)
    for name, types in _TYPES.items():
        account = getattr(loan, name)
        if account is not None:
            _check_account(loan, name, account, types)
    if loan.share is not None:
        _check_share(loan, loan.share)


def _check_share(loan: Loan, share: Decimal) -> None:
    """Raises Invalid where a share has no meaning, or lacks the accounts that the other's part is posted to."""
    if loan.is_lent:
        raise Invalid(field="share", reason=_("Only what is borrowed is shared."))
    if not (share.is_finite() and 0 < share <= 100):
        raise Invalid(field="share", reason=_("A share is more than 0 and at most 100 per cent."))
    for name in ("partner_account", "contribution_account"):
        if getattr(loan, name) is None and share < 100:
            reason = _("A shared loan names what the other owes, and where their part of the principal is counted.")
            raise Invalid(field=name, reason=reason)


def _check_account(loan: Loan, field: str, account: Account, types: tuple[str, ...]) -> None:
    if account.book_id != loan.book_id:
        raise NotFound(field=field, thing="account")
    if account.type not in types or account.kind == AccountKind.GROUP or account.pk == loan.account_id:
        reason = _("%(name)s cannot be used for this part of a loan.") % {"name": account.name}
        raise Invalid(field=field, reason=reason)
    if account.currency != loan.currency:
        reason = _("%(name)s is in %(other)s, the loan in %(currency)s. Exchange the money first, then pay from there.")
        said = {"name": account.name, "other": account.currency, "currency": loan.currency}
        raise Invalid(field=field, reason=reason % said)


def _check_table(loan: Loan) -> None:
    """Raises Invalid where the terms with all rates and movements have no table."""
    state_of(loan=loan, today=today_in(loan.book))


def _post(
    loan: Loan, *, actor: User | None, date: datetime.date, lines: Mapping[int, int], description: str
) -> JournalEntry:
    drafts = [LineDraft(account_id=account_id, amount=amount) for account_id, amount in lines.items()]
    return post_entry(book=loan.book, actor=actor, date=date, payee=loan.name, description=description, lines=drafts)


def note_payment(loan: Loan, row: Row, entry: JournalEntry, actor: User | None) -> LoanPayment:
    """Write down that the first version of an entry paid the instalment, and announce it."""
    payment, _created = LoanPayment.objects.update_or_create(
        book=loan.book, loan=loan, due=row.date, defaults={"entry": entry, "saved_by": actor}
    )
    emit(LoanPaid(book_id=loan.book_id, loan_id=loan.pk, entry_id=entry.pk, due=row.date))
    return payment
