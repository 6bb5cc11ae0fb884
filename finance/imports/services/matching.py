"""Staged rows matched with what the books already know.

This is the side with the database; the verdicts come from the pure `finance.imports.matching`.
"""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from django.db import connection
from django.utils.translation import gettext

from finance.imports.matching import (
    MATCH_DAYS,
    TRANSFER_DAYS,
    Candidate,
    IncomingRow,
    KnownRow,
    RowStatus,
    Verdict,
    normalise_text,
    recognise,
    with_matches,
)
from finance.imports.models import ImportBatch, ImportRow
from finance.imports.parsers.words import bare_number, plain
from finance.imports.selectors import VOUCHED, numbers_by_account
from finance.imports.staged import StagedRow
from finance.imports.transfers import TRANSFER_WORDS, Proposal, Side, speaks_of_transfer, unlike_sides
from finance.ledger.models import Account, Book
from finance.ledger.uncategorised import uncategorised_accounts, uncategorised_ids

# Rows of a file that are compared with those of earlier files at a time.
WINDOW = 5000

_OWN_LINES = f"""
WITH RECURSIVE {VOUCHED}
SELECT line.entry_id, line.date, line.amount, entry.payee, entry.description, ''
  FROM finance_journalline AS line
  JOIN finance_journalentry AS entry ON entry.id = line.entry_id
 WHERE line.account_id = %(account)s AND line.date BETWEEN %(first)s AND %(last)s
   AND line.amount = ANY(%(amounts)s::bigint[]) AND entry.reverses_id IS NULL AND entry.source <> 'opening'
   AND NOT EXISTS (SELECT FROM finance_journalentry AS taken WHERE taken.reverses_id = entry.id)
   AND NOT EXISTS (SELECT FROM vouched WHERE vouched.id = line.entry_id)
"""

# Two-line entries that stand against an Uncategorised account, with the own account on their other line. The amount of
# the line on Uncategorised is what the row of the other side would have.
_OTHER_SIDES = """
SELECT line.entry_id, line.date, line.amount, entry.payee, entry.description, other.name
  FROM finance_journalline AS line
  JOIN finance_journalentry AS entry ON entry.id = line.entry_id
  JOIN finance_journalline AS side ON side.entry_id = entry.id AND side.id <> line.id
  JOIN finance_account AS other ON other.id = side.account_id
 WHERE line.account_id = ANY(%(uncategorised)s::bigint[]) AND line.date BETWEEN %(first)s AND %(last)s
   AND line.amount = ANY(%(amounts)s::bigint[]) AND entry.line_count = 2
   AND entry.reverses_id IS NULL AND entry.source <> 'opening'
   AND other.type IN ('asset', 'liability') AND other.id <> %(account)s
   AND NOT EXISTS (SELECT FROM finance_journalentry AS taken WHERE taken.reverses_id = entry.id)
"""


# Two-line entries against any Uncategorised account whose other line is on another of the household's accounts, if they
# or the rows of those days speak of a transfer.
_UNLIKE_SIDES = """
SELECT line.entry_id, line.date, line.amount, line.currency, entry.payee, entry.description, other.id, other.name
  FROM finance_journalline AS line
  JOIN finance_journalentry AS entry ON entry.id = line.entry_id
  JOIN finance_journalline AS side ON side.entry_id = entry.id AND side.id <> line.id
  JOIN finance_account AS other ON other.id = side.account_id
 WHERE line.account_id = ANY(%(uncategorised)s::bigint[]) AND line.date BETWEEN %(first)s AND %(last)s
   AND entry.line_count = 2 AND entry.reverses_id IS NULL AND entry.source <> 'opening'
   AND other.type IN ('asset', 'liability') AND other.id <> %(account)s
   AND (line.date = ANY(%(days)s::date[])
        OR lower(entry.payee || ' ' || entry.description) LIKE ANY(%(said)s::text[]))
   AND NOT EXISTS (SELECT FROM finance_journalentry AS taken WHERE taken.reverses_id = entry.id)
 ORDER BY line.date, line.entry_id LIMIT %(limit)s
"""
MOST_UNLIKE = 2000


class Matcher:
    """Gives the rows of one account their status, reason and match."""

    def __init__(self, *, account: Account, batch: ImportBatch) -> None:
        self._account = account
        self._batch = batch
        self._verdicts: dict[int, Verdict] = {}
        self._closed: datetime.date | None = None

    def look(self, incoming: Sequence[IncomingRow]) -> None:
        """Compare the rows with the books. Earlier rows are asked for by days, so that memory stays bounded."""
        if not incoming:
            return
        self._closed = Book.objects.values_list("closed_through", flat=True).get(pk=self._account.book_id)
        ordered = sorted(incoming, key=lambda row: row.date)
        verdicts = []
        for rows in _by_days(ordered):
            known = known_rows(account=self._account, first=rows[0].date, last=rows[-1].date)
            verdicts += recognise(rows, known)
        fresh = [row for row, verdict in zip(ordered, verdicts, strict=True) if verdict.fate is RowStatus.NEW]
        candidates = self._candidates(fresh) if fresh else []
        self._verdicts = {verdict.position: verdict for verdict in with_matches(ordered, verdicts, candidates)}
        left = [row for row in fresh if self._verdicts[row.position].fate is RowStatus.NEW]
        for position, found in (self._unlike(left) if left else {}).items():
            self._verdicts[position] = replace(
                self._verdicts[position], fate=RowStatus.QUESTION, reason=found.reason, entry_id=found.entry_id
            )

    def _unlike(self, fresh: Sequence[IncomingRow]) -> dict[int, Proposal]:
        """Other sides of transfers that lost a fee on the way, or were exchanged."""
        book, days = self._account.book_id, datetime.timedelta(days=TRANSFER_DAYS)
        first, last = min(row.date for row in fresh), max(row.date for row in fresh)
        numbers = numbers_by_account(book_id=book)
        own = frozenset(numbers.get(self._account.pk, ()))
        talking = {row.date for row in fresh if row.counterparty or speaks_of_transfer(row.text)}
        names = Account.objects.open().filter(book_id=book, type__in=("asset", "liability")).exclude(kind="group")
        others = [plain(name) for name in names.exclude(pk=self._account.pk).values_list("name", flat=True)]
        talking |= {row.date for row in fresh if any(name in row.text for name in others if name)}
        said = [word.lower() for word in (*TRANSFER_WORDS, self._account.name, *own)]
        asked: dict[str, Any] = {
            "account": self._account.pk,
            "uncategorised": list(uncategorised_ids(book=Book(pk=book))),
            "first": max(first - days, self._closed + datetime.timedelta(days=1)) if self._closed else first - days,
            "last": last + days,
            "days": sorted(
                {day + datetime.timedelta(days=n) for day in talking for n in range(-days.days, days.days + 1)}
            ),
            "said": [f"%{word}%" for word in said if word and "%" not in word],
            "limit": MOST_UNLIKE,
        }
        if not asked["uncategorised"] or not others:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(_UNLIKE_SIDES, asked)
            sides = [
                Side(
                    entry_id=entry_id, date=date, amount=amount, currency=currency, account=name,
                    text=normalise_text(payee, description), numbers=frozenset(numbers.get(other_id, ())),
                )
                for entry_id, date, amount, currency, payee, description, other_id, name in cursor.fetchall()
            ]  # fmt: skip
        return unlike_sides(fresh, sides, account=self._account.name, currency=self._account.currency, numbers=own)

    def is_new(self, position: int) -> bool:
        """Whether nothing is known of the row at this position."""
        verdict = self._verdicts.get(position)
        return verdict is not None and verdict.fate is RowStatus.NEW

    def judge(self, position: int, row: ImportRow | StagedRow) -> None:
        """Set what was found for the row at this position; a row that was not looked at stays as it is."""
        verdict = self._verdicts.get(position)
        if verdict is None:
            return
        row.identity, row.occurrence = verdict.identity, verdict.occurrence
        row.fate, row.reason = verdict.fate.value, verdict.reason[:300]
        row.matched_entry_id = verdict.entry_id
        closed = self._closed
        if row.fate == RowStatus.NEW.value and closed is not None and row.date is not None and row.date <= closed:
            row.fate = RowStatus.ERROR.value
            row.reason = gettext("The books are closed through %(day)s; this row cannot be posted any more.") % {
                "day": f"{closed:%Y-%m-%d}"
            }

    def _candidates(self, fresh: Sequence[IncomingRow]) -> list[Candidate]:
        """Entries that new rows may stand for: lines of the account itself, and other sides of transfers."""
        first, last = min(row.date for row in fresh), max(row.date for row in fresh)
        shared: dict[str, Any] = {"account": self._account.pk, "amounts": list({row.amount for row in fresh})}
        days = datetime.timedelta(days=MATCH_DAYS)
        own: dict[str, Any] = {
            **shared,
            "first": first - days,
            "last": last + days,
            # A row of another format has other texts, so that its entry may still be this row's.
            "format": self._batch.format,
            "since": first - 4 * days,
            "until": last + 4 * days,
        }
        days = datetime.timedelta(days=TRANSFER_DAYS)
        other: dict[str, Any] = {
            **shared,
            # An entry of a closed period can no longer be made a transfer.
            "first": max(first - days, self._closed + datetime.timedelta(days=1)) if self._closed else first - days,
            "last": last + days,
            "uncategorised": [account.pk for account in uncategorised_accounts(account=self._account)],
        }
        with connection.cursor() as cursor:
            cursor.execute(_OWN_LINES, own)
            found = cursor.fetchall()
            if other["uncategorised"]:
                cursor.execute(_OTHER_SIDES, other)
                found += cursor.fetchall()
        return [
            Candidate(
                entry_id=entry_id,
                date=date,
                amount=amount,
                text=normalise_text(payee, description),
                title=(payee or description)[:60],
                other_account=name,
            )
            for entry_id, date, amount, payee, description, name in found
        ]


def judge_rows(*, rows: Sequence[ImportRow], account: Account, batch: ImportBatch) -> None:
    """Set identity, status, reason and match of the rows, all of one account; saves nothing.

    Rows that the bank has not booked, and rows with a problem, keep the status that they have.
    """
    matcher = Matcher(account=account, batch=batch)
    matcher.look(incoming_rows(rows))
    for row in rows:
        matcher.judge(row.pk, row)


def incoming_rows(rows: Iterable[ImportRow]) -> list[IncomingRow]:
    """The rows that can be matched, under their ids: booked, without a problem, with day and amount."""
    return [
        IncomingRow(
            position=row.pk,
            date=row.date,
            amount=row.amount,
            text=row.text,
            bank_id=row.bank_id,
            balance=row.balance,
            counterparty=bare_number(row.counterparty_account),
        )
        for row in rows
        if row.booked and row.fate != ImportRow.Status.ERROR and row.date is not None and row.amount is not None
    ]


def known_rows(*, account: Account, first: datetime.date, last: datetime.date) -> list[KnownRow]:
    """Rows of earlier files that stand in the books (or were ignored on purpose) in the period."""
    rows = ImportRow.objects.filter(account=account, active=True, date__gte=first, date__lte=last)
    fields = ("pk", "date", "amount", "text", "identity", "occurrence", "bank_id", "balance", "posted_entry_id")
    return [
        KnownRow(
            row_id=pk, date=date, amount=amount, text=text, identity=identity, occurrence=occurrence,
            bank_id=bank_id, balance=balance, entry_id=entry_id, seen_in=file_name,
        )
        for pk, date, amount, text, identity, occurrence, bank_id, balance, entry_id, file_name in rows.values_list(
            *fields, "batch__file_name"
        )
    ]  # fmt: skip


def _by_days(ordered: Sequence[IncomingRow]) -> Iterator[list[IncomingRow]]:
    """Rows sorted by date, in parts that never divide a day: equal rows of one day are counted together."""
    part: list[IncomingRow] = []
    for row in ordered:
        if len(part) >= WINDOW and row.date != part[-1].date:
            yield part
            part = []
        part.append(row)
    yield part
