"""Moments as they come from the database."""

import datetime

import psycopg
import pytest
from django.db import DataError, connection, transaction

from lifeos_project.postgresql.moments import MomentLoader

UTC = datetime.UTC


def read(expression: str):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ({expression})::timestamptz")
        return cursor.fetchone()[0]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-26 12:34:56+00", datetime.datetime(2026, 11, 26, 12, 34, 56, tzinfo=UTC)),
        ("2026-11-26 12:34:56.1+02", datetime.datetime(2026, 11, 26, 10, 34, 56, 100_000, tzinfo=UTC)),
        ("2026-11-26 12:34:56.123456-03:30", datetime.datetime(2026, 11, 26, 16, 4, 56, 123_456, tzinfo=UTC)),
        ("0001-01-01 00:00+00", datetime.datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31 23:59:59.999999+00", datetime.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_moments_come_in_utc(text, moment):
    found = read(f"'{text}'")
    assert found == moment
    assert found.tzinfo is UTC


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["infinity", "-infinity", "0044-03-15 12:00+00 BC", "10000-01-01 00:00+00"])
def test_what_no_datetime_can_hold_is_refused(text):
    with pytest.raises(DataError), transaction.atomic():
        read(f"'{text}'")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("America/St_Johns", "2026-07-01 12:00:00.5+00"),
        # Local mean time, with seconds in its offset.
        ("Europe/Berlin", "1890-01-01 12:00+00"),
    ],
)
def test_the_time_zone_of_a_session_does_not_matter(zone, text):
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, true)", [zone])
    moment = datetime.datetime.fromisoformat(text).astimezone(UTC)
    assert read(f"'{text}'") == moment


@pytest.mark.django_db
def test_every_cursor_reads_so():
    connection.ensure_connection()
    oid = psycopg.adapters.types["timestamptz"].oid
    with connection.cursor() as cursor:
        assert cursor.cursor.adapters.get_loader(oid, psycopg.pq.Format.TEXT) is MomentLoader


@pytest.mark.django_db
def test_columns_without_a_moment_and_arrays_of_moments():
    with connection.cursor() as cursor:
        cursor.execute("SELECT NULL::timestamptz, ARRAY['2026-11-26 12:00+01', NULL]::timestamptz[]")
        assert cursor.fetchone() == (None, [datetime.datetime(2026, 11, 26, 11, tzinfo=UTC), None])
