"""Who may see and change a book: invitations, roles, leaving.

Every function takes the book's row first, so that two changes of one book's members happen one after the other and a
book never loses its last owner.
"""

import base64
import dataclasses
import datetime
import hashlib
import secrets
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from finance.errors import Conflict, Forbidden, Invalid, NotFound
from finance.events.books import (
    InvitationIssued,
    MemberAccountsChanged,
    MemberInvited,
    MemberJoined,
    MemberRemoved,
    MemberRoleChanged,
)
from finance.ledger.models import Book, Invitation, Membership, Role
from finance.ledger.services.seeing import checked_accounts, keep_seen
from finance.ledger.visibility import seen_ids
from identity import audit, mail
from identity.allowance import allow
from identity.languages import in_language_of
from identity.models import User, check_email
from platform_outbox.emit import emit

INVITATIONS_PER_DAY = 50
INVITATION_LIFE = datetime.timedelta(days=7)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FreshInvitation:
    """An invitation together with its link. The token can be made again of the invitation and SECRET_KEY only."""

    invitation: Invitation
    token: str
    link: str


@transaction.atomic
def invite_member(
    *, book: Book, actor: User | None, email: str, role: Role, now: datetime.datetime, base_url: str,
    account_ids: Collection[int] | None = None,
) -> FreshInvitation:  # fmt: skip
    """Invite the reader of the address by mail; an earlier open invitation to it stops working. For owners only.

    The link starts with `base_url`. It is returned as well, in case the mail is lost; unlike the mailed one it does not
    prove that its user reads the address. `account_ids` are the accounts that the member will see, None: all.
    Raises Forbidden, Invalid (not an address), NotFound (no such account), Conflict (a member already).
    """
    try:
        email = check_email(email)
    except ValidationError as error:
        raise Invalid(field="email", reason=_("This is not an e-mail address.")) from error
    lock_for_owner(book=book, actor=actor)
    if Membership.objects.filter(book=book, user__email=email).exists():
        raise Conflict(field="email", reason=_("%(email)s is already a member of this book.") % {"email": email})
    seen = None
    if account_ids is not None:
        if role == Role.OWNER:
            raise Conflict(field="accounts", reason=_("Owners see all accounts."))
        seen = sorted(checked_accounts(book=book, account_ids=account_ids))
    nonce = secrets.token_urlsafe(24)
    token = _token(nonce, settings.SECRET_KEY)
    Invitation.objects.filter(book=book, email=email, accepted_at=None).delete()
    invitation = Invitation.objects.create(
        book=book,
        email=email,
        role=role,
        account_ids=seen,
        nonce=nonce,
        token_hash=_hash(token),
        invited_by=actor,
        expires_at=now + INVITATION_LIFE,
    )
    _record(audit.Action.MEMBER_INVITED, book=book, actor=actor, target=email, role=role, accounts=seen)
    emit(MemberInvited(book_id=book.pk, invitation_id=invitation.pk))
    emit(InvitationIssued(invitation_id=invitation.pk, base_url=base_url, language=get_language() or ""))
    return FreshInvitation(invitation=invitation, token=token, link=f"{base_url}{invitation_path(token)}")


@transaction.atomic
def revoke_invitation(*, invitation: Invitation, actor: User | None) -> None:
    """Make an open invitation's link useless. For owners only. Raises Forbidden, NotFound if it is not open."""
    lock_for_owner(book=invitation.book, actor=actor)
    deleted, _by_model = Invitation.objects.filter(pk=invitation.pk, accepted_at=None).delete()
    if not deleted:
        raise NotFound(thing="invitation")
    _record(audit.Action.INVITATION_REVOKED, book=invitation.book, actor=actor, target=invitation.email)


def may_invite(*, book: Book) -> bool:
    """Count one more invitation to the book and tell whether it is within a day's."""
    return allow(what="invitation", whose=f"book:{book.pk}", limit=INVITATIONS_PER_DAY, seconds=24 * 3600)


def open_invitation(*, token: str, now: datetime.datetime) -> Invitation:
    """The invitation behind a link that still works.

    Raises NotFound if it is unknown, used, revoked or too old, or its book was deleted.
    """
    invitation = (
        Invitation.objects.select_related("book", "invited_by")
        .filter(token_hash=_hash(token), accepted_at=None, expires_at__gt=now, book__deleted_at=None)
        .first()
    )
    if invitation is None:
        raise NotFound(thing="invitation")
    return invitation


@transaction.atomic
def accept_invitation(*, token: str, user: User, now: datetime.datetime) -> Membership:
    """Make the user a member. The link works once, for the invited address only, while its inviter is an owner.

    Raises NotFound (unknown, used, revoked, too old), Forbidden (signed in with another address), Conflict (a member already).
    """
    found = open_invitation(token=token, now=now)
    Book.objects.select_for_update(no_key=True).get(pk=found.book_id)
    # Read again under the lock: of two acceptances at once, the second finds it used.
    invitation = open_invitation(token=token, now=now)
    check_addressee(invitation=invitation, user=user)
    if Membership.objects.filter(book=invitation.book, user=user).exists():
        raise Conflict(reason=_("You are already a member of this book."))
    membership = Membership.objects.create(book=invitation.book, user=user, role=invitation.role)
    if invitation.account_ids is not None:
        keep_seen(membership, invitation.account_ids)
    invitation.accepted_at = now
    invitation.save(update_fields=["accepted_at"])
    _record(
        audit.Action.MEMBER_JOINED, book=invitation.book, actor=user, target=user.email, role=invitation.role,
        accounts=invitation.account_ids,
    )  # fmt: skip
    emit(MemberJoined(book_id=invitation.book_id, user_id=user.pk, role=invitation.role))
    return membership


def check_addressee(*, invitation: Invitation, user: User) -> None:
    """Raise Forbidden unless the invitation was sent to the user's own address."""
    if invitation.email != user.email:
        refusal = Forbidden()
        refusal.detail = _(
            "This invitation was sent to %(invited)s, but you are signed in as %(user)s. "
            "Sign out and use the link again, or ask for an invitation to your address."
        ) % {"invited": invitation.email, "user": user.email}
        raise refusal


@transaction.atomic
def change_role(*, membership: Membership, actor: User | None, role: Role) -> Membership:
    """Give a member another role. For owners only; the last owner stays one. Owners see all accounts.

    Raises Forbidden, NotFound, Conflict.
    """
    lock_for_owner(book=membership.book, actor=actor)
    current = _current(membership)
    if current.role == role:
        return current
    _keep_an_owner(current, losing=role != Role.OWNER)
    if role == Role.OWNER and not current.sees_all:
        keep_seen(current, None)
        emit(MemberAccountsChanged(book_id=current.book_id, user_id=current.user_id, sees_all=True))
    current.role = role
    current.save(update_fields=["role"])
    if role != Role.OWNER:
        _forget_invitations_by(current)
    _record(audit.Action.MEMBER_ROLE_CHANGED, book=current.book, actor=actor, target=current.user.email, role=role)
    emit(MemberRoleChanged(book_id=current.book_id, user_id=current.user_id, role=role.value))
    return current


@transaction.atomic
def set_seen_accounts(*, membership: Membership, actor: User | None, account_ids: Collection[int] | None) -> Membership:
    """Let a member see these accounts only, which hold or owe money; None: all. For owners only.

    Raises Forbidden, NotFound (no member, no such account), Conflict (the member is an owner), Invalid (none chosen).
    """
    lock_for_owner(book=membership.book, actor=actor)
    member = _current(membership)
    wanted = None if account_ids is None else checked_accounts(book=member.book, account_ids=account_ids)
    if wanted is not None and member.role == Role.OWNER:
        raise Conflict(field="accounts", reason=_("Owners see all accounts. Give them another role first."))
    if wanted == seen_ids(membership=member):
        return member
    keep_seen(member, wanted)
    _record(
        audit.Action.MEMBER_ACCOUNTS_CHANGED, book=member.book, actor=actor, target=member.user.email,
        accounts="all" if wanted is None else sorted(wanted),
    )  # fmt: skip
    emit(MemberAccountsChanged(book_id=member.book_id, user_id=member.user_id, sees_all=wanted is None))
    return member


@transaction.atomic
def remove_member(*, membership: Membership, actor: User | None) -> None:
    """Take a member's access away. For owners only; the last owner stays. Raises Forbidden, NotFound, Conflict."""
    lock_for_owner(book=membership.book, actor=actor)
    _end(_current(membership), actor=actor, action=audit.Action.MEMBER_REMOVED)


@transaction.atomic
def leave_book(*, book: Book, user: User) -> None:
    """Leave the book; the last owner cannot. Raises NotFound for strangers, Conflict."""
    Book.objects.select_for_update(no_key=True).get(pk=book.pk)
    membership = Membership.objects.select_related("user", "book").filter(book=book, user=user).first()
    if membership is None:
        raise NotFound(thing="book")
    _end(membership, actor=user, action=audit.Action.MEMBER_LEFT)


def invitation_path(token: str) -> str:
    """Where the link leads."""
    return reverse("web:invitation", args=[token])


def mailed_link_is_genuine(*, token: str, proof: str) -> bool:
    """Whether the link came out of the mail, so that its user reads the invited address."""
    return any(constant_time_compare(proof, _proof(token, secret)) for secret in _secrets())


def invitation_mail(event: InvitationIssued, *, now: datetime.datetime) -> EmailMultiAlternatives | None:
    """The mail with the link, in the language of whom it is for.

    None if the invitation has been revoked, replaced or used meanwhile, or is too old.
    """
    invitation = (
        Invitation.objects.select_related("book", "invited_by")
        .filter(pk=event.invitation_id, accepted_at=None, expires_at__gt=now, book__deleted_at=None)
        .first()
    )
    if invitation is None:
        return None
    tokens = (_token(invitation.nonce, secret) for secret in _secrets())
    token = next((token for token in tokens if _hash(token) == invitation.token_hash), None)
    if token is None:  # it was made with a secret that counts no longer
        return None
    inviter = invitation.invited_by
    with in_language_of(email=invitation.email, otherwise=event.language):
        context = {
            "invitation": invitation,
            "book": invitation.book,
            "inviter": inviter.get_full_name() if inviter else _("The operator"),
            "link": f"{event.base_url}{invitation_path(token)}?{urlencode({'proof': _proof(token, settings.SECRET_KEY)})}",
        }
        return mail.compose(to=invitation.email, template="web/mail/invitation", context=context)


def lock_for_owner(*, book: Book, actor: User | None) -> None:
    """Take the book's row, then see whether the actor is an owner now; None acts for the operator.

    Not the key: postings that refer to the book need not wait. Raises Forbidden for members of a lower role, NotFound
    for strangers.
    """
    Book.objects.select_for_update(no_key=True).get(pk=book.pk)
    if actor is None:
        return
    role = Membership.objects.filter(book=book, user=actor).values_list("role", flat=True).first()
    if role is None:
        raise NotFound(thing="book")
    if role != Role.OWNER:
        raise Forbidden()


def _current(membership: Membership) -> Membership:
    found = Membership.objects.select_related("user", "book").filter(pk=membership.pk).first()
    if found is None:
        raise NotFound(thing="member")
    return found


def _keep_an_owner(membership: Membership, *, losing: bool) -> None:
    if not losing or membership.role != Role.OWNER:
        return
    others = Membership.objects.filter(book=membership.book, role=Role.OWNER).exclude(pk=membership.pk)
    if not others.exists():
        raise Conflict(reason=_("A book needs an owner. Make somebody else an owner first."))


def _end(membership: Membership, *, actor: User | None, action: audit.Action) -> None:
    _keep_an_owner(membership, losing=True)
    _forget_invitations_by(membership)
    membership.delete()
    _record(action, book=membership.book, actor=actor, target=membership.user.email)
    emit(MemberRemoved(book_id=membership.book_id, user_id=membership.user_id))


def _forget_invitations_by(membership: Membership) -> None:
    """The invitations of a former owner stop working, including links sent before."""
    Invitation.objects.filter(book=membership.book, invited_by=membership.user, accepted_at=None).delete()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _token(nonce: str, secret: str) -> str:
    """A mail is written after the transaction; so the token must be found again, but not in the database alone."""
    digest = salted_hmac("finance.invitation.token", nonce, secret=secret, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _secrets() -> list[str]:
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def _record(
    action: audit.Action, *, book: Book, actor: User | None, target: str, role: str | None = None, accounts: Any = None
) -> None:
    facts: dict[str, Any] = {"book": book.pk} | ({"role": str(role)} if role else {})
    if accounts is not None:
        facts["accounts"] = accounts
    audit.record(action=action, actor=actor, target=target, facts=facts)


def _proof(token: str, secret: str) -> str:
    return salted_hmac("finance.invitation", token, secret=secret, algorithm="sha256").hexdigest()
