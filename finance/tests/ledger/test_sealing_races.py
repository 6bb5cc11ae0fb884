"""Sealing beside posting, beside other sealing, and by processes that are killed: each entry once, none left out."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from finance.ledger import services
from finance.ledger.integrity import verify_ledger
from finance.ledger.models import JournalEntry, Seal
from finance.ledger.posting import LineDraft
from finance.tests.conftest import TODAY
from finance.tests.ledger.test_races import at_once
from platform_outbox import testing
from platform_outbox.tests.conftest import database_url, wait_for

pytestmark = [pytest.mark.ledger_guards, pytest.mark.django_db(transaction=True)]


def sealed():
    return list(Seal.objects.order_by("book_id", "seq").values_list("entry_id", flat=True))


def assert_each_is_sealed_once():
    assert sorted(sealed()) == sorted(JournalEntry.objects.values_list("pk", flat=True))
    report = verify_ledger(now=timezone.now())
    assert report.sound, report.problems
    assert report.seals == report.entries


def test_posting_and_sealing_at_the_same_time_seals_each_entry_once(book, owner, accounts):
    lines = [LineDraft(account_id=accounts.rent.pk, amount=5), LineDraft(account_id=accounts.cash.pk, amount=-5)]
    posting = threading.Barrier(3)
    done = threading.Event()

    def post():
        for _ in range(12):
            entry = services.post_entry(book=book, actor=owner, date=TODAY, lines=lines)
            # As the handler of its event would, while the job and the other handlers are at it.
            services.seal_entries(posted={book.pk: [entry.pk - 1, entry.pk]})
        if posting.wait(timeout=60) == 0:
            done.set()

    def seal_all_the_time():
        while not done.is_set():
            services.seal_missed()

    assert at_once(post, post, post, seal_all_the_time, seal_all_the_time) == [None] * 5
    assert len(sealed()) == JournalEntry.objects.count() == 36
    assert_each_is_sealed_once()


def test_an_entry_that_commits_after_a_younger_one_is_not_passed_over(book, owner, accounts, spend):
    lines = [LineDraft(account_id=accounts.rent.pk, amount=5), LineDraft(account_id=accounts.cash.pk, amount=-5)]
    posted, may_commit = threading.Event(), threading.Event()

    def post_slowly():
        with transaction.atomic():
            entry = services.post_entry(book=book, actor=owner, date=TODAY, lines=lines)
            posted.set()
            assert may_commit.wait(timeout=30)
        return entry

    def seal_meanwhile():
        assert posted.wait(timeout=30)
        younger = spend(1_00)
        testing.drain()
        services.seal_missed()
        assert sealed() == [younger.pk]
        may_commit.set()
        return younger

    older, younger = at_once(post_slowly, seal_meanwhile)
    assert older.pk < younger.pk
    testing.drain()
    assert sealed() == [younger.pk, older.pk]
    assert_each_is_sealed_once()


KILLED = """
import sys, time
import django
django.setup()
from finance.ledger import chain, services
from finance.ledger.services import sealing

sealing.AT_ONCE, linked, link = 5, [], chain.link

def hang_in_the_fifth_slice(previous, document):
    linked.append(document)
    if len(linked) == 23:
        print("inside", flush=True)
        time.sleep(600)
    return link(previous, document)

chain.link = hang_in_the_fifth_slice
services.seal_missed()
"""


@pytest.mark.long
def test_a_killed_process_leaves_whole_slices_and_another_goes_on(book, spend):
    entries = [spend(1_00).pk for _ in range(40)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "lifeos_project.test_settings",
        "DATABASE_URL": database_url(connection.settings_dict),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED], cwd=settings.BASE_DIR, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "inside\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert sealed() == entries[:20]

    # The chain is held until the server notices that its holder is gone; then the next one continues.
    wait_for(lambda: services.seal_missed() == 20, what="the rest")

    assert sealed() == entries
    assert_each_is_sealed_once()


@pytest.mark.parametrize("seal_first", [True, False])
def test_who_posts_never_waits_for_who_seals(book, owner, accounts, spend, seal_first):
    waiting = spend(1_00)
    with transaction.atomic():
        if seal_first:
            services.seal_entries(posted={book.pk: [waiting.pk]})
        else:
            with connection.cursor() as cursor:
                cursor.execute("SELECT FROM finance_chainhead FOR UPDATE")

        # With the chain of the book held by us, somebody else posts, reverses and closes.
        def post():
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '5s'")
            lines = [
                LineDraft(account_id=accounts.rent.pk, amount=5),
                LineDraft(account_id=accounts.cash.pk, amount=-5),
            ]
            entry = services.post_entry(book=book, actor=owner, date=TODAY, lines=lines)
            services.reverse_entry(entry=entry, actor=owner, on=TODAY)
            services.close_period(book=book, actor=owner, through=TODAY)

        assert at_once(post) == [None]
    services.seal_missed()
    assert len(sealed()) == 3
    assert_each_is_sealed_once()
