"""Valuables: appraisals and depreciation, posted against an account of equity."""

import datetime
from decimal import Decimal

import pytest
import time_machine

from finance.errors import Conflict, Invalid, PeriodClosedError
from finance.ledger import services as ledger
from finance.ledger.models import Account, JournalEntry
from finance.ledger.selectors import accounts_of, balance_of
from finance.periodic import depreciation
from finance.tests.conftest import TODAY
from finance.tests.valuation.conftest import days_before
from finance.valuation import services
from finance.valuation.depreciation import PercentPlan, StraightPlan, month_days
from finance.valuation.models import AssetValue
from finance.valuation.net_worth import wealth
from finance.valuation.selectors import values_page
from finance.web.spending import category_months

pytestmark = pytest.mark.django_db


@pytest.fixture
def car(hold):
    return hold("EUR", 5_000_00, kind="property", name="Car", on=datetime.date(2025, 1, 31))


@pytest.fixture
def appraise(owner):
    def run(account, value, *, on=TODAY, **options):
        return services.appraise(account=account, actor=owner, date=on, value=value, **options)

    return run


def held(account, on=TODAY):
    return balance_of(account=account, as_of=on)


def values(account):
    return {row.row.date: (row.row.value, row.held) for row in values_page(account=account)[0]}


def run_job():
    class Run:
        def renew(self):
            pass

    depreciation(Run())


@pytest.fixture
def on_day():
    """on_day(date): for the length of a block that day is today."""
    return lambda day: time_machine.travel(
        datetime.datetime.combine(day, datetime.time(12), tzinfo=datetime.UTC), tick=False
    )


def test_a_loss_of_value_is_no_spending_and_leaves_no_other_account_richer(book, car, appraise):
    """REP-24: a car of 5,000.00 loses 1,000.00."""
    before = wealth(book=book, accounts=accounts_of(book=book), today=TODAY).now
    row = appraise(car, 4_000_00, note="Dealer's offer")
    assert (held(car), wealth(book=book, accounts=accounts_of(book=book), today=TODAY).now) == (
        4_000_00,
        before - 1_000_00,
    )
    against = Account.objects.get(book=book, kind="valuation", currency="EUR")
    assert (against.type, held(against)) == ("equity", 1_000_00)
    assert (row.entry.source, row.entry.description) == ("valuation", "Dealer's offer")
    assert not category_months(book=book, month=TODAY.replace(day=1))


def test_two_per_cent_a_month_rounded_monthly():
    """REP-24: 30,000.00 are 14,496.41 after 36 months."""
    plan, balance = PercentPlan(percent=Decimal(2)), 30_000_00
    for month in range(1, 37):
        balance -= plan.loss(start=30_000_00, month=month, balance=balance)
    assert balance == 14_496_41


def test_equal_parts_sum_to_the_whole_and_end():
    plan, balance = StraightPlan(months=7, residual=1_00), 10_00
    parts = []
    for month in range(1, 10):
        parts.append(plan.loss(start=10_00, month=month, balance=balance))
        balance -= parts[-1]
    assert (sum(parts), balance, parts[7:]) == (9_00, 1_00, [0, 0])
    assert max(parts[:7]) - min(parts[:7]) <= 1


def test_the_31st_comes_back_after_short_months():
    days = month_days(datetime.date(2026, 1, 31), until=datetime.date(2026, 4, 30))
    assert [day.isoformat()[5:] for day in days] == ["02-28", "03-31", "04-30"]


def test_months_that_are_over_are_posted_at_once_and_the_rest_by_the_job(book, owner, car, appraise, on_day):
    appraise(car, 30_000_00, on=datetime.date(2025, 11, 30))
    services.plan_depreciation(account=car, actor=owner, percent=Decimal(2))
    assert values(car) == {
        datetime.date(2025, 11, 30): (30_000_00, 30_000_00),
        datetime.date(2025, 12, 30): (29_400_00, 29_400_00),
        datetime.date(2026, 1, 30): (28_812_00, 28_812_00),
        datetime.date(2026, 2, 28): (28_235_76, 28_235_76),
    }
    run_job()
    assert len(values(car)) == 4
    with on_day(datetime.date(2026, 4, 30)):
        run_job()
        run_job()
    assert values(car)[datetime.date(2026, 4, 30)] == (27_117_62, 27_117_62)
    assert JournalEntry.objects.filter(book=book, source="valuation").count() == 6


def test_an_earlier_appraisal_leaves_later_ones_as_they_are(car, appraise):
    appraise(car, 4_000_00, on=days_before(10))
    appraise(car, 4_500_00, on=days_before(20))
    appraise(car, 4_600_00, on=days_before(20))
    assert (held(car, days_before(20)), held(car, days_before(11)), held(car)) == (4_600_00, 4_600_00, 4_000_00)


def test_an_appraisal_that_is_taken_back_leaves_what_was_before(book, owner, car, appraise):
    row = appraise(car, 4_000_00, on=days_before(10))
    services.remove_appraisal(value=row, actor=owner)
    assert (held(car), values(car)) == (5_000_00, {})


def test_without_any_appraisal_there_is_no_depreciation(owner, car, appraise):
    row = appraise(car, 4_000_00, on=datetime.date(2026, 1, 1))
    services.plan_depreciation(account=car, actor=owner, months=12)
    services.remove_appraisal(value=row, actor=owner)
    run_job()
    assert (held(car), values(car)) == (5_000_00, {})


def test_a_purchase_on_the_account_shows_where_the_books_differ_until_they_are_brought_up_to_date(
    car, accounts, owner, appraise, post
):
    appraise(car, 4_000_00, on=days_before(10))
    post({car: 300_00, accounts.checking: -300_00}, on=days_before(20), payee="New engine")
    assert values(car)[days_before(10)] == (4_000_00, 4_300_00)
    services.bring_up_to_date(account=car, actor=owner)
    assert values(car)[days_before(10)] == (4_000_00, 4_000_00)
    post({car: 200_00, accounts.checking: -200_00}, on=days_before(5), payee="Radio")
    assert held(car) == 4_200_00


def test_an_entry_that_somebody_deleted_is_posted_again_only_when_asked(owner, car, appraise):
    row = appraise(car, 4_000_00, on=days_before(10))
    ledger.reverse_entry(entry=row.entry, actor=owner, on=TODAY)
    assert values(car)[days_before(10)] == (4_000_00, 5_000_00)
    services.bring_up_to_date(account=car, actor=owner)
    assert held(car) == 4_000_00


def test_a_value_before_the_first_entry_is_asked_about(hold, car, appraise):
    """What was opened with 5,000.00 in January would be worth that much more."""
    with pytest.raises(Invalid, match=r"Car begins on Jan 31, 2025 in the books"):
        appraise(car, 1_000_00, on=datetime.date(2024, 12, 31))
    ring = hold("EUR", kind="property", name="Ring")
    appraise(ring, 2_000_00, on=days_before(5))
    appraise(ring, 1_500_00, on=days_before(50))
    assert (held(ring, days_before(6)), held(ring)) == (1_500_00, 2_000_00)


def test_a_new_appraisal_begins_the_depreciation_anew(owner, car, appraise):
    appraise(car, 12_000_00, on=datetime.date(2025, 10, 15))
    services.plan_depreciation(account=car, actor=owner, months=12, residual=0)
    assert held(car) == 7_000_00
    appraise(car, 6_000_00, on=datetime.date(2026, 1, 1))
    assert {day.isoformat(): value for day, (value, _held) in values(car).items() if day.year == 2026} == {
        "2026-01-01": 6_000_00, "2026-02-01": 5_500_00, "2026-03-01": 5_000_00,
    }  # fmt: skip
    services.stop_depreciation(account=car, actor=owner)
    run_job()
    assert held(car) == 5_000_00


def test_another_plan_replaces_the_months_since_the_last_appraisal(owner, car, appraise):
    appraise(car, 1_000_00, on=datetime.date(2026, 1, 1))
    services.plan_depreciation(account=car, actor=owner, percent=Decimal(10))
    assert held(car) == 810_00
    services.plan_depreciation(account=car, actor=owner, months=1, residual=400_00)
    assert (held(car), len(values(car))) == (400_00, 2)


def test_closed_periods_stay_as_they_are_and_the_next_value_takes_up_the_difference(
    book, owner, car, appraise, accounts, post
):
    appraise(car, 4_000_00, on=days_before(40))
    appraise(car, 3_000_00, on=days_before(5))
    ledger.close_period(book=book, actor=owner, through=days_before(30))
    with pytest.raises(PeriodClosedError):
        appraise(car, 4_500_00, on=days_before(40))
    with pytest.raises(PeriodClosedError):
        services.remove_appraisal(value=AssetValue.objects.get(account=car, date=days_before(40)), actor=owner)
    post({car: 100_00, accounts.checking: -100_00}, on=days_before(20))
    services.bring_up_to_date(account=car, actor=owner)
    assert (held(car, days_before(40)), held(car)) == (4_000_00, 3_000_00)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"percent": Decimal(2), "months": 12}, "percent"),
        ({}, "percent"),
        ({"percent": Decimal(100)}, "percent"),
        ({"percent": Decimal("0.00001")}, "percent"),
        ({"months": 0}, "months"),
        ({"months": 601}, "months"),
        ({"months": 12, "residual": -1}, "residual"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_by_field(owner, car, appraise, given, field):
    appraise(car, 4_000_00)
    with pytest.raises(Invalid) as caught:
        services.plan_depreciation(account=car, actor=owner, **given)
    assert set(caught.value.fields) == {field}


def test_what_cannot_be_appraised_is_refused(owner, accounts, car, appraise):
    with pytest.raises(Conflict, match="Checking account is not a valuable"):
        appraise(accounts.checking, 1)
    with pytest.raises(Invalid) as caught:
        appraise(car, -1)
    assert set(caught.value.fields) == {"value"}
    with pytest.raises(Invalid) as caught:
        appraise(car, 1, on=TODAY + datetime.timedelta(days=1))
    assert set(caught.value.fields) == {"date"}
    with pytest.raises(Conflict, match="depreciation begins there"):
        services.plan_depreciation(account=car, actor=owner, months=12)
    assert held(car) == 5_000_00


def test_values_page_by_day(car, appraise, django_assert_max_num_queries):
    for back in range(7):
        appraise(car, back * 100, on=days_before(back))
    first, following = values_page(account=car, limit=5)
    with django_assert_max_num_queries(3):
        rest, end = values_page(account=car, before=following, limit=5)
    assert ([row.row.value for row in first + rest], end) == ([100 * back for back in range(7)], None)
    assert not any(row.differs for row in first + rest)
