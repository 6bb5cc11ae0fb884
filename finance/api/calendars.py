"""/books/{book_id}/calendar-feed/, and schedules as iCalendar and from it."""

from dataclasses import replace
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.serializers import StrictSerializer
from finance.api import schedule_shapes as shapes
from finance.api.base import BookView
from finance.api.register_files import AnyFormat
from finance.api.schedules import ScheduleView
from finance.errors import NotFound
from finance.ledger.models import Role
from finance.planning.calendars import services
from finance.planning.calendars.icalendar import MEDIA_TYPE, MOST_READ, MOST_READ_WHOLE
from finance.planning.calendars.models import CalendarFeed
from finance.planning.calendars.services import feed_address
from finance.planning.schedules.services import create_schedule
from identity import mail
from identity.api.idempotency import once_per_key

_FEED = {"with_amounts": False, "created_at": "2026-03-14T09:26:53Z", "used_at": None}
_URL = "https://money.example.org/calendar/Jq0Zb4v2mXkq8r1N3pTzYw5uC7dEfGhIjKlMnOpQrSt.ics"
_ICS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1@example.org\r\nSUMMARY:Insurance\r\n"
    "DTSTART;VALUE=DATE:20260115\r\nRRULE:FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=15\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


class FeedSerializer(serializers.ModelSerializer[CalendarFeed]):
    class Meta:
        model = CalendarFeed
        fields = ("with_amounts", "created_at", "used_at")


class FreshFeedSerializer(FeedSerializer):
    url = serializers.URLField(
        allow_null=True,
        help_text="Shown only now: anybody who has it reads what is coming. null in the answer to a retry.",
    )

    class Meta(FeedSerializer.Meta):
        fields = (*FeedSerializer.Meta.fields, "url")  # type: ignore[assignment]


class FeedBody(StrictSerializer):
    with_amounts = serializers.BooleanField(default=False, help_text="Amounts beside the names of what is coming.")


@extend_schema_view(
    get=extend_schema(
        operation_id="calendar_feed",
        summary="The address of your calendar",
        description="Whether you have one. The address itself is shown once, when it is made.",
        examples=[OpenApiExample("A feed", response_only=True, value=_FEED)],
    ),
    post=extend_schema(
        operation_id="calendar_feed_create",
        summary="Make an address for your calendar",
        description=(
            "A secret address at which calendars read what is coming in this book (text/calendar), for you alone. An older "
            "one stops working; so does this one when you leave the book."
        ),
        request=FeedBody,
        responses={201: FreshFeedSerializer},
        examples=[OpenApiExample("A new address", response_only=True, value={**_FEED, "url": _URL})],
    ),
    patch=extend_schema(
        operation_id="calendar_feed_update",
        summary="Show amounts in your calendar, or not",
        request=FeedBody,
        responses=FeedSerializer,
        examples=[OpenApiExample("A feed", response_only=True, value=_FEED)],
    ),
    delete=extend_schema(
        operation_id="calendar_feed_delete",
        summary="Revoke the address",
        description="It stops working at once.",
        responses={204: None},
    ),
)
@extend_schema(tags=["calendars"])
class FeedDetail(BookView):
    """Your calendar of a book."""

    write_role = Role.VIEWER
    serializer_class = FeedSerializer
    bodies = {"POST": FeedBody, "PATCH": FeedBody}

    def get(self, request: Request, book_id: int) -> Response:
        feed = services.feed_of(book=self.book, user=self.user)
        if feed is None:
            raise NotFound(thing="calendar address")
        return Response(FeedSerializer(feed).data)

    @once_per_key(secrets=["url"])
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        fresh = services.make_feed(book=self.book, user=self.user, **self.body())
        url = mail.base_url(self.request._request) + feed_address(fresh.token)
        return status.HTTP_201_CREATED, {**FeedSerializer(fresh.feed).data, "url": url}

    @once_per_key()
    def patch(self, request: Request, book_id: int) -> tuple[int, Any]:
        feed = services.change_feed(book=self.book, user=self.user, **self.body())
        return status.HTTP_200_OK, FeedSerializer(feed).data

    @once_per_key()
    def delete(self, request: Request, book_id: int) -> tuple[int, Any]:
        services.revoke_feed(book=self.book, user=self.user)
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    get=extend_schema(
        operation_id="schedules_calendar",
        summary="A schedule as an iCalendar file",
        description=(
            "One event with the rule as RRULE (RFC 5545); a 31st is the last of the days 28 to 31. What iCalendar cannot say "
            "is refused by name, such as a day that moves off weekends."
        ),
        responses={
            (200, "text/calendar"): OpenApiTypes.BINARY,
            400: OpenApiResponse(description="iCalendar cannot say this rule; `fields` says why."),
        },
    )
)
@extend_schema(tags=["calendars"])
class ScheduleCalendar(ScheduleView):
    """For other programs."""

    content_negotiation_class = AnyFormat

    def get(self, request: Request, book_id: int, schedule_id: int) -> HttpResponseBase:
        schedule = self.schedule()
        lines = services.schedule_as_calendar(schedule=schedule)
        name = f"schedule-{schedule.pk}.ics"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse("".join(lines), content_type=MEDIA_TYPE, headers=headers)


class CalendarSchedule(shapes.NewSchedule):
    """The dates are those of the event; the rest is as for any schedule."""

    name = serializers.CharField(max_length=120, required=False, help_text="Default: the name of the event.")
    ics = serializers.CharField(
        max_length=MOST_READ, trim_whitespace=False, help_text="A calendar (text/calendar) with one event that repeats."
    )
    first = None  # type: ignore[assignment]  # the dates are those of the event
    unit = None  # type: ignore[assignment]
    every = None  # type: ignore[assignment]
    days = None  # type: ignore[assignment]
    weekday_number = None  # type: ignore[assignment]
    weekday = None  # type: ignore[assignment]
    weekdays = None  # type: ignore[assignment]
    shift = None  # type: ignore[assignment]
    holidays = None  # type: ignore[assignment]
    until = None  # type: ignore[assignment]
    count = None  # type: ignore[assignment]
    total = None  # type: ignore[assignment]


@extend_schema_view(
    post=extend_schema(
        operation_id="schedules_from_calendar",
        summary="Add a schedule of an event of a calendar",
        description=(
            "The event's RRULE becomes the dates of the schedule. What has no equal is refused by its name, such as a 31st that "
            "leaves out short months."
        ),
        request=CalendarSchedule,
        responses={201: shapes.ScheduleSerializer},
        examples=[
            OpenApiExample(
                "Insurance, every quarter",
                request_only=True,
                value={
                    "ics": _ICS, "account": "Assets:Checking account", "amount": "-120.00",
                    "lines": [{"account": "Expenses:Insurance"}],
                },
            ),
            OpenApiExample("The schedule", response_only=True, value=shapes.SCHEDULE),
        ],
    )
)  # fmt: skip
@extend_schema(tags=["calendars"])
class ScheduleFromCalendar(ScheduleView):
    """From other programs."""

    bodies = {"POST": CalendarSchedule}

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        given = self.body()
        found = services.read_schedule(ics=given.pop("ics"))
        begins = {"first": found.first, "unit": found.read.rule.unit.value}
        definition = self.definition({"name": found.name[:120], **given, **begins}, None)
        definition = replace(definition, **services.dates_of(found))
        schedule = create_schedule(
            book=self.book, actor=self.user, definition=definition, today=self.today(),
            asked_from=given.get("asked_from"),
        )  # fmt: skip
        return status.HTTP_201_CREATED, self.one(schedule.pk)


class WholeCalendar(StrictSerializer):
    ics = serializers.CharField(
        max_length=MOST_READ_WHOLE, trim_whitespace=False, help_text="A calendar (text/calendar) with any events."
    )


class CalendarEventSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    first = serializers.DateField(allow_null=True, help_text="Its first day; null: it has none that can be read.")
    rrule = serializers.CharField(help_text="The rule, as written in the calendar.")
    reason = serializers.CharField(help_text="Why it becomes no schedule; empty: it can be one.")


class CalendarPreviewSerializer(serializers.Serializer[Any]):
    events = CalendarEventSerializer(many=True)
    single = serializers.IntegerField(help_text="Events that do not repeat; they become nothing.")


@extend_schema_view(
    post=extend_schema(
        operation_id="schedules_from_calendar_preview",
        summary="What of a calendar can become schedules",
        description="Events that repeat, each with the reason where it has no equal here. Saves nothing.",
        request=WholeCalendar,
        responses=CalendarPreviewSerializer,
        examples=[
            OpenApiExample("A calendar", request_only=True, value={"ics": _ICS}),
            OpenApiExample(
                "One event",
                response_only=True,
                value={
                    "events": [
                        {
                            "name": "Insurance", "first": "2026-01-15", "reason": "",
                            "rrule": "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=15",
                        }
                    ],
                    "single": 0,
                },
            ),
        ],
    )
)  # fmt: skip
@extend_schema(tags=["calendars"])
class PreviewCalendar(ScheduleView):
    """Before anything is taken in."""

    serializer_class = CalendarPreviewSerializer
    bodies = {"POST": WholeCalendar}

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        found = services.read_calendar(ics=self.body()["ics"], today=self.today())
        events = [
            {"name": each.name, "first": each.date, "rrule": each.rrule, "reason": each.reason} for each in found.events
        ]
        return status.HTTP_200_OK, dict(CalendarPreviewSerializer({"events": events, "single": found.single}).data)
