"""Backfilling and recomputing insights as long operations: the same figures as the command, in steps."""

import datetime

import pytest

from insights.models import Backfill, Insight
from insights.operations import BackfillRefused
from platform_outbox.operations.registry import operation_named, read
from platform_outbox.operations.runs import OperationCancelled, TerminalRun

LIMITS = {"rule": "unusual_amount", "since": "2025-09-01", "until": "2025-12-31"}


@pytest.fixture
def past(book, every_month, spend, clock):
    """A book with one unusual bill last December."""
    for month in range(1, 9):
        spend(80_00, payee="Stadtwerke", on=datetime.date(2025, month, 3))
    every_month(80_00, payee="Stadtwerke")
    spend(320_00, payee="Stadtwerke", on=datetime.date(2025, 12, 20))
    return book


class Steps(TerminalRun):
    def __init__(self, *, dry_run=False, cancel_after=None, kept=None):
        super().__init__(by="Olga", dry_run=dry_run, write=lambda line: None, quiet=True)
        self.kept = dict(kept or {})
        self.steps = 0
        self.total = None
        self.cancel_after = cancel_after

    def expect(self, total, *, unit=""):
        self.total = total

    def advance(self, steps=1):
        self.steps += steps
        if self.steps == self.cancel_after:
            raise OperationCancelled


def carry_out(name, run, **given):
    operation = operation_named(name)
    return operation.function(read(operation.parameters, given), run)


def test_each_month_is_a_step_and_the_result_counts(past):
    run = Steps()
    assert carry_out("insights.backfill", run, book=past.pk, **LIMITS) == {"unusual_amount": "1 found, 1 new"}
    assert run.steps == run.total == 4
    assert Insight.objects.get().kind == "unusual_amount"
    assert carry_out("insights.backfill", Steps(), book=past.pk, **LIMITS) == {"unusual_amount": "1 found, 0 new"}


def test_a_cancelled_backfill_goes_on_at_its_first_unfinished_month(past):
    with pytest.raises(OperationCancelled):
        carry_out("insights.backfill", Steps(cancel_after=2), book=past.pk, **LIMITS)
    assert Backfill.objects.get().position == datetime.date(2025, 11, 1)
    goes_on = Steps()
    assert carry_out("insights.backfill", goes_on, book=past.pk, **LIMITS) == {"unusual_amount": "1 found, 1 new"}
    assert goes_on.steps == 2


def test_rules_that_are_through_are_passed_over(past):
    run = Steps(kept={"figures": {"unusual_amount": "1 found, 1 new"}})
    figures = carry_out("insights.backfill", run, book=past.pk, since="2025-09-01", until="2025-12-31")
    assert figures["unusual_amount"] == "1 found, 1 new"
    assert len(figures) == 5
    assert not Insight.objects.filter(kind="unusual_amount").exists()


def test_a_dry_run_raises_nothing(past):
    assert carry_out("insights.backfill", Steps(dry_run=True), book=past.pk, **LIMITS) == {
        "unusual_amount": "1 found, 0 new"
    }
    assert not Insight.objects.exists()
    assert not Backfill.objects.exists()


def test_recomputing_looks_at_the_season_that_is_news(past):
    figures = carry_out("insights.recompute", Steps(), book=past.pk)
    assert figures["unusual_amount"] == "1 found, 1 new"
    assert sorted(figures) == sorted(
        ["category_above_usual", "low_balance_ahead", "possible_duplicate", "subscription_price_rise", "unusual_amount"]
    )


def test_what_cannot_be_done_is_told_in_a_sentence(past, settings):
    with pytest.raises(BackfillRefused, match="There is no book 987654321"):
        carry_out("insights.backfill", Steps(), book=987654321)
    with pytest.raises(BackfillRefused, match="is after the last"):
        carry_out("insights.backfill", Steps(), book=past.pk, since="2026-01-02", until="2026-01-01")
    settings.ENABLE_INSIGHTS = False
    with pytest.raises(BackfillRefused, match="switched off"):
        carry_out("insights.recompute", Steps(), book=past.pk)
