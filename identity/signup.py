"""Sign-up in two steps: ask for a link by mail, then follow it and choose a name and password.

Nothing is stored in between: the link carries the address, signed. So an account exists only for an address whose reader opened the link,
nobody can prepare an account for somebody else, and the first step gives the same answer for known and new addresses.
"""

import dataclasses

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language, gettext

from identity import audit, mail
from identity.allowance import allow
from identity.events import SignupRequested
from identity.models import AccessPolicy, User, normalize_email
from platform_outbox.emit import emit

LINK_SALT = "identity.signup"
LINK_SECONDS = 24 * 3600
MAILS_PER_HOUR = 3


class SignupError(Exception):
    """The account could not be created."""

    code = "signup_error"

    def __init__(self) -> None:
        super().__init__(gettext(type(self).__doc__ or ""))


class SignupClosed(SignupError):
    """Signing up is closed here. Ask the operator, or a member of the book, for an invitation."""

    code = "signup_closed"


class LinkInvalid(SignupError):
    """This link is not valid, or it is older than a day. Please ask for a new one."""

    code = "link_invalid"


class AccountExists(SignupError):
    """There is an account for this address already. Please sign in."""

    code = "account_exists"


@dataclasses.dataclass(frozen=True, slots=True)
class SignupLink:
    """What a valid link says: whose address it proves, and whether it counts also while sign-up is closed."""

    email: str
    invited: bool


def signup_is_open() -> bool:
    """Whether anyone may sign up: the environment allows it and no operator switched it off."""
    if not settings.SIGNUP_ENABLED:
        return False
    closed = AccessPolicy.objects.filter(pk=AccessPolicy.ONLY_PK, signup_open=False).exists()
    return not closed


def request_signup(*, email: str, base_url: str, invited: bool = False, next_path: str = "") -> None:
    """Mail a link that creates an account, or a note that there is one; at most three an hour to one address.

    `invited` must be set only by callers who know that the address was invited. Raises SignupClosed.
    """
    if not invited and not signup_is_open():
        raise SignupClosed()
    email = normalize_email(email)
    if not allow(what="signup-mail", whose=email, limit=MAILS_PER_HOUR, seconds=3600):
        return
    with transaction.atomic():
        emit(
            SignupRequested(
                email=email, invited=invited, next_path=next_path, base_url=base_url, language=get_language() or ""
            )
        )


def link_mail(event: SignupRequested) -> EmailMultiAlternatives | None:
    """The mail with the link, made now: nothing that creates an account waits in the outbox.

    None if sign-up was closed meanwhile.
    """
    if not event.invited and not signup_is_open():
        return None
    known = User.objects.filter(email=event.email).exists()
    path = signup_path(email=event.email, invited=event.invited, next_path=event.next_path)
    context = {
        "link": f"{event.base_url}{path}",
        "sign_in_link": f"{event.base_url}{reverse('login')}",
        "reset_link": f"{event.base_url}{reverse('password_reset')}",
    }
    template = "identity/mail/signup_known" if known else "identity/mail/signup"
    return mail.compose(to=event.email, template=template, context=context)


def signup_path(*, email: str, invited: bool, next_path: str = "") -> str:
    """The path of the page where the address's reader creates an account."""
    token = signing.dumps({"email": normalize_email(email), "invited": invited}, salt=LINK_SALT)
    query = f"?{urlencode({'next': next_path})}" if next_path else ""
    return reverse("signup_complete", args=[token]) + query


def read_signup_link(*, token: str) -> SignupLink:
    """What the link says; raises LinkInvalid, or SignupClosed if the operator closed sign-up meanwhile."""
    try:
        content = signing.loads(token, salt=LINK_SALT, max_age=LINK_SECONDS)
    except signing.BadSignature as error:
        raise LinkInvalid() from error
    link = SignupLink(email=content["email"], invited=content["invited"])
    if not link.invited and not signup_is_open():
        raise SignupClosed()
    return link


def complete_signup(*, token: str, name: str, password: str, time_zone: str = "") -> User:
    """Create the account that the link is for.

    Raises LinkInvalid, SignupClosed, AccountExists (also for a link used twice), or Django's ValidationError for a weak password.
    """
    link = read_signup_link(token=token)
    validate_password(password, User(email=link.email, name=name))
    try:
        with transaction.atomic():
            user = User.objects.create_user(link.email, password, name=name.strip(), time_zone=time_zone)
            audit.record(action=audit.Action.SIGNED_UP, actor=user)
    except IntegrityError as error:
        raise AccountExists() from error
    return user
