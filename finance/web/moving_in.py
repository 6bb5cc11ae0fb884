"""Moving in with a whole book: choose a file, see what would come, create the book. A worker does the reading."""

import datetime
import json
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from finance import money
from finance.book_import.reading import MAX_BYTES, PROGRAMS, REPORT_FILE
from finance.book_import.reading import OPERATION as BOOK_IMPORT
from finance.errors import AmountInvalid
from finance.figures import money_text
from finance.models import Book
from finance.web.access import user_of
from finance.web.books import currency_choices, time_zone_choices
from identity.models import User
from platform_outbox.emit import health
from platform_outbox.operations import runs, services
from platform_outbox.operations.models import OPEN_RUNS, OperationRun

RUNS_PER_PAGE, ROWS_PER_PAGE = 10, 100
_REFUSAL = "OperationFailed: "


class MoveInForm(forms.Form):
    """The file, the program that wrote it, and what the file may not say."""

    format = forms.ChoiceField(
        label=gettext_lazy("Program"),
        choices=[("", gettext_lazy("Choose")), *((key, gettext_lazy(title)) for key, title in PROGRAMS.items())],
    )
    file = forms.FileField(
        label=gettext_lazy("File"), help_text=gettext_lazy("Nothing is created before you have seen what would come.")
    )
    base_currency = forms.ChoiceField(
        label=gettext_lazy("Main currency"),
        required=False,
        help_text=gettext_lazy("YNAB and Actual do not write it into their files."),
    )
    time_zone = forms.ChoiceField(label=gettext_lazy("Time zone"), required=False)
    name = forms.CharField(
        label=gettext_lazy("Name of the new book"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("Leave it empty to take the name in the file."),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["base_currency"].choices = [("", _("As in the file")), *currency_choices()]  # type: ignore[attr-defined]
        self.fields["time_zone"].choices = [  # type: ignore[attr-defined]
            ("", _("As in the file, or yours")),
            *time_zone_choices(),
        ]

    def clean_file(self) -> "UploadedFile[Any]":
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if (file.size or 0) > MAX_BYTES:
            raise forms.ValidationError(_("The file is larger than 50 MB."))
        return file


@login_required
def move_in(request: HttpRequest) -> HttpResponse:
    """Choose a file; below it what was tried before."""
    user = user_of(request)
    form = MoveInForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file: UploadedFile[Any] = form.cleaned_data.pop("file")
        stored = runs.keep_given(file.chunks(), name=file.name or "book")
        given = {**form.cleaned_data, "file": stored}
        return redirect("web:move_in_run", _start(user, given, dry_run=True))
    before = request.GET.get("before", "")
    earlier = _runs_of(user)
    if before.isascii() and before.isdigit() and len(before) < 19:
        earlier = earlier.filter(pk__lt=int(before))
    found = list(earlier.order_by("-pk")[: RUNS_PER_PAGE + 1])
    more = found[RUNS_PER_PAGE - 1].pk if len(found) > RUNS_PER_PAGE else None
    context = {"form": form, "runs": [_told(run) for run in found[:RUNS_PER_PAGE]], "next": more}
    return render(request, "finance/moving_in/choose.html", context, status=400 if form.errors else 200)


@require_safe
@login_required
def move_in_run(request: HttpRequest, run_id: int) -> HttpResponse:
    """What would come, or came; or how far it is."""
    run = _run_of(user_of(request), run_id)
    if run.is_open:
        return render(request, "finance/moving_in/working.html", _told(run))
    report = _report_of(run)
    after = request.GET.get("after", "0")
    first = int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0
    # Differences first; their order is the file's.
    proof = sorted(report["proof"], key=lambda row: bool(row["holds"])) if report else []
    context = {
        **_told(run),
        "report": report,
        "rows": [_proof_row(row) for row in proof[first : first + ROWS_PER_PAGE]],
        "next": first + ROWS_PER_PAGE if len(proof) > first + ROWS_PER_PAGE else None,
        "offers": run.dry_run and run.state == OperationRun.State.DONE and _created_from(run) is None,
        "created": _created_from(run) if run.dry_run else None,
        # Not "book": the frame would show that one's menu, and this page belongs to none.
        "new_book": Book.objects.visible_to(user_of(request)).filter(pk=(run.result or {}).get("book") or 0).first(),
    }
    return render(request, "finance/moving_in/report.html", context)


@require_GET
@login_required
def move_in_progress(request: HttpRequest, run_id: int) -> HttpResponse:
    """The progress of a run, for a page that asks every second."""
    run = _run_of(user_of(request), run_id)
    if run.is_open:
        return render(request, "finance/moving_in/_progress.html", _told(run))
    target = redirect("web:move_in_run", run.pk)
    # htmx would put a redirect's page into the page.
    return HttpResponseClientRedirect(target.url) if request.htmx else target  # type: ignore[attr-defined]


@require_POST
@login_required
def move_in_create(request: HttpRequest, run_id: int) -> HttpResponse:
    """Create the book of a report. Asked twice, it is created once."""
    user = user_of(request)
    run = _run_of(user, run_id)
    if not run.dry_run or run.state != OperationRun.State.DONE:
        return redirect("web:move_in_run", run.pk)
    created = _created_from(run)
    if created is not None:
        return redirect("web:move_in_run", created.pk)
    given = {**run.parameters, "accept_differences": request.POST.get("accept_differences") == "on"}
    return redirect("web:move_in_run", _start(user, given, dry_run=False, kept={"report": run.pk}))


@require_POST
@login_required
def move_in_cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    """Stop; what was not committed is not there."""
    user = user_of(request)
    run = _run_of(user, run_id)
    if run.is_open:
        services.cancel(run_id=run.pk, by=user.get_username())
    return redirect("web:move_in_run", run.pk)


def _start(user: User, given: dict[str, Any], *, dry_run: bool, kept: dict[str, Any] | None = None) -> int:
    """The id of the run that was started, or of the user's one that is under way."""
    try:
        given = {**given, "owner": user.pk}
        kept = {**(kept or {}), "language": get_language() or ""}
        return services.start(name=BOOK_IMPORT, given=given, by=user.get_username(), dry_run=dry_run, kept=kept).pk
    except services.OperationBusy as error:
        return error.run_id


def _runs_of(user: User) -> Any:
    """By the number of the user whose book it is to be: an address may have belonged to somebody else."""
    return OperationRun.objects.filter(operation=BOOK_IMPORT, scope=f"user:{user.pk}")


def _run_of(user: User, run_id: int) -> OperationRun:
    run: OperationRun | None = _runs_of(user).filter(pk=run_id).first()
    if run is None:
        raise Http404
    return run


def _created_from(run: OperationRun) -> OperationRun | None:
    """The run that created, or is creating, the book of this report."""
    states = [*OPEN_RUNS, OperationRun.State.DONE]
    later = OperationRun.objects.filter(operation=BOOK_IMPORT, scope=run.scope, pk__gt=run.pk, state__in=states)
    found: OperationRun | None = later.filter(kept__report=run.pk).first()
    return found


def _report_of(run: OperationRun) -> dict[str, Any] | None:
    """The report, while it is kept."""
    path = next((path for path in runs.left_by(run.pk) if path.name == REPORT_FILE), None)
    if path is None:
        return None
    report: dict[str, Any] = json.loads(path.read_text())
    return report | {name: _day(report[name]) for name in ("first", "last")}


def _told(run: OperationRun) -> dict[str, Any]:
    problem = ""
    if run.state == OperationRun.State.FAILED:
        # Anything else is an error of ours, which the operator's page shows.
        own = run.error.startswith(_REFUSAL)
        problem = (
            run.error.removeprefix(_REFUSAL)
            if own
            else _("The book could not be read because of an error on this server. The operator can find the cause.")
        )
    return {
        "run": run,
        "file_name": str(run.parameters.get("file", "")).partition("-")[2],
        "program": _(PROGRAMS[run.parameters["format"]]) if run.parameters.get("format") in PROGRAMS else "",
        "problem": problem,
        "no_worker": run.state == OperationRun.State.REQUESTED and not health().workers_alive,
    }


def _proof_row(row: dict[str, Any]) -> dict[str, Any]:
    def shown(amount: str) -> str:
        try:
            return money_text(money.parse_amount(amount, currency=row["currency"]), currency=row["currency"])
        except AmountInvalid:  # finer than the currency
            return f"{amount} {row['currency']}"

    return row | {name: shown(row[name]) for name in ("source", "lifeos", "difference")} | {"on": _day(row["on"])}


def _day(text: str | None) -> datetime.date | None:
    return datetime.date.fromisoformat(text) if text else None
