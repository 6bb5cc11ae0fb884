"""`migrate` from many places: one at a time, and what it does when it is not wanted or cannot."""

import io
import threading
import time

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from lifeos_project.management.commands import migrate


def run(**options) -> str:
    output = io.StringIO()
    call_command("migrate", stdout=output, no_color=True, skip_checks=True, **options)
    return output.getvalue()


def another_process():
    """A connection of its own, as another replica has one."""
    settings = connection.settings_dict
    keys = {"dbname": "NAME", "user": "USER", "host": "HOST", "port": "PORT", "password": "PASSWORD"}
    return psycopg.connect(**{key: settings[name] for key, name in keys.items() if settings[name]}, autocommit=True)


@pytest.mark.django_db
def test_without_run_migrations_an_automatic_start_applies_nothing(settings):
    settings.RUN_MIGRATIONS = False
    assert run(if_wanted=True) == "RUN_MIGRATIONS is false: no migration is applied.\n"


@pytest.mark.django_db
def test_an_automatic_start_with_nothing_to_do_is_quick(django_assert_max_num_queries):
    with django_assert_max_num_queries(7):
        assert run(if_wanted=True) == "No migrations to apply.\n"


@pytest.mark.django_db(transaction=True)
def test_migrate_waits_for_the_one_that_is_at_it_and_holds_no_snapshot_meanwhile():
    done = threading.Event()

    def start() -> None:
        run(if_wanted=True)
        connection.close()
        done.set()

    with another_process() as other:
        other.execute("SELECT pg_advisory_lock(%s)", [migrate.LOCK])
        waiting = threading.Thread(target=start)
        waiting.start()
        time.sleep(0.5)
        assert not done.is_set()
        # CREATE INDEX CONCURRENTLY in the other one would wait for every snapshot to go away.
        held = other.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_xmin IS NOT NULL"
            " AND pid <> pg_backend_pid()"
        ).fetchone()
        assert held == (0,)
        other.execute("SELECT pg_advisory_unlock(%s)", [migrate.LOCK])
        waiting.join(30)
    assert done.is_set()


@pytest.mark.django_db
def test_the_lock_is_given_back(settings):
    run(if_wanted=True)
    with another_process() as other:
        assert other.execute("SELECT pg_try_advisory_lock(%s)", [migrate.LOCK]).fetchone() == (True,)


@pytest.mark.django_db
def test_a_database_that_does_not_answer_is_told_in_a_sentence(free_port):
    from django.db.backends.postgresql.base import DatabaseWrapper

    away = DatabaseWrapper({**connection.settings_dict, "HOST": "127.0.0.1", "PORT": str(free_port()), "OPTIONS": {}})
    with pytest.raises(CommandError, match="The database does not answer: "):
        migrate._wait_for_database(away, seconds=0.1)


@pytest.mark.django_db
def test_a_database_of_a_build_before_the_first_release_is_refused_with_what_to_do():
    refused = pytest.raises(CommandError, match=r"build before the first release.*export_book")
    with refused, transaction.atomic():
        MigrationRecorder(connection).record_applied("finance", "0001_initial")
        run(if_wanted=True)
    # One that has only a part of the migrations that are one by now.
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DROP TABLE finance_recurringinvoice CASCADE")
        run(if_wanted=True)
    for app, name in (("finance", "0030_members_shares_and_fed_goals"), ("identity", "0004_member_accounts")):
        with refused, transaction.atomic():
            MigrationRecorder(connection).record_unapplied(app, name)
            run(if_wanted=True)


@pytest.mark.django_db
def test_a_database_that_has_all_that_were_brought_together_needs_nothing():
    """Of such a build are the names of the old migrations, and not that of the new one."""
    recorder = MigrationRecorder(connection)
    assert ("finance", "0031_recurring_invoices") in recorder.applied_migrations()
    recorder.record_unapplied("finance", "0004_search")
    assert "No migrations to apply" in run(if_wanted=True)
