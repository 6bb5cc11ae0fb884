"""Rules over the past: the dry run, applying, and how far it is."""

import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from core.keyset import dated_place, read_dated_place
from finance.errors import FinanceError, Forbidden, NotFound
from finance.ledger.posting import LineDraft
from finance.models import Book, Role, Rule, RuleApplication
from finance.rules import selectors, services
from finance.rules.history import PastChange, dry_run
from finance.web.access import book_page, user_of
from finance.web.import_rows import Categories


class PastForm(forms.Form):
    """Which rules, and from when to when."""

    rule = forms.ChoiceField(label=gettext_lazy("Rule"), required=False)
    since = forms.DateField(label=gettext_lazy("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=gettext_lazy("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, book: Book, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = Rule.objects.filter(book=book).in_order().values_list("pk", "name")
        rules = [(str(pk), name) for pk, name in found]
        self.fields["rule"].choices = [("", _("all that are switched on")), *rules]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            self.add_error("until", _("The last day must not be before the first."))
        return cleaned


@require_safe
@book_page()
def rules_dry_run(request: HttpRequest, book: Book) -> HttpResponse:
    """What the rules would change, newest entries first, a stretch of the books per page."""
    form = PastForm(request.GET or None, book=book)
    chosen = form.cleaned_data if form.is_bound and form.is_valid() else {}
    rule = selectors.rule_for(book=book, rule_id=int(chosen["rule"])) if chosen.get("rule") else None
    context: dict[str, Any] = {"book": book, "form": form, "rule": rule}
    if not form.errors:
        period = {"since": chosen.get("since"), "until": chosen.get("until")}
        engine = selectors.engine_of(book=book, rule=rule)
        found = dry_run(book=book, engine=engine, after=_place(request), since=period["since"], until=period["until"])
        names = Categories(book).names
        asked = {"rule": chosen.get("rule", ""), **{name: day or "" for name, day in period.items()}}
        context |= {
            "found": found, "asked": asked, "rows": [_row(change, names) for change in found.changes],
            "any_rule": bool(engine), "closed": sum(change.closed for change in found.changes),
            "next": urlencode({**asked, "after": dated_place(*found.next_place)}) if found.next_place else "",
        }  # fmt: skip
    return render(request, "finance/rules/dry_run.html", context, status=400 if form.errors else 200)


def _place(request: HttpRequest) -> tuple[datetime.date, int] | None:
    try:
        return read_dated_place(request.GET["after"]) if request.GET.get("after") else None
    except ValueError as error:
        raise NotFound(thing="page") from error


def _row(change: PastChange, names: dict[int, str]) -> dict[str, Any]:
    """An entry as it is and as it would be; each side only where they differ."""
    entry, own = change.entry, change.own
    before = [LineDraft(account_id=x.account_id, amount=x.amount, memo=x.memo) for x in change.lines if x is not own]
    after = change.drafts()[1:]

    def told(lines: list[LineDraft]) -> list[tuple[str, int | None, str]]:
        return [(names.get(x.account_id, ""), x.amount if len(lines) > 1 else None, x.memo) for x in lines]

    return {
        "entry": entry, "amount": own.amount, "currency": own.currency, "closed": change.closed,
        "payee": change.payee if change.payee != entry.payee else "",
        "before": told(before) if before != after else [], "after": told(after) if before != after else [],
        "tags": change.new_tags,
        "rules": ", ".join(dict.fromkeys(step.name for step in change.outcome.steps if step.changes)),
    }  # fmt: skip


@require_POST
@book_page(at_least=Role.EDITOR)
def rules_apply(request: HttpRequest, book: Book) -> HttpResponse:
    form = PastForm(request.POST, book=book)
    if not form.is_valid():
        messages.error(request, _("Choose a rule and a period that exist."))
        return redirect("web:rules_dry_run", book.pk)
    data = form.cleaned_data
    rule = selectors.rule_for(book=book, rule_id=int(data["rule"])) if data["rule"] else None
    try:
        application = services.apply_to_past(
            book=book, actor=user_of(request), rule=rule, since=data["since"], until=data["until"],
            closed_too=request.POST.get("closed_too") == "on",
        )  # fmt: skip
    except (Forbidden, NotFound):
        raise
    except FinanceError as error:
        messages.error(request, error.detail)
        return redirect("web:rules", book.pk)
    return redirect("web:rules_application", book.pk, application.pk)


@require_safe
@book_page()
def rules_application(request: HttpRequest, book: Book, application_id: int) -> HttpResponse:
    """How far it is, and in the end what came of it; asks again every other second while it is under way."""
    application = selectors.application_for(book=book, application_id=application_id)
    context = {"book": book, "application": application}
    part = "_application" if request.headers.get("HX-Request") else "application"
    return render(request, f"finance/rules/{part}.html", context)


@require_POST
@book_page(at_least=Role.EDITOR)
def rules_application_change(request: HttpRequest, book: Book, application_id: int) -> HttpResponse:
    """Cancel, or continue what was cancelled."""
    application: RuleApplication = selectors.application_for(book=book, application_id=application_id)
    try:
        if request.POST.get("do") == "resume":
            services.resume_application(application=application, actor=user_of(request))
        else:
            services.cancel_application(application=application)
    except FinanceError as error:
        messages.error(request, error.detail)
    return redirect("web:rules_application", book.pk, application.pk)
