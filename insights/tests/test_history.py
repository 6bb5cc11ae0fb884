"""Backfills and previews: rules over the past."""

import datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from insights import history
from insights.models import Backfill, Insight
from insights.rules.thresholds import ThresholdsInvalid
from insights.services import dismiss, evaluate
from insights.tests.conftest import NOW

pytestmark = pytest.mark.django_db

ON = datetime.date(2026, 3, 15)


@pytest.fixture
def past(book, every_month, spend, clock):
    """A year in which a bill was unusual in December and a gym was paid twice over the turn of a month."""
    for month in range(1, 9):
        spend(80_00, payee="Stadtwerke", on=datetime.date(2025, month, 3))
    every_month(80_00, payee="Stadtwerke")
    spend(320_00, payee="Stadtwerke", on=datetime.date(2025, 12, 20))
    for date in ("2025-10-30", "2025-10-31", "2025-11-02"):
        spend(49_90, payee="Gym", on=datetime.date.fromisoformat(date))
    spend(90_00, payee="Dentist", on=ON)
    return book


def _backfill(book, *arguments):
    out = StringIO()
    call_command("backfill_insights", f"--book={book.pk}", *arguments, stdout=out)
    return out.getvalue()


def _rows():
    return list(Insight.objects.order_by("dedup_key").values())


def test_a_backfill_finds_what_was_and_keeps_it_as_passed(past):
    told = _backfill(past, "--rule=unusual_amount", "--rule=possible_duplicate")

    assert told == (
        "unusual_amount: 1 found from 2025-01-03 to 2026-03-15, 1 of them are new.\n"
        "possible_duplicate: 1 found from 2025-01-03 to 2026-03-15, 0 of them are new.\n"
    )
    found = {row.kind: row for row in Insight.objects.all()}
    # The books end in March: December is still of this season, October is not.
    assert found["unusual_amount"].state == "new"
    assert found["possible_duplicate"].state == "expired"
    assert found["possible_duplicate"].evidence.count() == 3


def test_a_backfill_twice_changes_nothing(past):
    _backfill(past)
    before = _rows()
    _backfill(past)
    assert _rows() == before


def test_a_backfill_says_what_evaluating_says(past, spend):
    ids = list(past.entries.values_list("pk", flat=True))
    evaluate(book_id=past.pk, entry_ids=ids, now=NOW)
    evaluated = {row.dedup_key: row.params for row in Insight.objects.open()}
    assert evaluated
    Insight.objects.all().delete()
    _backfill(past)
    assert {row.dedup_key: row.params for row in Insight.objects.open()} == evaluated


def test_evaluating_and_backfilling_in_turn_agree(past):
    ids = list(past.entries.values_list("pk", flat=True))
    evaluate(book_id=past.pk, entry_ids=ids, now=NOW)
    before = _rows()
    _backfill(past, f"--from={ON - datetime.timedelta(days=60)}")
    assert _rows() == before


def test_a_dry_run_tells_and_writes_nothing(past):
    told = _backfill(past, "--rule=unusual_amount", "--dry-run")
    assert told == (
        "unusual_amount: 1 would be raised from 2025-01-03 to 2026-03-15.\n"
        "  Stadtwerke took €320.00 on Dec 20, 2025; usually about €80 (median of 12 payments).\n"
    )
    assert not Insight.objects.exists()
    assert not Backfill.objects.exists()


def test_a_stopped_backfill_goes_on_at_its_first_unfinished_month(past):
    limits = {
        "book_id": past.pk,
        "kind": "unusual_amount",
        "since": datetime.date(2025, 1, 3),
        "until": ON,
    }
    steps = history.backfill(**limits, clock=lambda: NOW)
    done = [next(steps).month for _ in range(10)]
    steps.close()  # somebody pressed Ctrl-C
    assert done[-1] == datetime.date(2025, 10, 1)
    assert history.remaining_steps(**limits) == 5

    rest = [step.month for step in history.backfill(**limits, clock=lambda: NOW)]

    assert rest[0] == datetime.date(2025, 11, 1)
    assert Insight.objects.count() == 1
    assert Backfill.objects.get().finished_at == NOW
    assert history.remaining_steps(**limits) == 15


def test_a_backfill_does_not_wake_what_was_dismissed(past, owner):
    _backfill(past)
    insight = Insight.objects.get(kind="unusual_amount")
    dismiss(insight=insight, actor=owner, now=NOW)
    _backfill(past)
    insight.refresh_from_db()
    assert insight.state == "dismissed"


def test_what_was_ahead_on_a_day_of_the_past_is_no_news_today(book, owner, every_month, spend, accounts, ledger, clock):
    every_month(900_00, payee="Landlord", day=28, category=accounts.rent)
    ledger.post_entry(
        book=book, actor=owner, date=datetime.date(2025, 9, 1), payee="Gift",
        lines=[
            ledger.LineDraft(account_id=accounts.checking.pk, amount=4_600_00),
            ledger.LineDraft(account_id=accounts.salary.pk, amount=-4_600_00),
        ],
    )  # fmt: skip
    ledger.post_entry(
        book=book, actor=owner, date=datetime.date(2026, 3, 10), payee="Bonus",
        lines=[
            ledger.LineDraft(account_id=accounts.checking.pk, amount=9_000_00),
            ledger.LineDraft(account_id=accounts.salary.pk, amount=-9_000_00),
        ],
    )  # fmt: skip
    _backfill(book, "--rule=low_balance_ahead")
    assert set(Insight.objects.values_list("kind", "state")) == {("low_balance_ahead", "expired")}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--book=0"], "There is no book 0."),
        (["--from=2026-02-02", "--to=2026-01-01"], "The first day (2026-02-02) is after the last (2026-01-01)."),
    ],
)
def test_what_cannot_be_backfilled_is_refused_in_a_sentence(past, arguments, said):
    with pytest.raises(CommandError) as refused:
        _backfill(past, *arguments)
    assert str(refused.value) == said


def test_switched_off_nothing_is_backfilled(past, settings):
    settings.ENABLE_INSIGHTS = False
    with pytest.raises(CommandError, match="switched off"):
        _backfill(past)


def test_a_preview_compares_other_thresholds_with_those_that_are_set(past):
    limits = {"book_id": past.pk, "kind": "unusual_amount", "on": ON}
    as_set = history.preview(**limits, thresholds={})
    strict = history.preview(**limits, thresholds={"times_percent": 500})
    assert (as_set.count, as_set.count_as_set) == (1, 1)
    assert (strict.count, strict.count_as_set) == (0, 1)
    assert as_set.findings[0].subject_date == datetime.date(2025, 12, 20)
    assert history.preview(**limits, thresholds={}, months=2).count == 0
    assert not Insight.objects.exists()


def test_a_preview_refuses_thresholds_that_do_not_exist(past):
    with pytest.raises(ThresholdsInvalid):
        history.preview(book_id=past.pk, kind="unusual_amount", on=ON, thresholds={"x": 1})


@pytest.mark.parametrize(
    "kind", ["possible_duplicate", "subscription_price_rise", "category_above_usual", "low_balance_ahead"]
)
def test_every_rule_can_be_previewed(past, kind):
    shown = history.preview(book_id=past.pk, kind=kind, on=ON, thresholds={})
    assert shown.count == shown.count_as_set == len(shown.findings)
