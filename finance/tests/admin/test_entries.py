import datetime
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from finance.demo.services import seed_household
from finance.ledger import services
from finance.models import JournalEntry, JournalLine
from finance.tests.conftest import TODAY

LIST = "/admin/finance/journalentry/"


def page(entry, deed="change"):
    return reverse(f"admin:finance_journalentry_{deed}", args=[entry.pk])


def messages_of(response):
    return [str(message) for message in response.context["messages"]]


def shown(response):
    return [entry.pk for entry in response.context["cl"].result_list]


@pytest.fixture
def demo(owner):
    return seed_household(owner=owner, months=3, seed=1, today=TODAY)


def test_an_entry_is_shown_with_its_lines_as_debits_and_credits(as_operator, spend):
    text = as_operator.get(page(spend(12_34, payee="Aldi"))).content.decode()
    assert "Aldi" in text
    assert text.count("12.34") >= 2
    assert "Groceries" in text


@pytest.mark.parametrize(("source", "state"), [("reversal", "a reversal"), ("demo", "reversed")])
def test_the_page_of_an_entry_tells_its_state_in_words_and_links_its_counterpart(as_operator, demo, source, state):
    reversal = JournalEntry.objects.filter(book=demo, source="reversal", reverses__source="demo").get()
    entry, other = (reversal, reversal.reverses) if source == "reversal" else (reversal.reverses, reversal)
    text = as_operator.get(page(entry)).content.decode()
    assert state in text
    assert "(&#x27;" not in text
    assert page(other) in text


def test_an_entry_cannot_be_changed_or_deleted(as_operator, spend):
    entry = spend(12_34)
    assert as_operator.post(page(entry), {"payee": "x"}).status_code == 403
    assert as_operator.post(page(entry, "delete"), {"post": "yes"}).status_code == 403
    assert JournalEntry.objects.get().payee == "Market"


def test_a_page_of_the_journal_costs_the_same_however_long_it_is(as_operator, demo, django_assert_max_num_queries):
    as_operator.get(LIST)
    with django_assert_max_num_queries(6) as captured:
        response = as_operator.get(LIST, {"_facets": "1"})
    assert len(shown(response)) == 50
    # Nor as a part of an id.
    assert not re.search(r"(?<!\d)10,?000(?!\d)", response.content.decode())
    assert not [query["sql"] for query in captured if "COUNT(" in query["sql"] and "journalentry" in query["sql"]]


@pytest.mark.parametrize(
    "query", ["", "?book__id__exact={book}", "?account={account}", "?book__id__exact={book}&q=lidl"]
)
def test_the_lists_read_by_index(as_operator, demo, query):
    account = demo.accounts.get(name="Groceries")
    with CaptureQueriesContext(connection) as captured:
        response = as_operator.get(LIST + query.format(book=demo.pk, account=account.pk))
    assert response.status_code == 200
    assert shown(response)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE finance_journalentry, finance_journalline")
        cursor.execute("SET LOCAL enable_seqscan = off")
        for each in captured.captured_queries:
            if 'FROM "finance_journalentry"' in each["sql"]:
                cursor.execute("EXPLAIN " + each["sql"])
                plan = "\n".join(row[0] for row in cursor.fetchall())
                assert "Seq Scan on finance_journal" not in plan, plan


def test_the_pages_follow_each_other(as_operator, demo):
    first, second = (as_operator.get(LIST, {"p": number}) for number in (1, 2))
    assert shown(first) + shown(second) == list(JournalEntry.objects.order_by("-pk").values_list("pk", flat=True)[:100])


def test_the_list_ends_where_nobody_pages_any_more(as_operator, demo):
    assert as_operator.get(LIST, {"p": 201}).status_code == 302


def test_a_chosen_book_is_listed_by_date(as_operator, demo, spend):
    spend(1_00)
    response = as_operator.get(LIST, {"book__id__exact": demo.pk})
    expected = JournalEntry.objects.filter(book=demo).order_by("-date", "-pk").values_list("pk", flat=True)[:50]
    assert shown(response) == list(expected)


def test_dates_narrow_a_chosen_book(as_operator, demo):
    query = {"book__id__exact": demo.pk, "date_from": "2026-03-01", "date_to": "2026-03-03"}
    found = shown(as_operator.get(LIST, query))
    expected = JournalEntry.objects.filter(book=demo, date__range=("2026-03-01", "2026-03-03"))
    assert set(found) == set(expected.values_list("pk", flat=True)) != set()


def test_source_narrows_a_chosen_book_only(as_operator, demo, spend):
    manual = spend(1_00)
    demo_only = as_operator.get(LIST, {"book__id__exact": demo.pk, "source__exact": "exchange"})
    assert {JournalEntry.objects.get(pk=pk).source for pk in shown(demo_only)} <= {"exchange"}
    everything = as_operator.get(LIST, {"source__exact": "exchange"})
    assert manual.pk in shown(everything)


def test_an_account_lists_its_entries(as_operator, demo):
    friend = demo.accounts.get(name="Lent to Tom")
    found = shown(as_operator.get(LIST, {"account": friend.pk}))
    assert set(found) == set(JournalLine.objects.filter(account=friend).values_list("entry_id", flat=True))


class TestSearch:
    def test_by_uid_and_number(self, as_operator, demo, spend):
        entry = spend(1_00)
        assert shown(as_operator.get(LIST, {"q": str(entry.uid)})) == [entry.pk]
        assert shown(as_operator.get(LIST, {"q": str(entry.pk)})) == [entry.pk]

    def test_by_payee_inside_a_book(self, as_operator, demo, spend):
        spend(1_00, payee="Lidl")
        found = shown(as_operator.get(LIST, {"book__id__exact": demo.pk, "q": "lidl"}))
        assert found
        payees = JournalEntry.objects.filter(pk__in=found).values_list("book_id", "payee").distinct()
        assert list(payees) == [(demo.pk, "Lidl")]

    def test_a_payee_without_a_book_is_not_searched(self, as_operator, spend):
        spend(1_00, payee="Lidl")
        response = as_operator.get(LIST, {"q": "lidl"})
        assert shown(response) == []
        assert messages_of(response) == ["Choose a book to search by payee."]


class TestReverse:
    def test_it_asks_first(self, as_operator, spend):
        entry = spend(12_34, payee="Aldi")
        text = as_operator.get(page(entry, "reverse")).content.decode()
        assert "A second entry with the opposite amounts is posted" in text
        assert "€12.34" in text
        assert JournalEntry.objects.count() == 1

    def test_it_posts_the_opposite_and_leaves_a_note(self, as_operator, operator, spend):
        entry = spend(12_34)
        response = as_operator.post(page(entry, "reverse"), {"confirmed": "yes"}, follow=True)
        reversal = JournalEntry.objects.get(reverses=entry)
        assert response.redirect_chain == [(page(reversal), 302)]
        assert reversal.created_by == operator
        note = LogEntry.objects.get()
        assert (note.user, note.object_id, note.change_message) == (
            operator,
            str(entry.pk),
            f"reversed by entry {reversal.uid}",
        )
        assert "reversed" in as_operator.get(page(entry)).content.decode()

    def test_a_closed_day_moves_the_reversal_to_today(self, as_operator, operator, book, spend):
        entry = spend(12_34)
        services.close_period(book=book, actor=operator, through=TODAY)
        as_operator.post(page(entry, "reverse"), {"confirmed": "yes"})
        assert JournalEntry.objects.get(reverses=entry).date > TODAY

    def test_a_second_time_is_refused(self, as_operator, operator, spend):
        entry = spend(12_34)
        services.reverse_entry(entry=entry, actor=operator, on=TODAY)
        response = as_operator.post(page(entry, "reverse"), {"confirmed": "yes"}, follow=True)
        assert messages_of(response) == ["This entry has already been reversed."]
        assert JournalEntry.objects.count() == 2
        assert not LogEntry.objects.exists()

    def test_it_needs_its_permission(self, client, staff, spend):
        entry = spend(12_34)
        client.force_login(staff("view_journalentry"))
        assert client.get(page(entry)).status_code == 200
        assert client.post(page(entry, "reverse"), {"confirmed": "yes"}).status_code == 403
        assert JournalEntry.objects.count() == 1

    def test_what_is_not_there_is_not_found(self, as_operator):
        assert as_operator.get("/admin/finance/journalentry/4711/reverse/").status_code == 404


def test_an_entry_without_payee_can_be_opened_from_the_list(as_operator, demo):
    nameless = JournalEntry.objects.filter(book=demo, payee="").order_by("-date", "-pk").first()
    text = as_operator.get(LIST, {"book__id__exact": demo.pk}).content.decode()
    assert nameless.date > datetime.date(2026, 1, 1)
    assert page(nameless) in text
