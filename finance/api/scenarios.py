"""/books/{book_id}/scenarios/: what if; compared with the forecast, and put into the plan."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import ForwardPages, limit_of, refused_cursor
from core.api.queries import PAGE_PARAMETERS, QuerySerializer, query_of
from core.api.serializers import StrictSerializer, in_page, paged
from core.keyset import keyset_page
from finance import money
from finance.api.base import BookView
from finance.api.fields import BIGGEST_ID, AccountReferenceField, AmountField
from finance.api.forecast_shapes import ForecastQuery, PointSerializer, point, today_of
from finance.errors import NotFound
from finance.forecasts import compare_scenario
from finance.ledger.models import Account
from finance.planning.forecast.projection import DAYS
from finance.planning.loans.models import Loan
from finance.planning.loans.payoff import MOST_DEBTS, Strategy
from finance.planning.loans.selectors import loans_of, states_of
from finance.planning.recurrence import Unit
from finance.planning.scenarios import repaying, selectors, services
from finance.planning.scenarios.models import Scenario, ScenarioStep
from finance.planning.scenarios.overlays import MAX_DELAY, MAX_PERCENT, Outcome, Step
from finance.planning.schedules.models import Schedule
from finance.planning.upcoming import Layer
from identity.api.idempotency import once_per_key

_SCENARIOS = ForwardPages("scenarios")
STEP = {
    "id": 8,
    "kind": "change",
    "from": "2026-05-01",
    "through": None,
    "layer": "schedule",
    "source": 4,
    "account": None,
    "category": None,
    "amount": "-900.00",
    "percent": None,
    "days": None,
    "flow": "",
    "unit": "",
    "every": 1,
    "label": "Rent of the new flat",
}
SCENARIO = {
    "id": 3,
    "name": "New flat",
    "note": "",
    "created_at": "2026-03-15T18:02:11Z",
    "promoted_at": None,
    "steps": [STEP],
}
_LOW = {"date": "2026-05-31", "amount": "200.00"}
_OUTCOME = {"lowest": _LOW, "end": {"date": "2026-06-13", "amount": "900.00"}, "runway": None}
COMPARISON = {
    "scenario": 3,
    "today": "2026-03-15",
    "days": 90,
    "currencies": [
        {
            "currency": "EUR",
            "forecast": _OUTCOME,
            "changed": _OUTCOME,
            "lowest_difference": "0.00",
            "end_difference": "0.00",
            "owed": {"forecast": "8000.00", "changed": "8000.00"},
            "net": {"forecast": "-7100.00", "changed": "-7100.00"},
            "net_difference": "0.00",
            "interest_saved": "0.00",
        }
    ],
    "without_effect": [],
}


class NewScenario(StrictSerializer):
    name = serializers.CharField(max_length=services.LONGEST_NAME)
    note = serializers.CharField(max_length=500, allow_blank=True, default="")


class ScenarioChanges(StrictSerializer):
    name = serializers.CharField(max_length=services.LONGEST_NAME, required=False)
    note = serializers.CharField(max_length=500, allow_blank=True, required=False)


class NewRepayment(StrictSerializer):
    strategy = serializers.ChoiceField(
        choices=[each.value for each in Strategy],
        help_text="snowball: smallest balance first. avalanche: highest rate first. custom: as `order` says.",
    )
    extra = AmountField(help_text="Paid each month besides, from the next month on.")
    currency = serializers.CharField(required=False, max_length=8, help_text="Of the loans. Default: the book's.")
    order = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIGGEST_ID),
        required=False,
        default=list,
        max_length=MOST_DEBTS,
        help_text="Numbers of the loans, of `custom`.",
    )
    name = serializers.CharField(max_length=services.LONGEST_NAME)
    note = serializers.CharField(max_length=500, allow_blank=True, default="")


class CopyScenario(StrictSerializer):
    name = serializers.CharField(max_length=services.LONGEST_NAME)


class _From(StrictSerializer):
    """`from` is a word of Python, so the members are made by name."""

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        return {
            "kind": fields.pop("kind"),
            "from": serializers.DateField(help_text="From that nominal day on."),
            **fields,
        }


class StepBody(_From):
    kind = serializers.ChoiceField(
        choices=ScenarioStep.Steps.choices,
        help_text=(
            "add: something new that repeats. one_off: something new, once. change: another amount for a plan. stop: a "
            "plan ends. delay: a plan comes later. extra: more is paid on a loan, again and again. shock: all income or "
            "spending changes by a percentage."
        ),
    )
    through = serializers.DateField(required=False, allow_null=True, default=None, help_text="Null: for good.")
    layer = serializers.ChoiceField(
        choices=ScenarioStep.Layers.choices, default=Layer.SCHEDULE.value, help_text="Of change, stop and delay."
    )
    source = serializers.IntegerField(  # type: ignore[assignment]
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        max_value=BIGGEST_ID,
        help_text="Id of the plan, such as the schedule, that change, stop and delay are about; of extra the loan.",
    )
    account = AccountReferenceField(required=False, allow_null=True, default=None, help_text="Of add and one_off.")
    category = AccountReferenceField(
        required=False, allow_null=True, default=None, help_text="Of add and one_off; needed before it is promoted."
    )
    amount = AmountField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Of add and one_off: negative when money leaves the account. Of change: the new amount. Of extra: above zero.",
    )
    percent = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=0,
        max_value=MAX_PERCENT,
        help_text="What is left of each amount: 70 for 30 % less. Of shock; of change instead of an amount.",
    )
    days = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=MAX_DELAY, help_text="Of delay."
    )
    flow = serializers.ChoiceField(
        choices=ScenarioStep.Flows.choices, required=False, allow_blank=True, default="", help_text="Of shock."
    )
    unit = serializers.ChoiceField(
        choices=[unit.value for unit in Unit], required=False, allow_blank=True, default="", help_text="Of add."
    )
    every = serializers.IntegerField(required=False, default=1, min_value=1, max_value=1000)
    label = serializers.CharField(  # type: ignore[assignment]
        max_length=services.LONGEST_NAME, required=False, allow_blank=True, default=""
    )


class StepSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=ScenarioStep.Steps.choices)
    through = serializers.DateField(allow_null=True)
    layer = serializers.ChoiceField(choices=ScenarioStep.Layers.choices)
    source = serializers.IntegerField(allow_null=True)  # type: ignore[assignment]
    account = serializers.IntegerField(allow_null=True)
    category = serializers.IntegerField(allow_null=True)
    amount = serializers.CharField(allow_null=True)
    percent = serializers.IntegerField(allow_null=True)
    days = serializers.IntegerField(allow_null=True)
    flow = serializers.CharField(allow_blank=True)
    unit = serializers.CharField(allow_blank=True)
    every = serializers.IntegerField()
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]

    class Meta:
        ref_name = "ScenarioStep"

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        return {"id": fields.pop("id"), "kind": fields.pop("kind"), "from": serializers.DateField(), **fields}


class ScenarioSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    note = serializers.CharField()
    created_at = serializers.DateTimeField()
    promoted_at = serializers.DateTimeField(allow_null=True, help_text="When its steps were put into the plan.")
    steps = StepSerializer(many=True, help_text="Taken in this order.")


class OutcomeSerializer(serializers.Serializer[Any]):
    lowest = PointSerializer()
    end = PointSerializer()
    runway = serializers.IntegerField(
        allow_null=True, help_text="Days until all accounts together fall below their floors; null: they do not."
    )


class OwedSerializer(serializers.Serializer[Any]):
    forecast = serializers.CharField()
    changed = serializers.CharField()


class ComparedSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    forecast = OutcomeSerializer(help_text="Without the scenario.")
    changed = OutcomeSerializer(help_text="With it.")
    lowest_difference = serializers.CharField()
    end_difference = serializers.CharField()
    owed = OwedSerializer(help_text="What loans owe on the last day, less what was lent.")
    net = OwedSerializer(help_text="What is left on the last day, less what loans owe.")
    net_difference = serializers.CharField()
    interest_saved = serializers.CharField(help_text="Over the whole time of the loans, by their tables.")


class ComparisonSerializer(serializers.Serializer[Any]):
    scenario = serializers.IntegerField()
    today = serializers.DateField()
    days = serializers.IntegerField()
    currencies = ComparedSerializer(many=True)
    without_effect = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="Steps that change nothing: their plan is gone, or their days are over.",
    )


class PromotedSerializer(serializers.Serializer[Any]):
    schedules = serializers.ListField(child=serializers.IntegerField(), help_text="Made or changed.")
    loans = serializers.ListField(child=serializers.IntegerField(), help_text="With planned extra payments.")
    left = serializers.ListField(
        child=serializers.IntegerField(), help_text="Steps that no schedule can express, such as shocks."
    )


class ScenarioView(BookView):
    serializer_class: Any = ScenarioSerializer

    def scenario(self) -> Scenario:
        return selectors.scenario_for(book=self.book, scenario_id=self.kwargs["scenario_id"])

    def step_values(self) -> dict[str, Any]:
        """The body as `save_step` takes it."""
        given = self.body()
        given["first"], given["last"] = given.pop("from"), given.pop("through")
        given["source_id"] = given.pop("source")
        if given["kind"] == Step.EXTRA:
            given["layer"] = Layer.LOAN.value
        for name in ("account", "category"):
            if given[name] is not None:
                given[name] = self.tree.find(given[name], field=name)
        if given["amount"] is not None:
            given["amount"] = money.parse_amount(given["amount"], currency=self.currency_of(given))
        return given

    def currency_of(self, given: dict[str, Any]) -> str:
        """The currency of a step's amount: that of its account, or of its schedule's."""
        account: Account | None = given["account"]
        if account is not None:
            return account.currency
        if given["layer"] == Layer.LOAN and given["source_id"] is not None:
            loans = Loan.objects.filter(book=self.book, pk=given["source_id"])
            kept = loans.values_list("account__currency", flat=True).first()
            if kept is None:
                raise NotFound(thing="loan", field="source")
            return kept
        if given["layer"] == Layer.SCHEDULE and given["source_id"] is not None:
            schedules = Schedule.objects.filter(book=self.book, pk=given["source_id"])
            found = schedules.values_list("account__currency", flat=True).first()
            if found is None:
                raise NotFound(thing="schedule", field="source")
            return found
        return self.book.base_currency

    def shown(self, scenario: Scenario) -> dict[str, Any]:
        return {
            "id": scenario.pk,
            "name": scenario.name,
            "note": scenario.note,
            "created_at": scenario.created_at,
            "promoted_at": scenario.promoted_at,
            "steps": [self.shown_step(step) for step in scenario.steps.all()],
        }

    def shown_step(self, step: ScenarioStep) -> dict[str, Any]:
        values = {
            "account": step.account,
            "layer": step.layer,
            "source_id": step.source_id,
        }
        amount = None
        if step.amount is not None:
            try:
                currency = self.currency_of(values)
            except NotFound:
                currency = self.book.base_currency
            amount = money.format_amount(step.amount, currency=currency)
        return {
            "id": step.pk,
            "kind": step.kind,
            "from": step.first,
            "through": step.last,
            "layer": step.layer,
            "source": step.source_id,
            "account": step.account_id,
            "category": step.category_id,
            "amount": amount,
            "percent": step.percent,
            "days": step.days,
            "flow": step.flow,
            "unit": step.unit,
            "every": step.every,
            "label": step.label,
        }


@extend_schema_view(
    get=extend_schema(
        operation_id="scenarios_list",
        summary="Scenarios of a book",
        parameters=PAGE_PARAMETERS,
        responses=paged(ScenarioSerializer),
        examples=[OpenApiExample("A page", response_only=True, value=in_page(SCENARIO))],
    ),
    post=extend_schema(
        operation_id="scenarios_create",
        summary="Make a scenario",
        request=NewScenario,
        responses={201: ScenarioSerializer},
        examples=[
            OpenApiExample("A name", request_only=True, value={"name": "New flat"}),
            OpenApiExample("A scenario", response_only=True, value=SCENARIO),
        ],
    ),
)
@extend_schema(tags=["scenarios"])
class ScenarioList(ScenarioView):
    """What-ifs; nothing of them is in the plan before they are promoted."""

    bodies = {"POST": NewScenario}

    def get(self, request: Request, book_id: int) -> Response:
        query_of(request, QuerySerializer)
        place = _SCENARIOS.place(request)
        if place is not None and not place.isdigit():
            raise refused_cursor()
        page = keyset_page(
            selectors.scenarios_of(book=self.book),
            ordering=("id",),
            after=[int(place)] if place else None,
            limit=limit_of(request),
        )
        following = page.edge.pk if page.edge else None
        body = _SCENARIOS.body(request, results=[self.shown(each) for each in page.rows], following=following)
        return Response(body)

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        made = services.save_scenario(book=self.book, actor=self.user, **self.body())
        return status.HTTP_201_CREATED, self.shown(made)


@extend_schema_view(
    post=extend_schema(
        operation_id="scenarios_repay",
        summary="Make an order to pay loans back a scenario",
        description="What each loan gets beside its instalments, and when, as steps. The payment of a loan that is gone helps "
        "the next one. Compare it with the forecast, and with other orders.",
        request=NewRepayment,
        responses={201: ScenarioSerializer},
        examples=[
            OpenApiExample(
                "200 more a month",
                request_only=True,
                value={"name": "Highest rate first", "strategy": "avalanche", "extra": "200.00"},
            ),
            OpenApiExample("A scenario", response_only=True, value=SCENARIO),
        ],
    )
)
@extend_schema(tags=["scenarios"])
class RepaymentScenario(ScenarioView):
    """Snowball, avalanche, or an order of your own."""

    bodies = {"POST": NewRepayment}

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        given, today = self.body(), self.today()
        currency = given.get("currency", self.book.base_currency)
        made = repaying.repayment(
            book=self.book, states=states_of(book=self.book, loans=loans_of(book=self.book), today=today),
            currency=currency, strategy=Strategy(given["strategy"]), order=given["order"], today=today,
            extra=money.parse_amount(given["extra"], currency=currency, field="extra"),
        )  # fmt: skip
        scenario = repaying.make_scenario(
            book=self.book, actor=self.user, made=made, name=given["name"], note=given["note"]
        )
        return status.HTTP_201_CREATED, self.shown(selectors.scenario_for(book=self.book, scenario_id=scenario.pk))


@extend_schema_view(
    get=extend_schema(
        operation_id="scenarios_retrieve",
        summary="A scenario",
        responses=ScenarioSerializer,
        examples=[OpenApiExample("A scenario", response_only=True, value=SCENARIO)],
    ),
    patch=extend_schema(
        operation_id="scenarios_update",
        summary="Rename a scenario",
        request=ScenarioChanges,
        responses=ScenarioSerializer,
        examples=[OpenApiExample("A scenario", response_only=True, value=SCENARIO)],
    ),
    delete=extend_schema(
        operation_id="scenarios_delete",
        summary="Remove a scenario",
        description="Schedules that it was promoted to stay.",
        responses={204: None},
    ),
)
@extend_schema(tags=["scenarios"])
class ScenarioDetail(ScenarioView):
    """One scenario with its steps."""

    bodies = {"PATCH": ScenarioChanges}

    def get(self, request: Request, book_id: int, scenario_id: int) -> Response:
        return Response(self.shown(self.scenario()))

    @once_per_key()
    def patch(self, request: Request, book_id: int, scenario_id: int) -> tuple[int, Any]:
        services.save_scenario(book=self.book, actor=self.user, scenario=self.scenario(), **self.body())
        return status.HTTP_200_OK, self.shown(self.scenario())

    @once_per_key()
    def delete(self, request: Request, book_id: int, scenario_id: int) -> tuple[int, Any]:
        services.remove_scenario(scenario=self.scenario(), actor=self.user)
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    post=extend_schema(
        operation_id="scenarios_steps_create",
        summary="Add a step to a scenario",
        request=StepBody,
        responses={201: StepSerializer},
        examples=[
            OpenApiExample(
                "Another rent",
                request_only=True,
                value={"kind": "change", "from": "2026-05-01", "source": 4, "amount": "-900.00"},
            ),
            OpenApiExample(
                "A quarter of the income is lost for half a year",
                request_only=True,
                value={"kind": "shock", "from": "2026-05-01", "through": "2026-10-31", "flow": "income", "percent": 75},
            ),
            OpenApiExample("A step", response_only=True, value=STEP),
        ],
    )
)
@extend_schema(tags=["scenarios"])
class ScenarioSteps(ScenarioView):
    """Steps are taken in the order in which they were added; the scenario lists them."""

    serializer_class = StepSerializer
    bodies = {"POST": StepBody}

    @once_per_key()
    def post(self, request: Request, book_id: int, scenario_id: int) -> tuple[int, Any]:
        step = services.save_step(scenario=self.scenario(), actor=self.user, **self.step_values())
        return status.HTTP_201_CREATED, self.shown_step(step)


@extend_schema_view(
    get=extend_schema(
        operation_id="scenarios_steps_retrieve",
        summary="A step",
        responses=StepSerializer,
        examples=[OpenApiExample("A step", response_only=True, value=STEP)],
    ),
    put=extend_schema(
        operation_id="scenarios_steps_update",
        summary="Replace a step",
        request=StepBody,
        responses=StepSerializer,
        examples=[OpenApiExample("A step", response_only=True, value=STEP)],
    ),
    delete=extend_schema(operation_id="scenarios_steps_delete", summary="Remove a step", responses={204: None}),
)
@extend_schema(tags=["scenarios"])
class ScenarioStepDetail(ScenarioView):
    """One step."""

    serializer_class = StepSerializer
    bodies = {"PUT": StepBody}

    def step(self) -> ScenarioStep:
        return selectors.step_for(scenario=self.scenario(), step_id=self.kwargs["step_id"])

    def get(self, request: Request, book_id: int, scenario_id: int, step_id: int) -> Response:
        return Response(self.shown_step(self.step()))

    @once_per_key()
    def put(self, request: Request, book_id: int, scenario_id: int, step_id: int) -> tuple[int, Any]:
        step = self.step()
        saved = services.save_step(scenario=step.scenario, actor=self.user, step=step, **self.step_values())
        return status.HTTP_200_OK, self.shown_step(saved)

    @once_per_key()
    def delete(self, request: Request, book_id: int, scenario_id: int, step_id: int) -> tuple[int, Any]:
        services.remove_step(step=self.step(), actor=self.user)
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    get=extend_schema(
        operation_id="scenarios_compare",
        summary="A scenario beside the forecast",
        description="Computed from today's balances each time: what came meanwhile is in both.",
        parameters=[ForecastQuery],
        responses=ComparisonSerializer,
        examples=[OpenApiExample("A comparison", response_only=True, value=COMPARISON)],
    )
)
@extend_schema(tags=["scenarios"])
class CompareScenario(ScenarioView):
    """Lowest point, end, and how long the money lasts."""

    serializer_class = ComparisonSerializer

    def get(self, request: Request, book_id: int, scenario_id: int) -> Response:
        given = query_of(request, ForecastQuery)
        today, days = today_of(given, self.today()), given.get("days", DAYS)
        scenario = self.scenario()
        found = compare_scenario(scenario=scenario, today=today, days=days)

        def pair(forecast: int, changed: int, currency: str) -> dict[str, str]:
            texts = (money.format_amount(amount, currency=currency) for amount in (forecast, changed))
            return dict(zip(("forecast", "changed"), texts, strict=True))

        def shown(outcome: Outcome) -> dict[str, Any]:
            return {
                "lowest": point(outcome.lowest, outcome.currency),
                "end": point(outcome.end, outcome.currency),
                "runway": outcome.runway,
            }

        currencies = [
            {
                "currency": each.currency,
                "forecast": shown(each.base),
                "changed": shown(each.changed),
                "lowest_difference": money.format_amount(each.lowest_difference, currency=each.currency),
                "end_difference": money.format_amount(each.end_difference, currency=each.currency),
                "owed": pair(each.owed, each.owed_changed, each.currency),
                "net": pair(each.net, each.net_changed, each.currency),
                "net_difference": money.format_amount(each.net_difference, currency=each.currency),
                "interest_saved": money.format_amount(each.interest_saved, currency=each.currency),
            }
            for each in found.currencies
        ]
        body = {
            "scenario": scenario.pk,
            "today": today,
            "days": days,
            "currencies": currencies,
            "without_effect": [step.pk for step in found.without_effect],
        }
        return Response(ComparisonSerializer(body).data)


@extend_schema_view(
    post=extend_schema(
        operation_id="scenarios_promote",
        summary="Put a scenario into the plan",
        description=(
            "All steps or none: additions become schedules; changes, ends and delays change schedules; more on "
            "loans becomes planned extra payments. Shocks, and steps "
            "about plans that are no schedules, are left and named."
        ),
        request=None,
        responses=PromotedSerializer,
        examples=[
            OpenApiExample("Two schedules", response_only=True, value={"schedules": [4, 9], "loans": [], "left": []})
        ],
    )
)
@extend_schema(tags=["scenarios"])
class PromoteScenario(ScenarioView):
    """Makes a what-if real."""

    serializer_class = PromotedSerializer

    @once_per_key()
    def post(self, request: Request, book_id: int, scenario_id: int) -> tuple[int, Any]:
        done = services.promote(scenario=self.scenario(), actor=self.user, today=self.today())
        answer = {
            "schedules": [each.pk for each in done.schedules],
            "loans": [each.pk for each in done.loans],
            "left": [step.pk for step in done.left],
        }
        return status.HTTP_200_OK, answer


@extend_schema_view(
    post=extend_schema(
        operation_id="scenarios_copy",
        summary="Copy a scenario",
        request=CopyScenario,
        responses={201: ScenarioSerializer},
        examples=[OpenApiExample("A scenario", response_only=True, value=SCENARIO)],
    )
)
@extend_schema(tags=["scenarios"])
class CopyOfScenario(ScenarioView):
    """The same steps under another name, to be changed."""

    bodies = {"POST": CopyScenario}

    @once_per_key()
    def post(self, request: Request, book_id: int, scenario_id: int) -> tuple[int, Any]:
        copied = services.copy_scenario(scenario=self.scenario(), actor=self.user, name=self.body()["name"])
        fresh = selectors.scenario_for(book=self.book, scenario_id=copied.pk)
        return status.HTTP_201_CREATED, self.shown(fresh)
