"""What stands above a register: sums, the period before, averages, bars; groups and the whole book; filters and periods."""

import datetime
import html as markup
import re

import pytest

from finance.errors import FinanceError
from finance.ledger import register_sums as sums_module
from finance.ledger import services
from finance.ledger.posting import LineDraft
from finance.ledger.registers import AmountRange
from finance.periods import PayRule
from finance.preferences import services as preferences
from finance.tags import services as tag_services
from finance.tests.conftest import TODAY
from finance.web.register_filters import read_range


def day(text):
    return datetime.date.fromisoformat(text)


@pytest.fixture
def look(page):
    def get(path, person="viewer", **query):
        answer = page(person, path, **query)
        assert answer.status_code == 200, answer.status_code
        return answer.content.decode()

    return get


@pytest.fixture
def year(spend, accounts):
    """Restaurants: 40.00 a month in October to December, 30.00 in January, 20.00 and a refund of 5.00 in February, 12.00 now."""
    for month in ("2025-10", "2025-11", "2025-12"):
        spend(4_000, payee="Trattoria", on=day(f"{month}-05"), category=accounts.restaurants)
    spend(3_000, payee="Trattoria", on=day("2026-01-31"), category=accounts.restaurants)
    spend(2_000, payee="Diner", on=day("2026-02-10"), category=accounts.restaurants)
    spend(-500, payee="Diner", on=day("2026-02-20"), category=accounts.restaurants)
    spend(1_200, payee="Diner", on=day("2026-03-02"), category=accounts.restaurants)
    spend(9_900, payee="Aldi", on=day("2026-02-11"), category=accounts.groceries)
    return accounts.restaurants


def figures(html):
    """The summary's words and figures."""
    summary = html.split('id="summary"')[1].split("</dl>")[0]
    pairs = re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", summary, re.S)
    return {" ".join(re.sub("<[^>]+>", " ", a).split()): " ".join(re.sub("<[^>]+>", " ", b).split()) for a, b in pairs}


def payees(html):
    return re.findall(r'class="payee"[^>]*>([^<]*)</a>', html)


def test_restaurants_last_quarter_in_three_clicks(look, year):
    # 1: Accounts; 2: Restaurants; 3: Last quarter in the menu of periods.
    assert re.search(r'href="/b/\d+/accounts/"', look(""))
    tree = look("accounts/")
    link = re.search(rf'href="/b/\d+/(accounts/{year.pk}/)([^"]*)">Restaurants', tree)
    register = look(link[1])
    assert re.search(r'href="\?period=last-quarter"[^>]*>Last quarter', register)
    shown = figures(look(link[1], period="last-quarter"))
    assert shown["Spending · Q4 2025"] == "€120.00"
    assert shown["Entries"] == "3"
    assert shown["Per month"] == "€40.00 over 3 months"
    assert shown["Q3 2025"] == "€0.00 +€120.00"


def test_a_category_counts_spending_as_positive_and_shows_no_balance(look, year):
    html = look(f"accounts/{year.pk}/", period="2026-02")
    assert figures(html) == {
        "Spending · February 2026": "€15.00",
        "Spent": "€20.00",
        "Paid back": "€5.00",
        "Entries": "2",
        "January 2026": "€30.00 −€15.00 (−50%)",
    }
    assert "Spending counts as positive; refunds lower it." in html
    assert "balance-cell" not in html
    assert 'id="balance"' not in html
    assert re.findall(r'data-amounts="EUR:2:([^"]*)"', html) == ["-500", "2000"]


def test_income_counts_as_positive_too(look, book, owner, accounts):
    lines = [
        LineDraft(account_id=accounts.checking.pk, amount=5_000),
        LineDraft(account_id=accounts.salary.pk, amount=-5_000),
    ]
    services.post_entry(book=book, actor=owner, date=TODAY, payee="Employer", lines=lines)
    shown = figures(look(f"accounts/{accounts.salary.pk}/", period="this-month"))
    assert (shown["Income · March 2026"], shown["Received"], shown["Taken back"]) == ("€50.00", "€50.00", "€0.00")


def test_a_month_under_way_is_compared_with_the_same_days_of_the_one_before(look, year):
    shown = figures(look(f"accounts/{year.pk}/", period="this-month"))
    assert shown["Feb 1 – 15, 2026"] == "€20.00 −€8.00 (−40%)"


def test_the_average_goes_over_the_months_there_are(look, year):
    shown = figures(look(f"accounts/{year.pk}/"))
    assert shown["Spending · All time"] == "€177.00"
    # October to 15 March: five months and 15 of 31 days.
    assert shown["Per month"] == "€32.28 over 5.5 months"


def test_an_account_keeps_its_balance_and_shows_what_came_and_went(look, year, accounts):
    html = look(f"accounts/{accounts.checking.pk}/", period="2026-02")
    assert "Balance on Feb 28, 2026" in html
    assert re.search(r'id="balance">−€264.00<', html)
    shown = figures(html)
    assert (shown["In"], shown["Out"], shown["Change · February 2026"]) == ("€5.00", "€119.00", "−€114.00")


def test_a_group_lists_the_lines_of_all_accounts_inside(look, year, accounts):
    food = accounts.restaurants.parent_id
    html = look(f"accounts/{food}/", period="2026-02")
    assert payees(html) == ["Diner", "Aldi", "Diner"]
    assert figures(html)["Spending · February 2026"] == "€114.00"
    inside = dict(
        re.findall(
            r'<a href="/b/\d+/accounts/\d+/[^"]*">(Groceries|Restaurants)</a></th><td class="num"><a[^>]*>([^<]*)</a>',
            html,
        )
    )
    assert inside == {"Groceries": "€99.00", "Restaurants": "€15.00"}
    only = look(f"accounts/{food}/", period="2026-02", account=str(accounts.groceries.pk))
    assert payees(only) == ["Aldi"]
    assert figures(only)["Spending · February 2026"] == "€99.00"


def test_an_empty_group_says_so(look, book, owner, accounts):
    group = services.open_account(
        book=book, actor=owner, name="Empty", type="expense", kind="group", currency="EUR", parent=accounts.expenses
    )  # fmt: skip
    assert "There is no account in this group yet." in look(f"accounts/{group.pk}/")


def test_the_whole_book_has_registers_of_what_is_owned_spent_and_earned(look, page, year):
    assert figures(look("register/", scope="spending", period="2026-02"))["Spending · February 2026"] == "€114.00"
    assert figures(look("register/", end="2026-02-28"))["Change · to Feb 28, 2026"] == "−€264.00"
    assert page("viewer", "register/", scope="everything").status_code == 404


def test_sums_of_a_filter_that_looks_at_some_lines_only_say_so(look, year, monkeypatch):
    monkeypatch.setattr(sums_module, "SUM_WINDOW", 3)
    html = look(f"accounts/{year.pk}/", payee="diner")
    assert "Of the newest 3 entries, back to Feb 10, 2026." in html
    assert "Per month" not in html
    assert "data-chart" not in html
    assert "Of the newest" not in look(f"accounts/{year.pk}/", period="last-quarter")


def test_bars_and_their_table_lead_to_the_rows(look, year):
    html = look(f"accounts/{year.pk}/")
    data = re.search(r'id="register-bars" type="application/json">(.*?)</script>', html)[1]
    assert '"values": ["40.00", "40.00", "40.00", "30.00", "15.00", "12.00"]' in data
    links = re.findall(r'<th scope="row">February 2026</th><td class="num"><a[^>]*href="([^"]*)"', html)
    assert markup.unescape(links[0]) == "?start=2026-02-01&end=2026-02-28"
    days = look(f"accounts/{year.pk}/", period="2026-02")
    assert '"labels": ["Feb 10, 2026", "Feb 11, 2026"' in days


def test_periods_step_back_and_forth(look, year):
    html = look(f"accounts/{year.pk}/", period="2026-02", payee="Diner")
    assert re.search(r'href="\?payee=Diner&amp;period=2026-01"[^>]*rel="prev"', html)
    assert re.search(r'href="\?payee=Diner&amp;period=2026-03"[^>]*rel="next"', html)
    assert 'rel="prev"' not in look(f"accounts/{year.pk}/")


def test_the_pay_period_is_offered_once_it_is_set(look, send, book, year):
    assert "This pay period" not in look(f"accounts/{year.pk}/")
    preferences.set_pay_period(book=book, actor=None, rule=PayRule(day=24))
    html = look(f"accounts/{year.pk}/", period="last-pay-period")
    assert "Last pay period" in html
    assert figures(html)["Spending · Jan 24 – Feb 23, 2026"] == "€45.00"
    assert "period=2025-12-24..2026-01-23" in html


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"amount": "20"}, ["Diner"]),
        ({"amount": "20,00"}, ["Diner"]),
        ({"amount": "10..25"}, ["Diner", "Diner"]),
        ({"amount": "25-10"}, ["Diner", "Diner"]),
        ({"amount": "> 30"}, ["Trattoria"] * 3),
        ({"amount": ">=30"}, ["Trattoria"] * 4),
        ({"amount": "< 12"}, ["Diner"]),
        ({"amount": "..5"}, ["Diner"]),
        ({"payee": "diner"}, ["Diner"] * 3),
        ({"kind": "received"}, []),
        ({"source": "import"}, []),
        ({"period": "2026-01"}, ["Trattoria"]),
        ({"start": "2026-01-01", "end": "2026-02-10"}, ["Diner", "Trattoria"]),
    ],
)
def test_filters_and_their_sums_agree(look, year, query, found):
    html = look(f"accounts/{year.pk}/", **query)
    assert payees(html) == found
    shown = sum(int(amount) for amount in re.findall(r'<tr class="row"[^>]*data-amounts="EUR:2:([^"]*)"', html))
    assert re.search(r'data-net="([^"]*)"', html)[1] == str(shown)
    assert re.search(r'data-rows="([^"]*)"', html)[1] == str(len(found))


def test_tags_people_and_several_accounts_are_filters(look, book, owner, editor, spend, accounts):
    tagged = spend(100, payee="Tagged")
    other = spend(200, payee="Other")
    (tag,) = tag_services.tags_named(book=book, names=["Holiday"])
    tag_services.set_tags(book=book, actor=owner, entry_id=tagged.pk, tags=[tag])
    path = f"accounts/{accounts.groceries.pk}/"
    html = look(path, tag=str(tag.pk))
    assert payees(html) == ["Tagged"]
    assert "<span>Holiday</span>" in html
    assert payees(look(path, who=str(owner.pk))) == ["Other", "Tagged"]
    assert payees(look(path, who=str(editor.pk))) == []
    both = look("register/", accounts=f"{accounts.checking.pk},{accounts.cash.pk}")
    assert "<span>2 accounts</span>" in both
    assert other.payee in payees(both)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"period": "soon"}, "“soon” is no period"),
        ({"start": "2026-02-02", "end": "2026-02-01"}, "is before the first"),
        ({"amount": "many"}, "“many” is not a number"),
        ({"amount": "1.234"}, "can be read in two ways"),
        ({"kind": "stolen"}, "Select a valid choice"),
        ({"who": "987654321"}, "Select a valid choice"),
        ({"tag": "987654321"}, "Select a valid choice"),
        ({"accounts": "1,987654321"}, "Some of these accounts are not in this register."),
    ],
)
def test_a_filter_that_cannot_be_read_says_so_at_its_field(look, year, query, reason):
    html = look(f"accounts/{year.pk}/", **query)
    assert reason in html
    assert len(payees(html)) == 7


@pytest.mark.parametrize(
    ("typed", "currency", "least", "most"),
    [
        ("12.50", "EUR", 1_250, 1_250),
        ("−12,50", "EUR", 1_250, 1_250),
        ("10..20", "EUR", 1_000, 2_000),
        ("20 – 10", "EUR", 1_000, 2_000),
        ("1,000.50-2,000.00", "EUR", 100_050, 200_000),
        ("> 100", "JPY", 101, None),
        ("≤ 5", "JPY", None, 5),
        ("..", "EUR", None, None),
    ],
)
def test_amounts_are_read_in_any_notation(typed, currency, least, most):
    assert read_range(typed, currency=currency) == AmountRange(least=least, most=most)


@pytest.mark.parametrize("typed", ["", ">", "a..b", "1..2..3", "12.5", "9" * 60])
def test_what_is_no_amount_is_refused(typed):
    with pytest.raises(FinanceError):
        read_range(typed, currency="JPY")


def test_a_later_page_has_rows_only(look, spend, accounts):
    for number in range(55):
        spend(100 + number)
    first = look(f"accounts/{accounts.groceries.pk}/")
    link = re.search(r'class="btn" href="\?after=([^"]*)"', first)[1]
    later = look(f"accounts/{accounts.groceries.pk}/", after=link.replace("%3A", ":"))
    assert len(payees(later)) == 5
    assert 'id="summary"' not in later


def test_an_exchange_reads_as_people_read_it(look, page, book, owner, accounts):
    dollars = services.open_account(
        book=book, actor=owner, name="Dollars", type="asset", kind="savings", currency="USD"
    )
    entry = services.exchange(
        book=book, actor=owner, date=TODAY, payee="", description="", source_account=accounts.checking,
        source_amount=10_000, target_account=dollars, target_amount=11_000,
    )  # fmt: skip
    for account in (accounts.checking, dollars):
        html = look(f"accounts/{account.pk}/")
        assert payees(html) == ["Exchange"]
        assert "€100.00 → $110.00" in html
        assert "Trading" not in html.split('id="register"')[1]
    fold = page("viewer", f"entries/{entry.uid}/fold/").content.decode()
    parts, _cut, debits = fold.partition("As debits and credits")
    assert "Trading" not in parts
    assert "−€100.00" in parts
    assert "+$110.00" in parts
    assert "Trading" in debits


def test_a_group_of_several_currencies_is_summed_in_each(look, book, owner, accounts, spend):
    spend(700)
    dollars = services.open_account(
        book=book, actor=owner, name="Dollars", type="asset", kind="savings", currency="USD",
        opening_balance=5_000, opened_on=TODAY,
    )  # fmt: skip
    html = look("register/")
    assert re.findall(r'data-currency="(\w+)">\s*<div class="summary-main">.*?data-net="([^"]*)"', html, re.S) == [
        ("EUR", "-700"), ("USD", "5000"),
    ]  # fmt: skip
    only = look("register/", currency="USD")
    assert payees(only)
    assert dollars.name in only
    assert re.findall(r'data-net="([^"]*)"', only) == ["5000"]
