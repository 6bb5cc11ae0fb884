"""Reports that read too much for a page: a worker makes them, and they are shown for a day as any other report is."""

import datetime
import re
from urllib.parse import urlencode

import pytest
import time_machine as travelling
from django.utils import timezone

from finance.reports import behind, selectors
from finance.reports.definition import Kind
from finance.reports.keeping import packed, unpacked
from finance.reports.runs import OPERATION
from finance.tests.api.conftest import clients, url
from finance.tests.web.conftest import as_, page, send
from finance.tests.web.test_report_pages import amounts_of
from platform_outbox.operations.models import OperationRun
from platform_outbox.operations.services import carry_out

__all__ = ["as_", "clients", "page", "send", "url"]
pytestmark = pytest.mark.django_db
PATH = "reports/spending/"
ASKED = {"by": "payee", "period": "2026", "compare": "previous", "columns": "month"}
QUERY = "?by=payee&period=2026&compare=previous&columns=month"


@pytest.fixture(autouse=True)
def _small(settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(selectors, "MAX_LINES", 2)


@pytest.fixture
def spent(spend):
    for number in range(4):
        spend(1_000 + number, payee=f"Aldi {number}", on=datetime.date(2026, 1 + number % 3, 5))


def made():
    run = OperationRun.objects.filter(operation=OPERATION).latest("pk")
    carry_out(run_id=run.pk, goes_on=lambda: True)
    run.refresh_from_db()
    return run


def text_of(answer):
    return answer.content.decode()


def words_of(html):
    """The texts of the report's table."""
    table = html.partition("<table")[2].partition("</table>")[0]
    return [words for words in re.findall(r">([^<]+)", table) if words.strip()]


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_kept_is_the_report_itself(report, spent, quote, hold, kind):
    quote("USD", "EUR", "0.9")
    hold("USD", 100_00)
    with selectors.without_bound():
        one = report(kind.value, period="2026", **({} if kind is Kind.TRIAL_BALANCE else {"columns": "month"}))
    tree = [row.account for section in one.sections for row in section.rows if row.account]
    assert unpacked(packed(one), definition=one.definition, scope=one.scope, tree=tree) == one


def test_the_page_offers_it_and_shows_it_once_it_is_made(report, page, send, spent):
    waiting = text_of(page("viewer", PATH, **ASKED))
    assert "would read" in waiting
    assert "Have it made" in waiting
    assert send("viewer", f"{PATH}make/{QUERY}", {}).status_code == 302
    assert 'hx-trigger="every 1s"' in text_of(page("viewer", PATH, **ASKED))
    assert made().state == "done"
    shown = text_of(page("viewer", PATH, **ASKED))
    with selectors.without_bound():
        usual = text_of(page("viewer", PATH, **ASKED))
    assert "Made on" in shown
    assert "Made on" not in usual
    assert words_of(shown) == words_of(usual)
    assert "Aldi 3" in words_of(shown)
    assert "rows/?" in shown
    assert "Aldi 3" in text_of(page("viewer", f"{PATH}file/csv/", **ASKED))
    assert "Have it made" in text_of(page("viewer", PATH, **ASKED, top="3"))
    with travelling.travel(timezone.now() + datetime.timedelta(days=1, minutes=1)):
        assert "Have it made" in text_of(page("viewer", PATH, **ASKED))
        assert page("viewer", f"{PATH}file/csv/", **ASKED).status_code == 404


@pytest.mark.parametrize(
    ("kind", "asked"),
    [("spending", ASKED), ("spending", {"by": "member", "period": "2026"}), ("cash-flow", {"period": "2026"})],
)
def test_its_figures_open_their_rows_page_by_page(page, as_, send, spent, monkeypatch, kind, asked):
    """Sums are those of the report; the rows come from a search that stops and goes on."""
    monkeypatch.setattr(behind, "SCAN_WINDOW", 2)
    path = f"reports/{kind}/"
    send("viewer", f"{path}make/?{urlencode(asked)}", {})
    made()
    client, long = as_("viewer"), 0
    for amount, address in amounts_of(text_of(page("viewer", path, **asked))):
        lines, answer = [], client.get(address)
        long += answer.context["count"] is None
        assert dict(answer.context["sums"]) == {"EUR": amount * 100}, address
        for _page in range(9):
            lines += [line.amount for line in answer.context["lines"]]
            if answer.context["next"] is None:
                break
            answer = client.get(address.partition("?")[0] + answer.context["next"])
        assert sum(lines) == amount * 100, address
    assert long
    with travelling.travel(timezone.now() + datetime.timedelta(hours=13)):
        assert "/rows/" not in text_of(page("viewer", path, **asked))  # made yesterday


def test_rows_of_a_report_that_nobody_made_lead_to_it(page, as_, spent):
    figure = {"by": "payee", "period": "2026", "row": "section-spending", "column": "0"}
    answer = page("viewer", f"{PATH}rows/", **figure)
    assert answer.status_code == 302
    assert "Have it made" in text_of(as_("viewer").get(answer["Location"]))


@pytest.mark.parametrize(
    ("person", "expected"), [(None, 302), ("stranger", 404), ("viewer", 302), ("editor", 302), ("owner", 302)]
)
def test_whoever_reads_the_book_may_have_it_made(send, spent, person, expected):
    assert send(person, f"{PATH}make/{QUERY}", {}).status_code == expected
    assert OperationRun.objects.count() == (person not in (None, "stranger"))


def test_it_is_stopped_and_one_at_a_time(as_, book, spent):
    client = as_("owner")
    address = f"/b/{book.pk}/{PATH}make/{QUERY}"
    client.post(address)
    answer = client.post(f"/b/{book.pk}/{PATH}make/?by=payee&period=2025", follow=True)
    assert "A report of this book is being made" in text_of(answer)
    client.post(address, {"stop": "1"})
    assert OperationRun.objects.get().state == "cancelled"
    assert "Have it made" in text_of(client.get(f"/b/{book.pk}/{PATH}{QUERY}"))


def test_a_file_of_another_release_is_no_report(page, send, spent, tmp_path):
    send("viewer", f"{PATH}make/{QUERY}", {})
    run = made()
    (tmp_path / "operations" / str(run.pk) / "report.json").write_text(
        '{"today": "2026-03-15", "report": {"version": 0}}'
    )
    assert "Have it made" in text_of(page("viewer", PATH, **ASKED))


def test_the_same_over_the_api(clients, url, spent):
    path = url(f"reports/spending/{QUERY}")
    refused = clients["viewer"].get(path)
    assert (refused.status_code, refused.json()["code"]) == (400, "report_too_long")
    statuses = {"anonymous": 401, "stranger": 404, "viewer": 202}
    assert {person: clients[person].post(path).status_code for person in statuses} == statuses
    assert clients["owner"].post(path).status_code == 409
    made()
    answer = clients["owner"].get(path).json()
    total = [column["role"] for column in answer["columns"]].index("total")
    rows = clients["viewer"].get(f"{path}&row=section-spending&column={total}".replace("/?", "/rows/?")).json()
    assert (rows["count"], rows["sums"]) == (None, [{"amount": "40.06", "currency": "EUR"}])
    assert len(rows["results"]) == 4
    assert [row["title"] for row in answer["sections"][0]["rows"]] == [f"Aldi {number}" for number in (3, 2, 1, 0)]
    assert clients["owner"].get(url("reports/spending/?by=payee&period=2025-12..2026-12")).status_code == 400
