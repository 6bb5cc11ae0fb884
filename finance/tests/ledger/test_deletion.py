"""A deleted book is hidden and silent at once, and comes back as it was."""

import datetime
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.utils import timezone

from finance.errors import Conflict, Forbidden, NotFound
from finance.events.books import BookDeleted, BookRenamed, BookRestored
from finance.facts import books as facts_of_books
from finance.ledger import services
from finance.ledger.selectors import book_for
from finance.ledger.services.members import open_invitation
from finance.models import Book, BookDeletion, Membership, WebhookDelivery
from finance.tests.ledger.filling import grace_ends
from finance.webhooks.bodies import Happened
from finance.webhooks.services import deliver, queue_deliveries
from identity.models import AuditRecord
from platform_outbox.models import OutboxMessage
from platform_outbox.operations import services as operations
from platform_outbox.operations.models import OperationRun
from platform_outbox.testing import drain

pytestmark = pytest.mark.django_db

SITE = "https://books.example.org"


@pytest.fixture
def delete(book, owner):
    return lambda actor=owner: services.delete_book(book=book, actor=actor, base_url=SITE)


@pytest.fixture
def restore(book, owner):
    return lambda actor=owner: services.restore_book(book_id=book.pk, actor=actor, base_url=SITE)


def test_it_is_there_for_nobody_and_its_owner_can_restore_it(delete, restore, book, owner, viewer, settings):
    settings.BOOK_GRACE_DAYS = 14
    deleted = delete()

    assert deleted.erase_at - deleted.deleted_at == pytest.approx(
        datetime.timedelta(days=14), abs=datetime.timedelta(seconds=5)
    )
    for person in (owner, viewer):
        assert not Book.objects.visible_to(person).exists()
        with pytest.raises(NotFound):
            book_for(user=person, book_id=book.pk)
    assert list(Book.objects.restorable_by(owner)) == [book]
    assert list(Book.objects.restorable_by(viewer)) == []
    assert services.day_of_erasure(deleted) == deleted.erase_at.astimezone(ZoneInfo("Europe/Berlin")).date()

    restore()

    assert book_for(user=viewer, book_id=book.pk).deleted_at is None
    kept = BookDeletion.objects.get()
    assert (kept.restored_by, kept.erased_at) == (owner.email, None)
    assert list(AuditRecord.objects.order_by("pk").values_list("action", flat=True))[-2:] == [
        "book_deleted", "book_restored",
    ]  # fmt: skip
    delete()  # and again
    assert BookDeletion.objects.filter(book_number=book.pk).count() == 2


def test_only_owners_delete_and_restore(delete, restore, editor, stranger, owner):
    with pytest.raises(Forbidden):
        delete(editor)
    with pytest.raises(NotFound):
        delete(stranger)
    with pytest.raises(Conflict, match="not deleted"):
        restore()
    delete()
    with pytest.raises(NotFound):
        delete()
    for person in (editor, stranger):
        with pytest.raises(NotFound):
            restore(person)


def test_after_its_grace_it_cannot_be_restored(delete, restore, book, owner):
    delete()
    grace_ends(book)
    assert list(Book.objects.restorable_by(owner)) == []
    with pytest.raises(Conflict, match="being erased"):
        restore()


def test_members_are_told_by_mail_and_each_once(delete, restore, book, owner, viewer):
    delete()
    drain()
    assert sorted(message.to[0] for message in mail.outbox) == [owner.email, viewer.email]
    to_owner, to_viewer = sorted(mail.outbox, key=lambda message: message.to)
    assert to_owner.subject == "“Home” was deleted"
    assert f"{SITE}/books/" in to_owner.body
    assert f"{SITE}/books/" not in to_viewer.body
    mail.outbox.clear()

    restore()
    drain()

    assert {message.subject for message in mail.outbox} == {"“Home” was restored"}
    assert f"{SITE}/b/{book.pk}/" in mail.outbox[0].body


def test_a_mail_that_is_no_longer_true_is_not_sent(delete, restore, owner):
    delete()
    restore()
    drain()
    assert [message.subject for message in mail.outbox] == ["“Home” was restored"]


def test_events_tell_of_it(delete, restore, book):
    delete()
    restore()
    told = OutboxMessage.objects.filter(event_type__in=[BookDeleted.name, BookRestored.name]).order_by("pk")
    assert list(told.values_list("event_type", "payload")) == [
        (BookDeleted.name, {"book_id": book.pk}),
        (BookRestored.name, {"book_id": book.pk}),
    ]


def test_webhooks_are_silent(delete, restore, book, owner):
    from finance.tests.api.test_webhooks import webhook_with_message

    webhook_with_message(book, owner)
    waiting = WebhookDelivery.objects.get()
    WebhookDelivery.objects.update(state="waiting")
    delete()

    happened = Happened(event=BookRenamed(book_id=book.pk), event_id=99, at=timezone.now(), trace="")
    assert queue_deliveries(happened=[happened]) == 0
    assert deliver(delivery_id=waiting.pk, last=False, now=timezone.now()).said == ""
    waiting.refresh_from_db()
    assert waiting.state == "skipped"

    restore()
    assert queue_deliveries(happened=[happened]) == 1


def test_jobs_and_insights_leave_it_out(delete, book):
    delete()
    assert services.begin_days(now=timezone.now()) == 0
    assert facts_of_books(book_ids=[book.pk]) == {}


def test_a_running_export_is_stopped_and_none_begins(delete, book, owner):
    from finance.operations import OperationFailed, _book

    run = operations.start(name="books.export", given={"book": book.pk, "format": "json"}, by=owner.email)
    delete()
    assert OperationRun.objects.get(pk=run.pk).state == "cancelled"
    with pytest.raises(OperationFailed, match="was deleted"):
        _book(book.pk)


def test_its_invitations_wait(delete, restore, book, owner):
    fresh = services.invite_member(
        book=book, actor=owner, email="new@example.org", role="viewer", now=timezone.now(), base_url=SITE
    )
    delete()
    with pytest.raises(NotFound):
        open_invitation(token=fresh.token, now=timezone.now())
    restore()
    assert open_invitation(token=fresh.token, now=timezone.now()) == fresh.invitation


def test_a_demo_book_goes_at_once(owner, django_capture_on_commit_callbacks):
    book = services.create_book(owner=owner, name="Demo", base_currency="EUR", time_zone="UTC", is_demo=True)
    with django_capture_on_commit_callbacks(execute=True):
        services.delete_book(book=book, actor=owner, base_url=SITE)
    assert list(Book.objects.restorable_by(owner)) == []
    drain()
    assert not Book.objects.filter(pk=book.pk).exists()
    assert mail.outbox == []
    assert BookDeletion.objects.get().erased_at is not None
    assert not Membership.objects.filter(user=owner).exists()
