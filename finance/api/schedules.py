"""/books/{book_id}/schedules/: what comes again, its occurrences, and the entries that pay them."""

import datetime
import uuid
from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import ForwardPages, limit_of, refused_cursor
from core.api.queries import PAGE_PARAMETERS, query_of
from core.api.serializers import in_page, paged
from finance import money
from finance.api import schedule_shapes as shapes
from finance.api.base import BookView
from finance.api.entry_bodies import EntrySerializer, entries_of
from finance.errors import NotFound
from finance.ledger.models import JournalEntry
from finance.planning.schedules import selectors, services
from finance.planning.schedules.models import Schedule
from finance.planning.schedules.selectors import Occurrence
from finance.tags.models import Tag
from finance.tags.services import tags_named
from identity.api.idempotency import once_per_key

_OCCURRENCES = ForwardPages("occurrences")
_PAGE = paged(shapes.OccurrenceSerializer)
_WINDOW = datetime.timedelta(days=30)
_OCCURRENCE_EXAMPLE = OpenApiExample("An occurrence", response_only=True, value=shapes.OCCURRENCE)
_PAGE_EXAMPLE = OpenApiExample("A page", response_only=True, value=in_page(shapes.OCCURRENCE))
_EXAMPLE = OpenApiExample("Rent", response_only=True, value=shapes.SCHEDULE)


class ScheduleView(BookView):
    serializer_class: Any = shapes.ScheduleSerializer

    def schedule(self) -> Schedule:
        return selectors.schedule_for(book=self.book, schedule_id=self.kwargs["schedule_id"])

    def nominal(self) -> datetime.date:
        found = shapes.nominal_of(self.kwargs["nominal"])
        if found is None:
            raise NotFound(thing="occurrence")
        return found

    def asked_today(self) -> datetime.date:
        day: datetime.date | None = query_of(self.request, shapes.TodayQuery).get("today")
        return day or self.today()

    def shown(self, schedules: Sequence[Schedule], *, today: datetime.date) -> list[dict[str, Any]]:
        context = {
            "tree": self.tree,
            "tags": dict(Tag.objects.filter(book=self.book).values_list("pk", "name")),
            "next": selectors.next_expected(book=self.book, today=today, schedules=schedules),
        }
        return [dict(shapes.ScheduleSerializer(each, context=context).data) for each in schedules]

    def one(self, schedule_id: int, *, today: datetime.date | None = None) -> dict[str, Any]:
        schedule = selectors.schedule_for(book=self.book, schedule_id=schedule_id)
        return self.shown([schedule], today=today or self.today())[0]

    def definition(self, given: dict[str, Any], before: Schedule | None) -> Any:
        return shapes.definition_of(
            given,
            tree=self.tree,
            tag_ids=lambda names: tuple(tag.pk for tag in tags_named(book=self.book, names=names)),
            before=before.definition if before else None,
        )

    def entry(self, uid: uuid.UUID) -> JournalEntry:
        found = JournalEntry.objects.filter(book=self.book, uid=uid).first()
        if found is None:
            raise NotFound(thing="entry", field="entry")
        return found

    def occurrence(self, today: datetime.date | None = None) -> Occurrence:
        """The occurrence of the address as it is now."""
        schedule, nominal = self.schedule(), self.nominal()
        row = schedule.recorded.filter(book=self.book, nominal=nominal).first()
        if row is None and not schedule.definition.has(nominal):
            raise NotFound(thing="occurrence")
        return selectors.occurrence_at(schedule, nominal, today=today or self.today(), row=row)

    def changed(self) -> tuple[int, Any]:
        return status.HTTP_200_OK, dict(shapes.OccurrenceSerializer(self.occurrence()).data)

    def page(self, request: Request, found: Sequence[Occurrence]) -> Response:
        """A page of occurrences in their order; a place is the day, the schedule and the nominal date."""
        place, limit = _OCCURRENCES.place(request), limit_of(request)
        keys = [f"{each.date} {each.schedule.pk} {each.nominal}" for each in found]
        start = 0
        if place is not None:
            day = shapes.nominal_of(place[:10])
            if day is None:
                raise refused_cursor()
            # The row at the edge may be gone: then the page begins with the next day's.
            after = (index for index, each in enumerate(found) if each.date > day)
            start = keys.index(place) + 1 if place in keys else next(after, len(found))
        rows = found[start : start + limit]
        following = keys[start + limit - 1] if len(found) > start + limit else None
        body = _OCCURRENCES.body(
            request, results=[shapes.OccurrenceSerializer(each).data for each in rows], following=following
        )
        return Response(body)

    def window(self) -> tuple[datetime.date, datetime.date, datetime.date]:
        given = query_of(self.request, shapes.WindowQuery)
        today: datetime.date = given.get("today") or self.today()
        first: datetime.date = given.get("first") or today
        last: datetime.date = given.get("last") or first + _WINDOW
        selectors.checked_window(first, last)
        return first, last, today


@extend_schema_view(
    get=extend_schema(
        operation_id="schedules_list",
        summary="Schedules of a book",
        parameters=[shapes.TodayQuery, *PAGE_PARAMETERS],
        responses=paged(shapes.ScheduleSerializer),
        examples=[OpenApiExample("A page", response_only=True, value=in_page(shapes.SCHEDULE))],
    ),
    post=extend_schema(
        operation_id="schedules_create",
        summary="Add a schedule",
        description=(
            "Entries that are there already are matched in a moment: each by amount, account, payee or category, and "
            "the days between it and an occurrence. Only what is beyond doubt is linked; see the questions for the rest."
        ),
        request=shapes.NewSchedule,
        responses={201: shapes.ScheduleSerializer},
        examples=[
            OpenApiExample("Rent on the last of the month", request_only=True, value=shapes.RENT),
            OpenApiExample(
                "A transfer with a fee",
                request_only=True,
                value={
                    "name": "Saving",
                    "account": "Assets:Checking account",
                    "amount": "-101.50",
                    "first": "2026-01-02",
                    "unit": "week",
                    "every": 2,
                    "lines": [
                        {"account": "Assets:Savings account"},
                        {"account": "Expenses:Bank fees", "amount": "1.50"},
                    ],
                },
            ),
            _EXAMPLE,
        ],
    ),
)
@extend_schema(tags=["schedules"])
class ScheduleList(ScheduleView):
    """All schedules, also those that have ended."""

    bodies = {"POST": shapes.NewSchedule}
    ordering = ("id",)

    def get(self, request: Request, book_id: int) -> Response:
        today = self.asked_today()
        page = self.paginate_queryset(selectors.schedules_of(book=self.book)) or []
        return self.get_paginated_response(self.shown(page, today=today))

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        given = self.body()
        schedule = services.create_schedule(
            book=self.book,
            actor=self.user,
            definition=self.definition(given, None),
            today=self.today(),
            asked_from=given.get("asked_from"),
        )
        return status.HTTP_201_CREATED, self.one(schedule.pk)


@extend_schema_view(
    get=extend_schema(
        operation_id="schedules_retrieve", summary="A schedule", parameters=[shapes.TodayQuery], examples=[_EXAMPLE]
    ),
    patch=extend_schema(
        operation_id="schedules_update",
        summary="Change a schedule, all of it or from a day on",
        description=(
            "With `effective_from` the past stays: the schedule ends before that day, and the answer is the one that "
            "continues it. A change that would lose payments is refused."
        ),
        request=shapes.ScheduleChanges,
        responses=shapes.ScheduleSerializer,
        examples=[
            OpenApiExample(
                "Dearer from April on", request_only=True, value={"amount": "-750.00", "effective_from": "2026-04-01"}
            ),
            _EXAMPLE,
        ],
    ),
    delete=extend_schema(
        operation_id="schedules_delete",
        summary="Remove a schedule",
        description="With its states and links; entries stay. To keep its history, end it instead.",
        responses={204: None},
    ),
)
@extend_schema(tags=["schedules"])
class ScheduleDetail(ScheduleView):
    """One schedule."""

    bodies = {"PATCH": shapes.ScheduleChanges}

    def get(self, request: Request, book_id: int, schedule_id: int) -> Response:
        return Response(self.one(self.kwargs["schedule_id"], today=self.asked_today()))

    @once_per_key()
    def patch(self, request: Request, book_id: int, schedule_id: int) -> tuple[int, Any]:
        schedule, given = self.schedule(), self.body()
        from_date = given.pop("effective_from", None)
        changed = services.change_schedule(
            schedule=schedule, actor=self.user, definition=self.definition(given, schedule), from_date=from_date
        )
        return status.HTTP_200_OK, self.one(changed.pk)

    @once_per_key()
    def delete(self, request: Request, book_id: int, schedule_id: int) -> tuple[int, Any]:
        services.remove_schedule(schedule=self.schedule())
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    post=extend_schema(
        operation_id="schedules_end",
        summary="End a schedule",
        request=shapes.EndBody,
        responses=shapes.ScheduleSerializer,
        examples=[_EXAMPLE],
    )
)
@extend_schema(tags=["schedules"])
class EndSchedule(ScheduleView):
    """Nothing is expected after a day."""

    bodies = {"POST": shapes.EndBody}

    @once_per_key()
    def post(self, request: Request, book_id: int, schedule_id: int) -> tuple[int, Any]:
        schedule = services.end_schedule(schedule=self.schedule(), last=self.body()["last"])
        return status.HTTP_200_OK, self.one(schedule.pk)


@extend_schema_view(
    get=extend_schema(
        operation_id="schedules_occurrences",
        summary="Occurrences of a schedule in a window of days",
        description="Those that are shown from `first` to `last`, both included, whatever their status.",
        parameters=[shapes.WindowQuery, *PAGE_PARAMETERS],
        responses=_PAGE,
        examples=[_PAGE_EXAMPLE],
    )
)
@extend_schema(tags=["schedules"])
class ScheduleOccurrences(ScheduleView):
    """What a schedule expects."""

    def get(self, request: Request, book_id: int, schedule_id: int) -> Response:
        first, last, today = self.window()
        found = selectors.occurrences_of(
            book=self.book, first=first, last=last, today=today, schedules=[self.schedule()]
        )
        return self.page(request, found)


@extend_schema_view(
    get=extend_schema(
        operation_id="schedules_payments",
        summary="Payments of a schedule, the latest last",
        responses=paged(shapes.PaymentOfSchedule),
    )
)
@extend_schema(tags=["schedules"])
class SchedulePayments(ScheduleView):
    """Entries that paid it."""

    serializer_class = shapes.PaymentOfSchedule
    ordering = ("id",)

    def get(self, request: Request, book_id: int, schedule_id: int) -> Response:
        schedule = self.schedule()
        page = self.paginate_queryset(selectors.payments_of(schedule=schedule).order_by()) or []
        context = {"currency": schedule.account.currency}
        return self.get_paginated_response(shapes.PaymentOfSchedule(page, many=True, context=context).data)


@extend_schema_view(
    get=extend_schema(
        operation_id="schedules_upcoming",
        summary="What is coming: occurrences of all schedules that are still expected",
        description=(
            "In the order of their days: what is late, due today and upcoming through `last`. What is paid, skipped or "
            "missed is not in it."
        ),
        parameters=[shapes.WindowQuery, *PAGE_PARAMETERS],
        responses=_PAGE,
        examples=[_PAGE_EXAMPLE],
    )
)
@extend_schema(tags=["schedules"])
class UpcomingOccurrences(ScheduleView):
    """What is coming."""

    def get(self, request: Request, book_id: int) -> Response:
        first, last, today = self.window()
        found = selectors.open_occurrences(book=self.book, last=last, today=today)
        return self.page(request, [each for each in found if max(each.date, today) >= first])


@extend_schema_view(
    get=extend_schema(
        operation_id="schedules_sums",
        summary="What was paid and what is still to pay in a window of days",
        description="Per currency; occurrences by the day on which they are shown.",
        parameters=[shapes.WindowQuery],
        responses=shapes.SumsAnswer,
        examples=[
            OpenApiExample(
                "July",
                response_only=True,
                value={
                    "results": [
                        {
                            "currency": "EUR",
                            "expected": "-50.00",
                            "paid": "-25.00",
                            "still_to_pay": "25.00",
                            "still_to_receive": "0.00",
                            "late": "0.00",
                        }
                    ]
                },
            )
        ],
    )
)
@extend_schema(tags=["schedules"])
class ScheduleSums(ScheduleView):
    """Paid and still to pay."""

    serializer_class = shapes.SumsAnswer

    def get(self, request: Request, book_id: int) -> Response:
        first, last, today = self.window()
        sums = selectors.still_to_pay(book=self.book, first=first, last=last, today=today)
        return Response({"results": [shapes.ScheduleSumsSerializer(each).data for each in sums]})


@extend_schema_view(
    get=extend_schema(
        operation_id="schedules_questions",
        summary="Entries that may pay an occurrence",
        description="Of the latest 45 days, where more than one fits or only the amount does. Link it, or refuse it.",
        parameters=[shapes.TodayQuery],
        responses=shapes.QuestionsAnswer,
    )
)
@extend_schema(tags=["schedules"])
class ScheduleQuestions(ScheduleView):
    """What somebody has to decide."""

    serializer_class = shapes.QuestionsAnswer

    def get(self, request: Request, book_id: int) -> Response:
        groups = services.questions(book=self.book, today=self.asked_today())
        ids = {match.entry.entry_id for group in groups for match in group}
        uids = dict(JournalEntry.objects.filter(book=self.book, pk__in=ids).values_list("pk", "uid"))
        results = [
            [
                {
                    "schedule": match.expected.schedule_id,
                    "nominal": match.expected.nominal,
                    "entry": uids[match.entry.entry_id],
                    "date": match.entry.date,
                    "amount": money.format_amount(match.entry.amount, currency=self._currency(match.entry.account_id)),
                    "currency": self._currency(match.entry.account_id),
                    "payee": match.entry.payee,
                    "days_apart": match.fit.days,
                }
                for match in group
            ]
            for group in groups
        ]
        return Response({"results": shapes.QuestionsAnswer({"results": results}).data["results"]})

    def _currency(self, account_id: int) -> str:
        return self.tree.by_id[account_id].currency


def _action(name: str, summary: str, request: Any, **more: Any) -> Any:
    return extend_schema_view(
        post=extend_schema(
            operation_id=f"schedules_{name}",
            summary=summary,
            request=request,
            responses=shapes.OccurrenceSerializer,
            examples=[_OCCURRENCE_EXAMPLE],
            tags=["schedules"],
            **more,
        )
    )


@extend_schema_view(
    get=extend_schema(
        operation_id="schedules_occurrence",
        summary="An occurrence, by its nominal date",
        parameters=[shapes.TodayQuery],
        responses=shapes.OccurrenceSerializer,
        examples=[_OCCURRENCE_EXAMPLE],
    )
)
@extend_schema(tags=["schedules"])
class OccurrenceDetail(ScheduleView):
    """One occurrence."""

    serializer_class = shapes.OccurrenceSerializer

    def get(self, request: Request, book_id: int, schedule_id: int, nominal: str) -> Response:
        return Response(shapes.OccurrenceSerializer(self.occurrence(self.asked_today())).data)


@_action("skip", "Skip an occurrence", None, description="Nothing is paid for this one. Refused where it is paid.")
class SkipOccurrence(ScheduleView):
    """Skips one."""

    @once_per_key()
    def post(self, request: Request, book_id: int, schedule_id: int, nominal: str) -> tuple[int, Any]:
        services.skip_occurrence(schedule=self.schedule(), nominal=self.nominal(), actor=self.user)
        return self.changed()


@_action(
    "reopen", "Expect an occurrence again", None, description="No longer skipped, moved or taken for paid; links stay."
)
class ReopenOccurrence(ScheduleView):
    """Opens one again."""

    @once_per_key()
    def post(self, request: Request, book_id: int, schedule_id: int, nominal: str) -> tuple[int, Any]:
        services.reopen_occurrence(schedule=self.schedule(), nominal=self.nominal(), actor=self.user)
        return self.changed()


@_action("move", "Expect an occurrence on another day", shapes.MoveBody, description="Its nominal date stays.")
class MoveOccurrence(ScheduleView):
    """Moves one."""

    bodies = {"POST": shapes.MoveBody}

    @once_per_key()
    def post(self, request: Request, book_id: int, schedule_id: int, nominal: str) -> tuple[int, Any]:
        to = self.body()["to"]
        services.move_occurrence(schedule=self.schedule(), nominal=self.nominal(), to=to, actor=self.user)
        return self.changed()


@_action("link", "Say that an entry pays an occurrence", shapes.LinkBody, description="All of it, or a part.")
class LinkEntry(ScheduleView):
    """Links an entry."""

    bodies = {"POST": shapes.LinkBody}

    @once_per_key()
    def post(self, request: Request, book_id: int, schedule_id: int, nominal: str) -> tuple[int, Any]:
        given = self.body()
        services.link_entry(
            schedule=self.schedule(), nominal=self.nominal(), actor=self.user, complete=given["complete"],
            entry=self.entry(given["entry"]),
        )  # fmt: skip
        return self.changed()


@_action(
    "unlink",
    "Take an entry off an occurrence",
    shapes.EntryOfOccurrence,
    description="It is not matched with this one again.",
)
class UnlinkEntry(ScheduleView):
    """Unlinks an entry."""

    bodies = {"POST": shapes.EntryOfOccurrence}

    @once_per_key()
    def post(self, request: Request, book_id: int, schedule_id: int, nominal: str) -> tuple[int, Any]:
        entry = self.entry(self.body()["entry"])
        services.unlink_entry(schedule=self.schedule(), nominal=self.nominal(), entry=entry, actor=self.user)
        return self.changed()


@_action(
    "refuse",
    "Answer that an entry is not this occurrence",
    shapes.EntryOfOccurrence,
    description="It is not asked again.",
)
class RefuseEntry(ScheduleView):
    """Answers a question."""

    bodies = {"POST": shapes.EntryOfOccurrence}

    @once_per_key()
    def post(self, request: Request, book_id: int, schedule_id: int, nominal: str) -> tuple[int, Any]:
        entry = self.entry(self.body()["entry"])
        services.refuse_entry(schedule=self.schedule(), nominal=self.nominal(), entry=entry, actor=self.user)
        return self.changed()


@extend_schema_view(
    post=extend_schema(
        operation_id="schedules_pay",
        summary="Pay an occurrence now",
        description="Posts its entry, all that is left or a part, and links it. Early, on time or late.",
        request=shapes.PayBody,
        responses={201: EntrySerializer},
    )
)
@extend_schema(tags=["schedules"])
class PayOccurrence(ScheduleView):
    """Posts the entry of an occurrence."""

    bodies = {"POST": shapes.PayBody}

    @once_per_key()
    def post(self, request: Request, book_id: int, schedule_id: int, nominal: str) -> tuple[int, Any]:
        given, schedule = self.body(), self.schedule()
        text = given.get("amount")
        entry = services.pay_occurrence(
            schedule=schedule,
            nominal=self.nominal(),
            actor=self.user,
            date=given.get("date") or self.today(),
            amount=None if text is None else money.parse_amount(text, currency=schedule.account.currency),
            complete=given.get("complete"),
        )
        posted = entries_of(self.book).filter(pk=entry.pk)
        return status.HTTP_201_CREATED, EntrySerializer(posted, many=True, context={"tree": self.tree}).data[0]
