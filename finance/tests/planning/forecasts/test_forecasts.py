"""Forecasts of a book: what they are made of, that they are kept, and how they are scored."""

import datetime

import pytest

from finance import forecasts
from finance.errors import NotFound
from finance.events.plans import ForecastAccountSet, ForecastMade, ForecastScored
from finance.forecasts import book_forecast, make_forecast, score_forecasts
from finance.models import Forecast, ForecastPoint
from finance.planning.forecast import selectors, services
from finance.planning.forecast.bands import HORIZONS, Basis
from finance.planning.recurrence import Unit
from finance.planning.schedules import services as schedules
from finance.planning.schedules.definition import CounterLine
from finance.planning.upcoming import Layer
from finance.tests.planning.forecasts.conftest import TODAY
from finance.tests.planning.schedules.conftest import plan  # noqa: F401 (a fixture)

# ruff: noqa: F811 (plan is a fixture)
pytestmark = pytest.mark.django_db
ONE_DAY = datetime.timedelta(days=1)


@pytest.fixture
def checking(book, accounts):
    def run(today=TODAY, days=400):
        return book_forecast(book=book, today=today, days=days).of(accounts.checking.pk)

    return run


def test_fct_04_entries_that_are_dated_ahead_are_a_second_figure(fund, post, accounts, checking):
    fund(1_000_00)
    for number in range(1, 11):
        post(100_00, to=accounts.groceries, source=accounts.checking, on=TODAY + 7 * number * ONE_DAY)
    found = checking()
    assert (found.projection.holding.balance, found.with_entered) == (1_000_00, 0)
    assert found.projection.expected[69:71] == [100_00, 0]
    assert found.projection.layer(Layer.ENTERED, day=400) == -1_000_00


def test_usual_spending_is_a_layer_and_income_is_only_told(year_of_groceries, checking, book):
    found = checking()
    # Four or five Fridays a month: the median of twelve months.
    assert found.learned.habit.monthly == -100_00
    assert found.learned.income == 2_000_00
    assert found.projection.layer(Layer.HABIT, day=400) < -1_200_00
    assert found.learned.habitual[90].basis is Basis.HISTORY
    assert found.band.basis is Basis.STRETCHED  # a year ahead
    assert found.band.low[90] < found.projection.expected[90] < found.band.high[90] + 1
    # Usual days are Fridays.
    falls = [day for day in range(1, 60) if found.projection.expected[day] != found.projection.expected[day - 1]]
    assert {found.projection.date(day).weekday() for day in falls} == {4}


def test_what_plans_cover_is_no_habit(year_of_groceries, book, accounts, monkeypatch):
    def learned(**covers):
        planned = selectors.Planned(**covers)
        return selectors.learn_from_past(book=book, account_ids=[accounts.checking.pk], today=TODAY, planned=planned)

    assert learned()[accounts.checking.pk].habit.monthly == -100_00
    by_payee = learned(payees=frozenset({"market"}))[accounts.checking.pk]
    by_category = learned(categories=frozenset({accounts.groceries.pk}))[accounts.checking.pk]
    assert (by_payee.habit.monthly, by_category.habit.monthly, by_payee.income) == (0, 0, 2_000_00)


def test_transfers_and_card_payments_are_no_habit(fund, post, accounts, checking):
    fund(9_000_00, on=TODAY - 400 * ONE_DAY)
    for month in range(1, 12):
        post(100_00, to=accounts.card, source=accounts.checking, on=TODAY - 30 * month * ONE_DAY)
        post(50_00, to=accounts.savings, source=accounts.checking, on=TODAY - 30 * month * ONE_DAY)
    assert checking().learned.habit.monthly == 0


def test_cold_start_says_so(fund, checking):
    fund(400_00)
    found = checking()
    assert (found.learned.habit, found.band) == (None, None)
    assert found.projection.expected == [400_00] * 401


def test_floors_and_accounts_left_out(book, owner, accounts, fund, outbox):
    fund(100_00)
    services.change_account(account=accounts.checking, actor=owner, floor=-500_00)
    services.change_account(account=accounts.savings, actor=owner, included=False)
    services.change_account(account=accounts.checking, actor=owner, included=True)
    assert next(event.account_id for event in outbox.of(ForecastAccountSet)) == accounts.checking.pk
    found = book_forecast(book=book, today=TODAY)
    assert found.of(accounts.checking.pk).projection.holding.floor == -500_00
    assert found.of(accounts.card.pk).projection.holding.floor is None
    assert found.totals()["EUR"].safe_to_spend() == 600_00
    with pytest.raises(NotFound):
        found.of(accounts.savings.pk)
    with pytest.raises(NotFound):
        services.change_account(account=accounts.groceries, actor=owner, floor=0)


def test_a_forecast_is_kept_once_a_day_and_scored_when_its_days_are_over(
    year_of_groceries, book, owner, accounts, post, outbox
):
    made = make_forecast(book=book, today=TODAY)
    made = make_forecast(book=book, today=TODAY)
    assert Forecast.objects.get() == made
    points = ForecastPoint.objects.filter(account=accounts.checking).order_by("horizon")
    assert [point.horizon for point in points] == list(HORIZONS)
    assert all(point.expected == point.start + point.planned + point.habitual for point in points)
    assert [point.rests_on for point in points] == [*["history"] * 3, *["stretched"] * 2]
    assert points[0].low <= points[0].expected <= points[0].high
    # A surprise, within the week.
    post(70_00, to=accounts.rent, source=accounts.checking, on=TODAY + 2 * ONE_DAY, payee="Plumber")
    assert score_forecasts(book=book, today=TODAY + 7 * ONE_DAY) == 0
    later = TODAY + 8 * ONE_DAY
    assert score_forecasts(book=book, today=later) == 4
    assert score_forecasts(book=book, today=later) == 0
    point = points.get(horizon=7)
    assert (point.actual, point.actual_planned) == (point.start - 70_00, 0)
    [scored] = selectors.scores_of(book=book, account_ids=[accounts.checking.pk], today=later)[accounts.checking.pk]
    assert (scored.horizon, scored.forecasts, scored.mean_error) == (7, 1, abs(-70_00 - point.habitual))
    errors = selectors.scored_errors(book=book, today=later)[accounts.checking.pk]
    assert errors[0][7] == [0]
    assert errors[1][7] == [-70_00 - point.habitual]
    assert [event.points for event in outbox.of(ForecastScored)] == [4]
    assert len(outbox.of(ForecastMade)) == 2


def test_pages_use_what_the_newest_forecast_learned(
    year_of_groceries, book, django_assert_num_queries, monkeypatch, accounts
):
    make_forecast(book=book, today=TODAY)
    monkeypatch.setattr(selectors, "learn_from_past", None)
    tomorrow = TODAY + ONE_DAY
    found = book_forecast(book=book, today=tomorrow)
    assert (found.learned_on, found.of(accounts.checking.pk).learned.habit.monthly) == (TODAY, -100_00)
    with pytest.raises(TypeError):
        book_forecast(book=book, today=TODAY + 8 * ONE_DAY)


def test_queries_do_not_grow_with_accounts_or_entries(book, fund, accounts, post, django_assert_num_queries):
    fund(100_00)
    make_forecast(book=book, today=TODAY)
    with django_assert_num_queries(12):
        book_forecast(book=book, today=TODAY)
    for number in range(5):
        post(1_00, to=accounts.groceries, source=accounts.checking, on=TODAY + number * ONE_DAY)
    with django_assert_num_queries(12):
        book_forecast(book=book, today=TODAY)


def test_a_source_tells_what_is_expected(book, accounts, monkeypatch):
    asked = []

    def upcoming(outlook):
        asked.append((outlook.book, outlook.today, outlook.last))
        return []

    monkeypatch.setattr(forecasts, "SOURCES", (forecasts.Source(name="test", upcoming=upcoming),))
    book_forecast(book=book, today=TODAY, days=30)
    assert asked == [(book, TODAY, TODAY + 30 * ONE_DAY)]


@pytest.mark.parametrize("early", [0, 2])
def test_fct_01_an_occurrence_that_came_is_not_expected_again(early, plan, post, fund, accounts, owner, checking):
    fund(500_00)
    salary = plan(2_000_00, "2026-03-15", name="Salary", category=accounts.salary)
    entry = post(2_000_00, to=accounts.checking, source=accounts.salary, on=TODAY - early * ONE_DAY)
    schedules.link_entry(schedule=salary, nominal=TODAY, entry=entry, actor=owner)
    found = checking().projection
    assert (found.holding.balance, found.expected[0], found.expected[30]) == (2_500_00, 2_500_00, 2_500_00)
    assert found.expected[31] == 4_500_00


def test_fct_02_a_split_payment_counts_once(plan, fund, accounts, checking):
    fund(10_000_00)
    lines = (
        CounterLine(account_id=accounts.rent.pk, amount=700_00),
        CounterLine(account_id=accounts.groceries.pk, amount=50_00),
        CounterLine(account_id=accounts.restaurants.pk, amount=2_22),
    )
    plan(-752_22, "2026-03-20", lines=lines, count=1)
    assert checking().projection.expected[5] == 9_247_78


def test_what_a_schedule_expects_was_no_habit_before_it_was_written_down(year_of_groceries, plan, accounts, checking):
    assert checking().learned.habit.monthly == -100_00
    plan(-25_00, "2026-03-20", unit=Unit.WEEK, name="Market", category=accounts.groceries)
    assert checking().learned.habit.monthly == 0
