"""Schedules keep off public holidays of their book's region, and have several weekdays a week: service, API, pages."""

import datetime

import pytest
from django.test import Client
from django.urls import reverse

from finance.errors import Invalid
from finance.models import Book, Schedule
from finance.periods import WeekendShift
from finance.planning.cards.selectors import cycle_of
from finance.planning.cards.services import add_card
from finance.planning.recurrence import Unit
from finance.planning.schedules.selectors import next_expected, occurrences_of
from finance.planning.schedules.services import change_holidays, move_occurrence, skip_occurrence
from finance.tests.planning.schedules.test_definition import D
from finance.tests.planning.schedules.test_pages import FORM
from platform_outbox.models import OutboxMessage

pytestmark = pytest.mark.django_db


def days_shown(book, first, last):
    found = occurrences_of(book=book, first=D(first), last=D(last), today=D("2026-12-01"))
    return [(each.nominal.isoformat(), each.date.isoformat()) for each in found]


def test_schedules_that_had_the_regions_of_the_book_follow_it(book, owner, plan):
    rent = plan(-700_00, "2026-01-25", shift=WeekendShift.AFTER)
    other = plan(-10_00, "2026-01-25", shift=WeekendShift.AFTER, name="Abroad", holidays="IL")
    plan(-10_00, "2026-01-25", name="Stays")
    assert days_shown(book, "2026-12-20", "2026-12-31")[0] == ("2026-12-25", "2026-12-25")
    OutboxMessage.objects.all().delete()
    change_holidays(book=book, actor=owner, region="de-by")
    assert (Book.objects.get().holidays, book.holidays) == ("DE-BY", "DE-BY")
    other.refresh_from_db()
    assert other.holidays == "IL"
    # In Israel that Friday is a weekend, which Sunday follows.
    assert days_shown(book, "2026-12-26", "2026-12-31") == [("2026-12-25", "2026-12-27"), ("2026-12-25", "2026-12-28")]
    told = list(OutboxMessage.objects.order_by("id").values_list("event_type", "payload__schedule_id"))
    assert told == [("finance.book.holidays_changed", None), ("finance.schedule.saved", rent.pk)]
    change_holidays(book=book, actor=owner, region="DE-BY")
    assert OutboxMessage.objects.count() == 2
    assert plan(-5_00, "2027-01-06", name="New").holidays == "DE-BY"
    with pytest.raises(Invalid, match="no region"):
        change_holidays(book=book, actor=owner, region="DE-XX")


def test_windows_cut_the_series_at_the_days_that_are_shown(book, owner, plan):
    change_holidays(book=book, actor=owner, region="CN")
    plan(-10_00, "2026-01-01", unit=Unit.DAY, every=5, shift=WeekendShift.AFTER)
    plan(-10_00, "2026-01-02", unit=Unit.WEEK, weekdays=(0, 3, 6), shift=WeekendShift.BEFORE, name="Weeks")
    whole = days_shown(book, "2026-01-20", "2026-03-20")
    assert any(D(shown) - D(nominal) > datetime.timedelta(days=4) for nominal, shown in whole)
    for cut in range(20, 50):
        last = D("2026-01-20") + datetime.timedelta(days=cut)
        first = last + datetime.timedelta(days=1)
        assert (
            days_shown(book, "2026-01-20", last.isoformat()) + days_shown(book, first.isoformat(), "2026-03-20")
            == whole
        )


def test_what_is_recorded_is_known_by_the_nominal_date(book, owner, plan):
    rent = plan(-700_00, "2026-01-25", shift=WeekendShift.BEFORE)
    skip_occurrence(schedule=rent, nominal=D("2026-12-25"), actor=owner)
    change_holidays(book=book, actor=owner, region="DE-BY")
    rent.refresh_from_db()
    (december,) = occurrences_of(book=book, first=D("2026-12-20"), last=D("2026-12-31"), today=D("2026-12-01"))
    assert (december.nominal, december.date, december.status) == (D("2026-12-25"), D("2026-12-24"), "skipped")
    assert next_expected(book=book, today=D("2026-12-01"), schedules=[rent])[rent.pk].date == D("2027-01-25")
    move_occurrence(schedule=rent, nominal=D("2027-03-25"), to=D("2027-03-25"), actor=owner)
    assert rent.recorded.get(nominal=D("2027-03-25")).moved_to is None


def test_a_card_is_paid_on_a_working_day_of_the_books_region(book, owner, accounts):
    card = add_card(
        book=book, actor=owner, account=accounts.card, closing_day=10, due_day=25, shift="after",
        pays_from=accounts.checking,
    )  # fmt: skip
    assert cycle_of(card).paid_on(D("2026-12-10")) == D("2026-12-25")
    book.holidays = card.book.holidays = "DE-BY"
    assert cycle_of(card).paid_on(D("2026-12-10")) == D("2026-12-28")


def test_the_api_has_regions_and_weekdays(api, url, accounts, book):
    changed = api.patch(f"/api/v1/books/{book.pk}/", {"holidays": "DE-BY"}, format="json")
    assert (changed.status_code, changed.json()["holidays"]) == (200, "DE-BY")
    refused = api.patch(f"/api/v1/books/{book.pk}/", {"holidays": "DE-XX"}, format="json")
    assert refused.status_code == 400
    assert "Known are" in str(refused.json()["errors"] if "errors" in refused.json() else refused.json())
    body = {
        "name": "Club", "account": accounts.checking.pk, "amount": "-9.00", "lines": [{"account": accounts.rent.pk}],
        "first": "2026-12-24", "unit": "week", "every": 1, "weekdays": [0, 3], "shift": "after",
    }  # fmt: skip
    made = api.post(url("schedules/"), body, format="json")
    assert made.status_code == 201, made.json()
    assert (made.json()["weekdays"], made.json()["holidays"]) == ([0, 3], "DE-BY")
    place = f"schedules/{made.json()['id']}/"
    found = api.get(url(place + "occurrences/") + "?first=2026-12-24&last=2027-01-08").json()["results"]
    assert [(each["nominal"], each["date"]) for each in found] == [
        ("2026-12-24", "2026-12-24"), ("2026-12-28", "2026-12-28"), ("2026-12-31", "2026-12-31"),
        ("2027-01-04", "2027-01-04"), ("2027-01-07", "2027-01-07"),
    ]  # fmt: skip
    weekends = api.patch(url(place), {"holidays": "", "weekdays": [4]}, format="json").json()
    assert (weekends["holidays"], weekends["weekdays"]) == ("", [4])
    for wrong in ({"weekdays": [3, 0]}, {"weekdays": [7]}, {"unit": "month"}, {"holidays": "XX"}):
        assert api.patch(url(place), wrong, format="json").status_code == 400


@pytest.mark.parametrize(
    ("who", "code"), [("anonymous", 302), ("stranger", 404), ("viewer", 403), ("editor", 403), ("owner", 302)]
)
def test_only_owners_set_the_region(book, request, who, code):
    client = Client()
    if who != "anonymous":
        client.force_login(request.getfixturevalue(who))
    address = reverse("web:settings_holidays", args=[book.pk])
    assert client.post(address, {"country": "DE", "part": "by"}).status_code == code
    assert Book.objects.get().holidays == ("DE-BY" if who == "owner" else "")


def test_pages_name_the_holiday_and_the_rule(book, owner, accounts, plan):
    client = Client()
    client.force_login(owner)
    settings = reverse("web:settings", args=[book.pk])
    assert "Germany" in client.get(settings).content.decode()
    save = reverse("web:settings_holidays", args=[book.pk])
    assert client.post(save, {"country": "DE", "part": "XX"}).status_code == 200
    client.post(save, {"country": "DE", "part": "BY"})
    assert "Bayern" in client.get(settings).content.decode()
    calendar = client.get(reverse("web:plan_calendar", args=[book.pk]) + "?month=2026-12").content.decode()
    assert "Second Day of Christmas" in calendar
    form = {
        **FORM, "account": accounts.checking.pk, "category": accounts.rent.pk, "first": "2026-12-24", "unit": "week",
        "weekdays": ["3", "0"], "holidays": "DE-BY",
    }  # fmt: skip
    new = reverse("web:plan_schedule_new", args=[book.pk])
    assert "Bayern, Germany" in client.get(new).content.decode()
    refused = client.post(new, {**form, "unit": "month"})
    assert "Only weeks have several weekdays." in refused.content.decode()
    answer = client.post(new, form)
    assert answer.status_code == 302, answer.content.decode()
    schedule = Schedule.objects.get()
    assert (schedule.weekdays, schedule.holidays) == ([0, 3], "DE-BY")
    shown = client.get(reverse("web:plan_schedule", args=[book.pk, schedule.pk])).content.decode()
    assert "Every week, on Monday and Thursday" in shown
    assert "Bayern, Germany" in shown
    # Of another country the part that was there means nothing.
    client.post(save, {"country": "FR", "part": "BY"})
    assert Book.objects.get().holidays == "FR"
    client.post(save, {"country": "", "part": ""})
    assert Book.objects.get().holidays == ""
