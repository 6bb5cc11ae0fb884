"""Search through a book: accounts by name, entries by payee and description, newest first."""

import datetime
import uuid
from dataclasses import dataclass

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core.keyset import dated_place, read_dated_place
from finance.errors import NotFound
from finance.ledger.movements import Movement, Side, movement_of
from finance.ledger.registers import like_pattern
from finance.ledger.selectors import accounts_of, paths_of
from finance.models import Account, AccountKind, Book, JournalLine
from finance.web.access import book_page

# A search reads at most this many entries per page and then offers to continue; it never scans a whole book.
WINDOW = 5000
PAGE = 30
QUICK = 6

_WINDOW = """
SELECT id, uid, date, payee, description, reverses_id FROM finance_journalentry
 WHERE book_id = %(book)s AND (date, id) < (%(date)s::date, %(id)s::bigint)
 ORDER BY date DESC, id DESC LIMIT %(window)s
"""
_HITS = f"""
WITH recent AS ({_WINDOW}), hits AS (
    SELECT * FROM recent
     WHERE (payee ILIKE %(pattern)s OR description ILIKE %(pattern)s) AND reverses_id IS NULL
       AND NOT EXISTS (SELECT 1 FROM finance_journalentry AS reversal WHERE reversal.reverses_id = recent.id)
     ORDER BY date DESC, id DESC LIMIT %(limit)s
)
SELECT id, uid, date, payee, description FROM hits ORDER BY date DESC, id DESC
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An entry that was found, with what it moved."""

    id: int
    uid: uuid.UUID
    date: datetime.date
    payee: str
    description: str
    movement: Movement


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Entries newest first; `next_cursor` where there may be more, `searched_to` if the window ended before the page."""

    entries: list[Hit]
    next_cursor: str | None
    searched_to: datetime.date | None


@book_page()
def search(request: HttpRequest, book: Book) -> HttpResponse:
    """A page of results, or for the box in the frame only the first few."""
    words = request.GET.get("q", "").strip()[:100].replace("\x00", "")
    quick = bool(request.headers.get("HX-Request")) and request.headers.get("HX-Target") == "search-results"
    limit = QUICK if quick else PAGE
    found = find_entries(book=book, words=words, after=request.GET.get("after"), limit=limit) if words else None
    context = {
        "query": words,
        "accounts": find_accounts(book=book, words=words)[:limit] if words else [],
        "found": found,
        "is_later_page": "after" in request.GET,
    }
    template = "web/_search_hits.html" if quick else "web/search.html"
    return render(request, template, {"book": book, **context})


def find_accounts(*, book: Book, words: str) -> list[tuple[Account, str]]:
    """Accounts whose path holds all the words, with the path."""
    tree = accounts_of(book=book)
    paths = paths_of(tree)
    asked = words.casefold().split()
    return [
        (account, paths[account.pk].replace(":", " › "))
        for account in tree
        if account.kind != AccountKind.GROUP and all(word in paths[account.pk].casefold() for word in asked)
    ]


def find_entries(*, book: Book, words: str, after: str | None, limit: int) -> Hits:
    """One page of entries whose payee or description holds the words. Raises NotFound for a bad cursor."""
    try:
        date, entry_id = read_dated_place(after) if after else (datetime.date.max, 2**63 - 1)
    except ValueError as error:
        raise NotFound(thing="page") from error
    parameters: dict[str, str | int | datetime.date] = {
        "book": book.pk,
        "date": date,
        "id": entry_id,
        "window": WINDOW,
        "limit": limit + 1,
        "pattern": like_pattern(words),
    }
    with connection.cursor() as cursor:
        cursor.execute(_HITS, parameters)
        rows = cursor.fetchall()
        sides: dict[int, list[Side]] = {row[0]: [] for row in rows[:limit]}
        lines = JournalLine.objects.filter(entry_id__in=sides).order_by("entry_id", "position")
        for entry, name, kind, currency, amount in lines.values_list(
            "entry_id", "account__name", "account__kind", "currency", "amount"
        ):
            sides[entry].append(Side(account=name, kind=kind, currency=currency, amount=amount))
        entries = [
            Hit(id=id_, uid=uid, date=day, payee=payee, description=text, movement=movement_of(sides[id_]))
            for id_, uid, day, payee, text in rows[:limit]
        ]
        if len(rows) > limit:
            last = entries[-1]
            return Hits(entries=entries, next_cursor=dated_place(last.date, last.id), searched_to=None)
        cursor.execute(
            f"SELECT date, id FROM ({_WINDOW}) AS recent ORDER BY date DESC, id DESC LIMIT 1 OFFSET %(window)s - 1",
            parameters,
        )
        end = cursor.fetchone()
    cursor_text = dated_place(*end) if end else None
    return Hits(entries=entries, next_cursor=cursor_text, searched_to=end[0] if end else None)
