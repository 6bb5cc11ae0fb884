"""Changing entries where they are shown: cells, selections, Undo in the message, and the history of changes."""

import datetime
import json
import re

import pytest

from finance.ledger import services
from finance.ledger.change_models import Change
from finance.ledger.posting import LineDraft
from finance.ledger.revising import Edit
from finance.ledger.selectors import balances
from finance.models import JournalEntry, JournalLine
from finance.reconciliation.services import mark_cleared
from finance.tests.conftest import TODAY

HTMX = {"HX-Request": "true"}


@pytest.fixture
def entry(spend):
    return spend(12_50, payee="Aldi")


@pytest.fixture
def row(entry, accounts):
    """The line that the checking account's register shows."""
    return entry.lines.get(account=accounts.checking)


@pytest.fixture
def cell(send, row, accounts):
    """cell("payee", "Lidl") → the answer to the form in the cell, as htmx sends it."""

    def post(field, value, *, line=None, view=None, headers=HTMX, **extra):
        data = {
            "line": line or row.pk,
            "field": field,
            "value": value,
            "view": accounts.checking.pk if view is None else view,
            **extra,
        }
        return send("editor", "changes/cell/", data, headers=headers)

    return post


@pytest.fixture
def select(send, accounts):
    """select(action, *lines, …) → the answer of the selection's bar."""

    def post(action, *lines, headers=HTMX, **data):
        named = {"action": action} if action else {}
        return send(
            "editor", "changes/selection/",
            {**named, "pick": [str(line.pk) for line in lines], "view": accounts.checking.pk, **data}, headers=headers,
        )  # fmt: skip

    return post


def current(entry):
    while after := JournalEntry.objects.filter(corrects=entry).first():
        entry = after
    return entry


def notice(answer):
    return re.sub(r"\s+", " ", re.search(r'class="notice[^>]*>.*?<p>(.*?)</p>', answer.content.decode(), re.S)[1])


def undo_address(answer):
    return re.search(r'hx-post="([^"]*/undo/)"', answer.content.decode())[1]


def test_a_click_on_the_chip_offers_the_accounts_and_a_second_one_changes_it(page, row, cell, accounts, entry, as_):
    form = page("editor", "changes/cell/", line=row.pk, field="account", view=accounts.checking.pk).content.decode()
    assert f'value="{accounts.restaurants.pk}"' in form
    assert "<html" not in form
    answer = cell("account", accounts.restaurants.pk)
    html = answer.content.decode()
    assert notice(answer) == "Groceries → Restaurants, €12.50."
    new = current(entry)
    assert f'id="line-{new.lines.get(account=accounts.checking).pk}"' in html
    assert "Restaurants</a>" in html
    assert json.loads(answer["HX-Trigger-After-Settle"]) == {"lifeos:changed": {"rows": False}}
    undone = as_("editor").post(undo_address(answer), {}, headers=HTMX)
    assert notice(undone) == "Undone: Restaurants → Groceries, €12.50."
    assert json.loads(undone["HX-Trigger-After-Settle"]) == {"lifeos:changed": {"rows": True}}


def test_the_row_keeps_its_mark(cell, row, accounts, owner):
    mark_cleared(account=accounts.checking, actor=owner, line_ids=[row.pk], cleared=True)
    assert 'visually-hidden">cleared<' in cell("payee", "Lidl").content.decode()


def test_the_row_stays_where_it_was_with_its_balance(cell, spend, row, accounts):
    spend(3_00, payee="Later that day")
    html = cell("payee", "Lidl").content.decode()
    assert ">Lidl</a>" in html
    assert re.search(r'balance-cell">([^<]*)<', html)[1] == "−12.50"


def test_a_row_that_leaves_the_category_says_where_it_is_now(cell, entry, accounts):
    line = entry.lines.get(account=accounts.groceries)
    html = cell("account", accounts.restaurants.pk, line=line.pk, view=accounts.groceries.pk).content.decode()
    assert "now in Restaurants" in html
    assert "row-gone" in html


def test_in_a_group_and_in_all_spending_the_category_is_the_rows_own_account(cell, entry, page, accounts):
    line = entry.lines.get(account=accounts.groceries)
    for view, query in ((accounts.groceries.parent_id, ""), ("", "scope=spending")):
        line = current(entry).lines.get(account__type="expense")
        wanted = accounts.restaurants if line.account_id == accounts.groceries.pk else accounts.groceries
        html = cell("account", wanted.pk, line=line.pk, view=view, query=query).content.decode()
        assert f"{wanted.name}</a>" in html
        assert "row-gone" not in html
        assert 'hx-swap-oob="outerHTML:#line-' in html
    assert "Change the category" in page("editor", f"accounts/{accounts.groceries.pk}/").content.decode()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("payee", "Lidl", "Aldi → Lidl."),
        ("payee", "", "Aldi → —."),
        ("description", "Party", "note “Party”."),
        ("date", "2026-03-01", "Mar 15, 2026 → Mar 1, 2026."),
        ("amount", "-9,99", "Aldi, €12.50 → €9.99."),
        ("amount", "5", "Aldi, €12.50 → €5.00."),
    ],
)
def test_each_cell_says_what_it_changed(cell, field, value, message):
    assert notice(cell(field, value)) == message


def test_amounts_are_read_as_the_register_shows_them(page, cell, entry, row, accounts, book, owner):
    shown = page("editor", "changes/cell/", line=row.pk, field="amount", view=accounts.checking.pk).content.decode()
    assert 'value="-12.50"' in shown
    cell("amount", "-5")
    assert balances(book=book)[accounts.checking.pk] == -5_00
    lines = [LineDraft(account_id=accounts.cash.pk, amount=70), LineDraft(account_id=accounts.salary.pk, amount=-70)]
    pay = services.post_entry(book=book, actor=owner, date=TODAY, lines=lines)
    cell("amount", "0.80", line=pay.lines.get(amount=-70).pk, view=accounts.salary.pk)
    assert balances(book=book)[accounts.salary.pk] == -80


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("amount", "abc", "not a number"), ("amount", "0", "cannot be zero"), ("date", "soon", "valid date"),
        ("account", "999999", "Select a valid choice"), ("payee", "x" * 201, "at most 200 characters"),
    ],
)  # fmt: skip
def test_a_refusal_stands_in_the_cell_and_changes_nothing(cell, field, value, sentence):
    answer = cell(field, value)
    assert sentence in answer.content.decode()
    assert (answer["HX-Retarget"], answer["HX-Reswap"]) == ("this", "outerHTML")
    assert not Change.objects.exists()


def test_without_scripts_the_same_form_leads_back(cell, as_, book, entry):
    answer = cell("payee", "Lidl", headers={}, next="/b/1/accounts/2/?q=a")
    assert (answer.status_code, answer["Location"]) == (302, "/b/1/accounts/2/?q=a")
    assert current(entry).payee == "Lidl"
    refused = cell("payee", "Lidl", line=current(entry).lines.first().pk, headers={}, next="https://evil.example/")
    assert refused["Location"] == f"/b/{book.pk}/changes/"


def test_many_rows_get_a_category_at_once_and_undo_takes_it_back(select, spend, accounts, as_, book):
    entries = [spend(100 * n, payee=f"P{n}") for n in range(1, 21)]
    lines = [each.lines.get(account=accounts.checking) for each in entries]
    answer = select(None, *lines, account_value=accounts.restaurants.pk)
    assert notice(answer) == "20 entries → Restaurants."
    assert answer["HX-Reswap"] == "none"
    assert balances(book=book)[accounts.restaurants.pk] == 21_000
    assert notice(as_("editor").post(undo_address(answer), {}, headers=HTMX)) == "Undone, 20 entries are as they were."
    assert balances(book=book)[accounts.groceries.pk] == 21_000


@pytest.mark.parametrize(
    ("action", "data", "message"),
    [
        ("payee", {"payee_value": "Lidl"}, "2 entries → Lidl."),
        ("description", {"description_value": "Trip"}, "2 entries → note “Trip”."),
        ("date", {"date_value": "2026-03-01"}, "2 entries → Mar 1, 2026."),
        ("shift_days", {"shift_days_value": "-1"}, "2 entries → 1 day earlier."),
        ("delete", {}, "Deleted: 2 entries."),
        ("tag", {"tag_value": "Trip, Shared"}, "Tagged 2 entries: Trip, Shared."),
    ],
)
def test_each_action_of_the_bar(select, spend, accounts, action, data, message):
    one, two, _other = spend(1, payee="A"), spend(2, payee="B"), spend(3, payee="a")
    lines = [each.lines.get(account=accounts.checking) for each in (one, two)]
    assert notice(select(action, *lines, **data)) == message


def test_the_bar_refuses_what_makes_no_sense(select, row, send, accounts):
    assert "valid date" in notice(select("date", row, date_value="soon"))
    assert "at least one" in notice(select("delete"))
    assert "Choose what to do" in notice(select("amount", row, amount_value="1"))
    for pick in ("x", ""):
        refused = send("editor", "changes/selection/", {"action": "delete", "pick": [pick]}, follow=True)
        assert "Choose entries from the list" in refused.content.decode()
    assert send("editor", "changes/selection/", {"action": "delete", "pick": ["999999999"]}).status_code == 404
    assert not Change.objects.exists()


def test_all_of_the_filter_is_found_by_the_server(page, select, spend, accounts, book):
    for number in range(230):  # more than a page
        spend(100, payee="Aldi", on=TODAY - datetime.timedelta(days=number % 30))
    spend(7, payee="Bakery")
    told = page("editor", "changes/selection/", all=1, view=accounts.checking.pk, query="q=aldi").content.decode()
    assert told == "230 entries · −€230.00"
    answer = select(None, all=1, query="q=aldi", account_value=accounts.restaurants.pk)
    assert notice(answer) == "230 entries → Restaurants."
    assert balances(book=book)[accounts.groceries.pk] == 7
    refused = page("editor", "changes/selection/", all=1, view=accounts.checking.pk, query="amount=x").content.decode()
    assert "One of the filters cannot be read" in refused
    everything = page(
        "editor", "changes/selection/", all=1, view="", query="scope=spending&period=2026-03"
    ).content.decode()
    assert re.match(r"\d+ entries · €", everything)


def test_an_entry_with_two_rows_in_the_list_is_one_entry(page, select, book, owner, accounts):
    lines = [LineDraft(account_id=accounts.cash.pk, amount=70), LineDraft(account_id=accounts.checking.pk, amount=-70)]
    services.post_entry(book=book, actor=owner, date=TODAY, payee="Machine", lines=lines)
    told = page("editor", "changes/selection/", all=1, view="", query="scope=holdings&q=machine").content.decode()
    assert told == "1 entry · €0.00"


def test_undo_lists_what_was_changed_since_and_offers_the_rest(select, cell, spend, accounts, as_, row):
    other = spend(2, payee="Other").lines.get(account=accounts.checking)
    made = select("payee", row, other, payee_value="Lidl")
    changed = JournalEntry.objects.get(corrects=row.entry)
    cell("payee", "Netto", line=changed.lines.first().pk)
    refused = as_("editor").post(undo_address(made), {}, headers=HTMX)
    assert notice(refused) == (
        "This cannot be undone as a whole: 1 of its entries were changed since. Lidl (2026-03-15)"
    )  # fmt: skip
    others = re.search(r'hx-post="([^"]*skip=1)"', refused.content.decode())[1]
    assert "1 stays as it is" in notice(as_("editor").post(others, {}, headers=HTMX))


def test_saving_deleting_and_undo_stand_in_the_messages(send, accounts, as_, book):
    data = {"mode": "spent", "amount": "12.50", "payee": "Aldi", "date": "2026-03-15",
            "account": accounts.checking.pk, "category": accounts.groceries.pk}  # fmt: skip
    client = as_("editor")
    saved = client.post(f"/b/{book.pk}/entries/new/", data, follow=True)
    assert notice(saved) == "Saved: Aldi, €12.50."
    reverse = re.search(r'action="([^"]*/reverse/)"', saved.content.decode())[1]
    deleted = client.post(reverse, {"next": f"/b/{book.pk}/accounts/{accounts.checking.pk}/"}, follow=True)
    assert notice(deleted) == "Deleted: Aldi, €12.50."
    back = client.post(undo_address(deleted), {"next": f"/b/{book.pk}/"}, follow=True)
    assert notice(back) == "Undone, Aldi, €12.50 is back."
    assert balances(book=book)[accounts.groceries.pk] == 12_50


def test_in_a_closed_period_the_message_names_the_date(cell, book, owner, accounts):
    services.close_period(book=book, actor=owner, through=TODAY)
    answer = cell("account", accounts.restaurants.pk)
    assert notice(answer) == (
        "Groceries → Restaurants, €12.50. The books are closed on its day: the correction is dated Mar 16, 2026."
    )


def test_the_history_lists_changes_with_undo_for_editors(page, cell, entry, select, spend, accounts):
    cell("payee", "Lidl")
    two = [spend(1).lines.first(), spend(2).lines.first()]
    select("delete", *two)
    html = page("viewer", "changes/").content.decode()
    assert re.findall(r'<th scope="row"><a [^>]*>([^<]*)</a>', html) == ["Deleted: 2 entries.", "Aldi → Lidl."]
    assert "/undo/" not in html
    assert page("editor", "changes/").content.decode().count("/undo/") == 2
    first = Change.objects.earliest("pk")
    assert f"/entries/{entry.uid}/" in page("viewer", f"changes/{first.pk}/").content.decode()


def test_the_history_goes_on_by_keyset_with_a_fixed_number_of_questions(
    page, book, owner, spend, as_, django_assert_max_num_queries
):
    for number in range(33):
        services.change_entries(
            book=book, actor=owner, targets={spend(1).pk: ()}, edit=Edit(payee=f"P{number}"), today=TODAY
        )
    client = as_("viewer")
    with django_assert_max_num_queries(12):
        first = client.get(f"/b/{book.pk}/changes/").content.decode()
    assert first.count("Market → P") == 30
    later = re.search(r'href="(\?after=\d+)"', first)[1]
    assert client.get(f"/b/{book.pk}/changes/{later}").content.decode().count("Market → P") == 3


WRITING = {
    "changes/cell/?line={line}&field=payee&view={account}": {"line": "{line}", "field": "payee", "value": "x"},
    "changes/options/": None,
    "changes/selection/?all=1&view={account}": {"action": "payee", "payee_value": "y", "pick": "{uid}"},
}


@pytest.mark.parametrize(
    ("person", "read", "write", "written"),
    [
        (None, 302, 302, 302), ("stranger", 404, 404, 404), ("viewer", 200, 403, 403), ("editor", 200, 200, 302),
        ("owner", 200, 200, 302),
    ],
)  # fmt: skip
def test_who_may_open_and_send_what(as_, book, owner, spend, entry, row, accounts, person, read, write, written):
    made = services.change_entries(
        book=book, actor=owner, targets={spend(1).pk: ()}, edit=Edit(payee="Q"), today=TODAY
    ).change  # fmt: skip
    names = {"line": row.pk, "account": accounts.checking.pk, "uid": spend(5).uid}
    client, count = as_(person), JournalEntry.objects.count()
    for path in ("changes/", f"changes/{made.pk}/"):
        assert client.get(f"/b/{book.pk}/{path}").status_code == read, path
    for path, data in WRITING.items():
        address = f"/b/{book.pk}/{path.format(**names)}"
        assert client.get(address).status_code == write, path
        if data:
            values = {key: value.format(**names) for key, value in data.items()}
            assert client.post(address.partition("?")[0], values).status_code == written, path
    assert client.post(f"/b/{book.pk}/changes/{made.pk}/undo/").status_code == written
    assert (JournalEntry.objects.count() == count) == (written != 302 or person is None)


def test_ids_of_another_book_lead_nowhere(as_, row, stranger, entry, book, owner, spend):
    other = services.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    client, base = as_("stranger"), f"/b/{other.pk}/changes/"
    made = services.delete_entries(book=book, actor=owner, entry_ids=[spend(1).pk], today=TODAY).change
    assert client.get(f"{base}cell/?line={row.pk}&field=payee").status_code == 404
    assert client.get(f"{base}cell/?entry={entry.uid}&field=payee").status_code == 404
    assert client.get(f"{base}cell/?entry=x&field=payee").status_code == 404
    assert client.get(f"{base}cell/?line=x&field=payee").status_code == 404
    assert client.post(f"{base}selection/", {"action": "delete", "pick": [str(row.pk)]}).status_code == 404
    assert client.get(f"{base}selection/?all=1&view={row.account_id}").status_code == 404
    assert client.get(f"{base}{made.pk}/").status_code == 404
    assert client.post(f"{base}{made.pk}/undo/").status_code == 404
    assert JournalLine.objects.filter(pk=row.pk).exists()


def test_viewers_see_rows_without_anything_to_change(page, row, accounts):
    html = page("viewer", f"accounts/{accounts.checking.pk}/").content.decode()
    assert 'class="row' in html
    assert "data-field" not in html
    assert 'id="selection"' not in html


def test_what_a_search_finds_is_changed_in_place_and_all_at_once(page, send, cell, entry, spend, accounts):
    spend(3_00, payee="Aldi")
    html = page("editor", "search/", q="aldi").content.decode()
    assert html.count('class="pick"') == 2
    assert "data-field" not in page("viewer", "search/", q="aldi").content.decode()
    told = page("editor", "changes/selection/", all=1, view="search", query="aldi").content.decode()
    assert told == "2 entries · −€15.50"
    data = {"all": "1", "view": "search", "query": "aldi", "account_value": accounts.restaurants.pk}
    assert notice(send("editor", "changes/selection/", data, headers=HTMX)) == "2 entries → Restaurants."
    data = {"entry": current(entry).uid, "field": "amount", "value": "7"}
    assert notice(send("editor", "changes/cell/", data, headers=HTMX)) == "Aldi, €12.50 → €7.00."
    refused = send(
        "editor", "changes/selection/", {**data, "all": "1", "view": "search", "query": "amount:x"}, headers=HTMX
    )
    assert "notice-trouble" in refused.content.decode()


def test_tags_are_put_on_and_taken_off_many(select, spend, accounts):
    lines = [spend(n).lines.get(account=accounts.checking) for n in (1, 2)]
    assert notice(select("tag", *lines, tag_value="Trip, Fun")) == "Tagged 2 entries: Trip, Fun."
    assert notice(select("untag", *lines, tag_value="fun")) == "Removed from 2 entries: Fun."
    assert "at least one tag" in notice(select("tag", *lines, tag_value=" , "))
