"""Orders to pay loans back as scenarios: compared with the forecast, promoted to planned extra payments."""

import datetime
from decimal import Decimal

import pytest

from finance.errors import Conflict, Invalid, NotFound
from finance.forecasts import compare_scenario, compare_strategies
from finance.ledger import services as ledger
from finance.models import LoanMovement, ScenarioStep
from finance.planning.loans.arithmetic import Movement, Terms, amortise
from finance.planning.loans.payoff import Debt, Strategy, pay_off, stretches
from finance.planning.loans.selectors import loans_of, states_of
from finance.planning.loans.services import add_loan
from finance.planning.scenarios import repaying, selectors, services
from finance.tests.api.conftest import api, clients, url
from finance.tests.planning.forecasts.conftest import TODAY
from finance.tests.web.conftest import _today, as_, page, send

__all__ = ["_today", "api", "as_", "clients", "page", "send", "url"]
D = datetime.date


def test_what_debts_get_beside_their_minimums_as_stretches():
    debts = [
        Debt(name="Card", balance=250_00, percent=Decimal(0), minimum=50_00),
        Debt(name="Car", balance=1_000_00, percent=Decimal(0), minimum=50_00),
    ]
    found = pay_off(debts, extra=100_00, order=[0, 1])
    # 150 a month on the card until 100 are left; then all on the car.
    assert found.extras[:3] == ((100_00, 0), (50_00, 50_00), (0, 150_00))
    assert stretches(found.extras) == [(0, 0, 0, 100_00), (0, 1, 1, 50_00), (1, 1, 1, 50_00), (1, 2, 5, 150_00)]
    assert sum(amount * (last - first + 1) for _debt, first, last, amount in stretches(found.extras)) == 800_00
    assert stretches(()) == []


def test_extra_payments_while_something_is_owed_are_never_refused():
    terms = {"principal": 1_000_00, "percent": Decimal(0), "start": D(2026, 1, 1), "first_payment": D(2026, 2, 1)}
    more = [Movement(date=D(2026, month, 15), amount=300_00, while_owed=True) for month in range(1, 10)]
    table = amortise(Terms(**terms, payments=10, movements=tuple(more)))
    assert [row.principal for row in table.rows] == [300_00, 100_00, 300_00, 100_00, 200_00]
    with pytest.raises(Invalid, match="paid back before"):
        amortise(Terms(**terms, payments=10, movements=(Movement(date=D(2027, 1, 15), amount=1),)))


@pytest.fixture
def loans(book, owner, accounts, fund):
    """A car at 3 % (the smaller one) and a kitchen at 12 %, both paid from checking, which holds 20,000.00."""
    fund(20_000_00)
    made = {}
    for name, principal, percent in (("Car", 5_000_00, 3), ("Kitchen", 8_000_00, 12)):
        account = ledger.open_account(
            book=book, actor=owner, name=name, type="liability", kind="loan", currency="EUR",
            opening_balance=-principal, opened_on=D(2026, 3, 1),
        )  # fmt: skip
        made[name] = add_loan(
            book=book, actor=owner, account=account, name=name, principal=principal, percent=Decimal(percent),
            start=D(2026, 3, 1), first_payment=D(2026, 4, 1), payments=48, pays_from=accounts.checking,
            interest_account=accounts.rent,
        )  # fmt: skip
    return made


def made(book, strategy, extra=200_00, order=()):
    return repaying.repayment(
        book=book, states=states_of(book=book, loans=loans_of(book=book), today=TODAY), currency="EUR",
        strategy=strategy, extra=extra, today=TODAY, order=order,
    )  # fmt: skip


@pytest.mark.django_db
def test_strategies_are_compared_with_the_forecast_and_each_other(book, loans):
    found = {each.made.strategy: each for each in compare_strategies(
        book=book, today=TODAY, currency="EUR", extra=200_00, order=[loans["Kitchen"].pk, loans["Car"].pk]
    )}  # fmt: skip
    snowball, avalanche = found[Strategy.SNOWBALL].compared, found[Strategy.AVALANCHE].compared
    # The same leaves the account; what it saves differs.
    assert snowball.end_difference == avalanche.end_difference == -13 * 200_00
    assert avalanche.net_difference > snowball.net_difference > 0
    assert avalanche.interest_saved > snowball.interest_saved > 0
    assert avalanche.owed == snowball.owed > avalanche.owed_changed
    assert [state.loan.name for state in found[Strategy.AVALANCHE].made.loans] == ["Kitchen", "Car"]
    assert found[Strategy.CUSTOM].compared == avalanche
    assert compare_strategies(book=book, today=TODAY, currency="EUR", extra=0, plans=False)[0].compared is None
    with pytest.raises(Invalid, match="names each debt once"):
        made(book, Strategy.CUSTOM, order=[loans["Car"].pk, 10**9])
    with pytest.raises(Invalid, match="Nothing is owed"):
        repaying.repayment(book=book, states=[], currency="EUR", strategy=Strategy.SNOWBALL, extra=1, today=TODAY)


@pytest.mark.django_db
def test_a_strategy_becomes_a_scenario_and_then_planned_payments(book, loans, owner):
    plan = made(book, Strategy.SNOWBALL)
    scenario = repaying.make_scenario(book=book, actor=owner, made=plan, name="Snowball")
    scenario = selectors.scenario_for(book=book, scenario_id=scenario.pk)
    first = scenario.steps.all()[0]
    assert (first.kind, first.source_id, first.amount, first.first) == ("extra", loans["Car"].pk, 200_00, D(2026, 4, 1))
    [before] = compare_scenario(scenario=scenario, today=TODAY).currencies
    done = services.promote(scenario=scenario, actor=owner, today=TODAY)
    assert ({loan.name for loan in done.loans}, done.schedules, done.left) == ({"Car", "Kitchen"}, [], [])
    car = LoanMovement.objects.filter(loan=loans["Car"]).order_by("date")
    assert (car[0].amount, car[0].entry, car[0].saved_by_id) == (200_00, None, owner.pk)
    # What the scenario expected is what the plan expects now.
    empty = services.save_scenario(book=book, actor=owner, name="Nothing")
    [after] = compare_scenario(scenario=empty, today=TODAY).currencies
    assert (after.base.end, after.owed) == (before.changed.end, before.owed_changed)
    with pytest.raises(Conflict, match="Nothing is paid more"):
        repaying.make_scenario(book=book, actor=owner, made=made(book, Strategy.SNOWBALL, extra=0), name="None")
    with pytest.raises(NotFound):
        services.save_step(scenario=empty, actor=owner, kind="extra", first=TODAY, amount=1, source_id=10**9)
    gone = services.save_step(
        scenario=empty, actor=owner, kind="extra", first=TODAY, amount=1, source_id=loans["Car"].pk
    )
    ScenarioStep.objects.filter(pk=gone.pk).update(source_id=10**9)
    fresh = selectors.scenario_for(book=book, scenario_id=empty.pk)
    assert compare_scenario(scenario=fresh, today=TODAY).without_effect == [gone]


@pytest.mark.django_db
def test_over_the_api_and_on_the_page(api, url, page, send, book, loans):
    body = {"name": "Avalanche", "strategy": "avalanche", "extra": "200.00"}
    scenario = api.post(url("scenarios/repayment/"), body, format="json")
    assert scenario.status_code == 201, scenario.json()
    assert scenario.json()["steps"][0]["amount"] == "200.00"
    compared = api.get(url(f"scenarios/{scenario.json()['id']}/compare/")).json()["currencies"][0]
    assert compared["interest_saved"] > "0"
    assert compared["owed"]["forecast"] > compared["owed"]["changed"]
    shown = page("editor", "plan/loans/", extra="200", **{f"place-{loans['Kitchen'].pk}": "1"}).content.decode()
    assert shown.count("Make it a scenario</") + shown.count("Make it a scenario<span") >= 3
    assert "Your own order" in shown
    assert "Make it a scenario" not in page("viewer", "plan/loans/", extra="200").content.decode()
    sent = {"strategy": "snowball", "extra": "200", "order": ""}
    assert send("viewer", "plan/loans/strategies/", sent).status_code == 403
    answer = send("editor", "plan/loans/strategies/", sent)
    assert answer.status_code == 302
    told = page("viewer", answer.url.split(f"/b/{book.pk}/")[1]).content.decode()
    assert "Interest saved over the whole time" in told
    assert "Left less loans" in told
    assert send("editor", "plan/loans/strategies/", {**sent, "strategy": "x"}).status_code == 404
