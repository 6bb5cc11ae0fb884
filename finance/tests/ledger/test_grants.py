import datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from finance.errors import Invalid
from finance.ledger import services
from finance.ledger.grants import grant_application_rights
from finance.ledger.models import AccountMonth, JournalEntry, JournalLine
from finance.ledger.posting import LineDraft
from platform_outbox import retention
from platform_outbox.testing import drain

ROLE = "lifeos_grant_test"
ALL_RIGHTS = {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"}

pytestmark = [pytest.mark.django_db, pytest.mark.ledger_guards]


@pytest.fixture
def role(db):
    """An unprivileged role that lives as long as the test's transaction."""
    execute(f"CREATE ROLE {ROLE} NOLOGIN")
    return ROLE


def execute(statement, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


@transaction.atomic
def execute_as(role, statement):
    execute(f"SET LOCAL ROLE {role}")
    execute(statement)


def rights_on(table):
    return {
        right
        for right in ALL_RIGHTS
        if execute(f"SELECT has_table_privilege('{ROLE}', '{table}', '{right}')") == [(True,)]
    }


def test_every_table_gets_exactly_its_rights(role):
    tables = grant_application_rights(role=role)
    special = {
        "finance_journalentry": {"SELECT", "INSERT"},
        "finance_journalline": {"SELECT", "INSERT"},
        "finance_seal": {"SELECT", "INSERT"},
        "finance_accountmonth": {"SELECT"},
        "finance_chainhead": {"SELECT"},
        "finance_periodchange": {"SELECT"},
        "identity_auditrecord": {"SELECT", "INSERT"},
        "django_migrations": {"SELECT"},
    }
    assert special.keys() < set(tables)
    assert "platform_outbox" in tables
    for table in tables:
        assert rights_on(table) == special.get(table, {"SELECT", "INSERT", "UPDATE", "DELETE"}), table


def test_rights_given_by_hand_are_taken_back(role):
    execute(f"GRANT ALL ON finance_journalline, finance_accountmonth TO {role}")
    execute(f"GRANT CREATE ON SCHEMA {execute('SELECT current_schema()')[0][0]} TO {role}")
    grant_application_rights(role=role)
    assert rights_on("finance_journalline") == {"SELECT", "INSERT"}
    assert rights_on("finance_accountmonth") == {"SELECT"}
    assert execute(f"SELECT has_schema_privilege('{role}', current_schema(), 'CREATE')") == [(False,)]


def test_granting_twice_changes_nothing(role):
    assert grant_application_rights(role=role) == grant_application_rights(role=role)


def test_the_role_can_post_correct_and_close(role, book, owner, accounts, spend):
    grant_application_rights(role=role)
    execute(f"SET LOCAL ROLE {role}")
    entry = spend(12_34)
    services.correct_entry(
        entry=entry,
        actor=owner,
        date=entry.date,
        payee="Market",
        description="",
        on=entry.date,
        lines=[
            LineDraft(account_id=accounts.groceries.pk, amount=10_00),
            LineDraft(account_id=accounts.checking.pk, amount=-10_00),
        ],
    )
    services.close_period(book=book, actor=owner, through=datetime.date(2026, 1, 31))
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert drain() > 0  # the worker connects as the same role
    execute("RESET ROLE")
    assert JournalEntry.objects.count() == 3
    assert AccountMonth.objects.get(account=accounts.groceries).debit == 22_34


def test_the_role_can_add_and_drop_the_outboxs_partitions(role, spend):
    spend(12_34)
    execute("ALTER SEQUENCE platform_outbox_id_seq RESTART WITH 2000000")
    grant_application_rights(role=role)
    execute(f"SET LOCAL ROLE {role}")
    spend(12_34)
    drain()
    assert retention.extend() == 1
    later = timezone.now() + datetime.timedelta(days=1)
    dropped = ("platform_outbox_first", "platform_outbox_from_1000000")
    assert retention.prune(everywhere=False, before=later).partitions == dropped
    # Nothing but what those two functions do.
    with pytest.raises(ProgrammingError, match="must be owner"), transaction.atomic():
        execute("DROP TABLE platform_outbox_from_2000000")
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        execute("DELETE FROM platform_outbox_from_2000000")
    # Reading it is what pg_dump does, also of a partition that was made after the rights were given.
    execute("SELECT count(*) FROM platform_outbox_from_2000000")


def test_a_role_without_rights_cannot_touch_the_partitions(role):
    for call in ("platform_outbox_extend(1000000, 9)", "platform_outbox_drop('platform_outbox_first', now())"):
        with pytest.raises(ProgrammingError, match="permission denied for function"):
            execute_as(role, f"SELECT {call}")


def test_partitions_can_be_read_and_nothing_else(role):
    assert not [table for table in grant_application_rights(role=role) if table.startswith("platform_outbox_f")]
    assert rights_on("platform_outbox_first") == {"SELECT"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE finance_journalline SET memo = 'x'",
        "DELETE FROM finance_journalline",
        "TRUNCATE finance_journalline CASCADE",
        "UPDATE finance_journalentry SET payee = 'x'",
        "DELETE FROM finance_journalentry",
        "INSERT INTO finance_accountmonth SELECT * FROM finance_accountmonth",
        "UPDATE finance_accountmonth SET debit = 0",
        "ALTER TABLE finance_journalline DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "CREATE TABLE smuggled (id int)",
    ],
)
def test_the_role_cannot_rewrite(role, spend, statement):
    entry = spend(12_34)
    grant_application_rights(role=role)
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        execute_as(role, statement)
    assert JournalLine.objects.filter(entry=entry).count() == 2


def test_a_superuser_is_refused(db):
    [(superuser,)] = execute("SELECT current_user")
    with pytest.raises(Invalid, match="needs a role of its own"):
        grant_application_rights(role=superuser)


def test_a_role_that_may_become_the_owner_is_refused(role):
    [(owner_of_tables,)] = execute("SELECT current_user")
    execute(f'GRANT "{owner_of_tables}" TO {role}')
    with pytest.raises(Invalid, match="needs a role of its own"):
        grant_application_rights(role=role)


def test_the_command_names_an_unknown_role(db):
    with pytest.raises(CommandError, match="no database role named nobody-here"):
        call_command("grant_app_role", role="nobody-here")


def test_the_command_counts_the_tables(role, capsys):
    call_command("grant_app_role", role=role)
    assert f"{role} has the application's rights on" in capsys.readouterr().out
