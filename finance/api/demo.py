"""/books/demo/: a book of an invented household, which a worker fills."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from finance.api.base import ApiView
from finance.demo.runs import demo_runs_of, start_demo
from finance.demo.services import has_demo_book
from finance.errors import Conflict, NotFound
from identity.api.idempotency import once_per_key
from platform_outbox.operations.models import OperationRun

DEMO_RUN = OpenApiExample(
    "Done", response_only=True, value={"id": 12, "state": "done", "done": 2310, "total": 2310, "book": 8}
)


class DemoRunSerializer(serializers.Serializer[OperationRun]):
    id = serializers.IntegerField(source="pk")
    state = serializers.ChoiceField(choices=OperationRun.State.choices)
    done = serializers.IntegerField(help_text="Entries posted.")
    total = serializers.IntegerField(allow_null=True, help_text="Entries in all.")
    book = serializers.SerializerMethodField(help_text="The demo book, once it is there.")

    def get_book(self, run: OperationRun) -> int | None:
        return (run.result or {}).get("book")


@extend_schema_view(
    post=extend_schema(
        operation_id="books_load_demo",
        summary="Load a demo book",
        description="A worker fills a book with two years of an invented household; ask until `state` is done. "
        "409 where you have one already. Delete the book to remove it.",
        request=None,
        responses={202: DemoRunSerializer},
        examples=[DEMO_RUN],
    )
)
@extend_schema(tags=["books"])
class LoadDemo(ApiView):
    """A book to look around in."""

    permission_classes = [IsAuthenticated]
    serializer_class = DemoRunSerializer

    @once_per_key()
    def post(self, request: Request) -> tuple[int, Any]:
        if has_demo_book(owner=self.user):
            raise Conflict(reason=_("There is a demo book already."))
        return status.HTTP_202_ACCEPTED, dict(DemoRunSerializer(start_demo(owner=self.user)).data)


@extend_schema_view(
    get=extend_schema(
        operation_id="books_demo_run",
        summary="How far a demo book is",
        responses=DemoRunSerializer,
        examples=[DEMO_RUN],
    )
)
@extend_schema(tags=["books"])
class DemoRun(ApiView):
    """How far the worker is."""

    permission_classes = [IsAuthenticated]
    serializer_class = DemoRunSerializer

    def get(self, request: Request, run_id: int) -> Response:
        run = demo_runs_of(owner=self.user).filter(pk=run_id).first()
        if run is None:
            raise NotFound(thing="run")
        return Response(DemoRunSerializer(run).data)
