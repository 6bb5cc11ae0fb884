"""Adding, showing, correcting and reversing entries."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from core.clock import today_in
from core.formatting import date_text
from core.redirects import safe_next
from finance.errors import Conflict, FinanceError, ReconciledRow
from finance.imports.models import ImportRow
from finance.ledger import services
from finance.ledger.selectors import accounts_of, entry_for, entry_history, lines_of
from finance.models import Account, Book, JournalEntry, JournalLine, Role
from finance.web.access import book_page, user_of
from finance.web.entry_drafts import carried, draft_of
from finance.web.entry_forms import MODES, EntryForm, ExchangeDraft, LinesForm, RowsForm
from finance.web.payees import payees_like
from finance.web.refusals import refuse
from finance.web.wealth import everyday_accounts

MORE_ROWS = 4


@book_page(at_least=Role.EDITOR)
def entry_new(request: HttpRequest, book: Book) -> HttpResponse:
    """Add an entry. The mode and any value may be given in the address; `copy` repeats an entry."""
    tree = accounts_of(book=book)
    mode, form = _form(request, book, tree)
    if _is_save(request) and form.is_valid():
        try:
            entry = _post(form, book=book, request=request)
        except FinanceError as error:
            refuse(form, error, fields=form.places)
        else:
            what = entry.payee or entry.description or date_text(entry.date)
            messages.success(request, _("Saved: %(what)s.") % {"what": what})
            if "stay" in request.POST:
                kept = {"mode": mode, "date": entry.date.isoformat(), "account": request.POST.get("account", "")}
                return redirect(f"{request.path}?{urlencode({**kept, 'next': safe_next(request)})}")
            if next_page := safe_next(request):
                return redirect(next_page)
            account = request.POST.get("account", "")
            if account.isdigit():
                return redirect("web:register", book.pk, int(account))
            return redirect("web:entry", book.pk, entry.uid)
    return _write_page(request, book, form, mode)


def _is_save(request: HttpRequest) -> bool:
    return request.method == "POST" and not {"switch", "more_rows"} & set(request.POST)


def _mode_of(asked: str | None, otherwise: str = "spent") -> str:
    return asked if asked in MODES else otherwise


def _form(
    request: HttpRequest, book: Book, tree: list[Account], *, drafted: tuple[str, dict[str, Any]] | None = None,
    used: frozenset[int] = frozenset(),
) -> tuple[str, EntryForm]:  # fmt: skip
    """The form as it was sent, or a fresh one carrying over what is known."""
    usual, known = drafted or ("spent", {})
    if _is_save(request):
        mode = _mode_of(request.POST.get("mode"), usual)
        return mode, MODES[mode][1](request.POST, tree=tree, used=used)
    if request.method == "POST":
        typed = request.POST.dict()
        mode = _mode_of(request.POST.get("switch") or request.POST.get("mode"), usual)
        start = carried(typed, to=mode) if "switch" in request.POST else dict(typed)
        if "more_rows" in request.POST:
            start["rows"] = str(int(typed.get("rows") or 0) + MORE_ROWS) if typed.get("rows", "").isdigit() else "6"
    else:
        if drafted is None and (copied := request.GET.get("copy")):
            try:
                entry = entry_for(book=book, uid=uuid.UUID(copied))
            except ValueError:
                pass  # no number of an entry: an empty form
            else:
                usual, known = draft_of(entry, lines_of(entry=entry))
                known = {**known, "date": today_in(book)}
        mode = _mode_of(request.GET.get("mode"), usual)
        asked = {name: value for name, value in request.GET.items() if name != "uid"}
        everyday = everyday_accounts(tree)
        start = {"date": today_in(book), "account": everyday[0].pk if everyday else None, **known, **asked}
    return mode, MODES[mode][1](initial={"uid": uuid7(), **start}, tree=tree, used=used)


def _post(form: EntryForm, *, book: Book, request: HttpRequest) -> JournalEntry:
    data = form.cleaned_data
    words = {"date": data["date"], "payee": data["payee"], "description": data["description"]}
    said = form.posting()
    try:
        if isinstance(said, ExchangeDraft):
            return services.exchange(
                book=book, actor=user_of(request), uid=data["uid"], **words,
                source_account=said.source_account, source_amount=said.source_amount,
                target_account=said.target_account, target_amount=said.target_amount,
            )  # fmt: skip
        return services.post_entry(book=book, actor=user_of(request), lines=said, uid=data["uid"], **words)
    except Conflict as error:
        if "uid" in error.fields:  # the same form, sent twice: the first one stands
            return entry_for(book=book, uid=data["uid"])
        raise


def _write_page(
    request: HttpRequest, book: Book, form: EntryForm, mode: str, *, corrected: JournalEntry | None = None
) -> HttpResponse:
    may_exchange = form.several_currencies and corrected is None
    modes = [(key, title) for key, (title, _form) in MODES.items() if key != "exchanged" or may_exchange]
    context = {
        "form": form,
        "mode": mode,
        "modes": modes,
        "rows": form.row_list() if isinstance(form, RowsForm) else None,
        "as_lines": isinstance(form, LinesForm),
        "corrected": corrected,
        "next": safe_next(request),
        "today": today_in(book),
        "is_closed_by_now": corrected is not None
        and book.closed_through is not None
        and corrected.date <= book.closed_through,
    }
    return render(request, "web/entry_form.html", {"book": book, **context})


@book_page(at_least=Role.EDITOR)
def entry_edit(request: HttpRequest, book: Book, uid: uuid.UUID) -> HttpResponse:
    """Correct an entry: the old one is reversed and stays readable, a new one takes its place."""
    entry = entry_for(book=book, uid=uid)
    lines = lines_of(entry=entry)
    used = frozenset(line.account_id for line in lines)
    mode, form = _form(request, book, accounts_of(book=book), drafted=draft_of(entry, lines), used=used)
    if _is_save(request) and form.is_valid():
        data = form.cleaned_data
        try:
            said = form.posting()
            if isinstance(said, ExchangeDraft):
                text = _(
                    "The two accounts are kept in different currencies. Correct this as debits and credits, "
                    "or delete it and enter it again."
                )
                raise Conflict(reason=text)
            replacement = services.correct_entry(
                entry=entry, actor=user_of(request), lines=said, on=today_in(book),
                date=data["date"], payee=data["payee"], description=data["description"],
            )  # fmt: skip
        except FinanceError as error:
            refuse(form, error, fields=form.places)
        else:
            messages.success(request, _("Corrected. The earlier version stays in its history."))
            return redirect(safe_next(request) or redirect("web:entry", book.pk, replacement.uid).url)
    return _write_page(request, book, form, mode, corrected=entry)


@book_page()
def entry(request: HttpRequest, book: Book, uid: uuid.UUID) -> HttpResponse:
    """An entry with its lines, its origin and all its versions."""
    shown = entry_for(book=book, uid=uid)
    return render(request, "web/entry.html", {"book": book, **_entry_context(shown)})


@book_page()
def entry_fold(request: HttpRequest, book: Book, uid: uuid.UUID) -> HttpResponse:
    """The same, unfolded beneath its row in a register."""
    shown = entry_for(book=book, uid=uid)
    return render(request, "web/_entry_fold.html", {"book": book, **_entry_context(shown)})


def _entry_context(shown: JournalEntry) -> dict[str, Any]:
    history = entry_history(entry=shown)
    reversals = {each.reverses_id: each for each in history if each.reverses_id}
    successor = {each.corrects_id: each for each in history if each.corrects_id}
    lines = lines_of(entry=shown)
    # Every version with what it came to.
    versions: list[tuple[JournalEntry, list[tuple[str, int]]]] = []
    if len(history) > 1:
        by_entry: dict[int, list[JournalLine]] = {each.pk: [] for each in history}
        for line in JournalLine.objects.filter(entry_id__in=by_entry):
            by_entry[line.entry_id].append(line)
        versions = [(each, _totals(by_entry[each.pk])) for each in history]
    # The line of a bank file that the entry was posted from.
    came_in_with: ImportRow | None = None
    if shown.source == JournalEntry.Source.IMPORT:
        came_in_with = shown.import_rows.select_related("batch").defer("batch__content").first()
    return {
        "entry": shown,
        "lines": lines,
        "totals": _totals(lines),
        "history": versions,
        "reversal": reversals.get(shown.pk),
        "successor": successor.get(shown.pk),
        "came_in_with": came_in_with,
        "is_current": shown.pk not in reversals and shown.reverses_id is None,
    }


def _totals(lines: list[JournalLine]) -> list[tuple[str, int]]:
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.currency] = sums.get(line.currency, 0) + max(line.amount, 0)
    return sorted(sums.items())


@book_page(at_least=Role.EDITOR)
def entry_reverse(request: HttpRequest, book: Book, uid: uuid.UUID) -> HttpResponse:
    """Reverse an entry, after saying what that means."""
    shown = entry_for(book=book, uid=uid)
    asks_reopen = ""
    if request.method == "POST":
        try:
            reversal = services.reverse_entry(entry=shown, actor=user_of(request), on=today_in(book))
        except ReconciledRow as error:
            asks_reopen = error.detail
        except FinanceError as error:
            messages.error(request, error.detail)
        else:
            day = date_text(reversal.date)
            messages.success(
                request, _("Deleted, with the date %(day)s. The entry stays in the history.") % {"day": day}
            )
        if not asks_reopen:
            return redirect("web:entry", book.pk, shown.uid)
    closed = book.closed_through is not None and shown.date <= book.closed_through
    context = {**_entry_context(shown), "reversed_on": today_in(book) if closed else shown.date, "is_closed": closed}
    context = {"book": book, "asks_reopen": asks_reopen, **context}
    return render(request, "web/entry_reverse.html", context, status=409 if asks_reopen else 200)


@book_page()
def payees(request: HttpRequest, book: Book) -> JsonResponse:
    """Payees that begin with `q`, each with what was last written for it; for the form's ghost text."""
    return JsonResponse({"payees": payees_like(book=book, prefix=request.GET.get("q", ""))})
