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
    assert "Trattoria Lucia took €387.50" in found["unusual_amount"]
    assert "Corrib Hardware took €64.90 2 times" in found["possible_duplicate"]
    assert "Checking account is about to go below zero" in found["low_balance_ahead"]
    rises = [str(each) for each in Insight.objects.filter(book=book, kind="subscription_price_rise")]
    assert any("Netflix costs €19.99 a month instead of €15.99" in sentence for sentence in rises)
    for insight in Insight.objects.filter(book=book):
        cited = insight.evidence.values_list("entry_id", flat=True)
        assert JournalEntry.objects.filter(book=book, pk__in=cited).count() == len(set(cited)) > 0
