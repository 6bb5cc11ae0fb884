"""The webhooks of a book. Editors look, owners change; a secret is answered once, when it is made."""

import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.serializers import StrictSerializer
from finance.api.base import BookView
from finance.ledger.models import Role
from finance.webhooks import selectors, services
from finance.webhooks.bodies import announced_events, meaning_of
from finance.webhooks.models import WebhookEndpoint
from finance.webhooks.services.endpoints import LONGEST_OVERLAP, OVERLAP
from finance.webhooks.services.rules import LONGEST_DESCRIPTION
from finance.webhooks.targets import LONGEST_URL
from identity.api.idempotency import once_per_key

HOUR = datetime.timedelta(hours=1)
WEBHOOK = {
    "id": 3,
    "url": "https://hooks.example.org/lifeos",
    "description": "Budget robot",
    "event_types": ["finance.journal.posted"],
    "active": True,
    "stopped": None,
    "stopped_at": None,
    "failing_since": None,
    "old_secret_valid_until": None,
    "created_at": "2026-03-14T09:30:00Z",
}
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105


class WebhookSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    event_types = serializers.ListField(
        child=serializers.CharField(), help_text="The events it receives; an empty list means all."
    )
    stopped = serializers.SerializerMethodField(help_text="Why it is not active; null while it is.")

    class Meta:
        model = WebhookEndpoint
        fields = (
            *("id", "url", "description", "event_types", "active", "stopped", "stopped_at", "failing_since"),
            "created_at",
        )

    @extend_schema_field(
        {
            "type": "string",
            "nullable": True,
            "enum": [value for value in WebhookEndpoint.Stopped.values if value] + [None],
        }
    )
    def get_stopped(self, endpoint: WebhookEndpoint) -> str | None:
        return endpoint.stopped or None


class WebhookDetailSerializer(WebhookSerializer):
    old_secret_valid_until = serializers.SerializerMethodField(
        help_text="After a rotation: until when the previous secret also signs."
    )

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "old_secret_valid_until")  # type: ignore[assignment]

    def get_old_secret_valid_until(self, endpoint: WebhookEndpoint) -> datetime.datetime | None:
        return selectors.old_secret_valid_until(endpoint=endpoint, now=timezone.now())


class FreshWebhookSerializer(WebhookSerializer):
    secret = serializers.CharField(
        allow_null=True, help_text="The secret that signs the messages. Answered only once: null in a replayed answer."
    )

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")  # type: ignore[assignment]


class FreshSecretSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(
        allow_null=True,
        help_text="The secret that signs messages from now on. Answered only once: null in a replayed answer.",
    )
    old_secret_valid_until = serializers.DateTimeField(
        allow_null=True, help_text="Until when the previous secret also signs; null if it ended at once."
    )


class _WebhookFields(StrictSerializer):
    """Strict about shapes only; what an address may be is the services' rule."""

    url = serializers.CharField(max_length=LONGEST_URL, help_text="Address to which messages are sent by POST.")
    description = serializers.CharField(max_length=LONGEST_DESCRIPTION, allow_blank=True, required=False)
    event_types = serializers.ListField(
        child=serializers.CharField(max_length=120),
        required=False,
        max_length=100,
        help_text="The events it receives; an empty or missing list means every event.",
    )


class NewWebhook(_WebhookFields):
    pass


class WebhookChanges(_WebhookFields):
    url = serializers.CharField(max_length=LONGEST_URL, required=False, help_text="Address to which messages are sent.")
    active = serializers.BooleanField(
        required=False, help_text="Switch it off, or on again; days of failure are then forgotten."
    )


class Rotation(StrictSerializer):
    overlap_hours = serializers.IntegerField(
        min_value=0,
        max_value=LONGEST_OVERLAP // HOUR,
        default=OVERLAP // HOUR,
        help_text="How long the previous secret also signs.",
    )


class EventTypeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    version = serializers.IntegerField()
    meaning = serializers.CharField()


class WebhookView(BookView):
    """Base: the log holds what happens in the book and addresses may be passwords, so viewers see nothing of it."""

    read_role = Role.EDITOR
    write_role = Role.OWNER

    def endpoint(self) -> WebhookEndpoint:
        return selectors.endpoint_for(book=self.book, endpoint_id=self.kwargs["webhook_id"])


@extend_schema_view(
    get=extend_schema(
        operation_id="webhooks_list",
        summary="Webhooks of a book",
        description="For owners and editors.",
        examples=[OpenApiExample("A webhook", response_only=True, value=WEBHOOK)],
    ),
    post=extend_schema(
        operation_id="webhooks_create",
        summary="Add a webhook",
        description="For owners. The answer holds the secret, only this once. Sent twice, it adds two webhooks.",
        request=NewWebhook,
        responses={201: FreshWebhookSerializer},
        examples=[
            OpenApiExample(
                "Only postings",
                request_only=True,
                value={"url": WEBHOOK["url"], "event_types": ["finance.journal.posted"]},
            ),
            OpenApiExample("With its secret", response_only=True, value={**WEBHOOK, "secret": SECRET}),
        ],
    ),
)
@extend_schema(tags=["webhooks"])
class WebhookList(WebhookView, generics.ListAPIView[WebhookEndpoint]):
    """Addresses that hear what happens in the book."""

    serializer_class = WebhookSerializer
    bodies = {"POST": NewWebhook}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[WebhookEndpoint]:
        if getattr(self, "swagger_fake_view", False):
            return WebhookEndpoint.objects.none()
        return WebhookEndpoint.objects.filter(book=self.book)

    @once_per_key(secrets=["secret"])
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        fresh = services.add_endpoint(book=self.book, actor=self.user, **self.body())
        return status.HTTP_201_CREATED, {**WebhookSerializer(fresh.endpoint).data, "secret": fresh.secret}


@extend_schema_view(
    get=extend_schema(
        operation_id="webhooks_event_types",
        summary="Events that webhooks can receive",
        description="For owners and editors. The fields of each are in the events' reference.",
        responses=EventTypeSerializer(many=True),
    )
)
@extend_schema(tags=["webhooks"])
class EventTypes(WebhookView):
    """The choice for `event_types`."""

    serializer_class = EventTypeSerializer
    pagination_class = None
    filter_backends = ()

    def get(self, request: Request, book_id: int) -> Response:
        return Response(
            [{"name": cls.name, "version": cls.version, "meaning": meaning_of(cls)} for cls in announced_events()]
        )


@extend_schema_view(
    get=extend_schema(
        operation_id="webhooks_retrieve",
        summary="A webhook",
        description="For owners and editors.",
        responses=WebhookDetailSerializer,
        examples=[OpenApiExample("A webhook", response_only=True, value=WEBHOOK)],
    ),
    patch=extend_schema(
        operation_id="webhooks_update",
        summary="Change a webhook, or switch it off and on",
        description="For owners. Waiting messages go to the new address too.",
        request=WebhookChanges,
        responses=WebhookDetailSerializer,
        examples=[OpenApiExample("On again", request_only=True, value={"active": True})],
    ),
    delete=extend_schema(
        operation_id="webhooks_delete",
        summary="Remove a webhook",
        description="For owners. Its log is deleted too; waiting messages are not sent.",
        responses={204: None},
    ),
)
@extend_schema(tags=["webhooks"])
class WebhookDetail(WebhookView):
    """One webhook."""

    serializer_class = WebhookDetailSerializer
    bodies = {"PATCH": WebhookChanges}

    def get(self, request: Request, book_id: int, webhook_id: int) -> Response:
        return Response(WebhookDetailSerializer(self.endpoint()).data)

    @once_per_key()
    def patch(self, request: Request, book_id: int, webhook_id: int) -> tuple[int, Any]:
        changes = self.body()
        active = changes.pop("active", None)
        endpoint = services.change_and_switch(
            endpoint=self.endpoint(), actor=self.user, active=active, now=timezone.now(), **changes
        )
        return status.HTTP_200_OK, WebhookDetailSerializer(endpoint).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, webhook_id: int) -> tuple[int, Any]:
        services.remove_endpoint(endpoint=self.endpoint(), actor=self.user)
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    post=extend_schema(
        operation_id="webhooks_rotate_secret",
        summary="Make a new secret",
        description="For owners. During the overlap messages carry the signatures of both secrets.",
        request=Rotation,
        responses=FreshSecretSerializer,
        examples=[
            OpenApiExample("Two days for the change", request_only=True, value={"overlap_hours": 48}),
            OpenApiExample(
                "The new secret",
                response_only=True,
                value={"secret": SECRET, "old_secret_valid_until": "2026-03-16T09:30:00Z"},
            ),
        ],
    )
)
@extend_schema(tags=["webhooks"])
class RotateSecret(WebhookView):
    """Changes the secret without losing a message."""

    bodies = {"POST": Rotation}
    serializer_class = FreshSecretSerializer

    @once_per_key(secrets=["secret"])
    def post(self, request: Request, book_id: int, webhook_id: int) -> tuple[int, Any]:
        overlap = self.body()["overlap_hours"] * HOUR
        fresh = services.rotate_secret(endpoint=self.endpoint(), actor=self.user, now=timezone.now(), overlap=overlap)
        body = {"secret": fresh.secret, "old_secret_valid_until": fresh.old_valid_until}
        return status.HTTP_200_OK, FreshSecretSerializer(body).data
