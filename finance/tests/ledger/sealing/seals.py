"""The chain as the tests expect it: its hashes, and what a verification finds."""

import datetime
import hashlib
import json

from finance.ledger.integrity import verify_ledger
from finance.ledger.models import JournalEntry, JournalLine, Seal

NOW = datetime.datetime(2026, 3, 15, 12, tzinfo=datetime.UTC)


def document(entry):
    """The entry as docs/proof.md says it is sealed, written without a look at the code that seals."""
    at = entry.created_at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    lines = [
        [line.position, line.account_id, line.currency, line.amount, line.memo]
        for line in JournalLine.objects.filter(entry=entry).order_by("position")
    ]
    fields = ["lifeos.entry.1", entry.book_id, entry.pk, str(entry.uid), entry.date.isoformat(), entry.payee,
              entry.description, entry.source, entry.line_count, entry.reverses_id, entry.corrects_id,
              entry.created_by_id, at, lines]  # fmt: skip
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def expected_chain(entries):
    previous, hashes = bytes(32), []
    for entry in entries:
        previous = hashlib.sha256(previous + document(JournalEntry.objects.get(pk=entry.pk)).encode()).digest()
        hashes.append(previous)
    return hashes


def sealed(book):
    return [bytes(each) for each in Seal.objects.filter(book=book).order_by("seq").values_list("hash", flat=True)]


def found(**arguments):
    return {problem.code: problem for problem in verify_ledger(now=NOW, **arguments).problems}
