"""Nothing on a request path needs to scan the lines: every read has an index path.

In a book of a few thousand lines a scan is honestly cheaper, so the planner is asked with scans priced out of reach; a
read that has no index path shows its scan nevertheless.
"""

import datetime
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from finance.exports.journal import journal_of
from finance.exports.proof import proof
from finance.ledger import chain, integrity, plans, services
from finance.ledger.models import JournalEntry
from finance.ledger.posting import EntryDraft, LineDraft
from finance.ledger.registers import Filters, register_page
from finance.ledger.selectors import balances, months_of, trial_balance
from finance.tests.conftest import TODAY

pytestmark = pytest.mark.long


@pytest.fixture
def busy_book(book, owner, accounts):
    drafts = [
        EntryDraft(
            date=TODAY - datetime.timedelta(days=index % 1500),
            payee=f"Shop {index % 40}",
            lines=[
                LineDraft(account_id=accounts.groceries.pk, amount=100 + index % 7),
                LineDraft(account_id=accounts.checking.pk, amount=-100 - index % 7),
            ],
        )
        for index in range(6000)
    ]
    services.post_entries(book=book, actor=owner, drafts=drafts, source="import")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE finance_journalline, finance_journalentry, finance_accountmonth, finance_account")
    return book


@pytest.mark.django_db
@pytest.mark.parametrize(
    "read",
    [
        lambda book, account: register_page(accounts=[account]),
        lambda book, account: register_page(accounts=[account], after="2023-05-01:99999999"),
        lambda book, account: register_page(accounts=[account], filters=Filters(search="Shop 3")),
        lambda book, account: balances(book=book, as_of=datetime.date(2024, 7, 17)),
        lambda book, account: trial_balance(book=book, as_of=None),
        lambda book, account: months_of(book=book, first=datetime.date(2025, 1, 1), last=TODAY),
    ],
    ids=["first page", "deep page", "search", "past balances", "trial balance", "months"],
)
def test_no_read_scans_entries_or_lines(busy_book, accounts, read, django_capture_queries):
    for sql in django_capture_queries(lambda: read(busy_book, accounts.checking)):
        plan = _plan(sql)
        assert "Seq Scan on finance_journalline" not in plan, plan
        assert "Seq Scan on finance_journalentry" not in plan, plan


@pytest.mark.django_db
@pytest.mark.ledger_guards
def test_the_guard_of_positions_probes_each_entry_though_the_journal_was_empty_when_the_server_looked():
    """As after an import that was rolled back; reading all new lines for each new entry took a minute for 20,000."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE finance_journalentry")
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'finance_post_lines'")
        (statement,) = re.findall(r"SELECT found\.\*.*?LIMIT 1", cursor.fetchone()[0], re.DOTALL)
        cursor.execute(
            "CREATE TEMP TABLE posted ON COMMIT DROP AS"
            " SELECT 1 AS book_id, number / 2 AS entry_id, 1 + number % 2 AS position"
            " FROM generate_series(1, 40000) AS number"
        )
        cursor.execute("ANALYZE posted")
        cursor.execute("SET LOCAL enable_seqscan = off")  # as in services.post_entries
        cursor.execute("EXPLAIN " + statement.replace("INTO misplaced", ""))
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index Cond: (id = posted.entry_id)" in plan, plan
    assert "Index Cond: (book_id" not in plan, plan
    assert "Join" not in plan, plan
    assert "Nested Loop" not in plan, plan


@pytest.mark.django_db
def test_neither_sealing_nor_walking_along_the_chain_scans_for_each_slice(busy_book, django_capture_queries):
    services.seal_missed()
    ids = list(JournalEntry.objects.order_by("pk").values_list("pk", flat=True)[:2_000])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE finance_seal")
        cursor.execute("SET LOCAL enable_seqscan = on")  # posting in bulk has switched it off
        for work in (
            lambda: list(chain.judged(book=busy_book, after=chain.Place(busy_book.pk, 4_000))),
            lambda: services.seal_entries(posted={busy_book.pk: ids}),
            chain.waiting_seconds,
        ):
            explained = [sql for sql in django_capture_queries(work) if "finance_seal" in sql]
            assert explained
            for sql in explained:
                with plans.by_index():  # as both run it
                    cursor.execute("EXPLAIN " + sql)
                    plan = "\n".join(line for (line,) in cursor.fetchall())
                for table in ("finance_seal", "finance_journalentry", "finance_journalline"):
                    assert f"Seq Scan on {table}" not in plan, plan


@pytest.mark.django_db
def test_a_deep_page_of_the_register_reads_no_more_of_the_index_than_the_first(
    busy_book, accounts, django_capture_queries
):
    pages_read = {}
    for name, after in (("first", None), ("deep", "2022-12-01:99999999")):
        sql, *_ = django_capture_queries(lambda: register_page(accounts=[accounts.checking], after=after))  # noqa: B023
        pages_read[name] = _pages_read(sql, index="finance_line_register")

    assert 0 < pages_read["deep"] <= pages_read["first"] + 5


def _pages_read(sql, *, index):
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT json) " + sql)
        (plan,) = cursor.fetchone()[0]
    return sum(
        node["Shared Hit Blocks"] + node["Shared Read Blocks"]
        for node in _nodes(plan["Plan"])
        if node.get("Index Name") == index
    )


def _nodes(node):
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)


@pytest.fixture
def django_capture_queries():
    """SQL of a call with its parameters filled in."""
    from django.test.utils import CaptureQueriesContext

    def capture(call):
        with CaptureQueriesContext(connection) as captured:
            call()
        return [
            query["sql"] for query in captured.captured_queries if query["sql"].lstrip().startswith(("SELECT", "WITH"))
        ]

    return capture


def _plan(sql):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + sql)
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.mark.django_db
def test_a_large_posting_after_small_ones_does_not_read_the_tables_from_end_to_end(book, owner, accounts, spend):
    # The session keeps the plans of its foreign keys and guards from the days when the tables were tiny.
    for number in range(24):
        spend(1_00)
        if number == 12:
            execute("ANALYZE finance_journalentry, finance_journalline, finance_account")
    lines = (
        LineDraft(account_id=accounts.groceries.pk, amount=1_00),
        LineDraft(account_id=accounts.checking.pk, amount=-1_00),
    )
    drafts = [EntryDraft(date=TODAY, lines=lines)] * 2_000
    before = rows_read_from_end_to_end()
    services.post_entries(book=book, actor=owner, drafts=drafts, source="import")
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert rows_read_from_end_to_end() - before < 20 * len(drafts)


def execute(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def rows_read_from_end_to_end():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(seq_tup_read)::bigint FROM pg_stat_xact_user_tables"
            " WHERE relname IN ('finance_journalentry', 'finance_journalline', 'finance_account')"
        )
        return cursor.fetchone()[0]


# Whatever the server believes of the tables -------------------------------------------------------------------------

BELIEFS = {
    # As a restored dump leaves it, or an import before autovacuum comes by.
    "nothing": "DELETE FROM pg_statistic WHERE starelid::regclass::text LIKE 'finance_%%';"
    " UPDATE pg_class SET reltuples = -1, relpages = 0, relallvisible = 0 WHERE relname LIKE 'finance_%%'",
    # As after an import that was rolled back and vacuumed: pages, and no row in them.
    "empty tables": "DELETE FROM pg_statistic WHERE starelid::regclass::text LIKE 'finance_%%';"
    " UPDATE pg_class SET reltuples = 0, relpages = greatest(relpages, 1) WHERE relname LIKE 'finance_%%'",
    # As analyzed when the journal had one entry: each look-up of an entry's lines seems to find all lines.
    "one entry": "UPDATE pg_statistic SET stadistinct = 1, stakind1 = 0, stakind2 = 0, stakind3 = 0, stakind4 = 0,"
    " stanumbers1 = NULL, stanumbers2 = NULL, stanumbers3 = NULL, stanumbers4 = NULL, stavalues1 = NULL,"
    " stavalues2 = NULL, stavalues3 = NULL, stavalues4 = NULL WHERE starelid::regclass::text LIKE 'finance_%%'",
    "the truth": "SELECT 1",
}
# Rows that a statement may read for each row there is: a few look-ups, or a few passes.
A_FEW = 12


@pytest.fixture(params=BELIEFS)
def misled(request, busy_book, owner, accounts):
    """A sealed book of 6,600 entries with 600 reversals, 40 corrections, and a server that believes what it is told."""
    entries = list(JournalEntry.objects.filter(book=busy_book).order_by("pk")[:640])
    services.reverse_entries(book=busy_book, actor=owner, entries=entries[:600], on=TODAY)
    lines = [
        LineDraft(account_id=accounts.groceries.pk, amount=5),
        LineDraft(account_id=accounts.checking.pk, amount=-5),
    ]
    for entry in entries[600:]:
        services.correct_entry(
            entry=entry, actor=owner, date=TODAY, lines=lines, payee="Shop", description="", on=TODAY
        )
    services.seal_missed()
    services.close_period(book=busy_book, actor=owner, through=TODAY - datetime.timedelta(days=1))
    execute("SET LOCAL enable_seqscan = on")  # posting in bulk has switched it off
    execute("ANALYZE")
    execute(BELIEFS[request.param])
    execute("SELECT pg_stat_force_next_flush()")
    execute("DISCARD PLANS")
    return busy_book


def rows_touched(work):
    """Rows of the ledger's tables that were read from end to end, and index entries that were followed."""

    def so_far():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(sum(seq_tup_read), 0)::bigint, coalesce(sum(idx_tup_read), 0)::bigint FROM ("
                " SELECT seq_tup_read, 0 AS idx_tup_read FROM pg_stat_xact_user_tables WHERE relname LIKE 'finance_%%'"
                " UNION ALL SELECT 0, pg_stat_get_xact_tuples_returned(indexrelid) FROM pg_stat_user_indexes"
                " WHERE relname LIKE 'finance_%%') AS seen"
            )
            return cursor.fetchone()

    before = so_far()
    work()
    return sum(so_far()) - sum(before)


def there_are():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM finance_journalline) + (SELECT count(*) FROM finance_journalentry)"
            " + (SELECT count(*) FROM finance_accountmonth)"
        )
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_no_check_reads_the_tables_for_each_row_whatever_the_server_believes(misled):
    few = A_FEW * there_are()
    for book in (None, misled):
        read = {check.code: rows_touched(lambda: integrity._run(check, book=book)) for check in integrity.CHECKS}  # noqa: B023
        assert {code: rows for code, rows in read.items() if rows >= few} == {}


@pytest.mark.django_db
def test_nothing_that_takes_a_whole_book_reads_the_tables_for_each_row(misled):
    ids = list(JournalEntry.objects.values_list("pk", flat=True))
    work = {
        "walk": lambda: list(chain.judged(book=misled, after=chain.Place())),
        "look": lambda: services.seal_missed(book=misled),
        "seal": lambda: services.seal_entries(posted={misled.pk: ids}),
        "overdue": lambda: integrity._overdue(book=None, now=timezone.now()),
        "rebuild": lambda: services.rebuild_months(book=misled, by="test"),
        "export of the proof": lambda: list(proof(misled)),
        "export of the journal": lambda: list(journal_of(book=misled)),
    }
    few = A_FEW * there_are()
    assert {name: rows for name, call in work.items() if (rows := rows_touched(call)) >= few} == {}


@pytest.mark.django_db
@pytest.mark.ledger_guards
def test_the_guards_look_lines_up_wherever_they_are_called_from():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE 'enable_seqscan=off' = ANY(proconfig) AND proname LIKE 'finance_%%'"
            " ORDER BY 1"
        )
        assert [name for (name,) in cursor.fetchall()] == [
            "finance_check_entry",
            "finance_post_lines",
            "finance_rebuild_months",
        ]


# Plans that a session keeps -----------------------------------------------------------------------------------------


def statements_of(call):
    with CaptureQueriesContext(connection) as captured:
        call()
    return [query["sql"] for query in captured.captured_queries]


@pytest.mark.django_db
def test_a_few_entries_taken_back_or_corrected_leave_the_session_its_plans(owner, book, accounts, spend):
    lines = [
        LineDraft(account_id=accounts.groceries.pk, amount=5),
        LineDraft(account_id=accounts.checking.pk, amount=-5),
    ]
    few, single, other = [spend(1_00) for _ in range(99)], spend(1_00), spend(1_00)

    def correct():
        services.correct_entry(entry=other, actor=owner, date=TODAY, lines=lines, payee="", description="", on=TODAY)

    for work in (
        correct,
        lambda: services.reverse_entry(entry=single, actor=owner, on=TODAY),
        lambda: services.reverse_entries(book=book, actor=owner, entries=few, on=TODAY),
    ):
        statements = statements_of(work)
        assert "DISCARD PLANS" not in statements
        assert not [each for each in statements if "enable_seqscan" in each]
    many = [EntryDraft(date=TODAY, lines=lines)] * 100
    posting = statements_of(lambda: services.post_entries(book=book, actor=owner, drafts=many, source="import"))
    assert posting.count("DISCARD PLANS") == 1


@pytest.mark.django_db(transaction=True)
def test_a_large_load_leaves_statistics_of_what_there_is(book, owner, accounts, monkeypatch):
    monkeypatch.setattr(plans, "BULK", 500)
    lines = (
        LineDraft(account_id=accounts.groceries.pk, amount=1_00),
        LineDraft(account_id=accounts.checking.pk, amount=-1_00),
    )

    def believed():
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE relname = 'finance_journalline'")
            return cursor.fetchone()[0]

    def of_words():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stats::text FROM pg_stats WHERE tablename = 'finance_entry_words'")
            return cursor.fetchall()

    words = of_words()
    execute("ANALYZE finance_journalline")
    services.post_entries(book=book, actor=owner, drafts=[EntryDraft(date=TODAY, lines=lines)] * 499, source="import")
    assert believed() in (-1, 0)
    services.post_entries(book=book, actor=owner, drafts=[EntryDraft(date=TODAY, lines=lines)] * 500, source="import")
    assert believed() == 1998
    assert of_words() == words  # left to autovacuum


@pytest.mark.django_db
@pytest.mark.ledger_guards
def test_a_guard_looks_lines_up_by_their_entry_whatever_indexes_of_the_book_there_are():
    """With the statistics of an empty journal an index of the book looks as good, and reads all lines for each entry.

    10,000 rows of a bank file took twenty seconds to commit.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE finance_journalentry, finance_journalline")
        cursor.execute("SET LOCAL enable_seqscan = off")  # as the guards run
        for name in ("finance_check_entry", "finance_check_links"):
            cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [name])
            looked_up = re.findall(
                r"FROM (finance_journal\w+)(?: AS \w+)?\s+WHERE ([^()]*?book_id[^()]*?= NEW.book_id)",
                cursor.fetchone()[0],
            )
            assert looked_up
            for table, condition in looked_up:
                condition = re.sub(r"NEW\.\w+", "1", condition).replace("reversal.", "")
                cursor.execute(f"EXPLAIN SELECT count(*) FROM {table} WHERE {condition}")
                plan = "\n".join(row[0] for row in cursor.fetchall())
                assert "Index Cond: (book_id" not in plan, (name, plan)
