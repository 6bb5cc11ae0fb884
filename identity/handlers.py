"""Mails of identity, sent by the outbox's external pool."""

from django.core.mail import EmailMultiAlternatives
from django.utils import translation

from identity import mail, passwords, signup
from identity.events import MailWanted, PasswordResetRequested, SignupRequested
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
        with translation.override(event.language):
            if isinstance(event, SignupRequested):
                message = signup.link_mail(event)
            else:
                message = passwords.link_mail(event)
    if message is not None:
        mail.deliver(message, context)
