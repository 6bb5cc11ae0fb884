"""Report pages: the answer on top, figures that lead to exactly their rows, files, saving."""

import datetime
import io
import re
from decimal import Decimal
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from python_calamine import CalamineWorkbook

from finance.ledger import services
from finance.ledger.movements import natural
from finance.ledger.posting import LineDraft
from finance.ledger.selectors import accounts_of
from finance.models import Account, JournalLine, SavedReport
from finance.reports import services as reports
from finance.reports.definition import HOLDINGS, PARAMETERS, Kind, read_definition

pytestmark = pytest.mark.django_db
FEBRUARY = datetime.date(2026, 2, 10)


@pytest.fixture
def household(book, owner, accounts, spend):
    """Salary 3,000.00 and rent 800.00 in February and March; groceries 120.00 and 300.00; 500.00 saved."""
    for month, food in ((2, 120_00), (3, 300_00)):
        day = datetime.date(2026, month, 10)
        spend(800_00, payee="Landlord", on=day, category=accounts.rent)
        spend(food, payee="=Market & Co", on=day)
        spend(-3000_00, payee="Employer", on=day, category=accounts.salary)
    lines = [LineDraft(account_id=accounts.savings.pk, amount=500_00)]
    lines.append(LineDraft(account_id=accounts.checking.pk, amount=-500_00))
    services.post_entry(book=book, actor=owner, date=FEBRUARY, lines=lines)
    return accounts


def sentence(answer):
    return unescape(re.search(r'report-sentence">(.*?)</p>', answer.content.decode())[1])


class TestSentence:
    @pytest.mark.parametrize(
        ("address", "said"),
        [
            ("spending/", "You spent €1,100 in March 2026, €180 more than usual: Groceries +€180."),
            ("spending/?compare=none", "You spent €1,100 in March 2026."),
            ("spending/?period=2026-02", "You spent €920 in February 2026."),
            ("income/", "You received €3,000 in March 2026, as much as usual."),
            ("income-statement/", "In March 2026, €3,000 came in and €1,100 was spent: €1,900 was left."),
            ("cash-flow/", "Our money grew by €1,900 in March 2026, to €3,980."),
            ("net-worth/", "We were worth €3,980 on Mar 15, 2026, €3,980 more than on Jan 31, 2026."),
            ("balance-sheet/", "We own €3,980 and owe nothing."),
            ("balance-sheet/?period=2026-02", "On Feb 28, 2026 we owned €2,080 and owed nothing."),
        ],
    )
    def test_answers_first(self, page, household, address, said):
        assert sentence(page("viewer", f"reports/{address}")) == said

    def test_the_trial_balance_says_that_the_books_are_in_order(self, page, household):
        assert sentence(page("viewer", "reports/trial-balance/")).startswith("Debits equal credits")


def amounts_of(html):
    """All figures that are links, with their addresses."""
    return [
        (Decimal(unescape(text).replace("−", "-").replace("+", "").replace(",", "")), unescape(url))
        for url, text in re.findall(r'<td class="num[^"]*"><a href="([^"]*)">([^<]*)</a>', html)
    ]


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.TRIAL_BALANCE])
@pytest.mark.parametrize(
    "query", ["", "?columns=month&period=2026-Q1", "?known_at=2099-01-01&depth=1", "?by=payee", "?by=tag", "?by=member"]
)
def test_each_figure_is_the_sum_of_its_rows(as_, book, household, kind, query):
    if "by=" in query and kind not in (Kind.SPENDING, Kind.INCOME):
        return
    client = as_("viewer")
    figures = amounts_of(client.get(f"/b/{book.pk}/reports/{kind}/{query}").content.decode())
    assert figures or kind is Kind.BALANCE_SHEET
    for amount, url in figures:
        answer = client.get(url)
        assert answer.status_code == 200
        rows = answer.context["lines"] if "/rows/" in url else lines_of_register(url, is_of_holdings=kind in HOLDINGS)
        assert sum(line.amount for line in rows) == amount * 100, url


def lines_of_register(url, *, is_of_holdings):
    """The lines that the register of this address shows, with the report's sign."""
    address = urlsplit(url)
    asked = parse_qs(address.query)
    account = Account.objects.get(pk=int(re.search(r"/accounts/(\d+)/", address.path)[1]))
    chosen = [account.pk]
    if "below" in asked:
        for each in accounts_of(book=account.book):
            if each.parent_id in chosen:
                chosen.append(each.pk)
    lines = JournalLine.objects.filter(account__in=chosen, date__lte=asked["end"][0])
    if not is_of_holdings:
        lines = lines.filter(date__gte=asked["start"][0])
    assert ("start" in asked) == (not is_of_holdings)
    for line in lines:
        line.amount = natural(line.amount, account.type)
    return lines


class TestPage:
    def test_pills_keep_each_other(self, page, household):
        html = page("viewer", "reports/spending/", columns="month", by="payee").content.decode()
        urls = [unescape(url) for url in re.findall(r'<li><a href="(\?[^"]*)"', html)]
        assert any("by=member" in url and "columns=month" in url for url in urls)

    def test_a_wrong_parameter_is_said_and_the_usual_report_shown(self, page, household):
        html = page("viewer", "reports/spending/", columns="weekday").content.decode()
        assert "weekday" in html
        assert "Here is the usual report instead" in html

    def test_days_of_the_form_are_a_period(self, page, household):
        answer = page("viewer", "reports/spending/", start="2026-02-01", end="2026-02-28")
        assert answer.context["definition"].period == "2026-02"

    def test_no_such_report(self, page, household):
        assert page("viewer", "reports/nonsense/").status_code == 404
        assert page("viewer", "reports/spending/rows/", row="account-1", column="99").status_code == 404
        assert page("viewer", "reports/spending/file/pdf/").status_code == 404

    def test_an_income_statement_has_a_flow_diagram(self, page, household):
        html = page("viewer", "reports/income-statement/").content.decode()
        assert html.count('class="flow-label') == 4  # salary; housing, food, left over
        assert "style=" not in re.search(r"<svg class=\"flow-diagram.*?</svg>", html, re.DOTALL)[0]

    def test_queries_do_not_grow_with_the_book(self, as_, book, household, django_assert_max_num_queries):
        client = as_("viewer")
        for kind in Kind:
            with django_assert_max_num_queries(17):
                client.get(f"/b/{book.pk}/reports/{kind}/")


class TestFiles:
    def test_all_say_the_same(self, page, household):
        query = {"period": "2026-Q1", "columns": "month", "by": "payee"}
        shown = page("viewer", "reports/spending/", **query).context["report"].sections[0]
        expected = {row.label: [cell.amount for cell in row.cells] for row in shown.rows}
        assert expected == {"Landlord": [0, 800_00, 800_00, 1600_00], "=Market & Co": [0, 120_00, 300_00, 420_00]}

        data = page("viewer", "reports/spending/file/json/", **query).json()
        assert {
            row["title"]: [Decimal(cell["amount"]) * 100 for cell in row["cells"]]
            for row in data["sections"][0]["rows"]
        } == expected

        content = page("viewer", "reports/spending/file/xlsx/", **query).content
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content))
        rows = sheet.get_sheet_by_index(0).to_python()
        found = {row[0].strip(): [round(cell * 100) for cell in row[1:5]] for row in rows[5:7]}
        assert found == expected

    def test_a_payee_is_no_formula_in_csv(self, page, household):
        text = page("viewer", "reports/spending/file/csv/", by="payee", compare="none").content.decode("utf-8-sig")
        assert "'  =Market & Co,EUR,300.00," in text


class TestSaved:
    def test_saved_shown_renamed_and_removed(self, page, send, book, household):
        data = {"name": " Food  by month ", "kind": "spending", "query": "period=last-month&columns=month&by=payee"}
        answer = send("editor", "reports/save/", data)
        assert answer.url == f"/b/{book.pk}/reports/spending/?period=last-month&columns=month&by=payee"
        saved = SavedReport.objects.get()
        assert saved.name == "Food by month"
        assert "Food by month" in page("viewer", "reports/").content.decode()
        send("editor", f"reports/saved/{saved.pk}/rename/", {"name": "Food"})
        assert SavedReport.objects.get().name == "Food"
        send("editor", f"reports/saved/{saved.pk}/remove/", {})
        assert not SavedReport.objects.exists()

    def test_saving_by_the_same_name_replaces(self, send, household):
        for period in ("2026-01", "2026-02"):
            send("editor", "reports/save/", {"name": "Ours", "kind": "spending", "query": f"period={period}"})
        assert SavedReport.objects.get().parameters == {"period": "2026-02"}

    def test_nonsense_is_not_saved(self, send, household):
        for data in (
            {"name": "", "kind": "spending"},
            {"name": "A", "kind": "x"},
            {"name": "A", "kind": "spending", "query": "by=x"},
        ):
            send("editor", "reports/save/", data)
        assert not SavedReport.objects.exists()


READING = [
    "reports/",
    "reports/spending/",
    "reports/spending/rows/?row=section-spending&column=0",
    "reports/net-worth/file/csv/",
]


@pytest.mark.parametrize(
    ("person", "reads", "writes"),
    [(None, 302, 302), ("stranger", 404, 404), ("viewer", 200, 403), ("editor", 200, 302), ("owner", 200, 302)],
)
def test_who_may_what(page, send, book, household, owner, person, reads, writes):
    definition = read_definition("spending", {}, time_zone="UTC", today=FEBRUARY)
    saved = reports.save_report(book=book, actor=owner, name="Ours", definition=definition)
    for path in READING:
        assert page(person, path).status_code == reads, path
    forms = [("save", {"name": "A", "kind": "spending"}), (f"saved/{saved.pk}/rename", {"name": "B"})]
    for path, data in [*forms, (f"saved/{saved.pk}/remove", {})]:
        assert send(person, f"reports/{path}/", data).status_code == writes, path
    assert SavedReport.objects.filter(name="Ours").exists() == (writes != 302 or person is None)


def test_a_saved_report_of_another_book_is_not_found(send, household, stranger):
    other = services.create_book(owner=stranger, name="Elsewhere", base_currency="EUR", time_zone="UTC")
    definition = read_definition("spending", {}, time_zone="UTC", today=FEBRUARY)
    saved = reports.save_report(book=other, actor=stranger, name="Theirs", definition=definition)
    assert send("owner", f"reports/saved/{saved.pk}/remove/", {}).status_code == 404
    assert SavedReport.objects.filter(pk=saved.pk).exists()


HOSTILE = ["a\x00b", "9" * 400, "-1", "\u0663", "payee-\x00", "member-" + "9" * 30, "tag-1"]


def test_no_address_is_a_fault(as_, book, household):
    client = as_("viewer")
    for text in HOSTILE:
        asked = [("", name) for name in (*PARAMETERS, "start")] + [("rows/", "column"), ("rows/", "after")]
        for path, name in asked:
            query = {"row": "section-spending", "column": "0", name: text}
            assert client.get(f"/b/{book.pk}/reports/spending/{path}", query).status_code in (200, 404), (path, name)
        query = {"row": text, "column": "0", "by": text.partition("-")[0] or "payee"}
        assert client.get(f"/b/{book.pk}/reports/spending/rows/", query).status_code in (200, 404)
