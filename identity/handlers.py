"""Mails of identity, sent by the outbox's external pool."""

from django.core.mail import EmailMultiAlternatives
from django.utils import translation

from identity import mail, passwords, signup
from identity.events import MailWanted, PasswordResetRequested, SignupRequested
from identity.languages import language_of
from identity.models import User
from platform_outbox.registry import Context, on


@on(
    MailWanted,
    SignupRequested,
    PasswordResetRequested,
    name="identity.mail",
    io=True,
    ordered=False,
    destination=mail.server,
)
def send_mail(event: MailWanted | SignupRequested | PasswordResetRequested, context: Context) -> None:
    """Send the mail that the event is about. Sent twice, it has the same Message-ID."""
    message: EmailMultiAlternatives | None
    if isinstance(event, MailWanted):
        message = mail.message_of(to=event.to, subject=event.subject, text=event.text, html=event.html)
    else:
        if isinstance(event, SignupRequested):
            with translation.override(event.language):
                message = signup.link_mail(event)
        else:
            user = User.objects.filter(pk=event.user_id).first()
            with translation.override(language_of(user, otherwise=event.language)):
                message = passwords.link_mail(event)
    if message is not None:
        mail.deliver(message, context)
