"""The bytes of a bank file, to the database and back as they are.

Django writes and reads bytes as hexadecimal text within the statement, which for a file of 50 MB takes 300 MB of memory.
"""

import psycopg
from django.db import connection

from finance.imports.models import ImportBatch

_WRITE = "UPDATE finance_importbatch SET content = %b WHERE id = %s"
_READ = "SELECT content FROM finance_importbatch WHERE id = %s"


def write_content(batch: ImportBatch, data: bytes) -> None:
    """Store the bytes of a file whose row was written without them."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(_WRITE, [data, batch.pk])


def read_content(batch: ImportBatch) -> bytes:
    """The bytes of the file, b"" for one that is gone."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        found = cursor.execute(_READ, [batch.pk], binary=True).fetchone()
    return bytes(found[0]) if found else b""
