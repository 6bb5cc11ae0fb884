"""Rows of a file are written by COPY, and are what `bulk_create` would have written."""

import datetime

import pytest
from django.db import IntegrityError, transaction

from core.copying import copy_rows
from finance.imports.models import ImportRow, ImportStatement


@pytest.fixture
def batch(stage):
    return stage("Date,Payee,Amount\n2026-03-01,Kiosk,-4.00\n")


def row_of(batch, **values):
    statement = ImportStatement.objects.get(batch=batch)
    common = {"book": batch.book, "batch": batch, "statement": statement, "account": statement.account, "fate": "new"}
    return ImportRow(**{**common, "number": 7, "identity": "row:1", **values})


def test_rows_get_ids_and_keep_their_values(batch):
    payee = "Tab\there, \\N and\nline “ü”"
    rows = [row_of(batch, payee=payee, date=datetime.date(2026, 3, 2), amount=-5), row_of(batch, payee="", amount=None)]
    copy_rows(rows)
    assert rows[0].pk < rows[1].pk
    written = list(ImportRow.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk"))
    for row, found in zip(rows, written, strict=True):
        for field in ImportRow._meta.concrete_fields:
            assert getattr(found, field.attname) == getattr(row, field.attname), field.name
    rows[0].payee = "Changed"
    rows[0].save()
    assert ImportRow.objects.filter(payee="Changed").count() == 1


def test_constraints_refuse_and_nothing_is_written(batch):
    before = ImportRow.objects.count()
    with pytest.raises(IntegrityError, match="finance_importrow_identity"), transaction.atomic():
        copy_rows([row_of(batch, active=True), row_of(batch, active=True)])
    assert ImportRow.objects.count() == before
    copy_rows([])
