"""A book's settings: its name, what is fixed, and closing the past."""

from dateutil.relativedelta import relativedelta
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from core.clock import today_in
from core.formatting import date_text
from finance.errors import FinanceError, Invalid
from finance.ledger import services
from finance.models import Book, PayPeriod, Role
from finance.periods import MAX_PAY_WEEKS, PayRule, WeekendShift
from finance.preferences import services as preferences
from finance.preferences.selectors import pay_rule_of
from finance.web.access import book_page, user_of
from finance.web.accounts import NameForm
from finance.web.books import time_zone_choices
from finance.web.refusals import refuse


class PeriodForm(forms.Form):
    through = forms.DateField(
        label=gettext_lazy("Close through"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


class PayForm(forms.Form):
    """When the pay period begins: never, on a day of the month, or every few weeks."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Paid"),
        choices=[
            ("", gettext_lazy("No pay period")),
            ("day", gettext_lazy("Once a month")),
            ("weeks", gettext_lazy("Every few weeks")),
        ],
        required=False,
    )
    day = forms.IntegerField(label=gettext_lazy("Day of the month"), required=False, min_value=1, max_value=31)
    shift = forms.ChoiceField(
        label=gettext_lazy("A payday on a weekend"), choices=PayPeriod.Shift.choices, required=False
    )
    anchor = forms.DateField(
        label=gettext_lazy("A payday"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    weeks = forms.IntegerField(
        label=gettext_lazy("Weeks between paydays"), required=False, min_value=1, max_value=MAX_PAY_WEEKS
    )

    def rule(self) -> PayRule | None:
        """What was chosen. Raises Invalid at the field that is missing."""
        data = self.cleaned_data
        if data["kind"] == "day":
            if data["day"] is None:
                raise Invalid(field="day", reason=_("Say on which day of the month."))
            return PayRule(day=data["day"], shift=WeekendShift(data["shift"] or WeekendShift.NONE))
        if data["kind"] == "weeks":
            for name in ("anchor", "weeks"):
                if data[name] is None:
                    raise Invalid(field=name, reason=_("A day of payment and the weeks between two are needed."))
            return PayRule(anchor=data["anchor"], weeks=data["weeks"])
        return None


def _pay_form(book: Book) -> PayForm:
    """The form with what is set."""
    rule = pay_rule_of(book=book)
    if rule is None:
        return PayForm()
    known = {"day": rule.day, "shift": rule.shift, "anchor": rule.anchor, "weeks": rule.weeks}
    return PayForm(initial={"kind": "day" if rule.day else "weeks", **known})


class ReopenForm(forms.Form):
    through = forms.DateField(
        label=gettext_lazy("Stay closed through"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("Leave this empty to open everything."),
    )


class TimeZoneForm(forms.Form):
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        help_text=gettext_lazy("Decides on which day something happens from now on. Dates of entries stay."),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["time_zone"].choices = time_zone_choices()  # type: ignore[attr-defined]


@book_page()
def settings(request: HttpRequest, book: Book) -> HttpResponse:
    return _page(request, book)


@require_POST
@book_page(at_least=Role.OWNER)
def book_rename(request: HttpRequest, book: Book) -> HttpResponse:
    form = NameForm(request.POST)
    if form.is_valid():
        try:
            services.rename_book(book=book, actor=user_of(request), name=form.cleaned_data["name"])
        except FinanceError as error:
            refuse(form, error)
        else:
            messages.success(request, _("The book is now called %(name)s.") % {"name": book.name})
            return redirect("web:settings", book.pk)
    return _page(request, book, name_form=form)


@require_POST
@book_page(at_least=Role.OWNER)
def book_time_zone(request: HttpRequest, book: Book) -> HttpResponse:
    form = TimeZoneForm(request.POST)
    if form.is_valid():
        chosen = form.cleaned_data["time_zone"]
        services.change_time_zone(book=book, actor=user_of(request), time_zone=chosen)
        messages.success(request, _("Days of this book now begin in %(zone)s.") % {"zone": chosen.replace("_", " ")})
        return redirect("web:settings", book.pk)
    return _page(request, book, zone_form=form)


@require_POST
@book_page(at_least=Role.OWNER)
def pay_period(request: HttpRequest, book: Book) -> HttpResponse:
    form = PayForm(request.POST)
    if form.is_valid():
        try:
            preferences.set_pay_period(book=book, actor=user_of(request), rule=form.rule())
        except FinanceError as error:
            refuse(form, error)
        else:
            messages.success(request, _("The pay period was saved."))
            return redirect("web:settings", book.pk)
    return _page(request, book, pay_form=form)


@require_POST
@book_page(at_least=Role.OWNER)
def period_close(request: HttpRequest, book: Book) -> HttpResponse:
    form = PeriodForm(request.POST)
    if form.is_valid():
        through = form.cleaned_data["through"]
        try:
            services.close_period(book=book, actor=user_of(request), through=through)
        except FinanceError as error:
            refuse(form, error)
        else:
            messages.success(request, _("The books are closed through %(day)s.") % {"day": date_text(through)})
            return redirect("web:settings", book.pk)
    return _page(request, book, close_form=form)


@require_POST
@book_page(at_least=Role.OWNER)
def period_reopen(request: HttpRequest, book: Book) -> HttpResponse:
    form = ReopenForm(request.POST, auto_id="id_reopen_%s")
    if form.is_valid():
        try:
            services.reopen_period(book=book, actor=user_of(request), through=form.cleaned_data["through"])
        except FinanceError as error:
            if book.closed_through is None:  # opened by somebody else meanwhile: the form is gone from the page
                messages.error(request, error.detail)
            refuse(form, error)
        else:
            messages.success(request, _("The books were opened again."))
            return redirect("web:settings", book.pk)
    return _page(request, book, reopen_form=form)


def _page(
    request: HttpRequest,
    book: Book,
    *,
    name_form: forms.Form | None = None,
    zone_form: forms.Form | None = None,
    close_form: forms.Form | None = None,
    reopen_form: forms.Form | None = None,
    pay_form: forms.Form | None = None,
) -> HttpResponse:
    last_month_end = today_in(book).replace(day=1) - relativedelta(days=1)
    context = {
        "name_form": name_form or NameForm(initial={"name": book.name}),
        "zone_form": zone_form or TimeZoneForm(initial={"time_zone": book.time_zone}),
        "close_form": close_form or PeriodForm(initial={"through": last_month_end}),
        "pay_form": pay_form or _pay_form(book),
        "reopen_form": reopen_form or ReopenForm(auto_id="id_reopen_%s"),
    }
    return render(request, "web/settings.html", {"book": book, **context})
