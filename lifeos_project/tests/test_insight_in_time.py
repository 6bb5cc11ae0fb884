"""From a committed posting to its insight, through a real worker process."""

import datetime
import statistics
import time

import pytest
from django.utils import timezone

from finance.ledger import services
from finance.ledger.models import Account
from finance.ledger.posting import EntryDraft, LineDraft
from identity.models import User
from insights.models import Insight
from platform_outbox.models import OutboxMessage
from platform_outbox.tests.conftest import (  # noqa: F401 (fixtures)
    HOSTS,
    broker_url,
    kind,
    nurseries,
    pool,
    wait_for,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.outbox]

NEVER = 600  # seconds between polls: only a notification may wake the worker
# Without the notification it would take NEVER seconds. It is one on an idle machine; a test machine is seldom idle.
AT_MOST = 60


@pytest.fixture
def household(transactional_db):
    owner = User.objects.create_user("olga@example.org", "correct horse battery")
    book = services.create_book(owner=owner, name="Home", base_currency="EUR", time_zone="Europe/Berlin")
    accounts = {account.name: account for account in Account.objects.filter(book=book, children=None)}
    return book, owner, accounts["Groceries"], accounts["Checking account"]


def _draft(household, amount, *, payee, on):
    _book, _owner, category, checking = household
    return EntryDraft(
        date=on,
        payee=payee,
        lines=[
            LineDraft(account_id=category.pk, amount=amount),
            LineDraft(account_id=checking.pk, amount=-amount),
        ],
    )


@pytest.mark.parametrize("kind", HOSTS[:2], indirect=True)
def test_a_posting_becomes_an_insight_while_somebody_watches(pool, household, kind, record_property, capsys):  # noqa: F811
    book, owner, *_ = household
    today = timezone.localdate()
    history = [
        _draft(
            household,
            20_00 + 7 * number % 900,
            payee=f"Shop {number % 40}",
            on=today - datetime.timedelta(days=number // 3),
        )
        for number in range(2_000)
    ]  # two years, three payments a day
    services.post_entries(book=book, actor=owner, drafts=history, source="import")
    pool.start(1, WORKER_POLL_INTERVAL=NEVER)
    wait_for(lambda: not OutboxMessage.objects.exclude(status="sent").exists(), seconds=60, what="the history")

    taken = []
    for number in range(5):
        for _twice in range(2):
            draft = _draft(household, 49_90, payee=f"Gym {number}", on=today)
            services.post_entry(
                book=book, actor=owner, date=draft.date, lines=draft.lines, payee=draft.payee, source="manual"
            )
        started = time.perf_counter()
        wait_for(
            lambda payee=f"Gym {number}": Insight.objects.filter(book=book, payee=payee).exists(),
            seconds=AT_MOST,
            what=f"the insight ({pool.log()})",
        )
        taken.append(time.perf_counter() - started)

    record_property("seconds", taken)
    with capsys.disabled():
        print(f"\nposting → insight, {kind}: median {statistics.median(taken):.3f} s, worst {max(taken):.3f} s")  # noqa: T201
    found = Insight.objects.filter(book=book, kind="possible_duplicate", payee__startswith="Gym")
    assert {insight.evidence.count() for insight in found} == {2}
    assert found.count() == 5
