"""Reconciling an account: its statements on a timeline, one of them with its rows to tick."""

import datetime
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.clock import today_in
from finance import figures
from finance.bank_statements import add_from_file, pending_rows, stated_in_files, tick_file
from finance.errors import FinanceError, Forbidden, Invalid, NotFound
from finance.ledger.selectors import account_for, accounts_of
from finance.models import Account, AccountKind, AccountStatement, AccountType, Book, Role
from finance.periods import month_end
from finance.reconciliation import selectors, services
from finance.reconciliation.selectors import StatementView
from finance.web.access import book_page, user_of
from finance.web.account_choices import AccountField
from finance.web.refusals import refuse

PER_PAGE = 100
STATEMENTS_PER_PAGE = 36
_WIDTH = 1000


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class StatementForm(forms.Form):
    """What the bank states; amounts as on the account, what is owed is negative."""

    start = forms.DateField(label=gettext_lazy("First day"), widget=DayInput)
    end = forms.DateField(label=gettext_lazy("Last day"), widget=DayInput)
    opening = forms.CharField(
        label=gettext_lazy("Opening balance"), max_length=40, widget=forms.TextInput(attrs={"inputmode": "decimal"})
    )
    closing = forms.CharField(
        label=gettext_lazy("Closing balance"),
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        help_text=gettext_lazy("At the end of the last day."),
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account = account
        if account.type == AccountType.LIABILITY:
            self.fields["opening"].help_text = _("What you owe is negative, such as −250.00.")

    def clean_opening(self) -> int:
        return self._amount("opening")

    def clean_closing(self) -> int:
        return self._amount("closing")

    def _amount(self, name: str) -> int:
        try:
            return figures.read_amount(self.cleaned_data[name], currency=self.account.currency, field=name)
        except FinanceError as error:
            raise forms.ValidationError(error.detail) from error


class DifferenceForm(forms.Form):
    """What the difference is posted against."""

    def __init__(self, *args: Any, tree: list[Account], currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        usable = [a for a in tree if a.kind == AccountKind.GROUP or a.currency == currency]
        self.fields["account"] = AccountField(
            tree=usable, types=(AccountType.EXPENSE, AccountType.INCOME, AccountType.EQUITY), label=_("Post it to")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A statement on the timeline: place and width in thousandths of it."""

    view: StatementView
    x: int
    width: int


@require_safe
@book_page()
def statements(request: HttpRequest, book: Book, account_id: int) -> HttpResponse:
    """The account's statements, further ones that bank files state, and pending rows."""
    account = account_for(book=book, account_id=account_id)
    if not selectors.has_statements(account):
        raise NotFound(thing="page")
    after = request.GET.get("after") or None
    try:
        page = selectors.statements_page(account=account, after=after, limit=STATEMENTS_PER_PAGE)
    except Invalid as error:
        raise NotFound(thing="page") from error
    context = {
        "account": account,
        "views": page.views,
        "spans": _spans(page.views),
        "next": page.next_cursor,
        "is_later_page": after is not None,
        "stated": stated_in_files(account=account),
        "pending": pending_rows(book=book, account=account, today=today_in(book)),
    }
    return render(request, "finance/statements/list.html", {"book": book, **context})


def _spans(views: list[StatementView]) -> list[Span]:
    if not views:
        return []
    first = min(view.statement.start for view in views)
    days = (max(view.statement.end for view in views) - first).days + 1
    spans = []
    for view in views:
        x = (view.statement.start - first).days * _WIDTH // days
        end = ((view.statement.end - first).days + 1) * _WIDTH // days
        # A thin gap, so that two that meet are seen as two.
        spans.append(Span(view=view, x=x, width=max(end - x - 2, 2)))
    return spans


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def statement_new(request: HttpRequest, book: Book, account_id: int) -> HttpResponse:
    """A statement on paper, or of a file without balances."""
    account = account_for(book=book, account_id=account_id)
    return _form_page(request, book, account, None, _suggested(book, account))


def _suggested(book: Book, account: Account) -> dict[str, Any]:
    """Where the last statement ended; else the last month."""
    last_month = today_in(book).replace(day=1) - datetime.timedelta(days=1)
    suggested = selectors.suggested_next(account=account)
    if suggested is None:
        return {"start": last_month.replace(day=1), "end": last_month}
    start, opening = suggested
    return {"start": start, "end": month_end(start), "opening": figures.typed_text(opening, currency=account.currency)}


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def statement_edit(request: HttpRequest, book: Book, statement_id: int) -> HttpResponse:
    changed = selectors.statement_for(book=book, statement_id=statement_id)
    currency = changed.account.currency
    initial = {
        "start": changed.start,
        "end": changed.end,
        "opening": figures.typed_text(changed.opening, currency=currency),
        "closing": figures.typed_text(changed.closing, currency=currency),
        "version": changed.version,
    }
    return _form_page(request, book, changed.account, changed, initial)


def _form_page(
    request: HttpRequest, book: Book, account: Account, changed: AccountStatement | None, initial: dict[str, Any]
) -> HttpResponse:
    form = StatementForm(request.POST if request.method == "POST" else None, account=account, initial=initial)
    if request.method == "POST" and form.is_valid():
        figures_given = dict(form.cleaned_data)
        version = figures_given.pop("version")
        try:
            if changed is None:
                saved = services.add_statement(book=book, account=account, actor=user_of(request), **figures_given)
            else:
                saved = services.change_statement(
                    statement=changed, actor=user_of(request), version=version, **figures_given
                )
        except (Forbidden, NotFound):
            raise
        except FinanceError as error:
            refuse(form, error)
        else:
            return redirect("web:statement", book.pk, saved.pk)
    context = {"book": book, "account": account, "form": form, "statement": changed}
    return render(request, "finance/statements/form.html", context, status=400 if form.errors else 200)


@require_POST
@book_page(at_least=Role.EDITOR)
def statement_from_file(request: HttpRequest, book: Book, account_id: int) -> HttpResponse:
    """The statement of a bank file, with the file's rows ticked."""
    account = account_for(book=book, account_id=account_id)
    try:
        added = add_from_file(
            account=account, actor=user_of(request), import_statement_id=_number(request.POST.get("import_statement"))
        )
    except (Forbidden, NotFound):
        raise
    except FinanceError as error:
        messages.error(request, error.detail)
        return redirect("web:statements", book.pk, account.pk)
    return redirect("web:statement", book.pk, added.pk)


@require_safe
@book_page()
def statement(request: HttpRequest, book: Book, statement_id: int) -> HttpResponse:
    """Two figures, what is missing between them, and the rows to tick."""
    shown = selectors.statement_for(book=book, statement_id=statement_id)
    view = selectors.view_of(shown)
    earlier, after = request.GET.get("earlier") == "1", request.GET.get("after") or None
    try:
        page = selectors.rows_page(statement=shown, sums=view.sums, after=after, limit=PER_PAGE, earlier=earlier)
    except Invalid as error:
        raise NotFound(thing="page") from error
    context = {
        "account": shown.account,
        "view": view,
        "statement": shown,
        "days": [(day, list(rows)) for day, rows in groupby(page.rows, key=lambda row: row.date)],
        "next": page.next_cursor,
        "earlier": earlier,
        "after": after,
    }
    if view.difference and shown.is_open:
        context["difference_form"] = DifferenceForm(tree=accounts_of(book=book), currency=shown.account.currency)
    return render(request, "finance/statements/detail.html", {"book": book, **context})


@require_POST
@book_page(at_least=Role.EDITOR)
def statement_rows(request: HttpRequest, book: Book, statement_id: int) -> HttpResponse:
    """One button each: tick a row, take one off, tick all rows of the file or of the days."""
    changed = selectors.statement_for(book=book, statement_id=statement_id)
    actor, given = user_of(request), request.POST
    try:
        if "untick" in given:
            services.untick(statement=changed, actor=actor, line_ids=[_number(given["untick"])])
        elif "tick" in given:
            services.tick(statement=changed, actor=actor, line_ids=[_number(given["tick"])])
        elif given.get("all") == "file":
            _say_ticked(request, tick_file(statement=changed, actor=actor))
        elif given.get("all") == "period":
            lines = selectors.candidates(statement=changed)
            _say_ticked(request, services.tick(statement=changed, actor=actor, line_ids=lines))
    except (Forbidden, NotFound):
        raise
    except FinanceError as error:
        messages.error(request, error.detail)
    query = request.GET.urlencode()
    return redirect(redirect("web:statement", book.pk, changed.pk).url + (f"?{query}" if query else ""))


def _say_ticked(request: HttpRequest, count: int) -> None:
    text = ngettext("%(count)d row ticked.", "%(count)d rows ticked.", count)
    messages.success(request, text % {"count": count})


@require_POST
@book_page(at_least=Role.EDITOR)
def statement_change(request: HttpRequest, book: Book, statement_id: int) -> HttpResponse:
    """One button each: finish, reopen, remove."""
    changed = selectors.statement_for(book=book, statement_id=statement_id)
    actor = user_of(request)
    try:
        match request.POST.get("do"):
            case "finish":
                version = _number(request.POST.get("version"))
                services.reconcile(statement=changed, actor=actor, version=version)
                messages.success(request, _("Reconciled. Its rows are guarded from now on."))
                return redirect("web:statements", book.pk, changed.account_id)
            case "reopen":
                services.reopen_statement(statement=changed, actor=actor)
            case "remove":
                services.remove_statement(statement=changed, actor=actor)
                messages.success(request, _("The statement was removed. Its rows stay cleared."))
                return redirect("web:statements", book.pk, changed.account_id)
    except (Forbidden, NotFound):
        raise
    except FinanceError as error:
        messages.error(request, error.detail)
    return redirect("web:statement", book.pk, changed.pk)


@require_POST
@book_page(at_least=Role.EDITOR)
def statement_difference(request: HttpRequest, book: Book, statement_id: int) -> HttpResponse:
    """Post what is missing on the last day."""
    changed = selectors.statement_for(book=book, statement_id=statement_id)
    form = DifferenceForm(request.POST, tree=accounts_of(book=book), currency=changed.account.currency)
    if not form.is_valid():
        messages.error(request, _("Choose the account that the difference is posted to."))
    else:
        try:
            entry = services.post_difference(
                statement=changed, actor=user_of(request), against=form.cleaned_data["account"]
            )
        except (Forbidden, NotFound):
            raise
        except FinanceError as error:
            messages.error(request, error.detail)
        else:
            said = _("The difference was posted and ticked.") if entry else _("There is no difference to post.")
            messages.success(request, said)
    return redirect("web:statement", book.pk, changed.pk)


def _number(text: str | None) -> int:
    """An id that one of our forms sent. Raises NotFound for anything else."""
    if not (text and text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFound(thing="row")
    return int(text)
