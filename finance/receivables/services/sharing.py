"""Shared bills, groups of people who share them, and settling up."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from finance import money
from finance.errors import Conflict, Invalid, NotFound
from finance.events import (
    CostGroupRemoved,
    CostGroupSaved,
    SettlementRecorded,
    SettlementRemoved,
    SharedBillRemoved,
    SharedBillSaved,
)
from finance.ledger import services as ledger
from finance.ledger.models import Account, AccountKind, AccountType, Book, JournalEntry
from finance.ledger.posting import LineDraft, merged
from finance.ledger.selectors import balance_of
from finance.ledger.services.system_accounts import system_account
from finance.receivables import splitting
from finance.receivables.models import (
    BillShare,
    CostGroup,
    GroupMember,
    Person,
    Settlement,
    SharedBill,
    SplitMethod,
)
from finance.receivables.selectors import behind, debts_to_pass_on
from finance.receivables.services.keeping import changing, checked_text, current_entry, lock
from finance.receivables.services.people import account_with, check_account
from finance.receivables.settling import debts_of_bill
from finance.receivables.splitting import ME
from identity.models import User
from platform_outbox.emit import emit

MOST_PARTIES = 50
_MONEY = (AccountType.ASSET, AccountType.LIABILITY)


@transaction.atomic
def save_group(
    *,
    book: Book,
    group: CostGroup | None = None,
    name: str | None = None,
    people: Sequence[int] | None = None,
    simplify: bool | None = None,
    archived: bool | None = None,
) -> CostGroup:
    """A new cost group, or `group` with what is given. `people` are ids; the household always belongs to it.

    Raises Invalid (name, people), NotFound (people), and Conflict where somebody who shares its bills would leave.
    """
    lock(book)
    if group is None:
        group = CostGroup(book=book)
    if group.pk is None or name is not None:
        group.name = checked_text(name or "", most=120, field="name", needed=True)
    if simplify is not None:
        group.simplify = simplify
    if archived is not None:
        group.archived_at = (group.archived_at or timezone.now()) if archived else None
    group.save()
    if people is not None:
        wanted = set(_people(book, people, field="people"))
        if len(wanted) >= MOST_PARTIES:
            raise Invalid(field="people", reason=_("At most %(most)d take part.") % {"most": MOST_PARTIES})
        there = set(GroupMember.objects.filter(book=book, group=group).values_list("person_id", flat=True))
        leaving = there - wanted
        if BillShare.objects.filter(book=book, bill__group=group, person__in=leaving).exists():
            raise Conflict(field="people", reason=_("Somebody who shares bills of the group cannot leave it."))
        GroupMember.objects.filter(book=book, group=group, person__in=leaving).delete()
        GroupMember.objects.bulk_create(
            [GroupMember(book=book, group=group, person_id=each) for each in sorted(wanted - there)]
        )
    emit(CostGroupSaved(book_id=book.pk, group_id=group.pk))
    return group


@transaction.atomic
def remove_group(*, group: CostGroup) -> None:
    """Remove a group without bills and settlements. Raises Conflict otherwise: archive it instead."""
    if group.bills.exists() or group.settlements.exists():
        raise Conflict(reason=_("The group has bills or settlements; archive it instead."))
    pk, book_id = group.pk, group.book_id
    group.delete()
    emit(CostGroupRemoved(book_id=book_id, group_id=pk))


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
        _people(book, [party for party in parties if party != ME], field=field)
        if members is not None and not members.issuperset(parties):
            raise Invalid(field=field, reason=_("Only members of the group take part in its bills."))
    if any(amount <= 0 for amount in bill.paid.values()) or sum(bill.paid.values()) != bill.total:
        raise Invalid(field="paid", reason=_("What was paid must be positive and sum to the bill."))


def _scope(bill: Bill) -> str:
    """Which bills are kept even with this one: those of its group, or those of the same people outside of groups."""
    if bill.group is not None:
        return f"group {bill.group.pk}"
    return "people " + " ".join(map(str, sorted({*bill.shares, *bill.paid})))


@transaction.atomic
def save_bill(*, book: Book, actor: User | None, bill: Bill, saved: SharedBill | None = None) -> SharedBill:
    """Add a shared bill, or change `saved` to say this. Posts what it means for the household, in one entry.

    Only the own share is spending; what the others owe is a claim, and what others paid for the household a debt.
    Raises as shares_of and post_entry, and Invalid (description, account, category, booked).
    """
    lock(book)
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


@transaction.atomic
def remove_bill(*, bill: SharedBill, actor: User | None, today: datetime.date) -> None:
    """Remove the bill; its entry is reversed. Raises as reverse_entry."""
    book = bill.book
    lock(book)
    reverse_of(book=book, actor=actor, root=bill.entry, today=today)
    pk = bill.pk
    bill.delete()
    emit(SharedBillRemoved(book_id=book.pk, bill_id=pk))


def reverse_of(*, book: Book, actor: User | None, root: JournalEntry | None, today: datetime.date) -> None:
    """Reverse the version of an entry that counts, if there is one."""
    if root is not None:
        with changing():
            ledger.reverse_entry(entry=current_entry(book=book, root=root), actor=actor, on=today)


@transaction.atomic
def settle(
    *,
    book: Book,
    actor: User | None,
    date: datetime.date,
    payer: int,
    payee: int,
    currency: str,
    amount: int,
    account: Account | None = None,
    group: CostGroup | None = None,
    note: str = "",
) -> Settlement:
    """Record that `payer` paid `payee` (ids of people, or ME); `account` is the household's, where it takes part.

    It is neither income nor spending. Raises Invalid (payee, amount, account), NotFound and as post_entry.
    """
    lock(book)
    if payer == payee:
        raise Invalid(field="payee", reason=_("Two different people settle."))
    if amount <= 0:
        raise Invalid(field="amount", reason=_("Enter a positive amount."))
    money.exponent(currency, field="currency")
    _people(book, [each for each in (payer,) if each != ME], field="payer")
    _people(book, [each for each in (payee,) if each != ME], field="payee")
    note, entry = checked_text(note, most=200, field="note"), None
    if ME in (payer, payee):
        if account is None:
            raise Invalid(field="account", reason=_("Say which account the money came from or went to."))
        check_account(account, types=_MONEY, field="account", currency=currency)
        person = Person.objects.get(book=book, pk=payee if payer == ME else payer)
        person.book = book
        sign = 1 if payer == ME else -1
        claim = account_with(person=person, currency=currency, actor=actor)
        entry = ledger.post_entry(
            book=book, actor=actor, date=date, payee=person.name, description=note or _("Settled"),
            lines=[
                LineDraft(account_id=claim.pk, amount=sign * amount),
                LineDraft(account_id=account.pk, amount=-sign * amount),
            ],
        )  # fmt: skip
    row = Settlement.objects.create(
        book=book, group=group, kind=Settlement.Kind.PAID, date=date, payer_id=payer or None, payee_id=payee or None,
        currency=currency, amount=amount, account=account if entry else None, entry=entry, note=note, created_by=actor,
    )  # fmt: skip
    emit(SettlementRecorded(book_id=book.pk, settlement_id=row.pk))
    return row


@transaction.atomic
def settle_across(
    *,
    person: Person,
    actor: User | None,
    date: datetime.date,
    currency: str,
    against: str,
    rate: Decimal,
    amount: int | None = None,
) -> Settlement:
    """Settle what is owed in `currency` with what is owed in `against`, at `rate` units of `currency` for one of `against`.

    `amount` (minor units, positive) is at most the balance, and all of it by default. It is posted as an exchange, rounded
    half away from zero, and the rate is kept. Raises Invalid (currency, against, rate, amount).
    """
    book = person.book
    lock(book)
    if currency == against:
        raise Invalid(field="against", reason=_("Choose two different currencies."))
    if not rate.is_finite() or not Decimal("0.0000000001") <= rate <= Decimal(10) ** 12:
        raise Invalid(field="rate", reason=_("Enter a positive rate."))
    source = account_with(person=person, currency=currency, actor=actor)
    target = account_with(person=person, currency=against, actor=actor)
    balance = balance_of(account=source, as_of=date)
    wanted = abs(balance) if amount is None else amount
    if not balance:
        raise Invalid(field="currency", reason=_("Nothing is owed in %(currency)s.") % {"currency": currency})
    if not 0 < wanted <= abs(balance):
        told = {"amount": money.format_amount(abs(balance), currency=currency), "currency": currency}
        raise Invalid(field="amount", reason=_("At most %(amount)s %(currency)s is owed.") % told)
    value = Fraction(money.to_decimal(wanted, currency=currency)) / Fraction(rate) * 10 ** money.exponent(against)
    other = money.divided(value.numerator, value.denominator)
    if not other:
        raise Invalid(field="amount", reason=_("It comes to nothing in %(currency)s.") % {"currency": against})
    giving, taking = ((source, wanted), (target, other)) if balance > 0 else ((target, other), (source, wanted))
    entry = ledger.exchange(
        book=book, actor=actor, date=date, source_account=giving[0], source_amount=giving[1],
        target_account=taking[0], target_amount=taking[1], payee=person.name,
        description=_("Settled at %(rate)s %(currency)s per %(against)s")
        % {"rate": f"{rate.normalize():f}", "currency": currency, "against": against},
    )  # fmt: skip
    ours = balance < 0
    row = Settlement.objects.create(
        book=book, kind=Settlement.Kind.EXCHANGED, date=date, payer=None if ours else person,
        payee=person if ours else None, currency=currency, amount=wanted, against_currency=against,
        against_amount=other, rate=rate, entry=entry, created_by=actor,
    )  # fmt: skip
    emit(SettlementRecorded(book_id=book.pk, settlement_id=row.pk))
    return row


@transaction.atomic
def pass_on_debts(*, group: CostGroup, actor: User | None, date: datetime.date) -> list[Settlement]:
    """Pass debts on inside the group so that the fewest payments settle it; nobody's balance changes.

    What the household owes or is owed is moved between the people's accounts by one entry per currency.
    """
    book = group.book
    lock(book)
    made = []
    for currency, moves in debts_to_pass_on(group=group, as_of=date).items():
        lines = []
        for debt in moves:
            if ME in (debt.debtor, debt.creditor):
                other, sign = (debt.creditor, -1) if debt.debtor == ME else (debt.debtor, 1)
                person = Person.objects.get(book=book, pk=other)
                person.book = book
                account = account_with(person=person, currency=currency, actor=actor)
                lines.append(LineDraft(account_id=account.pk, amount=sign * debt.amount))
        entry = None
        if lines:
            title = _("Debts passed on in %(group)s") % {"group": group.name}
            entry = ledger.post_entry(book=book, actor=actor, date=date, payee=title, lines=lines)
        for debt in moves:
            # As if the creditor had paid the debtor.
            row = Settlement.objects.create(
                book=book, group=group, kind=Settlement.Kind.ASSIGNED, date=date, payer_id=debt.creditor or None,
                payee_id=debt.debtor or None, currency=currency, amount=debt.amount, entry=entry, created_by=actor,
            )  # fmt: skip
            emit(SettlementRecorded(book_id=book.pk, settlement_id=row.pk))
            made.append(row)
    return made


@transaction.atomic
def remove_settlement(*, settlement: Settlement, actor: User | None, today: datetime.date) -> None:
    """Remove a payment or an exchange; its entry is reversed. Raises Conflict for debts that were passed on."""
    if settlement.kind == Settlement.Kind.ASSIGNED:
        raise Conflict(reason=_("Debts that were passed on stay: they changed nobody's balance."))
    lock(settlement.book)
    reverse_of(book=settlement.book, actor=actor, root=settlement.entry, today=today)
    pk, book_id = settlement.pk, settlement.book_id
    settlement.delete()
    emit(SettlementRemoved(book_id=book_id, settlement_id=pk))


def _people(book: Book, ids: Sequence[int], *, field: str) -> list[int]:
    """The ids, all of people of the book. Raises NotFound, which names `field`."""
    found = set(Person.objects.filter(book=book, pk__in=ids).values_list("pk", flat=True))
    if not found.issuperset(ids):
        raise NotFound(thing="person", field=field)
    return list(ids)
