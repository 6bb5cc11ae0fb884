"""Mails: rendered in the request, sent beside it.

Sending in the background keeps answers alike: whether a mail went out, and how long the mail server took, cannot be told from
outside. What a mail carries must therefore be wanted again by asking again: links for sign-up, reset and invitations are.
"""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.http import HttpRequest
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)

_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="mail")
_under_way: set[Future[None]] = set()


def base_url(request: HttpRequest) -> str:
    """Where links in mails lead: SITE_URL, or else the host that the request named (limited by ALLOWED_HOSTS)."""
    configured: str = settings.SITE_URL
    return (configured or request.build_absolute_uri("/")).rstrip("/")


def destination() -> str:
    """Where mails go: "sent" by SMTP, to the "log" of a development server, or "nowhere" for want of a mail server."""
    if settings.EMAIL_HOST:
        return "sent"
    return "nowhere" if settings.PRODUCTION else "log"


def send_after_commit(*, to: str, template: str, context: dict[str, Any]) -> None:
    """Render `identity/mail/<template>.subject.txt`, `.txt` and `.html` now; send once the transaction has committed."""
    subject = " ".join(render_to_string(f"{template}.subject.txt", context).split())
    message = EmailMultiAlternatives(subject, render_to_string(f"{template}.txt", context), None, [to])
    message.attach_alternative(render_to_string(f"{template}.html", context), "text/html")
    transaction.on_commit(lambda: _hand_over(message, template))


def wait_until_sent(*, timeout: float | None = None) -> None:
    """Block until every mail handed over so far has left or failed."""
    for future in list(_under_way):
        future.result(timeout=timeout)


def _hand_over(message: EmailMultiAlternatives, template: str) -> None:
    future = _threads.submit(_send, message, template)
    _under_way.add(future)
    future.add_done_callback(_under_way.discard)


def _send(message: EmailMultiAlternatives, template: str) -> None:
    try:
        message.send()
    except Exception as error:
        # Neither the recipient nor the text: the text holds a link that opens an account.
        logger.error("A mail could not be sent: %s (%s)", template, type(error).__name__)
