"""Everything that has to be done every so often is declared, and runs where workers run."""

import datetime

import pytest
from django.utils import timezone

from finance.models import Book
from identity.models import AuditRecord
from platform_outbox import scheduler
from platform_outbox.models import OutboxMessage, Periodic
from platform_outbox.tests.jobs import run_due


@pytest.mark.django_db
def test_the_installations_jobs_all_run(settings, caplog):
    settings.AUDIT_RETENTION_DAYS = 10
    book = Book.objects.create(name="Home", base_currency="EUR", time_zone="Europe/Berlin")
    record = AuditRecord.objects.create(action="signed_in", at=timezone.now() - datetime.timedelta(days=11))
    run_due(worker="test")
    assert {job.name for job in scheduler.all_jobs()} >= {
        "finance.day_clock",
        "finance.forget_answers",
        "identity.prune_access",
        "platform_outbox.extend",
        "platform_outbox.keep",
    }
    assert list(Periodic.objects.filter(last_done_at=None)) == []
    assert list(Periodic.objects.exclude(failures=0)) == []
    assert OutboxMessage.objects.get(event_type="finance.day.began").payload["book_id"] == book.pk
    assert not AuditRecord.objects.filter(pk=record.pk).exists()
