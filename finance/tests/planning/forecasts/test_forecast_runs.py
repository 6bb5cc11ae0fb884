"""Who makes forecasts: the day that begins, operations that can be stopped, and commands."""

import datetime
import io

import pytest
from django.core.management import call_command
from django.utils import timezone

from core.clock import today_in
from finance import forecasts
from finance.events.plans import DayBegan
from finance.handlers import forecast_day
from finance.ledger import services as ledger
from finance.models import Forecast, ForecastPoint
from finance.operations import OneOrAllBooks, recompute_forecasts
from finance.tests.planning.forecasts.conftest import TODAY
from platform_outbox.models import OutboxMessage
from platform_outbox.operations.runs import OperationCancelled, TerminalRun

pytestmark = pytest.mark.django_db
ONE_DAY = datetime.timedelta(days=1)


@pytest.fixture
def other(stranger):
    return ledger.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")


def test_the_day_that_begins_scores_and_makes_forecasts_of_its_books(book, other, fund):
    fund(100_00, on=TODAY - 30 * ONE_DAY)
    for days in (0, 8):
        date = TODAY + days * ONE_DAY
        for each in (book, other):
            forecast_day(DayBegan(book_id=each.pk, date=date), None)
    assert Forecast.objects.filter(book=book).count() == 2
    assert Forecast.objects.filter(book=other).count() == 2
    scored = ForecastPoint.objects.filter(book=book, actual__isnull=False)
    assert set(scored.values_list("horizon", "actual")) >= {(7, 100_00)}
    # The same event again, as after a crash, changes and announces nothing.
    kept = list(Forecast.objects.filter(book=book).values_list("pk", "made_at"))
    announced = OutboxMessage.objects.count()
    forecast_day(DayBegan(book_id=book.pk, date=TODAY + 8 * ONE_DAY), None)
    assert list(Forecast.objects.filter(book=book).values_list("pk", "made_at")) == kept
    assert OutboxMessage.objects.count() == announced


def test_a_book_that_fails_keeps_nothing_and_stops_no_other(book, other, fund, monkeypatch):
    """Each book's day is a call and a transaction of its own: what the failed one scored is undone with it."""
    fund(100_00, on=TODAY - 30 * ONE_DAY)
    for each in (book, other):
        forecast_day(DayBegan(book_id=each.pk, date=TODAY), None)

    def failing(**given):
        raise RuntimeError("This book is broken.")

    date = TODAY + 8 * ONE_DAY
    with monkeypatch.context() as broken:
        broken.setattr(forecasts, "make_forecast", failing)
        with pytest.raises(RuntimeError):
            forecast_day(DayBegan(book_id=book.pk, date=date), None)
    forecast_day(DayBegan(book_id=other.pk, date=date), None)
    assert not ForecastPoint.objects.filter(book=book, actual__isnull=False).exists()
    assert set(Forecast.objects.filter(made_on=date).values_list("book", flat=True)) == {other.pk}


def test_a_book_without_accounts_has_no_forecast(owner):
    empty = ledger.create_book(owner=owner, name="Empty", base_currency="EUR", time_zone="UTC", template=None)
    forecast_day(DayBegan(book_id=empty.pk, date=TODAY), None)
    assert not Forecast.objects.exists()


def test_a_stopped_run_goes_on_with_the_next_book(book, other):
    asked = iter([True])
    stopped = TerminalRun(by="test", write=str, quiet=True, stopping=lambda: next(asked, False))
    with pytest.raises(OperationCancelled):
        recompute_forecasts(OneOrAllBooks(book=None), stopped)
    assert (stopped.kept, Forecast.objects.count()) == ({"through": book.pk, "made": 1}, 1)
    again = TerminalRun(by="test", write=str, quiet=True)
    again.kept = stopped.kept
    assert recompute_forecasts(OneOrAllBooks(book=None), again) == {"forecasts": 2}
    assert Forecast.objects.filter(book=other).count() == 1


def test_commands(book, other, fund):
    out = io.StringIO()
    call_command("recompute_forecasts", "--book", str(book.pk), stdout=out, verbosity=0)
    Forecast.objects.update(made_on=today_in(book) - 8 * ONE_DAY, made_at=timezone.now() - 8 * ONE_DAY)
    ForecastPoint.objects.filter(horizon=7).update(date=today_in(book) - ONE_DAY)
    call_command("score_forecasts", stdout=out, verbosity=0)
    for _again in range(2):
        call_command("recompute_forecasts", "--missing", stdout=out, verbosity=0)
    assert out.getvalue().splitlines() == [
        "1 books, 1 forecasts made.", "2 books, 4 figures compared.",
        "2 books, 2 forecasts made.", "2 books, 0 forecasts made.",
    ]  # fmt: skip


def test_a_forecast_goes_with_its_book(book, fund, owner):
    forecast_day(DayBegan(book_id=book.pk, date=TODAY), None)
    assert ForecastPoint.objects.exists()
    Forecast.objects.filter(book=book).delete()
    assert not ForecastPoint.objects.exists()
