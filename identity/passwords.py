"""Changing a password, with or without knowing the old one."""

from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import get_language

from identity import audit, lockout, mail
from identity.allowance import allow
from identity.events import PasswordResetRequested
from identity.models import User, normalize_email
from platform_outbox.emit import emit

MAILS_PER_HOUR = 3


def request_password_reset(*, email: str, base_url: str) -> None:
    """Mail a link to the account's owner; silent if there is none, and beyond three mails an hour."""
    email = normalize_email(email)
    within = allow(what="reset-mail", whose=email, limit=MAILS_PER_HOUR, seconds=3600)
    user = User.objects.filter(email=email, is_active=True).first()
    if user is None or not within or not user.has_usable_password():
        return
    with transaction.atomic():
        audit.record(action=audit.Action.PASSWORD_RESET_ASKED, actor=user)
        emit(PasswordResetRequested(user_id=user.pk, base_url=base_url, language=get_language() or ""))


def link_mail(event: PasswordResetRequested) -> EmailMultiAlternatives | None:
    """The mail with the link, made now; None if the account is gone or closed meanwhile."""
    user = User.objects.filter(pk=event.user_id, is_active=True).first()
    if user is None or not user.has_usable_password():
        return None
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("password_reset_confirm", args=[uid, default_token_generator.make_token(user)])
    context = {"link": f"{event.base_url}{path}", "user": user}
    return mail.compose(to=user.email, template="identity/mail/password_reset", context=context)


@transaction.atomic
def set_password(*, user: User, password: str, base_url: str, forgotten: bool) -> None:
    """Give the (already validated) password to the user, end all other sessions and tokens, and say so by mail.

    `forgotten`: the user came through a link by mail, which also lifts a lock-out of the account.
    """
    user.set_password(password)
    user.save(update_fields=["password"])
    action = audit.Action.PASSWORD_RESET if forgotten else audit.Action.PASSWORD_CHANGED
    audit.record(action=action, actor=user)
    if forgotten:
        lockout.unlock(actor=user, email=user.email)
    mail.send_after_commit(
        to=user.email,
        template="identity/mail/password_changed",
        context={"user": user, "link": f"{base_url}{reverse('password_reset')}"},
    )
