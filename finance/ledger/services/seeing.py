"""Which accounts a member sees, and which they leave out of their own figures."""

from collections.abc import Collection

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Invalid, NotFound
from finance.events.books import OwnFiguresChanged
from finance.ledger.access_models import LeftOutAccount, MemberAccount
from finance.ledger.models import Account, AccountKind, Book, Membership
from finance.ledger.visibility import HOLDINGS, left_out_ids, seen_ids
from identity.models import User
from platform_outbox.emit import emit


def keep_seen(member: Membership, account_ids: Collection[int] | None) -> None:
    """Write down what the member sees, and nothing else; under the lock of the book's row."""
    member.sees_all = account_ids is None
    member.save(update_fields=["sees_all"])
    MemberAccount.objects.filter(book_id=member.book_id, membership=member).delete()
    MemberAccount.objects.bulk_create(
        MemberAccount(book_id=member.book_id, membership=member, account_id=each) for each in sorted(account_ids or ())
    )


def checked_accounts(*, book: Book, account_ids: Collection[int], field: str = "accounts") -> frozenset[int]:
    """The ids, if they are accounts of the book that hold or owe money and at least one. Raises NotFound, Invalid."""
    wanted = frozenset(account_ids)
    if not wanted:
        raise Invalid(field=field, reason=_("Choose at least one account."))
    found = Account.objects.filter(book=book, pk__in=wanted)
    known = {each.pk: each for each in found}
    if len(known) < len(wanted):
        raise NotFound(field=field, thing="account")
    for account in known.values():
        if account.type not in HOLDINGS or account.kind == AccountKind.GROUP:
            reason = _("%(name)s is not an account that holds or owes money.") % {"name": account.name}
            raise Invalid(field=field, reason=reason)
    return wanted


@transaction.atomic
def leave_out(*, book: Book, user: User, account_ids: Collection[int]) -> frozenset[int]:
    """Leave these accounts, and no others, out of the member's own figures; everybody else's stay as they are.

    Returns their ids. Raises NotFound (no member; an account that they do not see), Invalid.
    """
    membership = Membership.objects.select_for_update().filter(book=book, user=user).first()
    if membership is None:
        raise NotFound(thing="book")
    wanted = checked_accounts(book=book, account_ids=account_ids, field="left_out") if account_ids else frozenset()
    seen = seen_ids(membership=membership)
    if seen is not None and not wanted <= seen:
        raise NotFound(field="left_out", thing="account")
    if wanted == left_out_ids(book=book, user=user):
        return wanted
    LeftOutAccount.objects.filter(book=book, membership=membership).delete()
    LeftOutAccount.objects.bulk_create(
        LeftOutAccount(book=book, membership=membership, account_id=each) for each in sorted(wanted)
    )
    emit(OwnFiguresChanged(book_id=book.pk, user_id=user.pk))
    return wanted
