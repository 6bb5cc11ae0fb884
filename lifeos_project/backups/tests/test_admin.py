import datetime

import pytest
from django.core.cache import cache
from django.urls import reverse

from identity.models import User
from lifeos_project.backups.models import BackupRun

LIST = reverse("admin:backups_backuprun_changelist")
NOW = datetime.datetime(2026, 3, 15, 2, 30, tzinfo=datetime.UTC)


@pytest.fixture
def operator(db, client):
    cache.clear()
    client.force_login(User.objects.create_superuser("operator@example.org", "correct horse battery"))
    return client


@pytest.fixture
def runs(db):
    good = BackupRun.objects.create(name="lifeos-1.tar", state="good", started_at=NOW, size=2_500_000, entries=9)
    failed = BackupRun.objects.create(name="lifeos-2.tar", state="failed", started_at=NOW, error="No room.")
    return good, failed


def test_strangers_see_nothing(client, db):
    assert client.get(LIST).status_code == 302
    client.force_login(User.objects.create_user("sam@example.org", "correct horse battery"))
    assert client.get(LIST).status_code == 302


def test_operators_see_how_each_run_ended(operator, runs, django_assert_max_num_queries):
    with django_assert_max_num_queries(20):
        page = operator.get(LIST).content.decode()
    assert "lifeos-1.tar" in page
    assert "2.5 MB" in page
    assert "No room." in operator.get(reverse("admin:backups_backuprun_change", args=[runs[1].pk])).content.decode()


def test_nobody_edits_the_record(operator, runs):
    good, _ = runs
    page = reverse("admin:backups_backuprun_change", args=[good.pk])
    assert operator.post(page, {"state": "failed"}).status_code == 403
    assert operator.post(reverse("admin:backups_backuprun_delete", args=[good.pk])).status_code == 403
    assert operator.get(reverse("admin:backups_backuprun_add")).status_code == 403
    good.refresh_from_db()
    assert good.state == "good"


def test_the_landing_page_says_when_the_last_one_failed(operator, runs):
    assert "the last one failed" in operator.get(reverse("admin:index")).content.decode()
