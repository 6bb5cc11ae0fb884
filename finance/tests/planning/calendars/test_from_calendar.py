"""A calendar file becomes schedules: the page and the API say what can come, and why the rest cannot."""

import datetime
import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from finance.errors import Invalid
from finance.models import Schedule
from finance.planning.calendars.services import MOST_REPEATING, read_calendar
from finance.planning.recurrence import Unit
from finance.tests.planning.schedules.conftest import api, clients, plan, url

__all__ = ["api", "clients", "plan", "url"]
pytestmark = pytest.mark.django_db
TODAY = datetime.date(2026, 3, 15)


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: datetime.datetime(2026, 3, 15, 12, tzinfo=datetime.UTC))


def event(name, start, *lines):
    return "\n".join(["BEGIN:VEVENT", f"SUMMARY:{name}", f"DTSTART;VALUE=DATE:{start}", *lines, "END:VEVENT"])


CALENDAR = "\n".join([
    "BEGIN:VCALENDAR",
    event("Rent", "20260131", "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1"),
    event("Cleaner", "20260302", "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH"),
    event("Dentist", "20260402"),
    event("Old <b>club</b>", "20240101", "RRULE:FREQ=MONTHLY;COUNT=3"),
    event("Odd", "20260101", "RRULE:FREQ=YEARLY;BYYEARDAY=1"),
    event("Holed", "20260101", "RRULE:FREQ=DAILY", "EXDATE:20260102"),
    event("Timeless", "soon", "RRULE:FREQ=DAILY"),
    "END:VCALENDAR",
])  # fmt: skip
REASONS = {"Old <b>club</b>": "ended on 2024-03-01", "Odd": "BYYEARDAY", "Holed": "EXDATE", "Timeless": "DTSTART"}


def test_the_api_says_what_can_come_and_why_the_rest_cannot(api, url):
    answer = api.post(url("schedules/from-calendar/preview/"), {"ics": CALENDAR}, format="json")
    assert answer.status_code == 200, answer.json()
    found = answer.json()
    assert [each["name"] for each in found["events"] if not each["reason"]] == ["Rent", "Cleaner"]
    refused = {each["name"]: each["reason"] for each in found["events"] if each["reason"]}
    assert refused.keys() == REASONS.keys()
    assert all(word in refused[name] for name, word in REASONS.items())
    assert found["single"] == 1
    assert api.post(url("schedules/from-calendar/preview/"), {"ics": "hello"}, format="json").status_code == 400
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    ("who", "code"), [("anonymous", 401), ("stranger", 404), ("viewer", 403), ("editor", 200), ("owner", 200)]
)
def test_who_may_ask(clients, url, book, request, who, code):
    body = {"ics": CALENDAR}
    assert clients[who].post(url("schedules/from-calendar/preview/"), body, format="json").status_code == code
    client = Client()
    if who != "anonymous":
        client.force_login(request.getfixturevalue(who))
    page = reverse("web:plan_from_calendar", args=[book.pk])
    assert client.get(page).status_code == {401: 302}.get(code, code)
    assert client.post(page, {"rows": "0"}).status_code == {"anonymous": 302, "stranger": 404, "viewer": 403}.get(
        who, 400
    )


def test_a_file_is_read_shown_and_taken_in(book, owner, accounts, plan):
    plan(-1_00, "2026-01-01", name="rent")
    client = Client()
    client.force_login(owner)
    page = reverse("web:plan_from_calendar", args=[book.pk])
    shown = client.post(page, {"file": SimpleUploadedFile("my.ics", CALENDAR.encode())})
    text = shown.content.decode()
    ticked = [(row.form["name"].value(), row.form["take"].value()) for row in shown.context["rows"]]
    assert ticked == [("Cleaner", True), ("Rent", False)]  # a rent is there already
    assert "Every 2 weeks, on Monday and Thursday" in text
    assert "1 event does not repeat" in text
    assert "Old &lt;b&gt;club&lt;/b&gt;" in text
    assert all(word in text for word in REASONS.values())
    given = {"rows": "2", "account": accounts.checking.pk}
    for index, row in enumerate(shown.context["rows"]):
        for name in ("name", "date", "rrule", "direction"):
            value = row.form[name].value()
            given[f"row-{index}-{name}"] = value.isoformat() if isinstance(value, datetime.date) else value
    given |= {"row-1-take": "on", "row-0-take": "on", "row-0-amount": "40", "row-0-category": accounts.groceries.pk}
    refused = client.post(page, given)
    assert refused.status_code == 400
    assert "Give the amount." in refused.content.decode()
    assert Schedule.objects.count() == 1
    wrong = client.post(page, {**given, "row-1-amount": "0", "row-1-category": accounts.rent.pk})
    assert "above zero" in wrong.content.decode()
    assert Schedule.objects.count() == 1
    # What comes along is read again: a rule that has no equal is refused here as well.
    broken = {**given, "row-1-amount": "700", "row-1-category": accounts.rent.pk, "row-1-rrule": "FREQ=HOURLY"}
    assert client.post(page, broken).status_code == 400
    done = client.post(page, {**broken, "row-1-rrule": given["row-1-rrule"]}, follow=True)
    assert "2 schedules were added." in done.content.decode()
    cleaner, rent = Schedule.objects.order_by("pk")[1:]
    assert (rent.name, rent.amount, rent.days, rent.account_id) == ("Rent", -700_00, [31], accounts.checking.pk)
    assert (cleaner.unit, cleaner.every, cleaner.weekdays, cleaner.amount) == (Unit.WEEK, 2, [0, 3], -40_00)
    assert rent.asked_from == TODAY


def test_files_that_are_no_calendar(book, owner):
    client = Client()
    client.force_login(owner)
    page = reverse("web:plan_from_calendar", args=[book.pk])
    for data in (b"hello", b"\xff\xfe\x00", b"BEGIN:VEVENT\nDTSTART:20260101"):
        answer = client.post(page, {"file": SimpleUploadedFile("my.ics", data)})
        assert answer.status_code == 400
        assert "field-refused" in answer.content.decode()
    none = event("Once", "20260401")
    assert (
        "Nothing can be taken in"
        in client.post(page, {"file": SimpleUploadedFile("a", none.encode())}).content.decode()
    )


def test_rules_that_never_come_cost_no_more_than_others():
    never = event("Never", "20260228", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
    started = time.process_time()
    found = read_calendar(ics="\n".join([never] * MOST_REPEATING), today=TODAY)
    assert all(each.reason for each in found.events)
    assert time.process_time() - started < 4
    with pytest.raises(Invalid, match="at most 200"):
        read_calendar(ics="\n".join([never] * (MOST_REPEATING + 1)), today=TODAY)
