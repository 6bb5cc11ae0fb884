"""Histories of payees as movements, and what was found in them."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from core.clock import today_in
from finance.errors import NotFound
from finance.ledger.models import AccountKind, AccountType, Book, JournalEntry
from finance.ledger.movements import OWN_KINDS
from finance.ledger.plans import by_index
from finance.payees.selectors import aliases_in
from finance.planning.cards.models import CardTerms
from finance.planning.detection.models import RecurringFinding
from finance.planning.detection.series import MOST_ENTRIES, Movement
from finance.planning.loans.models import Loan

# Entries without a payee are one heap, parted by their words: the latest of them are looked at.
MOST_NAMELESS = 2_000
# A payee who was not paid for so long has no series that goes on: two years and the days that a payment may be late.
SILENT = datetime.timedelta(days=800)

# Each payee's latest entries by the index of payees, then their lines by the entry: as many rows as are wanted.
_HISTORIES = """
SELECT entry.id, entry.date, entry.payee, entry.description, wanted.key,
       line.account_id, account.kind, line.currency, line.amount
  FROM unnest(%(keys)s::text[], %(limits)s::int[]) AS wanted (key, most)
 CROSS JOIN LATERAL (
       SELECT paid.id, paid.date, paid.payee, paid.description FROM finance_journalentry AS paid
        WHERE paid.book_id = %(book)s AND lower(paid.payee) = wanted.key AND paid.date <= %(until)s
          AND paid.reverses_id IS NULL
          AND NOT EXISTS (SELECT FROM finance_journalentry AS reversal WHERE reversal.reverses_id = paid.id)
        ORDER BY paid.date DESC, paid.id DESC LIMIT wanted.most) AS entry
 CROSS JOIN LATERAL (SELECT account_id, currency, amount FROM finance_journalline
                      WHERE entry_id = entry.id ORDER BY position OFFSET 0) AS line
 CROSS JOIN LATERAL (SELECT kind FROM finance_account WHERE id = line.account_id OFFSET 0) AS account
 ORDER BY entry.date, entry.id
"""
_KEYS_OF = """
SELECT DISTINCT lower(payee) FROM finance_journalentry WHERE book_id = %s AND id = ANY(%s::bigint[])
"""
# One step per payee through their index, however many entries each of them has.
_PAID_LATELY = """
WITH RECURSIVE payee (key) AS (
    (SELECT lower(payee) FROM finance_journalentry WHERE book_id = %(book)s ORDER BY lower(payee) LIMIT 1)
    UNION ALL
    SELECT (SELECT lower(entry.payee) FROM finance_journalentry AS entry
             WHERE entry.book_id = %(book)s AND lower(entry.payee) > payee.key ORDER BY lower(entry.payee) LIMIT 1)
      FROM payee WHERE payee.key IS NOT NULL
)
SELECT payee.key FROM payee
 WHERE payee.key IS NOT NULL
   AND (SELECT max(entry.date) FROM finance_journalentry AS entry
         WHERE entry.book_id = %(book)s AND lower(entry.payee) = payee.key) >= %(since)s
"""
# What stands for nobody: it says what an entry was for, not who was paid.
_NEUTRAL = frozenset({AccountKind.TRADING, AccountKind.OPENING, AccountKind.VALUATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Which texts mean which payee, all in lower case: `of` a text its payee, `texts` of a payee."""

    of: Mapping[str, str]
    texts: Mapping[str, Sequence[str]]

    def together(self, keys: Collection[str]) -> set[str]:
        """The texts, with all others that mean the same payees."""
        mine = {self.of.get(key, key) for key in keys}
        return {*keys, *mine, *(text for name in mine for text in self.texts.get(name, ()))}


def names_of(*, book: Book) -> Names:
    """The aliases of the book's payees."""
    of = {alias.lower(): name.lower() for alias, name in aliases_in(book_id=book.pk).items()}
    texts: dict[str, list[str]] = defaultdict(list)
    for alias, name in of.items():
        texts[name] = texts[name] or [name]
        texts[name].append(alias)
    return Names(of=of, texts=texts)


def payees_of_entries(*, book: Book, entry_ids: Collection[int]) -> set[str]:
    """Payees of these entries, as the database compares them; "" where one names none."""
    with by_index(alone=True), connection.cursor() as cursor:
        cursor.execute(_KEYS_OF, [book.pk, list(entry_ids)])
        return {key for (key,) in cursor.fetchall()}


def payees_paid_lately(*, book: Book, today: datetime.date) -> list[str]:
    """All payees of the book with an entry of the latest SILENT days or later, in their order."""
    with by_index(), connection.cursor() as cursor:
        cursor.execute(_PAID_LATELY, {"book": book.pk, "since": today - SILENT})
        return [key for (key,) in cursor.fetchall()]


def histories(*, book: Book, keys: Collection[str], names: Names, until: datetime.date) -> list[Movement]:
    """What the latest entries of these payees moved, up to `until`; one statement, by indexes.

    At most MOST_ENTRIES of each text and MOST_NAMELESS without a payee. Of an entry the own account counts that it moves
    most; between own accounts, the one that money leaves. What pays a card is left out, and what pays a loan whose plan says
    from where: they are expected by plans of their own.
    """
    ordered = sorted(keys)
    limits = [MOST_ENTRIES if key else MOST_NAMELESS for key in ordered]
    given: dict[str, Any] = {"book": book.pk, "keys": ordered, "limits": limits, "until": until}
    with by_index(alone=True), connection.cursor() as cursor:
        cursor.execute(_HISTORIES, given)
        rows = cursor.fetchall()
    lines: dict[int, list[tuple[int, str, str, int]]] = defaultdict(list)
    heads = {}
    for entry_id, date, payee, description, key, account_id, kind, currency, amount in rows:
        heads[entry_id] = (date, payee, description, key)
        lines[entry_id].append((account_id, kind, currency, amount))
    repaid = _repaid_by_terms(book) if heads else {}
    found = []
    for entry_id, (date, payee, description, key) in heads.items():
        moved = None if _repays(lines[entry_id], repaid) else _moved(lines[entry_id])
        if moved is not None:
            account_id, currency, amount, counter_id, is_transfer = moved
            found.append(
                Movement(
                    entry_id=entry_id, date=date, account_id=account_id, amount=amount, currency=currency,
                    key=names.of.get(key, key).strip(), payee=payee, description=description, counter_id=counter_id,
                    transfer=is_transfer,
                )
            )  # fmt: skip
    return found


def _repaid_by_terms(book: Book) -> dict[int, int]:
    """Loans and cards that are paid by their own terms: account → the sign of a line that pays them."""
    loans = Loan.objects.filter(book=book, pays_from__isnull=False).values_list("account", "account__type")
    repaid = {account_id: -1 if type_ == AccountType.ASSET else 1 for account_id, type_ in loans}
    cards = CardTerms.objects.filter(book=book, pays_from__isnull=False).values_list("account", flat=True)
    return repaid | dict.fromkeys(cards, 1)


def _repays(lines: Sequence[tuple[int, str, str, int]], repaid: Mapping[int, int]) -> bool:
    """Whether own money pays such an account (of what was lent: is paid back from it), whatever interest or fee is in it."""
    for account_id, _kind, _currency, amount in lines:
        sign = repaid.get(account_id, 0)
        if amount * sign > 0:
            return any(kind in OWN_KINDS and of != account_id and part * sign < 0 for of, kind, _code, part in lines)
    return False


def _moved(lines: Iterable[tuple[int, str, str, int]]) -> tuple[int, str, int, int | None, bool] | None:
    """Account, currency, amount, other side, whether that is an own one; None where no own money moved."""
    own: dict[tuple[int, str, str], int] = defaultdict(int)
    others: dict[tuple[int, str], int] = defaultdict(int)
    for account_id, kind, currency, amount in lines:
        if kind in OWN_KINDS:
            own[account_id, currency, kind] += amount
        elif kind not in _NEUTRAL:
            others[account_id, currency] += amount
    moved = {place: amount for place, amount in own.items() if amount}
    if not moved:
        return None
    if others:
        (account_id, currency, _kind), amount = max(moved.items(), key=lambda item: (abs(item[1]), -item[0][0]))
        sides = [(abs(part), -other) for (other, of), part in others.items() if of == currency and part * amount < 0]
        return account_id, currency, amount, -max(sides)[1] if sides else None, False
    (left, currency, _left_kind), amount = min(moved.items(), key=lambda item: (item[1], item[0][0]))
    (reached, reached_in, kind), _most = max(moved.items(), key=lambda item: (item[1], -item[0][0]))
    if len(moved) < 2 or kind == AccountKind.CARD or currency != reached_in:
        return None
    return left, currency, amount, reached, True


def findings_of(*, book: Book, state: str = RecurringFinding.State.OFFERED) -> QuerySet[RecurringFinding]:
    """Findings in that state; of those that are offered only the ones that go on."""
    found = RecurringFinding.objects.filter(book=book, state=state).select_related("account", "counter", "schedule")
    return found.filter(lasts_until__gte=today_in(book)) if state == RecurringFinding.State.OFFERED else found


def finding_for(*, book: Book, finding_id: int) -> RecurringFinding:
    """The book's finding, whatever its state. Raises NotFound."""
    found = RecurringFinding.objects.filter(book=book, pk=finding_id).select_related("account", "counter", "schedule")
    finding = found.first()
    if finding is None:
        raise NotFound(thing="recurring payment")
    finding.book = book
    return finding


def evidence_of(*, book: Book, findings: Iterable[RecurringFinding], latest: int) -> dict[int, list[JournalEntry]]:
    """Finding → its entries that are still there, at most the `latest`, newest first; one query for all."""
    wanted = {finding.pk: finding.evidence[-latest:] for finding in findings}
    ids = {entry_id for ids in wanted.values() for entry_id in ids}
    entries = JournalEntry.objects.filter(book=book, pk__in=ids).in_bulk() if ids else {}
    return {pk: [entries[each] for each in reversed(ids) if each in entries] for pk, ids in wanted.items()}
