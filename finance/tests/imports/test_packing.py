"""Rows of a large file, packed: the same rows, a portion at a time, and nothing else that bytes could be made into."""

import datetime
import os
import pickle
import zlib
from decimal import Decimal

import pytest

from finance.errors import StatementUnreadable
from finance.imports.parsers import packing
from finance.imports.parsers.packing import PackedRows
from finance.imports.parsers.statement import ParsedRow


@pytest.fixture
def rows():
    return tuple(
        ParsedRow(number=number, date=datetime.date(2026, 3, 1), amount=Decimal(number) / 100, payee=f"Payee {number}")
        for number in range(1, 8)
    )


def test_they_are_the_rows_that_were_packed(rows, monkeypatch):
    monkeypatch.setattr(packing, "AT_ONCE", 3)
    packed = pickle.loads(pickle.dumps(PackedRows(rows)))
    assert len(packed) == 7
    assert packed == rows
    assert packed != rows[:-1]
    assert [packed[place] for place in (0, 3, 6, -1)] == [rows[place] for place in (0, 3, 6, -1)]
    assert packed[2:4] == rows[2:4]
    with pytest.raises(IndexError):
        packed[7]
    assert list(PackedRows(())) == []


def test_they_take_a_fraction_of_the_memory(rows):
    packed = PackedRows(rows * 1000)
    assert sum(map(len, packed._portions)) < 7000 * 20


@pytest.mark.parametrize(
    "portion",
    [
        b"no zlib",
        zlib.compress(b"no pickle"),
        zlib.compress(pickle.dumps(os.system)),
        zlib.compress(pickle.dumps(("no row",))),
        zlib.compress(pickle.dumps([])),
    ],
)
def test_anything_else_is_refused(rows, portion):
    packed = PackedRows(rows)
    packed._portions = [portion]
    with pytest.raises(StatementUnreadable, match="made the reader stop"):
        list(packed)


def test_a_portion_does_not_grow_without_bound(rows, monkeypatch):
    packed = PackedRows(rows)
    monkeypatch.setattr(packing, "_MOST", 50)
    with pytest.raises(StatementUnreadable):
        list(packed)
