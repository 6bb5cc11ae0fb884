"""The register: order, balances, pages by keyset, filters in the address."""

import datetime
import re

import pytest

from finance.ledger import services
from finance.ledger.posting import LineDraft
from finance.reconciliation.services import add_statement, mark_cleared, reconcile, tick
from finance.tests.conftest import TODAY


@pytest.fixture
def look(page, accounts):
    def get(person="viewer", account=None, **query):
        return page(person, f"accounts/{(account or accounts.checking).pk}/", **query).content.decode()

    return get


def payees(html):
    return re.findall(r'class="payee"[^>]*>([^<]*)</a>', html)


def amounts(html):
    return [
        (amount.strip(), balance.strip())
        for amount, balance in re.findall(
            r'amount-cell"[^>]*>([^<]*)</td>\s*(?:<td class="num balance-cell">([^<]*)</td>)?', html
        )
    ]


def test_the_newest_entry_comes_first_with_its_running_balance(look, spend):
    spend(1_000, payee="First", on=datetime.date(2026, 3, 1))
    spend(250, payee="Second", on=datetime.date(2026, 3, 2))
    html = look()
    assert payees(html) == ["Second", "First"]
    assert amounts(html) == [("−2.50", "−12.50"), ("−10.00", "−10.00")]
    assert "March 2, 2026" in html


def test_a_row_says_whether_it_is_cleared_or_reconciled(look, spend, accounts, owner):
    lines = {}
    for payee in ("Known", "Stated", "Neither"):
        lines[payee] = spend(1_000, payee=payee).lines.get(account=accounts.checking).pk
    mark_cleared(account=accounts.checking, actor=owner, line_ids=[lines["Known"]], cleared=True)
    statement = add_statement(
        account=accounts.checking,
        actor=owner,
        start=TODAY,
        end=TODAY,
        opening=0,
        closing=-10_00,
        book=accounts.checking.book,
    )
    tick(statement=statement, actor=owner, line_ids=[lines["Stated"]])
    reconcile(statement=statement, actor=owner, version=statement.version)
    rows = {payee: part for part in look().split("<tr ") for payee in lines if f">{payee}</a>" in part}
    words = {payee: re.findall(r'visually-hidden">(cleared|reconciled)<', row) for payee, row in rows.items()}
    assert words == {"Known": ["cleared"], "Stated": ["reconciled"], "Neither": []}


def test_pages_go_on_by_keyset_and_do_not_repeat_a_day(look, spend, as_, book, accounts):
    for number in range(60):
        spend(100 + number, payee=f"P{number:02}", on=TODAY - datetime.timedelta(days=number // 4))
    first = look()
    assert len(payees(first)) == 50
    link = re.search(r'class="more" id="more">.*?href="([^"]+)"', first, re.S)[1].replace("&amp;", "&")
    second = as_("viewer").get(f"/b/{book.pk}/accounts/{accounts.checking.pk}/{link}").content.decode()
    assert len(payees(second)) == 10
    assert not set(payees(first)) & set(payees(second))
    assert (
        second.count('class="day-head"') == second.count('<tbody class="day">') - 1
    )  # the cut day's head is on page one
    assert 'hx-get="' not in second.split('id="more"')[1]


def test_an_account_that_ends_with_a_page_has_no_next(look, spend):
    spend(100)
    assert "Earlier entries" not in look()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "ald"}, ["Aldi"]),
        ({"start": "2026-03-02"}, ["Bakery", "Aldi"]),
        ({"end": "2026-03-01"}, ["Cinema"]),
        ({"min": "5", "max": "20"}, ["Aldi", "Cinema"]),
        ({"min": "5,00", "q": "a"}, ["Aldi", "Cinema"]),
        ({"q": "nothing"}, []),
        ({"q": "%"}, []),
    ],
)
def test_filters_stand_in_the_address_and_as_pills(look, spend, query, found):
    spend(2_000, payee="Cinema", on=datetime.date(2026, 3, 1))
    spend(700, payee="Aldi", on=datetime.date(2026, 3, 2))
    spend(300, payee="Bakery", on=datetime.date(2026, 3, 3))
    html = look(**query)
    assert payees(html) == found
    assert html.count('class="pill pill-on"') == len(query)


def test_a_pill_takes_away_its_own_filter_only(look, spend):
    spend(700, payee="Aldi")
    html = look(q="aldi", min="5")
    assert 'href="?min=5"' in html
    assert 'href="?q=aldi"' in html


def test_the_category_filter_finds_entries_by_their_other_side(look, spend, accounts):
    spend(700, payee="Landlord", category=accounts.rent)
    spend(300, payee="Aldi")
    assert payees(look(category=str(accounts.rent.pk))) == ["Landlord"]


@pytest.mark.parametrize("query", [{"min": "abc"}, {"start": "soon"}, {"category": "999999"}])
def test_a_filter_that_makes_no_sense_is_told_and_shows_everything(look, spend, query):
    spend(700, payee="Aldi")
    html = look(**query)
    assert 'class="reasons"' in html
    assert payees(html) == ["Aldi"]


def test_a_bad_place_in_the_register_is_not_found(page, accounts):
    assert page("viewer", f"accounts/{accounts.checking.pk}/", after="x:y").status_code == 404


def test_income_is_shown_as_people_count_it(look, book, owner, accounts):
    lines = [
        LineDraft(account_id=accounts.checking.pk, amount=5_000),
        LineDraft(account_id=accounts.salary.pk, amount=-5_000),
    ]
    services.post_entry(book=book, actor=owner, date=TODAY, payee="Employer", lines=lines)
    assert amounts(look(account=accounts.salary)) == [("50.00", "")]


def test_what_was_corrected_is_shown_on_request(look, spend, owner):
    entry = spend(700, payee="Aldi")
    services.reverse_entry(entry=entry, actor=owner, on=TODAY)
    assert payees(look()) == []
    assert payees(look(all="on")) == ["Aldi", "Aldi"]


def test_a_row_unfolds_to_its_lines_and_links_to_the_entry_without_scripts(look, page, spend):
    entry = spend(700, payee="Aldi")
    html = look("editor")
    assert f"/entries/{entry.uid}/" in html
    assert f"/entries/{entry.uid}/edit/?next=" in html
    fold = page("viewer", f"entries/{entry.uid}/fold/").content.decode()
    parts, _cut, debits = fold.partition("As debits and credits")
    assert re.findall(r'class="num">([^<]+)<', parts) == ["€7.00", "−€7.00"]
    assert debits.count("€7.00") == 2
    assert "<html" not in fold


def test_a_group_shows_the_accounts_below_it(page, spend, accounts):
    spend(700)
    html = page("viewer", f"accounts/{accounts.groceries.parent_id}/").content.decode()
    assert "Groceries" in html
    assert payees(html) == ["Market"]
    assert html.count('class="chip chip-account"') == 1


def test_a_page_of_the_register_costs_a_fixed_number_of_questions(
    as_, book, accounts, spend, django_assert_max_num_queries
):
    client = as_("owner")
    for day in range(1, 15):
        spend(100, on=datetime.date(2026, 3, day))
    with django_assert_max_num_queries(19):
        assert client.get(f"/b/{book.pk}/accounts/{accounts.checking.pk}/?q=mark&min=0.5").status_code == 200


def test_an_entry_costs_a_fixed_number_of_questions(as_, book, accounts, spend, owner, django_assert_max_num_queries):
    client = as_("owner")
    entry = spend(100)
    services.reverse_entry(entry=entry, actor=owner, on=TODAY)
    with django_assert_max_num_queries(16):
        assert client.get(f"/b/{book.pk}/entries/{entry.uid}/").status_code == 200


def test_texts_of_rows_are_texts_and_nothing_else(as_, book, owner, accounts, viewer):
    """The rows are put together in Python: whatever people and banks write stands there escaped."""
    hostile = """"'><b>&"""
    services.rename_account(account=accounts.groceries, actor=owner, name=hostile)
    lines = [LineDraft(account_id=accounts.groceries.pk, amount=5_00, memo=hostile),
             LineDraft(account_id=accounts.checking.pk, amount=-5_00)]  # fmt: skip
    entry = services.post_entry(book=book, actor=owner, date=TODAY, lines=lines, payee=hostile, description=hostile)
    plain = services.post_entry(book=book, actor=owner, date=TODAY, lines=lines, payee="", description=hostile)
    services.reverse_entry(entry=plain, actor=owner, on=TODAY)
    safe = "&quot;&#x27;&gt;&lt;b&gt;&amp;"
    for person in ("owner", "viewer"):
        for path in (
            f"accounts/{accounts.checking.pk}/?current=all",
            f"accounts/{accounts.groceries.pk}/",
            "register/",
        ):
            answer = as_(person).get(f"/b/{book.pk}/{path}").content.decode()
            [*days] = re.findall(r'<tbody class="day">.*?</tbody>', answer, re.S)
            assert safe in "".join(days), (person, path)
            assert "<b>" not in answer
            assert str(entry.uid) in "".join(days)
            assert ('data-field="' in "".join(days)) is (person == "owner")
