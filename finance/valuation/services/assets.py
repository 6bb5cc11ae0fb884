"""Valuables: what they are appraised at, and what they lose each month. Both are posted, against an equity account.

The amount of such an entry is the difference between the books and the value on its day, so that other entries on the
account stay as they are. In a closed period nothing is changed; the first value after it includes the difference.
"""

import datetime
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from core.clock import today_in
from core.formatting import date_text
from finance.errors import Conflict, Invalid, PeriodClosedError
from finance.events.reports import AssetValued
from finance.ledger.models import Account, AccountKind, AccountType, Book, JournalEntry, JournalLine
from finance.ledger.posting import LineDraft
from finance.ledger.revisions import current_of
from finance.ledger.selectors import balance_of
from finance.ledger.services import correct_entry, post_entry, reverse_entry
from finance.ledger.services.system_accounts import system_account
from finance.money import MAX_MINOR_UNITS
from finance.valuation.depreciation import month_days
from finance.valuation.models import AssetPlan, AssetValue
from finance.valuation.selectors import plan_of
from identity.models import User
from platform_outbox.emit import emit

VALUABLE_KINDS = (AccountKind.PROPERTY, AccountKind.INVESTMENT, AccountKind.OTHER)
MOST_MONTHS = 600
Kind = AssetValue.Kind


@transaction.atomic
def appraise(*, account: Account, actor: User | None, date: datetime.date, value: int, note: str = "") -> AssetValue:
    """Record what a valuable was worth at the end of a day (minor units of its currency, ≥ 0), in place of what was there.

    The difference to the books is posted; later appraisals keep their values. Raises Invalid, Conflict, PeriodClosedError.
    """
    book = _locked(account)
    if not 0 <= value <= MAX_MINOR_UNITS:
        raise Invalid(field="value", reason=_("A value is zero or more."))
    if date > today_in(book):
        raise Invalid(field="date", reason=_("The value of a future day is not known."))
    _refuse_closed(book, date)
    begins = JournalLine.objects.filter(account=account).order_by("date").values_list("date", flat=True).first()
    if begins is not None and date < begins and not AssetValue.objects.filter(account=account, date=begins).exists():
        # What it held then would come on top of this value.
        said = {"name": account.name, "day": date_text(begins)}
        reason = _("%(name)s begins on %(day)s in the books. Give its first entry an earlier date, or value it later.")
        raise Invalid(field="date", reason=reason % said)
    row, _created = AssetValue.objects.update_or_create(
        book=book, account=account, date=date,
        defaults={"kind": Kind.APPRAISAL, "value": value, "note": note.strip()[:200], "saved_by": actor},
    )  # fmt: skip
    _settle(account, actor=actor, since=date)
    emit(AssetValued(book_id=book.pk, account_id=account.pk))
    row.refresh_from_db()
    return row


@transaction.atomic
def remove_appraisal(*, value: AssetValue, actor: User | None) -> None:
    """Remove an appraisal: its entry is reversed, later values keep theirs. Raises Conflict, PeriodClosedError.

    Without any appraisal left the depreciation ends, and its months in open periods are removed.
    """
    account = value.account
    book = _locked(account)
    if value.kind != Kind.APPRAISAL:
        raise Conflict(reason=_("This is a month of depreciation; change or stop the depreciation instead."))
    _refuse_closed(book, value.date)
    _withdraw(account, [value], actor=actor)
    rest = AssetValue.objects.filter(book=book, account=account)
    if not rest.filter(kind=Kind.APPRAISAL).exists():
        AssetPlan.objects.filter(book=book, account=account).delete()
        _withdraw(account, list(rest.filter(date__gt=_closed_through(book) or datetime.date.min)), actor=actor)
    _settle(account, actor=actor, since=value.date)
    emit(AssetValued(book_id=book.pk, account_id=account.pk))


@transaction.atomic
def plan_depreciation(
    *,
    account: Account,
    actor: User | None,
    percent: Decimal | None = None,
    months: int | None = None,
    residual: int = 0,
) -> AssetPlan:
    """Let a valuable lose value each month after its latest appraisal, by `percent` of the rest or over `months`.

    Months that are over are posted at once, later ones by a periodic job. Raises Invalid, Conflict.
    """
    book = _locked(account)
    if (percent is None) == (months is None):
        raise Invalid(field="percent", reason=_("Give either a percentage or a number of months."))
    if percent is not None and not (0 < percent < 100 and percent == percent.quantize(Decimal("0.0001"))):
        raise Invalid(field="percent", reason=_("A percentage is more than 0, less than 100, with at most 4 places."))
    if months is not None and not 0 < months <= MOST_MONTHS:
        raise Invalid(field="months", reason=_("The number of months is from 1 to %(most)d.") % {"most": MOST_MONTHS})
    if not 0 <= residual <= MAX_MINOR_UNITS:
        raise Invalid(field="residual", reason=_("A value is zero or more."))
    if not AssetValue.objects.filter(account=account, book=book, kind=Kind.APPRAISAL).exists():
        raise Conflict(reason=_("Add an appraisal first; depreciation begins there."))
    method = AssetPlan.Method.PERCENT if percent is not None else AssetPlan.Method.STRAIGHT
    saved, _created = AssetPlan.objects.update_or_create(
        book=book, account=account,
        defaults={"method": method, "percent": percent, "months": months, "residual": residual if months else 0},
    )  # fmt: skip
    _settle(account, actor=actor, since=_after_last_appraisal(account))
    emit(AssetValued(book_id=book.pk, account_id=account.pk))
    return saved


@transaction.atomic
def stop_depreciation(*, account: Account, actor: User | None) -> None:
    """Post no further month; those that were posted stay."""
    book = _locked(account)
    AssetPlan.objects.filter(book=book, account=account).delete()
    emit(AssetValued(book_id=book.pk, account_id=account.pk))


@transaction.atomic
def bring_up_to_date(*, account: Account, actor: User | None) -> None:
    """Post the values again where entries on the account have changed since, so that the books hold what they say."""
    book = _locked(account)
    _settle(account, actor=actor, since=datetime.date.min)
    emit(AssetValued(book_id=book.pk, account_id=account.pk))


def post_due_months(*, between: Callable[[], object] = lambda: None) -> int:
    """Post the months of depreciation that are over by now, in all books; returns for how many accounts.

    `between` is called between two accounts. An account that was closed loses no more value.
    """
    posted = 0
    in_use = AssetPlan.objects.filter(account__closed_on=None, book__deleted_at=None)
    plans = in_use.select_related("account__book").order_by("pk")
    for plan in plans.iterator(chunk_size=200):
        account = plan.account
        with transaction.atomic():
            latest = AssetValue.objects.filter(account=account).order_by("-date").values_list("date", flat=True).first()
            due = _days_to_come(account, today=today_in(account.book))
            if due and (latest is None or due[-1] > latest):
                _locked(account)
                _settle(account, actor=None, since=next(day for day in due if latest is None or day > latest))
                emit(AssetValued(book_id=account.book_id, account_id=account.pk))
                posted += 1
        between()
    return posted


def is_valuable(account: Account) -> bool:
    """Whether what the account holds can be appraised: a thing or a share, not money."""
    return account.type == AccountType.ASSET and account.kind in VALUABLE_KINDS


def _locked(account: Account) -> Book:
    """One change of an account's values at a time. Raises Conflict for an account that is not a valuable."""
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if not is_valuable(account):
        reason = _("%(name)s is not a valuable: its balance comes from its entries alone.") % {"name": account.name}
        raise Conflict(reason=reason)
    return account.book


def _refuse_closed(book: Book, date: datetime.date) -> None:
    closed = _closed_through(book)
    if closed is not None and date <= closed:
        raise PeriodClosedError(field="date", closed_through=closed, date=date)


def _closed_through(book: Book) -> datetime.date | None:
    return Book.objects.values_list("closed_through", flat=True).get(pk=book.pk)


def _after_last_appraisal(account: Account) -> datetime.date:
    last = AssetValue.objects.filter(account=account, kind=Kind.APPRAISAL).latest("date")
    return last.date + datetime.timedelta(days=1)


def _days_to_come(account: Account, *, today: datetime.date) -> list[datetime.date]:
    """The days of depreciation after the latest appraisal, until today; none without a plan."""
    last = AssetValue.objects.filter(account=account, kind=Kind.APPRAISAL).order_by("-date").first()
    plan = plan_of(account=account)
    if last is None or plan is None:
        return []
    days = month_days(last.date, until=today)
    return days[: plan.months] if plan.months else days


def _settle(account: Account, *, actor: User | None, since: datetime.date) -> None:
    """Make the books hold the values from the day `since` on, in the order of their days."""
    book, today = account.book, today_in(account.book)
    closed = _closed_through(book)
    plan = plan_of(account=account)
    known = {row.date: row for row in AssetValue.objects.filter(account=account, book=book).order_by("date")}
    due = _days_to_come(account, today=today)
    if plan is not None:
        # Days of a former plan after the last appraisal; a plan that was stopped keeps its months.
        begins = _after_last_appraisal(account)
        former = [
            known.pop(day)
            for day, row in list(known.items())
            if row.kind == Kind.DEPRECIATION and day >= begins and day not in due and (closed is None or day > closed)
        ]
        _withdraw(account, former, actor=actor)
        for day in due:
            if day not in known and (closed is None or day > closed):
                known[day] = AssetValue(book=book, account=account, date=day, kind=Kind.DEPRECIATION, saved_by=actor)
    moved = dict(zip(known, _own_amounts(account, known.values()), strict=True))
    start, month = 0, 0
    for day in sorted(known):
        row = known[day]
        start, month = (row.value, 0) if row.kind == Kind.APPRAISAL else (start, month + 1)
        if day < since or (closed is not None and day <= closed):
            continue
        before = balance_of(account=account, as_of=day) - moved[day]
        if row.kind == Kind.APPRAISAL:
            amount = row.value - before
        elif plan is not None:
            amount = -plan.plan.loss(start=start, month=month, balance=before)
        else:
            amount = moved[day]
        if amount != moved[day]:
            _post(account, row, actor=actor, amount=amount, today=today)
        row.value = max(before + amount, 0)
        row.save()


def _own_amounts(account: Account, rows: Collection[AssetValue]) -> list[int]:
    """What the rows' entries move on the account today; three queries.

    Gives each row the entry that counts now: the correction of one that was corrected by hand, none (and 0) for one that
    was deleted.
    """
    current = current_of(book=account.book, root_ids=[row.entry_id for row in rows if row.entry_id is not None])
    entries = JournalEntry.objects.in_bulk(current.values())
    lines = JournalLine.objects.filter(account=account, entry__in=list(entries))
    sums = dict(lines.values_list("entry").annotate(sum=Sum("amount")))
    for row in rows:
        row.entry = entries.get(current.get(row.entry_id or 0, 0))
    return [sums.get(row.entry_id, 0) for row in rows]


def _withdraw(account: Account, rows: Collection[AssetValue], *, actor: User | None) -> None:
    """Reverse the entries of these values, and remove the values."""
    today = today_in(account.book)
    for row, amount in zip(rows, _own_amounts(account, rows), strict=True):
        if amount:
            assert row.entry is not None
            reverse_entry(entry=row.entry, actor=actor, on=today)
        row.delete()


def _post(account: Account, row: AssetValue, *, actor: User | None, amount: int, today: datetime.date) -> None:
    """Have the row's entry move `amount`, which it does not yet: post, correct or reverse it."""
    if amount == 0:
        assert row.entry is not None
        reverse_entry(entry=row.entry, actor=actor, on=today)
        row.entry = None
        return
    against = system_account(book=account.book, kind=AccountKind.VALUATION, currency=account.currency)
    said: dict[str, Any] = {
        "actor": actor, "date": row.date, "payee": account.name,
        "description": row.note or (_("Appraisal") if row.kind == Kind.APPRAISAL else _("Depreciation")),
        "lines": [
            LineDraft(account_id=account.pk, amount=amount), LineDraft(account_id=against.pk, amount=-amount),
        ],
    }  # fmt: skip
    if row.entry is not None:
        row.entry = correct_entry(entry=row.entry, on=today, **said)
    else:
        row.entry = post_entry(book=account.book, source=JournalEntry.Source.VALUATION, **said)
