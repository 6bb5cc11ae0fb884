"""Every migration of ours can be taken back and applied again, and the models ask for no further one."""

import hashlib
import io

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

pytestmark = pytest.mark.long

# The first half of each file's SHA-256. A function that is to change gets another file and a migration that runs it: an
# installation that has applied this one would keep the old function for good.
FROZEN = {
    "finance_account_identity": "cd61ae8986a8a64c",
    "finance_by_trigger_only": "1ba69be1a12b7d93",
    "finance_check_entry": "dbf90b2a88229af3",
    "finance_check_links": "a4c2e11d868e20ab",
    "finance_check_period": "d3ae3f691310e5d8",
    "finance_continue_chain": "24f65bb15a59682e",
    "finance_keep_noted_heads": "b1a4bc3aae9396af",
    "finance_lock_book": "9ba2369b85102602",
    "finance_log_closing": "0f9a9636dab24aea",
    "finance_post_lines": "be0be08ac81d9af1",
    "finance_rebuild_months": "652599ff3ebfc52a",
    "finance_refuse_rewrite": "93cc13c79292be51",
    "finance_stamp_closing": "5ac7ed133a1bc938",
    "keys_and_storage": "65bbe40173199696",
    "identity_guard_audit": "a1caa8e8385ddd7a",
    "identity_prune_audit": "65af0f0b471e4ee0",
    "partition_outbox": "5a4b357b986a8888",
    "platform_outbox_drop": "417db628a583d2ee",
    "platform_outbox_extend": "421ead39b1157de3",
    "finance_search_words": "b7468faa4bf25f2c",
    "search_indexes": "5c70eea00d55aeba",
    "finance_guard_deletion": "3fbbed5f4b3aa967",
    "finance_erase_only": "81b19318d201e8c6",
    "finance_erase_book": "62892bfb68f9b16b",
}
OURS = ["backups", "insights", "finance", "platform_outbox", "identity"]


def test_the_models_ask_for_no_further_migration(db):
    wanted = io.StringIO()
    try:
        call_command("makemigrations", check=True, dry_run=True, verbosity=3, stdout=wanted)
    except SystemExit:
        pytest.fail(wanted.getvalue())


@pytest.mark.parametrize("app", [app for app in OURS if apps.is_installed(app)])
def test_every_operation_has_its_reverse(app):
    loader = MigrationLoader(None)
    for (label, name), migration in loader.disk_migrations.items():
        if label == app:
            for operation in migration.operations:
                assert operation.reversible, f"{label}.{name}: {operation.describe()}"


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_guards_and_keys_can_be_taken_back_and_put_back():
    """All the way to the bare tables and forward again: each takes half a minute."""
    with_book = _keys()
    assert with_book["finance_journalentry_pkey"] == "PRIMARY KEY (id, book_id)"
    assert "finance_check_entry" in _functions()
    call_command("migrate", "finance", "0001", verbosity=0)
    without = _keys()
    assert without["finance_journalentry_pkey"] == "PRIMARY KEY (id)"
    assert without["finance_journalentry_reverses_id_key"] == "UNIQUE (reverses_id)"
    assert not [name for name in without if name.endswith("_of_book")]
    assert "finance_check_entry" not in _functions()

    call_command("migrate", verbosity=0)

    assert _keys() == with_book
    assert {"finance_check_entry", "finance_post_lines", "finance_check_period"} <= _functions()


def test_sql_of_a_migration_stays_as_it_is():
    found = {path.stem: path for path in settings.BASE_DIR.glob("*/migrations/sql/*.sql")}
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for name, path in found.items()} == FROZEN


def _keys():
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype IN ('p', 'u', 'f')")
        return dict(cursor.fetchall())


def _functions():
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE proname LIKE 'finance\\_%'")
        return {row[0] for row in cursor.fetchall()}
