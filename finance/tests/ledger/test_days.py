"""Each book begins each of its days once, in its own time zone."""

import datetime
import threading
import zoneinfo
from collections import Counter

import pytest
from django.db import connections

from finance.ledger import services
from finance.ledger.models import Book, BookDay
from identity import idempotency
from identity.models import IdempotencyRecord
from platform_outbox.models import OutboxMessage

pytestmark = pytest.mark.django_db

NOON = datetime.datetime(2026, 3, 15, 12, tzinfo=datetime.UTC)
EXTREMES = ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"]


def open_book(zone):
    return Book.objects.create(name=zone, base_currency="EUR", time_zone=zone)


def begun():
    """(book, date) of all events, in order."""
    rows = OutboxMessage.objects.filter(event_type="finance.day.began").order_by("id")
    return [(row.payload["book_id"], row.payload["date"]) for row in rows]


def test_each_book_has_its_own_day():
    ahead, behind, home = (open_book(zone) for zone in EXTREMES)
    assert services.begin_days(now=NOON) == 3
    assert begun() == [(ahead.pk, "2026-03-16"), (behind.pk, "2026-03-15"), (home.pk, "2026-03-15")]
    assert OutboxMessage.objects.get(payload__book_id=ahead.pk).ordering_key == f"book:{ahead.pk}"


def test_a_day_begins_once_however_often_one_asks():
    open_book("Europe/Berlin")
    assert [services.begin_days(now=NOON + datetime.timedelta(minutes=n)) for n in range(3)] == [1, 0, 0]
    late = datetime.datetime(2026, 3, 15, 22, 59, 59, tzinfo=datetime.UTC)
    assert services.begin_days(now=late) == 0
    assert services.begin_days(now=late + datetime.timedelta(seconds=1)) == 1
    assert [date for _, date in begun()] == ["2026-03-15", "2026-03-16"]


@pytest.mark.parametrize(
    ("zones", "start"),
    [
        # Clocks go forward in Berlin on 29 March; in Santiago and Cairo at midnight, so that hour does not exist.
        (["Europe/Berlin", "Australia/Lord_Howe"], datetime.datetime(2026, 3, 28, tzinfo=datetime.UTC)),
        (["Africa/Cairo", "America/Havana"], datetime.datetime(2026, 4, 23, tzinfo=datetime.UTC)),
        (["America/Santiago", "Pacific/Apia"], datetime.datetime(2026, 9, 5, tzinfo=datetime.UTC)),
        # And back: Havana and New York have an hour twice, Havana around midnight.
        (["America/New_York", "America/Havana"], datetime.datetime(2026, 10, 31, tzinfo=datetime.UTC)),
    ],
)
def test_days_with_changed_clocks_begin_once_too(zones, start):
    books = {open_book(zone).pk: zone for zone in zones}
    expected = set()
    for half_hour in range(3 * 48):
        now = start + datetime.timedelta(minutes=30 * half_hour)
        services.begin_days(now=now)
        expected |= {
            (book_id, now.astimezone(zoneinfo.ZoneInfo(zone)).date().isoformat()) for book_id, zone in books.items()
        }
    assert Counter(begun()) == Counter(expected)
    assert len(expected) >= 6


def test_after_a_week_without_workers_only_the_present_day_begins():
    open_book("Europe/Berlin")
    services.begin_days(now=NOON)
    services.begin_days(now=NOON + datetime.timedelta(days=7))
    assert [date for _, date in begun()] == ["2026-03-15", "2026-03-22"]


def test_a_book_that_moves_to_another_zone_begins_no_day_twice():
    book = open_book("Pacific/Kiritimati")
    services.begin_days(now=NOON)
    for zone in ("Pacific/Pago_Pago", "Pacific/Kiritimati", "Europe/Berlin"):
        Book.objects.update(time_zone=zone)
        services.begin_days(now=NOON + datetime.timedelta(minutes=1))
    assert begun() == [(book.pk, "2026-03-16")]


def test_a_zone_that_this_machine_does_not_know_stops_nobody(caplog):
    strange, home = open_book("Mars/Olympus"), open_book("Europe/Berlin")
    services.begin_days(now=NOON)
    assert begun() == [(strange.pk, "2026-03-15"), (home.pk, "2026-03-15")]
    assert "Mars/Olympus is unknown here" in caplog.text


def test_thousands_of_books_cost_as_many_queries_as_one(django_assert_num_queries):
    Book.objects.bulk_create([Book(name=str(n), base_currency="EUR", time_zone=EXTREMES[n % 3]) for n in range(2_000)])
    with django_assert_num_queries(5):  # zones, days, events, and the transaction's savepoint
        assert services.begin_days(now=NOON) == 2_000
    assert BookDay.objects.count() == 2_000


@pytest.mark.django_db(transaction=True)
def test_two_clocks_at_the_same_moment_begin_a_day_once():
    for number in range(20):
        open_book(EXTREMES[number % 3])
    together, counts = threading.Barrier(3), []

    def tick():
        together.wait(10)
        counts.append(services.begin_days(now=NOON))
        connections.close_all()

    threads = [threading.Thread(target=tick) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sum(counts) == 20
    assert max(Counter(begun()).values()) == 1


def test_answers_to_repeated_requests_are_forgotten_after_a_while(owner):
    for key, age in (("old", 31), ("new", 29)):
        record = IdempotencyRecord.objects.create(user=owner, key=key, request_hash="x")
        IdempotencyRecord.objects.filter(pk=record.pk).update(created_at=NOON - datetime.timedelta(days=age))
    assert idempotency.forget_answers(before=NOON - datetime.timedelta(days=30)) == 1
    assert IdempotencyRecord.objects.get().key == "new"
