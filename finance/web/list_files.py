"""Registers, searches and selected rows as files, in the form and with the sums that the pages show."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core.formatting import date_text
from core.redirects import safe_next
from finance.errors import Invalid, NotFound
from finance.exports.registers import register_table
from finance.exports.serving import served
from finance.ledger.registers import Filters, LineCondition
from finance.models import Account, Book, JournalLine
from finance.period_texts import period_text
from finance.search.files import pages_found, search_table
from finance.search.query import QueryError, parse_query
from finance.search.selectors import hits_of
from finance.sheets import CONTENT_TYPES
from finance.web.access import book_page, id_in
from finance.web.register_filters import FilterForm, pills_of, read_register
from finance.web.selections import picked


@require_safe
@book_page(partly=True)
def register_file(
    request: HttpRequest, book: Book, file_format: str, account_id: int | None = None
) -> HttpResponseBase:
    """All rows of a register with its filters."""
    try:
        return _register(book, file_format, query=request.GET, account_id=account_id)
    except Invalid as error:
        messages.error(request, error.detail)
        path = reverse("web:register", args=[book.pk, account_id]) if account_id else ""
        return redirect(f"{path or reverse('web:book_register', args=[book.pk])}?{request.GET.urlencode()}")


@require_safe
@book_page()
def search_file(request: HttpRequest, book: Book, file_format: str) -> HttpResponseBase:
    """All entries that a search finds."""
    words = request.GET.get("q", "")
    try:
        return _search(book, file_format, words=words)
    except Invalid as error:
        messages.error(request, error.detail)
        return redirect(f"{reverse('web:search', args=[book.pk])}?{urlencode({'q': words})}")


@require_POST
@book_page()
def selection_file(request: HttpRequest, book: Book, file_format: str) -> HttpResponseBase:
    """The selected rows of a register or a search, or all that the list has."""
    asked = request.POST
    view, query = asked.get("view", ""), asked.get("query", "")
    try:
        if view == "search":
            if asked.get("all"):
                return _search(book, file_format, words=query)
            entries = list(picked(book=book, picks=asked.getlist("pick")).targets)
            table = search_table(book=book, pages=[hits_of(book=book, entry_ids=entries)], notes=[])
            return served(table, file_format=_known(file_format), name=table.title)
        picks = None if asked.get("all") else asked.getlist("pick")
        account_id = id_in(view, thing="account") if view else None
        return _register(book, file_format, query=QueryDict(query), account_id=account_id, picks=picks)
    except Invalid as error:
        messages.error(request, error.detail)
        return redirect(safe_next(request) or reverse("web:book_register", args=[book.pk]))


def _known(file_format: str) -> str:
    if file_format not in CONTENT_TYPES:
        raise NotFound(thing="file")
    return file_format


def _search(book: Book, file_format: str, *, words: str) -> HttpResponseBase:
    try:
        terms = parse_query(words, language=get_language() or "en")
    except QueryError as error:
        raise Invalid(reason=error.message) from error
    if not terms:
        raise Invalid(reason=_("Say what to search for."))
    table = search_table(book=book, pages=pages_found(book=book, terms=terms), notes=[words])
    return served(table, file_format=_known(file_format), name=f"{table.title} {words}")


def _register(
    book: Book, file_format: str, *, query: QueryDict, account_id: int | None, picks: list[str] | None = None
) -> HttpResponseBase:
    """The register's rows as a file; with `picks` those lines of it. Raises NotFound, Invalid."""
    scope, form = read_register(book=book, query=query, account_id=account_id)
    if form.errors:
        raise Invalid(reason=_("One of the filters cannot be read; correct it first."))
    accounts, filters = form.chosen_accounts(), form.filters()
    notes = [" · ".join([book.name, period_text(form.days), *(pill.text for pill in pills_of(form))])]
    if picks is not None:
        accounts, filters = _picked_lines(book, picks, form)
        days = f"{date_text(filters.start)} – {date_text(filters.end)}" if filters.start and filters.end else ""
        notes = [" · ".join([book.name, days])]
    table = register_table(
        book=book, accounts=accounts, filters=filters, paths=form.paths, title=scope.title, notes=notes,
        with_balance=scope.has_balance,
    )  # fmt: skip
    span = "-".join(day.isoformat() for day in (filters.start, filters.end) if day)
    return served(table, file_format=_known(file_format), name=f"{scope.title} {span}")


def _picked_lines(book: Book, picks: list[str], form: FilterForm) -> tuple[list[Account], Filters]:
    """The accounts of the lines that were chosen, and filters that leave these lines. Raises NotFound, Invalid."""
    lines = {id_in(pick, thing="entry") for pick in picks}
    if not lines:
        raise Invalid(reason=_("Choose at least one entry."))
    found = list(JournalLine.objects.filter(book=book, pk__in=lines).values_list("account_id", "date"))
    if len(found) != len(lines):
        raise NotFound(thing="entry")
    touched = {account_id for account_id, _date in found}
    dates = [date for _account_id, date in found]
    condition = LineCondition(sql="line.id = ANY(%(picked)s::bigint[])", parameters={"picked": list(lines)})
    filters = Filters(
        start=min(dates), end=max(dates), also=(condition,), with_superseded=bool(form.cleaned_data.get("all"))
    )
    return [account for account in form.tree if account.pk in touched], filters
