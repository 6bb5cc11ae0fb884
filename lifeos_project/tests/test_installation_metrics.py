"""What /metrics tells of the installation as a whole: the last proof, and how old the secrets are."""

import datetime
import re

import pytest
from django.utils import timezone

from finance.ledger import chain
from finance.models import LedgerCheck
from lifeos_project.models import SecretSighting
from lifeos_project.security import secret_age

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh(monkeypatch, settings):
    """Nothing remembered, and stretching that costs nothing."""
    monkeypatch.setattr(secret_age, "_known", {})
    monkeypatch.setattr(secret_age, "ROUNDS", 1)
    settings.SECRET_KEY, settings.JWT_SECRET_KEY = "a-secret-of-today", "another-secret"


def sample(client, series: str) -> float:
    page = client.get("/metrics").content.decode()
    found = re.search(rf"^{re.escape(series)} (\S+)$", page, re.M)
    assert found, f"{series} is not told"
    return float(found[1])


def a_check(*, hours: int, problems=(), book=None) -> None:
    LedgerCheck.objects.create(
        book=book,
        checked_at=timezone.now() - datetime.timedelta(hours=hours),
        entries=1254,
        lines=2542,
        problems=list(problems),
    )


def test_books_that_were_never_proved_are_as_old_as_the_epoch(client):
    assert sample(client, "lifeos_ledger_check_age_seconds") > 1e9
    assert b"lifeos_ledger_broken_promises" not in client.get("/metrics").content


def test_the_latest_proof_of_all_books_counts(client):
    a_check(hours=48, problems=[{"code": "months_equal_lines"}])
    a_check(hours=2)
    assert sample(client, "lifeos_ledger_broken_promises") == 0
    assert sample(client, "lifeos_ledger_checked_entries") == 1254
    assert 7200 <= sample(client, "lifeos_ledger_check_age_seconds") < 7260
    a_check(hours=1, problems=[{"code": "months_equal_lines"}, {"code": "balanced"}])
    assert sample(client, "lifeos_ledger_broken_promises") == 2


def test_sealing_that_lags_behind_is_told(client, monkeypatch):
    assert sample(client, "lifeos_ledger_unsealed_seconds") == 0
    assert sample(client, "lifeos_ledger_sealed_entries") == 0
    monkeypatch.setattr(chain, "waiting_seconds", lambda: 7205.0)
    monkeypatch.setattr(chain, "sealed", lambda *, book: 1254)
    assert sample(client, "lifeos_ledger_unsealed_seconds") == 7205
    assert sample(client, "lifeos_ledger_sealed_entries") == 1254


def test_the_age_of_a_secret_is_counted_from_its_first_use_and_begins_anew_with_a_new_one(client, settings):
    assert sample(client, 'lifeos_secret_age_seconds{secret="SECRET_KEY"}') < 60
    SecretSighting.objects.update(first_seen_at=timezone.now() - datetime.timedelta(days=91))
    secret_age._known.clear()
    assert sample(client, 'lifeos_secret_age_seconds{secret="SECRET_KEY"}') > 90 * 86400
    settings.SECRET_KEY = "a-secret-of-tomorrow"
    assert sample(client, 'lifeos_secret_age_seconds{secret="SECRET_KEY"}') < 60
    assert sample(client, 'lifeos_secret_age_seconds{secret="JWT_SECRET_KEY"}') > 90 * 86400


def test_the_passwords_of_database_and_redis_are_watched_too(client, settings):
    settings.REDIS_URL = "redis://:a-redis-password@127.0.0.1:1/0"
    assert sample(client, 'lifeos_secret_age_seconds{secret="REDIS_PASSWORD"}') < 60


def test_no_secret_can_be_read_from_what_is_kept_or_told(client):
    page = client.get("/metrics").content.decode()
    rows = SecretSighting.objects.values_list("name", "fingerprint")
    assert "a-secret-of-today" not in page + str(list(rows))
    assert all(re.fullmatch(r"[0-9a-f]{32}", fingerprint) for _, fingerprint in rows)
    # Two secrets of one value do not show that they are.
    assert secret_age.fingerprint("SECRET_KEY", "same") != secret_age.fingerprint("JWT_SECRET_KEY", "same")


def test_a_second_process_sees_the_first_ones_moment(client):
    first = secret_age.first_seen()
    secret_age._known.clear()
    assert secret_age.first_seen() == first


def test_entries_that_the_last_proof_found_overdue_are_told(client):
    a_check(hours=2)
    assert sample(client, "lifeos_ledger_overdue_entries") == 0
    LedgerCheck.objects.update(warnings=[{"code": "entries_sealed", "count": 12}])
    assert sample(client, "lifeos_ledger_overdue_entries") == 12
