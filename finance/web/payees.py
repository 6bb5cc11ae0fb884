"""Payees as they are typed: what begins alike, and what was written for each the last time."""

from typing import Any

from django.db import connection

from core.formatting import date_text
from finance.figures import money_text, typed_text
from finance.ledger.movements import OWN_KINDS, Side, movement_of
from finance.models import Book
from finance.payees.selectors import payees_beginning, texts_of

SUGGESTIONS = 8

# Hops from payee to payee through the index (book, lower(payee), date): as many steps as there are suggestions,
# however many entries each payee has. A language's sort order may put strangers between them, hence some spare hops.
_PAYEES = """
WITH RECURSIVE hop AS (
    (SELECT lower(payee) AS name, 1 AS steps FROM finance_journalentry
      WHERE book_id = %(book)s AND lower(payee) >= %(prefix)s ORDER BY lower(payee) LIMIT 1)
    UNION ALL
    SELECT next.name, hop.steps + 1 FROM hop, LATERAL (
        SELECT lower(payee) AS name FROM finance_journalentry
         WHERE book_id = %(book)s AND lower(payee) > hop.name ORDER BY lower(payee) LIMIT 1) AS next
     WHERE hop.steps < %(hops)s
)
SELECT last.payee, last.date, line.account_id, line.amount, line.currency, account.name, account.type,
       account.kind
  FROM (SELECT name FROM hop WHERE starts_with(name, %(prefix)s) ORDER BY name LIMIT %(limit)s) AS found
  JOIN LATERAL (SELECT id, payee, date FROM finance_journalentry
                 WHERE book_id = %(book)s AND lower(payee) = found.name AND reverses_id IS NULL
                 ORDER BY date DESC, id DESC LIMIT 1) AS last ON true
  JOIN finance_journalline AS line ON line.entry_id = last.id
  JOIN finance_account AS account ON account.id = line.account_id
 ORDER BY last.payee, line.position
"""


def payees_like(*, book: Book, prefix: str) -> list[dict[str, Any]]:
    """Up to eight payees beginning with the prefix (whatever its capitals), with the last entry's sides."""
    prefix = prefix.strip().lower()
    if not prefix or "\x00" in prefix:
        return []
    parameters: dict[str, str | int] = {
        "book": book.pk,
        "prefix": prefix,
        "limit": SUGGESTIONS,
        "hops": SUGGESTIONS * 4,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PAYEES, parameters)
        found: dict[str, list[tuple[Any, ...]]] = {}
        for payee, *line in cursor.fetchall():
            found.setdefault(payee, []).append(tuple(line))
    answer = []
    for payee, lines in found.items():
        # Its last entry: what it moved, the account that paid and the category.
        told: dict[str, Any] = {"payee": payee, "day": date_text(lines[0][0]), "lines": len(lines)}
        sides = []
        # Own money before other accounts: of a shared bill the friend who owes a part did not pay it.
        for _date, account_id, amount, currency, name, account_type, kind in sorted(
            lines, key=lambda line: line[-1] not in OWN_KINDS
        ):
            side = "category" if account_type in ("income", "expense") else "account"
            told.setdefault(side, account_id)
            if side == "category":
                told.setdefault("category_name", name)
            sides.append(Side(account=name, kind=kind, currency=currency, amount=amount))
        currency, amount = movement_of(sides).amounts[0]
        told["amount"] = typed_text(abs(amount), currency=currency)
        told["shown"] = money_text(abs(amount), currency=currency)
        answer.append(told)
    return _with_named(book, prefix, answer)


def _with_named(book: Book, prefix: str, written: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Named payees first, each once with its usual category, whichever of its names the entries have."""
    by_text = {told["payee"].casefold(): told for told in written}
    named = []
    for payee in payees_beginning(book=book, prefix=prefix, limit=SUGGESTIONS):
        found = [by_text.pop(text.casefold(), None) for text in texts_of(payee=payee)]
        told = {**next((each for each in found if each), {}), "payee": payee.name}
        if payee.default_account is not None:
            told |= {"category": payee.default_account_id, "category_name": payee.default_account.name}
        named.append(told)
    return [*named, *by_text.values()][:SUGGESTIONS]
