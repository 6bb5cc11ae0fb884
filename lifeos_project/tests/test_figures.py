"""The figures of the demonstration's pages: each link leads to the rows that add up, and two pages never disagree."""

import datetime
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import urljoin

import pytest
import time_machine
from django.test import Client

from finance.demo.services import seed_household
from finance.exports.formats import as_json
from finance.imports.services import confirm_import, stage_import
from finance.ledger import services
from finance.ledger.posting import LineDraft
from finance.models import Account
from finance.tests.web.test_figures_lead_to_rows import walk
from identity.models import User
from insights.models import Insight
from lifeos_project.tests.documents import Element, read_page
from platform_outbox import testing

pytestmark = pytest.mark.long

TODAY = datetime.date(2026, 11, 23)
SYMBOLS = {"EUR": "€", "USD": "$"}


@pytest.fixture
def demo(db):
    """The demonstration, with what makes figures hard: postings in the future, accounts inside a category that takes
    postings itself, a closed account, files that were brought in and wait."""
    with time_machine.travel(datetime.datetime.combine(TODAY, datetime.time(12), tzinfo=datetime.UTC), tick=False):
        owner = User.objects.create_user("demo@example.org", "correct horse battery", name="Nora")
        book = seed_household(owner=owner, months=24, seed=1, today=TODAY)
        account = {
            one.name: one for one in Account.objects.filter(book=book, type__in=["asset", "liability", "expense"])
        }
        checking, groceries = account["Checking account"], account["Groceries"]

        def spend(amount, category, on, payee):
            sides = [
                LineDraft(account_id=category.pk, amount=amount),
                LineDraft(account_id=checking.pk, amount=-amount),
            ]
            services.post_entry(book=book, actor=owner, date=on, payee=payee, lines=sides)

        inner = services.open_account(
            book=book,
            actor=owner,
            name="Market stall",
            type="expense",
            kind="category",
            currency="EUR",
            parent=groceries,
        )
        spend(1_111, inner, TODAY, "Stall")
        spend(2_222, groceries, TODAY + datetime.timedelta(days=3), "Later this month")
        spend(3_333, groceries, TODAY + datetime.timedelta(days=20), "Next month")
        old = services.open_account(
            book=book,
            actor=owner,
            name="Old habit",
            type="expense",
            kind="category",
            currency="EUR",
            parent=groceries.parent,
        )
        spend(4_444, old, TODAY - datetime.timedelta(days=5), "Habit")
        spend(-4_444, old, TODAY - datetime.timedelta(days=4), "Habit, refunded")
        services.close_account(account=old, actor=owner, on=TODAY)
        rows = "Date,Payee,Amount\n2026-11-20,Stall,-10.00\n2026-11-21,Kiosk,-2.00\n"
        for name, text in (("first.csv", rows), ("second.csv", rows + "2026-11-22,Kiosk,-3.00\nnever,Row,x\n")):
            batch = stage_import(
                book=book, account=account["Savings account"], actor=owner, data=text.encode(), file_name=name
            )
            if name == "first.csv":
                confirm_import(batch=batch, actor=owner)
        testing.drain()
        client = Client()
        client.force_login(owner)
        yield book, owner, client


def amount_in(text: str) -> Decimal | None:
    """The first amount of a text, without its currency; None where there is none."""
    found = re.search(r"([−+]?)[€$]?([0-9][0-9,]*\.[0-9]{2})(?![0-9])", text)
    return Decimal(found[2].replace(",", "")) * (-1 if found[1] == "−" else 1) if found else None


def symbol_in(text: str) -> str:
    return next((symbol for symbol in SYMBOLS.values() if symbol in text), "")


@dataclass
class Reader:
    """A person who opens pages, follows "more" to the end and adds up rows."""

    client: Client
    base: str
    known: dict[str, list[Element]] = field(default_factory=dict)

    def pages(self, address: str) -> list[Element]:
        """The page and all that "more" leads to."""
        if address not in self.known:
            pages, at = [], address
            while at:
                response = self.client.get(at)
                assert response.status_code == 200, at
                pages.append(read_page(response.content.decode()))
                more = pages[-1].first(id="more")
                link = more and more.first("a")
                at = urljoin(at, link.attributes["href"]) if link else ""
            self.known[address] = pages
        return self.known[address]

    def register_sum(self, address: str) -> Decimal:
        """What the rows come to. Of an open end those count that have happened."""
        is_bounded = "end=" in address
        total = Decimal(0)
        for page in self.pages(address):
            for day in page.all("tbody", cls="day"):
                head = day.first("tr", cls="day-head")
                if is_bounded or not (head and "in the future" in head.text):
                    total += sum(amount_in(cell.text) for cell in day.all("td", cls="amount-cell"))
        return total


def linked_rows(part: Element):
    """(address, symbol, amount) of each row whose head is a link; a row may have several currencies."""
    for row in part.all("tr"):
        head = row.first("th", scope="row")
        link = head and head.first("a")
        cell = next((cell for cell in row.all("td", cls="num") if amount_in(cell.text) is not None), None)
        if not link or not cell:
            continue
        for told in [each.text for each in cell.all("span", cls="tree-sum")] or [cell.text]:
            yield link.attributes["href"], symbol_in(told), amount_in(told)


def test_each_figure_is_the_sum_of_the_rows_it_leads_to(demo):
    book, _owner, client = demo
    base = f"/b/{book.pk}/"
    categories = Account.objects.filter(book=book, name__in=["Expenses", "Food", "Groceries"])
    assert len(categories) == 3
    for address, least in ((base, 25), (f"{base}accounts/", 60), (f"{base}accounts/?closed=1", 60)):
        walk(client, address, at_least=least)
    for one in categories:
        walk(client, f"{base}accounts/{one.pk}/?period=2026-11", at_least=1)


def test_each_line_of_the_trial_balance_is_the_sum_of_the_rows_it_leads_to(demo):
    book, _owner, client = demo
    reader = Reader(client, f"/b/{book.pk}/")
    types = {one.pk: one.type for one in Account.objects.filter(book=book)}
    for address in (f"/b/{book.pk}/proof/", f"/b/{book.pk}/proof/?on=2026-06-30", f"/b/{book.pk}/proof/?on=2026-12-31"):
        rows = list(reader.pages(address)[0].first("main").first("tbody").all("tr"))
        assert len(rows) > 20
        for row in rows:
            link = row.first("a").attributes["href"]
            debit, credit = (amount_in(cell.text) or 0 for cell in row.all("td", cls="num"))
            sign = -1 if types[int(re.search(r"accounts/(\d+)/", link)[1])] in ("income", "equity") else 1
            assert reader.register_sum(link) == sign * (debit - credit), link


def test_counts_and_amounts_on_insights_imports_and_results_are_what_they_lead_to(demo):
    book, owner, client = demo
    base = f"/b/{book.pk}/"
    reader = Reader(client, base)
    main = reader.pages(f"{base}search/?q=trattoria")[0].first("main")
    evidence = [
        row
        for insight in Insight.objects.filter(book=book)
        for row in linked_rows(reader.pages(f"{base}insights/{insight.pk}/")[0].first("main"))
    ]
    found = list(linked_rows(main))
    assert len(found) > 5
    assert len(evidence) > 10
    for link, _symbol, amount in found + evidence:
        entry = reader.pages(link)[0].first("main")
        lines = [amount_in(cell.text) for cell in entry.first("table", cls="entry-lines").all("td", cls="num")]
        total = amount_in(entry.first("span", cls="figure").text)
        assert abs(amount) in {total, *(line for line in lines if line is not None)}, link

    fresh, again = Client(), Client()
    for one in (fresh, again):
        one.force_login(owner)
    Insight.objects.filter(book=book).update(state="new")
    count = read_page(fresh.get(base).content.decode()).first("span", cls="count").text
    feed = read_page(again.get(f"{base}insights/").content.decode())
    assert count == f"{len([chip for chip in feed.all('span', cls='chip-ok') if chip.text == 'New'])} new"

    imports = reader.pages(f"{base}imports/")[0].first("main")
    batches = [
        (row.first("a").attributes["href"], int(row.first("td", cls="num").text))
        for row in imports.first("tbody").all("tr")
    ]
    assert len(batches) == 2
    for link, rows in batches:
        pages = reader.pages(link)
        assert sum(len(list(page.all("tr", cls="import-row"))) for page in pages) == rows
        for pill in pages[0].first("main").all("a", cls="pill"):
            said = int(re.search(r"\d+$", pill.text)[0])
            shown = reader.pages(urljoin(link, pill.attributes["href"]))
            assert sum(len(list(page.all("tr", cls="import-row"))) for page in shown) == said, pill.text


def listed(client, address):
    """All rows of a list of the API."""
    rows = []
    while address:
        body = client.get(address).json()
        rows += body["results"]
        address = body["next"]
    return rows


def test_a_figure_is_the_same_on_every_page_in_the_api_and_in_the_export(demo):
    book, _owner, client = demo
    base, api = f"/b/{book.pk}/", f"/api/v1/books/{book.pk}/"
    reader = Reader(client, base)
    overview = reader.pages(base)[0].first("main")
    tree = reader.pages(f"{base}accounts/?closed=1")[0].first("main")
    exported = json.loads("".join(as_json(book)))
    kept, month = defaultdict(Decimal), defaultdict(Decimal)
    for entry in exported["entries"]:
        for line in entry["lines"]:
            if entry["date"] <= TODAY.isoformat():
                kept[line["account"]] += Decimal(line["amount"])
            if entry["date"].startswith(f"{TODAY:%Y-%m}"):
                month[line["account"]] += Decimal(line["amount"])

    by_pk = {one["account"]: one for one in listed(client, f"{api}balances/?as_of={TODAY}")}
    holdings = [pk for pk, one in by_pk.items() if one["type"] in ("asset", "liability") and one["kind"] != "group"]
    sheet = {
        int(re.search(r"accounts/(\d+)/", row.first("a").attributes["href"])[1]): [
            amount_in(cell.text) or Decimal(0) for cell in row.all("td", cls="num")
        ]
        for row in reader.pages(f"{base}proof/")[0].first("main").first("tbody").all("tr")
    }
    told = {
        int(re.search(r"accounts/(\d+)/", link)[1]): amount
        for link, _symbol, amount in linked_rows(tree.first("section"))
        if "below" not in link
    }
    for link in overview.first("ul", cls="ledger-list").all("a", cls="figure"):
        pk = int(re.search(r"accounts/(\d+)/", link.attributes["href"])[1])
        # In the tree, what is kept in another currency is valued.
        if by_pk[pk]["currency"] == "EUR":
            assert amount_in(link.text) == told[pk], link.text
    for pk in holdings:
        own = Decimal(by_pk[pk]["balance"])
        debit, credit = sheet.get(pk, (0, 0))
        assert own == kept[pk] == debit - credit, by_pk[pk]["path"]
        assert by_pk[pk]["currency"] != "EUR" or told[pk] == own, by_pk[pk]["path"]
        assert amount_in(reader.pages(f"{base}accounts/{pk}/")[0].first(id="balance").text) == own

    worth = amount_in(overview.first("p", cls="hero").text)
    latest = overview.first("table", cls="table-narrow").first("tbody").first("td").text
    assert worth == amount_in(latest) == sum(told[pk] for pk in holdings)

    for name, sign in (("spending", 1), ("income", -1)):
        total = amount_in(overview.first("table", cls=f"bars-{name}").first("tfoot").first("td", cls="num").text)
        # What moved in another currency is valued at the rate of its day: by the report as by the overview.
        report = client.get(f"{api}reports/{name}/", {"period": f"{TODAY:%Y-%m}", "compare": "none"}).json()
        (section,) = report["sections"]
        assert total == Decimal(section["total"][0]["amount"]), name
        own = {
            row["account"]: Decimal(row["cells"][0]["amount"])
            for row in section["rows"]
            if not row["with_inside"] and by_pk[row["account"]]["currency"] == "EUR"
        }
        assert own, name
        assert own == {pk: sign * month[pk] for pk in own}, name
        rows = overview.first("table", cls=f"bars-{name}").first("tbody").all("tr")
        assert total == sum(amount_in(row.first("td", cls="num").text) for row in rows), name

    trial = client.get(f"{api}trial-balance/?as_of={TODAY}").json()
    foot = reader.pages(f"{base}proof/")[0].first("main").first("tfoot")
    shown = [[amount_in(cell.text) for cell in row.all("td", cls="num")] for row in foot.all("tr")]
    assert shown == [[Decimal(one["debit"]), Decimal(one["credit"])] for one in trial["totals"]]
    assert {row["account"]: [Decimal(row["debit"] or 0), Decimal(row["credit"] or 0)] for row in trial["rows"]} == sheet

    imports = reader.pages(f"{base}imports/")[0].first("main").first("tbody")
    assert len(list(imports.all("tr"))) == len(listed(client, f"{api}imports/")) == 2
    feed = reader.pages(f"{base}insights/?state=all")[0].first("main")
    assert len(list(feed.all("li", cls="insight"))) == Insight.objects.filter(book=book).count()
