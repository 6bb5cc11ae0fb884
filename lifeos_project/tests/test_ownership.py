"""Two roles in one installation: what migrates makes the one that serves, holds it back, and says so when it cannot."""

import secrets

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import override_settings

from lifeos_project.checks import preflight
from lifeos_project.checks.system_checks import check_roles
from lifeos_project.postgresql import ownership

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.ledger_guards]


@pytest.fixture
def roles(settings):
    """As with DATABASE_URL of a role that is not there yet, and DATABASE_OWNER_URL of the one that owns the tables."""
    name = f"lifeos_serving_{secrets.token_hex(4)}"
    current = dict(connections.settings["default"])
    settings.OWNER_DATABASE = dict(current)
    settings.SERVING_DATABASE = current | {"USER": name, "PASSWORD": "o'clock % \\ x", "PASSWORD_FILE": None}
    settings.SHARED_DATABASE = None
    settings.PRODUCTION = settings.SESSION_COOKIE_SECURE = settings.JWT_COOKIE_SECURE = True
    settings.DATABASE_URL = "postgresql://somewhere"
    yield name
    execute(f"DROP OWNED BY {name}") if exists(name) else None
    execute(f"DROP ROLE IF EXISTS {name}")


def execute(statement, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def exists(role):
    return execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]) == [(1,)]


def connect(settings):
    login = settings.SERVING_DATABASE
    return psycopg.connect(
        host=login["HOST"],
        port=login["PORT"] or None,
        dbname=login["NAME"],
        user=login["USER"],
        password=login["PASSWORD"],
    )


def found():
    """What a check says as web and workers would run it; the connection of the tests is the owner's."""
    with override_settings(OWNER_DATABASE=None):
        return [problem.msg for problem in check_roles(None, databases=["default"])]


def test_migrate_makes_the_serving_role_and_holds_it_back(roles, settings):
    assert not exists(roles)
    call_command("migrate", "--if-wanted", verbosity=0)
    ((stored,),) = execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [roles])
    assert stored.startswith("SCRAM-SHA-256$")
    assert found() == []
    with connect(settings) as raw:
        raw.execute("SELECT count(*) FROM finance_journalentry")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw.execute("DELETE FROM finance_journalentry")


def test_a_role_without_a_password_is_not_made_on_a_server_elsewhere(roles, settings):
    settings.SERVING_DATABASE |= {"HOST": "db.internal", "PASSWORD": ""}
    with pytest.raises(ownership.NoServingRole, match=r"no password to create it with: set POSTGRES_PASSWORD"):
        ownership.renew_rights()
    assert not exists(roles)


def test_rights_are_renewed_also_without_a_migration(roles):
    ownership.renew_rights()
    execute(f"GRANT TRIGGER, UPDATE ON finance_journalline TO {roles}; GRANT CREATE ON SCHEMA public TO {roles}")
    assert found() == [
        f"The role {roles}, which serves the application, may make tables and functions in the schema.",
        f"The role {roles}, which serves the application, has rights that the application does not need on: "
        "finance_journalline.",
    ]
    call_command("migrate", "--if-wanted", verbosity=0)
    assert found() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("ALTER ROLE {role} SUPERUSER", "is a superuser"),
        ("ALTER ROLE {role} CREATEROLE", "CREATEROLE"),
        ("ALTER ROLE {role} BYPASSRLS", "BYPASSRLS"),
        ("ALTER ROLE {role} REPLICATION", "REPLICATION"),
        ("GRANT pg_write_all_data TO {role}", "may write all data"),
        ("GRANT {owner} TO {role}", "may become a role that does"),
        ("CREATE TABLE mine_for_a_test (id int); ALTER TABLE mine_for_a_test OWNER TO {role}", "owns tables"),
    ],
)
def test_a_mighty_serving_role_is_an_error_in_production(roles, settings, change, words):
    ownership.renew_rights()
    execute(change.format(role=roles, owner=connections.settings["default"]["USER"]))
    assert any(words in message for message in found())
    assert any(words in problem for problem in preflight.findings(rolling=False).problems)
    # Nothing can hold it back, and migrate says so instead of pretending.
    with pytest.raises(CommandError, match="needs a role of its own"):
        call_command("migrate", "--if-wanted", verbosity=0)
    settings.PRODUCTION = False
    assert found() == []


def test_one_role_for_everything_is_an_error_in_production(roles, settings):
    settings.OWNER_DATABASE = None
    settings.SERVING_DATABASE = dict(connections.settings["default"])
    assert any("owns tables" in message for message in found())
    assert any("docs/upgrade.md" in problem for problem in preflight.findings(rolling=False).problems)
    call_command("migrate", "--if-wanted", verbosity=0)
    settings.PRODUCTION = False
    assert found() == []


def test_a_role_that_migrate_will_make_is_no_objection(roles):
    problems = preflight.findings(rolling=False).problems
    assert not [problem for problem in problems if "E015" in problem]
    assert not exists(roles)


def test_an_owner_that_may_not_make_roles_says_who_may(roles):
    owner = f"lifeos_owner_{secrets.token_hex(4)}"
    execute(f"CREATE ROLE {owner} NOLOGIN")
    execute(f"SET ROLE {owner}")
    try:
        with pytest.raises(ownership.NoServingRole, match=f"As a superuser: CREATE ROLE {roles} LOGIN PASSWORD"):
            ownership.renew_rights()
    finally:
        execute("RESET ROLE")
        execute(f"DROP ROLE {owner}")


def test_the_owners_login_is_taken_for_a_block_and_given_back(roles, settings):
    ownership.renew_rights()
    current = connections.settings["default"]
    before = dict(current)
    connection.close()
    current.update({"USER": roles, "PASSWORD": "o'clock % \\ x"})
    try:
        assert execute("SELECT current_user::text") == [(roles,)]
        with ownership.as_owner():
            assert execute("SELECT current_user::text") == [(before["USER"],)]
            with ownership.as_owner():
                assert execute("SELECT current_user::text") == [(before["USER"],)]
        assert execute("SELECT current_user::text") == [(roles,)]
    finally:
        connection.close()
        current.update(before)


def test_the_first_migrate_asks_nothing_as_a_role_that_is_not_there_yet(roles, settings):
    """With its checks, as deploy.sh runs it: they ask the database before anything is migrated."""
    current = connections.settings["default"]
    before = dict(current)
    connection.close()
    current.update({"USER": roles, "PASSWORD": settings.SERVING_DATABASE["PASSWORD"]})
    try:
        call_command("migrate", "--if-wanted", skip_checks=False, verbosity=0)
        assert execute("SELECT current_user::text") == [(roles,)]
    finally:
        connection.close()
        current.update(before)


def test_rights_by_hand_do_not_keep_migrate_from_taking_them_away(roles, settings):
    ownership.renew_rights()
    execute(f"GRANT TRIGGER ON finance_journalline TO {roles}")
    current = connections.settings["default"]
    before = dict(current)
    connection.close()
    current.update({"USER": roles, "PASSWORD": settings.SERVING_DATABASE["PASSWORD"]})
    try:
        assert len(found()) == 1
        call_command("migrate", "--if-wanted", skip_checks=False, verbosity=0)
        assert found() == []
    finally:
        connection.close()
        current.update(before)
