"""/books/{book_id}/budgets/: budgets with their lines, what is assigned to them, and their figures."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.queries import query_of
from finance import money
from finance.api import budget_shapes as shapes
from finance.api.base import BookView
from finance.errors import Invalid
from finance.planning.budgets import selectors, services
from finance.planning.budgets.arithmetic import Carry
from finance.planning.budgets.models import Assignment, Budget, BudgetLine
from finance.planning.budgets.targets import Target, TargetKind
from finance.planning.budgets.views import Plan, days_of, view_of
from finance.planning.recurrence import Unit
from finance.replica import from_replica
from finance.tags.selectors import tag_for
from identity.api.idempotency import once_per_key

_BUDGET = OpenApiExample("Months from payday", response_only=True, value=shapes.BUDGET)
_LINE = OpenApiExample("A yearly bill", response_only=True, value=shapes.LINE)


class BudgetView(BookView):
    def budget(self) -> Budget:
        return selectors.budget_for(book=self.book, budget_id=self.kwargs["budget_id"])

    def line(self, budget: Budget) -> BudgetLine:
        return selectors.line_for(budget=budget, line_id=self.kwargs["line_id"])

    def fields_of(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A body as arguments of `save_budget`."""
        fields = dict(asked)
        fields |= fields.pop("calendar", {})
        if fields.get("pays_from") is not None:
            fields["pays_from"] = self.tree.find(fields["pays_from"], field="pays_from")
        if "accounts" in fields:
            fields["accounts"] = [
                self.tree.find(each, field=f"accounts.{place}") for place, each in enumerate(fields["accounts"])
            ]
        return fields

    def line_fields(self, asked: dict[str, Any], currency: str) -> dict[str, Any]:
        """A body as arguments of `add_line` and `change_line`."""
        fields = dict(asked)
        if "carry" in fields:
            fields["carry"] = Carry(fields["carry"])
        if (given := fields.get("target")) is not None:
            fields["target"] = Target(
                kind=TargetKind(given["kind"]),
                amount=money.parse_amount(given["amount"], currency=currency, field="target.amount"),
                due=given["due"],
                every=given["every"],
                unit=Unit(given["unit"]) if given["unit"] else None,
            )
        return fields


@extend_schema_view(
    get=extend_schema(operation_id="budgets_list", summary="Budgets of a book", examples=[_BUDGET]),
    post=extend_schema(
        operation_id="budgets_create",
        summary="Make a budget",
        description="Then add its lines. Kind and currency stay what they are.",
        request=shapes.NewBudget,
        responses={201: shapes.BudgetSerializer},
        examples=[
            OpenApiExample("Calendar months", request_only=True, value={"name": "Household", "kind": "envelope"}),
            OpenApiExample(
                "A week's limits",
                request_only=True,
                value={"name": "Weeks", "kind": "tracking", "calendar": {"unit": "week", "anchor": "2026-01-05"}},
            ),
            OpenApiExample(
                "One June",
                request_only=True,
                value={
                    "name": "June",
                    "kind": "tracking",
                    "calendar": {"unit": "once", "anchor": "2026-06-01", "last": "2026-06-30"},
                },
            ),
            _BUDGET,
        ],
    ),
)
@extend_schema(tags=["budgets"])
class BudgetList(BudgetView, generics.ListAPIView[Budget]):
    """Envelopes that share out money, and limits that spending is compared with."""

    serializer_class = shapes.BudgetSerializer
    bodies = {"POST": shapes.NewBudget}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[Budget]:
        if getattr(self, "swagger_fake_view", False):
            return Budget.objects.none()
        return selectors.budgets_of(book=self.book).prefetch_related("accounts")

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        budget = services.save_budget(book=self.book, actor=self.user, **self.fields_of(self.body()))
        return status.HTTP_201_CREATED, shapes.BudgetSerializer(budget).data


@extend_schema_view(
    get=extend_schema(
        operation_id="budgets_retrieve", summary="A budget", responses=shapes.BudgetSerializer, examples=[_BUDGET]
    ),
    patch=extend_schema(
        operation_id="budgets_update",
        summary="Change a budget",
        description="A calendar is given as a whole. What was assigned belongs to the period that its day is in then.",
        request=shapes.BudgetChanges,
        responses=shapes.BudgetSerializer,
    ),
    delete=extend_schema(
        operation_id="budgets_delete",
        summary="Remove a budget",
        description="With its lines and all that was assigned. The books are not touched.",
        responses={204: None},
    ),
)
@extend_schema(tags=["budgets"])
class BudgetDetail(BudgetView):
    """One budget."""

    serializer_class = shapes.BudgetSerializer
    bodies = {"PATCH": shapes.BudgetChanges}

    def get(self, request: Request, book_id: int, budget_id: int) -> Response:
        return Response(shapes.BudgetSerializer(self.budget()).data)

    @once_per_key()
    def patch(self, request: Request, book_id: int, budget_id: int) -> tuple[int, Any]:
        fields = self.fields_of(self.body())
        budget = services.save_budget(book=self.book, actor=self.user, budget=self.budget(), **fields)
        return status.HTTP_200_OK, shapes.BudgetSerializer(budget).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, budget_id: int) -> tuple[int, Any]:
        services.remove_budget(budget=self.budget())
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    get=extend_schema(operation_id="budget_lines_list", summary="Lines of a budget", examples=[_LINE]),
    post=extend_schema(
        operation_id="budget_lines_create",
        summary="Add a line to a budget",
        description=(
            "A category with all that is inside it, or a tag. Of envelopes inside each other each posting belongs to the "
            "nearest, and to a tag's before a category's; a limit is of all that is inside. A line of income is a plan "
            "of what comes in and is no envelope."
        ),
        request=shapes.NewBudgetLine,
        responses={201: shapes.BudgetLineSerializer},
        examples=[
            OpenApiExample(
                "A category", request_only=True, value={"account": "Expenses:Food:Groceries", "carry": "surplus"}
            ),
            OpenApiExample(
                "Fortnightly pay",
                request_only=True,
                value={
                    "account": "Income:Salary",
                    "target": {
                        "kind": "recurring",
                        "amount": "500.00",
                        "due": "2025-01-03",
                        "every": 14,
                        "unit": "day",
                    },
                },
            ),
            _LINE,
        ],
    ),
)
@extend_schema(tags=["budgets"])
class LineList(BudgetView, generics.ListAPIView[BudgetLine]):
    """What a budget gives amounts to."""

    serializer_class = shapes.BudgetLineSerializer
    bodies = {"POST": shapes.NewBudgetLine}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[BudgetLine]:
        if getattr(self, "swagger_fake_view", False):
            return BudgetLine.objects.none()
        lines = BudgetLine.objects.filter(budget=self.budget(), book=self.book)
        return lines.select_related("budget").prefetch_related("carries")

    @once_per_key()
    def post(self, request: Request, book_id: int, budget_id: int) -> tuple[int, Any]:
        budget = self.budget()
        fields = self.line_fields(self.body(), budget.currency)
        if "account" in fields:
            fields["account"] = self.tree.find(fields["account"], field="account")
        if "tag" in fields:
            fields["tag"] = tag_for(book=self.book, tag_id=fields["tag"])
        line = services.add_line(budget=budget, actor=self.user, **fields)
        return status.HTTP_201_CREATED, shapes.BudgetLineSerializer(line).data


@extend_schema_view(
    get=extend_schema(
        operation_id="budget_lines_retrieve",
        summary="A line of a budget",
        responses=shapes.BudgetLineSerializer,
        examples=[_LINE],
    ),
    patch=extend_schema(
        operation_id="budget_lines_update",
        summary="Change a line of a budget",
        request=shapes.BudgetLineChanges,
        responses=shapes.BudgetLineSerializer,
    ),
    delete=extend_schema(
        operation_id="budget_lines_delete",
        summary="Remove a line of a budget",
        description="Only one that nothing was ever assigned to; others can be closed.",
        responses={204: None},
    ),
)
@extend_schema(tags=["budgets"])
class LineDetail(BudgetView):
    """One line."""

    serializer_class = shapes.BudgetLineSerializer
    bodies = {"PATCH": shapes.BudgetLineChanges}

    def get(self, request: Request, book_id: int, budget_id: int, line_id: int) -> Response:
        return Response(shapes.BudgetLineSerializer(self.line(self.budget())).data)

    @once_per_key()
    def patch(self, request: Request, book_id: int, budget_id: int, line_id: int) -> tuple[int, Any]:
        line = self.line(self.budget())
        fields = self.line_fields(self.body(), line.budget.currency)
        if "carry_from" in fields and "carry" not in fields:
            raise Invalid(field="carry", reason=_("Say what is carried from that day on."))
        services.change_line(line=line, actor=self.user, **fields)
        return status.HTTP_200_OK, shapes.BudgetLineSerializer(line).data

    @once_per_key()
    def delete(self, request: Request, book_id: int, budget_id: int, line_id: int) -> tuple[int, Any]:
        services.remove_line(line=self.line(self.budget()))
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    get=extend_schema(
        operation_id="budget_lines_assignments",
        summary="What was assigned to a line, the latest first",
        examples=[OpenApiExample("A record", response_only=True, value=shapes.ASSIGNMENT)],
    )
)
@extend_schema(tags=["budgets"])
class LineAssignments(BudgetView, generics.ListAPIView[Assignment]):
    """The records of one line."""

    serializer_class = shapes.AssignmentSerializer

    def get_queryset(self) -> QuerySet[Assignment]:
        if getattr(self, "swagger_fake_view", False):
            return Assignment.objects.none()
        budget = self.budget()
        found = selectors.assignments_of(budget=budget, line=self.line(budget))
        return found.select_related("made_by", "budget")


@extend_schema_view(
    get=extend_schema(
        operation_id="budgets_assignments_list",
        summary="What was assigned in a budget, the latest first",
        examples=[OpenApiExample("A record", response_only=True, value=shapes.ASSIGNMENT)],
    ),
    post=extend_schema(
        operation_id="budgets_assign",
        summary="Assign an amount to a line",
        description=(
            "Records who gave it and when. Records are never changed: to take it back, assign the opposite. With `total` "
            "the difference to what the line has is recorded; 204 where there is none."
        ),
        request=shapes.NewAssignment,
        responses={201: shapes.AssignmentSerializer, 204: None},
        examples=[
            OpenApiExample(
                "Fifty more", request_only=True, value={"line": 8, "period": "2026-03-01", "amount": "50.00"}
            ),
        ],
    ),
)
@extend_schema(tags=["budgets"])
class AssignmentList(BudgetView, generics.ListAPIView[Assignment]):
    """The records of a budget."""

    serializer_class = shapes.AssignmentSerializer
    bodies = {"POST": shapes.NewAssignment}

    def get_queryset(self) -> QuerySet[Assignment]:
        if getattr(self, "swagger_fake_view", False):
            return Assignment.objects.none()
        return selectors.assignments_of(budget=self.budget()).select_related("made_by", "budget")

    @once_per_key()
    def post(self, request: Request, book_id: int, budget_id: int) -> tuple[int, Any]:
        asked, budget = self.body(), self.budget()
        if ("amount" in asked) == ("total" in asked):
            raise Invalid(field="amount", reason=_("Give `amount` or `total`."))
        field = "total" if "total" in asked else "amount"
        given = services.Given(
            line=selectors.line_for(budget=budget, line_id=asked["line"], field="line"),
            amount=money.parse_amount(asked[field], currency=budget.currency, field=field),
            total=field == "total",
            field=field,
        )
        if field == "amount" and not given.amount:
            raise Invalid(field="amount", reason=_("Give an amount that is not zero."))
        records = services.assign(
            budget=budget, actor=self.user, day=asked["period"], given=[given], note=asked["note"]
        )
        if not records:
            return status.HTTP_204_NO_CONTENT, None
        return status.HTTP_201_CREATED, shapes.AssignmentSerializer(records[0]).data


@extend_schema_view(
    post=extend_schema(
        operation_id="budgets_move",
        summary="Move an amount between two lines",
        description="Two records in one change.",
        request=shapes.NewBudgetMove,
        responses={201: shapes.MovedSerializer},
        examples=[
            OpenApiExample(
                "Ten for the restaurant",
                request_only=True,
                value={"source": 8, "target": 9, "period": "2026-03-01", "amount": "10.00", "note": "birthday"},
            )
        ],
    )
)
@extend_schema(tags=["budgets"])
class MoveBetweenLines(BudgetView):
    """From one envelope to another."""

    serializer_class = shapes.MovedSerializer
    bodies = {"POST": shapes.NewBudgetMove}

    @once_per_key()
    def post(self, request: Request, book_id: int, budget_id: int) -> tuple[int, Any]:
        asked, budget = self.body(), self.budget()
        records = services.move(
            budget=budget,
            actor=self.user,
            day=asked["period"],
            source=selectors.line_for(budget=budget, line_id=asked["source"], field="source"),
            target=selectors.line_for(budget=budget, line_id=asked["target"], field="target"),
            amount=money.parse_amount(asked["amount"], currency=budget.currency),
            note=asked["note"],
        )
        return status.HTTP_201_CREATED, shapes.MovedSerializer({"records": records}).data


class FillView(BudgetView):
    serializer_class = shapes.FilledSerializer

    def filled(
        self, budget: Budget, asked: dict[str, Any], proposals: list[services.Proposal], why: str
    ) -> tuple[int, Any]:
        """Carry proposals out, unless this is only asking, and say what they are."""
        if not asked["dry_run"]:
            services.carry_out(budget=budget, actor=self.user, day=asked["period"], proposals=proposals, why=why)
        lines = [
            {
                "line": each.line.pk,
                "name": each.name,
                "had": money.format_amount(each.had, currency=budget.currency),
                "becomes": money.format_amount(each.becomes, currency=budget.currency),
                "keeps": each.keeps,
            }
            for each in proposals
        ]
        period = services.checked_period(budget, asked["period"])
        return status.HTTP_200_OK, {"period": period.first, "dry_run": asked["dry_run"], "lines": lines}


@extend_schema_view(
    post=extend_schema(
        operation_id="budgets_copy",
        summary="Copy amounts of earlier periods",
        description="Fills lines that have nothing in the period. Lines that have an amount keep it, unless `overwrite`.",
        request=shapes.NewBudgetCopy,
        responses=shapes.FilledSerializer,
        examples=[OpenApiExample("Last month", request_only=True, value={"period": "2026-04-01", "source": "last"})],
    )
)
@extend_schema(tags=["budgets"])
class CopyPeriod(FillView):
    """The last period, an average, or last year."""

    bodies = {"POST": shapes.NewBudgetCopy}

    @once_per_key()
    def post(self, request: Request, book_id: int, budget_id: int) -> tuple[int, Any]:
        asked, budget = self.body(), self.budget()
        proposals = services.copied(
            budget=budget, day=asked["period"], source=asked["source"], overwrite=asked["overwrite"]
        )
        return self.filled(budget, asked, proposals, Assignment.Why.COPY)


@extend_schema_view(
    post=extend_schema(
        operation_id="budgets_fund",
        summary="Assign what targets ask for",
        description="Adds what each target still needs in the period; nothing where it is met.",
        request=shapes.NewBudgetFunding,
        responses=shapes.FilledSerializer,
        examples=[OpenApiExample("April", request_only=True, value={"period": "2026-04-01"})],
    )
)
@extend_schema(tags=["budgets"])
class FundTargets(FillView):
    """By targets."""

    bodies = {"POST": shapes.NewBudgetFunding}

    @once_per_key()
    def post(self, request: Request, book_id: int, budget_id: int) -> tuple[int, Any]:
        asked, budget = self.body(), self.budget()
        return self.filled(budget, asked, services.funded(budget=budget, day=asked["period"]), Assignment.Why.FUND)


@extend_schema_view(
    get=extend_schema(
        operation_id="budgets_figures",
        summary="Figures of a budget in one or more periods",
        description=(
            "What each line began with, was assigned, spent and has left, from the postings of this moment; and of "
            "envelopes what is still to be budgeted, in two ways that come to the same."
        ),
        parameters=[shapes.FiguresQuery],
        responses=shapes.BudgetFiguresSerializer,
    )
)
@extend_schema(tags=["budgets"])
class Figures(BudgetView):
    """Lines × periods."""

    serializer_class = shapes.BudgetFiguresSerializer

    @from_replica
    def get(self, request: Request, book_id: int, budget_id: int) -> Response:
        query = query_of(request, shapes.FiguresQuery)
        plan = Plan(self.budget(), tree=self.tree.accounts)
        view = view_of(plan, on=query.get("on") or self.today(), count=query["count"])
        return Response(shapes.BudgetFiguresSerializer(shapes.figures_body(view)).data)


@extend_schema_view(
    get=extend_schema(
        operation_id="budgets_days",
        summary="What a budget plans for some days",
        description=(
            "Each period by how many of its days are among them: a weekly 70.00 is 290.00 in a February of 29 days. "
            "What is carried over is in none of these figures."
        ),
        parameters=[shapes.DaysQuery],
        responses=shapes.BudgetDaysSerializer,
    )
)
@extend_schema(tags=["budgets"])
class Days(BudgetView):
    """A budget of weeks seen by month, or of a year seen by day."""

    serializer_class = shapes.BudgetDaysSerializer

    @from_replica
    def get(self, request: Request, book_id: int, budget_id: int) -> Response:
        query, budget = query_of(request, shapes.DaysQuery), self.budget()
        seen = days_of(Plan(budget, tree=self.tree.accounts), first=query["first"], last=query["last"])
        return Response(shapes.BudgetDaysSerializer(shapes.days_body(budget, query, seen)).data)
