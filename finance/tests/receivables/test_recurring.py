"""Recurring invoices: their drafts come once, on their days, without a number; what cannot be written says why."""

import datetime
from decimal import Decimal

import pytest

from finance.errors import AmountInvalid, Conflict, Invalid
from finance.events.plans import DayBegan
from finance.handlers import write_recurring_invoices
from finance.ledger import services as ledger
from finance.ledger.services.deletion import delete_book
from finance.models import Invoice, PersonAccount, RecurringInvoice
from finance.receivables import services


def day(text):
    return datetime.date.fromisoformat(text)


@pytest.fixture
def begin(book):
    """begin("2026-03-31") as the day's event does."""

    def handle(text):
        write_recurring_invoices([DayBegan(book_id=book.pk, date=day(text))], [None])

    return handle


def written(recurring):
    drafts = Invoice.objects.filter(recurring=recurring).order_by("pk")
    return [str(each.issued_on) for each in drafts if each.status == "draft" and not each.number]


def test_each_day_writes_one_draft(repeat, begin, django_assert_num_queries):
    recurring = repeat(first=day("2026-01-31"), term=10)
    assert written(recurring) == []
    with django_assert_num_queries(1):
        begin("2026-03-30")
    begin("2026-03-31")
    begin("2026-03-31")
    assert written(recurring) == ["2026-03-31"]
    made = Invoice.objects.get(recurring=recurring)
    assert (str(made.due_on), made.gross, made.entry) == ("2026-04-10", 59_50, None)
    # A draft that is thrown away is not written again, and days without a worker are made up for.
    services.remove_draft(invoice=made)
    begin("2026-03-31")
    begin("2026-06-02")
    assert written(recurring) == ["2026-04-30", "2026-05-31"]
    recurring.refresh_from_db()
    assert str(recurring.next_on) == "2026-06-30"


def test_what_is_due_today_is_written_at_once_and_changes_begin_after_it(repeat, begin, book):
    recurring = repeat(first=day("2026-03-10"), unit="week", every=2, until=day("2026-04-07"))
    assert written(recurring) == ["2026-03-10"]
    repeat(saved=recurring, every=1)
    begin("2026-05-01")
    assert written(recurring) == ["2026-03-10", "2026-03-17", "2026-03-24", "2026-03-31", "2026-04-07"]
    recurring.refresh_from_db()
    assert recurring.next_on is None
    services.remove_recurring(recurring=recurring)
    assert Invoice.objects.filter(book=book, recurring=None, recurring_on__isnull=False).count() == 5


def test_what_cannot_be_written_says_why_and_is_tried_again(repeat, begin, ben, accounts):
    recurring = repeat(first=day("2026-03-20"))
    link = PersonAccount.objects.create(book=ben.book, person=ben, account=accounts.checking)
    begin("2026-03-21")
    recurring.refresh_from_db()
    assert "belongs to a person" in recurring.problem
    assert written(recurring) == []
    link.delete()
    begin("2026-03-22")
    recurring.refresh_from_db()
    assert recurring.problem == ""
    assert written(recurring) == ["2026-03-20"]


def test_a_book_that_was_deleted_writes_nothing(repeat, begin, book, owner):
    recurring = repeat(first=day("2026-03-20"))
    delete_book(book=book, actor=owner, base_url="https://example.org")
    begin("2026-03-21")
    assert written(recurring) == []


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("every", {"every": 0}),
        ("term", {"term": 400}),
        ("unit", {"unit": "day"}),
        ("until", {"until": day("2026-03-01")}),
        ("first", {"first": day("1000-01-01")}),
        ("lines", {"lines": []}),
    ],
)
def test_what_is_wrong_is_said_by_field(repeat, field, given):
    with pytest.raises(Invalid) as refused:
        repeat(**{"first": day("2026-03-20"), **given})
    assert field in refused.value.fields


def test_prices_keep_their_digits_when_only_the_currency_changes(repeat, book, owner):
    recurring = repeat(first=day("2026-03-20"), tax_account=None, money_account=None)
    sales = ledger.open_account(book=book, actor=owner, name="Yen", type="income", kind="other", currency="JPY")
    repeat(saved=recurring, currency="JPY", income=sales)
    recurring.refresh_from_db()
    assert recurring.lines[0]["price"] == 50
    line = services.LineGiven(text="Hosting", quantity=Decimal(1), price=50_25, rate=Decimal(0))
    recurring = repeat(first=day("2026-03-20"), tax_account=None, money_account=None, lines=[line])
    with pytest.raises(AmountInvalid) as refused:
        repeat(saved=recurring, currency="JPY", income=sales)
    assert list(refused.value.fields) == ["lines.0.price"]


def test_a_client_with_one_is_not_removed(repeat, ben):
    recurring = repeat(first=day("2026-03-20"))
    Invoice.objects.filter(person=ben).delete()
    with pytest.raises(Conflict):
        services.remove_person(person=ben)
    services.remove_recurring(recurring=recurring)
    services.remove_person(person=ben)


def test_its_pages(send, page, invoice, accounts, ben, repeat):
    text = page("editor", "invoices/recurring/new/", **{"from": invoice.pk}).content.decode()
    assert 'value="Consulting"' in text
    form = {
        "person": ben.pk, "currency": "EUR", "income": accounts.salary.pk, "text_0": "Work", "price_0": "40", "first": "2030-01-31",
        "every": "1", "unit": "month", "term": "14",
    }  # fmt: skip
    assert send("editor", "invoices/recurring/new/", {**form, "until": "2029-01-01"}).status_code == 400
    assert send("editor", "invoices/recurring/new/", form).status_code == 302
    made = RecurringInvoice.objects.get()
    path = f"invoices/recurring/{made.pk}/"
    assert "Next draft on" in page("editor", path).content.decode()
    assert send("editor", path, {**form, "every": "3"}).status_code == 302
    assert "Every 3 months" in page("viewer", "invoices/recurring/").content.decode()
    for person, status in ((None, 302), ("stranger", 404), ("viewer", 403)):
        for each in (path, "invoices/recurring/new/"):
            assert page(person, each).status_code == status
            assert send(person, each, {**form, "do": "remove"}).status_code == status
    assert page("stranger", "invoices/recurring/").status_code == 404
    assert send("editor", path, {"do": "remove"}).status_code == 302
    assert not RecurringInvoice.objects.exists()
