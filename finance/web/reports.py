"""Reports: the list of them, each with chart and table, the rows behind a figure, files, and saving under a name."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from core.clock import today_in
from finance.errors import FinanceError, Invalid, NotFound, ReportTooLong
from finance.models import Account, Book, Role
from finance.periods import PayRule, days_between, period_token
from finance.replica import from_replica
from finance.report_sources import figure_behind, pay_of, report_kept, report_of
from finance.reports import kept, services
from finance.reports.behind import lines_behind, totals_behind
from finance.reports.building import group_text
from finance.reports.definition import KINDS, By, Definition, Kind, read_definition, usual_definition
from finance.reports.figures import Report
from finance.reports.files import as_csv, as_data, as_xlsx
from finance.reports.runs import KEPT_FOR, latest_run, start_report
from finance.reports.sentences import sentence_of, title_of, within_text
from finance.tags.selectors import tag_for
from finance.web.access import book_page, user_of
from finance.web.report_charts import chart_of, diagram_of
from finance.web.report_pills import Pills
from finance.web.report_tables import Table
from identity.models import User
from platform_outbox.emit import health
from platform_outbox.operations import services as operations
from platform_outbox.operations.models import OperationRun

PAGE = 100
_FILES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}
DESCRIPTIONS = {
    Kind.SPENDING: gettext_lazy(
        "Where the money went, by category, payee, tag or member, compared with what is usual."
    ),
    Kind.INCOME: gettext_lazy("Where the money came from."),
    Kind.INCOME_STATEMENT: gettext_lazy("What came in, what was spent, and what was left."),
    Kind.CASH_FLOW: gettext_lazy("What changed the money in bank accounts, cash and cards."),
    Kind.NET_WORTH: gettext_lazy("What we own less what we owe, over time."),
    Kind.BALANCE_SHEET: gettext_lazy("What we own and owe on a day, and where it came from."),
    Kind.TRIAL_BALANCE: gettext_lazy("Every account with its debits and credits, for accountants."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A report in the list of them."""

    title: str
    text: str
    url: str
    id: int | None = None


@require_safe
@book_page()
def reports(request: HttpRequest, book: Book) -> HttpResponse:
    """All reports, and those that the household saved."""
    kinds = [
        Listed(title=title_of(kind), text=str(text), url=reverse("web:report", args=[book.pk, kind.value]))
        for kind, text in DESCRIPTIONS.items()
    ]
    gains = _("Holdings in other currencies: what they cost, what they are worth, and gains from rates.")
    kinds.append(Listed(title=_("Exchange gains"), text=gains, url=reverse("web:currencies", args=[book.pk])))
    saved = [
        Listed(
            title=each.name,
            text=title_of(Kind(each.kind)) if each.kind in KINDS else "",
            url=address_of(book, each.kind, each.parameters),
            id=each.pk,
        )
        for each in kept.saved_reports(book=book)
    ]
    return render(request, "web/reports.html", {"book": book, "kinds": kinds, "saved": saved})


def address_of(book: Book, kind: str, parameters: Mapping[str, str], *, file: str = "") -> str:
    """Where a report is shown, or its file is."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    if file:
        return reverse("web:report_file", args=[book.pk, kind, file]) + query
    return reverse("web:report", args=[book.pk, kind]) + query


@require_safe
@book_page()
@from_replica
def report(request: HttpRequest, book: Book, kind: str) -> HttpResponse:
    """One report, as the address asks for it; where the address is wrong, the usual report under a notice that says so."""
    if kind not in KINDS:
        raise NotFound(thing="report")
    today, pay, problem = today_in(book), pay_of(book), ""
    run: OperationRun | None = None
    try:
        definition = asked_definition(request.GET, kind, book=book, today=today)
        made, today, run = _made_or_kept(book, definition, today=today, pay=pay)
    except ReportTooLong as error:
        return _waiting(request, book, definition, reason=error.detail)
    except Invalid as error:
        definition, problem = usual_definition(Kind(kind)), error.detail
        made = report_of(book=book, definition=definition, today=today, pay=pay)
    inside = ""
    if definition.account is not None:
        inside = Account.objects.filter(book=book, pk=definition.account).values_list("name", flat=True).first() or ""
    pills = Pills(definition, today=today, pay=pay)
    before, after = pills.neighbours()
    context = {
        "title": title_of(definition.kind, definition.by),
        "report": made,
        "problem": problem,
        "sentence": sentence_of(made, today=today),
        "inside": inside,
        "pills": pills.all(),
        "before": before,
        "after": after,
        "times": pills.times(),
        "table": Table(made, book=book, own_lists=run is None or today == today_in(book)),
        "made_at": run and run.finished_at,
        "chart": chart_of(made),
        "diagram": diagram_of(made),
        "files": [(name, address_of(book, kind, definition.parameters(), file=name)) for name in _FILES],
        "asked": definition.parameters(),
        "asked_query": urlencode(definition.parameters()),
        "definition": definition,
        "today": today,
    }
    answer = render(request, "web/report.html", {"book": book, **context})
    if run is not None and request.headers.get("HX-Request"):
        # The page that waited asks again and again.
        answer["HX-Refresh"] = "true"
    return answer


def _waiting(request: HttpRequest, book: Book, definition: Definition, *, reason: str) -> HttpResponse:
    """The page of a report that a worker has to make, or is making."""
    run = latest_run(book=book, definition=definition, now=timezone.now())
    context = {
        "title": title_of(definition.kind, definition.by),
        "reason": reason,
        "run": run,
        "address": reverse("web:report_make", args=[book.pk, definition.kind.value]) + f"?{request.GET.urlencode()}",
        "days": KEPT_FOR.days,
        "no_worker": run is not None and run.state == OperationRun.State.REQUESTED and not health().workers_alive,
    }
    return render(request, "web/report_waiting.html", {"book": book, **context})


@require_POST
@book_page()
def report_make(request: HttpRequest, book: Book, kind: str) -> HttpResponse:
    """Have a worker make the report of the address, or stop it."""
    if kind not in KINDS:
        raise NotFound(thing="report")
    try:
        definition = asked_definition(request.GET, kind, book=book, today=today_in(book))
        run = latest_run(book=book, definition=definition, now=timezone.now())
        if "stop" not in request.POST:
            start_report(book=book, actor=user_of(request), definition=definition)
        elif run is not None and run.is_open:
            operations.cancel(run_id=run.pk, by=user_of(request).get_username())
    except Invalid as error:
        messages.error(request, error.detail)
    except operations.OperationBusy:
        messages.warning(request, _("A report of this book is being made. Have this one made when it is done."))
    return redirect(f"{reverse('web:report', args=[book.pk, kind])}?{request.GET.urlencode()}")


def asked_definition(query: QueryDict, kind: str, *, book: Book, today: datetime.date) -> Definition:
    """The definition of an address; `start` and `end` of its form are a period. Raises Invalid."""
    texts = {name: str(value) for name, value in query.items()}
    start, end = texts.pop("start", ""), texts.pop("end", "")
    if start or end:
        try:
            first, last = (datetime.date.fromisoformat(each) if each else None for each in (start, end))
        except ValueError as error:
            raise Invalid(field="period", reason=_("Give days such as 2026-03-31.")) from error
        texts["period"] = period_token(days_between(first, last))
    return read_definition(kind, texts, time_zone=book.time_zone, today=today)


@require_safe
@book_page()
@from_replica
def report_file(request: HttpRequest, book: Book, kind: str, format: str) -> HttpResponse:
    """The report as CSV, Excel sheet or JSON."""
    if format not in _FILES:
        raise NotFound(thing="file")
    today = today_in(book)
    try:
        definition = asked_definition(request.GET, kind, book=book, today=today)
        made, today, _run = _made_or_kept(book, definition, today=today, pay=pay_of(book))
    except Invalid as error:
        raise NotFound(thing="report") from error
    sentence = sentence_of(made, today=today)
    name = f"{kind}-{made.scope.first.isoformat()}-{made.scope.last.isoformat()}.{format}"
    if format == "json":
        answer: HttpResponse = JsonResponse(as_data(made, sentence=sentence))
    else:
        # Excel takes a CSV file without a mark for one of another encoding.
        content = f"\ufeff{as_csv(made)}" if format == "csv" else as_xlsx(made, book=book, sentence=sentence)
        answer = HttpResponse(content, content_type=_FILES[format])
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _made_or_kept(
    book: Book, definition: Definition, *, today: datetime.date, pay: PayRule | None
) -> tuple[Report, datetime.date, OperationRun | None]:
    """The report with its day: made now, or by a worker in the run. Raises Invalid, ReportTooLong."""
    try:
        return report_of(book=book, definition=definition, today=today, pay=pay), today, None
    except ReportTooLong:
        run = latest_run(book=book, definition=definition, now=timezone.now())
        found = report_kept(run, book=book, definition=definition, pay=pay)
        if found is None:
            raise
        return *found, run


@require_safe
@book_page()
@from_replica
def report_rows(request: HttpRequest, book: Book, kind: str) -> HttpResponse:
    """The lines that make one figure of a report, newest first, with their sum."""
    today, pay = today_in(book), pay_of(book)
    try:
        definition = asked_definition(request.GET, kind, book=book, today=today)
        column = request.GET.get("column", "")
        asked, made = figure_behind(
            book=book,
            definition=definition,
            key=request.GET.get("row", ""),
            column=int(column) if column.isascii() and column.isdecimal() and len(column) < 4 else -1,
            today=today,
            pay=pay,
        )
        after = request.GET.get("after") or None
        shown = lines_behind(book=book, asked=asked, after=after, limit=PAGE)
    except ReportTooLong:
        return redirect(address_of(book, kind, definition.parameters()))
    except Invalid as error:
        raise NotFound(thing="figure") from error
    count, sums = (None, {}) if made is not None else totals_behind(book=book, asked=asked)
    if made is not None:
        sums = {made.currency: made.cell.amount, **made.cell.unvalued}
    query = request.GET.copy()
    query["after"] = shown.next_cursor or ""
    context = {
        "title": title_of(definition.kind, definition.by),
        "report_url": address_of(book, kind, definition.parameters()),
        "name": _name_behind(book, asked.tree, request.GET.get("row", "")),
        "when": within_text(max(asked.span.first, asked.column.spans[0].first), asked.span.last),
        "is_of_holdings": definition.is_of_holdings,
        "day": asked.span.last,
        "known_at": definition.known_at,
        "lines": shown.lines,
        "searched_to": shown.searched_to,
        "count": count,
        "made_at": made and made.made_at,
        "sums": list(sums.items()),
        "next": f"?{query.urlencode()}" if shown.next_cursor else None,
    }
    return render(request, "web/report_rows.html", {"book": book, **context})


class SaveForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    kind = forms.CharField(max_length=20)
    query = forms.CharField(max_length=2000, required=False)


@require_POST
@book_page(at_least=Role.EDITOR)
def report_save(request: HttpRequest, book: Book) -> HttpResponse:
    """Save the report of the page under a name, and return to it."""
    form = SaveForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Enter a name of at most 80 characters."))
        return redirect("web:reports", book.pk)
    kind, query = form.cleaned_data["kind"], QueryDict(form.cleaned_data["query"])
    try:
        definition = asked_definition(query, kind, book=book, today=today_in(book))
        saved = services.save_report(
            book=book, actor=user_of(request), name=form.cleaned_data["name"], definition=definition
        )
    except FinanceError as error:
        messages.error(request, error.detail)
        return redirect("web:reports", book.pk)
    messages.success(request, _("The report is saved as %(name)s.") % {"name": saved.name})
    return redirect(address_of(book, saved.kind, saved.parameters))


@require_POST
@book_page(at_least=Role.EDITOR)
def report_rename(request: HttpRequest, book: Book, report_id: int) -> HttpResponse:
    """Give a saved report another name."""
    try:
        renamed = services.rename_report(
            report=kept.saved_report_for(book=book, report_id=report_id), name=request.POST.get("name", "")
        )
        messages.success(request, _("The report is now called %(name)s.") % {"name": renamed.name})
    except Invalid as error:
        messages.error(request, error.detail)
    return redirect("web:reports", book.pk)


@require_POST
@book_page(at_least=Role.EDITOR)
def report_remove(request: HttpRequest, book: Book, report_id: int) -> HttpResponse:
    """Remove a saved report; the books do not change."""
    removed = kept.saved_report_for(book=book, report_id=report_id)
    services.remove_report(report=removed)
    messages.success(request, _("The saved report %(name)s was removed.") % {"name": removed.name})
    return redirect("web:reports", book.pk)


def _name_behind(book: Book, tree: list[Account], key: str) -> str:
    """What the figure was called: its account, payee, tag or member. Raises NotFound."""
    name, _dash, rest = key.partition("-")
    if name in ("account", "own"):
        return next((account.name for account in tree if account.pk == int(rest)), "")
    if name not in ("payee", "tag", "member"):
        return _("All accounts of this section")
    if name == "member" and rest:
        member = User.objects.filter(pk=int(rest), memberships__book=book).first()
        return (member.name or member.email) if member else _("A former member")
    if name == "tag" and rest:
        return tag_for(book=book, tag_id=int(rest)).name
    return rest or group_text(By(name))
