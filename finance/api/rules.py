"""The rules of a book: everybody reads them, editors change them and apply them to the past."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from finance.api import rule_shapes as shapes
from finance.api.base import BookView
from finance.rules import selectors, services
from finance.rules.models import Rule, RuleGroup, RuleLog, RuleVersion
from identity.api.idempotency import once_per_key


class RuleView(BookView):
    def rule(self) -> Rule:
        return selectors.rule_for(book=self.book, rule_id=self.kwargs["rule_id"])

    def former_or_current(self) -> Rule:
        """Also a rule that was removed: what it did can still be read."""
        return selectors.rule_for(book=self.book, rule_id=self.kwargs["rule_id"], removed_too=True)

    def group(self, group_id: int | None) -> RuleGroup | None:
        return None if group_id is None else selectors.group_for(book=self.book, group_id=group_id)


@extend_schema_view(
    get=extend_schema(
        operation_id="rules_list",
        summary="Rules of a book",
        description="In the order in which they were made; they run by `group` and `position`.",
        examples=[OpenApiExample("A rule", response_only=True, value=shapes.RULE)],
    ),
    post=extend_schema(
        operation_id="rules_create",
        summary="Add a rule",
        description="Behind the other rules of its group. Errors name the place in the definition.",
        request=shapes.NewRule,
        responses={201: shapes.RuleSerializer},
        examples=[
            OpenApiExample(
                "Groceries", request_only=True, value={"name": "Groceries", "definition": shapes.DEFINITION}
            ),
            OpenApiExample("A rule", response_only=True, value=shapes.RULE),
        ],
    ),
)
@extend_schema(tags=["rules"])
class RuleList(RuleView, generics.ListAPIView[Rule]):
    """What decides about rows of bank files."""

    serializer_class = shapes.RuleSerializer
    bodies = {"POST": shapes.NewRule}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[Rule]:
        if getattr(self, "swagger_fake_view", False):
            return Rule.objects.none()
        return Rule.objects.filter(book=self.book, removed_at=None)

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        given = self.body()
        group = self.group(given.pop("group", None))
        rule = services.save_rule(book=self.book, actor=self.user, group=group, **given)
        return status.HTTP_201_CREATED, shapes.RuleSerializer(rule).data


@extend_schema_view(
    get=extend_schema(operation_id="rules_retrieve", summary="A rule", responses=shapes.RuleSerializer),
    patch=extend_schema(
        operation_id="rules_update",
        summary="Change a rule",
        description="What changes what the rule says makes its next version; switching and moving do not.",
        request=shapes.RuleChanges,
        responses=shapes.RuleSerializer,
        examples=[OpenApiExample("Switch it off", request_only=True, value={"active": False})],
    ),
    delete=extend_schema(
        operation_id="rules_delete",
        summary="Remove a rule",
        description="What it did stays, in the books and in its log.",
        responses={204: None},
    ),
)
@extend_schema(tags=["rules"])
class RuleDetail(RuleView):
    """One rule."""

    serializer_class = shapes.RuleSerializer
    bodies = {"PATCH": shapes.RuleChanges}

    def get(self, request: Request, book_id: int, rule_id: int) -> Response:
        return Response(shapes.RuleSerializer(self.rule()).data)

    @once_per_key()
    def patch(self, request: Request, book_id: int, rule_id: int) -> tuple[int, Any]:
        rule, given = self.rule(), self.body()
        active, group = given.pop("active", None), self.group(given.pop("group", None))
        said = {name: getattr(rule, name) for name in ("name", "definition", "stop", "override")}
        rule = services.save_rule(book=self.book, actor=self.user, rule=rule, group=group, **{**said, **given})
        if active is not None:
            rule = services.switch_rule(rule=rule, active=active)
        return status.HTTP_200_OK, shapes.RuleSerializer(rule).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, rule_id: int) -> tuple[int, Any]:
        services.remove_rule(rule=self.rule())
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    post=extend_schema(
        operation_id="rules_move",
        summary="Move a rule up or down in its group",
        request=shapes.Move,
        responses=shapes.RuleSerializer,
    )
)
@extend_schema(tags=["rules"])
class MoveRule(RuleView):
    """Moves one place up or down."""

    serializer_class = shapes.RuleSerializer
    bodies = {"POST": shapes.Move}

    @once_per_key()
    def post(self, request: Request, book_id: int, rule_id: int) -> tuple[int, Any]:
        services.move_rule(rule=self.rule(), up=self.body()["to"] == "up")
        return status.HTTP_200_OK, shapes.RuleSerializer(self.rule()).data


@extend_schema_view(
    get=extend_schema(operation_id="rules_versions", summary="Versions of a rule, newest first"),
)
@extend_schema(tags=["rules"])
class RuleVersions(RuleView, generics.ListAPIView[RuleVersion]):
    """What the rule said from one save to the next."""

    serializer_class = shapes.VersionSerializer
    ordering = ("-number", "-id")

    def get_queryset(self) -> QuerySet[RuleVersion]:
        if getattr(self, "swagger_fake_view", False):
            return RuleVersion.objects.none()
        return self.former_or_current().versions.select_related("saved_by")


@extend_schema_view(
    get=extend_schema(
        operation_id="rules_log",
        summary="What a rule did, newest first",
        description="Rows of bank files and entries of the past, with the version that decided; also of a removed rule.",
    ),
)
@extend_schema(tags=["rules"])
class RuleLogList(RuleView, generics.ListAPIView[RuleLog]):
    """The log of one rule."""

    serializer_class = shapes.LogSerializer
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[RuleLog]:
        if getattr(self, "swagger_fake_view", False):
            return RuleLog.objects.none()
        return RuleLog.objects.filter(rule=self.former_or_current()).select_related("entry")


@extend_schema_view(
    get=extend_schema(operation_id="rule_groups_list", summary="Groups of rules"),
    post=extend_schema(
        operation_id="rule_groups_create",
        summary="Add a group of rules",
        request=shapes.NewGroup,
        responses={201: shapes.GroupSerializer},
    ),
)
@extend_schema(tags=["rules"])
class GroupList(RuleView, generics.ListAPIView[RuleGroup]):
    """Groups run in their order, and can be switched off as a whole."""

    serializer_class = shapes.GroupSerializer
    bodies = {"POST": shapes.NewGroup}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[RuleGroup]:
        if getattr(self, "swagger_fake_view", False):
            return RuleGroup.objects.none()
        return RuleGroup.objects.filter(book=self.book)

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        group = services.add_group(book=self.book, name=self.body()["name"])
        return status.HTTP_201_CREATED, shapes.GroupSerializer(group).data


@extend_schema_view(
    get=extend_schema(
        operation_id="rule_groups_retrieve", summary="A group of rules", responses=shapes.GroupSerializer
    ),
    patch=extend_schema(
        operation_id="rule_groups_update",
        summary="Rename a group of rules, or switch it off and on",
        request=shapes.GroupChanges,
        responses=shapes.GroupSerializer,
    ),
    delete=extend_schema(
        operation_id="rule_groups_delete",
        summary="Remove a group without rules",
        responses={204: None},
    ),
)
@extend_schema(tags=["rules"])
class GroupDetail(RuleView):
    """One group."""

    serializer_class = shapes.GroupSerializer
    bodies = {"PATCH": shapes.GroupChanges}

    def found(self) -> RuleGroup:
        return selectors.group_for(book=self.book, group_id=self.kwargs["group_id"])

    def get(self, request: Request, book_id: int, group_id: int) -> Response:
        return Response(shapes.GroupSerializer(self.found()).data)

    @once_per_key()
    def patch(self, request: Request, book_id: int, group_id: int) -> tuple[int, Any]:
        group = services.change_group(group=self.found(), **self.body())
        return status.HTTP_200_OK, shapes.GroupSerializer(group).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, group_id: int) -> tuple[int, Any]:
        services.remove_group(group=self.found())
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    post=extend_schema(
        operation_id="rule_groups_move",
        summary="Move a group of rules up or down",
        request=shapes.Move,
        responses=shapes.GroupSerializer,
    )
)
@extend_schema(tags=["rules"])
class MoveGroup(RuleView):
    """Moves one place up or down."""

    serializer_class = shapes.GroupSerializer
    bodies = {"POST": shapes.Move}

    @once_per_key()
    def post(self, request: Request, book_id: int, group_id: int) -> tuple[int, Any]:
        group = selectors.group_for(book=self.book, group_id=group_id)
        services.move_group(group=group, up=self.body()["to"] == "up")
        group.refresh_from_db()
        return status.HTTP_200_OK, shapes.GroupSerializer(group).data


@extend_schema_view(
    get=extend_schema(
        operation_id="rules_export",
        summary="All rules as one document",
        description="Accounts are named by their paths, so that another book can import it.",
        responses=shapes.Document,
    ),
    post=extend_schema(
        operation_id="rules_import",
        summary="Import rules",
        description="All or none. A rule of a known name becomes that rule's next version.",
        request=shapes.Document,
        responses={201: shapes.ImportedSerializer},
    ),
)
@extend_schema(tags=["rules"])
class ExchangeRules(RuleView):
    """Rules as they travel from book to book."""

    serializer_class = shapes.Document
    pagination_class = None
    filter_backends = ()
    bodies = {"POST": shapes.Document}

    def get(self, request: Request, book_id: int) -> Response:
        return Response(services.export_rules(book=self.book))

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        rules = services.import_rules(book=self.book, actor=self.user, document=dict(self.body()))
        return status.HTTP_201_CREATED, {"rules": list(shapes.RuleSerializer(rules, many=True).data)}
