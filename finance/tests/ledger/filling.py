"""A row in every table of a book's data, made of the models, so that a new table cannot be forgotten."""

import datetime
import decimal
import uuid
from contextlib import contextmanager

from django.db import connection, models
from django.utils import timezone

from finance.ledger.services.erasing import models_of_books

# What a model's constraints ask for beyond the types of its fields.
FITTING = {
    "finance_journalentry": {"line_count": 2, "reverses": None, "corrects": None},
    "insights_insightevidence": {"expected_on": None, "date": None},
    "finance_budgetline": {"tag_id": None},
    "finance_payperiod": {"anchor": None, "weeks": None, "day": 25},
}
# The first that fits.
VALUES = [
    (models.DateTimeField, timezone.now),
    (models.DateField, datetime.date(2026, 3, 1)),
    (models.UUIDField, uuid.uuid4),
    (models.BooleanField, True),
    (models.DecimalField, decimal.Decimal(1)),
    (models.IntegerField, 1),
    (models.BinaryField, b"x" * 32),
]


def settle():
    """What a test posted in its transaction is judged before it goes, as it is at the end of another transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def grace_ends(book):
    """As if the book had been deleted long ago; the guards, which keep the database's time, look away."""
    settle()
    past = timezone.now() - datetime.timedelta(seconds=1)
    with unguarded() as cursor:
        cursor.execute(
            "UPDATE finance_book SET deleted_at = %s, erase_at = %s WHERE id = %s",
            [past - datetime.timedelta(days=14), past, book.pk],
        )


@contextmanager
def unguarded():
    """A cursor past triggers and keys, as only a superuser has one."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield cursor
        cursor.execute("SET session_replication_role = origin")


def fill(book, *, user, mark):
    """A row of the book in each table that has none yet; texts that take any hold `mark`. Returns the tables."""
    tables = []
    for model in reversed(models_of_books()):
        table = model._meta.db_table
        tables.append(table)
        if not model._base_manager.filter(book_id=book.pk).exists():
            values = {field.attname: _value(field, book, user, mark) for field in _written(model)}
            values |= FITTING.get(table, {})
            with unguarded():
                model._base_manager.bulk_create([model(**values)])
    return tables


def _written(model):
    return [field for field in model._meta.local_concrete_fields if not (field.auto_created or field.generated)]


def _value(field, book, user, mark):
    if field.column == "book_id":
        return book.pk
    if field.is_relation:
        if field.related_model is type(user):
            return user.pk
        if field.related_model is field.model:
            return None
        row = field.related_model._base_manager.filter(book_id=book.pk).order_by("pk").values_list("pk").first()
        return None if row is None else row[0]
    if field.choices:
        return field.choices[0][0]
    for kind, value in VALUES:
        if isinstance(field, kind):
            return value() if callable(value) else value
    if isinstance(field, models.JSONField):
        return {"said": mark}
    if isinstance(field, models.CharField | models.TextField):
        return f"{mark} {book.pk}"[: field.max_length or 200]
    raise TypeError(f"{field}: a row of {field.model.__name__} needs a value here")
