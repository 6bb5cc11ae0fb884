"""Goals: field cases GOL-01, GOL-03 and GOL-04 on books, limits, and entries that are corrected."""

import datetime
from dataclasses import replace
from functools import partial

import pytest

from finance.errors import Conflict, Invalid, NotFound
from finance.events.plans import GoalMoved, GoalRemoved, GoalSaved, ScheduleOccurrenceChanged
from finance.handlers import feed_goals
from finance.ledger import services as ledger
from finance.ledger.posting import LineDraft
from finance.models import Account, Goal, GoalMove
from finance.planning.goals import selectors, services
from finance.planning.goals.arithmetic import Kind
from finance.planning.schedules import services as schedules
from finance.planning.schedules.definition import CounterLine
from finance.tests.api.conftest import api, clients, url
from finance.tests.planning.schedules.conftest import plan  # noqa: F401 (a fixture)
from finance.tests.web.conftest import _today, as_, page, send

__all__ = ["_today", "api", "as_", "clients", "page", "send", "url"]
# ruff: noqa: F811 (plan is a fixture)
pytestmark = pytest.mark.django_db
START = datetime.date(2026, 3, 15)


@pytest.fixture
def make(book, owner, accounts):
    def run(**more):
        given = {"account": accounts.savings, "name": "Bicycle", "today": START, **more}
        return services.create_goal(book=book, actor=owner, **given)

    return run


@pytest.fixture
def put(owner):
    def run(goal, amount, *, on=START, today=None, **more):
        return services.set_aside(goal=goal, actor=owner, amount=amount, date=on, today=today or on, **more)

    return run


def view(goal, today=START):
    return selectors.view_of(selectors.goal_for(book=goal.book, goal_id=goal.pk), today=today)


def test_gol_01_direction_follows_the_account_that_holds_the_goal(make, fund, post, accounts, owner):
    fund(290_00, account=accounts.savings)
    fund(50_00)
    goal = make(saved=290_00)
    transfer = post(5_00, to=accounts.savings, source=accounts.checking)
    services.link_entry(goal=goal, actor=owner, entry=transfer, today=START)
    assert view(goal).saved == 295_00
    back = post(10_00, to=accounts.checking, source=accounts.savings)
    services.link_entry(goal=goal, actor=owner, entry=back, today=START)
    assert view(goal).saved == 285_00
    with pytest.raises(Conflict, match="already"):
        services.link_entry(goal=goal, actor=owner, entry=back, today=START)
    elsewhere = post(1_00, to=accounts.groceries, source=accounts.checking)
    with pytest.raises(Invalid, match="moves no account"):
        services.link_entry(goal=goal, actor=owner, entry=elsewhere, today=START)


def test_gol_03_a_payment_above_the_plan_lowers_the_others(make, fund, put, accounts):
    december = datetime.date(2026, 12, 1)
    fund(2_000_00, account=accounts.savings)
    goal = make(target=1_200_00, by=datetime.date(2027, 3, 31), saved=200_00, today=december)
    assert [each.amount for each in view(goal, december).planned] == [250_00] * 4
    put(goal, 300_00, on=datetime.date(2026, 12, 20))
    found = view(goal, datetime.date(2026, 12, 20))
    assert [each.amount for each in found.planned] == [233_33, 233_33, 233_34]
    assert (found.saved, found.missing, found.percent, found.proposal) == (500_00, 700_00, 41, 233_33)
    assert found.behind == 0
    assert view(goal, datetime.date(2027, 2, 1)).behind == 216_66  # an even pace is at 716.66 then


def test_gol_04_an_amount_that_is_kept_ready(make, fund, put, accounts):
    fund(500_00, account=accounts.savings)
    goal = make(kind=Kind.KEEP, target=100_00, saved=100_00)
    assert (view(goal).proposal, view(goal).is_met) == (0, True)
    put(goal, -35_00)
    assert view(goal).proposal == 35_00


def test_goals_never_hold_more_than_the_account(make, fund, put, accounts, book):
    fund(100_00, account=accounts.savings)
    goal = make(saved=60_00)
    other = make(name="Holiday")
    with pytest.raises(Conflict, match=r"Savings account holds 100.00, and goals would hold 110.00 of it"):
        put(other, 50_00)
    put(other, 40_00)
    with pytest.raises(Conflict, match=r"holds only 40.00 in Savings account"):
        put(other, -40_01)
    assert selectors.set_aside_of(book=book) == {accounts.savings.pk: 100_00}
    services.close_goal(goal=goal, actor=None)
    assert selectors.set_aside_of(book=book) == {accounts.savings.pk: 40_00}
    put(other, 60_00)
    with pytest.raises(Conflict):
        services.close_goal(goal=goal, actor=None, closed=False)
    [savings] = [each for each in selectors.holding_accounts(book=book, today=START) if each.set_aside]
    assert (savings.balance, savings.free, savings.short) == (100_00, 0, 0)


def test_several_accounts_of_one_currency(make, fund, put, accounts, book, owner):
    fund(100_00, account=accounts.savings)
    fund(100_00)
    goal = make(saved=10_00)
    put(goal, 20_00, account=accounts.checking)
    assert view(goal).held == {accounts.savings.pk: 10_00, accounts.checking.pk: 20_00}
    dollars = Account.objects.create(book=book, name="USD", type="asset", kind="cash", currency="USD")
    for account, reason in [(accounts.card, "not a category or a debt"), (dollars, "kept in USD")]:
        with pytest.raises(Invalid, match=reason):
            put(goal, 1_00, account=account)


def test_a_linked_entry_that_is_corrected_or_deleted(make, fund, post, accounts, owner, book):
    fund(100_00)
    goal = make()
    entry = post(30_00, to=accounts.savings, source=accounts.checking)
    services.link_entry(goal=goal, actor=owner, entry=entry, today=START)
    lines = [
        LineDraft(account_id=accounts.savings.pk, amount=45_00),
        LineDraft(account_id=accounts.checking.pk, amount=-45_00),
    ]
    corrected = ledger.correct_entry(
        entry=entry, actor=owner, date=START, payee="", description="", on=START, lines=lines
    )
    assert view(goal).saved == 45_00
    ledger.reverse_entry(entry=corrected, actor=owner, on=START)
    assert view(goal).saved == 0
    kinds = list(GoalMove.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["in", "fix", "in", "fix"]


def test_pace_and_date(make, fund, put, accounts):
    fund(1_000_00, account=accounts.savings)
    goal = make(target=500_00)
    for month in (4, 5, 6):
        put(goal, 50_00, on=datetime.date(2026, month, 15))
    found = view(goal, datetime.date(2026, 6, 15))
    assert found.pace == (150_00, 92)
    assert found.reached_on == datetime.date(2026, 6, 15) + datetime.timedelta(days=215)
    assert view(make(name="x")).pace is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, "name"),
        ({"target": 0}, "target"),
        ({"by": datetime.date(2027, 1, 1)}, "target"),
        ({"kind": Kind.KEEP}, "target"),
        ({"kind": Kind.KEEP, "target": 1, "by": datetime.date(2027, 1, 1)}, "by"),
        ({"target": 1, "by": datetime.date(2026, 3, 14)}, "by"),
        ({"saved": -1}, "saved"),
    ],
)
def test_a_goal_that_makes_no_sense_is_refused(make, given, field):
    with pytest.raises(Invalid) as refused:
        make(**given)
    assert list(refused.value.fields) == [field]
    assert not Goal.objects.exists()


def test_every_change_is_announced(make, fund, put, accounts, owner, outbox):
    fund(10_00, account=accounts.savings)
    goal = make(saved=1_00)
    services.change_goal(
        goal=goal, actor=owner, today=START, name="Boat", target=20_00, by=None, schedule=None, fed_amount=None
    )
    with pytest.raises(Invalid, match="not on"):
        put(goal, 1_00, on=START + datetime.timedelta(days=1), today=START)
    services.remove_goal(goal=goal, actor=owner)
    assert [len(outbox.of(each)) for each in (GoalSaved, GoalMoved, GoalRemoved)] == [2, 1, 1]
    with pytest.raises(NotFound):
        selectors.goal_for(book=goal.book, goal_id=goal.pk or 1)


@pytest.fixture
def transfer(plan, accounts):
    """100.00 from checking to savings on the 20th of each month."""
    return plan(-100_00, "2026-03-20", name="Saving", lines=(CounterLine(account_id=accounts.savings.pk),))


def test_a_schedule_that_feeds_a_goal_tells_pace_and_date(make, fund, accounts, transfer, django_assert_num_queries):
    fund(500_00, account=accounts.savings)
    goal = make(target=450_00, saved=200_00, by=datetime.date(2026, 4, 30), schedule=transfer)
    found = view(goal)
    assert [(each.date.isoformat(), each.amount) for each in found.planned] == [
        ("2026-03-20", 100_00), ("2026-04-20", 100_00), ("2026-05-20", 50_00),
    ]  # fmt: skip
    assert (found.proposal, found.reached_on, found.short) == (100_00, datetime.date(2026, 5, 20), 50_00)
    assert found.pace == (600_00, 182)
    half = make(name="Tent", target=450_00, schedule=transfer, fed_amount=25_00)
    assert (view(half).planned[0].amount, view(half).reached_on) == (25_00, datetime.date(2027, 8, 20))
    # A far target is reached long behind the days that plans are read for.
    assert view(make(name="House", target=12_000_00, schedule=transfer)).reached_on == datetime.date(2036, 2, 20)
    with django_assert_num_queries(4):
        selectors.views_of(goals=list(selectors.goals_of(book=goal.book)), today=START)


def test_a_payment_of_its_schedule_is_counted_once_and_followed(make, fund, accounts, transfer, owner, book):
    fund(500_00)
    goal = make(schedule=transfer, fed_amount=80_00)
    nominal = datetime.date(2026, 3, 20)
    entry = schedules.pay_occurrence(schedule=transfer, nominal=nominal, actor=owner, date=START)
    event = ScheduleOccurrenceChanged(book_id=book.pk, schedule_id=transfer.pk, nominal=nominal)
    for _again in range(2):
        feed_goals(event, None)
    assert (view(goal).saved, view(goal).planned[0].date) == (80_00, datetime.date(2026, 4, 20))
    # A schedule that was changed goes on feeding it, and a payment from before the goal does not.
    full = make(name="Full", target=30_00, schedule=transfer)
    later = schedules.change_schedule(
        schedule=transfer, actor=owner, from_date=datetime.date(2026, 4, 1),
        definition=replace(transfer.definition, amount=-90_00),
    )  # fmt: skip
    assert later.pk != transfer.pk
    april = datetime.date(2026, 4, 20)
    schedules.pay_occurrence(schedule=later, nominal=april, actor=owner, date=START)
    services.count_payments(book=book, schedule_id=later.pk, nominal=april)
    assert (view(goal).saved, view(full).saved) == (160_00, 30_00)
    young = make(name="Young", schedule=later)
    services.count_payments(book=book, schedule_id=later.pk, nominal=april)
    assert view(young).saved == 0
    # A corrected payment counts with no more than before.
    lines = [LineDraft(account_id=line.account_id, amount=line.amount) for line in entry.lines.all()]
    corrected = ledger.correct_entry(
        entry=entry, actor=owner, date=entry.date, lines=lines, payee="", description="Sailing", on=START
    )
    assert (view(goal).saved, view(full).saved) == (160_00, 30_00)
    ledger.reverse_entry(entry=corrected, actor=owner, on=START)
    assert view(goal).saved == 80_00


def test_a_payment_that_is_unlinked_is_taken_back_and_what_was_counted_by_hand_stays(
    make, fund, post, accounts, transfer, owner, book
):
    fund(500_00)
    goal = make(schedule=transfer)
    nominal = datetime.date(2026, 3, 20)
    by_hand = post(40_00, to=accounts.savings, source=accounts.checking)
    services.link_entry(goal=goal, actor=owner, entry=by_hand, today=START)
    entry = schedules.pay_occurrence(schedule=transfer, nominal=nominal, actor=owner, date=START)
    count = partial(services.count_payments, book=book, schedule_id=transfer.pk, nominal=nominal)
    count()
    assert view(goal).saved == 140_00
    schedules.unlink_entry(schedule=transfer, nominal=nominal, entry=entry, actor=owner)
    for amounts in ([-100_00], []):
        assert [move.amount for move in count()] == amounts
    assert view(goal).saved == 40_00
    offered = selectors.countable(goal=goal, holders=[accounts.savings.pk], today=START)
    assert entry.pk in {each.entry.pk for each in offered}
    schedules.link_entry(schedule=transfer, nominal=nominal, entry=entry, actor=owner)
    count()
    assert view(goal).saved == 140_00
    # What was taken back is not taken back again when its entry is deleted.
    schedules.unlink_entry(schedule=transfer, nominal=nominal, entry=entry, actor=owner)
    count()
    ledger.reverse_entry(entry=entry, actor=owner, on=START)
    assert view(goal).saved == 40_00


def test_another_schedule_leaves_what_the_one_before_brought(make, fund, accounts, transfer, plan, owner, book):
    fund(500_00)
    goal = make(schedule=transfer)
    nominal = datetime.date(2026, 3, 20)
    schedules.pay_occurrence(schedule=transfer, nominal=nominal, actor=owner, date=START)
    services.count_payments(book=book, schedule_id=transfer.pk, nominal=nominal)
    other = plan(-10_00, "2026-03-21", name="More", lines=(CounterLine(account_id=accounts.savings.pk),))
    services.change_goal(goal=goal, actor=owner, today=START, target=None, by=None, schedule=other, fed_amount=None)
    schedules.pay_occurrence(schedule=other, nominal=datetime.date(2026, 3, 21), actor=owner, date=START)
    services.count_payments(book=book, schedule_id=other.pk, nominal=datetime.date(2026, 3, 21))
    assert view(goal).saved == 110_00


def test_a_transfer_between_two_accounts_of_a_goal_counts_once(make, fund, put, post, accounts, owner):
    fund(500_00)
    goal = make()
    fund(50_00, account=accounts.savings)
    put(goal, 50_00)
    put(goal, 100_00, account=accounts.checking)
    entry = post(20_00, to=accounts.savings, source=accounts.checking)
    services.link_entry(goal=goal, actor=owner, entry=entry, today=START)
    with pytest.raises(Conflict, match="counts for the goal already"):
        services.link_entry(goal=goal, actor=owner, entry=entry, today=START)
    assert view(goal).held == {accounts.savings.pk: 70_00, accounts.checking.pk: 80_00}


def test_a_payment_without_free_money_is_offered_not_counted(make, fund, accounts, transfer, owner, book, put):
    fund(500_00)
    goal = make(schedule=transfer)
    other = make(name="Other")
    nominal = datetime.date(2026, 3, 20)
    entry = schedules.pay_occurrence(schedule=transfer, nominal=nominal, actor=owner, date=START)
    put(other, 30_00)
    assert services.count_payments(book=book, schedule_id=transfer.pk, nominal=nominal) == []
    [offered] = selectors.countable(goal=goal, holders=[accounts.savings.pk], today=START)
    assert (offered.entry.pk, offered.amount) == (entry.pk, 100_00)


def test_a_goal_is_fed_only_by_what_brings_money(make, accounts, transfer, plan, owner):
    rent = plan(-700_00, "2026-03-31")
    for given, field in (
        ({"schedule": rent}, "schedule"),
        ({"schedule": transfer, "fed_amount": 100_01}, "fed_amount"),
        ({"schedule": transfer, "fed_amount": 0}, "fed_amount"),
        ({"fed_amount": 5}, "fed_amount"),
    ):
        with pytest.raises(Invalid) as refused:
            make(**given)
        assert field in refused.value.fields, given


def test_a_goal_is_fed_over_the_api(api, url, transfer, accounts):
    body = {"name": "Boat", "account": accounts.savings.pk, "target": "250.00", "schedule": transfer.pk}
    answer = api.post(url("goals/"), {**body, "fed_amount": "80.00"}, format="json")
    assert answer.status_code == 201, answer.json()
    goal = answer.json()
    assert (goal["schedule"], goal["fed_amount"], goal["short"]) == (transfer.pk, "80.00", "0.00")
    assert [each["amount"] for each in goal["contributions"]] == ["80.00", "80.00", "80.00", "10.00"]
    path = url(f"goals/{goal['id']}/")
    assert api.patch(path, {"name": "Canoe"}, format="json").json()["fed_amount"] == "80.00"
    schedules.remove_schedule(schedule=transfer)
    assert api.patch(path, {"name": "Kayak"}, format="json").json()["fed_amount"] is None
    free = api.patch(path, {"schedule": None}, format="json").json()
    assert (free["schedule"], free["fed_amount"], free["contributions"]) == (None, None, [])
    assert api.patch(path, {"schedule": 10**9}, format="json").status_code == 404


def test_money_that_is_not_there_is_refused_at_its_field(make, fund, put, accounts):
    fund(100_00, account=accounts.savings)
    for more, field in (({"saved": 100_01}, "saved"), ({"saved": 0}, "amount")):
        with pytest.raises(Conflict) as refused:
            put(make(**more), 100_01)
        assert list(refused.value.fields) == [field]


def test_the_page_counts_an_entry(make, fund, post, accounts, send, page):
    fund(500_00)
    goal = make(target=1_000_00)
    entry = post(40_00, to=accounts.savings, source=accounts.checking, payee="To the savings")
    path = f"plan/goals/{goal.pk}/"
    assert "Count it" not in page("viewer", path).content.decode()
    assert "To the savings" in page("editor", path).content.decode()
    assert send("viewer", path, {"do": "count", "entry": str(entry.uid)}).status_code == 403
    assert send("editor", path, {"do": "count", "entry": str(entry.uid)}).status_code == 302
    assert view(goal).saved == 40_00
    assert "Count it" not in page("editor", path).content.decode()
    assert send("editor", path, {"do": "count", "entry": "x"}).status_code == 404
