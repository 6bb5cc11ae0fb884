"""Entries find the occurrences that they pay; what is in doubt is asked."""

import datetime

import pytest

from finance.imports.services import confirm_import, stage_import
from finance.ledger.services import reverse_entry
from finance.planning.schedules import services
from finance.planning.schedules.definition import AmountKind
from finance.planning.schedules.matching import Claim, Expected, Found, fit_of, matches
from finance.planning.schedules.models import SchedulePayment
from finance.tests.planning.schedules.test_definition import D
from platform_outbox.testing import drain


def expected(nominal, amount=-50_00, **more):
    given = {"schedule_id": 1, "account_id": 1, "least": amount, "most": amount, "gap": 30, **more}
    return Expected(nominal=D(nominal), date=D(nominal), **given)


def found(on, amount=-50_00, entry_id=1, payee="", **more):
    return Found(entry_id=entry_id, account_id=1, date=D(on), amount=amount, payee=payee, **more)


def test_sch_25_days_are_compared_as_days_between_dates():
    fit = fit_of(expected("2026-02-28"), found("2026-02-27"))
    assert fit.days == 1
    sure, doubts = matches([expected("2026-01-01"), expected("2026-02-01")], [found("2026-01-31")])
    assert [match.expected.nominal for match in sure] == [D("2026-02-01")]
    assert not doubts


def test_another_payee_with_the_right_amount_is_asked():
    sure, doubts = matches(
        [expected("2026-02-01", payees=frozenset({"landlord"}))], [found("2026-02-01", payee="Shop")]
    )
    assert not sure
    assert [[match.fit.claim for match in group] for group in doubts] == [[Claim.DOUBTFUL]]


def test_another_category_with_the_right_amount_is_asked():
    rent = expected("2026-02-01", counters=frozenset({7}))
    assert fit_of(rent, found("2026-02-01", counters=frozenset({7}))).claim is Claim.CATEGORY
    assert fit_of(rent, found("2026-02-01", counters=frozenset({8}))).claim is Claim.DOUBTFUL
    assert fit_of(rent, found("2026-02-01")).claim is Claim.AMOUNT


def test_two_schedules_that_fit_alike_are_asked():
    sure, doubts = matches([expected("2026-02-01"), expected("2026-02-02", schedule_id=2)], [found("2026-02-01")])
    assert not sure
    assert [len(group) for group in doubts] == [2]


def test_a_payee_explains_more_days_and_another_amount_than_the_amount_alone():
    rent = expected("2026-02-11", payees=frozenset({"landlord"}))
    assert fit_of(rent, found("2026-02-01", payee="SEPA Landlord Berlin"))
    assert fit_of(rent, found("2026-02-01", payee="Landlord", amount=-54_99))
    assert not fit_of(rent, found("2026-01-31", payee="Landlord"))
    assert not fit_of(rent, found("2026-02-11", payee="Landlord", amount=-56_00))
    assert not fit_of(rent, found("2026-02-11", payee="Landlord", amount=50_00))
    assert not fit_of(expected("2026-02-11"), found("2026-02-07"))


def test_a_weekly_schedule_does_not_reach_into_the_next_week():
    weekly = [expected(day, gap=7, payees=frozenset({"club"})) for day in ("2026-02-02", "2026-02-09")]
    sure, _doubts = matches(weekly, [found("2026-02-05", payee="Club"), found("2026-02-06", payee="Club", entry_id=2)])
    assert {(match.entry.entry_id, match.expected.nominal.day) for match in sure} == {(1, 2), (2, 9)}


@pytest.mark.django_db
def test_sch_26_two_series_of_one_payee(book, spend, plan, accounts):
    small = plan(-9_99, "2026-01-05", payee="Apple", name="Music", amount_kind=AmountKind.LEARNED)
    large = plan(-14_99, "2026-01-05", payee="Apple", name="Storage")
    for month in (1, 2, 3):
        for amount in (14_99, 9_99):
            spend(amount, payee="Apple", on=datetime.date(2026, month, 5))
    drain()
    of = {each.pk: sorted(each.recorded.values_list("nominal", "payments__amount")) for each in (small, large)}
    assert of[small.pk] == [(datetime.date(2026, month, 5), -9_99) for month in (1, 2, 3)]
    assert of[large.pk] == [(datetime.date(2026, month, 5), -14_99) for month in (1, 2, 3)]
    small.refresh_from_db()
    assert small.amount == -9_99


@pytest.mark.django_db
def test_entries_that_were_there_before_the_schedule_are_found(book, spend, plan):
    spend(50_00, payee="Landlord", on=D("2026-02-02"))
    drain()
    plan(-50_00, "2026-01-01", payee="Landlord", name="Rent")
    drain()
    payment = SchedulePayment.objects.get()
    assert (payment.occurrence.nominal, payment.linked_by) == (D("2026-02-01"), None)


@pytest.mark.django_db
def test_matching_again_changes_nothing_and_what_was_unlinked_stays_so(book, owner, spend, plan):
    rent = plan(-50_00, "2026-01-01", payee="Landlord")
    entry = spend(50_00, payee="Landlord", on=D("2026-02-02"))
    drain()
    assert services.match_entries(book=book, entry_ids=[entry.pk]) == 0
    services.unlink_entry(schedule=rent, nominal=D("2026-02-01"), entry=entry, actor=owner)
    assert services.match_entries(book=book, entry_ids=[entry.pk]) == 0
    assert not SchedulePayment.objects.exists()


@pytest.mark.django_db
def test_what_is_in_doubt_is_asked_until_it_is_answered(book, owner, spend, plan):
    rent = plan(-50_00, "2026-01-01", payee="Landlord")
    entry = spend(50_00, payee="Somebody", on=D("2026-02-02"))
    drain()
    assert not SchedulePayment.objects.exists()
    ((question,),) = services.questions(book=book, today=D("2026-02-10"))
    assert (question.entry.entry_id, question.expected.nominal) == (entry.pk, D("2026-02-01"))
    services.refuse_entry(schedule=rent, nominal=D("2026-02-01"), entry=entry, actor=owner)
    assert services.questions(book=book, today=D("2026-02-10")) == []


@pytest.mark.django_db
def test_a_reversed_entry_pays_nothing(book, owner, spend, plan):
    plan(-50_00, "2026-01-01", payee="Landlord")
    entry = spend(50_00, payee="Landlord", on=D("2026-02-02"))
    reverse_entry(entry=entry, actor=owner, on=D("2026-02-02"))
    drain()
    assert not SchedulePayment.objects.exists()


@pytest.mark.django_db
def test_an_import_says_which_row_will_pay_what(client, book, owner, plan, accounts):
    plan(-50_00, "2026-01-02", payee="Landlord", name="Flat")
    data = b"Date,Payee,Amount\n2026-02-03,Landlord,-50.00\n2026-02-04,Baker,-3.00\n"
    batch = stage_import(book=book, account=accounts.checking, actor=owner, data=data, file_name="feb.csv")
    client.force_login(owner)
    text = client.get(f"/b/{book.pk}/imports/{batch.pk}/").content.decode()
    assert text.count("pays “Flat” of Feb 2, 2026") == 1
    assert not SchedulePayment.objects.exists()
    confirm_import(batch=batch, actor=owner)
    drain()
    assert SchedulePayment.objects.get().occurrence.nominal == D("2026-02-02")
