"""Importing a bank file: upload, proof and rows, done. Every step also works as a plain form."""

import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from core.clock import today_in
from finance.bank_statements import ReconciledRows, undo_import
from finance.errors import Conflict, FinanceError, Forbidden, NotFound, ReconciledRow
from finance.imports import selectors, services
from finance.imports.models import ImportBatch, ImportRow
from finance.imports.parsers.encoding import OFFERED
from finance.imports.parsers.limits import MAX_BYTES
from finance.imports.proof import proof_of
from finance.ledger.selectors import account_for, accounts_of
from finance.models import Account, AccountType, Book, Role
from finance.web.access import book_page, user_of
from finance.web.account_choices import AccountField
from finance.web.import_rows import Categories, payments_foreseen, row_views
from finance.web.refusals import refuse
from platform_outbox.emit import health

# A worker reads the file. Most are read in this time; for others a page shows how far it is.
WAIT_SECONDS = 2.0
# A page says that no worker is there when a file was not begun in this time.
BEGINS_WITHIN = datetime.timedelta(seconds=5)
PER_PAGE = 50
# Lines that are no transactions, below the last rows; the others are behind a link.
MOST_LEFT_OUT = 20
MOST_DISCARDED = 200
DELIMITER_LABELS = [
    (",", gettext_lazy("comma")),
    (";", gettext_lazy("semicolon")),
    ("\t", gettext_lazy("tab")),
    ("|", gettext_lazy("bar")),
]
_SUFFIXES = [
    *(".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".ods", ".ofx", ".qfx", ".xml", ".zip"),
    *(".sta", ".mt940", ".940", ".942", ".swi", ".qif"),
]
_MONEY = (AccountType.ASSET, AccountType.LIABILITY)


class UploadForm(forms.Form):
    """A file and where it belongs."""

    file = forms.FileField(
        label=gettext_lazy("Bank file"),
        help_text=gettext_lazy(
            "CSV, Excel, OFX, QFX, CAMT, MT940 or QIF, as your bank exports it. Nothing is posted before you have seen it."
        ),
        widget=forms.ClearableFileInput(
            attrs={"accept": ",".join([*_SUFFIXES, *(suffix.upper() for suffix in _SUFFIXES)])}
        ),
    )

    def __init__(self, *args: object, tree: list[Account], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["account"] = AccountField(tree=tree, types=_MONEY, label=_("Account"))
        self.order_fields(["account", "file"])

    def clean_file(self) -> "UploadedFile[Any]":
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if (file.size or 0) > MAX_BYTES:
            raise forms.ValidationError(_("The file is larger than 50 MB. Please export a shorter period."))
        return file


class AgainForm(forms.Form):
    """What may have kept a file from being read: the account that was chosen, the separator, the encoding."""

    delimiter = forms.ChoiceField(
        label=gettext_lazy("Column separator"),
        required=False,
        choices=[("", gettext_lazy("find out")), *DELIMITER_LABELS],
    )
    encoding = forms.ChoiceField(
        label=gettext_lazy("Encoding"),
        required=False,
        choices=[("", gettext_lazy("find out")), *((name, name) for name in OFFERED)],
    )

    def __init__(self, *args: object, tree: list[Account], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["account"] = AccountField(tree=tree, types=_MONEY, label=_("Account"))
        self.order_fields(["account", "delimiter", "encoding"])


@require_safe
@book_page()
def imports(request: HttpRequest, book: Book) -> HttpResponse:
    """Upload, and what was imported so far."""
    before = request.GET.get("before", "")
    batches = selectors.recent_batches(book=book, limit=21, before=int(before) if _is_id(before) else None)
    form = UploadForm(tree=accounts_of(book=book), initial={"account": request.GET.get("account", "")})
    return _upload_page(request, book, form, batches)


@require_POST
@book_page(at_least=Role.EDITOR)
def import_new(request: HttpRequest, book: Book) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES, tree=accounts_of(book=book))
    if form.is_valid():
        try:
            file: UploadedFile[Any] = form.cleaned_data["file"]
            batch = services.receive_file(
                book=book,
                account=form.cleaned_data["account"],
                actor=user_of(request),
                data=file.read(),
                file_name=file.name or "",
            )
            batch = services.settled(batch=batch, seconds=WAIT_SECONDS, keep=True)
        except FinanceError as error:
            refuse(form, error, fields={"": "file"})
        else:
            return redirect("web:import_detail", book.pk, batch.pk)
    return _upload_page(request, book, form, selectors.recent_batches(book=book, limit=21), status=400)


def _upload_page(
    request: HttpRequest, book: Book, form: UploadForm, batches: list[ImportBatch], *, status: int = 200
) -> HttpResponse:
    more = batches[20:]
    context = {
        "book": book,
        "form": form,
        "batches": batches[:20],
        "any_unconfirmed": any(batch.is_unconfirmed for batch in batches[:20]),
        "next": batches[19].pk if more else None,
    }
    return render(request, "finance/imports/upload.html", context, status=status)


@require_safe
@book_page()
def import_detail(request: HttpRequest, book: Book, import_id: int) -> HttpResponse:
    """The import in the state that it is in: being read, waiting for decisions, done."""
    batch = selectors.batch_for(book=book, batch_id=import_id)
    if batch.state in (ImportBatch.State.RECEIVED, ImportBatch.State.REFUSED):
        form = AgainForm(tree=accounts_of(book=book), initial={"account": batch.account_id})
        return render(request, "finance/imports/reading.html", {**_reading(book, batch), "form": form})
    fate, cursor = request.GET.get("fate", ""), request.GET.get("after") or None
    try:
        page = selectors.rows_page(batch=batch, fate=fate, left_out=False, cursor=cursor, limit=PER_PAGE)
    except FinanceError as error:
        raise NotFound(thing="page") from error
    counts = selectors.counts_of(batch=batch)
    statements = selectors.statements_of(batch=batch)
    left_out: list[ImportRow] = []
    if counts.left_out and not fate and not page.next_cursor:
        left_out = list(selectors.rows_page(batch=batch, fate=ImportRow.Status.LEFT_OUT, limit=MOST_LEFT_OUT).rows)
    categories = Categories(book)
    proofs = [(statement, proof_of(statement)) for statement in statements]
    context = {
        "book": book,
        "batch": batch,
        "older_choices": [c for c in services.OlderRows.choices if c[0]] if any(p.older for _s, p in proofs) else [],
        "counts": counts,
        "left_out": row_views(left_out, categories),
        "fates": ImportRow.Status.choices,
        "fate": fate,
        "proofs": proofs,
        # A file of one account is only asked about where it does not seem to be the chosen one.
        "asks_account": len(statements) > 1 or any(statement.account_id is None for statement in statements),
        "several": len(statements) > 1,
        "assign_accounts": [a for a in categories.accounts if a.type in _MONEY],
        "rows": row_views(page.rows, categories, pays=payments_foreseen(book, page.rows) if batch.is_open else {}),
        "next": page.next_cursor,
        "categories": categories.options,
        "is_open": batch.is_open,
        "kept": [{**each, "date": datetime.date.fromisoformat(each["date"])} for each in batch.kept],
    }
    return render(request, "finance/imports/detail.html", context)


@require_GET
@book_page()
def import_progress(request: HttpRequest, book: Book, import_id: int) -> HttpResponse:
    """The progress of the reading, for a page that asks every second."""
    batch = selectors.batch_for(book=book, batch_id=import_id)
    if batch.state == ImportBatch.State.RECEIVED:
        return render(request, "finance/imports/_progress.html", _reading(book, batch))
    target = redirect("web:import_detail", book.pk, batch.pk)
    # htmx would put a redirect's page into the page.
    return HttpResponseClientRedirect(target.url) if request.htmx else target  # type: ignore[attr-defined]


def _reading(book: Book, batch: ImportBatch) -> dict[str, Any]:
    """What the page of a file that is not read yet shows; it says so when nobody is there to read it."""
    waits = batch.state == ImportBatch.State.RECEIVED and batch.reading_at is None
    late = waits and timezone.now() - batch.created_at > BEGINS_WITHIN
    return {"book": book, "batch": batch, "no_worker": late and not health().workers_alive}


@require_POST
@book_page(at_least=Role.EDITOR)
def import_row(request: HttpRequest, book: Book, import_id: int, row_id: int) -> HttpResponse:
    """One row's decision and category; answers with the row alone where htmx asked."""
    batch = selectors.batch_for(book=book, batch_id=import_id)
    row = selectors.row_for(batch=batch, row_id=row_id)
    categories = Categories(book)
    problem, account = "", None
    try:
        account = categories.picked(request.POST.get("pick", "")) or categories.find(
            request.POST.get("category", ""), row
        )
        decision, payee = request.POST.get("decision", ""), request.POST.get("payee")
        services.decide_rows(
            batch=batch,
            actor=user_of(request),
            row_ids=[row.pk],
            decision=decision,
            # A name that was only sent along is no choice: the split of a rule, or its category, stays.
            counter_account=None if account and account.pk == row.counter_account_id else account,
            payee=None if payee in (None, row.new_payee) else payee,
        )
    except (Forbidden, NotFound):
        raise
    except FinanceError as error:
        problem = error.detail
    if request.headers.get("HX-Request") != "true":
        if problem:
            messages.error(request, problem)
        return redirect(_back(request, book, batch) + f"#row-{row.pk}")
    row = selectors.row_for(batch=batch, row_id=row_id)
    alike = len(services.rows_like(row=row)) if account and not problem and row.plan == "post" else 0
    (view,) = row_views([row], categories, problem=problem, alike=alike)
    context = {"book": book, "batch": batch, "row": view, "is_open": True, "asked": True}
    answer = render(request, "finance/imports/_row.html", context)
    answer["HX-Trigger-After-Swap"] = "decided"
    return answer


@require_POST
@book_page(at_least=Role.EDITOR)
def import_like(request: HttpRequest, book: Book, import_id: int, row_id: int) -> HttpResponse:
    """The category of one row for all rows like it that nobody has decided on."""
    batch = selectors.batch_for(book=book, batch_id=import_id)
    row = selectors.row_for(batch=batch, row_id=row_id)
    alike = services.rows_like(row=row)
    try:
        if alike and row.counter_account is not None:
            services.decide_rows(
                batch=batch, actor=user_of(request), row_ids=alike, counter_account=row.counter_account
            )
    except FinanceError as error:
        _complain(request, error)
    else:
        said = ngettext("%(count)d row updated.", "%(count)d rows updated.", len(alike))
        messages.success(request, said % {"count": len(alike)})
    return redirect(_back(request, book, batch) + f"#row-{row.pk}")


@require_POST
@book_page(at_least=Role.EDITOR)
def import_decide(request: HttpRequest, book: Book, import_id: int) -> HttpResponse:
    """One decision for all rows of a status."""
    batch = selectors.batch_for(book=book, batch_id=import_id)
    try:
        number = services.decide_rows(
            batch=batch,
            actor=user_of(request),
            fate=request.POST.get("fate", ""),
            decision=request.POST.get("decision", ""),
        )
    except FinanceError as error:
        _complain(request, error)
    else:
        said = ngettext("%(count)d row updated.", "%(count)d rows updated.", number)
        messages.success(request, said % {"count": number})
    return redirect(_back(request, book, batch))


@require_POST
@book_page(at_least=Role.EDITOR)
def import_assign(request: HttpRequest, book: Book, import_id: int, statement_id: int) -> HttpResponse:
    """Which account a statement of a file with several belongs to."""
    batch = selectors.batch_for(book=book, batch_id=import_id)
    statement = selectors.statement_for(batch=batch, statement_id=statement_id)
    chosen = request.POST.get("account", "")
    try:
        account = account_for(book=book, account_id=int(chosen) if _is_id(chosen) else 0)
        services.assign_statement(statement=statement, actor=user_of(request), account=account)
    except FinanceError as error:
        _complain(request, error)
    return redirect("web:import_detail", book.pk, batch.pk)


@require_POST
@book_page(at_least=Role.EDITOR)
def import_confirm(request: HttpRequest, book: Book, import_id: int) -> HttpResponse:
    batch = selectors.batch_for(book=book, batch_id=import_id)
    try:
        services.confirm_import(
            batch=batch,
            actor=user_of(request),
            opening_balance=request.POST.get("opening_balance") == "on",
            older_rows=request.POST.get("older_rows", ""),
            leave_undecided=request.POST.get("leave_undecided") == "on",
        )
    except FinanceError as error:
        _complain(request, error)
    else:
        posted = selectors.counts_of(batch=batch).outcomes["posted"]
        said = ngettext("%(count)d entry posted.", "%(count)d entries posted.", posted)
        messages.success(request, said % {"count": posted})
    return redirect("web:import_detail", book.pk, batch.pk)


@require_POST
@book_page(at_least=Role.EDITOR)
def import_undo(request: HttpRequest, book: Book, import_id: int) -> HttpResponse:
    """Undo an import; where some of its rows are reconciled, ask what becomes of them first."""
    batch = selectors.batch_for(book=book, batch_id=import_id)
    chosen = request.POST.get("reconciled")
    reconciled = ReconciledRows(chosen) if chosen in list(ReconciledRows) else ReconciledRows.REFUSE
    try:
        undo_import(batch=batch, actor=user_of(request), on=today_in(book), reconciled=reconciled)
    except ReconciledRow as error:
        context = {"book": book, "batch": batch, "reason": error.detail, "statements": error.facts.get("statements")}
        return render(request, "finance/imports/undo.html", context, status=409)
    except FinanceError as error:
        _complain(request, error)
    # The page itself says that it is undone, and what stays.
    return redirect("web:import_detail", book.pk, batch.pk)


@require_POST
@book_page(at_least=Role.EDITOR)
def import_again(request: HttpRequest, book: Book, import_id: int) -> HttpResponse:
    """Try a file once more that could not be read."""
    batch = selectors.batch_for(book=book, batch_id=import_id)
    form = AgainForm(request.POST, tree=accounts_of(book=book))
    if form.is_valid():
        try:
            batch = services.read_again(batch=batch, **form.cleaned_data)
            services.settled(batch=batch, seconds=WAIT_SECONDS, keep=True)
        except Conflict as error:  # it has been read, or discarded, meanwhile
            _complain(request, error)
            return redirect("web:import_detail", book.pk, batch.pk)
        except FinanceError as error:
            refuse(form, error)
        else:
            return redirect("web:import_detail", book.pk, batch.pk)
    context = {**_reading(book, batch), "form": form}
    return render(request, "finance/imports/reading.html", context, status=400)


@require_POST
@book_page(at_least=Role.EDITOR)
def imports_discard(request: HttpRequest, book: Book) -> HttpResponse:
    """Discard the chosen files of the list that are not confirmed."""
    chosen = [int(value) for value in request.POST.getlist("import")[:MOST_DISCARDED] if _is_id(value)]
    number = services.discard_imports(book=book, ids=chosen)
    if number:
        said = ngettext(
            "%(count)d file discarded; nothing was posted.", "%(count)d files discarded; nothing was posted.", number
        )
        messages.success(request, said % {"count": number})
    else:
        messages.error(request, _("Choose files that are not confirmed yet."))
    return redirect("web:imports", book.pk)


@require_POST
@book_page(at_least=Role.EDITOR)
def import_discard(request: HttpRequest, book: Book, import_id: int) -> HttpResponse:
    batch = selectors.batch_for(book=book, batch_id=import_id)
    try:
        services.discard_import(batch=batch, actor=user_of(request))
    except FinanceError as error:
        _complain(request, error)
        return redirect("web:import_detail", book.pk, batch.pk)
    messages.success(request, _("“%(file)s” was discarded; nothing was posted.") % {"file": batch.file_name})
    return redirect("web:imports", book.pk)


def _complain(request: HttpRequest, error: FinanceError) -> None:
    if isinstance(error, Forbidden | NotFound):
        raise error
    messages.error(request, error.detail)


def _back(request: HttpRequest, book: Book, batch: ImportBatch) -> str:
    """The page of rows that the form was on."""
    url = redirect("web:import_detail", book.pk, batch.pk).url
    query = {name: request.POST[name] for name in ("fate_filter", "after") if request.POST.get(name)}
    if not query:
        return str(url)
    return f"{url}?" + "&".join(
        f"{name.removesuffix('_filter')}={value}"
        for name, value in query.items()
        if value.replace("_", "").replace("-", "").isalnum()
    )


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
