"""What budgets show, from postings; the figures are those of the field cases."""

import datetime
import random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from finance.ledger import services as ledger
from finance.ledger.posting import LineDraft
from finance.planning.budgets import services
from finance.planning.budgets.arithmetic import Carry
from finance.planning.budgets.selectors import forecast_categories, upcoming
from finance.planning.budgets.views import Plan, days_of
from finance.tags.services import change_tags, save_tag

D = datetime.date
pytestmark = pytest.mark.django_db


def line_of(budget, account, owner, **fields):
    return services.add_line(budget=budget, actor=owner, account=account, **fields)


def test_bud_01_spending_is_the_same_whatever_is_carried(make, give, spend, look, accounts, owner):
    budget = make()
    line = line_of(budget, accounts.groceries, owner, carry=Carry.DEFICIT)
    give(line, "2026-03-01", 115_00)
    spend(490_00, on=D(2026, 3, 10))
    march, april = look(budget, "2026-03-31"), look(budget, "2026-04-01")
    assert (march.sums.spent, march.cells["Food:Groceries"].available) == (490_00, -375_00)
    assert (april.sums.spent, april.cells["Food:Groceries"].carried) == (0, -375_00)
    services.change_line(line=line, actor=owner, carry=Carry.NONE)
    assert look(budget, "2026-03-31").sums.spent == 490_00
    assert look(budget, "2026-04-01").cells["Food:Groceries"].carried == 0


def test_bud_03_bud_04_what_is_to_budget_has_two_ways_to_the_same_figure(make, give, post, look, accounts, owner):
    """BUD-04: funds 100 a month, food overspent by 5; BUD-03: the deficit is not taken twice."""
    budget = make("envelope")
    food, rent = line_of(budget, accounts.groceries, owner), line_of(budget, accounts.rent, owner)
    for month, spent in (("2026-01", 55_00), ("2026-02", 50_00)):
        post(f"{month}-01", (accounts.checking, 100_00), (accounts.salary, -100_00))
        give(food, f"{month}-01", 50_00)
        give(rent, f"{month}-01", 50_00)
        post(f"{month}-05", (accounts.groceries, spent), (accounts.checking, -spent))
        post(f"{month}-06", (accounts.rent, 50_00), (accounts.checking, -50_00))
    february = look(budget, "2026-02-15")
    assert {name: cell.available for name, cell in february.cells.items()} == {
        "Food:Groceries": -5_00,
        "Housing:Rent": 0,
    }
    funds = february.sums.funds
    assert (funds.cash, funds.available, funds.to_budget, funds.returned) == (-5_00, -5_00, 0, 0)
    assert funds.adds_up


def test_a_deficit_that_is_not_carried_is_taken_from_what_is_to_budget(make, give, post, look, accounts, owner):
    budget = make("envelope")
    food = line_of(budget, accounts.groceries, owner, carry=Carry.SURPLUS)
    post("2026-01-01", (accounts.checking, 100_00), (accounts.salary, -100_00))
    give(food, "2026-01-01", 50_00)
    post("2026-01-05", (accounts.groceries, 55_00), (accounts.checking, -55_00))
    funds = look(budget, "2026-02-15").sums.funds
    assert (funds.before, funds.returned, funds.to_budget, funds.adds_up) == (50_00, -5_00, 45_00, True)


def test_it_adds_up_whatever_happens(make, give, post, look, book, accounts, owner):
    """BUD-04: cash = Σ envelopes + to budget, over half a year of everything that an entry can be."""
    chance = random.Random(4)
    tag = save_tag(book=book, name="Trip")
    budget = make("envelope", day=15, shift="before")
    lines = [
        line_of(budget, accounts.expenses, owner, carry=Carry.SURPLUS),
        line_of(budget, accounts.groceries, owner, carry=Carry.NONE),
        line_of(budget, accounts.rent, owner),
        services.add_line(budget=budget, actor=owner, tag=tag, carry=Carry.DEFICIT),
    ]
    new = {"book": book, "actor": owner, "currency": "USD"}
    bills = ledger.open_account(name="Bills", type="expense", kind="category", parent=accounts.expenses, **new)
    flat = [accounts.checking, accounts.savings, accounts.card, accounts.cash]
    others = [accounts.groceries, accounts.rent, accounts.restaurants, accounts.salary, accounts.opening]
    for _number in range(60):
        day = D(2026, 1, 1) + datetime.timedelta(days=chance.randrange(180))
        one, two = chance.choice(flat + others), chance.choice(flat)
        if one == two:
            continue
        amount = chance.randint(-90_00, 90_00) or 1
        entry = post(day.isoformat(), (one, amount), (two, -amount))
        if chance.random() < 0.3:
            change_tags(book=book, actor=owner, entry_ids=[entry.pk], add=[tag])
        if chance.random() < 0.2:
            ledger.reverse_entry(entry=entry, actor=owner, on=day + datetime.timedelta(days=chance.randrange(40)))
        give(chance.choice(lines), day.isoformat(), chance.randint(1, 50_00))
    for month in (2, 3, 5):
        ledger.exchange(
            book=book, actor=owner, date=D(2026, month, 16), source_account=accounts.checking, source_amount=47_00,
            target_account=bills, target_amount=50_00,
        )  # fmt: skip
    months = look(budget, "2026-01-01", count=7).view
    assert all(period.funds.adds_up for period in months.periods)
    assert [period.funds.before for period in months.periods[1:]] == [p.funds.to_budget for p in months.periods[:-1]]
    # Each month by itself says the same.
    assert [look(budget, p.period.first.isoformat()).sums for p in months.periods] == months.periods
    assert any(period.funds.returned for period in months.periods)


def test_bud_06_a_late_expense_is_in_what_was_carried_at_once(make, give, spend, look, accounts, owner):
    budget = make()
    line = line_of(budget, accounts.groceries, owner, carry=Carry.SURPLUS)
    give(line, "2026-02-01", 1_029_63)
    give(line, "2026-03-01", 500_00)
    spend(324_49, on=D(2026, 2, 10))
    assert look(budget, "2026-03-01").cells["Food:Groceries"].available == 1_205_14
    spend(119_00, on=D(2026, 2, 20))
    assert look(budget, "2026-03-01").cells["Food:Groceries"].available == 1_086_14


def test_bud_11_a_year_and_one_june_count_each_for_itself(make, spend, accounts, owner):
    year = make(name="Year", unit="year", anchor=D(2026, 1, 1))
    june = make(name="June", unit="once", anchor=D(2026, 6, 1), last=D(2026, 6, 30))
    for budget in (year, june):
        line_of(budget, accounts.groceries, owner)
    spend(50_00, on=D(2026, 3, 5))
    spend(20_00, on=D(2026, 6, 5))
    seen = {b.name: days_of(Plan(b), first=D(2026, 1, 1), last=D(2026, 12, 31))[0].spent for b in (year, june)}
    assert seen == {"Year": 70_00, "June": 20_00}


def test_bud_12_the_last_day_is_inside(make, spend, look, accounts, owner):
    budget = make()
    line_of(budget, accounts.groceries, owner)
    spend(713_95, on=D(2026, 10, 30))
    spend(304_05, on=D(2026, 10, 31))
    assert look(budget, "2026-10-01").sums.spent == 1_018_00
    assert look(budget, "2026-11-01").sums.spent == 0


def test_bud_13_a_refund_lowers_its_category_and_income_is_none(make, post, look, accounts, owner):
    budget = make()
    line_of(budget, accounts.groceries, owner)
    post("2026-03-01", (accounts.groceries, 500_00), (accounts.checking, -500_00))
    post("2026-03-02", (accounts.groceries, -200_00), (accounts.checking, 200_00))
    post("2026-03-03", (accounts.salary, -5_000_00), (accounts.checking, 5_000_00))
    assert look(budget, "2026-03-01").cells["Food:Groceries"].spent == 300_00
    post("2026-03-04", (accounts.groceries, -400_00), (accounts.checking, 400_00))
    below_zero = look(budget, "2026-03-01")
    assert (below_zero.cells["Food:Groceries"].spent, below_zero.sums.spent) == (-100_00, -100_00)


def test_bud_15_rows_add_up_to_the_sums(make, post, look, accounts, owner):
    budget = make()
    for account in (accounts.restaurants, accounts.rent):
        line_of(budget, account, owner)
    post("2026-05-20", (accounts.restaurants, 60_00), (accounts.checking, -60_00))
    post("2026-06-01", (accounts.salary, -2_000_00), (accounts.checking, 2_000_00))
    post("2026-06-02", (accounts.rent, 800_00), (accounts.checking, -800_00))
    post("2026-06-03", (accounts.restaurants, -40_00), (accounts.checking, 40_00))
    june = look(budget, "2026-06-01")
    assert {name: cell.spent for name, cell in june.cells.items()} == {
        "Food:Restaurants": -40_00,
        "Housing:Rent": 800_00,
    }
    assert (june.sums.spent, june.sums.expenses, june.sums.income, june.sums.net) == (
        760_00,
        760_00,
        2_000_00,
        1_240_00,
    )
    assert look(budget, "2026-05-01").sums.spent == 60_00


def test_bud_16_a_cost_within_income_lowers_what_is_to_budget(make, post, look, accounts):
    budget = make("envelope")
    post("2026-03-01", (accounts.salary, -100_00), (accounts.checking, 100_00))
    post("2026-03-02", (accounts.salary, 10_00), (accounts.checking, -10_00))
    assert look(budget, "2026-03-01").sums.funds.to_budget == 90_00


def test_bud_18_a_card_spends_when_it_buys(make, post, look, accounts, owner):
    for kind in ("envelope", "tracking"):
        budget = make(kind, name=kind)
        line_of(budget, accounts.groceries, owner)
    post("2026-03-28", (accounts.groceries, 100_00), (accounts.card, -100_00))
    post("2026-04-15", (accounts.card, 100_00), (accounts.checking, -100_00))
    for name in ("envelope", "tracking"):
        found = services.Budget.objects.get(name=name)
        found.book = accounts.checking.book
        assert [look(found, day).sums.spent for day in ("2026-03-31", "2026-04-30")] == [100_00, 0]


def test_bud_32_an_amount_in_another_currency_counts_as_its_account_booked_it(make, look, book, accounts, owner):
    new = {"book": book, "actor": owner, "currency": "CHF"}
    abroad = ledger.open_account(name="Abroad", type="expense", kind="category", parent=accounts.expenses, **new)
    budget = make()
    line_of(budget, accounts.expenses, owner)
    ledger.exchange(
        book=book, actor=owner, date=D(2026, 3, 5), source_account=accounts.checking, source_amount=47_00,
        target_account=abroad, target_amount=50_00,
    )  # fmt: skip
    found = look(budget, "2026-03-01")
    assert (found.cells["Expenses"].spent, found.view.unvalued) == (47_00, {})
    envelope = make("envelope", name="Envelope")
    line_of(envelope, accounts.expenses, owner)
    funds = look(envelope, "2026-03-01").sums.funds
    assert (funds.cash, funds.available, funds.to_budget, funds.adds_up) == (-47_00, -47_00, 0, True)


def test_what_has_no_amount_in_the_currency_is_counted_as_such(make, look, book, accounts, owner):
    new = {"book": book, "actor": owner, "currency": "CHF"}
    abroad = ledger.open_account(name="Abroad", type="expense", kind="category", parent=accounts.expenses, **new)
    francs = ledger.open_account(name="Francs", type="asset", kind="checking", **new)
    lines = [LineDraft(account_id=abroad.pk, amount=5_00), LineDraft(account_id=francs.pk, amount=-5_00)]
    ledger.post_entry(book=book, actor=owner, date=D(2026, 3, 5), lines=lines, payee="Coop")
    budget = make()
    line_of(budget, accounts.expenses, owner)
    found = look(budget, "2026-03-01")
    assert (found.cells["Expenses"].spent, found.view.unvalued) == (0, {"CHF": 1})


def test_a_group_holds_what_is_inside_once(make, give, spend, look, accounts, owner):
    for kind in ("envelope", "tracking"):
        budget = make(kind, name=kind)
        give(line_of(budget, accounts.expenses, owner), "2026-03-01", 100_00)
        give(line_of(budget, accounts.groceries, owner), "2026-03-01", 30_00)
    spend(7_00)
    spend(5_00, category=accounts.restaurants)
    shown = {}
    for kind in ("envelope", "tracking"):
        budget = services.Budget.objects.get(name=kind)
        budget.book = accounts.checking.book
        found = look(budget, "2026-03-01")
        spent = {name: cell.spent for name, cell in found.cells.items()}
        shown[kind] = (spent, found.sums.assigned, found.sums.spent)
    assert shown["envelope"] == ({"Expenses": 5_00, "Food:Groceries": 7_00}, 130_00, 12_00)
    # A limit is of all that is inside, and a limit inside it is part of it.
    assert shown["tracking"] == ({"Expenses": 12_00, "Food:Groceries": 7_00}, 100_00, 12_00)


def test_a_tag_takes_its_postings_out_of_envelopes_and_not_out_of_limits(make, spend, look, book, accounts, owner):
    tag = save_tag(book=book, name="Holiday")
    for kind in ("envelope", "tracking"):
        budget = make(kind, name=kind)
        line_of(budget, accounts.groceries, owner)
        services.add_line(budget=budget, actor=owner, tag=tag)
    tagged = spend(20_00, on=D(2026, 3, 2))
    change_tags(book=book, actor=owner, entry_ids=[tagged.pk], add=[tag])
    spend(3_00)
    seen = {}
    for kind in ("envelope", "tracking"):
        budget = services.Budget.objects.get(name=kind)
        budget.book = book
        found = look(budget, "2026-03-01")
        seen[kind] = {name: cell.spent for name, cell in found.cells.items()} | {"": found.sums.spent}
    assert seen == {
        "envelope": {"Food:Groceries": 3_00, "Holiday": 20_00, "": 23_00},
        "tracking": {"Food:Groceries": 23_00, "Holiday": 20_00, "": 23_00},
    }
    # What is reversed after its month was closed is gone on the day of the reversal.
    ledger.close_period(book=book, actor=owner, through=D(2026, 3, 31))
    ledger.reverse_entry(entry=tagged, actor=owner, on=D(2026, 4, 1))
    assert look(budget, "2026-03-01").cells["Holiday"].spent == 20_00
    assert look(budget, "2026-04-01").cells["Holiday"].spent == -20_00


def test_queries_do_not_grow_with_lines_and_periods(make, give, look, accounts, owner, spend):
    budget = make("envelope")
    give(line_of(budget, accounts.groceries, owner), "2026-01-01", 100_00)
    with CaptureQueriesContext(
        connection,
    ) as few:
        look(budget, "2026-01-01")
    for account in (accounts.rent, accounts.restaurants, accounts.expenses):
        give(line_of(budget, account, owner), "2026-01-01", 100_00)
    spend(5_00)
    with CaptureQueriesContext(connection) as many:
        look(budget, "2026-01-01", count=24)
    assert len(many) == len(few) <= 14


def test_the_rest_of_a_budget_is_expected_day_by_day(make, give, spend, book, accounts, owner):
    budget = make(pays_from=accounts.checking)
    give(line_of(budget, accounts.groceries, owner), "2026-03-01", 310_00)
    give(line_of(budget, accounts.rent, owner, in_forecast=False), "2026-03-01", 900_00)
    spend(70_00, on=D(2026, 3, 7))
    found = upcoming(book=book, budgets=[budget], first=D(2026, 3, 8), last=D(2026, 5, 31), today=D(2026, 3, 8))
    assert (len(found), {each.amount for each in found}) == (24, {-10_00})
    assert {(each.account_id, each.layer.value, each.source_id) for each in found} == {
        (accounts.checking.pk, "budget", budget.pk)
    }
    assert forecast_categories(book=book) == {accounts.groceries.pk}


def test_a_target_with_a_day_is_expected_on_that_day(make, book, accounts, owner):
    budget = make("envelope", pays_from=accounts.checking)
    target = services.Target(kind=services.TargetKind.SINKING, amount=600_00, due=D(2025, 6, 1), every=12)
    line_of(budget, accounts.rent, owner, target=target)
    found = upcoming(book=book, budgets=[budget], first=D(2026, 3, 8), last=D(2026, 12, 31), today=D(2026, 3, 8))
    assert [(each.date, each.amount) for each in found] == [(D(2026, 6, 1), -600_00)]
