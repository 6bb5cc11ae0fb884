"""What is due, late, next and still to pay; and what people do with single occurrences."""

from dataclasses import replace

import pytest

from finance.errors import Conflict, Invalid, NotFound
from finance.ledger.posting import EntryDraft, LineDraft
from finance.ledger.selectors import balance_of
from finance.ledger.services import delete_entries, replace_entry
from finance.periods import WeekendShift
from finance.planning.recurrence import Unit
from finance.planning.schedules import services
from finance.planning.schedules.definition import AmountKind, CounterLine
from finance.planning.schedules.models import ScheduleOccurrence, SchedulePayment
from finance.planning.schedules.selectors import (
    Status,
    missed_occurrences,
    movements_of,
    next_expected,
    occurrences_of,
    open_occurrences,
    still_to_pay,
)
from finance.tests.planning.schedules.test_definition import D
from platform_outbox.testing import drain

pytestmark = pytest.mark.django_db


def window(book, first, last, today):
    return occurrences_of(book=book, first=D(first), last=D(last), today=D(today))


def upcoming(*, book, first, last, today):
    found = open_occurrences(book=book, last=last, today=today)
    return movements_of(book=book, occurrences=found, first=first, last=last, today=today)


def coming(book, first, last, today):
    return [
        (each.date.isoformat(), each.amount)
        for each in upcoming(book=book, first=D(first), last=D(last), today=D(today))
    ]


def next_of(schedule, today):
    return next_expected(book=schedule.book, today=D(today), schedules=[schedule]).get(schedule.pk)


def test_sch_06_what_is_skipped_is_known_by_its_nominal_date(book, owner, plan):
    salary = plan(2000_00, "2024-01-28", shift=WeekendShift.BEFORE, name="Salary")
    assert next_of(salary, "2024-12-01").date == D("2024-12-27")
    services.skip_occurrence(schedule=salary, nominal=D("2024-12-28"), actor=owner)
    assert next_of(salary, "2024-12-01").date == D("2025-01-28")
    (skipped,) = window(book, "2024-12-01", "2024-12-31", "2024-12-01")
    assert (skipped.nominal, skipped.date, skipped.status) == (D("2024-12-28"), D("2024-12-27"), Status.SKIPPED)


def test_sch_08_the_first_item_may_be_shown_before_the_first_day(book, plan):
    plan(-10_00, "2022-03-20", shift=WeekendShift.BEFORE, today="2022-03-17", count=1)
    (only,) = window(book, "2022-03-17", "2022-12-31", "2022-03-17")
    assert (only.nominal, only.date) == (D("2022-03-20"), D("2022-03-18"))


def test_sch_12_the_nominal_day_has_passed_and_the_shown_one_has_not(book, owner, plan, accounts):
    bill = plan(-30_00, "2024-01-02", shift=WeekendShift.AFTER)
    due = next_of(bill, "2024-03-03")
    assert (due.nominal, due.date, due.status) == (D("2024-03-02"), D("2024-03-04"), Status.UPCOMING)
    services.pay_occurrence(schedule=bill, nominal=D("2024-03-02"), actor=owner, date=D("2024-03-02"))
    assert next_of(bill, "2024-03-02").date == D("2024-04-02")
    assert balance_of(account=accounts.checking) == -30_00


def test_sch_21_next_does_not_hang_on_the_days_that_are_looked_at(book, plan):
    bill = plan(-10_00, "2023-01-01", today="2023-04-30")
    for first, last in (("2023-04-01", "2023-04-30"), ("2023-05-01", "2023-05-31")):
        window(book, first, last, "2023-04-30")
        assert next_of(bill, "2023-04-30").date == D("2023-05-01")


def test_sch_22_paid_early(book, spend, plan, accounts):
    bill = plan(
        -200_00, "2024-01-23", amount_kind=AmountKind.RANGE, least=-300_00, most=-100_00, category=accounts.groceries
    )  # fmt: skip
    spend(180_00, on=D("2024-06-15"))
    drain()
    assert next_of(bill, "2024-06-16").date == D("2024-07-23")
    (june,) = window(book, "2024-06-01", "2024-06-30", "2024-06-16")
    assert (june.status, june.paid, june.left) == (Status.PAID, -180_00, 0)


def test_sch_23_paid_and_still_to_pay_in_one_month(book, owner, plan):
    bill = plan(-25_00, "2026-07-03", unit=Unit.WEEK, every=3)
    services.pay_occurrence(schedule=bill, nominal=D("2026-07-03"), actor=owner, date=D("2026-07-03"))
    (sums,) = still_to_pay(book=book, first=D("2026-07-01"), last=D("2026-07-31"), today=D("2026-07-10"))
    assert (sums.paid, sums.still_out, sums.late) == (-25_00, -25_00, 0)
    assert next_of(bill, "2026-07-10").date == D("2026-07-24")


def test_sch_24_twice_a_month(book, plan):
    plan(-100_00, "2024-01-15", days=(15, 30), today="2024-11-25")

    def left(first, last):
        (sums,) = still_to_pay(book=book, first=D(first), last=D(last), today=D("2024-11-25"))
        return sums.still_out

    assert left("2024-11-01", "2024-11-30") == -100_00
    assert left("2024-12-01", "2024-12-31") == -200_00
    assert left("2025-01-01", "2025-01-31") == -200_00


def test_sch_28_until_the_end_of_the_month_is_inclusive(book, plan):
    plan(-1_00, "2025-01-28", today="2025-02-12")
    plan(-2_00, "2025-02-01", today="2025-02-12")
    assert coming(book, "2025-02-12", "2025-02-28", "2025-02-12") == [("2025-02-28", -1_00)]


def test_sch_17_ends_are_inclusive_everywhere(book, plan):
    plan(-1_00, "2021-04-02", unit=Unit.WEEK, today="2021-04-20")
    assert coming(book, "2021-04-20", "2021-04-30", "2021-04-20") == [("2021-04-23", -1_00), ("2021-04-30", -1_00)]


def test_sch_29_today_is_due_until_it_is_matched_or_skipped(book, owner, spend, plan, accounts):
    bill = plan(-40_00, "2023-01-04", unit=Unit.WEEK, every=2, today="2023-07-19", category=accounts.rent)
    spend(12_00, on=D("2023-07-19"))
    drain()
    assert coming(book, "2023-07-19", "2023-07-31", "2023-07-19") == [("2023-07-19", -40_00)]
    (today,) = window(book, "2023-07-19", "2023-07-19", "2023-07-19")
    assert (today.status, bill.definition.rule.at(14)) == (Status.DUE, D("2023-07-19"))
    services.skip_occurrence(schedule=bill, nominal=D("2023-07-19"), actor=owner)
    assert coming(book, "2023-07-19", "2023-07-31", "2023-07-19") == []


def test_late_counts_today_and_missed_does_not(book, plan):
    plan(-10_00, "2026-01-05", today="2026-01-01")
    assert coming(book, "2026-01-20", "2026-02-28", "2026-01-20") == [("2026-01-20", -10_00), ("2026-02-05", -10_00)]
    # February has come: January is not expected any more, but asked about.
    assert coming(book, "2026-02-06", "2026-02-28", "2026-02-06") == [("2026-02-06", -10_00)]
    (missed,) = missed_occurrences(book=book, today=D("2026-02-06"))
    assert missed.nominal == D("2026-01-05")


def test_what_was_begun_or_moved_is_late_beside_the_next_one(book, owner, plan):
    rent = plan(-700_00, "2026-03-01", today="2026-03-01")
    services.pay_occurrence(schedule=rent, nominal=D("2026-03-01"), actor=owner, date=D("2026-03-01"), amount=-200_00)
    assert coming(book, "2026-04-01", "2026-04-30", "2026-04-01") == [("2026-04-01", -500_00), ("2026-04-01", -700_00)]
    assert coming(book, "2026-05-01", "2026-05-05", "2026-05-01") == [("2026-05-01", -700_00)]


def test_days_before_the_schedule_was_written_down_are_not_late(book, plan):
    plan(-10_00, "2025-06-05", today="2026-01-20")
    assert coming(book, "2026-01-20", "2026-02-28", "2026-01-20") == [("2026-02-05", -10_00)]
    assert not missed_occurrences(book=book, today=D("2026-01-20"))


@pytest.mark.parametrize("on", ["2026-03-15", "2026-03-13"])
def test_fct_01_a_salary_that_came_is_not_expected_again(book, owner, spend, plan, accounts, on):
    salary = plan(2000_00, "2026-01-15", name="Salary", payee="Employer", category=accounts.salary, today="2026-03-01")
    spend(-500_00, on=D("2026-03-01"))
    spend(-2000_00, payee="Employer", on=D(on), category=accounts.salary)
    drain()
    assert balance_of(account=accounts.checking) == 2500_00
    assert coming(book, "2026-03-15", "2026-04-14", "2026-03-15") == []
    assert next_of(salary, "2026-03-15").date == D("2026-04-15")


def test_fct_02_a_split_leaves_the_account_once(book, plan, accounts):
    lines = [
        CounterLine(account_id=account.pk, amount=amount)
        for account, amount in ((accounts.rent, 500_00), (accounts.groceries, 200_00), (accounts.restaurants, 52_22))
    ]
    plan(-752_22, "2026-03-20", lines=tuple(lines), today="2026-03-01")
    assert coming(book, "2026-03-01", "2026-03-31", "2026-03-01") == [("2026-03-20", -752_22)]
    assert 10_000_00 - 752_22 == 9_247_78


def test_a_transfer_with_a_fee_moves_both_accounts(book, owner, plan, accounts):
    lines = (CounterLine(account_id=accounts.savings.pk), CounterLine(account_id=accounts.restaurants.pk, amount=1_50))
    saving = plan(-101_50, "2026-03-20", lines=lines)
    found = upcoming(book=book, first=D("2026-03-20"), last=D("2026-03-31"), today=D("2026-03-20"))
    assert {(each.account_id, each.amount) for each in found} == {
        (accounts.checking.pk, -101_50), (accounts.savings.pk, 100_00),
    }  # fmt: skip
    services.pay_occurrence(schedule=saving, nominal=D("2026-03-20"), actor=owner, date=D("2026-03-20"))
    assert [balance_of(account=each) for each in (accounts.checking, accounts.savings, accounts.restaurants)] == [
        -101_50, 100_00, 1_50,
    ]  # fmt: skip


def test_paying_partly_leaves_the_rest_expected(book, owner, plan):
    rent = plan(-700_00, "2026-03-01")
    services.pay_occurrence(schedule=rent, nominal=D("2026-03-01"), actor=owner, date=D("2026-03-01"), amount=-200_00)
    assert coming(book, "2026-03-02", "2026-03-31", "2026-03-02") == [("2026-03-02", -500_00)]
    services.pay_occurrence(schedule=rent, nominal=D("2026-03-01"), actor=owner, date=D("2026-03-05"))
    (paid,) = window(book, "2026-03-01", "2026-03-31", "2026-03-05")
    assert (paid.status, paid.paid) == (Status.PAID, -700_00)
    with pytest.raises(Conflict):
        services.pay_occurrence(schedule=rent, nominal=D("2026-03-01"), actor=owner, date=D("2026-03-05"))
    with pytest.raises(Invalid):
        services.pay_occurrence(schedule=rent, nominal=D("2026-04-01"), actor=owner, date=D("2026-04-01"), amount=1_00)


def test_a_moved_occurrence_keeps_its_identity(book, owner, plan):
    rent = plan(-700_00, "2026-03-01")
    services.move_occurrence(schedule=rent, nominal=D("2026-03-01"), to=D("2026-04-10"), actor=owner)
    found = window(book, "2026-04-01", "2026-04-30", "2026-03-20")
    assert [(each.nominal, each.date) for each in found] == [
        (D("2026-04-01"), D("2026-04-01")), (D("2026-03-01"), D("2026-04-10")),
    ]  # fmt: skip
    assert window(book, "2026-03-01", "2026-03-31", "2026-03-20") == []
    services.reopen_occurrence(schedule=rent, nominal=D("2026-03-01"), actor=owner)
    assert len(window(book, "2026-03-01", "2026-03-31", "2026-03-20")) == 1
    with pytest.raises(NotFound):
        services.skip_occurrence(schedule=rent, nominal=D("2026-03-02"), actor=owner)


def test_payments_follow_their_entries(book, owner, plan, accounts):
    rent = plan(-700_00, "2026-03-01")
    entry = services.pay_occurrence(schedule=rent, nominal=D("2026-03-01"), actor=owner, date=D("2026-03-01"))

    today = D("2026-03-02")
    lines = [
        LineDraft(account_id=accounts.rent.pk, amount=710_00),
        LineDraft(account_id=accounts.checking.pk, amount=-710_00),
    ]
    replace_entry(entry=entry, actor=owner, draft=EntryDraft(date=D("2026-03-03"), lines=lines), today=today)
    (payment,) = SchedulePayment.objects.all()
    assert (payment.entry_id, payment.amount, payment.date) == (entry.pk, -710_00, D("2026-03-03"))
    latest = payment.entry.corrected_by
    delete_entries(book=book, actor=owner, entry_ids=[latest.pk], today=today)
    assert not SchedulePayment.objects.exists()
    assert ScheduleOccurrence.objects.get().state == "due"


def test_changing_from_a_day_on_keeps_the_past(book, owner, plan):
    rent = plan(-700_00, "2026-01-31", count=12)
    services.pay_occurrence(schedule=rent, nominal=D("2026-01-31"), actor=owner, date=D("2026-01-31"))
    services.skip_occurrence(schedule=rent, nominal=D("2026-04-30"), actor=owner)
    dearer = replace(rent.definition, amount=-750_00)
    later = services.change_schedule(schedule=rent, actor=owner, definition=dearer, from_date=D("2026-02-15"))
    assert later.continues_id == rent.pk
    found = window(book, "2026-01-01", "2027-12-31", "2026-02-01")
    assert [each.nominal for each in found][:4] == [D("2026-01-31"), D("2026-02-28"), D("2026-03-31"), D("2026-04-30")]
    assert [each.amount for each in found] == [-700_00, *[-750_00] * 11]
    assert [each.status for each in found if each.nominal == D("2026-04-30")] == [Status.SKIPPED]


def test_a_changed_rule_does_not_lose_payments(book, owner, plan):
    rent = plan(-700_00, "2026-01-31")
    services.pay_occurrence(schedule=rent, nominal=D("2026-02-28"), actor=owner, date=D("2026-02-28"))
    other = replace(rent.definition, days=(5,))
    with pytest.raises(Conflict):
        services.change_schedule(schedule=rent, actor=owner, definition=other)
    services.end_schedule(schedule=rent, last=D("2026-03-31"))
    assert next_of(rent, "2026-04-01") is not None  # the object in hand is older
    rent.refresh_from_db()
    assert next_of(rent, "2026-04-01") is None


def test_two_hundred_schedules_take_three_queries(book, plan, django_assert_num_queries):
    for number in range(20):
        plan(-number - 1, "2026-01-05")
    with django_assert_num_queries(3):
        found = upcoming(book=book, first=D("2026-01-05"), last=D("2026-12-31"), today=D("2026-01-05"))
    assert len(found) == 240
