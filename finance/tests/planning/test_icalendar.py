"""Rules and calendars as iCalendar text, without a database. dateutil is the other reader."""

import datetime
import itertools

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from finance.errors import Invalid
from finance.periods import WeekendShift, shifted
from finance.planning.calendars.icalendar import Event, calendar_lines, escaped, folded, read_event
from finance.planning.calendars.rrule import read_rrule, rrule_of
from finance.planning.recurrence import Recurrence, Unit

START = datetime.date(2026, 1, 31)


def theirs(text: str, start: datetime.date, count: int) -> list[datetime.date]:
    begin = datetime.datetime.combine(start, datetime.time())
    return [each.date() for each in itertools.islice(rrulestr(text, dtstart=begin), count)]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Recurrence(anchor=START, unit=Unit.DAY, every=3), "FREQ=DAILY;INTERVAL=3"),
        (Recurrence(anchor=START, unit=Unit.WEEK), "FREQ=WEEKLY"),
        (Recurrence(anchor=START, unit=Unit.WEEK, weekdays=(0, 3)), "FREQ=WEEKLY;BYDAY=MO,TH"),
        (Recurrence(anchor=START, unit=Unit.WEEK, every=2, weekdays=(0, 5, 6)), "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SA,SU"),
        (Recurrence(anchor=START, unit=Unit.MONTH, days=(1, 10, 20)), "FREQ=MONTHLY;BYMONTHDAY=1,10,20"),
        (Recurrence(anchor=START, unit=Unit.MONTH), "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1"),
        (Recurrence(anchor=START, unit=Unit.MONTH, days=(30,)), "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1"),
        (Recurrence(anchor=START, unit=Unit.MONTH, days=(15, 31)), "FREQ=MONTHLY;BYMONTHDAY=15,28,29,30,31;BYSETPOS=1,-1"),
        (Recurrence(anchor=START, unit=Unit.MONTH, days=(1, 15)), "FREQ=MONTHLY;BYMONTHDAY=1,15"),
        (Recurrence(anchor=START, unit=Unit.MONTH, weekday=(2, 1)), "FREQ=MONTHLY;BYDAY=2TU"),
        (Recurrence(anchor=START, unit=Unit.MONTH, every=3, weekday=(5, 4)), "FREQ=MONTHLY;INTERVAL=3;BYDAY=-1FR"),
        (Recurrence(anchor=datetime.date(2024, 2, 29), unit=Unit.YEAR),
         "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1"),
    ],
)  # fmt: skip
def test_a_rule_is_written_as_calendars_read_it_and_comes_back(rule: Recurrence, text: str) -> None:
    assert rrule_of(rule=rule) == text
    start = rule.at(0)
    assert theirs(text, start, 40) == [rule.at(index) for index in range(40)]
    back = read_rrule(text, start=start).rule
    assert [back.at(index) for index in range(80)] == [rule.at(index) for index in range(80)]


@given(
    anchor=st.dates(min_value=datetime.date(2000, 1, 1), max_value=datetime.date(2100, 12, 31)),
    unit=st.sampled_from(Unit),
    every=st.integers(1, 5),
    days=st.sets(st.integers(1, 31), max_size=4),
    weekdays=st.sets(st.integers(0, 6), max_size=7),
)
def test_every_rule_has_the_same_dates_or_is_refused(
    anchor: datetime.date, unit: Unit, every: int, days: set[int], weekdays: set[int]
) -> None:
    monthly = unit in (Unit.MONTH, Unit.YEAR)
    rule = Recurrence(
        anchor=anchor, unit=unit, every=every, days=tuple(sorted(days)) if monthly else (),
        weekdays=tuple(sorted(weekdays)) if unit is Unit.WEEK else (),
    )  # fmt: skip
    try:
        text = rrule_of(rule=rule, count=12)
    except Invalid:
        assert sum(day >= 28 for day in rule.days) > 1
        return
    start = rule.at(0)
    assert theirs(text, start, 20) == [rule.at(index) for index in range(12)]
    read = read_rrule(text, start=start)
    assert ([read.rule.at(index) for index in range(12)], read.count) == (theirs(text, start, 12), 12)


@pytest.mark.parametrize(("day", "shift", "place"), [(31, WeekendShift.BEFORE, -1), (1, WeekendShift.AFTER, 1)])
def test_first_and_last_working_day(day: int, shift: WeekendShift, place: int) -> None:
    rule = Recurrence(anchor=datetime.date(2026, 1, 1), unit=Unit.MONTH, days=(day,))
    text = rrule_of(rule=rule, shift=shift)
    assert text == f"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS={place}"
    start = shifted(rule.at(0), shift)
    assert theirs(text, start, 30) == [shifted(rule.at(index), shift) for index in range(30)]
    read = read_rrule(text, start=start)
    assert (read.rule.days, read.shift) == ((day,), shift)


@pytest.mark.parametrize("until", [datetime.date(2026, 7, 31) + datetime.timedelta(days=each) for each in range(5)])
@pytest.mark.parametrize(("day", "shift"), [(31, WeekendShift.BEFORE), (1, WeekendShift.AFTER)])
def test_a_moved_day_ends_with_the_day_that_is_shown(day: int, shift: WeekendShift, until: datetime.date) -> None:
    rule = Recurrence(anchor=datetime.date(2026, 1, 1), unit=Unit.MONTH, days=(day,))
    start = shifted(rule.at(0), shift)
    text = f"{rrule_of(rule=rule, shift=shift)};UNTIL={until:%Y%m%d}"
    read = read_rrule(text, start=start)
    nominal = read.rule.occurrences(datetime.date(2026, 1, 1), read.until)
    assert [shifted(each, shift) for each in nominal] == theirs(text, start, 99)
    again = rrule_of(rule=read.rule, shift=shift, until=read.until)
    assert theirs(again, start, 99) == theirs(text, start, 99)


def test_other_days_off_weekends_have_no_equal() -> None:
    with pytest.raises(Invalid, match="weekends"):
        rrule_of(rule=Recurrence(anchor=START, unit=Unit.MONTH, days=(28,)), shift=WeekendShift.BEFORE)
    with pytest.raises(Invalid, match="weekends"):
        rrule_of(rule=Recurrence(anchor=START, unit=Unit.MONTH), shift=WeekendShift.AFTER)
    with pytest.raises(Invalid, match="public holidays"):
        rrule_of(rule=Recurrence(anchor=START, unit=Unit.MONTH, days=(31,)), shift=WeekendShift.BEFORE, holidays="DE")
    with pytest.raises(Invalid, match="February"):
        rrule_of(rule=Recurrence(anchor=START, unit=Unit.MONTH, days=(28, 31)))


def test_ends_are_written_and_read() -> None:
    rule = Recurrence(anchor=START, unit=Unit.WEEK)
    text = rrule_of(rule=rule, until=datetime.date(2026, 12, 31))
    assert text == "FREQ=WEEKLY;UNTIL=20261231"
    assert read_rrule(text, start=START).until == datetime.date(2026, 12, 31)
    assert read_rrule("RRULE:FREQ=WEEKLY;COUNT=5", start=START).count == 5
    outlook = read_rrule("FREQ=MONTHLY;BYDAY=SA;BYSETPOS=-1;UNTIL=20270101T000000Z;WKST=SU", start=START)
    assert (outlook.rule.weekday, outlook.until) == ((5, 5), datetime.date(2027, 1, 1))
    assert read_rrule("FREQ=MONTHLY;BYMONTHDAY=-1", start=START).rule.days == (31,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no part"),
        ("FREQ=HOURLY", "HOURLY"),
        ("FREQ=MONTHLY;BYHOUR=3", "BYHOUR"),
        ("FREQ=MONTHLY", "leaves out months"),
        ("FREQ=MONTHLY;BYMONTHDAY=31", "leaves out months"),
        ("FREQ=MONTHLY;BYMONTHDAY=-2", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=15", "not a date of the rule"),
        ("FREQ=MONTHLY;BYDAY=5SA", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=SA", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1", "BYDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=30,31;BYSETPOS=-1", "BYSETPOS"),
        ("FREQ=MONTHLY;BYMONTH=1", "BYMONTH"),
        ("FREQ=YEARLY;BYMONTH=1,7", "BYMONTH"),
        ("FREQ=WEEKLY;BYDAY=MO,TH", "not a date of the rule"),
        ("FREQ=WEEKLY;BYDAY=1MO", "MO,TH"),
        ("FREQ=WEEKLY;BYDAY=MO", "not a date of the rule"),
        ("FREQ=DAILY;BYDAY=SA", "BYDAY"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=99999", "INTERVAL"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20270101", "not by both"),
        ("FREQ=DAILY;UNTIL=20250101", "before the first"),
        ("FREQ=DAILY;UNTIL=2025", "UNTIL"),
        ("FREQ=DAILY;FREQ=DAILY", "no part"),
        ("FREQ=DAILY;" + "X" * 600, "characters"),
    ],
)
def test_what_has_no_equal_is_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        read_rrule(text, start=START)
    assert "rrule" in refused.value.fields


def test_a_leap_day_of_calendars_is_not_ours() -> None:
    with pytest.raises(Invalid, match="leaves out"):
        read_rrule("FREQ=YEARLY", start=datetime.date(2024, 2, 29))


@given(st.text(max_size=300))
def test_lines_are_folded_at_75_octets_and_unfold_to_themselves(text: str) -> None:
    line = "SUMMARY:" + escaped(text)
    pieces = folded(line).removesuffix("\r\n").split("\r\n")
    assert all(len(piece.encode("utf-8", "surrogatepass")) <= 75 for piece in pieces)
    assert pieces[0] + "".join(piece.removeprefix(" ") for piece in pieces[1:]) == line


def test_a_calendar_with_its_escapes() -> None:
    event = Event(uid="a@b", date=START, summary="Rent; \\ flat, 2nd\nfloor\x07", description="x", rrule="FREQ=DAILY")
    stamp = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
    text = "".join(calendar_lines([event], name="Home", stamp=stamp))
    assert "SUMMARY:Rent\\; \\\\ flat\\, 2nd\\nfloor\r\n" in text
    assert "DTSTART;VALUE=DATE:20260131\r\nRRULE:FREQ=DAILY\r\n" in text
    assert text.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert text.endswith("END:VEVENT\r\nEND:VCALENDAR\r\n")
    read = read_event(text)
    assert (read.summary, read.date, read.rrule) == ("Rent; \\ flat, 2nd\nfloor", START, "FREQ=DAILY")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", "0 events"),
        ("BEGIN:VEVENT\nEND:VEVENT\nBEGIN:VEVENT\nEND:VEVENT", "2 events"),
        ("BEGIN:VEVENT\nDTSTART:20260101\nEXDATE:20260201\nEND:VEVENT", "EXDATE"),
        ("BEGIN:VEVENT\nDTSTART:tomorrow\nEND:VEVENT", "DTSTART"),
        ("BEGIN:VEVENT\nDTSTART:20260101\n", "VEVENT has no end"),
        ("END:VEVENT", "without its beginning"),
        ("BEGIN:VEVENT\nRRULE:FREQ=DAILY\nRRULE:FREQ=DAILY\nEND:VEVENT", "RRULE"),
        ("x" * 100_001, "characters"),
    ],
)
def test_files_that_are_no_single_event(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        read_event(text)


def test_an_event_of_another_program_with_an_alarm() -> None:
    text = (
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY;LANGUAGE=en:Insurance of the\r\n  car\r\n"
        "DTSTART;TZID=Europe/Berlin:20260115T090000\r\nRRULE:FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=15\r\n"
        "BEGIN:VALARM\r\nSUMMARY:Wake up\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    read = read_event(text)
    assert (read.summary, read.date) == ("Insurance of the car", datetime.date(2026, 1, 15))
    assert read_rrule(read.rrule, start=read.date).rule.every == 3
