"""Schedules: the list, the form, one schedule with its history."""

import datetime
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from core.clock import today_in
from core.keyset import keyset_page
from finance.errors import FinanceError, NotFound
from finance.ledger.selectors import accounts_of, book_for, paths_of
from finance.models import Book, JournalEntry, JournalLine, Role, Schedule
from finance.periods import WeekendShift
from finance.planning.detection.selectors import finding_for
from finance.planning.detection.services import make_schedule, terms_of
from finance.planning.schedules import selectors, services
from finance.planning.schedules.definition import Definition
from finance.planning.schedules.selectors import Occurrence
from finance.tags.models import Tag
from finance.tags.selectors import tags_of_entries
from finance.web.access import book_page, id_in, user_of
from finance.web.plan_forms import PARTS, PLACES, SHIFTS, ScheduleForm, definition_from, initial_of
from finance.web.plan_words import end_text, region_text, rule_text
from finance.web.refusals import refuse

PAGE = 100
PAYMENTS = 24
AHEAD = datetime.timedelta(days=366)
MOST_AHEAD = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A schedule of the list."""

    schedule: Schedule
    rule: str
    end: str
    next: Occurrence | None


@require_safe
@book_page()
def plan_schedules(request: HttpRequest, book: Book) -> HttpResponse:
    """All schedules, in the order in which they were added."""
    after = request.GET.get("after")
    page = keyset_page(
        selectors.schedules_of(book=book),
        ordering=("id",),
        after=[id_in(after, thing="page")] if after else None,
        limit=PAGE,
    )
    expected = selectors.next_expected(book=book, today=today_in(book), schedules=page.rows)
    rows = [
        Row(
            schedule=each,
            rule=rule_text(each.definition),
            end=end_text(each.definition),
            next=expected.get(each.pk),
        )
        for each in page.rows
    ]
    context = {"book": book, "rows": rows, "more": page.edge.pk if page.edge else None}
    return render(request, "finance/plan/schedules.html", context)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def plan_schedule_new(request: HttpRequest, book: Book) -> HttpResponse:
    """A new schedule; `?from_entry=` (a uid) fills the form from an entry, `?from_finding=` from what was found."""
    entry = _entry_in(book, request.GET.get("from_entry", ""))
    source = None
    if entry is not None:
        source = definition_from(entry, _lines_of(entry))
        if source is None:
            messages.error(
                request, _("This entry moves no own account, or several currencies, so it cannot be a schedule.")
            )
        else:
            tags = tags_of_entries(book=book, entry_ids=[entry.pk]).get(entry.pk, ())
            source = replace(source, tag_ids=tuple(tag.pk for tag in tags))

    finding = None
    if "from_finding" in request.GET:
        finding_id = id_in(request.GET["from_finding"], thing="recurring payment")
        finding = finding_for(book=book, finding_id=finding_id)
        source = terms_of(finding=finding)

    def save(definition: Definition, _from: datetime.date | None) -> Schedule:
        today = today_in(book)
        if finding is not None:
            return make_schedule(finding=finding, actor=user_of(request), today=today, definition=definition)
        return services.create_schedule(book=book, actor=user_of(request), definition=definition, today=today)

    return _form_page(request, book, None, source, save)


@require_http_methods(["GET", "POST"])
@book_page(at_least=Role.EDITOR)
def plan_schedule_edit(request: HttpRequest, book: Book, schedule_id: int) -> HttpResponse:
    """Change a schedule, all of it or from a day on."""
    schedule = selectors.schedule_for(book=book, schedule_id=schedule_id)

    def save(definition: Definition, from_date: datetime.date | None) -> Schedule:
        return services.change_schedule(
            schedule=schedule, actor=user_of(request), definition=definition, from_date=from_date
        )

    return _form_page(request, book, schedule, schedule.definition, save)


def _form_page(
    request: HttpRequest,
    book: Book,
    schedule: Schedule | None,
    source: Definition | None,
    save: Callable[[Definition, datetime.date | None], Schedule],
) -> HttpResponse:
    tree = accounts_of(book=book)
    today = today_in(book)
    initial: dict[str, Any] = {"direction": "spent", "first": today, "holidays": book.holidays}
    if source is not None:
        source = replace(source, holidays=book.holidays if source.holidays is None else source.holidays)
        initial = initial_of(source, tree=tree)
    if schedule is not None:
        following = selectors.next_expected(book=book, today=today, schedules=[schedule]).get(schedule.pk)
        initial["effective_from"] = following.nominal if following and following.nominal > schedule.first else None
    parts = max(PARTS, len(source.lines) if source else 0)
    form = ScheduleForm(
        request.POST or None, tree=tree, initial=initial, changes=schedule is not None, parts=parts,
        regions=[book.holidays, initial["holidays"]],
    )  # fmt: skip
    if request.method == "POST" and form.is_valid() and form.said is not None:
        said = form.said
        if source is not None:
            memos = {line.account_id: line.memo for line in source.lines}
            lines = tuple(replace(line, memo=memos.get(line.account_id, "")) for line in said.lines)
            said = replace(said, tag_ids=source.tag_ids, lines=lines)
        try:
            saved = save(said, form.cleaned_data.get("effective_from"))
        except FinanceError as error:
            refuse(form, error, fields=PLACES)
        else:
            messages.success(request, _("“%(name)s” was saved.") % {"name": saved.name})
            return redirect("web:plan_schedule", book.pk, saved.pk)
    context = {
        "book": book,
        "form": form,
        "schedule": schedule,
        "tags": Tag.objects.filter(book=book, pk__in=source.tag_ids) if source else (),
        "has_details": bool(form.errors) or (source is not None and _has_details(source)),
        "has_parts": bool(form.errors) or (source is not None and len(source.lines) > 1),
    }
    return render(request, "finance/plan/schedule_form.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@book_page()
def plan_schedule(request: HttpRequest, book: Book, schedule_id: int) -> HttpResponse:
    """One schedule: what it says, what is next, what was paid; editors end or remove it."""
    schedule = selectors.schedule_for(book=book, schedule_id=schedule_id)
    today = today_in(book)
    if request.method == "POST":
        book_for(user=user_of(request), book_id=book.pk, at_least=Role.EDITOR)
        return _end_or_remove(request, schedule, today)
    definition = schedule.definition
    after = request.GET.get("after")
    payments = selectors.payments_of(schedule=schedule).order_by()
    page = keyset_page(
        payments, ordering=("-id",), after=[id_in(after, thing="page")] if after else None, limit=PAYMENTS
    )
    first = today - datetime.timedelta(days=selectors.LATE_DAYS)
    found = selectors.occurrences_of(book=book, first=first, last=today + AHEAD, today=today, schedules=[schedule])
    open_ones = [each for each in found if each.is_open or (each.date >= today and not each.payments)]
    names = paths_of(accounts_of(book=book))
    sides = zip(definition.lines, definition.counter_amounts(definition.amount), strict=True)
    context = {
        "book": book,
        "schedule": schedule,
        "currency": schedule.account.currency,
        "rule": rule_text(definition),
        "end": end_text(definition),
        "shift": dict(SHIFTS)[definition.shift.value] if definition.shift != WeekendShift.NONE else "",
        "holidays": region_text(schedule.holidays) if schedule.holidays else "",
        "lines": [
            (line.account_id, names.get(line.account_id, "").partition(":")[2].replace(":", " › "), amount, line.memo)
            for line, amount in sides
        ],
        "tags": Tag.objects.filter(book=book, pk__in=schedule.tag_ids),
        "occurrences": open_ones[:MOST_AHEAD],
        "payments": page.rows,
        "more": page.edge.pk if page.edge else None,
        "continued_by": getattr(schedule, "continued_by", None),
        "today": today,
    }
    return render(request, "finance/plan/schedule.html", context)


def _end_or_remove(request: HttpRequest, schedule: Schedule, today: datetime.date) -> HttpResponse:
    facts = {"name": schedule.name}
    try:
        if request.POST.get("do") == "remove":
            services.remove_schedule(schedule=schedule)
            messages.success(request, _("“%(name)s” was removed. Its entries stay.") % facts)
            return redirect("web:plan_schedules", schedule.book_id)
        if request.POST.get("do") == "end":
            services.end_schedule(schedule=schedule, last=today)
            messages.success(request, _("Nothing more of “%(name)s” is expected after today.") % facts)
    except NotFound:
        raise
    except FinanceError as error:
        messages.error(request, error.detail)
    return redirect("web:plan_schedule", schedule.book_id, schedule.pk)


def _has_details(definition: Definition) -> bool:
    given = (
        *(definition.days, definition.weekday, definition.weekdays),
        *(definition.until, definition.total, definition.description),
    )
    return any(given) or definition.count not in (None, 1) or definition.shift != "none"


def _entry_in(book: Book, text: str) -> JournalEntry | None:
    """The entry that the form is filled from, if one is named. Raises NotFound."""
    if not text:
        return None
    try:
        uid = uuid.UUID(text)
    except ValueError as error:
        raise NotFound(thing="entry") from error
    entry = JournalEntry.objects.filter(book=book, uid=uid).first()
    if entry is None:
        raise NotFound(thing="entry")
    return entry


def _lines_of(entry: JournalEntry) -> list[JournalLine]:
    return list(JournalLine.objects.filter(entry=entry).select_related("account").order_by("position"))
