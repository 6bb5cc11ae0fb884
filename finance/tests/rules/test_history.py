"""Rules over the past: a dry run, then corrections that the ledger itself makes."""

import datetime

import pytest

from finance.errors import Conflict, Invalid
from finance.ledger import services as ledger
from finance.ledger.models import JournalEntry, JournalLine
from finance.ledger.posting import LineDraft
from finance.rules import services
from finance.rules.history import count_matches, dry_run
from finance.rules.models import RuleLog
from finance.rules.selectors import application_for, draft_engine, engine_of
from finance.tags.selectors import tags_of_entries
from finance.tags.services import tag_entries, tags_named
from finance.tests.conftest import TODAY
from platform_outbox.models import OutboxMessage
from platform_outbox.operations.models import OperationRun
from platform_outbox.operations.services import cancel, carry_out


@pytest.fixture
def nowhere(book):
    return book.accounts.get(name="Uncategorised", type="expense")


@pytest.fixture
def shops(spend, nowhere):
    """Three purchases without a category, the oldest first, and one that somebody categorised."""
    return [spend(n * 100, payee="Rewe Markt", on=datetime.date(2026, 3, n), category=nowhere) for n in (1, 2, 3)]


@pytest.fixture
def groceries(save, accounts):
    return save(actions=[{"do": "category", "account": accounts.groceries.pk}])


def carry(application):
    carry_out(run_id=application.run_id, goes_on=lambda: True)
    application.refresh_from_db()
    return application


def category(entry):
    return JournalLine.objects.exclude(account__name="Checking account").get(entry=entry).account.name


def test_a_dry_run_shows_what_would_change_and_changes_nothing(book, shops, groceries, spend, accounts):
    spend(5_00, payee="Rewe", category=accounts.restaurants)
    spend(6_00, payee="Rewe", category=accounts.groceries)
    before = JournalEntry.objects.count()
    found = dry_run(book=book, engine=engine_of(book=book), look_at=3)
    assert ([change.entry.pk for change in found.changes], found.looked, found.kept) == ([shops[2].pk], 3, 1)
    rest = dry_run(book=book, engine=engine_of(book=book), look_at=3, after=found.next_place)
    assert ([change.entry.pk for change in rest.changes], rest.next_place) == ([shops[1].pk, shops[0].pk], None)
    assert dry_run(book=book, engine=engine_of(book=book), since=shops[1].date, until=shops[1].date).looked == 1
    assert JournalEntry.objects.count() == before


def test_a_dry_run_costs_the_same_queries_for_any_number_of_entries(
    book, shops, groceries, spend, nowhere, django_assert_num_queries
):
    engine = engine_of(book=book)
    with django_assert_num_queries(5):
        dry_run(book=book, engine=engine)
    for day in range(4, 15):
        spend(100, payee="Rewe", on=datetime.date(2026, 3, day), category=nowhere)
    with django_assert_num_queries(5):
        dry_run(book=book, engine=engine)


def test_application_corrects_by_the_ledgers_own_means(book, shops, groceries, owner):
    application = services.apply_to_past(book=book, actor=owner, rule=groceries)
    with pytest.raises(Conflict):
        services.apply_to_past(book=book, actor=owner)
    carry(application)
    assert (application.state, application.looked, application.changed, application.left) == ("done", 3, 3, [])
    for entry in shops:
        now = JournalEntry.objects.get(corrects=entry)
        assert (category(now), now.date, now.payee, now.created_by) == ("Groceries", entry.date, "Rewe Markt", owner)
        assert JournalEntry.objects.get(reverses=entry).date == entry.date
        assert RuleLog.objects.get(entry=entry).version == 1
    assert OutboxMessage.objects.filter(event_type="finance.rules.applied").count() == 1
    assert OperationRun.objects.get(pk=application.run_id).result == {"looked at": 3, "corrected": 3, "left": 0}
    # Once more: nothing is left to change.
    assert carry(services.apply_to_past(book=book, actor=owner)).changed == 0


def test_a_worker_that_dies_repeats_nothing(book, shops, groceries, owner):
    application = services.apply_to_past(book=book, actor=owner)
    assert services.apply_step(application_id=application.pk, limit=2) == 2
    application.refresh_from_db()
    assert (application.state, application.changed) == ("running", 2)
    carry(application)
    assert (application.state, application.looked, application.changed) == ("done", 3, 3)
    assert JournalEntry.objects.exclude(corrects=None).count() == 3


def test_it_can_be_cancelled_and_continued(book, shops, groceries, owner):
    application = services.apply_to_past(book=book, actor=owner)
    services.apply_step(application_id=application.pk, limit=1)
    services.cancel_application(application=application)
    assert OperationRun.objects.get(pk=application.run_id).state == "cancelled"
    carry(application)
    assert (application.state, application.changed) == ("cancelled", 1)
    with pytest.raises(Conflict):
        services.cancel_application(application=application)
    carry(services.resume_application(application=application, actor=owner))
    assert (application.state, application.changed) == ("done", 3)


def test_tags_are_put_on_the_past_without_correcting_it(book, shops, save, owner):
    holiday = tags_named(book=book, names=["Holiday"])
    tag_entries(book=book, actor=owner, entry_ids=[shops[0].pk], add=holiday)
    save(actions=[{"do": "tags", "value": ["holiday"]}])
    ledger.close_period(book=book, actor=owner, through=shops[1].date)
    before = JournalEntry.objects.count()
    assert [c.new_tags for c in dry_run(book=book, engine=engine_of(book=book)).changes] == [("holiday",)] * 2
    application = carry(services.apply_to_past(book=book, actor=owner))
    assert (application.changed, application.left_count, JournalEntry.objects.count()) == (2, 0, before)
    tagged = tags_of_entries(book=book, entry_ids=[shop.pk for shop in shops])
    assert {pk: [tag.name for tag in tags] for pk, tags in tagged.items()} == {s.pk: ["Holiday"] for s in shops}
    assert not dry_run(book=book, engine=engine_of(book=book)).changes


@pytest.mark.parametrize("value", [[], ["a"] * 11, "a", [1], ["a,b"], ["x" * 61], None])
def test_tags_are_names(save, value):
    with pytest.raises(Invalid):
        save(actions=[{"do": "tags", "value": value}])


def test_a_run_that_breaks_off_can_be_continued(book, shops, groceries, owner, monkeypatch):
    application = services.apply_to_past(book=book, actor=owner)

    def breaks(**_values):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("finance.operations.apply_step", breaks)
        carry(application)
    assert application.state == "cancelled"
    carry(services.resume_application(application=application, actor=owner))
    assert (application.state, application.changed) == ("done", 3)


def test_an_application_whose_run_is_over_is_not_under_way_for_ever(book, shops, groceries, owner):
    application = services.apply_to_past(book=book, actor=owner)
    with pytest.raises(Conflict):
        services.resume_application(application=application, actor=owner)
    cancel(run_id=application.run_id, by="an operator")
    assert application_for(book=book, application_id=application.pk).stalled
    carry(services.resume_application(application=application, actor=owner))
    assert (application.state, application.changed) == ("done", 3)
    assert not application_for(book=book, application_id=application.pk).stalled


def test_closed_periods_are_left_unless_asked_for(book, shops, groceries, owner):
    ledger.close_period(book=book, actor=owner, through=shops[1].date)
    application = carry(services.apply_to_past(book=book, actor=owner))
    assert (application.changed, application.left_count) == (1, 2)
    assert application.left[0] == {
        "entry": str(shops[0].uid),
        "date": "2026-03-01",
        "payee": "Rewe Markt",
        "why": "Its period is closed.",
    }
    assert carry(services.apply_to_past(book=book, actor=owner, closed_too=True)).changed == 2
    now = JournalEntry.objects.get(corrects=shops[0])
    assert now.date > shops[1].date
    assert JournalEntry.objects.get(reverses=shops[0]).date == now.date


def test_what_people_chose_stays_in_the_past_too(book, save, spend, accounts, owner):
    """RUL-02"""
    chosen = spend(5_00, payee="Rewe", category=accounts.restaurants)
    rule = save(actions=[{"do": "category", "account": accounts.groceries.pk}, {"do": "payee", "value": "REWE"}])
    assert carry(services.apply_to_past(book=book, actor=owner)).changed == 0
    save(actions=rule.definition["actions"], rule=rule, override=True)
    carry(services.apply_to_past(book=book, actor=owner))
    now = JournalEntry.objects.get(corrects=chosen)
    assert (category(now), now.payee) == ("Groceries", "REWE")


def test_the_past_and_an_import_give_the_same(stage, confirm, save, accounts, owner, book):
    """RUL-08: what the bank wrote counts, not what the payee was renamed to."""
    batch = confirm(stage())
    save("Rename", [{"field": "payee", "test": "equals", "value": "kiosk"}], [{"do": "payee", "value": "Corner"}])
    save(
        "Fun",
        [{"field": "payee", "test": "equals", "value": "corner"}],
        [{"do": "category", "account": accounts.restaurants.pk}],
        stop=True,
    )
    save("Never", [{"field": "payee", "test": "equals", "value": "corner"}], [{"do": "note", "value": "never"}])
    assert carry(services.apply_to_past(book=book, actor=owner)).changed == 2
    now = JournalEntry.objects.filter(payee="Corner", corrects__import_rows__batch=batch)
    assert [category(entry) for entry in now] == ["Restaurants", "Restaurants"]
    assert not JournalLine.objects.filter(memo="never").exists()


def test_splits_and_transfers_of_the_past(book, save, spend, accounts, nowhere, owner):
    entry, moved = spend(10_01, payee="Rewe", category=nowhere), spend(5_00, payee="Rewe", category=accounts.savings)
    parts = [
        {"account": accounts.groceries.pk, "percent": "50", "of": "total"},
        {"account": accounts.rent.pk, "rest": True, "note": "half"},
    ]
    save(actions=[{"do": "split", "parts": parts}])
    assert carry(services.apply_to_past(book=book, actor=owner)).changed == 1
    lines = (
        JournalLine.objects.filter(entry__corrects=entry)
        .order_by("position")
        .values_list("account__name", "amount", "memo")
    )
    assert list(lines) == [("Checking account", -1001, ""), ("Groceries", 501, ""), ("Rent", 500, "half")]
    assert not JournalEntry.objects.filter(corrects=moved).exists()


def test_matches_of_a_draft_are_counted(book, shops):
    definition = {
        "match": "all",
        "conditions": [{"field": "amount", "test": "at_least", "value": "2"}],
        "actions": [{"do": "ignore"}],
    }
    found = count_matches(book=book, engine=draft_engine(book=book, definition=definition))
    assert (found.matched, found.looked, [entry.pk for entry in found.examples]) == (2, 3, [shops[2].pk, shops[1].pk])


def test_entries_of_several_currencies_and_openings_are_not_touched(book, accounts, owner, save):
    ledger.post_opening_balance(account=accounts.checking, actor=owner, amount=5_00, on=TODAY)
    dollars = ledger.open_account(book=book, actor=owner, name="Dollars", type="asset", kind="checking", currency="USD")
    ledger.exchange(
        book=book,
        actor=owner,
        date=TODAY,
        source_account=accounts.checking,
        source_amount=1_00,
        target_account=dollars,
        target_amount=1_10,
    )
    ledger.post_entry(
        book=book, actor=owner, date=TODAY, payee="Rent",
        lines=[LineDraft(account_id=accounts.rent.pk, amount=5), LineDraft(account_id=accounts.groceries.pk, amount=-5)],
    )  # fmt: skip
    save(
        conditions=[{"field": "direction", "test": "is", "value": "out"}],
        actions=[{"do": "category", "account": accounts.groceries.pk}],
        override=True,
    )
    assert dry_run(book=book, engine=engine_of(book=book)).changes == []
