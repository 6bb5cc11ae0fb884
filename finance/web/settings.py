"""A book's settings: its name, what is fixed, closing the past, and deleting it."""

from dateutil.relativedelta import relativedelta
from django import forms
from django.conf import settings as django_settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from core.clock import today_in
from core.formatting import active_locale, date_text
from finance.errors import Conflict, FinanceError, Invalid, NotFound
from finance.ledger import services
from finance.models import Book, PayPeriod, Role
from finance.periods import MAX_PAY_WEEKS, PayRule, WeekendShift
from finance.planning.schedules.services import change_holidays
from finance.preferences import services as preferences
from finance.preferences.selectors import pay_rule_of
from finance.public_holidays import LONGEST_REGION, country_codes, region_names
from finance.web.access import book_page, user_of
from finance.web.accounts import NameForm
from finance.web.books import time_zone_choices
from finance.web.plan_words import region_text
from finance.web.refusals import refuse
from identity.mail import base_url


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


class HolidaysForm(forms.Form):
    """Country and part of it; the parts on offer are those of the country that is set."""

    country = forms.ChoiceField(
        label=gettext_lazy("Public holidays of"), required=False,
        help_text=gettext_lazy("What moves off weekends keeps off these days as well. Nothing that was recorded changes."),
    )  # fmt: skip
    part = forms.CharField(
        label=gettext_lazy("Region"), required=False, max_length=LONGEST_REGION,
        help_text=gettext_lazy("Where some days are holidays in a part of the country only, such as BY for Bavaria."),
    )  # fmt: skip

    def __init__(self, data: QueryDict | None = None, *, region: str) -> None:
        country, _dash, part = region.partition("-")
        super().__init__(data, initial={"country": country, "part": part}, auto_id="id_holidays_%s")
        names = active_locale().territories
        known = sorted((str(names.get(code, code)), code) for code in country_codes())
        choices = [("", _("None: weekends only")), *((code, name) for name, code in known)]
        self.fields["country"].choices = choices  # type: ignore[attr-defined]
        self.parts = region_names(country) if country else {}
        self.fields["part"].widget.attrs["list"] = "holiday-regions"

    def region(self) -> str:
        """The region that was said; of another country than before the former part means nothing."""
        country, part = self.cleaned_data["country"], self.cleaned_data["part"].strip()
        is_left_over = country != self.initial["country"] and part == self.initial["part"]
        return f"{country}-{part}" if country and part and not is_left_over else country


class DeleteForm(forms.Form):
    """The name of the book once more, so that nobody deletes the wrong one."""

    name = forms.CharField(
        label=gettext_lazy("Name of the book"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, data: QueryDict | None = None, *, book: Book) -> None:
        super().__init__(data, auto_id="id_delete_%s")
        self.book = book

    def clean_name(self) -> str:
        typed: str = self.cleaned_data["name"]
        if typed.strip() != self.book.name.strip():
            raise forms.ValidationError(_("This is not the name of this book. Nothing was deleted."))
        return typed


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
def book_holidays(request: HttpRequest, book: Book) -> HttpResponse:
    form = HolidaysForm(request.POST, region=book.holidays)
    if form.is_valid():
        try:
            change_holidays(book=book, actor=user_of(request), region=form.region())
        except FinanceError as error:
            refuse(form, error, fields={"holidays": "part"})
        else:
            messages.success(request, _("The public holidays were saved."))
            return redirect("web:settings", book.pk)
    return _page(request, book, holidays_form=form)


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


@require_POST
@book_page(at_least=Role.OWNER)
def book_delete(request: HttpRequest, book: Book) -> HttpResponse:
    """Hide the book, to be erased later. A demo book asks for no name, and is erased at once."""
    form = DeleteForm(request.POST, book=book)
    if not book.is_demo and not form.is_valid():
        return _page(request, book, delete_form=form)
    deleted = services.delete_book(book=book, actor=user_of(request), base_url=base_url(request))
    if deleted.is_demo:
        messages.success(request, _("The demo book was removed."))
    else:
        day = services.day_of_erasure(deleted)
        said = _("“%(name)s” was deleted. It will be erased on %(day)s; until then you can restore it here.")
        messages.success(request, said % {"name": deleted.name, "day": date_text(day) if day else ""})
    return redirect("web:books")


@require_POST
@login_required
def book_restore(request: HttpRequest, book_id: int) -> HttpResponse:
    """Take the deletion of a book back. Not a page of the book, which nobody finds while it is deleted."""
    try:
        book = services.restore_book(book_id=book_id, actor=user_of(request), base_url=base_url(request))
    except NotFound as error:
        raise Http404(error.detail) from error
    except Conflict as error:
        messages.error(request, error.detail)
        return redirect("web:books")
    messages.success(request, _("“%(name)s” is back, as it was.") % {"name": book.name})
    return redirect("web:overview", book.pk)


def _page(
    request: HttpRequest,
    book: Book,
    *,
    name_form: forms.Form | None = None,
    zone_form: forms.Form | None = None,
    holidays_form: forms.Form | None = None,
    close_form: forms.Form | None = None,
    reopen_form: forms.Form | None = None,
    pay_form: forms.Form | None = None,
    delete_form: forms.Form | None = None,
) -> HttpResponse:
    last_month_end = today_in(book).replace(day=1) - relativedelta(days=1)
    context = {
        "name_form": name_form or NameForm(initial={"name": book.name}),
        "zone_form": zone_form or TimeZoneForm(initial={"time_zone": book.time_zone}),
        "holidays_form": holidays_form or HolidaysForm(region=book.holidays),
        "holidays": region_text(book.holidays) if book.holidays else "",
        "close_form": close_form or PeriodForm(initial={"through": last_month_end}),
        "pay_form": pay_form or _pay_form(book),
        "reopen_form": reopen_form or ReopenForm(auto_id="id_reopen_%s"),
        "delete_form": delete_form or DeleteForm(book=book),
        "grace_days": django_settings.BOOK_GRACE_DAYS,
    }
    return render(request, "web/settings.html", {"book": book, **context})
