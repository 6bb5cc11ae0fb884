"""Budgets that members share: parts that sum, who may set them, and what is refused."""

from decimal import Decimal

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from finance.errors import Invalid, NotFound
from finance.events.plans import BudgetSaved
from finance.models import BudgetShare
from finance.planning.budgets import selectors, services
from finance.planning.budgets.arithmetic import parted
from finance.planning.budgets.models import Budget
from platform_outbox.models import OutboxMessage

SHARES, PERCENT, NOBODY = Budget.SharedBy.SHARES, Budget.SharedBy.PERCENT, Budget.SharedBy.NOBODY


@drawn(
    st.lists(st.integers(-1_000_000, 1_000_000), max_size=12),
    st.lists(st.integers(0, 1_000_000), min_size=1, max_size=5).filter(any),
)
def test_parts_are_integers_that_sum(amounts, weights):
    for amount, parts in zip(amounts, parted(amounts, weights), strict=True):
        assert sum(parts) == amount
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part * sum(weights) - amount * weight) < 2 * sum(weights)
            assert weight or not part


def test_leftover_units_go_to_whoever_is_furthest_behind():
    assert parted([1, 1, 1, -1], [1, 1]) == [[1, 0], [0, 1], [1, 0], [-1, 0]]
    assert parted([10_00, 10_00, 10_00], [1, 1, 1]) == [[334, 333, 333], [333, 334, 333], [333, 333, 334]]


@pytest.fixture
def shared(make, give, spend, accounts, owner, editor):
    """Envelopes in March: 100.00 for groceries of which 33.33 are spent, 0.01 for rent; 55 and 45 per cent."""
    budget = make("envelope")
    for account, amount in ((accounts.groceries, 100_00), (accounts.rent, 1)):
        give(services.add_line(budget=budget, actor=owner, account=account), "2026-03-01", amount)
    spend(33_33)
    services.share_budget(
        budget=budget, actor=owner, shared_by=PERCENT, shares={owner.pk: Decimal(55), editor.pk: Decimal(45)}
    )
    return budget


@pytest.mark.django_db
def test_each_member_bears_a_part_of_every_line(shared, look, owner):
    lines, members = selectors.parts_of(
        view=look(shared, "2026-03-15").view, shares=selectors.shares_of(budget=shared)
    )  # fmt: skip
    assert [line.name for line in lines] == ["Food:Groceries", "Housing:Rent"]
    assert [[part.assigned for part in each.parts] for each in members] == [[55_00, 1], [45_00, 0]]
    assert [[part.spent for part in each.parts] for each in members] == [[18_33, 0], [15_00, 0]]
    assert [each.total.available for each in members] == [36_68, 30_00]
    assert sum(each.total.available for each in members) == look(shared, "2026-03-15").sums.available
    assert [each.share.share for each in members] == ["55", "45"]
    assert {each.set_by_id for each in BudgetShare.objects.filter(budget=shared)} == {owner.pk}


@pytest.mark.django_db
def test_a_line_inside_another_is_in_the_total_once(make, give, spend, accounts, owner, editor, look):
    budget = make("tracking")
    for account in (accounts.expenses, accounts.groceries):
        give(services.add_line(budget=budget, actor=owner, account=account), "2026-03-01", 10_01)
    spend(5_01)
    services.share_budget(
        budget=budget, actor=owner, shared_by=SHARES, shares={owner.pk: Decimal(1), editor.pk: Decimal(1)}
    )
    view = look(budget, "2026-03-15").view
    _lines, members = selectors.parts_of(view=view, shares=selectors.shares_of(budget=budget))
    assert [each.total.spent for each in members] == [2_51, 2_50]
    assert sum(each.total.assigned for each in members) == view.periods[0].assigned == 10_01


@pytest.mark.django_db
def test_what_is_refused(shared, owner, editor, stranger):
    def share(shared_by, shares):
        services.share_budget(budget=shared, actor=owner, shared_by=shared_by, shares=shares)

    one = Decimal(1)
    for shared_by, shares, error, field in (
        (PERCENT, {owner.pk: Decimal("99.99")}, Invalid, "shares"),
        (SHARES, {owner.pk: Decimal(0)}, Invalid, "shares"),
        (SHARES, {}, Invalid, "shares"),
        (NOBODY, {owner.pk: one}, Invalid, "shared_by"),
        (SHARES, {owner.pk: Decimal("0.00001")}, Invalid, f"shares.{owner.pk}"),
        (SHARES, {owner.pk: Decimal("NaN")}, Invalid, f"shares.{owner.pk}"),
        (SHARES, {owner.pk: one, stranger.pk: one}, NotFound, f"shares.{stranger.pk}"),
    ):
        with pytest.raises(error) as refused:
            share(shared_by, shares)
        assert field in refused.value.fields, shares
    assert BudgetShare.objects.filter(budget=shared).count() == 2
    before = OutboxMessage.objects.filter(event_type=BudgetSaved.name).count()
    share(NOBODY, {})
    assert not BudgetShare.objects.filter(budget=shared).exists()
    assert OutboxMessage.objects.filter(event_type=BudgetSaved.name).count() == before + 1


@pytest.mark.django_db
def test_shares_over_the_api(api, url, shared, owner, editor, django_assert_max_num_queries):
    path = url(f"budgets/{shared.pk}/shares/")
    found = api.get(f"{path}?on=2026-03-01").json()
    assert [(each["name"], each["share"], each["total"]["spent"]) for each in found["members"]] == [
        (owner.name or owner.email, "55", "18.33"), (editor.name or editor.email, "45", "15.00"),
    ]  # fmt: skip
    body = {"shared_by": "shares", "shares": [{"member": owner.pk, "share": "2"}, {"member": editor.pk, "share": "1"}]}
    with django_assert_max_num_queries(26):
        answer = api.put(path, body, format="json")
    assert answer.status_code == 200, answer.json()
    assert (answer.json()["shared_by"], answer.json()["members"][1]["share"]) == ("shares", "1")
    body["shares"].append(body["shares"][0])
    assert api.put(path, body, format="json").json()["fields"].keys() == {"shares"}


@pytest.mark.django_db
def test_the_page_shows_and_sets_parts(page, send, shared, owner, editor, book):
    shown = page("viewer", f"plan/budget/{shared.pk}/shares/", on="2026-03-15").content.decode()
    assert "€18.33" in shown
    assert '<form class="plan-form"' not in shown
    path = f"plan/budget/{shared.pk}/shares/"
    wrong = send("editor", path, {"shared_by": "percent", f"share-{owner.pk}": "60"})
    assert wrong.status_code == 400
    assert "sum to 60, not to 100" in wrong.content.decode()
    assert send("editor", path, {"shared_by": "shares", f"share-{owner.pk}": "3"}).status_code == 302
    assert [(each.user_id, each.share) for each in selectors.shares_of(budget=shared)] == [(owner.pk, "3")]
