"""What was sent to a webhook, with the results; tests and replays."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import ForwardPages, limit_of
from core.api.queries import PAGE_PARAMETERS, QuerySerializer, query_of
from core.api.serializers import StrictSerializer, in_page, paged
from finance.api.webhooks import WebhookView
from finance.webhooks import selectors, services
from finance.webhooks.models import WebhookAttempt, WebhookDelivery
from identity.api.idempotency import once_per_key

DELIVERY = {
    "id": 4711,
    "message_id": "msg_2b1f7c1e5f9a5d0c8a3c0f0f9d6a1e55",
    "event_type": "finance.journal.posted",
    "occurred_at": "2026-03-14T09:30:00Z",
    "state": "delivered",
    "attempts_made": 1,
    "last_attempt_at": "2026-03-14T09:30:01Z",
    "status_code": 204,
    "failure": None,
    "created_at": "2026-03-14T09:30:00Z",
}
BODY = (
    '{"id":"msg_2b1f7c1e5f9a5d0c8a3c0f0f9d6a1e55","type":"finance.journal.posted","version":1,'
    '"timestamp":"2026-03-14T09:30:00Z","book_id":7,"data":{"book_id":7,"entry_ids":[311],"source":"api"}}'
)
ATTEMPT = {
    "number": 1,
    "at": "2026-03-14T09:30:01Z",
    "milliseconds": 84,
    "address": "93.184.215.14",
    "request_headers": {
        "Content-Type": "application/json",
        "User-Agent": "LifeOS-Webhooks/1.0",
        "webhook-id": "msg_2b1f7c1e5f9a5d0c8a3c0f0f9d6a1e55",
        "webhook-timestamp": "1773480601",
        "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    },
    "status_code": 204,
    "response_body": "",
    "failure": None,
    "detail": "",
}


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    failure = serializers.SerializerMethodField(help_text="What went wrong at the last attempt; null if nothing did.")

    class Meta:
        model = WebhookDelivery
        fields = (
            *("id", "message_id", "event_type", "occurred_at", "state", "attempts_made", "last_attempt_at"),
            *("status_code", "failure", "created_at"),
        )

    def get_failure(self, delivery: WebhookDelivery) -> str | None:
        return delivery.failure or None


class AttemptSerializer(serializers.ModelSerializer[WebhookAttempt]):
    request_headers = serializers.DictField(child=serializers.CharField())
    failure = serializers.SerializerMethodField(help_text="What went wrong; null if nothing did.")

    class Meta:
        model = WebhookAttempt
        fields = (
            *("number", "at", "milliseconds", "address", "request_headers", "status_code", "response_body"),
            *("failure", "detail"),
        )

    def get_failure(self, attempt: WebhookAttempt) -> str | None:
        return attempt.failure or None


class DeliveryDetailSerializer(DeliverySerializer):
    attempts = AttemptSerializer(many=True, help_text="Oldest first.")

    class Meta(DeliverySerializer.Meta):
        fields = (*DeliverySerializer.Meta.fields, "body", "attempts")  # type: ignore[assignment]


class DeliveryQuery(QuerySerializer):
    state = serializers.ChoiceField(choices=WebhookDelivery.State.choices, required=False)


class Since(StrictSerializer):
    since = serializers.DateTimeField(help_text="Messages that failed or were skipped since then are sent again.")


class Queued(serializers.Serializer[Any]):
    queued = serializers.IntegerField(help_text="Messages that are on their way again, at most 1,000.")


_PAGES = ForwardPages("webhook-deliveries")


class DeliveryView(WebhookView):
    """Base of the views of one delivery."""

    def delivery(self) -> WebhookDelivery:
        return selectors.delivery_for(endpoint=self.endpoint(), delivery_id=self.kwargs["delivery_id"])


@extend_schema_view(
    get=extend_schema(
        operation_id="webhooks_deliveries",
        summary="Log of a webhook",
        description="For owners and editors. Newest first; old ones are deleted after the operator's limit (30 days).",
        parameters=[DeliveryQuery, *PAGE_PARAMETERS],
        responses=paged(DeliverySerializer),
        examples=[OpenApiExample("One delivery", response_only=True, value=in_page(DELIVERY))],
    )
)
@extend_schema(tags=["webhooks"])
class DeliveryList(WebhookView):
    """What was sent, with the results."""

    serializer_class = DeliverySerializer

    def get(self, request: Request, book_id: int, webhook_id: int) -> Response:
        query, place = query_of(request, DeliveryQuery), _PAGES.place(request)
        page = selectors.deliveries_page(
            endpoint=self.endpoint(),
            state=query.get("state", ""),
            before=int(place) if place else None,
            limit=limit_of(request),
        )
        rows = DeliverySerializer(page.rows, many=True).data
        return Response(_PAGES.body(request, results=rows, following=page.next_id))


@extend_schema_view(
    get=extend_schema(
        operation_id="webhooks_delivery",
        summary="A delivery with its attempts",
        description="For owners and editors. The body is exactly what is signed and sent.",
        responses=DeliveryDetailSerializer,
        examples=[
            OpenApiExample("Delivered", response_only=True, value={**DELIVERY, "body": BODY, "attempts": [ATTEMPT]})
        ],
    )
)
@extend_schema(tags=["webhooks"])
class DeliveryDetail(DeliveryView):
    """One message to a webhook."""

    serializer_class = DeliveryDetailSerializer

    def get(self, request: Request, book_id: int, webhook_id: int, delivery_id: int) -> Response:
        return Response(DeliveryDetailSerializer(self.delivery()).data)


@extend_schema_view(
    post=extend_schema(
        operation_id="webhooks_delivery_replay",
        summary="Send a message again",
        description="For owners. The same text with the same id; the signature is new. Refused in its first hour "
        "while it is still on its way.",
        request=None,
        responses={202: DeliverySerializer},
        examples=[
            OpenApiExample(
                "On its way", response_only=True, status_codes=["202"], value={**DELIVERY, "state": "waiting"}
            )
        ],
    )
)
@extend_schema(tags=["webhooks"])
class ReplayDelivery(DeliveryView):
    """Sends a message again."""

    serializer_class = DeliverySerializer

    @once_per_key()
    def post(self, request: Request, book_id: int, webhook_id: int, delivery_id: int) -> tuple[int, Any]:
        delivery = services.replay_delivery(delivery=self.delivery(), actor=self.user, now=timezone.now())
        return status.HTTP_202_ACCEPTED, DeliverySerializer(delivery).data


@extend_schema_view(
    post=extend_schema(
        operation_id="webhooks_replay_failed",
        summary="Send all failed messages again",
        description="For owners. Messages that failed or were skipped since a given time, oldest first, 1,000 at a time.",
        request=Since,
        responses={202: Queued},
        examples=[
            OpenApiExample("Since midnight", request_only=True, value={"since": "2026-03-14T00:00:00Z"}),
            OpenApiExample("Twelve", response_only=True, status_codes=["202"], value={"queued": 12}),
        ],
    )
)
@extend_schema(tags=["webhooks"])
class ReplayFailed(WebhookView):
    """Sends failed messages again, after a long outage."""

    bodies = {"POST": Since}
    serializer_class = Queued

    @once_per_key()
    def post(self, request: Request, book_id: int, webhook_id: int) -> tuple[int, Any]:
        queued = services.replay_failed(endpoint=self.endpoint(), actor=self.user, since=self.body()["since"])
        return status.HTTP_202_ACCEPTED, {"queued": queued}


@extend_schema_view(
    post=extend_schema(
        operation_id="webhooks_test",
        summary="Send a test message",
        description="For owners. A `webhook.test` message is sent like all others; the log shows the result.",
        request=None,
        responses={202: DeliverySerializer},
        examples=[
            OpenApiExample(
                "On its way",
                response_only=True,
                status_codes=["202"],
                value={
                    **DELIVERY,
                    "event_type": "webhook.test",
                    "state": "waiting",
                    "attempts_made": 0,
                    "last_attempt_at": None,
                    "status_code": None,
                },
            )
        ],
    )
)
@extend_schema(tags=["webhooks"])
class SendTest(WebhookView):
    """Sends a test message."""

    serializer_class = DeliverySerializer

    @once_per_key()
    def post(self, request: Request, book_id: int, webhook_id: int) -> tuple[int, Any]:
        endpoint = self.endpoint()
        if not services.may_test(book=self.book):
            raise Throttled(wait=3600)
        delivery = services.send_test(endpoint=endpoint, actor=self.user, now=timezone.now())
        return status.HTTP_202_ACCEPTED, DeliverySerializer(delivery).data
