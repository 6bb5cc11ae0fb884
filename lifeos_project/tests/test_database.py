"""The tests' own database, and the way from a URL to Django's settings."""

from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from lifeos_project.postgresql.database_settings import database_settings


def settings_of(url: str, **changes):
    return database_settings(
        **{
            "url": url,
            "variable": "DATABASE_URL",
            "password": "",
            "embedded_directory": Path("/srv/var/postgres"),
            "durable": True,
            "prepared_statements": True,
            "conn_max_age": 60,
            "pool_size": 0,
            **changes,
        }
    )


@pytest.mark.django_db
def test_tests_run_on_a_postgresql_of_their_own():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), current_setting('server_version_num')::int")
        name, version = cursor.fetchone()
    assert name.startswith("test_")
    assert version >= 150000


@pytest.mark.skipif(bool(settings.TEST_DATABASE_URL), reason="TEST_DATABASE_URL names another server.")
@pytest.mark.django_db
def test_the_embedded_test_server_does_not_wait_for_the_disk():
    with connection.cursor() as cursor:
        cursor.execute("SHOW fsync")
        assert cursor.fetchone() == ("off",)
        cursor.execute("SHOW listen_addresses")
        assert cursor.fetchone() == ("",)


def test_a_url_without_password_is_filled_from_postgres_password():
    assert settings_of("postgresql://lifeos@db/lifeos", password="p:/w")["PASSWORD"] == "p:/w"
    assert settings_of("postgresql://lifeos:own@db/lifeos", password="other")["PASSWORD"] == "own"


def test_a_url_is_taken_apart_and_decoded():
    found = settings_of("postgresql://li%40fe:p%2Fw@db.internal:6432/books?sslmode=require")
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"], found["NAME"]) == (
        "li@fe",
        "p/w",
        "db.internal",
        "6432",
        "books",
    )
    assert found["OPTIONS"]["sslmode"] == "require"


def test_a_socket_directory_may_be_named_as_libpq_does():
    assert settings_of("postgresql:///books?host=/run/postgresql&user=me")["HOST"] == "/run/postgresql"


def test_a_url_may_name_several_hosts_which_libpq_tries_in_turn():
    found = settings_of("postgresql://u:p@db1,db2:6000/books?target_session_attrs=read-write")
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db1,db2", "5432,6000", "books")
    assert found["OPTIONS"]["target_session_attrs"] == "read-write"


def test_prepared_statements_can_be_switched_off_for_pgbouncer():
    found = settings_of("postgresql://u@h/d", prepared_statements=False)
    assert found["OPTIONS"]["prepare_threshold"] is None
    assert found["DISABLE_SERVER_SIDE_CURSORS"] is True


def test_a_pool_replaces_connections_kept_per_thread():
    found = settings_of("postgresql://u@h/d", pool_size=4)
    assert (found["CONN_MAX_AGE"], found["OPTIONS"]["pool"]["max_size"]) == (0, 4)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://u:secret@h/d", "must begin with postgresql://"),
        ("sqlite:///db.sqlite3", "PostgreSQL is the only database"),
        ("postgresql://u:secret@h:5432", "names no database"),
        ("postgresql://u:secret@h:54x2/d", "is not a URL"),
        ("postgresql://u:secret@[::1/d", "is not a URL"),
    ],
)
def test_a_broken_url_is_refused_in_one_sentence_without_its_password(url, sentence):
    with pytest.raises(ImproperlyConfigured, match=sentence) as caught:
        settings_of(url)
    assert str(caught.value).startswith("DATABASE_URL ")
    assert "secret" not in str(caught.value)
