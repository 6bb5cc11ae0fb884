"""Settling up: payments between people, debts passed on, and one currency settled with another."""

import datetime
from decimal import Decimal
from fractions import Fraction

from django.db import transaction
from django.utils.translation import gettext as _

from finance import money
from finance.errors import Conflict, Invalid
from finance.events.people import SettlementRecorded, SettlementRemoved
from finance.ledger import services as ledger
from finance.ledger.models import Account, AccountType, Book
from finance.ledger.posting import LineDraft
from finance.ledger.selectors import balance_of
from finance.receivables.models import CostGroup, Person, Settlement
from finance.receivables.selectors import debts_to_pass_on, settlement_for
from finance.receivables.services.keeping import checked_text, lock
from finance.receivables.services.people import account_with, check_account
from finance.receivables.services.sharing import people_of_book, reverse_of
from finance.receivables.splitting import ME
from identity.models import User
from platform_outbox.emit import emit

_MONEY = (AccountType.ASSET, AccountType.LIABILITY)


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
    people_of_book(book, [each for each in (payer,) if each != ME], field="payer")
    people_of_book(book, [each for each in (payee,) if each != ME], field="payee")
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
    settlement = settlement_for(book=settlement.book, settlement_id=settlement.pk)
    reverse_of(book=settlement.book, actor=actor, root=settlement.entry, today=today)
    pk, book_id = settlement.pk, settlement.book_id
    settlement.delete()
    emit(SettlementRemoved(book_id=book_id, settlement_id=pk))
