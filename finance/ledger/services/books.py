from collections.abc import Iterator, Sequence

from django.db import connection, transaction
from django.utils.translation import gettext as _

from finance import money
from finance.errors import Invalid
from finance.events.books import BookCreated, BookRenamed, BookTimeZoneChanged
from finance.ledger.models import Account, AccountType, Book, Membership, Role
from finance.ledger.templates import TEMPLATES, Node
from identity.models import User
from identity.time_zones import all_time_zones
from platform_outbox.emit import emit

_NEXT_IDS = "SELECT nextval(pg_get_serial_sequence('finance_account', 'id')) FROM generate_series(1, %s)"


@transaction.atomic
def create_book(
    *,
    owner: User,
    name: str,
    base_currency: str,
    time_zone: str,
    template: str | None = "household",
    is_demo: bool = False,
) -> Book:
    """Open a book with the accounts of the template ("household", "freelancer", or None for an empty tree).

    `time_zone` is an IANA name; posting dates are days in it. A demo book is erased without grace once it is deleted.
    Raises Invalid or CurrencyUnknown.
    """
    name = check_name(name)
    money.exponent(base_currency, field="base_currency")
    _check_time_zone(time_zone)
    if template is not None and template not in TEMPLATES:
        raise Invalid(field="template", reason=_("There is no template named %(template)s.") % {"template": template})
    book = Book.objects.create(name=name, base_currency=base_currency, time_zone=time_zone, is_demo=is_demo)
    Membership.objects.create(book=book, user=owner, role=Role.OWNER)
    _plant(book=book, template=TEMPLATES.get(template or "", ()))
    emit(BookCreated(book_id=book.pk))
    return book


@transaction.atomic
def rename_book(*, book: Book, actor: User | None, name: str) -> Book:
    """Give the book another name."""
    book.name = check_name(name)
    book.save(update_fields=["name"])
    emit(BookRenamed(book_id=book.pk))
    return book


@transaction.atomic
def change_time_zone(*, book: Book, actor: User | None, time_zone: str) -> Book:
    """Change the time zone (an IANA name), which decides what day it is now. Dates of entries stay. Raises Invalid."""
    _check_time_zone(time_zone)
    if time_zone != book.time_zone:
        book.time_zone = time_zone
        book.save(update_fields=["time_zone"])
        emit(BookTimeZoneChanged(book_id=book.pk, time_zone=time_zone))
    return book


def _check_time_zone(time_zone: str) -> None:
    if time_zone not in all_time_zones():
        raise Invalid(
            field="time_zone",
            reason=_("%(time_zone)s is not the name of a time zone, such as Europe/Berlin.") % {"time_zone": time_zone},
        )


def check_name(name: str) -> str:
    """The name without outer blanks; raises Invalid where it is empty or too long."""
    stripped = name.strip()
    if not stripped:
        raise Invalid(field="name", reason=_("A name is needed."))
    if len(stripped) > 120:
        raise Invalid(field="name", reason=_("A name has at most 120 characters."))
    if "\x00" in stripped:
        raise Invalid(field="name", reason=_("A name cannot hold a null character."))
    return stripped


def _plant(*, book: Book, template: Sequence[tuple[AccountType, Node]]) -> None:
    """All accounts of the template with two statements, each parent before its children."""
    accounts = [account for account_type, root in template for account in _tree(book, account_type, root, parent=None)]
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_IDS, [len(accounts)])
        for account, (number,) in zip(accounts, cursor.fetchall(), strict=True):
            account.pk = number
    Account.objects.bulk_create(accounts)


def _tree(book: Book, account_type: AccountType, node: Node, *, parent: Account | None) -> Iterator[Account]:
    account = Account(
        book=book,
        parent=parent,
        name=str(node.name),
        type=account_type,
        kind=node.kind,
        currency=book.base_currency,
    )
    yield account
    for child in node.children:
        yield from _tree(book, account_type, child, parent=account)
