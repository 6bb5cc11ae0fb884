from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from identity import tokens
from identity.models import AuditRecord, User
from identity.tests.conftest import PASSWORD


def test_createsuperuser_without_questions(db, monkeypatch, client):
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "Op@Example.org")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", "--noinput", stdout=StringIO())
    operator = User.objects.get()
    assert (operator.email, operator.is_staff, operator.is_superuser) == ("op@example.org", True, True)
    signed_in = client.post("/admin/login/", {"username": "op@example.org", "password": PASSWORD})
    assert signed_in.status_code == 302


class Terminal(StringIO):
    def isatty(self):
        return True


def test_createsuperuser_with_questions(db, monkeypatch):
    answers = iter(["not an address", "op@example.org"])
    passwords = iter(["short", "short", PASSWORD, PASSWORD])
    monkeypatch.setattr("builtins.input", lambda prompt="": "n" if "Bypass" in prompt else next(answers))
    monkeypatch.setattr("getpass.getpass", lambda prompt="": next(passwords))
    said = StringIO()
    call_command("createsuperuser", stdin=Terminal(), stdout=StringIO(), stderr=said)
    operator = User.objects.get()
    assert operator.email == "op@example.org"
    assert operator.check_password(PASSWORD)
    assert "Enter a valid email address" in said.getvalue()
    assert "too short" in said.getvalue()


def test_createsuperuser_refuses_a_taken_address_whatever_its_capitals(anna):
    with pytest.raises(CommandError):
        call_command("createsuperuser", "--noinput", email="ANNA@example.org", stdout=StringIO(), stderr=StringIO())
    assert User.objects.count() == 1


def test_unlock_user_wants_to_know_whom(db):
    with pytest.raises(CommandError):
        call_command("unlock_user")


def test_prune_access_keeps_what_is_young(anna, settings):
    settings.AUDIT_RETENTION_DAYS = 30
    now = timezone.now()
    for days in (29, 31, 400):
        AuditRecord.objects.create(action="signed_in", actor=anna, at=now - timedelta(days=days))
    tokens.StoredRefreshToken.issue(user=anna, sign_in="new")
    tokens.StoredRefreshToken.issue(user=anna, sign_in="old")
    OutstandingToken.objects.filter(token="old").update(expires_at=now - timedelta(days=1))
    said = StringIO()
    call_command("prune_access", stdout=said)
    assert said.getvalue() == "Deleted 2 audit record(s) and 1 expired token(s); cleared old sessions.\n"
    assert AuditRecord.objects.count() == 1
    assert OutstandingToken.objects.get().token == "new"
