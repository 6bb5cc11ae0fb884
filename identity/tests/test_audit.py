from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from identity import audit
from identity.models import AuditRecord
from identity.origin import Origin, acting_from
from identity.tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE identity_auditrecord SET actor_email = 'x'",
        "UPDATE identity_auditrecord SET id = id + 1",
        "DELETE FROM identity_auditrecord",
        "TRUNCATE identity_auditrecord",
    ],
)
def test_the_database_refuses_to_change_the_trail(sql, anna):
    audit.record(action=audit.Action.SIGNED_IN, actor=anna)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert AuditRecord.objects.get().actor_email == anna.email


def test_pruning_leaves_the_guard_in_place(anna):
    audit.record(action=audit.Action.SIGNED_IN, actor=anna)
    assert audit.prune(before=timezone.now() - timedelta(days=7)) == 0
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditRecord.objects.all().delete()


@pytest.mark.parametrize("before", [timedelta(0), timedelta(days=5), timedelta(days=-400)])
def test_the_last_week_is_not_pruned(before, anna):
    audit.record(action=audit.Action.SIGNED_IN, actor=anna)
    AuditRecord.objects.create(action="signed_in", actor=anna, at=timezone.now() - timedelta(days=400))
    with pytest.raises(IntegrityError, match="kept for a week"), transaction.atomic():
        audit.prune(before=timezone.now() - before)
    assert AuditRecord.objects.count() == 2
    # Only what is old enough goes, and only this way.
    assert audit.prune(before=timezone.now() - timedelta(days=7)) == 1


def test_a_record_outlives_its_account(anna):
    audit.record(action=audit.Action.SIGNED_IN, actor=anna)
    anna.delete()
    assert AuditRecord.objects.get().actor_email == "anna@example.org"


def test_a_record_goes_with_the_change_that_it_tells_of(anna):
    @transaction.atomic
    def change_and_fail():
        audit.record(action=audit.Action.PROFILE_CHANGED, actor=anna)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        change_and_fail()
    assert not AuditRecord.objects.exists()


def test_a_record_knows_where_it_came_from(anna):
    with acting_from(Origin(address="198.51.100.7", user_agent="Mozilla/5.0 (X11; Linux) Firefox/130.0")):
        record = audit.record(action=audit.Action.SIGNED_IN, actor=anna)
    assert (record.address, record.device) == ("198.51.100.7", "Firefox, Linux")
    assert audit.record(action=audit.Action.SIGNED_IN, actor=anna).address is None


def test_signing_in_by_the_browser_is_recorded_with_its_address(client, anna):
    client.post(
        "/accounts/sign-in/",
        {"username": anna.email, "password": PASSWORD},
        REMOTE_ADDR="2001:db8::7",
        HTTP_USER_AGENT="curl/8\x00.0\n",
    )
    record = AuditRecord.objects.get(action="signed_in")
    assert (record.actor_id, record.address, record.user_agent) == (anna.pk, "2001:db8::7", "curl/8.0")
