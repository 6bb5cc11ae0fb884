"""What is coming: a list by days with running balance and lowest point, a month's calendar, and single occurrences."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django_stubs_ext import StrOrPromise

from core.clock import today_in
from core.redirects import safe_next
from finance import figures
from finance.errors import FinanceError, NotFound
from finance.forecasts import WITH_DAYS, expected, repaid_by_terms
from finance.ledger.movements import OWN_KINDS
from finance.ledger.revisions import roots_of
from finance.ledger.selectors import balances_of, book_for
from finance.models import Account, Book, JournalEntry, JournalLine, Role, Schedule, SchedulePayment
from finance.periods import month_end, months_later
from finance.planning.agenda import Planned, agenda
from finance.planning.schedules import selectors, services
from finance.planning.schedules.matching import Match
from finance.planning.schedules.selectors import Occurrence, Status
from finance.planning.upcoming import Layer, Upcoming
from finance.public_holidays import holiday_names
from finance.web.access import book_page, id_in, user_of
from finance.web.entry_forms import amount_field
from finance.web.plan_forecast import LAYERS
from finance.web.plan_forms import DATE
from finance.web.plan_words import weekday_names
from finance.web.refusals import refuse

WINDOWS = (30, 90, 365)
MOST_SHOWN = 300
LATEST_ENTRIES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """An entry that is dated ahead, as the list shows it."""

    entry: JournalEntry
    amount: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a card, a loan, an invoice or somebody's debt expects, as the list shows it."""

    name: str
    kind: StrOrPromise
    url: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An entry that may pay an occurrence."""

    schedule: Schedule
    nominal: datetime.date
    entry: JournalEntry
    amount: int
    days: int


@require_safe
@book_page()
def plan(request: HttpRequest, book: Book) -> HttpResponse:
    """What is coming, late ones first, with own money at the end of each day and its lowest point."""
    today = today_in(book)
    asked = request.GET.get("days", "")
    days = int(asked) if asked in map(str, WINDOWS) else WINDOWS[0]
    last = today + datetime.timedelta(days=days)
    repaid = repaid_by_terms(book=book)
    occurrences = selectors.open_occurrences(book=book, last=last, today=today)
    found = [each for each in occurrences if each.schedule.pk not in repaid]
    own = dict(Account.objects.filter(book=book, kind__in=OWN_KINDS).values_list("pk", "currency"))
    planned = [
        *_planned(book, found, own, today=today, last=last),
        *_expected(book, own, today=today, days=days),
        *_entered(own, today=today, last=last),
    ]
    held: dict[str, int] = defaultdict(int)
    for account_id, amount in balances_of(account_ids=list(own), as_of=today).items():
        held[own[account_id]] += amount
    course = agenda(planned=planned, held=held, today=today)
    context = {
        "book": book,
        "today": today,
        "last": last,
        "days": days,
        "windows": WINDOWS,
        "late": [each for each in found if each.status is Status.LATE],
        "missed": selectors.missed_occurrences(book=book, today=today),
        "coming": _first(course.days, MOST_SHOWN),
        "is_cut": sum(len(day.items) for day in course.days) > MOST_SHOWN,
        "courses": course.courses,
        "questions": _questions(book, services.questions(book=book, today=today)),
        "has_schedules": bool(found) or Schedule.objects.filter(book=book).exists(),
    }
    return render(request, "finance/plan/coming.html", context)


@require_safe
@book_page()
def plan_calendar(request: HttpRequest, book: Book) -> HttpResponse:
    """One month, each day with what is due on it, whatever became of it."""
    today = today_in(book)
    month = _month_in(request.GET.get("month", "")) or today.replace(day=1)
    first, last = month - datetime.timedelta(days=month.weekday()), month_end(month)
    last += datetime.timedelta(days=6 - last.weekday())
    by_day: dict[datetime.date, list[Occurrence]] = defaultdict(list)
    for each in selectors.occurrences_of(book=book, first=first, last=last, today=today):
        by_day[each.date].append(each)
    days = [first + datetime.timedelta(days=index) for index in range((last - first).days + 1)]
    holidays = holiday_names(region=book.holidays, first=first, last=last, language=get_language() or "")
    cells = [
        {
            "date": day,
            "outside": day.month != month.month,
            "items": by_day.get(day, []),
            "holiday": holidays.get(day, ""),
        }
        for day in days
    ]
    context = {
        "book": book,
        "today": today,
        "month": month,
        "weeks": [cells[start : start + 7] for start in range(0, len(cells), 7)],
        "weekdays": weekday_names(),
        "before": months_later(month, -1),
        "after": months_later(month, 1),
    }
    return render(request, "finance/plan/calendar.html", context)


class PayForm(forms.Form):
    date = forms.DateField(label=gettext_lazy("Paid on"), widget=DATE)
    amount = amount_field(gettext_lazy("Amount"))
    part = forms.BooleanField(label=gettext_lazy("This is a part; the rest is still to come"), required=False)


class MoveForm(forms.Form):
    to = forms.DateField(label=gettext_lazy("Expect it on"), widget=DATE)


@require_http_methods(["GET", "POST"])
@book_page()
def plan_occurrence(request: HttpRequest, book: Book, schedule_id: int, nominal: str) -> HttpResponse:
    """One occurrence: paid, skipped, moved, linked to an entry, by editors."""
    schedule = selectors.schedule_for(book=book, schedule_id=schedule_id)
    day, today = _day_in(nominal), today_in(book)
    row = schedule.recorded.filter(book=book, nominal=day).first()
    if row is None and not schedule.definition.has(day):
        raise NotFound(thing="occurrence")
    each = selectors.occurrence_at(schedule, day, today=today, row=row)
    do = request.POST.get("do", "")
    typed = figures.typed_text(abs(each.left or each.amount), currency=each.currency)
    whole = do == "pay" and "amount" not in request.POST
    pay = PayForm(
        {"date": today, "amount": typed} if whole else request.POST if do == "pay" else None,
        initial={"date": today, "amount": typed},
    )
    move = MoveForm(request.POST if do == "move" else None, initial={"to": each.date})
    if request.method == "POST":
        book_for(user=user_of(request), book_id=book.pk, at_least=Role.EDITOR)
        if _act(request, each, pay, move):
            return redirect(safe_next(request) or reverse("web:plan_schedule", args=[book.pk, schedule.pk]))
    context = {
        "book": book,
        "schedule": schedule,
        "each": each,
        "pay": pay,
        "move": move,
        "lines": _linkable(schedule, each),
        "next": safe_next(request),
    }
    wrong = pay.errors or move.errors
    return render(request, "finance/plan/occurrence.html", context, status=400 if wrong else 200)


def _act(request: HttpRequest, each: Occurrence, pay: PayForm, move: MoveForm) -> bool:
    """Carry out what the form asks for; False where the page has to say why not."""
    forms_by_name: dict[str, forms.Form] = {"pay": pay, "move": move}
    do = request.POST.get("do", "")
    form = forms_by_name.get(do)
    if form is not None and not form.is_valid():
        return False
    try:
        said = _carry_out(request, each, do, form.cleaned_data if form else {})
    except NotFound:
        raise
    except FinanceError as error:
        if form is not None and safe_next(request) == "":
            refuse(form, error)
            return False
        messages.error(request, error.detail)
        return True
    if said:
        messages.success(request, said % {"name": each.schedule.name})
    return True


def _carry_out(request: HttpRequest, each: Occurrence, do: str, given: dict[str, Any]) -> str:
    """What was done, in words. Raises what the services raise."""
    what: dict[str, Any] = {"schedule": each.schedule, "nominal": each.nominal, "actor": user_of(request)}
    match do:
        case "pay":
            amount = figures.read_sum(given["amount"], currency=each.currency, field="amount")
            amount = amount if each.amount > 0 else -amount
            services.pay_occurrence(**what, date=given["date"], amount=amount, complete=not given["part"])
            return _("“%(name)s” was posted.")
        case "move":
            services.move_occurrence(**what, to=given["to"])
            return _("“%(name)s” was moved.")
        case "skip":
            services.skip_occurrence(**what)
            return _("“%(name)s” is skipped this time.")
        case "reopen":
            services.reopen_occurrence(**what)
            return _("“%(name)s” is expected again.")
        case "link" | "unlink" | "refuse":
            change = {"unlink": services.unlink_entry, "refuse": services.refuse_entry}.get(do, services.link_entry)
            change(**what, entry=_entry_in(each.schedule.book, request.POST.get("entry", "")))
    return ""


def _planned(
    book: Book, found: Sequence[Occurrence], own: Collection[int], *, today: datetime.date, last: datetime.date
) -> Iterable[Planned[Any]]:
    """Occurrences that are not late on their days, late ones today; with what they change of own money."""
    changes: dict[tuple[int | None, datetime.date], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for movement in selectors.movements_of(book=book, occurrences=found, first=today, last=last, today=today):
        if movement.account_id in own:
            changes[movement.source_id, movement.nominal][movement.currency] += movement.amount
    for each in found:
        changed = {code: sum_ for code, sum_ in changes[each.schedule.pk, each.nominal].items() if sum_}
        yield Planned(date=max(each.date, today), item=each, changes=changed)


_PAGES = {Layer.CARD: "web:plan_cards", Layer.LOAN: "web:plan_loans", Layer.RECEIVABLE: "web:people"}


def _expected(book: Book, own: Collection[int], *, today: datetime.date, days: int) -> Iterable[Planned[Any]]:
    """What cards, loans, invoices and debts expect on own accounts; a card's payment is what leaves the bank."""
    movements: dict[tuple[Layer, int | None, datetime.date], list[Upcoming]] = defaultdict(list)
    for each in expected(book=book, today=today, days=days, sources=WITH_DAYS):
        if each.account_id in own:
            movements[each.layer, each.source_id, each.nominal].append(each)
    for (layer, _source, _nominal), sides in movements.items():
        changed: dict[str, int] = defaultdict(int)
        for side in sides:
            changed[side.currency] += side.amount
        shown = min(sides, key=lambda side: side.amount)
        yield Planned(
            date=shown.date,
            item=Expected(
                name=shown.label, kind=LAYERS[layer], url=reverse(_PAGES[layer], args=[book.pk]), amount=shown.amount,
                currency=shown.currency,
            ),
            changes={code: amount for code, amount in changed.items() if amount},
        )  # fmt: skip


def _entered(own: Collection[int], *, today: datetime.date, last: datetime.date) -> Iterable[Planned[Any]]:
    """Entries on own accounts that are dated ahead, reversed ones and reversals left out."""
    lines = JournalLine.objects.filter(
        account__in=list(own), date__gt=today, date__lte=last,
        entry__reverses=None, entry__reversed_by=None,
    )  # fmt: skip
    sums: dict[JournalEntry, dict[str, int]] = {}
    for line in lines.select_related("entry").order_by("date", "id")[: MOST_SHOWN * 2]:
        of_entry = sums.setdefault(line.entry, defaultdict(int))
        of_entry[line.currency] += line.amount
    for entry, changed in sums.items():
        moved = {code: amount for code, amount in changed.items() if amount}
        for currency, amount in moved.items():
            item = Entered(entry=entry, amount=amount, currency=currency)
            yield Planned(date=entry.date, item=item, changes={currency: amount})


def _first(days: Sequence[Any], most: int) -> list[Any]:
    """The first days, until they have so many items."""
    shown, count = [], 0
    for day in days:
        if count >= most:
            break
        shown.append(day)
        count += len(day.items)
    return shown


def _questions(book: Book, groups: Sequence[Sequence[Match]]) -> list[list[Question]]:
    ids = {match.entry.entry_id for group in groups for match in group}
    entries = JournalEntry.objects.filter(book=book).in_bulk(ids) if ids else {}
    wanted = {match.expected.schedule_id for group in groups for match in group}
    schedules = {each.pk: each for each in selectors.schedules_of(book=book).filter(pk__in=wanted)} if wanted else {}
    return [
        [
            Question(
                schedule=schedules[match.expected.schedule_id],
                nominal=match.expected.nominal,
                entry=entries[match.entry.entry_id],
                amount=match.entry.amount,
                days=match.fit.days,
            )
            for match in group
        ]
        for group in groups
    ]


def _linkable(schedule: Schedule, each: Occurrence) -> list[JournalLine]:
    """Lines about that day that move the account in its direction, of entries that pay nothing yet."""
    near = datetime.timedelta(days=45)
    lines = JournalLine.objects.filter(
        account_id=schedule.account_id,
        date__range=(max(each.date, datetime.date.min + near) - near, each.date + near),
        entry__reverses=None,
        entry__reversed_by=None,
        **{"amount__gt" if schedule.amount > 0 else "amount__lt": 0},
    )
    latest = list(lines.select_related("entry").order_by("-date", "-id")[:LATEST_ENTRIES])
    roots = roots_of(book=schedule.book, entry_ids=[line.entry_id for line in latest])
    paying = SchedulePayment.objects.filter(book_id=schedule.book_id, entry_id__in=roots.values())
    linked = set(paying.values_list("entry_id", flat=True))
    return [line for line in latest if roots[line.entry_id] not in linked]


def _entry_in(book: Book, text: str) -> JournalEntry:
    entry = JournalEntry.objects.filter(book=book, pk=id_in(text, thing="entry")).first()
    if entry is None:
        raise NotFound(thing="entry")
    return entry


def _day_in(text: str) -> datetime.date:
    """The nominal day of an address. Raises NotFound."""
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError as error:
        raise NotFound(thing="occurrence") from error
    if day.isoformat() != text:
        raise NotFound(thing="occurrence")
    return day


def _month_in(text: str) -> datetime.date | None:
    """The first day of "2026-03"; None where the text is no month of the calendars of books."""
    try:
        month = datetime.date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return month if 1901 <= month.year <= 2198 else None
