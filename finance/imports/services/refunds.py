"""Refunds: proposed on rows, kept as links between entries, taken back at any time."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext

from core.batches import in_batches
from finance.errors import Conflict, NotFound
from finance.events.records import RefundLinked, RefundUnlinked
from finance.imports.models import Refund
from finance.imports.refunds import REFUND_DAYS, Purchase
from finance.ledger.models import Account, Book, JournalEntry
from finance.ledger.revisions import root_of, roots_of
from finance.rules.engine import key_words
from identity.models import User
from platform_outbox.emit import emit_many

# Words of payees that are looked for in the books at once, and purchases that are read for them.
_WORDS_AT_ONCE, _MOST_PURCHASES = 200, 20_000

# Spending of the account on one category, the latest first.
_PURCHASES = """
SELECT entry.id, entry.date, -own.amount, entry.payee, other.account_id
  FROM finance_journalline AS own
  JOIN finance_journalentry AS entry ON entry.id = own.entry_id
  JOIN finance_journalline AS other ON other.entry_id = entry.id AND other.id <> own.id
  JOIN finance_account AS category ON category.id = other.account_id
 WHERE own.account_id = %(account)s AND own.date BETWEEN %(first)s AND %(last)s AND own.amount < 0
   AND entry.line_count = 2 AND entry.reverses_id IS NULL AND category.type = 'expense'
   AND lower(entry.payee) LIKE ANY(%(words)s::text[])
   AND NOT EXISTS (SELECT FROM finance_journalentry AS taken WHERE taken.reverses_id = entry.id)
 ORDER BY own.date DESC, entry.id DESC LIMIT %(limit)s
"""
# What was given back of purchases so far: root → minor units on the account.
_GIVEN_BACK = """
SELECT link.purchase_id, sum(line.amount)
  FROM finance_refund AS link
  JOIN finance_journalline AS line ON line.entry_id = link.refund_id AND line.account_id = %(account)s
 WHERE link.book_id = %(book)s AND link.purchase_id = ANY(%(roots)s::bigint[])
   AND NOT EXISTS (SELECT FROM finance_journalentry AS gone WHERE gone.reverses_id = link.refund_id)
 GROUP BY link.purchase_id
"""


def purchases_of(*, account: Account, keys: Iterable[str], first: datetime.date, last: datetime.date) -> list[Purchase]:
    """What the account spent with these payees (their key words) from 90 days before `first` to `last`."""
    wanted = set(keys)
    # The longest word of each finds the entries; the whole key decides.
    words = sorted({f"%{max(key.split(), key=len)}%" for key in wanted if key})
    found: dict[int, Purchase] = {}
    with connection.cursor() as cursor:
        for some in in_batches(words, size=_WORDS_AT_ONCE):
            values: dict[str, Any] = {
                "account": account.pk, "first": first - datetime.timedelta(days=REFUND_DAYS), "last": last,
                "words": list(some), "limit": _MOST_PURCHASES,
            }  # fmt: skip
            cursor.execute(_PURCHASES, values)
            for entry_id, date, amount, payee, category_id in cursor.fetchall():
                if (key := key_words(payee)) in wanted:
                    found[entry_id] = Purchase(
                        key=key, date=date, amount=amount, left=amount, payee=payee, entry_id=entry_id,
                        category_id=category_id,
                    )  # fmt: skip
        if not found:
            return []
        roots = roots_of(book=account.book, entry_ids=list(found))
        cursor.execute(_GIVEN_BACK, {"account": account.pk, "book": account.book_id, "roots": list(roots.values())})
        back = dict(cursor.fetchall())
    return [replace(each, left=each.left - int(back.get(roots[pk], 0))) for pk, each in found.items()]


@transaction.atomic
def link_refunds(*, book: Book, actor: User | None, pairs: Mapping[int, int]) -> int:
    """Link entries to the purchases that they give back (refund → purchase); returns how many links are new."""
    if not pairs:
        return 0
    roots = roots_of(book=book, entry_ids={*pairs, *pairs.values()})
    wanted = {roots[refund]: roots[purchase] for refund, purchase in pairs.items()}
    there = set(Refund.objects.filter(book=book, refund__in=wanted).values_list("refund_id", flat=True))
    fresh = {refund: purchase for refund, purchase in wanted.items() if refund not in there and refund != purchase}
    Refund.objects.bulk_create(
        Refund(book=book, refund_id=refund, purchase_id=purchase, linked_by=actor) for refund, purchase in fresh.items()
    )
    emit_many(
        [RefundLinked(book_id=book.pk, refund_id=refund, purchase_id=purchase) for refund, purchase in fresh.items()]
    )
    return len(fresh)


@transaction.atomic
def link_refund(*, entry: JournalEntry, purchase: JournalEntry, actor: User | None) -> None:
    """Say which purchase an entry of the same book gives back; another one that was linked before no longer is.

    Raises Conflict for an entry and itself.
    """
    refund = root_of(entry=entry)
    if refund == root_of(entry=purchase):
        raise Conflict(field="purchase", reason=gettext("An entry cannot give itself back."))
    if Refund.objects.filter(book=entry.book_id, refund=refund).exists():
        unlink_refund(entry=entry, actor=actor)
    link_refunds(book=entry.book, actor=actor, pairs={entry.pk: purchase.pk})


@transaction.atomic
def unlink_refund(*, entry: JournalEntry, actor: User | None) -> None:
    """Take back that the entry gives a purchase back; both entries stay as they are. Raises NotFound without a link."""
    link = Refund.objects.select_for_update().filter(book=entry.book_id, refund=root_of(entry=entry)).first()
    if link is None:
        raise NotFound(thing="refund")
    emit_many([RefundUnlinked(book_id=entry.book_id, refund_id=link.refund_id, purchase_id=link.purchase_id)])
    # By both columns of the key.
    Refund.objects.filter(pk=link.pk, book=entry.book_id).delete()
