"""Writing and correcting entries by form: each mode, what is refused and how, and that nothing typed is lost."""

import datetime
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from finance.ledger import services
from finance.ledger.posting import LineDraft
from finance.ledger.selectors import balances
from finance.models import JournalEntry, JournalLine
from finance.tests.conftest import TODAY


@pytest.fixture
def dollars(book, owner, accounts):
    return services.open_account(
        book=book,
        actor=owner,
        name="Dollars",
        type="asset",
        kind="checking",
        currency="USD",
        parent=accounts.checking.parent,
    )


@pytest.fixture
def write(send, accounts):
    def post(mode, **values):
        data = {"mode": mode, "date": TODAY.isoformat(), "account": accounts.checking.pk, **values}
        return send(
            "editor",
            "entries/new/",
            {key: value if hasattr(value, "read") else str(value) for key, value in data.items()},
        )

    return post


def lines_of_last():
    entry = JournalEntry.objects.latest("pk")
    return entry, dict(JournalLine.objects.filter(entry=entry).values_list("account__name", "amount"))


def test_spent_takes_from_the_account_and_gives_to_the_category(write, accounts, editor):
    response = write("spent", amount="12,34", payee="Aldi", category=accounts.groceries.pk, description="Milk")
    assert response.status_code == 302
    entry, lines = lines_of_last()
    assert lines == {"Groceries": 1234, "Checking account": -1234}
    assert (entry.payee, entry.description, entry.date, entry.created_by) == ("Aldi", "Milk", TODAY, editor)
    assert response["Location"].endswith(f"/accounts/{accounts.checking.pk}/")


def test_received_gives_to_the_account(write, accounts):
    write("received", amount="2 400.00", payee="Employer", category=accounts.salary.pk)
    assert lines_of_last()[1] == {"Checking account": 240000, "Salary": -240000}


def test_moved_goes_between_two_accounts(write, accounts):
    write("moved", amount="100", target=accounts.savings.pk)
    assert lines_of_last()[1] == {"Savings account": 10000, "Checking account": -10000}


def test_exchanged_needs_both_amounts_and_stores_no_rate(write, dollars, book, accounts):
    write("exchanged", amount="100", counter_amount="115.62", target=dollars.pk)
    entry, lines = lines_of_last()
    assert entry.source == "exchange"
    assert lines == {"Checking account": -10000, "Trading EUR": 10000, "Trading USD": -11562, "Dollars": 11562}


def test_split_shares_one_payment_among_categories(write, accounts):
    write(
        "split",
        direction="spent",
        amount="30",
        rows="3",
        **{
            "row-0-category": accounts.groceries.pk,
            "row-0-amount": "22.50",
            "row-0-memo": "Food",
            "row-1-category": accounts.restaurants.pk,
            "row-1-amount": "7.50",
        },
    )
    entry, lines = lines_of_last()
    assert lines == {"Groceries": 2250, "Restaurants": 750, "Checking account": -3000}
    assert JournalLine.objects.get(entry=entry, account=accounts.groceries).memo == "Food"


def test_a_split_that_does_not_come_out_even_says_what_is_left(write, accounts):
    response = write(
        "split",
        direction="spent",
        amount="30",
        rows="3",
        **{"row-0-category": accounts.groceries.pk, "row-0-amount": "22.50"},
    )
    assert "€7.50 is left" in response.content.decode()
    assert not JournalEntry.objects.exists()


def test_debits_and_credits_post_as_they_stand(write, accounts):
    write(
        "lines",
        rows="4",
        **{
            "row-0-account": accounts.rent.pk,
            "row-0-debit": "900",
            "row-2-account": accounts.checking.pk,
            "row-2-credit": "900",
            "row-2-memo": "March",
        },
    )
    assert lines_of_last()[1] == {"Rent": 90000, "Checking account": -90000}


def test_debits_and_credits_that_differ_are_refused_with_the_difference(write, accounts):
    response = write(
        "lines",
        rows="2",
        **{
            "row-0-account": accounts.rent.pk,
            "row-0-debit": "900",
            "row-1-account": accounts.checking.pk,
            "row-1-credit": "899",
        },
    )
    assert "1.00 EUR" in response.content.decode()
    assert not JournalEntry.objects.exists()


def test_spending_foreign_money_asks_for_both_amounts_and_never_assumes_a_rate(write, dollars, accounts):
    asked = write("spent", amount="10", account=dollars.pk, category=accounts.groceries.pk)
    assert "Groceries is kept in EUR" in asked.content.decode()
    assert not JournalEntry.objects.exists()
    write("spent", amount="10", counter_amount="8.70", account=dollars.pk, category=accounts.groceries.pk)
    assert lines_of_last()[1] == {"Dollars": -1000, "Trading USD": 1000, "Trading EUR": -870, "Groceries": 870}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"amount": "1.234"}, "can be read in two ways"),
        ({"amount": "abc"}, "is not a number"),
        ({"amount": "-5"}, "above zero"),
        ({"amount": "0"}, "above zero"),
        ({"amount": ""}, "This field is required"),
        ({"amount": "5", "date": "31.31.2026"}, "Enter a valid date"),
        ({"amount": "5", "category": ""}, "This field is required"),
        ({"amount": "5", "payee": "x" * 201}, "at most 200 characters"),
        ({"amount": "99999999999999999"}, "too large"),
    ],
)
def test_a_refused_entry_names_field_and_reason_and_loses_nothing(write, accounts, values, sentence):
    response = write(
        "spent", **{"payee": "Bäcker", "category": accounts.groceries.pk, "description": "Rolls", **values}
    )
    html = response.content.decode()
    assert response.status_code == 200
    assert sentence in html
    assert 'aria-invalid="true"' in html
    assert 'value="Rolls"' in html
    assert values.get("amount", "5")[:30] in html
    assert not JournalEntry.objects.exists()


def test_a_closed_period_is_told_at_the_date(write, book, owner, accounts):
    services.close_period(book=book, actor=owner, through=TODAY)
    html = write("spent", amount="5", category=accounts.groceries.pk).content.decode()
    reason = re.search(r'id="id_date_error">(.*?)</ul>', html, re.S)
    assert reason is not None
    assert "closed through" in reason[1]


def test_the_same_form_sent_twice_posts_once(write, accounts):
    uid = "0198a8f0-0000-7000-8000-000000000001"
    for _ in range(2):
        assert write("spent", uid=uid, amount="5", category=accounts.groceries.pk).status_code == 302
    assert JournalEntry.objects.count() == 1


def test_saving_and_staying_keeps_mode_day_and_account(write, accounts):
    response = write("received", amount="5", category=accounts.salary.pk, date="2026-03-02", stay="1")
    assert "mode=received" in response["Location"]
    assert "date=2026-03-02" in response["Location"]
    assert f"account={accounts.checking.pk}" in response["Location"]


def test_switching_the_mode_keeps_what_was_typed(write, accounts):
    html = write("spent", amount="12.00", payee="Aldi", category=accounts.groceries.pk, switch="lines").content.decode()
    assert 'name="mode" value="lines"' in html
    assert 'value="Aldi"' in html
    assert html.count('value="12.00"') == 2
    assert not JournalEntry.objects.exists()


def test_more_rows_can_be_had_without_scripts(write, accounts):
    html = write("split", rows="3", amount="9", more_rows="1", **{"row-1-amount": "4.50"}).content.decode()
    assert 'name="row-6-amount"' in html
    assert 'name="row-1-amount" value="4.50"' in html


def test_going_on_to_an_address_outside_is_not_followed(write, accounts):
    response = write("spent", amount="5", category=accounts.groceries.pk, next="https://evil.example/")
    assert "evil" not in response["Location"]


def test_correcting_keeps_the_old_version_and_counts_the_new_one(send, page, spend, accounts, book):
    entry = spend(1234, payee="Aldi")
    html = page("editor", f"entries/{entry.uid}/edit/").content.decode()
    assert 'value="12.34"' in html
    assert "stays in the history" in html
    response = send(
        "editor",
        f"entries/{entry.uid}/edit/",
        {
            "mode": "spent",
            "amount": "43.21",
            "payee": "Aldi",
            "date": "2026-03-14",
            "account": accounts.checking.pk,
            "category": accounts.groceries.pk,
        },
    )
    new = JournalEntry.objects.get(corrects=entry)
    assert response["Location"].endswith(f"/entries/{new.uid}/")
    assert balances(book=book)[accounts.groceries.pk] == 4321
    history = page("viewer", f"entries/{new.uid}/").content.decode()
    assert "First version" in history
    assert ">Edited<" in history or "Edited</strong>" in history
    assert "no longer counts" in page("viewer", f"entries/{entry.uid}/").content.decode()


def test_correcting_what_was_corrected_before_is_refused(send, spend, accounts, owner):
    entry = spend(1234)
    services.reverse_entry(entry=entry, actor=owner, on=TODAY)
    response = send(
        "editor",
        f"entries/{entry.uid}/edit/",
        {
            "mode": "spent",
            "amount": "1",
            "date": "2026-03-14",
            "account": accounts.checking.pk,
            "category": accounts.groceries.pk,
        },
    )
    assert "already been reversed" in response.content.decode()
    assert JournalEntry.objects.count() == 2


def test_a_split_entry_opens_for_correction_as_a_split(page, book, owner, accounts):
    entry = services.post_entry(
        book=book, actor=owner, date=TODAY, payee="IKEA",
        lines=[
            LineDraft(account_id=accounts.groceries.pk, amount=700, memo="Food"),
            LineDraft(account_id=accounts.rent.pk, amount=300),
            LineDraft(account_id=accounts.checking.pk, amount=-1000),
        ],
    )  # fmt: skip
    html = page("editor", f"entries/{entry.uid}/edit/").content.decode()
    assert 'name="mode" value="split"' in html
    assert 'name="row-0-amount" value="7.00"' in html
    assert 'value="10.00"' in html


def test_an_exchange_opens_as_one_and_is_edited_as_one(page, send, write, dollars, accounts):
    write("exchanged", amount="100", counter_amount="115.62", target=dollars.pk)
    entry = JournalEntry.objects.get()
    html = page("editor", f"entries/{entry.uid}/edit/").content.decode()
    assert 'name="mode" value="exchanged"' in html
    assert 'value="115.62"' in html
    data = {"mode": "exchanged", "amount": "100", "counter_amount": "110", "account": accounts.checking.pk,
            "target": dollars.pk, "date": "2026-03-15"}  # fmt: skip
    assert send("editor", f"entries/{entry.uid}/edit/", data).status_code == 302
    assert lines_of_last()[1] == {
        "Checking account": -10000,
        "Trading EUR": 10000,
        "Trading USD": -11000,
        "Dollars": 11000,
    }


def test_amounts_may_be_sums(write, accounts):
    write("spent", amount="12.50+3", category=accounts.groceries.pk)
    assert lines_of_last()[1]["Groceries"] == 15_50
    refused = write("spent", amount="10/3", category=accounts.groceries.pk).content.decode()
    assert "write 3.33, or ~10/3" in refused


def test_the_last_part_of_a_split_gets_what_is_left(write, accounts):
    rows = {
        "row-0-category": accounts.groceries.pk,
        "row-0-amount": "20+2.50",
        "row-1-category": accounts.restaurants.pk,
    }
    write("split", direction="spent", amount="30", rows="3", **rows)
    assert lines_of_last()[1] == {"Groceries": 2250, "Restaurants": 750, "Checking account": -3000}
    nothing_left = write("split", direction="spent", amount="22.50", rows="3", **rows).content.decode()
    assert "How much was this part?" in nothing_left


def test_a_transfer_with_a_fee_is_one_entry(page, write, accounts):
    """TRF-01: 20.00 arrive, 21.50 leave, 1.50 is spent."""
    fee = {"fee": "1.50", "fee_category": accounts.restaurants.pk}
    write("moved", amount="20", target=accounts.savings.pk, **fee)
    entry, lines = lines_of_last()
    assert lines == {"Savings account": 2000, "Restaurants": 150, "Checking account": -2150}
    html = page("editor", f"entries/{entry.uid}/edit/").content.decode()
    assert 'name="mode" value="moved"' in html
    assert 'name="fee" value="1.50"' in html
    for given in ({"fee": "1.50"}, {"fee_category": accounts.restaurants.pk}):
        refused = write("moved", amount="20", target=accounts.savings.pk, **given).content.decode()
        assert "Give the fee and what it is booked as" in refused
    assert JournalEntry.objects.count() == 1


def test_an_exchange_with_a_fee_takes_both_from_the_account_that_gave(write, dollars, accounts):
    fee = {"fee": "2", "fee_category": accounts.restaurants.pk}
    write("exchanged", amount="100", counter_amount="115.62", target=dollars.pk, **fee)
    assert lines_of_last()[1] == {
        "Checking account": -10200, "Trading EUR": 10000, "Trading USD": -11562, "Dollars": 11562, "Restaurants": 200,
    }  # fmt: skip


def test_no_two_fields_have_one_name_and_what_is_needed_is_not_called_optional(page, dollars):
    for mode in ("exchanged", "spent", "received", "moved"):
        html = page("editor", "entries/new/", mode=mode).content.decode()
        labels = [text.strip() for text in re.findall(r"<label for=[^>]*>([^<]*)", html.partition('id="entry"')[2])]
        assert len(labels) == len(set(labels)), labels
        counter = re.search(r'<label for="id_counter_amount">(.*?)</label>', html, re.S)[1]
        assert "optional" not in counter


def test_the_last_entry_is_repeated(page, write, accounts):
    assert "Repeat the last one" in page("editor", "entries/new/").content.decode()
    assert page("editor", "entries/new/", copy="last").status_code == 200
    write("spent", amount="5", payee="Aldi", category=accounts.groceries.pk, date="2026-03-01")
    html = page("editor", "entries/new/", copy="last").content.decode()
    assert 'value="5.00"' in html
    assert 'value="2026-03-15"' in html
    assert 'value="5.00"' not in page("owner", "entries/new/", copy="last").content.decode()


def test_a_template_is_kept_used_replaced_and_removed(page, write, send, accounts, book):
    values = {"amount": "900", "payee": "Landlord", "category": accounts.rent.pk, "keep": "1"}
    html = write("spent", template_name="Rent", **values).content.decode()
    assert "Kept as the template “Rent”" in html
    assert not JournalEntry.objects.exists()
    template = book.entry_templates.get()
    filled = page("editor", "entries/new/", template=template.pk).content.decode()
    assert 'value="900.00"' in filled
    assert 'value="Landlord"' in filled
    write("spent", template_name="rent", **{**values, "amount": "950"})
    assert book.entry_templates.get().lines[0]["amount"] == 95_000
    assert "1 to 80 characters" in write("spent", template_name=" ", **values).content.decode()
    assert page("editor", "entries/new/", template=999_999).status_code == 404
    assert send("viewer", f"entries/templates/{template.pk}/remove/", {}).status_code == 403
    send("editor", f"entries/templates/{template.pk}/remove/", {})
    assert not book.entry_templates.exists()


def test_reversing_says_what_it_means_and_then_does_it(page, send, spend, book, owner, accounts):
    entry = spend(1234, on=datetime.date(2026, 1, 10))
    assert "Jan 10, 2026" in page("editor", f"entries/{entry.uid}/reverse/").content.decode()
    services.close_period(book=book, actor=owner, through=datetime.date(2026, 1, 31))
    assert "gets today" in page("editor", f"entries/{entry.uid}/reverse/").content.decode()
    send("editor", f"entries/{entry.uid}/reverse/", {})
    assert JournalEntry.objects.get(reverses=entry).date == TODAY
    assert balances(book=book)[accounts.groceries.pk] == 0


def test_repeating_an_entry_fills_the_form_for_today(page, spend):
    entry = spend(1234, payee="Aldi", on=datetime.date(2026, 1, 10))
    html = page("editor", "entries/new/", copy=str(entry.uid)).content.decode()
    assert 'value="12.34"' in html
    assert 'value="Aldi"' in html
    assert 'value="2026-03-15"' in html


def test_payees_are_completed_with_what_was_written_last(page, spend, accounts):
    spend(500, payee="Aldi", on=datetime.date(2026, 3, 1))
    spend(700, payee="ALDI", on=datetime.date(2026, 3, 2), category=accounts.restaurants)
    spend(900, payee="Altbau")
    spend(100, payee="Bäcker")
    told = page("viewer", "payees/", q="al").json()["payees"]
    assert [one["payee"] for one in told] == ["ALDI", "Altbau"]
    assert told[0]["amount"] == "7.00"
    assert told[0]["category"] == accounts.restaurants.pk
    assert told[0]["account"] == accounts.checking.pk
    assert page("viewer", "payees/", q="").json() == {"payees": []}
    assert page("viewer", "payees/", q="%").json() == {"payees": []}


def test_a_receipt_comes_with_the_entry_or_the_entry_does_not_come(write, accounts):
    def file(data):
        return SimpleUploadedFile("bon.pdf", data, content_type="application/pdf")

    refused = write("spent", amount="5", category=accounts.groceries.pk, receipt=file(b"MZ no receipt"))
    assert "notice-trouble" in refused.content.decode()
    assert not JournalEntry.objects.exists()
    write("spent", amount="5", category=accounts.groceries.pk, receipt=file(b"%PDF-1.4\n%%EOF\n"))
    assert JournalEntry.objects.get().book.attachments.count() == 1


def test_with_today_closed_the_form_reverses_on_the_first_open_day(send, page, spend, accounts, book, owner):
    entry = spend(1234, payee="Aldi")
    services.close_period(book=book, actor=owner, through=TODAY)
    html = page("editor", f"entries/{entry.uid}/edit/").content.decode()
    assert "reversed on Mar 16, 2026" in html
    data = {"mode": "spent", "amount": "43.21", "payee": "Aldi", "date": "2026-03-16",
            "account": accounts.checking.pk, "category": accounts.groceries.pk}  # fmt: skip
    send("editor", f"entries/{entry.uid}/edit/", data)
    assert JournalEntry.objects.get(reverses=entry).date == datetime.date(2026, 3, 16)
    assert balances(book=book)[accounts.groceries.pk] == 4321
