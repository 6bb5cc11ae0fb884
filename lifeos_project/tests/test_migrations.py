"""Every migration of ours can be taken back and applied again, and the models ask for no further one."""

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

pytestmark = pytest.mark.long

OURS = ["backups", "insights", "finance", "platform_outbox", "identity"]


def test_the_models_ask_for_no_further_migration(db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.parametrize("app", [app for app in OURS if apps.is_installed(app)])
def test_every_operation_has_its_reverse(app):
    loader = MigrationLoader(None)
    for (label, name), migration in loader.disk_migrations.items():
        if label == app:
            for operation in migration.operations:
                assert operation.reversible, f"{label}.{name}: {operation.describe()}"


@pytest.mark.ledger_guards
@pytest.mark.django_db(transaction=True)
def test_the_guards_can_be_taken_away_and_put_back():
    call_command("migrate", "finance", "0002", verbosity=0)
    assert "finance_check_entry" not in _functions()

    call_command("migrate", verbosity=0)

    assert {"finance_check_entry", "finance_post_lines", "finance_check_period"} <= _functions()


def _functions():
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE proname LIKE 'finance\\_%'")
        return {row[0] for row in cursor.fetchall()}
