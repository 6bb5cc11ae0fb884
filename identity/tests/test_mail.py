import datetime
import json

import pytest
from django.db import transaction
from django.utils import timezone, translation

from identity import mail, passwords, signup
from identity.models import User
from identity.tests.mail_server import MailServer
from platform_outbox import testing
from platform_outbox.models import Attempt, Breaker, Delivery, OutboxMessage

CONTEXT = {"link": "https://books.example/forgotten"}


@pytest.fixture
def server(settings):
    made = MailServer()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", made.port, False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.DEFAULT_FROM_EMAIL = "LifeOS <books@books.example>"
    yield made
    made.close()


def send(to="anna@example.org"):
    mail.send_after_commit(to=to, template="identity/mail/password_changed", context=CONTEXT)


def drain(seconds=0):
    testing.drain(now=timezone.now() + datetime.timedelta(seconds=seconds), raise_errors=False)


def row():
    return OutboxMessage.objects.get()


@pytest.mark.django_db
def test_a_mail_leaves_through_the_outbox(server):
    send()
    assert server.mails == []
    drain()
    assert row().status == "sent"
    assert server.header("To") == "anna@example.org"
    assert server.header("From") == "LifeOS <books@books.example>"
    assert server.header("Subject") == "Your LifeOS password was changed"
    assert CONTEXT["link"] in server.mails[0]


@pytest.mark.django_db
def test_a_mail_of_a_change_that_is_rolled_back_never_leaves(server):
    with transaction.atomic():
        send()
        transaction.set_rollback(True)
    drain()
    assert server.mails == []
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
def test_each_attempt_at_a_mail_has_the_same_message_id_and_each_mail_its_own(server):
    server.answers = {"DATA": (250, "fine")}
    send()
    drain()
    first = server.header("Message-ID")
    assert first.endswith("@books.example>")
    # As after the death of a worker that had sent it.
    OutboxMessage.objects.update(status="sending")
    Delivery.objects.update(status="pending")
    drain()
    send("ben@example.org")
    drain()
    assert len(server.mails) == 3
    assert [server.header("Message-ID", n) for n in range(2)] == [first, first]
    assert server.header("Message-ID", 2) != first


@pytest.mark.django_db
def test_a_refused_address_is_a_dead_letter_at_once_that_tells_the_answer(server):
    server.answers = {"RCPT": (550, "5.1.1 no such mailbox")}
    send()
    drain()
    assert (row().status, row().attempts) == ("dead", 1)
    assert row().error == "PermanentError: The mail server refused the mail: 550 5.1.1 no such mailbox"
    assert not Breaker.objects.exists()


@pytest.mark.django_db
def test_an_address_that_is_put_off_is_tried_again_without_holding_others_up(server, settings):
    settings.WORKER_MAX_ATTEMPTS = 1
    server.answers = {"RCPT": (450, "greylisted, come back later")}
    send()
    drain()
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts) == ("failed", 0)
    assert not Breaker.objects.exists()
    server.answers = {}
    drain(600)
    assert row().status == "sent"
    assert len(server.mails) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "answers",
    [
        {"MAIL": (421, "shutting down")},
        {"DATA": (421, "too busy")},
        {"MAIL": (550, "5.7.1 sender not allowed")},
        {"EHLO": (502, "what?"), "HELO": (502, "what?")},
    ],
)
def test_trouble_with_the_server_makes_all_mails_wait(server, answers, settings):
    settings.WORKER_MAX_ATTEMPTS = 1
    server.answers = answers
    send()
    drain()
    send("ben@example.org")
    asked = server.asked
    drain()
    assert server.asked == asked
    assert Breaker.objects.get().state == "open"
    assert set(OutboxMessage.objects.values_list("status", flat=True)) == {"sending"}
    server.answers = {}
    drain(3600)
    assert len(server.mails) == 2
    assert set(OutboxMessage.objects.values_list("status", flat=True)) == {"sent"}


@pytest.mark.django_db
def test_a_server_that_is_away_costs_nothing_but_time(server, settings):
    settings.WORKER_MAX_ATTEMPTS = 1
    settings.EMAIL_PORT = 1
    send()
    drain()
    assert row().error == "DestinationUnavailable: The mail server cannot be reached: ConnectionRefusedError"
    settings.EMAIL_PORT = server.port
    drain(3600)
    assert len(server.mails) == 1


@pytest.mark.django_db
def test_no_link_that_opens_an_account_is_stored_on_its_way(anna, mailoutbox):
    passwords.request_password_reset(email=anna.email, base_url="https://books.example")
    signup.request_signup(email="new@example.org", base_url="https://books.example")
    drain()
    links = [
        next(word for word in message.body.split() if word.startswith("https://books.example/"))
        for message in sorted(mailoutbox, key=lambda message: message.to)
    ]
    stored = json.dumps(list(OutboxMessage.objects.values_list("payload", flat=True)))
    tokens = [link.rstrip("/").split("/")[-1] for link in links]
    assert [len(token) > 20 for token in tokens] == [True, True]
    assert not any(token in stored for token in tokens)
    assert passwords.default_token_generator.check_token(anna, tokens[0])
    assert signup.read_signup_link(token=tokens[1]).email == "new@example.org"


@pytest.mark.django_db
def test_a_mail_is_written_in_the_language_of_the_request(anna, mailoutbox):
    with translation.override("de"):
        passwords.request_password_reset(email=anna.email, base_url="https://books.example")
    assert row().payload["language"] == "de"


@pytest.mark.django_db
def test_a_reset_of_an_account_that_was_closed_meanwhile_is_not_mailed(anna, mailoutbox):
    passwords.request_password_reset(email=anna.email, base_url="https://books.example")
    User.objects.update(is_active=False)
    drain()
    assert mailoutbox == []
    assert row().status == "sent"
    assert not Attempt.objects.exists()


@pytest.mark.django_db
def test_a_sign_up_that_was_closed_meanwhile_is_not_mailed(mailoutbox, settings):
    signup.request_signup(email="new@example.org", base_url="https://books.example")
    signup.request_signup(email="invited@example.org", base_url="https://books.example", invited=True)
    settings.SIGNUP_ENABLED = False
    drain()
    assert [message.to for message in mailoutbox] == [["invited@example.org"]]
