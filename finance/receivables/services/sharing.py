"""Shared bills, and what is given back of them."""

import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from finance import money
from finance.errors import Conflict, Invalid, NotFound
from finance.events.people import SharedBillRemoved, SharedBillSaved
from finance.ledger import services as ledger
from finance.ledger.models import Account, AccountKind, AccountType, Book, JournalEntry
from finance.ledger.posting import LineDraft, merged
from finance.ledger.services.system_accounts import system_account
from finance.receivables import splitting
from finance.receivables.models import (
    BillShare,
    CostGroup,
    GroupMember,
    Person,
    SharedBill,
    SplitMethod,
)
from finance.receivables.selectors import behind, bill_for, left_of
from finance.receivables.services.keeping import changing, checked_text, current_entry, lock
from finance.receivables.services.people import account_with, check_account
from finance.receivables.settling import debts_of_bill
from finance.receivables.splitting import ME
from identity.models import User
from platform_outbox.emit import emit

MOST_PARTIES = 50
_MONEY = (AccountType.ASSET, AccountType.LIABILITY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A bill as it is entered. Parties are ids of people, or ME; amounts are minor units of `currency`.

    `paid` says who paid how much and sums to `total`. `shares` has a value for each who takes part, in order: nothing
    for equal shares, shares or percent as decimals, or exact minor units.
    """

    date: datetime.date
    description: str
    currency: str
    total: int
    paid: Mapping[int, int]
    method: str
    shares: Mapping[int, Decimal | int | None]
    group: CostGroup | None = None
    account: Account | None = None
    category: Account | None = None
    # What the own share comes to in the category's currency, where that is another one.
    booked: int | None = None


def shares_of(*, book: Book, bill: Bill, but: int = 0) -> tuple[dict[int, int], dict[int, int]]:
    """Each party's share and weight, as saving the bill would have them; `but` is the bill that it replaces.

    Raises Invalid (total, method, shares, paid) and NotFound (shares, paid).
    """
    if bill.total <= 0 or bill.total > money.MAX_MINOR_UNITS:
        raise Invalid(field="total", reason=_("Enter a positive amount."))
    if bill.method not in SplitMethod.values:
        raise Invalid(field="method", reason=_("Choose one of %(kinds)s.") % {"kinds": ", ".join(SplitMethod.values)})
    _check_parties(book, bill)
    if bill.method == SplitMethod.EXACT:
        amounts = {party: int(value or 0) for party, value in bill.shares.items()}
        if any(amount < 0 for amount in amounts.values()):
            raise Invalid(field="shares", reason=_("A share cannot be negative."))
        splitting.check_exact(total=bill.total, amounts=amounts, currency=bill.currency)
        return amounts, dict.fromkeys(amounts, 0)
    if bill.method == SplitMethod.EQUAL:
        weights = dict.fromkeys(bill.shares, 1)
    else:
        weights = {
            party: splitting.weight_of(Decimal(value if value is not None else 0), field="shares")
            for party, value in bill.shares.items()
        }
    if bill.method == SplitMethod.PERCENT and sum(weights.values()) != 100 * splitting.WEIGHT_SCALE:
        said = Decimal(sum(weights.values())) / splitting.WEIGHT_SCALE
        raise Invalid(
            field="shares", reason=_("The percentages sum to %(sum)s, not to 100.") % {"sum": f"{said.normalize():f}"}
        )
    if not sum(weights.values()):
        raise Invalid(field="shares", reason=_("Somebody must have a share."))
    lags = behind(book=book, scope=_scope(bill), currency=bill.currency, but=but)
    payer = max(bill.paid, key=lambda party: bill.paid[party])
    return splitting.shared_out(total=bill.total, weights=weights, payer=payer, behind=lags), weights


def weight_value(weight: int) -> Decimal:
    """A kept weight as it was entered: shares or percent."""
    return Decimal(weight) / splitting.WEIGHT_SCALE


def _check_parties(book: Book, bill: Bill) -> None:
    """Raise Invalid or NotFound where somebody cannot take part, or what they paid is not the bill."""
    if not bill.shares or len(bill.shares) > MOST_PARTIES:
        raise Invalid(field="shares", reason=_("Say who takes part: 1 to %(most)d.") % {"most": MOST_PARTIES})
    members = None
    if bill.group is not None:
        members = {ME, *GroupMember.objects.filter(book=book, group=bill.group).values_list("person_id", flat=True)}
    for field, parties in (("shares", bill.shares), ("paid", bill.paid)):
        people_of_book(book, [party for party in parties if party != ME], field=field)
        if members is not None and not members.issuperset(parties):
            raise Invalid(field=field, reason=_("Only members of the group take part in its bills."))
    if any(amount <= 0 for amount in bill.paid.values()) or sum(bill.paid.values()) != bill.total:
        raise Invalid(field="paid", reason=_("What was paid must be positive and sum to the bill."))


def people_of_book(book: Book, ids: Sequence[int], *, field: str) -> list[int]:
    """The ids, all of people of the book. Raises NotFound, which names `field`."""
    found = set(Person.objects.filter(book=book, pk__in=ids).values_list("pk", flat=True))
    if not found.issuperset(ids):
        raise NotFound(thing="person", field=field)
    return list(ids)


def _scope(bill: Bill) -> str:
    """Which bills are kept even with this one: those of its group, or those of the same people outside of groups."""
    if bill.group is not None:
        return f"group {bill.group.pk}"
    return "people " + " ".join(map(str, sorted({*bill.shares, *bill.paid})))


@transaction.atomic
def save_bill(*, book: Book, actor: User | None, bill: Bill, saved: SharedBill | None = None) -> SharedBill:
    """Add a shared bill, or change `saved` to say this. Posts what it means for the household, in one entry.

    Only the own share is spending; what the others owe is a claim, and what others paid for the household a debt.
    Raises as shares_of and post_entry, Invalid (description, account, category, booked), NotFound where `saved` was removed,
    and Conflict for a refund and a bill with refunds.
    """
    lock(book)
    if saved is not None:
        saved = bill_for(book=book, bill_id=saved.pk)
        _check_no_refund(saved)
    description = checked_text(bill.description, most=200, field="description", needed=True)
    money.exponent(bill.currency, field="currency")
    shares, weights = shares_of(book=book, bill=bill, but=saved.pk if saved else 0)
    lines = _lines(book, actor, bill, shares)
    row = saved or SharedBill(book=book, created_by=actor)
    row.group, row.scope, row.date, row.description = bill.group, _scope(bill), bill.date, description
    row.currency, row.total, row.method, row.weight_total = (
        bill.currency,
        bill.total,
        bill.method,
        sum(weights.values()),
    )
    row.account = bill.account if bill.paid.get(ME) else None
    row.category = bill.category if shares.get(ME) else None
    row.entry = _post_again(book, actor, row.entry, date=bill.date, description=description, lines=lines)
    row.save()
    row.shares.all().delete()
    parties = list(dict.fromkeys([*bill.shares, *bill.paid]))
    BillShare.objects.bulk_create(
        [
            BillShare(
                book=book, bill=row, person_id=party or None, paid=bill.paid.get(party, 0), owed=shares.get(party, 0),
                weight=weights.get(party, 0), position=place,
            )
            for place, party in enumerate(parties, 1)
        ]
    )  # fmt: skip
    emit(SharedBillSaved(book_id=book.pk, bill_id=row.pk))
    return row


def _lines(book: Book, actor: User | None, bill: Bill, shares: Mapping[int, int]) -> list[LineDraft]:
    """What the bill is in the household's books; nothing where it neither paid nor has a share."""
    paid, own = bill.paid.get(ME, 0), shares.get(ME, 0)
    lines = []
    if paid:
        if bill.account is None:
            raise Invalid(field="account", reason=_("Say which account it was paid from."))
        check_account(bill.account, types=_MONEY, field="account", currency=bill.currency)
        lines.append(LineDraft(account_id=bill.account.pk, amount=-paid))
    if own:
        if bill.category is None:
            raise Invalid(field="category", reason=_("Say which category the own share belongs to."))
        check_account(bill.category, types=(AccountType.EXPENSE,), field="category")
        if bill.category.currency == bill.currency:
            lines.append(LineDraft(account_id=bill.category.pk, amount=own))
        elif bill.booked is None or bill.booked <= 0:
            told = {"name": bill.category.name, "currency": bill.category.currency}
            reason = _("%(name)s is kept in %(currency)s: say what the own share comes to in it.") % told
            raise Invalid(field="booked", reason=reason)
        else:
            there = system_account(book=book, kind=AccountKind.TRADING, currency=bill.category.currency)
            here = system_account(book=book, kind=AccountKind.TRADING, currency=bill.currency)
            lines += [
                LineDraft(account_id=here.pk, amount=own),
                LineDraft(account_id=there.pk, amount=-bill.booked),
                LineDraft(account_id=bill.category.pk, amount=bill.booked),
            ]
    for debt in debts_of_bill(paid=bill.paid, owed=shares):
        if ME in (debt.debtor, debt.creditor):
            other, sign = (debt.creditor, -1) if debt.debtor == ME else (debt.debtor, 1)
            person = Person.objects.get(book=book, pk=other)
            person.book = book
            account = account_with(person=person, currency=bill.currency, actor=actor)
            lines.append(LineDraft(account_id=account.pk, amount=sign * debt.amount))
    return merged(lines)


def _post_again(
    book: Book,
    actor: User | None,
    root: JournalEntry | None,
    *,
    date: datetime.date,
    description: str,
    lines: list[LineDraft],
) -> JournalEntry | None:
    """Post the lines, in the place of the entry that there was; returns the first version of the entry."""
    if root is None:
        if not lines:
            return None
        return ledger.post_entry(book=book, actor=actor, date=date, payee=description, lines=lines)
    current = current_entry(book=book, root=root)
    with changing():
        if lines:
            ledger.correct_entry(
                entry=current, actor=actor, date=date, lines=lines, payee=description, description=current.description,
                on=date,
            )  # fmt: skip
            return root
        ledger.reverse_entry(entry=current, actor=actor, on=date)
    return None


def _check_no_refund(bill: SharedBill) -> None:
    """Raise Conflict for a refund, and for a bill of which something was given back."""
    if bill.refund_of_id is not None:
        raise Conflict(reason=_("A refund stays as it is; remove it and record it again."))
    if bill.refunds.exists():
        raise Conflict(reason=_("Something of this bill was refunded; remove the refund first."))


@transaction.atomic
def refund_bill(
    *,
    bill: SharedBill,
    actor: User | None,
    date: datetime.date,
    amount: int,
    receiver: int,
    account: Account | None = None,
    booked: int | None = None,
) -> SharedBill:
    """Record that `amount` of the bill was given back, to `receiver` (a party of the bill); every share falls by its part.

    Posts one entry: the own part lowers the category, the others' parts what they owe. `account` is where the money came in,
    where it came to the household; `booked` the own part in the category's currency, where that is another one. Raises Invalid
    (amount, received_by, account, booked), NotFound where the bill was removed, Conflict for a refund, and as post_entry.
    """
    book = bill.book
    lock(book)
    bill = bill_for(book=book, bill_id=bill.pk)
    if bill.refund_of_id is not None:
        raise Conflict(reason=_("This is a refund already; name the bill that it belongs to."))
    rows = sorted(bill.shares.all(), key=lambda share: share.position)
    if receiver not in {row.person_id or ME for row in rows}:
        raise Invalid(
            field="received_by", reason=_("The money came to somebody who paid the bill or has a share in it.")
        )
    left = defaultdict(int, left_of(bill))
    most = sum(left.values())
    if not 0 < amount <= most:
        told = {"amount": money.format_amount(most, currency=bill.currency)}
        raise Invalid(field="amount", reason=_("Enter a positive amount; %(amount)s was not refunded yet.") % told)
    weights = {row.person_id or ME: row.weight or row.owed for row in rows if row.weight or row.owed}
    lags = behind(book=book, scope=bill.scope, currency=bill.currency) if bill.weight_total else None
    parts = splitting.given_back(amount=amount, weights=weights, left=left, behind=lags)
    said = Bill(
        date=date, description=bill.description, currency=bill.currency, total=amount, paid={receiver: amount},
        method=SplitMethod.EXACT, shares=parts, account=account, category=bill.category, booked=booked,
    )  # fmt: skip
    if bill.category is not None:
        bill.category.book = book
    # The other way round than a bill of that amount.
    lines = [replace(line, amount=-line.amount) for line in _lines(book, actor, said, parts)]
    row = SharedBill(
        book=book, refund_of=bill, group=bill.group, scope=bill.scope, date=date, description=bill.description,
        currency=bill.currency, total=amount, method=bill.method, weight_total=bill.weight_total, created_by=actor,
        account=account if receiver == ME else None, category=bill.category if parts.get(ME) else None,
    )  # fmt: skip
    if lines:
        row.entry = ledger.post_entry(
            book=book, actor=actor, date=date, payee=bill.description, description=_("Refund"), lines=lines
        )
    row.save(force_insert=True)
    BillShare.objects.bulk_create(
        [
            BillShare(
                book=book, bill=row, person_id=party or None, paid=parts.get(party, 0), position=place,
                owed=amount if party == receiver else 0, weight=weights[party] if bill.weight_total and party in weights else 0,
            )
            for place, party in enumerate(dict.fromkeys([*parts, receiver]), 1)
        ]
    )  # fmt: skip
    emit(SharedBillSaved(book_id=book.pk, bill_id=row.pk))
    return row


@transaction.atomic
def remove_bill(*, bill: SharedBill, actor: User | None, today: datetime.date) -> None:
    """Remove the bill; its entry is reversed. Raises Conflict where something of it was refunded, and as reverse_entry."""
    book = bill.book
    lock(book)
    bill = bill_for(book=book, bill_id=bill.pk)
    if bill.refund_of_id is None:
        _check_no_refund(bill)
    reverse_of(book=book, actor=actor, root=bill.entry, today=today)
    pk = bill.pk
    bill.delete()
    emit(SharedBillRemoved(book_id=book.pk, bill_id=pk))


def reverse_of(*, book: Book, actor: User | None, root: JournalEntry | None, today: datetime.date) -> None:
    """Reverse the version of an entry that counts, if there is one."""
    if root is not None:
        with changing():
            ledger.reverse_entry(entry=current_entry(book=book, root=root), actor=actor, on=today)
