"""From postings to insights and back: raising, repeating, correcting, resolving, passing."""

import dataclasses
import datetime
import random

import pytest

from finance.events.journal import JournalPosted
from insights.handlers import evaluate_postings
from insights.models import Insight, RuleSetting
from insights.services import dismiss, evaluate, evaluate_day
from insights.tests.conftest import NOW
from platform_outbox.registry import Context
from platform_outbox.testing import drain

pytestmark = pytest.mark.django_db

MARCH = datetime.date(2026, 3, 10)


def _open(book):
    """What stands open, as (kind, sentence, cited entries)."""
    rows = Insight.objects.open().filter(book=book).order_by("dedup_key").prefetch_related("evidence")
    return [
        (row.kind, row.sentence, [each.entry_id for each in sorted(row.evidence.all(), key=lambda e: e.position)])
        for row in rows
    ]


def test_a_posting_raises_an_insight_that_cites_it_through_the_outbox(book, every_month, spend, clock):
    usual = every_month(80_00, payee="Stadtwerke")
    bill = spend(320_00, payee="Stadtwerke", on=MARCH)

    drain()

    insight = Insight.objects.get(kind="unusual_amount")
    assert insight.sentence == ("Stadtwerke took €320.00 on Mar 10, 2026; usually about €80 (median of 6 payments).")
    cited = list(insight.evidence.order_by("position").values_list("entry_id", "role", "amount"))
    assert cited[0] == (bill.pk, "subject", 320_00)
    assert sorted(each[0] for each in cited[1:]) == [entry.pk for entry in usual]
    assert (insight.state, insight.book_id, insight.rule_version) == ("new", book.pk, 2)
    assert insight.thresholds["times_percent"] == 150
    assert insight.event_id is not None


def test_the_insight_names_the_event_that_raised_it(book, every_month, spend, clock):
    from platform_outbox.models import OutboxMessage

    every_month(80_00, payee="Stadtwerke")
    bill = spend(320_00, payee="Stadtwerke", on=MARCH)
    drain()
    event = OutboxMessage.objects.get(payload__entry_ids=[bill.pk])
    assert Insight.objects.get(kind="unusual_amount").event_id == event.pk


def test_the_same_events_again_change_nothing(book, every_month, spend, clock):
    entries = [*every_month(80_00, payee="Stadtwerke"), spend(320_00, payee="Stadtwerke", on=MARCH)]
    ids = [entry.pk for entry in entries]
    assert evaluate(book_id=book.pk, entry_ids=ids, now=NOW) == 2  # the bill, and its category
    before = _open(book), list(Insight.objects.values())

    assert evaluate(book_id=book.pk, entry_ids=ids, now=NOW + datetime.timedelta(minutes=5)) == 0

    assert (_open(book), list(Insight.objects.values())) == before


def test_the_order_of_events_does_not_matter(book, every_month, spend, accounts, clock):
    entries = [
        *every_month(80_00, payee="Stadtwerke"),
        *every_month(12_99, payee="Netflix", day=7),
        spend(13_99, payee="Netflix", on=datetime.date(2026, 3, 7)),
        spend(320_00, payee="Stadtwerke", on=MARCH),
        spend(49_90, payee="Gym", on=MARCH),
        spend(49_90, payee="Gym", on=datetime.date(2026, 3, 12)),
        spend(60_00, payee="Shop", on=datetime.date(2025, 10, 1), category=accounts.restaurants),
    ]
    ids = [entry.pk for entry in entries]
    evaluate(book_id=book.pk, entry_ids=ids, now=NOW)
    together = _open(book)
    assert {kind for kind, *_ in together} >= {"unusual_amount", "possible_duplicate", "subscription_price_rise"}

    for seed in range(3):
        Insight.objects.all().delete()
        shuffled = list(ids)
        random.Random(seed).shuffle(shuffled)
        for entry_id in shuffled:
            evaluate(book_id=book.pk, entry_ids=[entry_id], now=NOW)
        assert _open(book) == together


def test_an_insight_whose_entry_was_taken_back_resolves_itself(book, owner, spend, ledger, clock):
    first, second = spend(49_90, payee="Gym", on=MARCH), spend(49_90, payee="Gym", on=MARCH)
    drain()
    assert [kind for kind, *_ in _open(book)] == ["possible_duplicate"]

    ledger.reverse_entry(entry=second, actor=owner, on=MARCH)
    drain()

    assert _open(book) == []
    assert Insight.objects.get().state == "resolved"
    assert first.pk in Insight.objects.get().evidence.values_list("entry_id", flat=True)


def test_a_correction_moves_the_evidence_to_the_new_entry(book, owner, spend, ledger, accounts, clock):
    first, second = spend(49_90, payee="Gym", on=MARCH), spend(49_90, payee="Gym", on=MARCH)
    drain()
    replacement = ledger.correct_entry(
        entry=second,
        actor=owner,
        date=MARCH,
        payee="Gym",
        description="Guest card",
        on=MARCH,
        lines=[
            ledger.LineDraft(account_id=accounts.restaurants.pk, amount=49_90),
            ledger.LineDraft(account_id=accounts.checking.pk, amount=-49_90),
        ],
    )
    drain()
    [(kind, _, cited)] = _open(book)
    assert (kind, cited) == ("possible_duplicate", [first.pk, replacement.pk])
    assert Insight.objects.count() == 1


def test_correcting_the_amount_resolves_what_was_said_of_the_old_one(
    book, owner, every_month, spend, ledger, accounts, clock
):
    every_month(80_00, payee="Stadtwerke")
    bill = spend(820_00, payee="Stadtwerke", on=MARCH)
    drain()
    ledger.correct_entry(
        entry=bill, actor=owner, date=MARCH, payee="Stadtwerke", description="", on=MARCH,
        lines=[
            ledger.LineDraft(account_id=accounts.groceries.pk, amount=82_00),
            ledger.LineDraft(account_id=accounts.checking.pk, amount=-82_00),
        ],
    )  # fmt: skip
    drain()
    assert [kind for kind, *_ in _open(book)] == []


def test_what_was_dismissed_does_not_come_back(book, owner, spend, clock):
    spend(49_90, payee="Gym", on=MARCH)
    spend(49_90, payee="Gym", on=MARCH)
    drain()
    dismiss(insight=Insight.objects.get(), actor=owner, now=NOW)
    spend(10_00, payee="Gym", on=MARCH)
    drain()
    assert Insight.objects.get().state == "dismissed"


def test_a_third_equal_charge_is_news_even_after_a_dismissal(book, owner, spend, clock):
    for _ in range(2):
        spend(49_90, payee="Gym", on=MARCH)
    drain()
    dismiss(insight=Insight.objects.get(), actor=owner, now=NOW)
    spend(49_90, payee="Gym", on=MARCH)
    drain()
    assert sorted(Insight.objects.values_list("state", flat=True)) == ["dismissed", "new"]


def test_what_resolved_and_holds_again_is_new_again(book, owner, spend, ledger, clock):
    spend(49_90, payee="Gym", on=MARCH)
    second = spend(49_90, payee="Gym", on=MARCH)
    drain()
    ledger.reverse_entry(entry=second, actor=owner, on=MARCH)
    drain()
    spend(49_90, payee="Gym", on=MARCH)
    drain()
    assert [row.state for row in Insight.objects.all()] == ["new"]


def test_time_passes_insights_by(book, spend, clock):
    spend(49_90, payee="Gym", on=datetime.date(2025, 6, 1))
    spend(49_90, payee="Gym", on=datetime.date(2025, 6, 1))
    drain()
    assert Insight.objects.get().state == "new"  # the books end in June: that is their present

    spend(5_00, payee="Bakery", on=MARCH)
    drain()
    assert Insight.objects.get().state == "expired"


def test_old_entries_beside_new_ones_are_history_not_news(book, spend, clock):
    spend(5_00, payee="Bakery", on=MARCH)
    spend(49_90, payee="Gym", on=datetime.date(2025, 6, 1))
    spend(49_90, payee="Gym", on=datetime.date(2025, 6, 1))
    drain()
    assert not Insight.objects.exists()


def test_a_back_dated_entry_changes_what_is_said_of_later_ones(book, every_month, spend, clock):
    """The bill looked unusual until two older ones of that size were written down as well."""
    every_month(80_00, payee="Stadtwerke")
    spend(320_00, payee="Stadtwerke", on=MARCH)
    drain()
    assert len(_open(book)) >= 1
    for month in (7, 8):
        spend(330_00, payee="Stadtwerke", on=datetime.date(2025, month, 3))
    drain()
    assert [kind for kind, *_ in _open(book) if kind == "unusual_amount"] == []


def test_transfers_between_own_accounts_raise_nothing(book, accounts, spend, clock):
    for _ in range(2):
        spend(500_00, payee="Me", on=MARCH, category=accounts.savings)
    drain()
    assert not Insight.objects.exists()


def test_a_split_payment_counts_as_what_left_the_account(book, owner, accounts, ledger, every_month, clock):
    every_month(80_00, payee="Market")
    ledger.post_entry(
        book=book, actor=owner, date=MARCH, payee="Market",
        lines=[
            ledger.LineDraft(account_id=accounts.groceries.pk, amount=250_00),
            ledger.LineDraft(account_id=accounts.restaurants.pk, amount=70_00),
            ledger.LineDraft(account_id=accounts.cash.pk, amount=50_00),  # drawn at the till
            ledger.LineDraft(account_id=accounts.checking.pk, amount=-370_00),
        ],
    )  # fmt: skip
    drain()
    found = Insight.objects.get(kind="unusual_amount")
    assert found.params["amount"] == {"amount": "370.00", "currency": "EUR"}


def test_a_category_far_above_its_months_is_told_once(book, accounts, spend, clock):
    for month in range(9, 13):
        spend(200_00, payee=f"Inn {month}", on=datetime.date(2025, month, 8), category=accounts.restaurants)
    for month in (1, 2):
        spend(200_00, payee=f"Inn {month}", on=datetime.date(2026, month, 8), category=accounts.restaurants)
    feast = spend(450_00, payee="Feast", on=MARCH, category=accounts.restaurants)
    drain()
    [(kind, text, cited)] = _open(book)
    assert (kind, cited) == ("category_above_usual", [feast.pk, *[None] * 6])
    assert (
        text == "Restaurants: €450.00 so far in March 2026; usually about €200 in a whole month (median of 6 months)."
    )


def test_a_balance_that_will_not_last_is_told_before_the_day(book, owner, accounts, ledger, every_month, clock):
    every_month(900_00, payee="Landlord", day=28, category=accounts.rent)
    ledger.post_entry(
        book=book, actor=owner, date=MARCH, payee="Gift",
        lines=[
            ledger.LineDraft(account_id=accounts.checking.pk, amount=6_000_00),
            ledger.LineDraft(account_id=accounts.salary.pk, amount=-6_000_00),
        ],
    )  # fmt: skip
    drain()
    [(kind, text, _)] = _open(book)
    assert kind == "low_balance_ahead"
    assert text == (
        "Checking account is set to drop below zero on Mar 28, 2026: it holds €600.00, "
        "with Landlord (€900.00, Mar 28, 2026) due by then."
    )


def test_a_quiet_day_brings_a_low_balance_near(book, owner, accounts, ledger, every_month, clock, monkeypatch):
    every_month(900_00, payee="Landlord", day=28, category=accounts.rent)
    ledger.post_entry(
        book=book, actor=owner, date=datetime.date(2026, 2, 28), payee="Gift",
        lines=[
            ledger.LineDraft(account_id=accounts.checking.pk, amount=7_000_00),
            ledger.LineDraft(account_id=accounts.salary.pk, amount=-7_000_00),
        ],
    )  # fmt: skip
    ledger.begin_days(now=NOW)
    drain()
    assert _open(book) == []  # enough for March, and April is too far ahead
    later = NOW + datetime.timedelta(days=14)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    ledger.begin_days(now=later)
    drain()
    assert [kind for kind, _, _ in _open(book)] == ["low_balance_ahead"]


def test_a_quiet_day_of_a_book_without_watched_accounts_asks_little(book, accounts, django_assert_max_num_queries):
    for account in (accounts.checking, accounts.cash):
        type(account).objects.filter(pk=account.pk).update(kind="investment")
    with django_assert_max_num_queries(5):
        assert evaluate_day(book_id=book.pk, now=NOW) == 0


def test_what_was_said_of_an_account_resolves_when_it_is_closed(book, owner, accounts, ledger, spend, clock):
    Insight.objects.create(
        book=book, kind="low_balance_ahead", rule_version=1, severity="warning", template="low_balance_ahead_zero",
        params={}, thresholds={}, dedup_key="x", scope=f"account:{accounts.cash.pk}", subject_date=MARCH,
        raised_at=NOW, last_raised_at=NOW, state_changed_at=NOW,
    )  # fmt: skip
    ledger.close_account(account=accounts.cash, actor=owner, on=MARCH)
    drain()
    assert Insight.objects.get().state == "resolved"


def test_switched_off_nothing_is_looked_at(book, spend, settings, clock, django_assert_num_queries):
    settings.ENABLE_INSIGHTS = False
    for _ in range(2):
        spend(49_90, payee="Gym", on=MARCH)
    drain()
    assert not Insight.objects.exists()
    event = JournalPosted(book_id=book.pk, entry_ids=(1,), source="manual")
    with django_assert_num_queries(0):
        evaluate_postings([event], [Context(1, "insights.observe", 1, NOW)])


def test_a_rule_can_be_switched_off_for_one_book(book, spend, clock):
    RuleSetting.objects.create(book=book, kind="possible_duplicate", enabled=False)
    for _ in range(2):
        spend(49_90, payee="Gym", on=MARCH)
    drain()
    assert not Insight.objects.exists()


def test_the_books_own_thresholds_win_over_the_installations(book, spend, clock):
    RuleSetting.objects.create(kind="possible_duplicate", thresholds={"days": 0}, enabled=False)
    RuleSetting.objects.create(book=book, kind="possible_duplicate", thresholds={"days": 5}, enabled=True)
    spend(49_90, payee="Gym", on=MARCH)
    spend(49_90, payee="Gym", on=datetime.date(2026, 3, 15))
    drain()
    assert Insight.objects.get().thresholds["days"] == 5


def test_unusable_stored_thresholds_do_not_stop_the_books(book, spend, clock, caplog):
    RuleSetting.objects.create(kind="possible_duplicate", thresholds={"dayz": 0})
    for _ in range(2):
        spend(49_90, payee="Gym", on=MARCH)
    drain()
    assert Insight.objects.count() == 1
    assert "The stored thresholds of possible_duplicate are not usable" in caplog.text


def test_books_do_not_see_each_other(book, owner, spend, accounts, ledger, clock):
    other = ledger.create_book(owner=owner, name="Club", base_currency="EUR", time_zone="Europe/Berlin")
    spend(49_90, payee="Gym", on=MARCH)
    second = spend(49_90, payee="Gym", on=MARCH)
    assert evaluate(book_id=other.pk, entry_ids=[second.pk], now=NOW) == 0
    assert not Insight.objects.exists()


def _statement(ledger, accounts, rows, payees):
    return [
        ledger.EntryDraft(
            date=datetime.date(2024, 3, 1) + datetime.timedelta(days=index * 740 // rows),
            payee=f"Shop {index % payees}",
            lines=[
                ledger.LineDraft(account_id=accounts.groceries.pk, amount=10_00 + index % 7_00),
                ledger.LineDraft(account_id=accounts.checking.pk, amount=-10_00 - index % 7_00),
            ],
        )
        for index in range(rows)
    ]


def test_an_import_of_ten_thousand_entries_is_looked_at_with_a_fixed_number_of_queries(
    book, owner, accounts, ledger, clock, django_assert_max_num_queries
):
    drafts = _statement(ledger, accounts, rows=9_998, payees=400)
    drafts += [dataclasses.replace(drafts[-1], payee="Gym") for _ in range(2)]
    ids = ledger.post_entries(book=book, actor=owner, drafts=drafts, source="import")

    with django_assert_max_num_queries(30):
        evaluate(book_id=book.pk, entry_ids=ids, now=NOW)

    [duplicate] = Insight.objects.filter(book=book, kind="possible_duplicate")
    assert list(duplicate.evidence.values_list("entry_id", flat=True)) == ids[-2:]


def test_one_entry_is_looked_at_with_as_many_queries_as_a_hundred(
    book, owner, accounts, ledger, clock, django_assert_max_num_queries
):
    ids = ledger.post_entries(
        book=book, actor=owner, drafts=_statement(ledger, accounts, rows=100, payees=9), source="import"
    )
    with django_assert_max_num_queries(30):
        evaluate(book_id=book.pk, entry_ids=ids[:1], now=NOW)
    with django_assert_max_num_queries(30):
        evaluate(book_id=book.pk, entry_ids=ids, now=NOW)
