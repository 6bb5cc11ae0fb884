"""Search through a book: accounts by name; entries by words, amounts, days and operators, newest first."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from finance.errors import Invalid, NotFound
from finance.models import Book
from finance.search.conditions import world_of
from finance.search.query import QueryError, parse_query
from finance.search.selectors import find_accounts, find_entries
from finance.tags.selectors import tags_of_entries
from finance.web.access import book_page

PAGE = 30
QUICK = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A query with the place that is wrong in it: before, the place, behind."""

    before: str
    wrong: str
    behind: str
    message: str


def operators() -> list[tuple[str, str]]:
    """What the box offers as you type: the operator, and what it does."""
    return [
        ("payee:", _("words of the payee")),
        ("note:", _("words of the note")),
        ("category:", _("a category or a group of them")),
        ("account:", _("an account or a group of them")),
        ("tag:", _("a tag")),
        ("amount:", _("12.50, >100 or 100..200")),
        ("date:", _("2026, 2026-03, >2026-01-01 or 2026-01..2026-03")),
        ("has:", _("receipt, tag or note")),
    ]


@book_page()
def search(request: HttpRequest, book: Book) -> HttpResponse:
    """A page of results, or for the box in the frame only the first few."""
    words = request.GET.get("q", "").strip()
    quick = bool(request.headers.get("HX-Request")) and request.headers.get("HX-Target") == "search-results"
    limit = QUICK if quick else PAGE
    context: dict[str, object] = {"book": book, "query": words, "is_later_page": "after" in request.GET}
    status = 200
    try:
        terms = parse_query(words, language=get_language() or "en")
        if terms:
            world = world_of(book=book, terms=terms)
            context["accounts"] = find_accounts(book=book, terms=terms, world=world)[:limit]
            found = find_entries(book=book, terms=terms, after=request.GET.get("after"), limit=limit, world=world)
            context["found"] = found
            tags = tags_of_entries(book=book, entry_ids=[hit.id for hit in found.entries])
            context["hits"] = [(hit, tags.get(hit.id, [])) for hit in found.entries]
    except QueryError as error:
        end = error.place + error.length
        context["refused"] = Refused(
            before=words[: error.place], wrong=words[error.place : end], behind=words[end:], message=error.message
        )
        status = 200 if quick else 400
    except Invalid as error:
        raise NotFound(thing="page") from error
    # What is being typed at the end may be the beginning of an operator.
    last = words.rpartition(" ")[2].lstrip("-").casefold()
    context["operators"] = [each for each in operators() if not quick or (last and each[0].startswith(last))]
    template = "web/_search_hits.html" if quick else "web/search.html"
    return render(request, template, context, status=status)
