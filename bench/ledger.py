"""The ledger against the raw limit in the same run: posting, taking back, bulk posting, balances, registers.

python bench/ledger.py            100,000 entries, a few minutes
python bench/ledger.py --quick    10,000 entries, under a minute
python bench/ledger.py --entries 1000000
python bench/ledger.py --no-peers  without django-hordak
"""

import argparse
import datetime
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import peers

if __name__ == "__main__":
    peers.enter()

import harness
from django.core.management import call_command, get_commands
from django.db import connection
from psycopg.conninfo import make_conninfo

from finance.ledger import services
from finance.ledger.models import Account, JournalEntry
from finance.ledger.posting import EntryDraft, LineDraft
from finance.ledger.registers import register_page
from finance.ledger.selectors import accounts_of, months_of, trial_balance
from identity.models import User

FIRST_DAY = datetime.date(2016, 1, 1)
LAST_DAY = datetime.date(2025, 12, 31)
DAYS = (LAST_DAY - FIRST_DAY).days

# The same tables with the same indexes and foreign keys, without triggers: what a program without guards can reach.
RAW_TABLES = """
CREATE TABLE raw_entry (LIKE finance_journalentry INCLUDING ALL);
CREATE TABLE raw_line (LIKE finance_journalline INCLUDING ALL);
ALTER TABLE raw_entry ADD FOREIGN KEY (book_id) REFERENCES finance_book (id);
ALTER TABLE raw_line ADD FOREIGN KEY (entry_id, book_id, date) REFERENCES raw_entry (id, book_id, date),
                     ADD FOREIGN KEY (account_id, book_id, currency) REFERENCES finance_account (id, book_id, currency);
"""

RAW_POST = """
WITH entry AS (
    INSERT INTO raw_entry (book_id, uid, date, payee, description, source, line_count, created_at)
    VALUES (%(book)s, gen_random_uuid(), %(date)s, %(payee)s, '', 'manual', %(count)s, now()) RETURNING id
)
INSERT INTO raw_line (book_id, entry_id, account_id, date, currency, amount, position, memo)
SELECT %(book)s, entry.id, line.account, %(date)s, 'EUR', line.amount, line.position, ''
  FROM entry, unnest(%(accounts)s::bigint[], %(amounts)s::bigint[]) WITH ORDINALITY AS line (account, amount, position)
"""


class Household:
    """A book of sixty accounts and an endless supply of entries of two and three lines over ten years."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.owner = User.objects.create_user(f"bench{seed}@example.org", None)
        self.book = services.create_book(
            owner=self.owner, name="Bench", base_currency="EUR", time_zone="Europe/Berlin", template="household"
        )
        parent = Account.objects.get(book=self.book, name="Expenses")
        for number in range(14):
            services.open_account(
                book=self.book, actor=None, name=f"Extra {number}", type="expense", kind="category", currency="EUR",
                parent=parent,
            )  # fmt: skip
        postable = Account.objects.filter(book=self.book).postable()
        self.categories = list(postable.filter(type__in=["expense", "income"]).values_list("pk", flat=True))
        self.checking = Account.objects.select_related("book").get(book=self.book, name="Checking account")
        self.card = Account.objects.get(book=self.book, name="Credit card")

    def draft(self) -> EntryDraft:
        day = FIRST_DAY + datetime.timedelta(days=self.random.randrange(DAYS))
        account = self.checking.pk if self.random.random() < 0.7 else self.card.pk
        parts = [self.random.randrange(100, 20_000) for _ in range(1 if self.random.random() < 0.7 else 2)]
        lines = [LineDraft(account_id=self.random.choice(self.categories), amount=part) for part in parts]
        lines.append(LineDraft(account_id=account, amount=-sum(parts)))
        return EntryDraft(date=day, payee=f"Shop {self.random.randrange(300)}", lines=lines)

    def drafts(self, count: int) -> list[EntryDraft]:
        return [self.draft() for _ in range(count)]


def post_singly(household: Household, count: int) -> float:
    drafts = household.drafts(count)

    def work() -> None:
        for draft in drafts:
            services.post_entry(
                book=household.book, actor=household.owner, date=draft.date, lines=draft.lines, payee=draft.payee
            )

    return harness.rate(count, work)


def post_singly_raw(household: Household, count: int) -> float:
    drafts = household.drafts(count)
    with harness.raw_connection(autocommit=True) as raw, raw.cursor() as cursor:

        def work() -> None:
            for draft in drafts:
                cursor.execute(
                    RAW_POST,
                    {
                        "book": household.book.pk,
                        "date": draft.date,
                        "payee": draft.payee,
                        "count": len(draft.lines),
                        "accounts": [line.account_id for line in draft.lines],
                        "amounts": [line.amount for line in draft.lines],
                    },
                    prepare=True,
                )

        return harness.rate(count, work)


def _posted(household: Household, count: int) -> list[JournalEntry]:
    ids = services.post_entries(
        book=household.book, actor=household.owner, drafts=household.drafts(count), source="import"
    )
    return list(JournalEntry.objects.filter(pk__in=ids).select_related("book"))


def reverse_singly(household: Household, count: int) -> float:
    entries = _posted(household, count)

    def work() -> None:
        for entry in entries:
            services.reverse_entry(entry=entry, actor=household.owner, on=LAST_DAY)

    return harness.rate(count, work)


def correct_singly(household: Household, count: int) -> float:
    entries, drafts = _posted(household, count), household.drafts(count)

    def work() -> None:
        for entry, draft in zip(entries, drafts, strict=True):
            services.correct_entry(
                entry=entry, actor=household.owner, date=draft.date, lines=draft.lines, payee=draft.payee,
                description="", on=LAST_DAY,
            )  # fmt: skip

    return harness.rate(count, work)


def post_to_one_account(household: Household, count: int, posters: int) -> float:
    """Entries per second of that many threads that all post to one account and month, so each waits for the others."""
    shares = [household.categories[place::posters] for place in range(posters)]
    barrier = threading.Barrier(posters + 1)

    def work(categories: list[int]) -> None:
        connection.ensure_connection()
        barrier.wait()
        for number in range(count // posters):
            lines = [
                LineDraft(account_id=categories[number % len(categories)], amount=5),
                LineDraft(account_id=household.checking.pk, amount=-5),
            ]
            services.post_entry(book=household.book, actor=household.owner, date=LAST_DAY, lines=lines)
        connection.close()

    with ThreadPoolExecutor(posters) as pool:
        running = [pool.submit(work, share) for share in shares]
        barrier.wait()
        return harness.rate(count, lambda: [each.result() for each in running])


def post_in_bulk(household: Household, count: int) -> float:
    drafts = household.drafts(count)
    return harness.rate(
        count,
        lambda: services.post_entries(book=household.book, actor=household.owner, drafts=drafts, source="import"),
    )


def post_in_bulk_raw(household: Household, count: int) -> float:
    drafts = household.drafts(count)
    with harness.raw_connection(autocommit=False) as raw:

        def work() -> None:
            cursor = raw.cursor()
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence('raw_entry', 'id')), gen_random_uuid()"
                " FROM generate_series(1, %s)", [count]
            )  # fmt: skip
            keys = cursor.fetchall()
            with cursor.copy(
                "COPY raw_entry (id, uid, book_id, date, payee, description, source, line_count, created_at) FROM STDIN"
            ) as copy:
                now = datetime.datetime.now(datetime.UTC)
                for key, draft in zip(keys, drafts, strict=True):
                    copy.write_row((*key, household.book.pk, draft.date, draft.payee, "", "i", len(draft.lines), now))
            with cursor.copy(
                "COPY raw_line (book_id, entry_id, account_id, date, currency, amount, position, memo) FROM STDIN"
            ) as copy:
                for (entry_id, _), draft in zip(keys, drafts, strict=True):
                    for position, line in enumerate(draft.lines, 1):
                        copy.write_row((
                            household.book.pk, entry_id, line.account_id, draft.date, "EUR", line.amount, position, "",
                        ))  # fmt: skip
            raw.commit()

        return harness.rate(count, work)


SQL_TRIAL_BALANCE = """
SELECT account_id, sum(debit - credit) FROM finance_accountmonth WHERE book_id = %s GROUP BY account_id
"""
SQL_REGISTER = """
WITH base AS (
    SELECT coalesce(sum(debit - credit), 0) AS total FROM finance_accountmonth
     WHERE account_id = %(account)s AND month < date_trunc('month', %(day)s::date)
), page AS (
    SELECT id, date, amount FROM finance_journalline
     WHERE account_id = %(account)s AND date <= %(day)s ORDER BY date DESC, id DESC LIMIT 50
), month AS (
    SELECT id, sum(amount) OVER (ORDER BY date, id) AS running FROM finance_journalline
     WHERE account_id = %(account)s AND date >= date_trunc('month', %(day)s::date) AND date <= %(day)s
)
SELECT page.id, page.date, page.amount, base.total + month.running
  FROM page CROSS JOIN base LEFT JOIN month USING (id) ORDER BY page.date DESC, page.id DESC
"""
SQL_MONTHS = """
SELECT account_id, month, debit - credit FROM finance_accountmonth WHERE book_id = %s
"""


def _sql(statement: str, parameters: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def reading_runs(household: Household) -> dict:
    past = datetime.date(2022, 12, 17)
    early = datetime.date(2016, 12, 20)
    book, checking = household.book, household.checking
    deep = f"{early.isoformat()}:{2**62}"

    def timed(work):
        return ("ms", lambda: harness.milliseconds(work, times=15))

    return {
        "sql trial balance from months": timed(lambda: _sql(SQL_TRIAL_BALANCE, [book.pk])),
        "trial balance today (tree, paths, totals)": timed(lambda: trial_balance(book=book, as_of=None)),
        "trial balance three years back": timed(lambda: trial_balance(book=book, as_of=past)),
        "sql register page": timed(lambda: _sql(SQL_REGISTER, {"account": checking.pk, "day": LAST_DAY})),
        "register first page": timed(lambda: register_page(accounts=[checking])),
        "register page nine years deep": timed(lambda: register_page(accounts=[checking], after=deep)),
        "sql account months, ten years": timed(lambda: _sql(SQL_MONTHS, [book.pk])),
        "account months, ten years": timed(lambda: months_of(book=book, first=FIRST_DAY, last=LAST_DAY)),
        "account tree": timed(lambda: accounts_of(book=book)),
    }


def hledger_run(household: Household) -> dict:
    """The whole command of a text ledger on the same book, where it is installed."""
    if shutil.which("hledger") is None or "export_book" not in get_commands():
        return {}
    directory = Path(tempfile.mkdtemp())
    journal = directory / "book.journal"
    call_command("export_book", book=household.book.pk, format="hledger", output=journal)

    def run() -> float:
        return harness.milliseconds(
            lambda: subprocess.run(["hledger", "-f", journal, "bal"], check=True, capture_output=True), times=1
        )

    return {"hledger bal (whole command)": ("ms", run)}


def hordak_runs(peer: Callable[[str, int], float] | None, singles: int, bulk: int) -> dict:
    if peer is None:
        return {}
    return {
        "django-hordak, one by one": ("entries/s", lambda: peer("one", singles // 2)),
        "django-hordak, in bulk": ("entries/s", lambda: peer("bulk", bulk // 2)),
    }


@contextmanager
def hordak() -> Iterator[Callable[[str, int], float] | None]:
    """How many entries a second django-hordak posts, given "one" or "bulk" and their number; None where it is not installed.

    It has a database of its own on the same server.
    """
    if not peers.has("hordak"):
        yield None
        return
    settings, name = connection.settings_dict, "lifeos_bench_hordak"
    conninfo = make_conninfo(
        dbname=name, host=settings["HOST"], port=settings["PORT"], user=settings["USER"], password=settings["PASSWORD"]
    )
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {name}")
    script = Path(__file__).parent / "ledger_app" / "hordak_peer.py"
    with subprocess.Popen(
        [sys.executable, script, conninfo], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("django-hordak did not start")

        def rate(way: str, count: int) -> float:
            print(way, count, file=process.stdin, flush=True)
            return float(process.stdout.readline())

        yield rate
        process.stdin.close()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000, help="entries in the book before reading is measured")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="10,000 entries")
    parser.add_argument("--no-peers", action="store_true", help="without django-hordak")
    options = parser.parse_args()
    entries = 10_000 if options.quick else options.entries
    with harness.scratch_database(), hordak() as peer:
        with connection.cursor() as cursor:
            cursor.execute(RAW_TABLES)
        household = Household(seed=1)
        post_in_bulk(household, 5_000)  # nobody's first thousand: plans and pages are warm
        post_in_bulk_raw(household, 5_000)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        singles, bulk = (200, 2_000) if options.quick else (1_000, 10_000)
        writing = harness.interleaved(
            {
                "raw single statement": ("entries/s", lambda: post_singly_raw(household, singles)),
                "post_entry": ("entries/s", lambda: post_singly(household, singles)),
                "reverse_entry": ("entries/s", lambda: reverse_singly(household, singles // 2)),
                "correct_entry": ("entries/s", lambda: correct_singly(household, singles // 2)),
                "one account, 1 poster": ("entries/s", lambda: post_to_one_account(household, singles, 1)),
                "one account, 16 posters": ("entries/s", lambda: post_to_one_account(household, 2 * singles, 16)),
                "raw COPY": ("entries/s", lambda: post_in_bulk_raw(household, bulk)),
                "post_entries": ("entries/s", lambda: post_in_bulk(household, bulk)),
                **hordak_runs(peer, singles, bulk),
            },
            repetitions=options.repetitions,
        )
        for start in range(0, entries, 20_000):
            post_in_bulk(household, min(20_000, entries - start))
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")  # as autovacuum leaves a book at rest
        reading = harness.interleaved(
            {**reading_runs(household), **hledger_run(household)}, repetitions=options.repetitions
        )
        ratios = [
            harness.Ratio("post_entry", "raw single statement", 0.55),
            harness.Ratio("reverse_entry", "post_entry", 0.7),
            harness.Ratio("correct_entry", "post_entry", 0.7),
            harness.Ratio("one account, 16 posters", "one account, 1 poster", 1.0),
            harness.Ratio("post_entries", "raw COPY", 0.85),
            harness.Ratio("post_entries", "post_entry", 20),
            harness.Ratio("register first page", "sql register page", 4, at_most=True),
            harness.Ratio("register page nine years deep", "register first page", 1.5, at_most=True),
            harness.Ratio("account months, ten years", "sql account months, ten years", 3, at_most=True),
        ]
        if peer:
            ratios += [
                harness.Ratio("post_entry", "django-hordak, one by one", 2),
                harness.Ratio("post_entries", "django-hordak, in bulk", 4),
            ]
        if "hledger bal (whole command)" in reading:
            ratios.append(
                harness.Ratio("hledger bal (whole command)", "trial balance today (tree, paths, totals)", 200)
            )
        harness.report(title=f"ledger-{entries}", figures={**writing, **reading}, ratios=ratios)


if __name__ == "__main__":
    main()
    raise SystemExit(harness.status())
