"""People, and the accounts on which is kept what they owe."""

import datetime
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Value
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _

from finance import money
from finance.errors import Conflict, Invalid
from finance.events.people import ClaimRemoved, ClaimSaved, PersonRemoved, PersonSaved
from finance.ledger import services as ledger
from finance.ledger.models import Account, AccountKind, AccountType, Book, JournalEntry, Membership
from finance.ledger.posting import LineDraft
from finance.ledger.selectors import balances_of
from finance.receivables.models import (
    BillShare,
    Claim,
    GroupMember,
    Invoice,
    Person,
    PersonAccount,
    RecurringInvoice,
    Settlement,
)
from finance.receivables.selectors import claim_accounts
from finance.receivables.services.keeping import checked_text, lock
from identity.models import User
from platform_outbox.emit import emit

MOST_PEOPLE = 2_000
LONGEST_NAME = 120


@transaction.atomic
def save_person(*, book: Book, person: Person | None = None, changes: Mapping[str, Any]) -> Person:
    """A new person, or `person` with these changes: name, email, address, note, user (a member or None), archived.

    Raises Invalid (name, email, user), Conflict for too many people.
    """
    lock(book)
    if person is None:
        if Person.objects.filter(book=book).count() >= MOST_PEOPLE:
            raise Conflict(reason=_("A book has at most %(most)d people.") % {"most": MOST_PEOPLE})
        person = Person(book=book)
    if person.pk is None or "name" in changes:
        person.name = _checked_name(book, changes.get("name", ""), but=person.pk or 0)
    if "email" in changes:
        person.email = _checked_email(changes["email"] or "")
    if "note" in changes:
        person.note = checked_text(changes["note"] or "", most=500, field="note")
    if "address" in changes:
        person.address = _checked_lines(changes["address"] or "", field="address")
    if "user" in changes:
        user: User | None = changes["user"]
        if user is not None and not Membership.objects.filter(book=book, user_id=user.pk).exists():
            raise Invalid(field="user", reason=_("Only a member of the book can be linked."))
        person.user = user
    if "archived" in changes:
        person.archived_at = (person.archived_at or timezone.now()) if changes["archived"] else None
    person.save()
    emit(PersonSaved(book_id=book.pk, person_id=person.pk))
    return person


def _checked_email(email: str) -> str:
    """The address, or nothing. Raises Invalid."""
    email = checked_text(email, most=254, field="email")
    try:
        if email:
            validate_email(email)
    except ValidationError as error:
        raise Invalid(field="email", reason=_("Enter an e-mail address.")) from error
    return email


def _checked_name(book: Book, name: str, *, but: int) -> str:
    """The name, if no other person of the book has it. Raises Invalid."""
    name = checked_text(name, most=LONGEST_NAME, field="name", needed=True)
    others = Person.objects.filter(book=book).exclude(pk=but).alias(key=Lower("name"))
    if others.filter(key=Lower(Value(name))).exists():
        raise Invalid(field="name", reason=_("There is already a person named %(name)s.") % {"name": name})
    return name


@transaction.atomic
def remove_person(*, person: Person) -> None:
    """Remove a person that nothing was shared with or invoiced. Raises Conflict otherwise: archive them instead."""
    book = person.book
    lock(book)
    used = (
        BillShare.objects.filter(book=book, person=person).exists()
        or Invoice.objects.filter(book=book, person=person).exists()
        or RecurringInvoice.objects.filter(book=book, person=person).exists()
        or Settlement.objects.filter(book=book, payer=person).exists()
        or Settlement.objects.filter(book=book, payee=person).exists()
    )
    if used or any(
        balances_of(account_ids=[a.pk for a in claim_accounts(book=book).get(person.pk, [])], as_of=None).values()
    ):
        raise Conflict(reason=_("There are bills, invoices or debts with this person; archive them instead."))
    GroupMember.objects.filter(book=book, person=person).delete()
    pk = person.pk
    person.delete()
    emit(PersonRemoved(book_id=book.pk, person_id=pk))


@transaction.atomic
def link_account(*, person: Person, account: Account) -> PersonAccount:
    """Keep what the person owes on an account that is there already, such as a private loan. Raises Invalid."""
    lock(person.book)
    _check_claim_kind(account)
    try:
        with transaction.atomic():
            link = PersonAccount.objects.create(book=person.book, person=person, account=account)
    except IntegrityError as error:
        raise Invalid(field="account", reason=_("This account belongs to a person already.")) from error
    emit(PersonSaved(book_id=person.book_id, person_id=person.pk))
    return link


def _check_claim_kind(account: Account) -> None:
    kinds = (AccountKind.RECEIVABLE, AccountKind.PAYABLE, AccountKind.LOAN, AccountKind.OTHER)
    if account.type not in (AccountType.ASSET, AccountType.LIABILITY) or account.kind not in kinds:
        reason = _("Choose an account of kind receivable, payable or loan.")
        raise Invalid(field="account", reason=reason)
    if account.closed_on is not None:
        raise Invalid(field="account", reason=_("The account is closed."))


def account_with(*, person: Person, currency: str, actor: User | None) -> Account:
    """The account for what the person owes in the currency; opened when there is none yet."""
    for account in claim_accounts(book=person.book, person_ids=[person.pk]).get(person.pk, []):
        if account.currency == currency and account.closed_on is None:
            account.book = person.book
            return account
    book = person.book
    money.exponent(currency, field="currency")
    taken: set[tuple[int | None, str]] = set(
        Account.objects.filter(book=book, type=AccountType.ASSET).values_list("parent_id", "name")
    )
    top = (
        Account.objects.filter(book=book, parent=None, type=AccountType.ASSET, kind=AccountKind.GROUP)
        .order_by("pk")
        .first()
    )
    title = _("People")
    parent = Account.objects.filter(
        book=book, parent=top, name=title, type=AccountType.ASSET, kind=AccountKind.GROUP, closed_on=None
    ).first()
    if parent is None:
        parent = ledger.open_account(
            book=book, actor=actor, name=_free_name(title, top.pk if top else None, taken), type=AccountType.ASSET,
            kind=AccountKind.GROUP, currency=book.base_currency, parent=top,
        )  # fmt: skip
    name = person.name if currency == book.base_currency else f"{person.name} {currency}"
    account = ledger.open_account(
        book=book, actor=actor, name=_free_name(name, parent.pk, taken), type=AccountType.ASSET,
        kind=AccountKind.RECEIVABLE, currency=currency, parent=parent,
    )  # fmt: skip
    PersonAccount.objects.create(book=book, person=person, account=account)
    return account


def _free_name(name: str, parent_id: int | None, taken: set[tuple[int | None, str]]) -> str:
    number = 1
    while (parent_id, name if number == 1 else f"{name} ({number})") in taken:
        number += 1
    return name if number == 1 else f"{name} ({number})"


# Kind of movement → (sign on the person's account, type of the other side)
_MONEY = (AccountType.ASSET, AccountType.LIABILITY)
MOVEMENTS: dict[str, tuple[int, tuple[str, ...]]] = {
    "lent": (1, _MONEY),
    "borrowed": (-1, _MONEY),
    "repaid_to_us": (-1, _MONEY),
    "repaid_by_us": (1, _MONEY),
    "interest_earned": (1, (AccountType.INCOME,)),
    "interest_owed": (-1, (AccountType.EXPENSE,)),
    "forgiven_by_us": (-1, (AccountType.EXPENSE,)),
    "forgiven_to_us": (1, (AccountType.INCOME,)),
}


def movement_title(kind: str) -> str:
    """What a kind of movement is called."""
    titles = {
        "lent": _("Lent"), "borrowed": _("Borrowed"), "repaid_to_us": _("Paid back to us"),
        "repaid_by_us": _("Paid back by us"), "interest_earned": _("Interest that they owe us"),
        "interest_owed": _("Interest that we owe"), "forgiven_by_us": _("Forgiven by us"),
        "forgiven_to_us": _("Forgiven to us"),
    }  # fmt: skip
    return titles[kind]


@transaction.atomic
def move(
    *,
    person: Person,
    actor: User | None,
    kind: str,
    date: datetime.date,
    amount: int,
    account: Account,
    claim_account: Account | None = None,
    note: str = "",
    due_on: datetime.date | None = None,
) -> JournalEntry:
    """Post money lent, borrowed or paid back, interest, or a debt forgiven; `amount` is positive, in the account's currency.

    `account` is where the money comes from or goes to, or the category of interest and of what is forgiven. With
    `due_on`, money lent or borrowed is to be paid back by that day. Paying back is neither income nor spending.
    Raises Invalid (kind, amount, account, claim_account, due_on) and as post_entry.
    """
    if kind not in MOVEMENTS:
        raise Invalid(field="kind", reason=_("Choose one of %(kinds)s.") % {"kinds": ", ".join(MOVEMENTS)})
    if amount <= 0:
        raise Invalid(field="amount", reason=_("Enter a positive amount; the kind says which way it goes."))
    sign, types = MOVEMENTS[kind]
    check_account(account, types=types, field="account")
    own = claim_accounts(book=person.book, person_ids=[person.pk]).get(person.pk, [])
    if claim_account is None:
        claim_account = account_with(person=person, currency=account.currency, actor=actor)
    elif claim_account not in own:
        raise Invalid(field="claim_account", reason=_("This is no account of %(name)s.") % {"name": person.name})
    if claim_account.currency != account.currency:
        raise Invalid(field="account", reason=_("Both accounts must be kept in the same currency."))
    if due_on is not None and kind not in ("lent", "borrowed"):
        raise Invalid(field="due_on", reason=_("Only what is lent or borrowed has a due day."))
    entry = ledger.post_entry(
        book=person.book, actor=actor, date=date, payee=person.name, description=note or movement_title(kind),
        lines=[
            LineDraft(account_id=claim_account.pk, amount=sign * amount),
            LineDraft(account_id=account.pk, amount=-sign * amount),
        ],
    )  # fmt: skip
    if due_on is not None:
        save_claim(
            person=person, actor=actor, due_on=due_on, amount=sign * amount, money_account=account, note=note,
            account=claim_account,
        )  # fmt: skip
    return entry


def check_account(account: Account, *, types: tuple[str, ...], field: str, currency: str | None = None) -> None:
    """Raise Invalid, which names `field`, where the account is of another type or currency, or belongs to a person."""
    if account.type not in types:
        wanted = ", ".join(str(AccountType(each).label) for each in types)
        raise Invalid(field=field, reason=_("Choose an account of type %(types)s.") % {"types": wanted})
    if account.type in _MONEY and PersonAccount.objects.filter(book_id=account.book_id, account=account).exists():
        raise Invalid(field=field, reason=_("This account belongs to a person; choose one of your own."))
    if currency is not None and account.currency != currency:
        told = {"name": account.name, "own": account.currency, "currency": currency}
        raise Invalid(field=field, reason=_("%(name)s is kept in %(own)s, not in %(currency)s.") % told)


@transaction.atomic
def save_claim(
    *,
    person: Person,
    actor: User | None,
    due_on: datetime.date,
    amount: int,
    account: Account | None = None,
    currency: str | None = None,
    money_account: Account | None = None,
    note: str = "",
) -> Claim:
    """Say by when a part of what is owed should be paid: `amount` is positive if the person owes it. Raises Invalid.

    It posts nothing: what is owed is the balance of the account, and this says when it is expected.
    """
    if not amount:
        raise Invalid(field="amount", reason=_("Enter an amount."))
    if account is None:
        account = account_with(person=person, currency=currency or person.book.base_currency, actor=actor)
    if money_account is not None:
        check_account(money_account, types=_MONEY, field="money_account", currency=account.currency)
    claim = Claim.objects.create(
        book=person.book, person=person, account=account, due_on=due_on, amount=amount, money_account=money_account,
        note=checked_text(note, most=200, field="note"), created_by=actor,
    )  # fmt: skip
    emit(ClaimSaved(book_id=person.book_id, claim_id=claim.pk))
    return claim


@transaction.atomic
def remove_claim(*, claim: Claim) -> None:
    """Forget the due day; what is owed stays."""
    pk, book_id = claim.pk, claim.book_id
    claim.delete()
    emit(ClaimRemoved(book_id=book_id, claim_id=pk))


def _checked_lines(text: str, *, field: str) -> str:
    lines = [" ".join(line.split()) for line in text.strip().splitlines()]
    joined = "\n".join(lines)
    if len(joined) > 500 or "\x00" in joined:
        raise Invalid(field=field, reason=_("Enter at most %(most)d characters.") % {"most": 500})
    return joined
