"""Scenarios: named lists of steps that are laid over what is expected."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Account, Book
from finance.planning.recurrence import Recurrence, Unit
from finance.planning.scenarios.overlays import Flow, Overlay, Step
from finance.planning.upcoming import Layer


class Scenario(models.Model):
    """A what-if. Its figures are never stored: they are computed from today's balances and plans each time."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"))
    name = models.CharField(_("name"), max_length=120)
    note = models.CharField(_("note"), max_length=500, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    # Its steps became schedules.
    promoted_at = models.DateTimeField(_("put into the plan"), null=True, blank=True)
    promoted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("scenario")
        verbose_name_plural = _("scenarios")

    def __str__(self) -> str:
        return self.name


class ScenarioStep(models.Model):
    """One step of a scenario (finance.planning.scenarios.overlays.Overlay); taken in the order of their ids."""

    class Steps(models.TextChoices):
        ADD = Step.ADD, _("something new that repeats")
        ONE_OFF = Step.ONE_OFF, _("something new, once")
        CHANGE = Step.CHANGE, _("a plan changes")
        STOP = Step.STOP, _("a plan ends")
        DELAY = Step.DELAY, _("a plan comes later")
        EXTRA = Step.EXTRA, _("more is paid on a loan")
        SHOCK = Step.SHOCK, _("all income or spending changes")

    class Flows(models.TextChoices):
        INCOME = Flow.INCOME, _("income")
        SPENDING = Flow.SPENDING, _("spending")

    class Units(models.TextChoices):
        DAY = Unit.DAY, _("days")
        WEEK = Unit.WEEK, _("weeks")
        MONTH = Unit.MONTH, _("months")
        YEAR = Unit.YEAR, _("years")

    class Layers(models.TextChoices):
        SCHEDULE = Layer.SCHEDULE, _("schedule")
        LOAN = Layer.LOAN, _("loan")
        CARD = Layer.CARD, _("card")
        RECEIVABLE = Layer.RECEIVABLE, _("invoice or debt")
        BUDGET = Layer.BUDGET, _("budget")

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    scenario = models.ForeignKey(
        Scenario, models.CASCADE, related_name="steps", db_constraint=False, verbose_name=_("scenario")
    )
    kind = models.CharField(_("step"), max_length=8, choices=Steps.choices)
    first = models.DateField(_("from"))
    last = models.DateField(_("through"), null=True, blank=True)
    # Which plan, by its layer and its own id; it may be gone, then the step changes nothing.
    layer = models.CharField(_("kind of plan"), max_length=10, choices=Layers.choices, default=Layers.SCHEDULE)
    source_id = models.BigIntegerField(_("number of the plan"), null=True, blank=True)
    account = models.ForeignKey(
        Account, models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False, verbose_name=_("account")
    )
    category = models.ForeignKey(
        Account,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        verbose_name=_("category"),
    )
    amount = models.BigIntegerField(_("amount"), null=True, blank=True)
    percent = models.PositiveSmallIntegerField(_("percentage left"), null=True, blank=True)
    days = models.PositiveSmallIntegerField(_("days later"), null=True, blank=True)
    flow = models.CharField(_("what is struck"), max_length=8, choices=Flows.choices, blank=True)
    unit = models.CharField(_("unit"), max_length=5, choices=Units.choices, blank=True)
    every = models.PositiveSmallIntegerField(_("every"), default=1)
    label = models.CharField(_("label"), max_length=120, blank=True)

    class Meta:
        verbose_name = _("step of a scenario")
        verbose_name_plural = _("steps of scenarios")

    def __str__(self) -> str:
        return f"{self.kind} of scenario #{self.scenario_id}"

    def overlay(self) -> Overlay:
        """The step as it is laid over what is expected. Raises Invalid where it lacks something."""
        rule = Recurrence(anchor=self.first, unit=Unit(self.unit), every=self.every) if self.unit else None
        return Overlay(
            step=Step(self.kind),
            first=self.first,
            last=self.last,
            layer=Layer(self.layer),
            source_id=self.source_id,
            account_id=self.account_id,
            currency=self.account.currency if self.account else "",
            amount=self.amount,
            percent=self.percent,
            days=self.days,
            flow=Flow(self.flow) if self.flow else None,
            rule=rule,
            label=self.label,
        )
