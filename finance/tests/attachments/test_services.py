"""Files on entries: which are taken, how corrections keep them, and what is left of removed ones."""

import datetime
import hashlib

import pytest

from finance.attachments import carrying, selectors, services
from finance.errors import Conflict, Invalid, NotFound
from finance.ledger import services as ledger
from finance.ledger.posting import LineDraft
from finance.models import Attachment, AttachmentContent
from finance.tests.attachments.conftest import PDF
from platform_outbox.models import OutboxMessage
from platform_outbox.testing import drain


@pytest.fixture
def attach(owner):
    def run(entry, data=PDF, name="bill.pdf"):
        return services.attach(entry=entry, actor=owner, data=data, file_name=name)

    return run


@pytest.mark.parametrize(
    ("data", "said"), [(b"", "empty"), (b"MZ\x90", "not a JPEG"), (PDF + b" " * 1024 * 1024, "larger than 1 MB")]
)
def test_what_cannot_be_attached_says_why(spend, attach, settings, data, said):
    settings.ATTACHMENT_MAX_MB = 1
    with pytest.raises(Invalid) as refused:
        attach(spend(1_00), data)
    assert said in refused.value.fields["file"]
    assert not AttachmentContent.objects.exists()


def test_bytes_are_kept_once_and_go_with_the_last_that_shows_them(book, owner, spend, attach):
    one, other = spend(1_00), spend(2_00)
    first, second = attach(one), attach(other, name="again.pdf")
    assert attach(one, name="same.pdf") == first
    stored = AttachmentContent.objects.get()
    assert (stored.sha256, bytes(stored.content)) == (hashlib.sha256(PDF).hexdigest(), PDF)
    services.remove(attachment=first, actor=owner)
    assert selectors.content_of(attachment=second) == PDF
    services.remove(attachment=second, actor=owner)
    services.remove(attachment=second, actor=owner)
    assert not AttachmentContent.objects.exists()
    kept = Attachment.objects.order_by("pk")
    assert [(each.file_name, each.removed_by, each.removed_at is None) for each in kept] == [
        ("bill.pdf", owner, False),
        ("again.pdf", owner, False),
    ]
    told = OutboxMessage.objects.filter(event_type__startswith="finance.attachment").order_by("id")
    assert [each.event_type.rpartition(".")[2] for each in told] == ["added", "added", "removed", "removed"]
    with pytest.raises(NotFound):
        selectors.attachment_for(book=book, attachment_id=first.pk)
    assert attach(one).pk != first.pk  # attached again is a new record


def test_a_correction_keeps_its_receipts(book, owner, accounts, spend, attach, django_assert_num_queries):
    entry = spend(1_00)
    receipt = attach(entry)
    lines = [
        LineDraft(account_id=accounts.groceries.pk, amount=2_00),
        LineDraft(account_id=accounts.checking.pk, amount=-2_00),
    ]
    on = datetime.date(2026, 3, 15)
    second = ledger.correct_entry(entry=entry, actor=owner, date=on, lines=lines, payee="", description="", on=on)
    another = attach(second, b"%PDF-1.4")
    with django_assert_num_queries(2):
        found = selectors.attachments_of_entries(book=book, entry_ids=[entry.pk, second.pk])
    assert found == {entry.pk: [receipt, another], second.pk: [receipt, another]}


def test_an_entry_and_a_book_hold_so_much(spend, attach, settings):
    settings.ATTACHMENT_MAX_PER_ENTRY = 2
    entry = spend(1_00)
    for number in range(2):
        attach(entry, PDF + bytes([number]))
    with pytest.raises(Conflict) as refused:
        attach(entry, PDF)
    assert "2 attachments" in refused.value.fields["file"]
    settings.ATTACHMENT_BOOK_MAX_MB = 1
    attach(spend(2_00), PDF + b" " * 700_000)
    with pytest.raises(Conflict):
        attach(spend(3_00), PDF + b"\n" * 700_000)
    attach(spend(4_00), PDF + b" " * 700_000)  # these bytes are there already


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("C:\\Users\\anna\\bill.pdf", "bill.pdf"),
        ("../../etc/passwd", "passwd"),
        ("a\r\nb\x00.pdf", "ab.pdf"),
        ("", "receipt"),
        ("x" * 300 + ".pdf", "x" * 189 + ".pdf"),
    ],
)
def test_a_name_is_made_harmless(spend, attach, given, kept):
    assert attach(spend(1_00), name=given).file_name == kept


def test_a_worker_draws_the_small_picture(spend, attach, picture):
    receipt = attach(spend(1_00), picture("PNG"), "a.png")
    with pytest.raises(NotFound):
        selectors.thumbnail_of(attachment=receipt)
    broken = attach(spend(2_00), b"\xff\xd8\xff broken", "b.jpg")
    drain()
    receipt.refresh_from_db()
    broken.refresh_from_db()
    assert (receipt.has_thumbnail, broken.has_thumbnail) == (True, False)
    assert selectors.thumbnail_of(attachment=receipt).startswith(b"\xff\xd8\xff")


def test_an_export_names_every_attachment_and_has_every_file_once(book, owner, spend, attach):
    entries = [spend(1_00), spend(2_00)]
    attach(entries[0], PDF + b"1", "one.pdf")
    attach(entries[1], PDF + b"2", "two.pdf")
    services.remove(attachment=attach(entries[1], PDF + b"3"), actor=owner)
    attach(entries[1], PDF + b"1", "again.pdf")
    assert [(each["entry"], each["file_name"]) for each in carrying.give(book)["attachments"]] == [
        (str(entries[0].uid), "one.pdf"),
        (str(entries[1].uid), "two.pdf"),
        (str(entries[1].uid), "again.pdf"),
    ]
    files = list(carrying.files(book))
    assert sorted(content for _sha256, content in files) == [PDF + b"1", PDF + b"2"]
    assert all(hashlib.sha256(content).hexdigest() == sha256 for sha256, content in files)
