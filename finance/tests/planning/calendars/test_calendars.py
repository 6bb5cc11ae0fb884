"""The calendar of a member, and schedules as calendar files and from them."""

import datetime

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from finance.models import CalendarFeed, Membership, Schedule
from finance.periods import WeekendShift
from finance.planning.calendars import services
from finance.planning.recurrence import Unit
from finance.planning.schedules.services import move_occurrence, skip_occurrence
from finance.tests.planning.schedules.conftest import api, clients, plan, url

__all__ = ["api", "clients", "plan", "url"]
pytestmark = pytest.mark.django_db
NOW = datetime.datetime(2026, 3, 15, 12, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    cache.clear()


def made(api, url, **body):
    answer = api.post(url("calendar-feed/"), body, format="json")
    assert answer.status_code == 201, answer.json()
    address = answer.json()["url"]
    return address[address.index("/calendar/") :]


def events(text):
    """UID → (day, summary)."""
    found = {}
    for part in text.split("BEGIN:VEVENT\r\n")[1:]:
        lines = dict(line.split(":", 1) for line in part.split("\r\n") if ":" in line)
        found[lines["UID"]] = (lines["DTSTART;VALUE=DATE"], lines["SUMMARY"])
    return found


def test_a_calendar_shows_what_is_coming_and_no_amounts_unless_asked(api, url, plan):
    plan(-752_22, "2026-01-31", today="2026-03-15", name="Rent; flat")
    address = made(api, url)
    answer = Client().get(address)
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    found = list(events(answer.content.decode()).values())
    assert found[:3] == [("20260331", "Rent\\; flat"), ("20260430", "Rent\\; flat"), ("20260531", "Rent\\; flat")]
    assert len(found) == 13
    assert api.patch(url("calendar-feed/"), {"with_amounts": True}, format="json").json()["with_amounts"] is True
    assert next(iter(events(Client().get(address).content.decode()).values()))[1] == "Rent\\; flat -752.22 EUR"
    assert api.get(url("calendar-feed/")).json()["used_at"] == "2026-03-15T12:00:00Z"


def test_an_occurrence_keeps_its_uid_when_it_moves_and_goes_when_it_is_skipped(api, url, plan, owner, book):
    schedule = plan(-752_22, "2026-01-31", today="2026-03-15")
    address = made(api, url)
    before = events(Client().get(address).content.decode())
    (march,) = [uid for uid, (day, _name) in before.items() if day == "20260331"]
    nominal = datetime.date(2026, 3, 31)
    move_occurrence(schedule=schedule, nominal=nominal, actor=owner, to=datetime.date(2026, 4, 2))
    assert events(Client().get(address).content.decode())[march][0] == "20260402"
    skip_occurrence(schedule=schedule, nominal=nominal, actor=owner)
    assert march not in events(Client().get(address).content.decode())


def test_only_the_hash_is_kept_and_a_new_or_revoked_address_ends_the_old_one(api, url, plan, book, owner):
    first = made(api, url)
    token = first.removeprefix("/calendar/").removesuffix(".ics")
    feed = CalendarFeed.objects.get()
    assert token not in str(feed.__dict__)
    assert token not in api.get(url("calendar-feed/")).content.decode()
    second = made(api, url)
    assert (Client().get(first).status_code, Client().get(second).status_code) == (404, 200)
    assert api.delete(url("calendar-feed/")).status_code == 204
    assert Client().get(second).status_code == 404
    for change in (lambda: api.delete(url("calendar-feed/")), lambda: api.get(url("calendar-feed/"))):
        assert change().status_code == 404
    assert api.patch(url("calendar-feed/"), {"with_amounts": True}, format="json").status_code == 404


def test_an_address_ends_with_the_membership_and_with_the_book(clients, url, viewer, book):
    address = made(clients["viewer"], url)
    assert Client().get(address).status_code == 200
    Membership.objects.filter(user=viewer).delete()
    assert Client().get(address).status_code == 404


def test_a_retry_with_its_key_does_not_show_the_address_again(api, url):
    headers = {"HTTP_IDEMPOTENCY_KEY": "c0ffee"}
    first = api.post(url("calendar-feed/"), {}, format="json", **headers)
    again = api.post(url("calendar-feed/"), {}, format="json", **headers)
    assert "url" in first.json()
    assert first.json()["url"] not in again.content.decode()
    assert CalendarFeed.objects.count() == 1


def test_addresses_cannot_be_tried_out(api, url, monkeypatch):
    address = made(api, url)
    monkeypatch.setattr(services, "READS_PER_HOUR", 2)
    assert [Client().get(address).status_code for _each in range(3)] == [200, 200, 429]
    assert Client().get(address)["Retry-After"] == "3600"
    assert Client().post(address).status_code == 405


@pytest.mark.parametrize(
    ("who", "code"), [("anonymous", 401), ("stranger", 404), ("viewer", 201), ("editor", 201), ("owner", 201)]
)
def test_every_member_has_their_own(clients, url, who, code, book, plan):
    assert clients[who].post(url("calendar-feed/"), {}, format="json").status_code == code
    expected = {201: 200}.get(code, code)
    assert clients[who].get(url("calendar-feed/")).status_code == expected
    schedule = plan(-10_00, "2026-03-20")
    assert clients[who].get(url(f"schedules/{schedule.pk}/calendar/")).status_code == expected
    body = {"ics": "x", "account": 1, "amount": "1.00", "lines": [{"account": 2}]}
    changed = clients[who].post(url("schedules/from-calendar/"), body, format="json").status_code
    assert changed == {"anonymous": 401, "stranger": 404, "viewer": 403}.get(who, 400)


def test_the_page_makes_changes_and_revokes(book, owner, plan):
    plan(-10_00, "2026-03-20")
    client = Client()
    client.force_login(owner)
    page = reverse("web:plan_feed", args=[book.pk])
    assert "no address yet" in client.get(page).content.decode()
    shown = client.post(page, {"do": "make", "with_amounts": "on"}).content.decode()
    address = shown[shown.index("/calendar/") :].split('"')[0]
    assert Client().get(address).status_code == 200
    assert address not in client.get(page).content.decode()
    client.post(page, {"do": "change"})
    assert CalendarFeed.objects.get().with_amounts is False
    client.post(page, {"do": "revoke"})
    assert Client().get(address).status_code == 404
    assert client.post(page, {"do": "revoke"}).status_code == 404
    assert client.post(page, {"do": "else"}).status_code == 302
    assert Client().get(page).status_code == 302


def test_a_schedule_goes_out_and_comes_back(api, url, plan, accounts, book, owner):
    schedule = plan(-99_00, "2026-01-31", every=2, total=500_00)
    answer = api.get(url(f"schedules/{schedule.pk}/calendar/"))
    assert answer["Content-Type"].startswith("text/calendar")
    text = answer.content.decode()
    assert "RRULE:FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=28,29,30,31;BYSETPOS=-1;COUNT=6\r\n" in text
    body = {
        "ics": text, "account": accounts.checking.pk, "amount": "-99.00",
        "lines": [{"account": accounts.rent.pk}],
    }  # fmt: skip
    back = api.post(url("schedules/from-calendar/"), body, format="json")
    assert back.status_code == 201, back.json()
    there = Schedule.objects.get(pk=back.json()["id"]).definition
    assert there.name == "Rent"
    days = (datetime.date(2026, 1, 1), datetime.date(2030, 1, 1))
    assert there.occurrences(*days) == schedule.definition.occurrences(*days)
    client = Client()
    client.force_login(owner)
    same = client.get(reverse("web:plan_schedule_ics", args=[book.pk, schedule.pk]))
    assert same.content.decode() == text


def test_the_last_working_day_goes_out_and_comes_back(api, url, plan, accounts):
    schedule = plan(-99_00, "2026-01-31", shift=WeekendShift.BEFORE)
    text = api.get(url(f"schedules/{schedule.pk}/calendar/")).content.decode()
    assert "BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1" in text
    body = {"ics": text, "account": accounts.checking.pk, "amount": "-9.00", "lines": [{"account": accounts.rent.pk}]}
    back = api.post(url("schedules/from-calendar/"), body, format="json").json()
    assert (back["days"], back["shift"], back["first"]) == ([31], "before", "2026-01-31")


def test_what_has_no_equal_is_named(api, url, plan, accounts, book, owner):
    schedule = plan(-99_00, "2026-01-28", shift=WeekendShift.BEFORE)
    refused = api.get(url(f"schedules/{schedule.pk}/calendar/"))
    assert refused.status_code == 400
    assert "weekends" in str(refused.json())
    client = Client()
    client.force_login(owner)
    sent = client.get(reverse("web:plan_schedule_ics", args=[book.pk, schedule.pk]), follow=True)
    assert "weekends" in sent.content.decode()
    event = "BEGIN:VEVENT\nSUMMARY:Pay\nDTSTART:20260101\nRRULE:FREQ=MONTHLY;BYDAY=1TH,3TH\nEND:VEVENT"
    body = {"ics": event, "account": accounts.checking.pk, "amount": "-9.00", "lines": [{"account": accounts.rent.pk}]}
    refused = api.post(url("schedules/from-calendar/"), body, format="json")
    assert refused.status_code == 400
    assert "one weekday" in str(refused.json())
    single = api.post(url("schedules/from-calendar/"), {**body, "ics": event.replace("RRULE:", "X-R:")}, format="json")
    assert "does not repeat" in str(single.json())
    assert Schedule.objects.count() == 1


def test_several_weekdays_go_out_and_come_back(api, url, plan, accounts):
    schedule = plan(-5_00, "2026-03-12", unit=Unit.WEEK, every=2, weekdays=(0, 3))
    text = api.get(url(f"schedules/{schedule.pk}/calendar/")).content.decode()
    assert "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH\r\n" in text
    body = {"ics": text, "account": accounts.checking.pk, "amount": "-9.00", "lines": [{"account": accounts.rent.pk}]}
    back = api.post(url("schedules/from-calendar/"), body, format="json").json()
    assert (back["weekdays"], back["every"], back["first"]) == ([0, 3], 2, "2026-03-12")


def test_units_of_days_and_weekdays(api, url, plan):
    schedule = plan(-5_00, "2026-03-17", unit=Unit.MONTH, weekday=(3, 1))
    assert "RRULE:FREQ=MONTHLY;BYDAY=3TU" in api.get(url(f"schedules/{schedule.pk}/calendar/")).content.decode()
