"""The age of each secret in use, without anybody recording dates."""

import datetime
import hashlib
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from lifeos_project.models import SecretSighting
from lifeos_project.postgresql import passwords

LONGEST_DAYS = 90
# PBKDF2, because a database password may be weaker than a made-up key; once a process, a tenth of a second each.
ROUNDS = 100_000
# Several processes may meet a new secret at once: the first one's moment counts.
_RECORD = """
WITH made AS (
    INSERT INTO lifeos_project_secretsighting (name, fingerprint, first_seen_at) VALUES (%(name)s, %(mark)s, now())
    ON CONFLICT (name, fingerprint) DO NOTHING RETURNING first_seen_at
)
SELECT first_seen_at FROM made
UNION ALL SELECT first_seen_at FROM lifeos_project_secretsighting WHERE name = %(name)s AND fingerprint = %(mark)s
ORDER BY first_seen_at LIMIT 1
"""

_known: dict[tuple[str, str], datetime.datetime] = {}


def first_seen() -> dict[str, datetime.datetime]:
    """The moment each secret in use was first seen; a new one is recorded as seen now.

    What does not change under a running process is asked for once.
    """
    database = settings.DATABASES["default"]
    file = str(database.get("PASSWORD_FILE", ""))
    secrets = {
        "SECRET_KEY": settings.SECRET_KEY,
        "JWT_SECRET_KEY": settings.JWT_SECRET_KEY,
        "POSTGRES_PASSWORD": passwords.read(file)[0] if file else str(database.get("PASSWORD", "")),
        "REDIS_PASSWORD": urlsplit(settings.REDIS_URL).password or "",
        "EMAIL_HOST_PASSWORD": settings.EMAIL_HOST_PASSWORD,
        "METRICS_TOKEN": settings.METRICS_TOKEN,
        "BACKUP_S3_SECRET_ACCESS_KEY": settings.BACKUP_S3_SECRET_ACCESS_KEY,
    }
    found = {}
    for name, secret in secrets.items():
        if not secret:
            continue
        if (name, secret) not in _known:
            mark = fingerprint(name, secret)
            with connection.cursor() as cursor:
                # Twice: between its two halves another process may have committed the row that the first half ran into.
                for _ in range(2):
                    cursor.execute(_RECORD, {"name": name, "mark": mark})
                    if row := cursor.fetchone():
                        break
            _known[name, secret] = row[0]
        found[name] = _known[name, secret]
    return found


def too_old(*, now: datetime.datetime) -> dict[str, int]:
    """Days in use, of each secret that has been in use for too long; empty where nothing is recorded yet."""
    if SecretSighting._meta.db_table not in connection.introspection.table_names():
        return {}
    ages = {name: (now - since).days for name, since in first_seen().items()}
    return {name: days for name, days in ages.items() if days > LONGEST_DAYS}


def fingerprint(name: str, secret: str) -> str:
    """Tells two values of a secret apart and gives neither away; differs between secrets of the same value."""
    return hashlib.pbkdf2_hmac("sha256", secret.encode(), f"lifeos {name}".encode(), ROUNDS, dklen=16).hex()
