"""/books/{book_id}/goals/: money set aside inside accounts, and the records of it."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import ForwardPages, limit_of, refused_cursor
from core.api.queries import PAGE_PARAMETERS, QuerySerializer, query_of
from core.api.serializers import StrictSerializer, in_page, paged
from core.keyset import dated_place, keyset_page, read_dated_place
from finance import money
from finance.api.base import BookView
from finance.api.fields import BIGGEST_ID, AccountReferenceField, AmountField
from finance.api.forecast_shapes import DayQuery
from finance.errors import NotFound
from finance.ledger.models import JournalEntry
from finance.planning.goals import selectors, services
from finance.planning.goals.arithmetic import Kind
from finance.planning.goals.models import Goal, GoalMove
from finance.planning.schedules.models import Schedule
from finance.planning.schedules.selectors import schedule_for
from identity.api.idempotency import once_per_key

_GOALS = ForwardPages("goals")
_MOVES = ForwardPages("goal-moves")
_ACCOUNTS = ForwardPages("goal-accounts")
_KINDS = Goal.Kinds.choices
GOAL = {
    "id": 5,
    "name": "Bicycle",
    "kind": "save",
    "account": 42,
    "currency": "EUR",
    "target": "1200.00",
    "by": "2027-03-31",
    "started_on": "2026-12-01",
    "note": "",
    "schedule": None,
    "fed_amount": None,
    "closed": False,
    "saved": "200.00",
    "missing": "1000.00",
    "is_met": False,
    "held": [{"account": 42, "amount": "200.00"}],
    "proposal": "250.00",
    "contributions": [
        {"date": "2026-12-31", "amount": "250.00"},
        {"date": "2027-01-31", "amount": "250.00"},
        {"date": "2027-02-28", "amount": "250.00"},
        {"date": "2027-03-31", "amount": "250.00"},
    ],
    "behind": "0.00",
    "pace": None,
    "reached_on": None,
    "short": "0.00",
}
NEW = {
    "name": "Bicycle",
    "account": "Assets:Savings account",
    "target": "1200.00",
    "by": "2027-03-31",
    "saved": "200.00",
}
MOVE = {
    "id": 9,
    "date": "2026-12-20",
    "account": 42,
    "kind": "in",
    "amount": "300.00",
    "note": "",
    "entry": None,
    "created_by": 3,
    "created_at": "2026-12-20T18:02:11Z",
}
HOLDER = {"account": 42, "name": "Savings account", "currency": "EUR", "balance": "2000.00", "set_aside": "500.00",
          "free": "1500.00", "short": "0.00"}  # fmt: skip


_FEEDS = "Number of a schedule whose payments bring money into the account: they are counted as they are paid."
_FED = "Of each payment that much is counted. Null: all that it brings."


class GoalListQuery(DayQuery):
    closed = serializers.BooleanField(required=False, help_text="true: closed goals; default: open ones.")


class NewGoal(StrictSerializer):
    name = serializers.CharField(max_length=services.LONGEST_NAME)
    account = AccountReferenceField()
    kind = serializers.ChoiceField(
        choices=_KINDS,
        default=Kind.SAVE.value,
        help_text="save: reach the target once. keep: keep up to the target, and put back what was spent of it.",
    )
    target = AmountField(required=False, allow_null=True, default=None, help_text="Null: it just grows.")
    by = serializers.DateField(required=False, allow_null=True, default=None, help_text="When it should be reached.")
    schedule = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=BIGGEST_ID, help_text=_FEEDS
    )
    fed_amount = AmountField(required=False, allow_null=True, default=None, help_text=_FED)
    saved = AmountField(required=False, default="0", help_text="Set aside already in the account; no contribution.")
    note = serializers.CharField(max_length=500, allow_blank=True, default="")


class GoalChanges(StrictSerializer):
    name = serializers.CharField(max_length=services.LONGEST_NAME, required=False)
    kind = serializers.ChoiceField(choices=_KINDS, required=False)
    target = AmountField(required=False, allow_null=True)
    by = serializers.DateField(required=False, allow_null=True)
    note = serializers.CharField(max_length=500, allow_blank=True, required=False)
    schedule = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=BIGGEST_ID, help_text=_FEEDS
    )
    fed_amount = AmountField(required=False, allow_null=True, help_text=_FED)
    closed = serializers.BooleanField(required=False, help_text="true frees what it holds; its records stay.")


class NewGoalMove(StrictSerializer):
    amount = AmountField(help_text="Above zero sets aside, below zero releases.")
    account = AccountReferenceField(required=False, help_text="Default: the goal's.")
    date = serializers.DateField(required=False, help_text="Default: today in the book.")
    note = serializers.CharField(max_length=200, allow_blank=True, default="")


class LinkEntry(StrictSerializer):
    entry = serializers.UUIDField(
        help_text="What it brings into an account that holds the goal is set aside; what it takes out is released."
    )


class AmountOnSerializer(serializers.Serializer[Any]):
    date = serializers.DateField()
    amount = serializers.CharField()


class HeldSerializer(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    amount = serializers.CharField()


class GoalPaceSerializer(serializers.Serializer[Any]):
    amount = serializers.CharField(help_text="Added over these days.")
    days = serializers.IntegerField()


class GoalSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=_KINDS)
    account = serializers.IntegerField()
    currency = serializers.CharField()
    target = serializers.CharField(allow_null=True)
    by = serializers.DateField(allow_null=True)
    started_on = serializers.DateField(help_text="The day on which its plan was made.")
    note = serializers.CharField()
    schedule = serializers.IntegerField(allow_null=True, help_text="Number of the schedule that feeds it.")
    fed_amount = serializers.CharField(allow_null=True, help_text=_FED)
    closed = serializers.BooleanField()
    saved = serializers.CharField()
    missing = serializers.CharField(help_text="To the target; 0 when met, and without one.")
    is_met = serializers.BooleanField()
    held = HeldSerializer(many=True, help_text="Where it is.")
    proposal = serializers.CharField(help_text="What to put in next; 0 when met.")
    contributions = AmountOnSerializer(
        many=True, help_text="One at each month's end, or the payments of its schedule, until the target is reached."
    )
    behind = serializers.CharField(help_text="What it lacks of an even pace to its date.")
    pace = GoalPaceSerializer(allow_null=True, help_text="Null in its first four weeks, unless a schedule feeds it.")
    reached_on = serializers.DateField(
        allow_null=True, help_text="Where the pace or the schedule leads; null: nowhere."
    )
    short = serializers.CharField(help_text="What its schedule leaves missing on its date.")


class GoalMoveSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    date = serializers.DateField()
    account = serializers.IntegerField()
    kind = serializers.ChoiceField(
        choices=GoalMove.Kinds.values, help_text="fix takes back what an entry did that was deleted or corrected."
    )
    amount = serializers.CharField()
    note = serializers.CharField()
    entry = serializers.UUIDField(allow_null=True)
    created_by = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()


class HolderSerializer(serializers.Serializer[Any]):
    account = serializers.IntegerField()
    name = serializers.CharField()
    currency = serializers.CharField()
    balance = serializers.CharField()
    set_aside = serializers.CharField(help_text="Held by goals.")
    free = serializers.CharField()
    short = serializers.CharField(help_text="What goals hold beyond its balance, after it was spent.")


class GoalView(BookView):
    serializer_class: Any = GoalSerializer

    def goal(self) -> Goal:
        return selectors.goal_for(book=self.book, goal_id=self.kwargs["goal_id"])

    def schedule(self, given: dict[str, Any]) -> Schedule | None:
        """The schedule that a body names. Raises NotFound (schedule)."""
        if given["schedule"] is None:
            return None
        try:
            return schedule_for(book=self.book, schedule_id=given["schedule"])
        except NotFound as error:
            raise NotFound(thing="schedule", field="schedule") from error

    def shown(self, goal: Goal) -> dict[str, Any]:
        given = query_of(self.request, DayQuery) if self.request.method == "GET" else {}
        return _shown(selectors.view_of(goal, today=given.get("today") or self.today()))


def _shown(view: selectors.GoalView) -> dict[str, Any]:
    goal = view.goal

    def text(amount: int) -> str:
        return money.format_amount(amount, currency=goal.currency)

    return {
        "id": goal.pk,
        "name": goal.name,
        "kind": goal.kind,
        "account": goal.account_id,
        "currency": goal.currency,
        "target": None if goal.target is None else text(goal.target),
        "by": goal.by,
        "started_on": goal.started_on,
        "note": goal.note,
        "schedule": goal.schedule_id,
        "fed_amount": text(goal.fed_amount) if goal.schedule_id and goal.fed_amount else None,
        "closed": goal.closed_at is not None,
        "saved": text(view.saved),
        "missing": text(view.missing),
        "is_met": view.is_met,
        "held": [{"account": account_id, "amount": text(amount)} for account_id, amount in sorted(view.held.items())],
        "proposal": text(view.proposal),
        "contributions": [{"date": each.date, "amount": text(each.amount)} for each in view.planned],
        "behind": text(view.behind),
        "pace": view.pace and {"amount": text(view.pace[0]), "days": view.pace[1]},
        "reached_on": view.reached_on,
        "short": text(view.short),
    }


def _shown_move(move: GoalMove, currency: str) -> dict[str, Any]:
    return {
        "id": move.pk,
        "date": move.date,
        "account": move.account_id,
        "kind": move.kind,
        "amount": money.format_amount(move.amount, currency=currency),
        "note": move.note,
        "entry": move.entry.uid if move.entry else None,
        "created_by": move.created_by_id,
        "created_at": move.created_at,
    }


@extend_schema_view(
    get=extend_schema(
        operation_id="goals_list",
        summary="Goals of a book",
        parameters=[GoalListQuery, *PAGE_PARAMETERS],
        responses=paged(GoalSerializer),
        examples=[OpenApiExample("A page", response_only=True, value=in_page(GOAL))],
    ),
    post=extend_schema(
        operation_id="goals_create",
        summary="Make a goal",
        description="Its money stays in the account; nothing is posted. All goals never hold more than the account does.",
        request=NewGoal,
        responses={201: GoalSerializer},
        examples=[
            OpenApiExample("By a date", request_only=True, value=NEW),
            OpenApiExample("A goal", response_only=True, value=GOAL),
        ],
    ),
)
@extend_schema(tags=["goals"])
class GoalList(GoalView):
    """Money that is set aside for something."""

    bodies = {"POST": NewGoal}

    def get(self, request: Request, book_id: int) -> Response:
        given = query_of(request, GoalListQuery)
        place = _GOALS.place(request)
        if place is not None and not place.isdigit():
            raise refused_cursor()
        goals = selectors.goals_of(book=self.book, closed=given.get("closed", False))
        after = [int(place)] if place else None
        page = keyset_page(goals, ordering=("id",), after=after, limit=limit_of(request))
        views = selectors.views_of(goals=page.rows, today=given.get("today") or self.today())
        following = page.edge.pk if page.edge else None
        return Response(_GOALS.body(request, results=[_shown(each) for each in views], following=following))

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        given = self.body()
        account = self.tree.find(given.pop("account"), field="account")
        for name in ("target", "saved", "fed_amount"):
            if given[name] is not None:
                given[name] = money.parse_amount(given[name], currency=account.currency, field=name)
        given["kind"] = Kind(given["kind"])
        given["schedule"] = self.schedule(given)
        goal = services.create_goal(book=self.book, actor=self.user, account=account, today=self.today(), **given)
        return status.HTTP_201_CREATED, self.shown(goal)


@extend_schema_view(
    get=extend_schema(
        operation_id="goals_retrieve",
        summary="A goal",
        parameters=[DayQuery],
        responses=GoalSerializer,
        examples=[OpenApiExample("A goal", response_only=True, value=GOAL)],
    ),
    patch=extend_schema(
        operation_id="goals_update",
        summary="Change, close or open a goal",
        description="A new target or date is planned for from today.",
        request=GoalChanges,
        responses=GoalSerializer,
        examples=[OpenApiExample("A goal", response_only=True, value=GOAL)],
    ),
    delete=extend_schema(
        operation_id="goals_delete",
        summary="Remove a goal with its records",
        description="What it held is free. Close it instead to keep its records.",
        responses={204: None},
    ),
)
@extend_schema(tags=["goals"])
class GoalDetail(GoalView):
    """One goal with its plan and its pace."""

    bodies = {"PATCH": GoalChanges}

    def get(self, request: Request, book_id: int, goal_id: int) -> Response:
        return Response(self.shown(self.goal()))

    @once_per_key()
    def patch(self, request: Request, book_id: int, goal_id: int) -> tuple[int, Any]:
        goal, given = self.goal(), self.body()
        closed = given.pop("closed", None)
        if given:
            for name in ("target", "fed_amount"):
                if given.get(name) is not None:
                    given[name] = money.parse_amount(given[name], currency=goal.currency, field=name)
            if "schedule" in given:
                given["schedule"] = self.schedule(given)
            if "kind" in given:
                given["kind"] = Kind(given["kind"])
            said = {name: getattr(goal, name) for name in ("target", "by", "schedule", "fed_amount")}
            if given.get("schedule", said["schedule"]) is None:
                said["fed_amount"] = None
            services.change_goal(goal=goal, actor=self.user, today=self.today(), **{**said, **given})
        if closed is not None:
            services.close_goal(goal=goal, actor=self.user, closed=closed)
        return status.HTTP_200_OK, self.shown(self.goal())

    @once_per_key()
    def delete(self, request: Request, book_id: int, goal_id: int) -> tuple[int, Any]:
        services.remove_goal(goal=self.goal(), actor=self.user)
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    get=extend_schema(
        operation_id="goals_moves_list",
        summary="Records of a goal, the latest first",
        parameters=PAGE_PARAMETERS,
        responses=paged(GoalMoveSerializer),
        examples=[OpenApiExample("A page", response_only=True, value=in_page(MOVE))],
    ),
    post=extend_schema(
        operation_id="goals_moves_create",
        summary="Set money aside, or release it",
        request=NewGoalMove,
        responses={201: GoalSerializer},
        examples=[
            OpenApiExample("A contribution", request_only=True, value={"amount": "300.00"}),
            OpenApiExample("The goal after it", response_only=True, value=GOAL),
        ],
    ),
)
@extend_schema(tags=["goals"])
class GoalMoves(GoalView):
    """Who set aside what, and when. Records never change."""

    bodies = {"POST": NewGoalMove}

    def get(self, request: Request, book_id: int, goal_id: int) -> Response:
        query_of(request, QuerySerializer)
        goal, place = self.goal(), _MOVES.place(request)
        found: QuerySet[GoalMove] = selectors.moves_of(goal=goal)
        try:
            after = list(read_dated_place(place)) if place else None
        except ValueError as error:
            raise refused_cursor() from error
        page = keyset_page(found, ordering=("-date", "-id"), after=after, limit=limit_of(request))
        following = dated_place(page.edge.date, page.edge.pk) if page.edge else None
        rows = [_shown_move(each, goal.currency) for each in page.rows]
        return Response(_MOVES.body(request, results=rows, following=following))

    @once_per_key()
    def post(self, request: Request, book_id: int, goal_id: int) -> tuple[int, Any]:
        goal, given = self.goal(), self.body()
        account = self.tree.find(given["account"], field="account") if "account" in given else None
        services.set_aside(
            goal=goal,
            actor=self.user,
            amount=money.parse_amount(given["amount"], currency=goal.currency),
            date=given.get("date") or self.today(),
            today=self.today(),
            account=account,
            note=given["note"],
        )
        return status.HTTP_201_CREATED, self.shown(self.goal())


@extend_schema_view(
    post=extend_schema(
        operation_id="goals_link_entry",
        summary="Count an entry for a goal",
        description="The direction follows the account that holds the goal. A later correction of the entry is followed.",
        request=LinkEntry,
        responses=GoalSerializer,
        examples=[OpenApiExample("The goal after it", response_only=True, value=GOAL)],
    )
)
@extend_schema(tags=["goals"])
class GoalEntries(GoalView):
    """Transfers that belong to a goal."""

    bodies = {"POST": LinkEntry}

    @once_per_key()
    def post(self, request: Request, book_id: int, goal_id: int) -> tuple[int, Any]:
        goal = self.goal()
        entry = JournalEntry.objects.filter(book=self.book, uid=self.body()["entry"]).first()
        if entry is None:
            raise NotFound(thing="entry", field="entry")
        services.link_entry(goal=goal, actor=self.user, entry=entry, today=self.today())
        return status.HTTP_200_OK, self.shown(self.goal())


@extend_schema_view(
    get=extend_schema(
        operation_id="goals_accounts",
        summary="Accounts in which money can be set aside",
        parameters=PAGE_PARAMETERS,
        responses=paged(HolderSerializer),
        examples=[OpenApiExample("A page", response_only=True, value=in_page(HOLDER))],
    )
)
@extend_schema(tags=["goals"])
class GoalAccounts(GoalView):
    """What each account holds, what goals hold of it, and what is free."""

    serializer_class = HolderSerializer

    def get(self, request: Request, book_id: int) -> Response:
        query_of(request, QuerySerializer)
        place = _ACCOUNTS.place(request)
        found = selectors.holding_accounts(book=self.book, today=self.today())
        start = int(place) if place else 0
        limit = limit_of(request)
        rows = [
            {
                "account": each.account.pk,
                "name": each.account.name,
                "currency": each.account.currency,
                **{
                    name: money.format_amount(getattr(each, name), currency=each.account.currency)
                    for name in ("balance", "set_aside", "free", "short")
                },
            }
            for each in found[start : start + limit]
        ]
        following = start + limit if len(found) > start + limit else None
        return Response(_ACCOUNTS.body(request, results=rows, following=following))
