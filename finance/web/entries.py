"""Adding, showing, correcting and reversing entries."""

import uuid
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from uuid_utils.compat import uuid7

from core.clock import today_in
from core.redirects import safe_next
from finance.attachments.selectors import attachments_of_entries
from finance.attachments.services import attach
from finance.errors import Conflict, FinanceError, ReconciledRow
from finance.imports.models import ImportRow
from finance.imports.selectors import refund_links
from finance.imports.services import unlink_refund
from finance.ledger import services
from finance.ledger.posting import EntryDraft, LineDraft, merged
from finance.ledger.selectors import accounts_of, entry_for, entry_history, lines_of, role_of, template_for
from finance.ledger.services.changes import Changed, open_day
from finance.ledger.visibility import visible_entries, visible_lines
from finance.models import Account, Book, EntryTemplate, JournalEntry, JournalLine, Role, TransferFee
from finance.tags.selectors import tags_of, tags_of_entries
from finance.web.access import book_page, user_of
from finance.web.change_words import entry_words
from finance.web.changes import answer_change, say_changed
from finance.web.entry_drafts import carried, draft_of
from finance.web.entry_forms import CATEGORY_TYPES, MODES, EntryForm, EntryInput, ExchangeDraft, LinesForm, RowsForm
from finance.web.payees import payees_like
from finance.web.refusals import ask_reopen, refuse
from finance.web.tags import save_tags, typed_tags
from finance.web.transfer_fees import proposed
from finance.web.wealth import everyday_accounts

MORE_ROWS = 4


@book_page(at_least=Role.EDITOR, partly=True)
def entry_new(request: HttpRequest, book: Book) -> HttpResponse:
    """Add an entry. The mode and any value may be given in the address; `copy` repeats an entry."""
    tree = accounts_of(book=book)
    mode, form = _form(request, book, tree)
    if "keep" in request.POST and form.is_valid():
        _keep(request, book, form)
    elif _is_save(request) and form.is_valid():
        try:
            with transaction.atomic():
                entry = _post(form, book=book, request=request)
                save_tags(request, entry)
                for file in request.FILES.getlist("receipt"):
                    attach(entry=entry, actor=user_of(request), data=file.read(), file_name=file.name or "")
        except FinanceError as error:
            refuse(form, error, fields=form.places)
        else:
            # Who sees some accounts only adds entries, and changes none.
            undo = reverse("web:entry_reverse", args=[book.pk, entry.uid]) if book.visible_ids is None else ""
            what = entry_words(entry, lines_of(entry=entry))
            messages.success(request, _("Saved: %(what)s.") % {"what": what}, extra_tags=undo)
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


def _keep(request: HttpRequest, book: Book, form: EntryForm) -> None:
    """Keep what the form says as a template; nothing is posted."""
    data = form.cleaned_data
    try:
        template = services.save_template(
            book=book, actor=user_of(request), name=request.POST.get("template_name", ""), payee=data["payee"],
            description=data["description"], lines=_lines(form.posting(), book=book),
        )  # fmt: skip
    except FinanceError as error:
        refuse(form, error, fields=form.places)
    else:
        messages.success(request, _("Kept as the template “%(name)s”.") % {"name": template.name})


@book_page(at_least=Role.EDITOR)
def template_remove(request: HttpRequest, book: Book, template_id: int) -> HttpResponse:
    """Remove a template."""
    template = template_for(book=book, template_id=template_id)
    if request.method == "POST":
        services.remove_template(template=template)
        messages.success(request, _("The template “%(name)s” was removed.") % {"name": template.name})
    return redirect("web:entry_new", book.pk)


def _is_save(request: HttpRequest) -> bool:
    return request.method == "POST" and not {"switch", "more_rows", "propose"} & set(request.POST)


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
        return mode, _sent(request, mode, tree, used, is_new=drafted is None)
    if request.method == "POST":
        typed = request.POST.dict()
        mode = _mode_of(request.POST.get("switch") or request.POST.get("mode"), usual)
        start = carried(typed, to=mode) if "switch" in request.POST else dict(typed)
        if "propose" in request.POST:
            start |= proposed(typed, tree=tree)
        if "more_rows" in request.POST:
            start["rows"] = str(int(typed.get("rows") or 0) + MORE_ROWS) if typed.get("rows", "").isdigit() else "6"
    else:
        if drafted is None:
            usual, known = _repeated(request, book) or (usual, known)
        mode = _mode_of(request.GET.get("mode"), usual)
        asked = {name: value for name, value in request.GET.items() if name != "uid"}
        everyday = everyday_accounts(tree)
        start = {"date": today_in(book), "account": everyday[0].pk if everyday else None, **known, **asked}
    return mode, MODES[mode][1](initial={"uid": uuid7(), **start}, tree=tree, used=used)


def _sent(
    request: HttpRequest, mode: str, tree: list[Account], used: frozenset[int], *, is_new: bool
) -> EntryForm:  # fmt: skip
    """The form as it was sent. A fee that the account's rule knows and nobody has seen yet is filled in and asked about."""
    kind = MODES[mode][1]
    told = proposed(request.POST, tree=tree) if is_new and "fee" in kind.base_fields else {}
    if not told:
        return kind(request.POST, tree=tree, used=used)
    data = request.POST.copy()
    data.update({name: str(value) for name, value in told.items() if data.pop(name, None) or True})
    form = kind(data, tree=tree, used=used)
    form.full_clean()
    form.add_error("fee", _("By this account's rule; save again if it is right, or change it."))
    return form


def _repeated(request: HttpRequest, book: Book) -> tuple[str, dict[str, Any]] | None:
    """The entry that is to be written again today: `copy` names one or is "last", `template` one that was kept."""
    copied, kept = request.GET.get("copy", ""), request.GET.get("template", "")
    if kept.isascii() and kept.isdigit() and len(kept) < 19 and book.visible_ids is None:
        template = template_for(book=book, template_id=int(kept))
        accounts = {account.pk: account for account in accounts_of(book=book)}
        entry = JournalEntry(payee=template.payee, description=template.description)
        lines = [
            JournalLine(
                account=accounts[line["account"]], currency=accounts[line["account"]].currency, amount=line["amount"],
                memo=line["memo"],
            )
            for line in template.lines
        ]  # fmt: skip
    elif copied == "last":
        mine = JournalEntry.objects.filter(book=book, created_by=user_of(request), reverses=None, reversed_by=None)
        last = mine.filter(visible_entries(book=book)).order_by("-pk").first()
        if last is None:
            return None
        last.book = book
        entry, lines = last, lines_of(entry=last)
    else:
        try:
            entry = entry_for(book=book, uid=uuid.UUID(copied))
        except ValueError:
            return None  # not the number of an entry: an empty form
        lines = lines_of(entry=entry)
    mode, known = draft_of(entry, lines)
    return mode, {**known, "date": today_in(book)}


def _post(form: EntryForm, *, book: Book, request: HttpRequest) -> JournalEntry:
    data = form.cleaned_data
    words = {"date": data["date"], "payee": data["payee"], "description": data["description"]}
    said = form.posting()
    try:
        if isinstance(said, ExchangeDraft):
            return services.exchange(
                book=book, actor=user_of(request), uid=data["uid"], **words,
                source_account=said.source_account, source_amount=said.source_amount,
                target_account=said.target_account, target_amount=said.target_amount, extra=said.extra,
            )  # fmt: skip
        return services.post_entry(book=book, actor=user_of(request), lines=said, uid=data["uid"], **words)
    except Conflict as error:
        if "uid" in error.fields:  # the same form, sent twice: the first one stands
            return entry_for(book=book, uid=data["uid"])
        raise


def _lines(said: EntryInput, *, book: Book) -> list[LineDraft]:
    """The lines of one entry, those of an exchange through the trading accounts."""
    if not isinstance(said, ExchangeDraft):
        return said
    lines = services.exchange_lines(
        book=book, source_account=said.source_account, source_amount=said.source_amount,
        target_account=said.target_account, target_amount=said.target_amount,
    )  # fmt: skip
    return merged([*lines, *said.extra])


def _write_page(
    request: HttpRequest, book: Book, form: EntryForm, mode: str, *, corrected: JournalEntry | None = None
) -> HttpResponse:
    may_exchange = form.several_currencies and corrected is None
    modes = [(key, title) for key, (title, _form) in MODES.items() if key != "exchanged" or may_exchange]
    context = {
        "form": form,
        "mode": mode,
        "proposes_fees": "fee" in form.fields and corrected is None and TransferFee.objects.filter(book=book).exists(),
        "modes": modes,
        "rows": form.row_list() if isinstance(form, RowsForm) else None,
        "as_lines": isinstance(form, LinesForm),
        "corrected": corrected,
        "typed_tags": typed_tags(request, corrected),
        "all_tags": tags_of(book=book) if book.visible_ids is None else [],
        "next": safe_next(request),
        "reversed_on": open_day(closed_through=book.closed_through, today=today_in(book)),
        "templates": []
        if corrected or book.visible_ids is not None
        else list(EntryTemplate.objects.filter(book=book).order_by("name")),
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
        data, on = form.cleaned_data, open_day(closed_through=book.closed_through, today=today_in(book))
        try:
            draft = EntryDraft(
                date=data["date"], payee=data["payee"], description=data["description"],
                lines=_lines(form.posting(), book=book),
            )  # fmt: skip
            with transaction.atomic():
                change = services.replace_entry(
                    entry=entry, actor=user_of(request), draft=draft, today=on, beside=save_tags(request, entry)
                )
                replacement = JournalEntry.objects.get(corrects=entry)
        except FinanceError as error:
            refuse(form, error, fields=form.places)
        else:
            say_changed(request, book, Changed(change=change))
            return redirect(safe_next(request) or reverse("web:entry", args=[book.pk, replacement.uid]))
    return _write_page(request, book, form, mode, corrected=entry)


@book_page(partly=True)
def entry(request: HttpRequest, book: Book, uid: uuid.UUID) -> HttpResponse:
    """An entry with its lines, its origin and all its versions."""
    shown = entry_for(book=book, uid=uid)
    attached = attachments_of_entries(book=book, entry_ids=[shown.pk]).get(shown.pk, [])
    context = {
        "attachments": attached,
        "tags": tags_of_entries(book=book, entry_ids=[shown.pk]).get(shown.pk, []),
        "typed_tags": typed_tags(request, shown),
        "all_tags": tags_of(book=book),
    }
    return render(request, "web/entry.html", {"book": book, **_entry_context(shown), **context})


@book_page(partly=True)
def entry_fold(request: HttpRequest, book: Book, uid: uuid.UUID) -> HttpResponse:
    """The same, unfolded beneath its row in a register."""
    shown = entry_for(book=book, uid=uid)
    context = _entry_context(shown)
    may_edit = book.visible_ids is None and role_of(user=user_of(request), book=book) != Role.VIEWER
    edits = context["is_current"] and may_edit
    context |= {"next": safe_next(request), "edits_parts": edits, "category_types": CATEGORY_TYPES}
    context["tags"] = tags_of_entries(book=book, entry_ids=[shown.pk]).get(shown.pk, [])
    return render(request, "web/_entry_fold.html", {"book": book, **context})


def _entry_context(shown: JournalEntry) -> dict[str, Any]:
    history = entry_history(entry=shown)
    reversals = {each.reverses_id: each for each in history if each.reverses_id}
    successor = {each.corrects_id: each for each in history if each.corrects_id}
    lines = lines_of(entry=shown)
    # Every version with what it came to.
    versions: list[tuple[JournalEntry, list[tuple[str, int]]]] = []
    if len(history) > 1:
        by_entry: dict[int, list[JournalLine]] = {each.pk: [] for each in history}
        for line in JournalLine.objects.filter(entry_id__in=by_entry).select_related("account"):
            by_entry[line.entry_id].append(line)
        versions = [(each, _totals(visible_lines(by_entry[each.pk], book=shown.book))) for each in history]
        for each in history:
            # A reversal is shown where nothing took the place of what it took back.
            each.ends_it = each.reverses_id is not None and each.reverses_id not in successor  # type: ignore[attr-defined]
    # The line of a bank file that the entry was posted from.
    came_in_with: ImportRow | None = None
    sees_all = shown.book.visible_ids is None  # a file and a refund may be of other accounts
    if shown.source == JournalEntry.Source.IMPORT and sees_all:
        came_in_with = shown.import_rows.select_related("batch").defer("batch__content", "batch__head").first()
    return {
        "entry": shown,
        "lines": lines,
        "totals": _totals(lines),
        "history": versions,
        "reversal": reversals.get(shown.pk),
        "successor": successor.get(shown.pk),
        "came_in_with": came_in_with,
        "refunds": refund_links(entry=shown) if sees_all else [],
        "is_current": shown.pk not in reversals and shown.reverses_id is None,
    }


@require_POST
@book_page(at_least=Role.EDITOR)
def entry_refund_unlink(request: HttpRequest, book: Book, uid: uuid.UUID) -> HttpResponse:
    """Take back that the entry gives a purchase back."""
    unlink_refund(entry=entry_for(book=book, uid=uid), actor=user_of(request))
    messages.success(request, _("No longer linked as a refund. Both entries stay as they are."))
    return redirect("web:entry", book.pk, uid)


def _totals(lines: list[JournalLine]) -> list[tuple[str, int]]:
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.currency] = sums.get(line.currency, 0) + max(line.amount, 0)
    return sorted(sums.items())


@book_page(at_least=Role.EDITOR)
def entry_reverse(request: HttpRequest, book: Book, uid: uuid.UUID) -> HttpResponse:
    """Delete an entry. GET says what that means; where a button posts at once, the message offers Undo."""
    shown = entry_for(book=book, uid=uid)
    if request.method == "POST":
        try:
            done = services.delete_entries(
                book=book, actor=user_of(request), entry_ids=[shown.pk], today=today_in(book)
            )
        except ReconciledRow as error:
            return ask_reopen(request, book, error)
        except FinanceError as error:
            messages.error(request, error.detail)
        else:
            say_changed(request, book, done)
        return answer_change(request, book, otherwise=reverse("web:entry", args=[book.pk, shown.uid]))
    closed = book.closed_through is not None and shown.date <= book.closed_through
    on = open_day(closed_through=book.closed_through, today=today_in(book))
    context = {**_entry_context(shown), "reversed_on": on if closed else shown.date, "is_closed": closed}
    return render(request, "web/entry_reverse.html", {"book": book, "next": safe_next(request), **context})


@book_page()
def payees(request: HttpRequest, book: Book) -> JsonResponse:
    """Payees that begin with `q`, each with what was last written for it; for the form's ghost text."""
    return JsonResponse({"payees": payees_like(book=book, prefix=request.GET.get("q", ""))})
