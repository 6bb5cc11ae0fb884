"""/books/{book_id}/own-figures/: the accounts that a member leaves out of their own figures."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.serializers import StrictSerializer
from finance.api.base import BookView
from finance.api.fields import BIGGEST_ID
from finance.ledger import services
from finance.ledger.models import Role
from finance.ledger.visibility import left_out_ids
from identity.api.idempotency import once_per_key

MOST_ACCOUNTS = 1000
EXAMPLE = OpenApiExample("Without the shared account", value={"left_out": [43]})


class OwnFiguresBody(StrictSerializer):
    left_out = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIGGEST_ID),
        max_length=MOST_ACCOUNTS,
        help_text="Ids of asset and liability accounts that your own figures leave out; [] counts all.",
    )


class OwnFiguresSerializer(serializers.Serializer[Any]):
    left_out = serializers.ListField(child=serializers.IntegerField())


@extend_schema_view(
    get=extend_schema(
        operation_id="own_figures_retrieve",
        summary="Accounts left out of your own figures",
        description="You still see them. Your overview and your net worth leave them out; `figures=household` at the "
        "net worth counts every account once.",
        responses=OwnFiguresSerializer,
        examples=[EXAMPLE],
    ),
    put=extend_schema(
        operation_id="own_figures_set",
        summary="Choose the accounts left out of your own figures",
        description="These and no others. Nobody else's figures change.",
        request=OwnFiguresBody,
        responses=OwnFiguresSerializer,
        examples=[EXAMPLE],
    ),
)
@extend_schema(tags=["members"])
class OwnFigures(BookView):
    """What you leave out of your own figures in this book."""

    serializer_class = OwnFiguresSerializer
    bodies = {"PUT": OwnFiguresBody}
    write_role = Role.VIEWER  # everybody's figures are their own
    partly = frozenset({"GET", "PUT"})

    def get(self, request: Request, book_id: int) -> Response:
        return Response({"left_out": sorted(left_out_ids(book=self.book, user=self.user))})

    @once_per_key()
    def put(self, request: Request, book_id: int) -> tuple[int, Any]:
        left_out = services.leave_out(book=self.book, user=self.user, account_ids=self.body()["left_out"])
        return status.HTTP_200_OK, {"left_out": sorted(left_out)}
