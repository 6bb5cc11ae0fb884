"""Every figure that is a link leads to the rows that make it: the pages are walked, and the rows added up."""

import datetime
import html as markup
import re
from fractions import Fraction

import pytest

from finance.ledger import services
from finance.ledger.posting import LineDraft
from finance.tests.conftest import TODAY

FIGURE = re.compile(r"<a [^>]*data-figure=[^>]*>")
ROW = re.compile(r'<tr class="row[^>]*data-amounts="(?P<currency>\w+):\d+:(?P<amount>-?\d+)"')
NEXT = re.compile(r'id="more">.*?class="btn" href="([^"]+)"', re.S)


@pytest.fixture
def lived_in(book, owner, accounts, spend):
    """A year of a household: ten categories, pay, transfers, dollars, corrections, and an entry of tomorrow."""
    categories = list(book.accounts.filter(type="expense").exclude(kind="group").order_by("pk"))
    for number in range(70):
        category = categories[number % len(categories)]
        spend(1_000 + 37 * number, category=category, on=TODAY - datetime.timedelta(days=3 * number))
    for number, category in enumerate(categories):
        spend(500 + number, category=category, account=accounts.card)
    wrong = spend(9_999)
    services.reverse_entry(entry=wrong, actor=owner, on=TODAY)
    spend(4_444, on=TODAY + datetime.timedelta(days=1))
    for month in ("2025-12", "2026-01", "2026-02", "2026-03"):
        lines = [
            LineDraft(account_id=accounts.checking.pk, amount=250_000),
            LineDraft(account_id=accounts.salary.pk, amount=-250_000),
        ]
        day = datetime.date.fromisoformat(f"{month}-01")
        services.post_entry(book=book, actor=owner, date=day, payee="Employer", lines=lines)
    dollars = services.open_account(
        book=book, actor=owner, name="Dollars", type="asset", kind="savings", currency="USD",
        parent=accounts.savings.parent, opening_balance=7_000, opened_on=TODAY,
    )  # fmt: skip
    services.exchange(
        book=book, actor=owner, date=TODAY, payee="", description="", source_account=accounts.checking,
        source_amount=10_000, target_account=dollars, target_amount=11_000,
    )  # fmt: skip
    return accounts


def figures_of(html):
    """(address, minor units, currency, months that it is the average of) of every figure that leads on."""
    found = []
    for tag in FIGURE.findall(html):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        address = markup.unescape(attributes["href"])
        # What came in other currencies has rows of its own.
        figure = int(attributes["data-figure"]) - int(attributes.get("data-converted", 0))
        found.append((address, figure, attributes["data-currency"], int(attributes.get("data-over", 1))))
    return found


def rows_behind(client, address):
    """Sum per currency of the rows of all pages, and whether there is any."""
    path, sums = address.partition("?")[0], {}
    while address:
        answer = client.get(address)
        assert answer.status_code == 200, address
        html = answer.content.decode()
        for row in ROW.finditer(html):
            sums[row["currency"]] = sums.get(row["currency"], 0) + int(row["amount"])
        following = NEXT.search(html)
        address = path + markup.unescape(following[1]) if following else None
    return sums


def walk(client, here, *, at_least):
    """Add up the rows behind every figure of the page."""
    figures = figures_of(client.get(here).content.decode())
    assert len(figures) >= at_least
    known = {}
    for address, figure, currency, over in figures:
        address = here.partition("?")[0] + address if address.startswith("?") else address
        if address not in known:
            known[address] = rows_behind(client, address)
        total = known[address].get(currency, 0)
        if over > 1:  # each category is rounded by itself
            assert abs(Fraction(total, over) - figure) < 5, (address, figure, total)
        else:
            assert total == figure, (address, figure, total)


@pytest.mark.parametrize(
    ("path", "at_least"),
    [
        ("", 25),
        ("accounts/", 30),
        ("proof/", 10),
        ("accounts/{expenses}/", 10),
        ("accounts/{expenses}/?period=2026-02", 10),
        ("accounts/{assets}/", 5),
        ("accounts/{checking}/?period=last-month", 10),
        ("register/?scope=income", 4),
    ],
)
def test_every_figure_leads_to_the_rows_that_make_it(lived_in, as_, book, path, at_least):
    client = as_("viewer")
    names = {"expenses": lived_in.expenses.pk, "checking": lived_in.checking.pk, "assets": lived_in.checking.parent_id}
    here = f"/b/{book.pk}/{path.format(**names)}"
    walk(client, here, at_least=at_least)
