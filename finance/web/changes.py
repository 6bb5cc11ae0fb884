"""Changing entries where they are shown: a cell in place, everything that is selected, Undo, and the history of it.

A change answers htmx with the row as it is now, or with the event `lifeos:changed`, on which the list is read again
in place. Without scripts the same forms post and lead back to the address in `next`.
"""

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_htmx.http import reswap, retarget, trigger_client_event

from core.clock import today_in
from core.keyset import dated_place, keyset_page
from core.redirects import safe_next
from finance.errors import ChangedSince, FinanceError, Invalid, NotFound, ReconciledRow
from finance.figures import money_text, typed_text
from finance.ledger import services
from finance.ledger.change_models import Change, ChangedEntry
from finance.ledger.movements import natural
from finance.ledger.registers import RegisterRow, register_page
from finance.ledger.revising import Kept, parts_of
from finance.ledger.selectors import accounts_of, change_for, entry_for, lines_of
from finance.ledger.services.changes import Changed
from finance.models import Account, Book, JournalEntry, JournalLine, Role
from finance.tags import services as tag_services
from finance.tags.selectors import by_name
from finance.web.access import book_page, user_of
from finance.web.change_forms import FIELDS, EditForm
from finance.web.change_words import described
from finance.web.refusals import ask_reopen
from finance.web.register_filters import Scope, scope_of
from finance.web.registers import show_marks
from finance.web.selections import Selection, all_found, all_of, picked

PAGE = 30
# The list is read again in place; `rows` says whether more than its figures changed.
CHANGED = "lifeos:changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One value of an entry, shown in a list: in the register of `scope`, or elsewhere (None)."""

    entry: JournalEntry
    lines: list[JournalLine]
    line: JournalLine | None
    name: str
    tree: list[Account]
    scope: Scope | None

    @property
    def account(self) -> Account | None:
        """Whose signs an amount is read with: people count income and debts the other way round."""
        return self.line.account if self.line is not None and self.scope is not None else None

    @property
    def chosen(self) -> set[int]:
        return {self.line.position} if self.line is not None else set()

    def currency(self) -> str:
        """What an account that takes its place, or an amount, has to be kept in."""
        if self.name == "account":
            try:
                return self.lines[parts_of(self.lines, self.chosen)[0]].currency
            except Kept:
                return ""
        return (self.line or self.lines[0]).currency

    def value(self) -> Any:
        """Its value now, as a form shows it."""
        if self.name != "amount":
            return None if self.name == "account" else getattr(self.entry, self.name)
        line = self.line or self.lines[0]
        amount = natural(line.amount, self.account.type) if self.account else line.amount
        return typed_text(amount if self.line else abs(amount), currency=line.currency)


def _cell(book: Book, asked: QueryDict) -> Cell:
    """The cell that a request names. Raises Http404."""
    name, line_id, view = asked.get("field", ""), asked.get("line", ""), asked.get("view")
    if name not in FIELDS:
        raise Http404
    if line_id:
        line = JournalLine.objects.filter(book=book, pk=_number(line_id)).select_related("entry", "account").first()
        if line is None:
            raise Http404
        entry = line.entry
        entry.book = book
    else:
        line = None
        try:
            entry = entry_for(book=book, uid=uuid.UUID(asked.get("entry", "")))
        except ValueError as error:
            raise Http404 from error
    tree, scope = accounts_of(book=book), None
    if view is not None and view != "fold":
        query = QueryDict(asked.get("query", ""))
        scope = scope_of(tree=tree, account_id=_number(view) if view else None, query=query)
    return Cell(entry=entry, lines=lines_of(entry=entry), line=line, name=name, tree=tree, scope=scope)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Http404
    return int(text)


def _form(cell: Cell, data: Any = None) -> EditForm:
    return EditForm(
        data, name=cell.name, tree=cell.tree, account=cell.account, currency=cell.currency(),
        initial=cell.value(),
    )  # fmt: skip


@book_page(at_least=Role.EDITOR)
def change_cell(request: HttpRequest, book: Book) -> HttpResponse:
    """GET: the form that takes the place of a cell. POST: carry it out."""
    if request.method != "POST":
        cell = _cell(book, request.GET)
        context = {"book": book, "cell": cell, "form": _form(cell), "asked": request.GET}
        return render(request, "web/_change_cell.html", context)
    cell = _cell(book, request.POST)
    form = _form(cell, request.POST)
    before = _row(cell.line) if cell.scope is not None else None
    if form.is_valid():
        try:
            done = services.change_entries(
                book=book, actor=user_of(request), targets={cell.entry.pk: cell.chosen}, edit=form.edit(),
                today=today_in(book),
            )  # fmt: skip
        except ReconciledRow as error:
            return ask_reopen(request, book, error)
        except FinanceError as error:
            form.add_error("value", error.detail)
        else:
            say_changed(request, book, done)
            in_place = before is not None and cell.name in ("account", "payee", "description")
            if not request.htmx or not in_place or done.change is None:  # type: ignore[attr-defined]
                return answer_change(request, book)
            return _row_again(request, book, cell, before, done.change)
    if not request.htmx:  # type: ignore[attr-defined]
        messages.error(request, " ".join(map(str, form.errors["value"])))
        return answer_change(request, book)
    context = {"book": book, "cell": cell, "form": form, "asked": request.POST}
    return reswap(retarget(render(request, "web/_change_cell.html", context), "this"), "outerHTML")


def _row(line: JournalLine | None) -> RegisterRow | None:
    """The register's row of a line, with its balance in the account's own register."""
    if line is None:
        return None
    page = register_page(accounts=[line.account], after=dated_place(line.date, line.pk + 1), limit=1)
    return page.rows[0] if page.rows and page.rows[0].line_id == line.pk else None


def _row_again(
    request: HttpRequest, book: Book, cell: Cell, before: RegisterRow | None, change: Change
) -> HttpResponse:
    """The row in its old place, with the balance it had there; it moves when the list is read again."""
    assert cell.line is not None
    assert cell.scope is not None
    assert before is not None
    pair = ChangedEntry.objects.get(change=change)
    line = JournalLine.objects.select_related("account").get(entry=pair.after_id, position=cell.line.position)
    row = _row(line) or before
    row.balance = before.balance
    show_marks([row])
    inside = {account.pk for account in cell.scope.accounts}
    context = {
        "book": book, "scope": cell.scope, "rows": [row], "replaces": cell.line.pk, "here": safe_next(request),
        "query": request.POST.get("query", ""), "moved_to": None if line.account_id in inside else line.account.name,
    }  # fmt: skip
    response = render(request, "web/_changed_row.html", context)
    return trigger_client_event(reswap(response, "none"), CHANGED, {"rows": False}, after="settle")


def say_changed(request: HttpRequest, book: Book, done: Changed) -> None:
    """The message: what was changed, with Undo."""
    if done.change is None:
        messages.info(request, _("Nothing to change: it is like that already."))
        return
    undo = reverse("web:change_undo", args=[book.pk, done.change.pk])
    messages.success(request, described([done.change])[0], extra_tags=undo)


def answer_change(request: HttpRequest, book: Book, *, otherwise: str = "") -> HttpResponse:
    """To htmx the messages and the event, else back to where the form was (`otherwise` if it does not say)."""
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(safe_next(request) or otherwise or reverse("web:changes", args=[book.pk]))
    response = render(request, "web/_messages.html", {"book": book, "oob": True, "here": safe_next(request)})
    return trigger_client_event(reswap(response, "none"), CHANGED, {"rows": True}, after="settle")


def selection_of(book: Book, asked: QueryDict) -> Selection:
    """What a list's form has selected. Raises Invalid, NotFound and Http404."""
    if asked.get("all"):
        view = asked.get("view")
        if view == "search":
            return all_found(book=book, words=asked.get("query", ""))
        return all_of(book=book, account_id=_number(view) if view else None, query=asked.get("query", ""))
    return picked(book=book, picks=asked.getlist("pick"))


@book_page(at_least=Role.EDITOR)
def change_options(request: HttpRequest, book: Book) -> HttpResponse:
    """The accounts that the selected rows may be given, for the bar's menu."""
    form = EditForm(name="account", tree=accounts_of(book=book), currency=request.GET.get("currency", ""))
    context = {"choices": form.fields["value"].choices, "name": "account_value", "label": form["value"].label}  # type: ignore[attr-defined]
    return render(request, "web/_account_options.html", {"book": book, **context})


@book_page(at_least=Role.EDITOR)
def change_selection(request: HttpRequest, book: Book) -> HttpResponse:
    """GET: how many entries the filter finds and what their rows come to. POST: change all that is selected."""
    if request.method != "POST":
        if not request.GET.get("all"):
            return HttpResponse()
        try:
            selection = selection_of(book, request.GET)
        except Invalid as error:
            return HttpResponse(escape(error.detail))
        sums = [money_text(amount, currency=code) for code, amount in selection.sums.items()]
        count = len(selection.targets)
        words = ngettext("%(n)s entry", "%(n)s entries", count) % {"n": count}
        return HttpResponse(escape(" · ".join([words, *sums])))
    try:
        done = _carry_out(request, book)
    except NotFound:
        raise
    except ReconciledRow as error:
        return ask_reopen(request, book, error)
    except FinanceError as error:
        messages.error(request, error.detail)
    else:
        say_changed(request, book, done)
    return answer_change(request, book)


def _tag(request: HttpRequest, book: Book, selection: Selection, action: str) -> Changed:
    """Tags are added and removed in place: no entry is corrected."""
    names = [name for name in request.POST.get("tag_value", "").split(",") if name.strip()]
    if not names or not selection.targets:
        raise Invalid(reason=_("Name at least one tag, and choose at least one entry."))
    if action == "tag":
        tags = tag_services.tags_named(book=book, names=names)
    else:
        known = by_name(book=book)
        tags = [known[name.strip().casefold()] for name in names if name.strip().casefold() in known]
    change = tag_services.change_tags(
        book=book, actor=user_of(request), entry_ids=list(selection.targets),
        **{"add" if action == "tag" else "remove": tags},
    )  # fmt: skip
    return Changed(change=change)


def _carry_out(request: HttpRequest, book: Book) -> Changed:
    selection = selection_of(book, request.POST)
    # A choice of the list of accounts sends the form by itself.
    name = "account" if "account_value" in request.POST else request.POST.get("action", "")
    actor, today = user_of(request), today_in(book)
    if name in ("tag", "untag"):
        return _tag(request, book, selection, name)
    if name == "delete":
        return services.delete_entries(book=book, actor=actor, entry_ids=list(selection.targets), today=today)
    value = request.POST.get(f"{name}_value", "")
    if name not in (*FIELDS[:-1], "shift_days"):
        raise Invalid(reason=_("Choose what to do with the entries."))
    form = EditForm({"value": value}, name=name, tree=accounts_of(book=book))
    if not form.is_valid():
        raise Invalid(reason=" ".join(map(str, form.errors["value"])))
    return services.change_entries(book=book, actor=actor, targets=selection.targets, edit=form.edit(), today=today)


@book_page(at_least=Role.EDITOR)
def change_undo(request: HttpRequest, book: Book, change_id: int) -> HttpResponse:
    """Undo a change; with `skip` the entries that were changed since stay as they are."""
    change = change_for(book=book, change_id=change_id)
    if request.method != "POST":
        return redirect("web:changes", book.pk)
    try:
        undo = services.undo_change(
            change=change, actor=user_of(request), today=today_in(book), skip_changed="skip" in request.GET
        )
    except ChangedSince as error:
        others = f"{request.path}?{urlencode({'skip': 1})}" if error.facts["rest"] else ""
        messages.error(request, f"{error.detail} {error.fields['entries']}", extra_tags=others)
    except ReconciledRow as error:
        return ask_reopen(request, book, error)
    except FinanceError as error:
        messages.error(request, error.detail)
    else:
        say_changed(request, book, Changed(change=undo))
    return answer_change(request, book)


@book_page()
def changes(request: HttpRequest, book: Book) -> HttpResponse:
    """What was changed, newest first, with Undo."""
    after = request.GET.get("after")
    found = Change.objects.filter(book=book).select_related("made_by", "undone_by")
    page = keyset_page(found, ordering=["-id"], after=[_number(after)] if after else None, limit=PAGE)
    context = {
        "book": book,
        "changes": list(zip(page.rows, described(page.rows), strict=True)),
        "next": page.edge.pk if page.edge else None,
    }
    return render(request, "web/changes.html", context)


@book_page()
def change(request: HttpRequest, book: Book, change_id: int) -> HttpResponse:
    """One change with its entries, a page at a time, and what stayed as it was."""
    shown = change_for(book=book, change_id=change_id)
    after = request.GET.get("after")
    pairs = ChangedEntry.objects.filter(change=shown).select_related("before", "after")
    page = keyset_page(pairs, ordering=["id"], after=[_number(after)] if after else None, limit=PAGE)
    context = {
        "book": book, "change": shown, "words": described([shown])[0], "pairs": page.rows,
        "next": page.edge.pk if page.edge else None,
    }  # fmt: skip
    return render(request, "web/change.html", context)
