"""Test databases copied from a migrated one: all migrations together take ten times as long as a copy.

The template stays on the server under a name made of everything that it depends on; those of other states of the code
are dropped when a new one is made.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import OperationalError
from django.db.backends.postgresql.creation import DatabaseCreation

PREFIX = "lifeos_template_"
# Server-wide, as the templates are; any number that nobody else takes.
_LOCK = 4_817_331_206


def state_of_the_code() -> str:
    """Digest of whatever a migrated database depends on: our code and SQL, without tests; versions of libraries."""
    root = Path(settings.BASE_DIR)
    files = [
        path
        for app in ("identity", "core", "platform_outbox", "finance", "insights", "lifeos_project")
        for kind in ("*.py", "*.sql")
        for path in (root / app).rglob(kind)
        if "tests" not in path.parts or "probe" in path.parts
    ]
    digest = hashlib.sha256()
    for path in sorted([*files, *(root / "requirements").glob("*.txt")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def in_use() -> Iterator[None]:
    """Django's test databases are made this way for the length of the block."""
    migrating = DatabaseCreation.create_test_db

    def create_test_db(self, verbosity=1, autoclobber=False, serialize=True, keepdb=False):
        if keepdb or self.connection.alias != "default":
            return migrating(self, verbosity, autoclobber, serialize, keepdb)
        template = PREFIX + state_of_the_code()
        with self._nodb_cursor() as cursor:
            # One process migrates, the others wait for it.
            cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
            if self._database_exists(cursor, template):
                return _copy(self, cursor, template=template)
            name = migrating(self, verbosity, autoclobber, serialize, keepdb)
            _keep(self, cursor, name=name, template=template)
            return name

    DatabaseCreation.create_test_db = create_test_db
    try:
        yield
    finally:
        DatabaseCreation.create_test_db = migrating


def _copy(creation, cursor, *, template):
    name = creation._get_test_db_name()
    cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    creation.connection.close()
    settings.DATABASES["default"]["NAME"] = creation.connection.settings_dict["NAME"] = name
    creation.connection.ensure_connection()
    return name


def _keep(creation, cursor, *, name, template):
    creation.connection.close()
    cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{PREFIX}%"])
    for (old,) in cursor.fetchall():
        with contextlib.suppress(OperationalError):
            cursor.execute(f'DROP DATABASE "{old}"')
    cursor.execute(f'CREATE DATABASE "{template}" TEMPLATE "{name}"')
    creation.connection.ensure_connection()
