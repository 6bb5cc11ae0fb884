"""A calendar file becomes schedules: upload it, see what can come and what cannot and why, and take in what is wanted."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from core.clock import today_in
from finance import figures
from finance.errors import FinanceError, Invalid
from finance.ledger.models import Account
from finance.ledger.selectors import accounts_of
from finance.models import Book, Role, Schedule
from finance.planning.calendars import services
from finance.planning.calendars.icalendar import MOST_READ_WHOLE
from finance.planning.calendars.services import PossibleSchedule
from finance.planning.schedules.definition import CounterLine, Definition
from finance.planning.schedules.services import create_schedule
from finance.web.access import book_page, user_of
from finance.web.account_choices import AccountField
from finance.web.entry_forms import CATEGORY_TYPES, HOLDING_TYPES, amount_field
from finance.web.plan_forms import PLACES
from finance.web.plan_words import end_text, rule_text
from finance.web.refusals import refuse

# Each row has a list of all categories.
MOST_ROWS = 40


class CalendarFileForm(forms.Form):
    file = forms.FileField(label=gettext_lazy("Calendar file (.ics)"))


class TakeForm(forms.Form):
    """One event: whether it is taken, and what a calendar does not know. What it said comes along, and is read again."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    date = forms.DateField(widget=forms.HiddenInput)
    rrule = forms.CharField(widget=forms.HiddenInput, max_length=500)
    take = forms.BooleanField(label=gettext_lazy("Take it in"), required=False)
    direction = forms.ChoiceField(
        label=gettext_lazy("What happens"),
        choices=[("spent", gettext_lazy("Spent")), ("received", gettext_lazy("Received"))],
    )
    amount = amount_field(gettext_lazy("Amount"), required=False, needed=True)

    def __init__(self, *args: Any, tree: list[Account], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["category"] = AccountField(
            tree=tree, types=(*CATEGORY_TYPES, *HOLDING_TYPES), label=_("Category, or the other account"), required=False,
            categories_first=True,
        )  # fmt: skip
        self.fields["category"].needed = True  # type: ignore[attr-defined]  # as the amount, of an event that is taken in

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("take"):
            for field, reason in (("amount", _("Give the amount.")), ("category", _("Choose the category."))):
                if not cleaned.get(field) and field not in self.errors:
                    self.add_error(field, reason)
        return cleaned

    def definition(self, found: PossibleSchedule, account: Account) -> Definition:
        """The schedule that the row says. Raises Invalid and what reading the amount raises."""
        given = self.cleaned_data
        if found.schedule is None:
            raise Invalid(field="name", reason=found.reason)
        amount = figures.read_sum(given["amount"], currency=account.currency, field="amount")
        if amount <= 0:
            raise Invalid(field="amount", reason=_("Enter an amount above zero; the direction says where it goes."))
        return Definition(
            name=given["name"], account_id=account.pk, amount=amount if given["direction"] == "received" else -amount,
            lines=(CounterLine(account_id=given["category"].pk),), **services.dates_of(found.schedule),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An event that can become a schedule: its rule in words, and its form."""

    rule: str
    end: str
    first: datetime.date
    is_there: bool
    form: TakeForm


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def plan_from_calendar(request: HttpRequest, book: Book) -> HttpResponse:
    """The file is asked for first; its events are then asked about on one page, and nothing of the file is kept."""
    tree, today = accounts_of(book=book), today_in(book)
    if "rows" in request.POST:
        return _take(request, book, tree, today)
    form = CalendarFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data["file"].read(4 * MOST_READ_WHOLE)
        try:
            found = services.read_calendar(ics=data.decode("utf-8", "replace"), today=today)
        except Invalid as error:
            refuse(form, error, fields={"ics": "file"})
        else:
            return _preview(request, book, tree, found.events, single=found.single)
    return render(
        request, "finance/plan/from_calendar.html", {"book": book, "form": form}, status=400 if form.errors else 200
    )


def _preview(
    request: HttpRequest, book: Book, tree: list[Account], events: Iterable[PossibleSchedule], *, single: int
) -> HttpResponse:
    names = {name.casefold() for name in Schedule.objects.filter(book=book).values_list("name", flat=True)}
    # What is there already comes last, so that the rest of a long calendar is reached by reading it again.
    possible = [each for each in events if each.schedule is not None]
    possible.sort(key=lambda each: each.name.casefold() in names)
    forms_of = [
        TakeForm(
            prefix=f"row-{index}", tree=tree,
            initial={
                "name": each.name[:120], "date": each.date, "rrule": each.rrule, "direction": "spent",
                "take": each.name.casefold() not in names,
            },
        )
        for index, each in enumerate(possible[:MOST_ROWS])
    ]  # fmt: skip
    context = {
        "book": book,
        "rows": _rows(possible, forms_of, names),
        "account": AccountForm(tree=tree),
        "left_out": [each for each in events if each.schedule is None],
        "too_many": len(possible) - MOST_ROWS,
        "single": single,
    }
    return render(request, "finance/plan/from_calendar_rows.html", context)


class AccountForm(forms.Form):
    def __init__(self, data: Any = None, *, tree: list[Account]) -> None:
        super().__init__(data)
        self.fields["account"] = AccountField(tree=tree, types=HOLDING_TYPES, label=_("Account"))


def _rows(possible: Iterable[PossibleSchedule], forms_of: Iterable[TakeForm], names: set[str]) -> list[Row]:
    rows = []
    for each, form in zip(possible, forms_of, strict=False):
        if each.schedule is None:
            continue
        told = Definition(name="", account_id=0, amount=-1, lines=(), **services.dates_of(each.schedule))
        rows.append(
            Row(
                rule=rule_text(told), end=end_text(told), first=told.first, form=form,
                is_there=each.name.casefold() in names,
            )
        )  # fmt: skip
    return rows


def _take(request: HttpRequest, book: Book, tree: list[Account], today: datetime.date) -> HttpResponse:
    """All rows that are ticked become schedules, or none where one of them is refused."""
    rows = request.POST["rows"]
    count = min(int(rows), MOST_ROWS) if rows.isascii() and rows.isdigit() and len(rows) < 4 else 0
    account = AccountForm(request.POST, tree=tree)
    forms_of = [TakeForm(request.POST, prefix=f"row-{index}", tree=tree) for index in range(count)]
    is_valid = all([account.is_valid(), *(form.is_valid() for form in forms_of)])
    found = [
        services.possible_schedule(
            name=form.cleaned_data.get("name", ""), date=form.cleaned_data.get("date"),
            rrule=form.cleaned_data.get("rrule", ""), today=today,
        )
        for form in forms_of
    ]  # fmt: skip
    taken = [(form, each) for form, each in zip(forms_of, found, strict=True) if form.cleaned_data.get("take")]
    if is_valid:
        form = None
        try:
            with transaction.atomic():
                for form, each in taken:
                    definition = form.definition(each, account.cleaned_data["account"])
                    create_schedule(book=book, actor=user_of(request), definition=definition, today=today)
        except FinanceError as error:
            refuse(form or account, error, fields=PLACES | {"lines.0.account": "category"})
        else:
            said = ngettext("%(n)d schedule was added.", "%(n)d schedules were added.", len(taken))
            messages.success(request, said % {"n": len(taken)})
            return redirect("web:plan_schedules", book.pk)
    context = {"book": book, "rows": _rows(found, forms_of, set()), "account": account, "left_out": (), "single": 0}
    return render(request, "finance/plan/from_calendar_rows.html", context, status=400)
