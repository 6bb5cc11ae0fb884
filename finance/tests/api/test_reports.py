"""Reports by the API: the figures of the pages, rows of a figure, saved reports, the overview's cards."""

import datetime

import pytest

from finance.models import SavedReport
from finance.tests.conftest import TODAY
from platform_outbox.models import OutboxMessage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today(time_machine):
    time_machine.move_to(datetime.datetime.combine(TODAY, datetime.time(12), tzinfo=datetime.UTC), tick=False)


@pytest.fixture
def api(clients):
    """api("viewer") → that person's client; None is nobody."""
    return lambda person: clients[person or "anonymous"]


@pytest.fixture
def groceries(spend):
    spend(100_00, on=datetime.date(2026, 2, 3))
    spend(130_00, payee="Aldi", on=datetime.date(2026, 3, 3))
    spend(20_00, on=datetime.date(2026, 3, 4))


class TestReport:
    def test_has_columns_rows_and_total(self, api, url, groceries):
        body = api("viewer").get(url("reports/spending/"), {"period": "2026-03", "compare": "previous"}).json()
        assert [column["role"] for column in body["columns"]] == ["total", "compared", "difference"]
        (section,) = body["sections"]
        assert [cell["amount"] for cell in section["total"]] == ["150.00", "100.00", "50.00"]
        assert [row["title"] for row in section["rows"]] == ["Food", "Groceries"]

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"period": "2026-13"}, "period"),
            ({"columns": "week"}, "columns"),
            ({"known_at": "yesterday"}, "known_at"),
            ({"period": "0001-01-01..9999-12-31", "columns": "month"}, "columns"),
            ({"colums": "month"}, "colums"),
            ({"columns": "pay"}, "columns"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, api, url, query, field):
        answer = api("viewer").get(url("reports/income-statement/"), query)
        assert answer.status_code == 400
        assert field in answer.json()["fields"]

    def test_no_such_report(self, api, url):
        assert api("viewer").get(url("reports/nonsense/")).status_code == 404

    def test_an_account_of_another_book_is_not_found(self, api, url, groceries):
        assert api("viewer").get(url("reports/spending/"), {"account": 10**9}).status_code == 404


class TestRows:
    def test_pages_with_the_sum_of_all(self, api, url, groceries, accounts):
        asked = {
            "period": "2026",
            "row": f"account-{accounts.groceries.pk}",
            "column": 0,
            "limit": 2,
            "compare": "none",
        }
        first = api("viewer").get(url("reports/spending/rows/"), asked).json()
        assert (first["count"], first["sums"]) == (3, [{"amount": "250.00", "currency": "EUR"}])
        assert [row["amount"] for row in first["results"]] == ["20.00", "130.00"]
        second = api("viewer").get(first["next"]).json()
        assert [row["amount"] for row in second["results"]] == ["100.00"]
        assert second["next"] is None

    def test_of_a_payee(self, api, url, groceries):
        asked = {"period": "2026", "by": "payee", "row": "payee-Aldi", "column": 0}
        assert api("viewer").get(url("reports/spending/rows/"), asked).json()["sums"][0]["amount"] == "130.00"

    def test_what_is_worked_out_has_no_rows(self, api, url, groceries, accounts):
        for row, column in ((f"account-{accounts.groceries.pk}", 2), ("others", 0), ("account-x", 0)):
            asked = {"compare": "previous", "row": row, "column": column}
            assert api("viewer").get(url("reports/spending/rows/"), asked).status_code == 404


class TestSaved:
    def test_kept_renamed_removed_and_announced(self, api, url):
        editor = api("editor")
        body = {"name": "Food", "kind": "spending", "parameters": {"period": "last-month", "by": "payee"}}
        made = editor.post(url("saved-reports/"), body, format="json").json()
        assert made["parameters"] == {"period": "last-month", "by": "payee"}
        path = url(f"saved-reports/{made['id']}/")
        renamed = editor.patch(path, {"name": "Meals"}, format="json").json()
        assert renamed["name"] == "Meals"
        assert api("viewer").get(url("saved-reports/")).json()["results"][0]["name"] == "Meals"
        assert editor.delete(path).status_code == 204
        assert not SavedReport.objects.exists()
        names = list(
            OutboxMessage.objects.filter(event_type__startswith="finance.report").values_list("event_type", flat=True)
        )
        assert sorted(names) == ["finance.report.removed", "finance.report.saved", "finance.report.saved"]

    def test_what_no_report_asks_for_is_refused(self, api, url):
        body = {"name": "Food", "kind": "cash-flow", "parameters": {"by": "payee"}}
        answer = api("editor").post(url("saved-reports/"), body, format="json")
        assert answer.status_code == 400
        assert "parameters.by" in answer.json()["fields"]

    def test_two_reports_have_two_names(self, api, url):
        editor = api("editor")
        for name in ("One", "Two"):
            body = {"name": name, "kind": "spending"}
            made = editor.post(url("saved-reports/"), body, format="json").json()
        path = url(f"saved-reports/{made['id']}/")
        assert editor.patch(path, {"name": "One"}, format="json").status_code == 400


class TestDashboard:
    def test_each_person_has_their_own(self, api, url):
        viewer = api("viewer")
        assert viewer.get(url("dashboard/")).json()["cards"] == [
            "worth",
            "look",
            "holdings",
            "ahead",
            "spending",
            "income",
        ]
        assert viewer.put(url("dashboard/"), {"cards": ["spending", "worth"]}, format="json").json()
        assert viewer.get(url("dashboard/")).json()["cards"] == ["spending", "worth"]
        assert len(api("owner").get(url("dashboard/")).json()["cards"]) == 6
        assert viewer.delete(url("dashboard/")).status_code == 204
        assert len(viewer.get(url("dashboard/")).json()["cards"]) == 6

    @pytest.mark.parametrize("cards", [["weather"], ["worth", "worth"], ["report-77"]])
    def test_only_cards_that_there_are(self, api, url, cards):
        answer = api("viewer").put(url("dashboard/"), {"cards": cards}, format="json")
        assert answer.status_code == 400

    def test_a_removed_report_leaves_the_overview(self, api, url):
        editor = api("editor")
        made = editor.post(url("saved-reports/"), {"name": "Food", "kind": "spending"}, format="json").json()
        card = f"report-{made['id']}"
        editor.put(url("dashboard/"), {"cards": ["worth", card]}, format="json")
        assert editor.get(url("dashboard/")).json()["cards"] == ["worth", card]
        editor.delete(url(f"saved-reports/{made['id']}/"))
        assert editor.get(url("dashboard/")).json()["cards"] == ["worth"]


READ = ["reports/spending/", "reports/spending/rows/?row=section-spending&column=0&compare=none", "saved-reports/"]


@pytest.mark.parametrize(("person", "reads", "writes"), [
    (None, 401, 401), ("stranger", 404, 404), ("viewer", 200, 403), ("editor", 200, 201), ("owner", 200, 201),
])  # fmt: skip
def test_who_may_what(api, url, person, reads, writes):
    client = api(person)
    for path in READ:
        assert client.get(url(path)).status_code == reads, path
    body = {"name": "Food", "kind": "spending"}
    assert client.post(url("saved-reports/"), body, format="json").status_code == writes
    cards = client.put(url("dashboard/"), {"cards": []}, format="json")
    assert cards.status_code == (200 if reads == 200 else reads)


def test_today_is_the_books(api, url, groceries):
    assert api("viewer").get(url("reports/net-worth/")).json()["last"] <= TODAY.replace(month=12, day=31).isoformat()
