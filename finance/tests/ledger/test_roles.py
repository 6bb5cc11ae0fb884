"""What a role can do that is not the owner: the application's, one made without the docs, and one given all there is.

Each attack is one transaction; it must be refused, and nothing may have changed.
"""

import datetime
import re

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from finance.ledger import services
from finance.ledger.grants import grant_application_rights
from finance.ledger.integrity import verify_ledger
from finance.ledger.models import Account, AccountMonth, ChainHead, JournalEntry, JournalLine, PeriodChange, Seal
from finance.ledger.posting import LineDraft
from finance.tests.ledger.roles import DAY, REFUSALS, connect, insert_entry, insert_line, made_role
from identity import audit
from identity.models import AuditRecord

pytestmark = [pytest.mark.ledger_guards, pytest.mark.django_db(transaction=True)]

# Functions that every role may call; what they do to the guards' tables is tested below.
CALLABLE = {"finance_erase_book", "platform_outbox_extend", "platform_outbox_drop", "identity_prune_audit"}


def _rights(*templates):
    def give(role):
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_schema()::text, quote_ident(current_database())")
            schema, database = cursor.fetchone()
            for template in templates:
                cursor.execute(f"GRANT ALL ON {template} TO {role}".format(schema=schema, database=database))

    return give


IN_SCHEMA = [f"ALL {kind} IN SCHEMA {{schema}}" for kind in ("TABLES", "SEQUENCES")]
ROLES = {
    "application": lambda role: grant_application_rights(role=role),
    # CREATE ROLE app LOGIN; GRANT ALL ON ALL TABLES …, and off it goes.
    "newcomer": _rights(*IN_SCHEMA),
    # Every GRANT ALL that can be found on the net, but for ownership.
    "generous": _rights(*IN_SCHEMA, "ALL FUNCTIONS IN SCHEMA {schema}", "DATABASE {database}"),
}


@pytest.fixture(params=ROLES)
def attacker(request, db):
    with made_role(ROLES[request.param]) as connected:
        yield connected


@pytest.fixture
def application(db):
    with made_role(ROLES["application"]) as connected:
        yield connected


@pytest.fixture
def targets(book, owner, stranger, accounts, spend):
    """Two entries, of which one is reversed, seals, an audit record, another book with an entry, a closed period."""
    accounts.entry, accounts.taken_back = spend(10_00, on=DAY), spend(20_00, on=DAY)
    accounts.reversal = services.reverse_entry(entry=accounts.taken_back, actor=owner, on=DAY)
    services.seal_missed()
    other = services.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    names = ("Groceries", "Checking account")
    groceries, checking = (other.accounts.get(name=name) for name in names)
    lines = [LineDraft(account_id=groceries.pk, amount=10_00), LineDraft(account_id=checking.pk, amount=-10_00)]
    accounts.elsewhere = services.post_entry(book=other, actor=stranger, date=DAY, payee="x", lines=lines)
    services.close_period(book=book, actor=owner, through=datetime.date(2026, 1, 31))
    audit.record(action=audit.Action.SIGNED_IN, actor=owner)
    AuditRecord.objects.create(action="signed_in", actor=owner, at=timezone.now() - datetime.timedelta(days=3))
    return accounts


def _contents():
    models = (JournalEntry, JournalLine, AccountMonth, Seal, ChainHead, PeriodChange, AuditRecord)
    kept = [list(model.objects.order_by("pk").values()) for model in models]
    return [*kept, list(Account.objects.order_by("pk").values("id", "type", "currency", "book_id"))]


# --- guards in other hands ---------------------------------------------------------------------------------------------


def _guard_on_a_table_of_ones_own(table, function, *, when, row):
    def attack(raw, book, targets):
        raw.execute(f"CREATE TEMPORARY TABLE mine (LIKE public.{table} INCLUDING DEFAULTS)")
        raw.execute(f"CREATE TRIGGER mine {when} EXECUTE FUNCTION public.{function}()")
        raw.execute(f"INSERT INTO mine {row}")

    attack.__name__ = f"{function}_on_a_table_of_ones_own"
    return attack


MADE_UP_LINE = (
    "(book_id, entry_id, account_id, date, currency, amount, position, memo, id)"
    " SELECT book_id, entry_id, account_id, date, currency, 77700, position, memo, id FROM finance_journalline LIMIT 1"
)
MADE_UP_SEAL = "SELECT book_id, seals + 1, sha256('x'), sealed_at, entry_id FROM finance_chainhead LIMIT 1"
NEW = "REFERENCING NEW TABLE AS"


def _guard_attached_once_more(raw, book, targets):
    raw.execute(
        f"CREATE TRIGGER more AFTER INSERT ON finance_journalline {NEW} posted"
        " FOR EACH STATEMENT EXECUTE FUNCTION finance_post_lines()"
    )
    _post(raw, book, targets)


def _trigger_of_ones_own_that_writes_months(raw, book, targets):
    _write_below_a_trigger(raw, "UPDATE public.finance_accountmonth SET debit = debit + 1")


def _trigger_of_ones_own_that_writes_chain_heads(raw, book, targets):
    _write_below_a_trigger(raw, "UPDATE public.finance_chainhead SET hash = sha256('x')")


def _trigger_of_ones_own_that_forgets_a_closing(raw, book, targets):
    _write_below_a_trigger(raw, "DELETE FROM public.finance_periodchange")


def _write_below_a_trigger(raw, statement):
    raw.execute("CREATE TEMPORARY TABLE mine (id int)")
    raw.execute(
        f"CREATE FUNCTION pg_temp.write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {statement}; RETURN NULL; END $$"
    )
    raw.execute("CREATE TRIGGER mine AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION pg_temp.write()")
    raw.execute("INSERT INTO mine VALUES (1)")


def _account_behind_an_empty_temporary_table(raw, book, targets):
    raw.execute("CREATE TEMPORARY TABLE finance_journalline (account_id bigint)")
    raw.execute("SET search_path = pg_temp, public")
    raw.execute("UPDATE public.finance_account SET type = 'income' WHERE id = %s", [targets.checking.pk])


def _guard_replaced_in_the_schema(raw, book, targets):
    raw.execute("CREATE SCHEMA IF NOT EXISTS mine")
    raw.execute("CREATE OR REPLACE FUNCTION public.finance_refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS"
                " 'BEGIN RETURN NULL; END'")  # fmt: skip


# --- reversals -----------------------------------------------------------------------------------------------------------


def _post(raw, book, targets, *, amounts=(10_00, -10_00), **header):
    entry_id = insert_entry(raw, book, lines=len(amounts), **header)
    accounts = (targets.groceries, targets.checking, targets.cash)
    for position, (account, amount) in enumerate(zip(accounts, amounts, strict=False), start=1):
        insert_line(raw, book, entry_id, account, amount, position=position, date=header.get("date", DAY))
    return entry_id


def _reversal_in_another_book(raw, book, targets):
    _post(raw, book, targets, amounts=(-10_00, 10_00), reverses=targets.elsewhere.pk)


def _reversal_of_the_same_side(raw, book, targets):
    _post(raw, book, targets, reverses=targets.entry.pk)


def _reversal_of_another_amount(raw, book, targets):
    _post(raw, book, targets, amounts=(-9_00, 9_00), reverses=targets.entry.pk)


def _reversal_with_one_line_more(raw, book, targets):
    entry_id = insert_entry(raw, book, lines=4, reverses=targets.entry.pk)
    for position, amount in enumerate((-10_00, 5_00, -5_00), start=1):
        insert_line(raw, book, entry_id, targets.groceries, amount, position=position)
    insert_line(raw, book, entry_id, targets.checking, 10_00, position=4)


def _reversal_on_another_account(raw, book, targets):
    entry_id = insert_entry(raw, book, lines=2, reverses=targets.entry.pk)
    insert_line(raw, book, entry_id, targets.rent, -10_00)
    insert_line(raw, book, entry_id, targets.checking, 10_00, position=2)


def _second_reversal(raw, book, targets):
    _post(raw, book, targets, amounts=(-20_00, 20_00), reverses=targets.taken_back.pk)


def _reversal_of_a_reversal(raw, book, targets):
    _post(raw, book, targets, amounts=(20_00, -20_00), reverses=targets.reversal.pk)


def _correction_of_what_still_stands(raw, book, targets):
    _post(raw, book, targets, corrects=targets.entry.pk)


def _correction_in_another_book(raw, book, targets):
    _post(raw, book, targets, corrects=targets.elsewhere.pk)


# --- times and periods ---------------------------------------------------------------------------------------------------


def _entry_recorded_last_year(raw, book, targets):
    _post(raw, book, targets, created_at=timezone.now() - datetime.timedelta(days=365))


def _entry_recorded_two_minutes_ago(raw, book, targets):
    _post(raw, book, targets, created_at=timezone.now() - datetime.timedelta(minutes=2))


def _entry_recorded_tomorrow(raw, book, targets):
    _post(raw, book, targets, created_at=timezone.now() + datetime.timedelta(days=1))


def _entry_in_a_closed_period(raw, book, targets):
    _post(raw, book, targets, date=datetime.date(2026, 1, 30))


def _statement(text):
    def attack(raw, book, targets):
        raw.execute(text)

    attack.__name__ = re.sub(r"\W+", "_", text)[:60]
    return attack


STATEMENTS = [
    "UPDATE finance_journalentry SET created_at = '2020-01-01', created_by_id = NULL",
    "UPDATE finance_periodchange SET role = 'somebody'",
    "DELETE FROM finance_periodchange",
    "TRUNCATE finance_periodchange",
    "INSERT INTO finance_periodchange (book_id, at, transaction_at, role) SELECT id, now(), now(), 'x' FROM finance_book",
    "TRUNCATE finance_book CASCADE",
    "TRUNCATE finance_account CASCADE",
    "TRUNCATE identity_user CASCADE",
    "SET lifeos.audit_retention = 'on'; DELETE FROM identity_auditrecord",
    "SET lifeos.audit_retention = 'on'; UPDATE identity_auditrecord SET actor_email = 'x'",
    "SET lifeos.audit_retention = 'on'; TRUNCATE identity_auditrecord",
    "SELECT identity_prune_audit(now())",
    "SELECT identity_prune_audit('infinity')",
    "SELECT identity_prune_audit(NULL)",
    "SET session_replication_role = replica",
    "ALTER TABLE finance_journalentry DISABLE TRIGGER ALL",
    "DROP TRIGGER finance_entry_links ON finance_journalentry",
    "ALTER FUNCTION finance_check_entry() RESET search_path",
    "CREATE RULE blind AS ON INSERT TO finance_periodchange DO INSTEAD NOTHING",
]

ATTACKS = [
    _guard_on_a_table_of_ones_own(
        "finance_journalline", "finance_post_lines",
        when=f"AFTER INSERT ON mine {NEW} posted FOR EACH STATEMENT", row=MADE_UP_LINE,
    ),
    _guard_on_a_table_of_ones_own(
        "finance_seal", "finance_continue_chain",
        when=f"AFTER INSERT ON mine {NEW} made FOR EACH STATEMENT",
        row=f"(book_id, seq, hash, sealed_at, entry_id) {MADE_UP_SEAL}",
    ),
    _guard_on_a_table_of_ones_own(
        "finance_monthrebuild", "finance_rebuild_months",
        when="BEFORE INSERT ON mine FOR EACH ROW",
        row="(id, book_id, by, at, removed, written) SELECT 1, id, 'x', now(), 0, 0 FROM finance_book",
    ),
    _guard_on_a_table_of_ones_own(
        "finance_periodchange", "finance_log_closing",
        when="AFTER INSERT ON mine FOR EACH ROW",
        row="(id, book_id, at, transaction_at, role) SELECT 1, id, now(), now(), 'x' FROM finance_book",
    ),
    _guard_attached_once_more,
    _trigger_of_ones_own_that_writes_months,
    _trigger_of_ones_own_that_writes_chain_heads,
    _trigger_of_ones_own_that_forgets_a_closing,
    _account_behind_an_empty_temporary_table,
    _guard_replaced_in_the_schema,
    _reversal_in_another_book,
    _reversal_of_the_same_side,
    _reversal_of_another_amount,
    _reversal_with_one_line_more,
    _reversal_on_another_account,
    _second_reversal,
    _reversal_of_a_reversal,
    _correction_of_what_still_stands,
    _correction_in_another_book,
    _entry_recorded_last_year,
    _entry_recorded_two_minutes_ago,
    _entry_recorded_tomorrow,
    _entry_in_a_closed_period,
    *map(_statement, STATEMENTS),
]  # fmt: skip


def test_no_role_but_the_owner_forges(attacker, book, targets):
    """All attacks on one household: each takes a connection, and all of them must leave it as it was."""
    before = _contents()
    for attack in ATTACKS:
        try:
            with attacker() as raw:
                attack(raw, book, targets)
        except REFUSALS:
            pass
        else:
            pytest.fail(f"{attack.__name__} was not refused")
        assert _contents() == before, attack.__name__
    assert verify_ledger(now=timezone.now()).sound


def test_every_role_posts_reverses_and_corrects(attacker, book, targets):
    """What the attacks above fail at is not that nothing is allowed."""
    with attacker() as raw:
        entry_id = _post(raw, book, targets)
        _post(raw, book, targets, amounts=(-10_00, 10_00), reverses=entry_id)
        _post(raw, book, targets, amounts=(11_00, -11_00), corrects=entry_id)
        # A release that sends the time of its own process keeps working.
        _post(raw, book, targets, created_at=timezone.now() + datetime.timedelta(seconds=20))
    assert verify_ledger(now=timezone.now()).sound


APPLICATION_ONLY = [
    "CREATE TEMPORARY TABLE mine (id int)",
    "CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OPERATOR public.<> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = int8eq)",
    "CREATE SCHEMA mine",
    "CREATE TRIGGER mine BEFORE INSERT ON finance_book FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "SELECT setval('finance_journalentry_id_seq', 1)",
    "SELECT setval('platform_outbox_id_seq', 1)",
    "ALTER SEQUENCE finance_journalentry_id_seq RESTART",
    "DELETE FROM django_migrations",
    "DELETE FROM platform_outbox_first",
    "TRUNCATE platform_outbox",
    "DELETE FROM identity_auditrecord WHERE at < now() - interval '10 years'",
    "COPY finance_journalline TO PROGRAM 'true'",
]


def test_the_application_has_no_tools_to_begin_with(application):
    for statement in APPLICATION_ONLY:
        try:
            with application() as raw:
                raw.execute(statement)
        except psycopg.errors.InsufficientPrivilege:
            pass
        else:
            pytest.fail(f"{statement} was not refused")


def test_a_period_opened_and_closed_again_in_one_transaction_leaves_a_trace(attacker, book, targets):
    forged = datetime.date(2026, 1, 30)
    with attacker() as raw:
        raw.execute("UPDATE finance_book SET closed_through = NULL WHERE id = %s", [book.pk])
        entry_id = _post(raw, book, targets, date=forged)
        raw.execute("UPDATE finance_book SET closed_through = '2026-01-31' WHERE id = %s", [book.pk])
        (role,) = raw.execute("SELECT current_user").fetchone()

    last = datetime.date(2026, 1, 31)
    changes = PeriodChange.objects.filter(book=book).order_by("pk").values_list("closed_before", "closed_after", "role")
    assert list(changes)[1:] == [(last, None, role), (None, last, role)]
    (problem,) = verify_ledger(now=timezone.now()).problems
    assert (problem.code, problem.count) == ("closed_throughout", 1)
    entry = JournalEntry.objects.get(pk=entry_id)
    assert f"entry {entry.uid} is dated {forged} and was recorded while {role} opened" in problem.examples[0]


def test_opening_posting_and_closing_one_after_the_other_is_sound(book, owner, targets, spend):
    services.reopen_period(book=book, actor=owner, through=None)
    spend(1_00, on=datetime.date(2026, 1, 30))
    services.close_period(book=book, actor=owner, through=datetime.date(2026, 1, 31))
    assert PeriodChange.objects.filter(book=book).count() == 3
    assert verify_ledger(now=timezone.now()).sound


def test_the_owner_may_say_when_an_entry_was_recorded(book, targets):
    """As when a journal is moved here from elsewhere."""
    settings = connection.settings_dict
    long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    with connect(user=settings["USER"], password=settings["PASSWORD"]) as raw:
        entry_id = _post(raw, book, targets, created_at=long_ago)
    assert JournalEntry.objects.get(pk=entry_id).created_at == long_ago


def test_entries_carry_the_beginning_of_their_transaction(spend):
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (before,) = cursor.fetchone()
    entry = spend(1_00)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (after,) = cursor.fetchone()
    assert before < entry.created_at < after
    assert JournalEntry.objects.get(pk=entry.pk).created_at == entry.created_at


def test_every_function_of_ours_is_bound():
    """Also those that come later: search path, the trigger that it works for, and who may attach it.

    A function with an SQL body is bound to the objects that it names when it is made.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, prorettype = 'trigger'::regtype, prosecdef, prosrc, coalesce(array_to_string(proconfig, ';'), ''),"
            " EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0)"
            " FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND prosqlbody IS NULL"
        )
        functions = cursor.fetchall()
        cursor.execute(
            "SELECT proname, prosecdef, provolatile FROM pg_proc"
            " WHERE pronamespace = current_schema()::regnamespace AND prosqlbody IS NOT NULL"
        )
        # Nobody's rights but the caller's, and nothing is read or written.
        assert all((as_owner, volatile) == (False, "i") for _name, as_owner, volatile in cursor.fetchall())
    assert len(functions) >= 14
    for name, is_trigger, as_owner, source, settings, for_everybody in functions:
        path = re.search(r"search_path=([^;]*)", settings)
        assert path, name
        # pg_catalog comes first also where it is not named; functions that make tables must not name it.
        assert re.fullmatch(r'(pg_catalog, )?"?public"?, pg_temp', path[1]), name
        assert not for_everybody, name
        assert is_trigger or name in CALLABLE, name
        if is_trigger and as_owner:
            assert "TG_RELID <> '" in source, name
            assert "TG_NAME <> '" in source, name
