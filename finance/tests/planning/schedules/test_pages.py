"""Pages of the plan: what is coming, the calendar, the form, one schedule, one occurrence."""

import datetime
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from finance.models import Schedule, ScheduleOccurrence, SchedulePayment
from finance.planning.agenda import Planned, agenda
from finance.planning.cards.services import add_card
from finance.planning.recurrence import Unit
from finance.planning.schedules import services
from finance.planning.schedules.definition import AmountKind, CounterLine
from finance.tests.planning.schedules.test_definition import D
from finance.web.plan_words import rule_text

NOW = datetime.datetime(2026, 3, 15, 12, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


def browser(user):
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


@pytest.fixture
def page(book, owner):
    """page("plan") → the owner's answer; page("plan", data) posts."""

    def at(name, *args, data=None, query="", user=owner):
        address = reverse(f"web:{name}", args=[book.pk, *args]) + query
        client = browser(user)
        return client.get(address) if data is None else client.post(address, data)

    return at


FORM = {
    "direction": "spent", "amount": "700.00", "amount_kind": "fixed", "payee": "Landlord", "name": "", "first": "2026-01-31",
    "every": "1", "unit": "month", "shift": "before", "days": "", "weekday_number": "", "weekday": "", "until": "",
    "count": "", "total": "", "description": "", "least": "", "most": "",
}  # fmt: skip


def test_the_lowest_point_and_the_day_of_it():
    items = [("2026-03-20", -60), ("2026-03-18", -50), ("2026-03-25", 100), ("2026-03-20", 5)]
    planned = [Planned(date=D(day), item=amount, changes={"EUR": amount}) for day, amount in items]
    found = agenda(planned=planned, held={"EUR": 100, "USD": 7}, today=D("2026-03-15"))
    assert [(day.date, day.after) for day in found.days] == [
        (D("2026-03-18"), {"EUR": 50}), (D("2026-03-20"), {"EUR": -5}), (D("2026-03-25"), {"EUR": 95}),
    ]  # fmt: skip
    euro, dollar = found.courses
    assert (euro.now, euro.lowest, euro.lowest_on, euro.end) == (100, -5, D("2026-03-20"), 95)
    assert (dollar.lowest, dollar.end) == (7, 7)


@pytest.mark.django_db
def test_what_is_coming_with_the_money_after_it(page, spend, plan, accounts):
    spend(-2000_00, category=accounts.salary, on=D("2026-03-01"))
    spend(100_00, payee="Hotel", on=D("2026-03-18"))
    plan(-700_00, "2026-03-20", today="2026-03-15")
    lines = (CounterLine(account_id=accounts.savings.pk),)
    plan(-300_00, "2026-03-21", name="Saving", lines=lines, today="2026-03-15")
    plan(-50_00, "2026-03-10", name="Club", today="2026-03-01")
    text = page("plan").content.decode()
    assert text.index("Club") < text.index("Hotel") < text.index("Rent") < text.index("Saving")
    assert text.count("€1,850.00") == 1  # the hotel is paid on top of the late club
    assert "€1,150.00" in text
    assert ">late<" in text
    assert "€2,000.00" in text  # now: what is dated ahead is not in it


@pytest.mark.django_db
def test_what_cards_and_loans_expect_is_coming_too_and_no_schedule_for_the_same(
    page, book, owner, spend, plan, accounts
):
    spend(500_00, on=datetime.date(2026, 3, 10), account=accounts.card)
    plan(-500_00, "2026-03-30", name="Pay the card", lines=(CounterLine(account_id=accounts.card.pk),))
    assert "Pay the card" in page("plan").content.decode()
    add_card(book=book, actor=owner, account=accounts.card, closing_day=14, due_day=30, pays_from=accounts.checking)
    text = page("plan").content.decode()
    assert "Pay the card" not in text
    assert text.count("−€500.00") >= 1
    assert "Card payments" in text


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "most"), [("plan", 21), ("plan_calendar", 8), ("plan_schedules", 8)])
def test_more_schedules_take_no_more_queries(book, owner, plan, name, most, django_assert_max_num_queries):
    for number in range(20):
        plan(-number - 1, "2026-03-20", name=f"Bill {number}", today="2026-03-15")
    client, address = browser(owner), reverse(f"web:{name}", args=[book.pk])
    client.get(address)
    with django_assert_max_num_queries(most):
        assert "Bill 19" in client.get(address).content.decode()


@pytest.mark.django_db
def test_paying_skipping_and_moving_from_the_pages(page, plan, accounts):
    rent = plan(-700_00, "2026-03-20", today="2026-03-15")
    back = reverse("web:plan", args=[rent.book_id])
    answer = page("plan_occurrence", rent.pk, "2026-03-20", data={"do": "pay", "next": back})
    assert (answer.status_code, answer.url) == (302, back)
    payment = SchedulePayment.objects.get()
    assert (payment.amount, payment.date) == (-700_00, D("2026-03-15"))
    page("plan_occurrence", rent.pk, "2026-04-20", data={"do": "skip"})
    page("plan_occurrence", rent.pk, "2026-05-20", data={"do": "move", "to": "2026-05-28"})
    page(
        "plan_occurrence",
        rent.pk,
        "2026-06-20",
        data={"do": "pay", "date": "2026-06-19", "amount": "200", "part": "on"},
    )
    states = dict(ScheduleOccurrence.objects.values_list("nominal", "state"))
    assert states == {
        D("2026-03-20"): "paid", D("2026-04-20"): "skipped", D("2026-05-20"): "due", D("2026-06-20"): "partly_paid",
    }  # fmt: skip
    assert "€200.00" in page("plan_occurrence", rent.pk, "2026-06-20").content.decode()
    wrong = page("plan_occurrence", rent.pk, "2026-07-20", data={"do": "pay", "date": "x", "amount": "1"})
    assert wrong.status_code == 400
    assert page("plan_occurrence", rent.pk, "2026-07-21").status_code == 404


@pytest.mark.django_db
def test_a_question_is_answered_on_the_plan(page, book, spend, plan):
    rent = plan(-50_00, "2026-02-10", payee="Landlord", today="2026-02-01")
    entry = spend(50_00, payee="Somebody", on=D("2026-03-10"))
    text = page("plan").content.decode()
    assert "Is this the payment?" in text
    page("plan_occurrence", rent.pk, "2026-03-10", data={"do": "link", "entry": entry.pk})
    assert SchedulePayment.objects.get().entry_id == entry.pk
    assert "Is this the payment?" not in page("plan").content.decode()


@pytest.mark.django_db
def test_the_form_writes_what_it_shows_again(page, book, accounts):
    given = {
        **FORM, "account": accounts.checking.pk, "category": accounts.rent.pk, "part-0-category": accounts.groceries.pk,
        "part-0-amount": "50.00", "days": "15, 31", "until": "2027-12-31", "amount_kind": "range", "least": "600",
        "most": "800",
    }  # fmt: skip
    answer = page("plan_schedule_new", data=given)
    schedule = Schedule.objects.get()
    assert answer.url == reverse("web:plan_schedule", args=[book.pk, schedule.pk])
    assert (schedule.name, schedule.amount, schedule.least, schedule.most) == ("Landlord", -700_00, -800_00, -600_00)
    assert schedule.lines == [
        {"account": accounts.rent.pk, "amount": None, "memo": ""},
        {"account": accounts.groceries.pk, "amount": 50_00, "memo": ""},
    ]
    before = schedule.definition
    shown = page("plan_schedule_edit", schedule.pk).context["form"]
    again = {name: value for name in shown.fields if (value := shown[name].value())}
    page("plan_schedule_edit", schedule.pk, data={**again, "effective_from": ""})
    schedule.refresh_from_db()
    assert schedule.definition == before
    text = page("plan_schedule", schedule.pk).content.decode()
    assert "Every month, on day 15 and the last day" in text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"amount": "x"}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"days": "30, 31"}, "days"),
        ({"days": "x"}, "days"),
        ({"amount_kind": "range", "least": "5"}, "least"),
        ({"part-0-amount": "5"}, "part-0-amount"),
        ({"until": "2025-01-01"}, "until"),
        ({"direction": "moved"}, "category"),
        ({"weekday": "2"}, "weekday"),
    ],
)
def test_the_form_says_what_is_wrong_where(page, accounts, wrong, field):
    given = {**FORM, "account": accounts.checking.pk, "category": accounts.rent.pk, **wrong}
    answer = page("plan_schedule_new", data=given)
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, [field])


@pytest.mark.django_db
def test_an_entry_becomes_a_schedule(page, spend, accounts):
    entry = spend(12_99, payee="Music", on=D("2026-03-05"))
    form = page("plan_schedule_new", query=f"?from_entry={entry.uid}").context["form"]
    values = {name: form[name].value() for name in ("direction", "amount", "payee", "first", "account", "category")}
    assert values == {
        "direction": "spent", "amount": "12.99", "payee": "Music", "first": D("2026-03-05"),
        "account": accounts.checking.pk, "category": accounts.groceries.pk,
    }  # fmt: skip
    assert f"from_entry={entry.uid}" in page("entry", entry.uid).content.decode()


@pytest.mark.django_db
def test_changing_ending_and_removing(page, book, plan):
    rent = plan(-700_00, "2026-01-20", today="2026-01-01")
    shown = page("plan_schedule_edit", rent.pk).context["form"]
    assert shown["effective_from"].value() == D("2026-03-20")
    again = {name: value for name in shown.fields if (value := shown[name].value())}
    page("plan_schedule_edit", rent.pk, data={**again, "amount": "750"})
    later = Schedule.objects.get(continues=rent)
    assert (later.amount, later.first) == (-750_00, D("2026-03-20"))
    assert "Show what it is now" in page("plan_schedule", rent.pk).content.decode()
    page("plan_schedule", later.pk, data={"do": "end"})
    assert Schedule.objects.get(pk=later.pk).until is None  # it has not begun: it says so
    page("plan_schedule", later.pk, data={"do": "remove"})
    assert not Schedule.objects.filter(pk=later.pk).exists()


@pytest.mark.django_db
def test_the_calendar_shows_every_state(page, owner, plan):
    rent = plan(-700_00, "2026-03-07", unit=Unit.WEEK)
    services.skip_occurrence(schedule=rent, nominal=D("2026-03-14"), actor=owner)
    text = page("plan_calendar", query="?month=2026-03").content.decode()
    assert "March 2026" in text
    assert text.count("calendar-item") == 5  # four of March, and 4 April in its last row
    assert "calendar-skipped" in text
    assert page("plan_calendar", query="?month=0001-01").status_code == 200


PAGES = [
    ("plan", ()), ("plan_calendar", ()), ("plan_schedules", ()), ("plan_schedule_new", ()),
    ("plan_schedule", ("id",)), ("plan_schedule_edit", ("id",)), ("plan_occurrence", ("id", "2026-03-20")),
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "args"), PAGES, ids=[name for name, _args in PAGES])
def test_who_sees_the_pages(page, plan, viewer, editor, stranger, name, args):
    rent = plan(-700_00, "2026-03-20", today="2026-03-15")
    args = [rent.pk if arg == "id" else arg for arg in args]
    for_editors = name in ("plan_schedule_new", "plan_schedule_edit")
    codes = [page(name, *args, user=user).status_code for user in (None, stranger, viewer, editor)]
    assert codes == [302, 404, 403 if for_editors else 200, 200]
    if not for_editors and name in ("plan_schedule", "plan_occurrence"):
        assert page(name, *args, data={"do": "skip"}, user=viewer).status_code == 403


@pytest.mark.django_db
def test_rules_in_words(plan):
    rent = plan(-700_00, "2026-03-20").definition
    told = [
        (rent, "Every month, on day 20"),
        (replace(rent, unit=Unit.WEEK, every=2), "Every 2 weeks, on Friday"),
        (replace(rent, weekday=(5, 4)), "Every month, on the last Friday"),
        (replace(rent, unit=Unit.YEAR), "Every year in March, on day 20"),
        (replace(rent, unit=Unit.DAY, count=1), "Once, on Mar 20, 2026"),
        (replace(rent, amount_kind=AmountKind.VARIABLE, days=(31,)), "Every month, on the last day"),
    ]
    for definition, words in told:
        assert rule_text(definition) == words
