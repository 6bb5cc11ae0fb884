"""The promise of the whole slice, with the database: parts of a statement in any order give the books of the whole."""

import datetime

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finance.imports.services import confirm_import, stage_import
from finance.ledger.models import JournalEntry
from finance.ledger.selectors import balance_of

DAYS = st.integers(1, 5)
ROWS = st.lists(
    st.tuples(DAYS, st.sampled_from([-350, -900, 1200]), st.sampled_from(["Coffee", "Lunch"])), min_size=1, max_size=12
)


def statement_of(rows, *, with_ids, with_balance):
    lines, balance = ["Date,Payee,Amount,Balance,Transaction ID"], 0
    for place, (day, amount, payee) in enumerate(rows):
        balance += amount
        shown = f"{balance / 100:.2f}" if with_balance else ""
        bank_id = f"TX-{place:06}" if with_ids else ""
        lines.append(f"2026-03-{day:02},{payee},{amount / 100:.2f},{shown},{bank_id}")
    return lines


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, ranges=st.lists(st.tuples(DAYS, DAYS).map(sorted), max_size=3), data=st.data())
def test_overlapping_parts_post_every_row_once(book, accounts, owner, rows, ranges, data):
    whole = sorted(rows)
    head, *lines = statement_of(whole, with_ids=data.draw(st.booleans()), with_balance=data.draw(st.booleans()))
    parts = [
        [line for line, row in zip(lines, whole, strict=True) if low <= row[0] <= high]
        for low, high in [*ranges, (1, 5)]
    ]
    with transaction.atomic():
        for part in data.draw(st.permutations([part for part in parts if part])):
            text = "\n".join([head, *part]) + "\n"
            batch = stage_import(
                book=book, account=accounts.checking, actor=owner, data=text.encode(), file_name="part.csv"
            )
            confirm_import(batch=batch, actor=owner)
        entries = JournalEntry.objects.filter(book=book).order_by("pk")
        posted = sorted((entry.date, entry.payee) for entry in entries)
        assert posted == sorted((datetime.date(2026, 3, day), payee) for day, _amount, payee in whole)
        assert balance_of(account=accounts.checking) == sum(amount for _day, amount, _payee in whole)
        transaction.set_rollback(True)
