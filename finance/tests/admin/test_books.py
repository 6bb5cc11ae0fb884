import datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from finance.ledger import chain, services
from finance.ledger.integrity import verify_ledger
from finance.models import Book, LedgerCheck
from finance.tests.conftest import TODAY
from finance.tests.ledger.test_integrity import drift

MODELS = ["book", "account", "journalentry", "membership", "invitation", "ledgercheck"]


def page(book, deed="change"):
    return reverse(f"admin:finance_book_{deed}", args=[book.pk])


def messages_of(response):
    return [str(message) for message in response.context["messages"]]


@pytest.mark.parametrize("model", MODELS)
class TestAccess:
    def test_the_anonymous_are_sent_to_sign_in(self, client, db, model):
        response = client.get(reverse(f"admin:finance_{model}_changelist"))
        assert response.status_code == 302
        assert "login" in response["Location"]

    def test_members_who_are_no_operators_are_refused(self, client, owner, book, model):
        client.force_login(owner)
        response = client.get(reverse(f"admin:finance_{model}_changelist"))
        assert response.status_code == 302
        assert "login" in response["Location"]

    def test_staff_without_the_permission_is_refused(self, client, staff, model):
        client.force_login(staff())
        assert client.get(reverse(f"admin:finance_{model}_changelist")).status_code == 403

    def test_staff_with_the_permission_sees_the_list(self, client, staff, model):
        client.force_login(staff(f"view_{model}"))
        assert client.get(reverse(f"admin:finance_{model}_changelist")).status_code == 200

    def test_nothing_is_added_by_hand(self, as_operator, model):
        assert as_operator.get(reverse(f"admin:finance_{model}_add")).status_code == 403


def test_a_book_is_shown_with_its_members(as_operator, book, owner, viewer):
    text = as_operator.get(page(book)).content.decode()
    assert owner.email in text
    assert viewer.email in text
    assert "Europe/Berlin" in text
    assert "(&#x27;" not in text


def test_a_book_is_shown_with_the_head_of_its_chain(as_operator, book, spend):
    entry = spend(12_34)
    assert "Nothing is sealed yet." in as_operator.get(page(book)).content.decode()
    services.seal_entries(posted={book.pk: [entry.pk]})
    text = as_operator.get(page(book)).content.decode()
    assert chain.head_of(book=book).hash in text
    assert str(entry.uid) in text


def test_a_book_cannot_be_changed_or_deleted_even_by_superusers(as_operator, book):
    assert as_operator.post(page(book), {"name": "Stolen"}).status_code == 403
    assert as_operator.post(page(book, "delete"), {"post": "yes"}).status_code == 403
    assert Book.objects.get().name == "Home"


@pytest.mark.parametrize("model", MODELS)
def test_the_queries_of_a_list_do_not_grow_with_it(as_operator, owner, spend, django_assert_max_num_queries, model):
    for number in range(12):
        other = services.create_book(
            owner=owner, name=f"Book {number}", base_currency="EUR", time_zone="Europe/Berlin", template=None
        )
        LedgerCheck.objects.create(book=other, checked_at=timezone.now(), entries=0, lines=0)
        spend(100 + number)
    url = reverse(f"admin:finance_{model}_changelist")
    as_operator.get(url)  # fills the caches of content types and badges
    with django_assert_max_num_queries(7) as captured:
        assert as_operator.get(url).status_code == 200
    assert not [query["sql"] for query in captured if "COUNT(*)" in query["sql"] and "finance_" in query["sql"]]


class TestVerify:
    def test_chosen_books_are_verified_and_told(self, as_operator, operator, book, spend):
        spend(12_34)
        response = as_operator.post(
            reverse("admin:finance_book_changelist"),
            {"action": "verify", "_selected_action": [book.pk]},
            follow=True,
        )
        assert messages_of(response) == ["Home is sound: 1 entry proven."]
        assert LedgerCheck.objects.get(book=book).problems == []
        entry = LogEntry.objects.get()
        assert (entry.user, entry.object_id, entry.change_message) == (operator, str(book.pk), "verified: sound")

    def test_drift_is_told_as_an_error(self, as_operator, book, spend):
        spend(12_34)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("UPDATE finance_accountmonth SET debit = 1")
            cursor.execute("SET LOCAL session_replication_role = origin")
        response = as_operator.post(page(book, "verify_one"), {"confirmed": "yes"}, follow=True)
        assert messages_of(response) == ["Home is NOT sound: 1 promise is broken. See its verifications."]
        check = LedgerCheck.objects.get()
        shown = as_operator.get(reverse("admin:finance_ledgercheck_change", args=[check.pk])).content.decode()
        assert "The months of every account hold the sums of its lines." in shown

    def test_looking_at_the_page_verifies_nothing(self, as_operator, book):
        assert as_operator.get(page(book, "verify_one")).status_code == 200
        assert not LedgerCheck.objects.exists()

    def test_too_many_at_once_are_left_to_the_command(self, as_operator, owner):
        books = [
            services.create_book(
                owner=owner, name=f"Book {number}", base_currency="EUR", time_zone="Europe/Berlin", template=None
            )
            for number in range(21)
        ]
        response = as_operator.post(
            reverse("admin:finance_book_changelist"),
            {"action": "verify", "_selected_action": [each.pk for each in books]},
            follow=True,
        )
        assert messages_of(response) == ["Select at most 20 books; “Verify books” under Operations checks all."]
        assert not LedgerCheck.objects.exists()

    def test_it_needs_its_permission(self, client, staff, book):
        client.force_login(staff("view_book"))
        assert client.post(page(book, "verify_one"), {"confirmed": "yes"}).status_code == 403
        assert not LedgerCheck.objects.exists()


class TestPeriods:
    def test_closing_asks_first_and_says_what_will_happen(self, as_operator, book):
        text = as_operator.get(page(book, "close")).content.decode()
        assert "Nobody can post on or before that day any more" in text
        assert "not closed" in text
        book.refresh_from_db()
        assert book.closed_through is None

    def test_closing_closes_and_leaves_a_note(self, as_operator, operator, book):
        response = as_operator.post(page(book, "close"), {"through": "2026-02-28", "confirmed": "yes"}, follow=True)
        assert messages_of(response) == ["Home is now closed through 2026-02-28."]
        book.refresh_from_db()
        assert book.closed_through == datetime.date(2026, 2, 28)
        assert LogEntry.objects.get().change_message == "closed through 2026-02-28"

    def test_what_the_service_refuses_is_told_at_the_field(self, as_operator, book, operator):
        services.close_period(book=book, actor=operator, through=TODAY)
        response = as_operator.post(page(book, "close"), {"through": "2026-01-31"})
        assert response.status_code == 200
        assert "The book is already closed through 2026-03-15." in response.content.decode()
        assert not LogEntry.objects.exists()

    def test_reopening_with_an_empty_day_opens_the_book(self, as_operator, operator, book):
        services.close_period(book=book, actor=operator, through=TODAY)
        response = as_operator.post(page(book, "reopen"), {"through": "", "confirmed": "yes"}, follow=True)
        assert messages_of(response) == ["Home is now open."]
        book.refresh_from_db()
        assert book.closed_through is None
        assert LogEntry.objects.get().change_message == "reopened altogether"

    def test_reopening_an_open_book_is_refused(self, as_operator, book):
        text = as_operator.post(page(book, "reopen"), {"through": "", "confirmed": "yes"}).content.decode()
        assert "The book is not closed." in text

    def test_an_empty_form_does_not_reopen(self, as_operator, operator, book):
        services.close_period(book=book, actor=operator, through=TODAY)
        assert as_operator.get(page(book, "reopen"), {"through": ""}).status_code == 200
        book.refresh_from_db()
        assert book.closed_through == TODAY

    @pytest.mark.parametrize("deed", ["close", "reopen"])
    def test_they_need_their_permission(self, client, staff, book, deed):
        client.force_login(staff("view_book", "add_ledgercheck"))
        assert client.post(page(book, deed), {"through": "2026-02-28", "confirmed": "yes"}).status_code == 403
        book.refresh_from_db()
        assert book.closed_through is None


def test_the_token_of_an_invitation_is_not_shown(as_operator, book, owner):
    invitation = book.invitations.create(
        email="new@example.org",
        role="viewer",
        token_hash="c0ffee" * 10,
        invited_by=owner,
        expires_at=timezone.now() + datetime.timedelta(days=7),
    )
    text = as_operator.get(reverse("admin:finance_invitation_change", args=[invitation.pk])).content.decode()
    assert "new@example.org" in text
    assert "c0ffee" not in text


def test_an_account_shows_its_balance(as_operator, accounts, spend):
    spend(12_34)
    text = as_operator.get(reverse("admin:finance_account_change", args=[accounts.groceries.pk])).content.decode()
    assert "€12.34" in text


def test_the_page_of_a_book_tells_of_lost_seals_and_of_entries_that_wait(as_operator, book, spend):
    entry = spend(12_34)
    services.seal_entries(posted={book.pk: [entry.pk]})
    verify_ledger(book=book, now=timezone.now())
    assert "and it is gone" not in as_operator.get(page(book)).content.decode()
    drift("DELETE FROM finance_seal")
    drift("DELETE FROM finance_chainhead")
    drift("UPDATE finance_journalentry SET created_at = '2026-03-01 10:00Z'")
    text = as_operator.get(page(book)).content.decode()
    assert "the book had 1 seal, and it is gone" in text
    assert "1 entry since Mar 1, 2026, " in text
    report = verify_ledger(now=timezone.now())
    check = reverse("admin:finance_ledgercheck_change", args=[LedgerCheck.objects.order_by("pk").last().pk])
    told = as_operator.get(check).content.decode()
    for finding in (*report.problems, *report.warnings):
        assert finding.promise in told
        assert finding.examples[0] in told
