"""/books/{book_id}/pay-period/ and /books/{book_id}/views/: how people look at a book."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.serializers import StrictSerializer
from finance.api.base import BookView
from finance.api.fields import BIGGEST_ID
from finance.errors import NotFound
from finance.ledger.models import Role
from finance.periods import MAX_PAY_WEEKS, PayRule, WeekendShift
from finance.preferences import services
from finance.preferences.models import MAX_QUERY, PayPeriod, SavedView
from finance.preferences.selectors import pay_rule_of, view_for, views_of
from identity.api.idempotency import once_per_key

PAY = {"day": 25, "shift": "before", "anchor": None, "weeks": None}
VIEW = {
    "id": 4, "name": "Restaurants last quarter", "account": 31, "query": "period=last-quarter", "shared": False,
    "mine": True, "created_at": "2026-03-14T09:26:53Z",
}  # fmt: skip


class PayPeriodSerializer(StrictSerializer):
    whole = True
    day = serializers.IntegerField(
        min_value=1,
        max_value=31,
        allow_null=True,
        default=None,
        help_text="Day of the month; a short month's last day.",
    )
    shift = serializers.ChoiceField(
        choices=[(value, value) for value in PayPeriod.Shift.values],
        default=WeekendShift.NONE.value,
        help_text="Where a payday on a weekend moves to.",
    )
    anchor = serializers.DateField(allow_null=True, default=None, help_text="A payday, with `weeks` instead of `day`.")
    weeks = serializers.IntegerField(min_value=1, max_value=MAX_PAY_WEEKS, allow_null=True, default=None)


@extend_schema_view(
    get=extend_schema(
        operation_id="books_pay_period", summary="The pay period of a book", examples=[OpenApiExample("Monthly", PAY)]
    ),
    put=extend_schema(
        operation_id="books_set_pay_period",
        summary="Set the pay period",
        description="For owners. A day of the month, or a payday and the weeks between two.",
        request=PayPeriodSerializer,
        responses=PayPeriodSerializer,
        examples=[OpenApiExample("Monthly", PAY)],
    ),
    delete=extend_schema(
        operation_id="books_remove_pay_period",
        summary="Remove the pay period",
        description="For owners.",
        responses={204: None},
    ),
)
@extend_schema(tags=["books"])
class PayPeriodDetail(BookView):
    """When the pay period of a book begins."""

    write_role = Role.OWNER
    serializer_class = PayPeriodSerializer
    bodies = {"PUT": PayPeriodSerializer}

    def get(self, request: Request, book_id: int) -> Response:
        rule = pay_rule_of(book=self.book)
        if rule is None:
            raise NotFound(thing="pay period")
        return Response(_shown(rule))

    @once_per_key()
    def put(self, request: Request, book_id: int) -> tuple[int, Any]:
        asked = self.body()
        rule = PayRule(**{**asked, "shift": WeekendShift(asked["shift"])})
        services.set_pay_period(book=self.book, actor=self.user, rule=rule)
        return status.HTTP_200_OK, _shown(rule)

    @once_per_key()
    def delete(self, request: Request, book_id: int) -> tuple[int, Any]:
        services.set_pay_period(book=self.book, actor=self.user, rule=None)
        return status.HTTP_204_NO_CONTENT, None


def _shown(rule: PayRule) -> dict[str, Any]:
    shown = {"day": rule.day, "shift": rule.shift.value, "anchor": rule.anchor, "weeks": rule.weeks}
    return dict(PayPeriodSerializer(shown).data)


class ViewSerializer(serializers.ModelSerializer[SavedView]):
    mine = serializers.SerializerMethodField()

    class Meta:
        model = SavedView
        fields = ("id", "name", "account", "query", "shared", "mine", "created_at")

    def get_mine(self, view: SavedView) -> bool:
        return bool(view.owner_id == self.context["request"].user.pk)


class NewView(StrictSerializer):
    name = serializers.CharField(max_length=80)
    account = serializers.IntegerField(
        min_value=1,
        max_value=BIGGEST_ID,
        allow_null=True,
        default=None,
        help_text="Account or group; null for a register of the whole book, whose `scope` is in the query.",
    )
    query = serializers.CharField(
        max_length=MAX_QUERY,
        allow_blank=True,
        default="",
        help_text="The filters as in the address of the page, such as `period=last-month&q=rent`.",
    )
    shared = serializers.BooleanField(
        default=False, help_text="For all members of the book. Only editors and owners can share."
    )


class ViewChanges(StrictSerializer):
    name = serializers.CharField(max_length=80, required=False)
    query = serializers.CharField(max_length=MAX_QUERY, allow_blank=True, required=False)
    shared = serializers.BooleanField(required=False)


@extend_schema_view(
    get=extend_schema(
        operation_id="views_list",
        summary="Saved views",
        description="Your own, and those that others share.",
        examples=[OpenApiExample("A view", response_only=True, value=VIEW)],
    ),
    post=extend_schema(
        operation_id="views_create", summary="Save a view", request=NewView, responses={201: ViewSerializer}
    ),
)
@extend_schema(tags=["views"])
class ViewList(BookView, generics.ListAPIView[SavedView]):
    """Registers with their filters under a name."""

    write_role = Role.VIEWER
    serializer_class = ViewSerializer
    bodies = {"POST": NewView}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[SavedView]:
        if getattr(self, "swagger_fake_view", False):
            return SavedView.objects.none()
        return views_of(book=self.book, user=self.user)

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        asked = self.body()
        account = asked.pop("account")
        found = None if account is None else self.tree.find(account, field="account")
        view = services.save_view(book=self.book, actor=self.user, account=found, **asked)
        return status.HTTP_201_CREATED, ViewSerializer(view, context=self.get_serializer_context()).data


@extend_schema_view(
    get=extend_schema(operation_id="views_retrieve", summary="A saved view", responses=ViewSerializer),
    patch=extend_schema(
        operation_id="views_update",
        summary="Change a saved view",
        description="Your own, or as the book's owner a shared one.",
        request=ViewChanges,
        responses=ViewSerializer,
    ),
    delete=extend_schema(operation_id="views_delete", summary="Remove a saved view", responses={204: None}),
)
@extend_schema(tags=["views"])
class ViewDetail(BookView):
    """One saved view."""

    write_role = Role.VIEWER
    serializer_class = ViewSerializer
    bodies = {"PATCH": ViewChanges}

    def view(self, *, to_change: bool = False) -> SavedView:
        return view_for(book=self.book, user=self.user, view_id=self.kwargs["view_id"], to_change=to_change)

    def get(self, request: Request, book_id: int, view_id: int) -> Response:
        return Response(ViewSerializer(self.view(), context=self.get_serializer_context()).data)

    @once_per_key()
    def patch(self, request: Request, book_id: int, view_id: int) -> tuple[int, Any]:
        view = services.change_view(view=self.view(to_change=True), actor=self.user, **self.body())
        return status.HTTP_200_OK, ViewSerializer(view, context=self.get_serializer_context()).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, view_id: int) -> tuple[int, Any]:
        services.remove_view(view=self.view(to_change=True), actor=self.user)
        return status.HTTP_204_NO_CONTENT, None
