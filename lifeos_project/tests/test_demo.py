"""The demonstration, from the postings to the insights that it is there to show."""

import datetime

import pytest
import time_machine

from finance.demo.services import seed_household
from finance.models import JournalEntry
from identity.models import User
from insights.models import Insight, Kind
from platform_outbox import testing

TODAY = datetime.date(2026, 11, 23)


@pytest.mark.django_db
@time_machine.travel(datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC))
def test_the_demonstration_has_something_for_each_rule():
    owner = User.objects.create_user("demo@example.org", "correct horse battery")
    book = seed_household(owner=owner, months=24, seed=1, today=TODAY)
    testing.drain()
    found = {insight.kind: str(insight) for insight in Insight.objects.filter(book=book).order_by("-raised_at")}
    assert found.keys() == set(Kind.values)
    # Who and how much; how the sentence runs is the insights' own matter.
    for kind, told in {
        "unusual_amount": ["Trattoria Lucia", "€387.50"],
        "possible_duplicate": ["Corrib Hardware", "€64.90"],
        "category_above_usual": ["Restaurants"],
        "low_balance_ahead": ["Checking account"],
    }.items():
        assert all(part in found[kind] for part in told), found[kind]
    rises = [str(each) for each in Insight.objects.filter(book=book, kind="subscription_price_rise")]
    assert any({"Netflix", "€19.99", "€15.99"} <= set(sentence.split()) for sentence in rises)
    for insight in Insight.objects.filter(book=book):
        cited = insight.evidence.exclude(entry=None).values_list("entry_id", flat=True)
        assert JournalEntry.objects.filter(book=book, pk__in=cited).count() == len(set(cited)) > 0
