"""Mails: announced with the change that causes them, written and sent by the outbox's external pool.

A mail server that is down delays mails, and loses none. A link that opens something is not stored on its way: such a
mail is an event of its own, which carries only what its link is made of, and is composed when it is sent.
"""

import email.utils
import smtplib
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.template.loader import render_to_string
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language

from identity.events import MailWanted
from identity.languages import in_language_of
from platform_outbox.emit import emit
from platform_outbox.registry import Context, Deferred, DestinationUnavailable, PermanentError

# These say that the server, or how we are known to it, is out of order; other mails would fare no better.
_SERVER_TROUBLE = (
    smtplib.SMTPConnectError,
    smtplib.SMTPServerDisconnected,
    smtplib.SMTPHeloError,
    smtplib.SMTPAuthenticationError,
    smtplib.SMTPNotSupportedError,
    smtplib.SMTPSenderRefused,
)


def base_url(request: HttpRequest) -> str:
    """Where links in mails lead: SITE_URL, or else the host that the request named (limited by ALLOWED_HOSTS).

    The host's port is the caller's word alone, and is not taken: it could lead to another server on the same machine. Without
    SITE_URL it comes from CSRF_TRUSTED_ORIGINS, from the socket that the request came in at, or behind a proxy is the usual one.
    """
    if settings.SITE_URL:
        return str(settings.SITE_URL).rstrip("/")
    host, _port = split_domain_port(request.get_host())
    for origin in settings.CSRF_TRUSTED_ORIGINS:
        if urlsplit(origin).netloc.partition(":")[0] == host:
            return str(origin).rstrip("/")
    port = "" if settings.TRUSTED_PROXY_COUNT else request.META["SERVER_PORT"]
    usual = port in ("", "443" if request.is_secure() else "80")
    return f"{request.scheme}://{host}" if usual else f"{request.scheme}://{host}:{port}"


def destination() -> str:
    """Where mails go: "sent" by SMTP, to the "log" of a development server, or "nowhere" without a mail server."""
    if settings.EMAIL_HOST:
        return "sent"
    return "nowhere" if settings.PRODUCTION else "log"


def send_after_commit(*, to: str, template: str, context: dict[str, Any]) -> None:
    """Render `<template>.subject.txt`, `.txt` and `.html` now, in the reader's language; the mail leaves after the commit.

    What it says stays readable in the outbox for a while, so it must not hold a link that opens something.
    """
    with in_language_of(email=to, otherwise=get_language() or ""):
        message = compose(to=to, template=template, context=context)
    html = str(message.alternatives[0][0])
    with transaction.atomic():
        emit(MailWanted(to=to, template=template, subject=str(message.subject), text=str(message.body), html=html))


def compose(*, to: str, template: str, context: dict[str, Any]) -> EmailMultiAlternatives:
    """The mail of `<template>.subject.txt`, `.txt` and `.html`, in the language that is active."""
    subject = " ".join(render_to_string(f"{template}.subject.txt", context).split())
    return message_of(
        to=to,
        subject=subject,
        text=render_to_string(f"{template}.txt", context),
        html=render_to_string(f"{template}.html", context),
    )


def message_of(*, to: str, subject: str, text: str, html: str) -> EmailMultiAlternatives:
    """A mail in plain text and HTML."""
    message = EmailMultiAlternatives(subject, text, None, [to])
    message.attach_alternative(html, "text/html")
    return message


class MailNotSent(Exception):
    """A test mail was not sent; the message says why and what to do."""


def send_test(*, to: Sequence[str]) -> str:
    """Send a test mail now, past the outbox, and return who took it. Raises MailNotSent."""
    if destination() != "sent":
        raise MailNotSent(
            "Mail is not set up: EMAIL_HOST is empty, so no mail is sent. Set EMAIL_HOST and the related settings."
        )
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    sentence = f"{settings.SITE_URL or 'LifeOS'} sent this mail to find out whether its mails arrive. They do.\n"
    try:
        EmailMultiAlternatives("LifeOS: test mail", sentence, None, list(to)).send()
    except smtplib.SMTPException as error:
        raise MailNotSent(f"{where} did not accept the mail: {_told(error)}") from error
    except OSError as error:
        raise MailNotSent(f"{where} cannot be reached: {error.strerror or error or type(error).__name__}") from error
    return where


def server(event: object = None) -> str:
    """The server that mails go through, as the outbox's breakers name it."""
    return str(settings.EMAIL_HOST or settings.EMAIL_BACKEND.split(".")[-2])


def deliver(message: EmailMultiAlternatives, context: Context) -> None:
    """Send the mail; for handlers of the outbox.

    A mail that is sent again, because a worker died in between, has the same Message-ID, by which mail programs know
    a copy. Raises DestinationUnavailable, Deferred or PermanentError; none of them quotes the mail.
    """
    message.extra_headers["Message-ID"] = message_id(context)
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        # One recipient, one answer.
        code, answer = next(iter(error.recipients.values()))
        raise _refusal(code, answer) from None
    except _SERVER_TROUBLE as error:
        raise DestinationUnavailable(f"The mail server: {_told(error)}") from None
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, error.smtp_error) from None
    except OSError as error:
        raise DestinationUnavailable(f"The mail server cannot be reached: {type(error).__name__}") from error


def message_id(context: Context) -> str:
    """The same for each attempt at one mail, and no other mail's."""
    made_of = f"{context.idempotency_key} {context.emitted_at.isoformat()}"
    _, address = email.utils.parseaddr(settings.DEFAULT_FROM_EMAIL)
    digest = salted_hmac("identity.mail", made_of, algorithm="sha256").hexdigest()[:40]
    return f"<{digest}@{address.rpartition('@')[2] or 'localhost'}>"


def _refusal(code: int, answer: bytes | str) -> Exception:
    words = f"The mail server refused the mail: {code} {_text(answer)}"
    if code == 421:
        return DestinationUnavailable(words)
    return Deferred(words) if code < 500 else PermanentError(words)


def _told(error: smtplib.SMTPException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__}: {error.smtp_code} {_text(error.smtp_error)}"
    return f"{type(error).__name__}: {error}"


def _text(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())[:200]
