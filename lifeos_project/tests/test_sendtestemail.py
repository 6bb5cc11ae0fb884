"""The command by which an operator learns whether mails leave."""

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.mark.parametrize("production", [True, False])
def test_without_a_mail_server_it_says_so_and_fails(settings, production):
    settings.PRODUCTION = production
    settings.EMAIL_HOST = ""
    with pytest.raises(CommandError) as refused:
        call_command("sendtestemail", "anna@example.org")
    assert refused.value.returncode == 1
    assert "Mail is not set up: EMAIL_HOST is empty" in str(refused.value)
    assert mail.outbox == []


def test_a_mail_server_that_is_not_there_is_a_sentence(settings, free_port):
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = SMTP, "127.0.0.1", free_port()
    with pytest.raises(CommandError) as refused:
        call_command("sendtestemail", "anna@example.org")
    assert str(refused.value) == f"127.0.0.1:{settings.EMAIL_PORT} cannot be reached: Connection refused"


def test_who_took_the_mail_is_told(settings, capsys):
    settings.EMAIL_HOST, settings.EMAIL_PORT = "smtp.example.org", 587
    call_command("sendtestemail", "anna@example.org", "ben@example.org")
    assert capsys.readouterr().out == "smtp.example.org:587 accepted the mail to anna@example.org, ben@example.org.\n"
    (sent,) = mail.outbox
    assert sent.to == ["anna@example.org", "ben@example.org"]
