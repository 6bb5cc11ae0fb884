"""What was noticed, with its evidence; the switches of the rules; what a household does not want to hear of."""

import datetime
from typing import Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from insights import sentences
from insights.rules.catalogue import RULES
from insights.rules.thresholds import ThresholdsInvalid


class Kind(models.TextChoices):
    UNUSUAL_AMOUNT = "unusual_amount", _("unusual amount")
    POSSIBLE_DUPLICATE = "possible_duplicate", _("possible duplicate")
    SUBSCRIPTION_PRICE_RISE = "subscription_price_rise", _("price rise")
    CATEGORY_ABOVE_USUAL = "category_above_usual", _("category above usual")
    LOW_BALANCE_AHEAD = "low_balance_ahead", _("low balance ahead")


class InsightQuerySet(models.QuerySet["Insight"]):
    def open(self) -> Self:
        """New or seen: nobody dismissed it, and it still holds."""
        return self.filter(state__in=Insight.OPEN_STATES)

    def current(self, *, on: datetime.date) -> Self:
        """What the feed shows on a day: open, not snoozed, not passed by."""
        awake = Q(snoozed_until=None) | Q(snoozed_until__lte=on)
        fresh = Q(expires_on=None) | Q(expires_on__gte=on)
        return self.open().filter(awake, fresh)

    def snoozed(self, *, on: datetime.date) -> Self:
        """Open, but out of sight on that day because somebody put it off."""
        return self.open().filter(snoozed_until__gt=on)


class Insight(models.Model):
    """One finding of a rule and its life. The sentence is kept as template and figures, so that it can be translated."""

    class Severity(models.TextChoices):
        INFO = "info", _("for information")
        NOTICE = "notice", _("worth a look")
        WARNING = "warning", _("needs attention")

    class State(models.TextChoices):
        NEW = "new", _("new")
        SEEN = "seen", _("seen")
        DISMISSED = "dismissed", _("dismissed")
        RESOLVED = "resolved", _("resolved by itself")
        EXPIRED = "expired", _("passed")

    OPEN_STATES = (State.NEW, State.SEEN)

    book = models.ForeignKey("finance.Book", models.CASCADE, related_name="insights")
    kind = models.CharField(_("kind"), max_length=40, choices=Kind.choices)
    rule_version = models.PositiveSmallIntegerField(_("version of the rule"))
    severity = models.CharField(_("severity"), max_length=8, choices=Severity.choices)
    template = models.CharField(max_length=80)
    params = models.JSONField()
    # The thresholds that were in force: "why it was raised" stays true after they change.
    thresholds = models.JSONField()
    dedup_key = models.CharField(max_length=80)
    # What was looked at; when it is looked at again without this finding, the insight resolves itself.
    scope = models.CharField(max_length=240)
    payee = models.CharField(_("payee"), max_length=200, blank=True)
    payee_key = models.CharField(max_length=240, blank=True)
    subject_date = models.DateField(_("date"))
    expires_on = models.DateField(_("news until"), null=True, blank=True)
    # Message of the outbox that first raised it; empty for a backfill.
    event_id = models.BigIntegerField(_("raised by event"), null=True, blank=True)
    raised_at = models.DateTimeField(_("first raised"))
    last_raised_at = models.DateTimeField(_("last raised"))
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.NEW)
    snoozed_until = models.DateField(_("snoozed until"), null=True, blank=True)
    state_changed_at = models.DateTimeField(_("state since"))
    state_changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = InsightQuerySet.as_manager()

    class Meta:
        verbose_name = _("insight")
        verbose_name_plural = _("insights")
        constraints = [models.UniqueConstraint(fields=["book", "dedup_key"], name="insights_insight_unique")]
        indexes = [
            # The feed and its API: newest subject first.
            models.Index(fields=["book", "-subject_date", "-id"], name="insights_insight_feed"),
            # What to resolve when a scope is looked at again; what to count in the rail.
            models.Index(
                fields=["book", "kind", "scope"],
                condition=Q(state__in=["new", "seen"]),
                name="insights_insight_open",
            ),
        ]

    def __str__(self) -> str:
        return self.sentence

    @property
    def sentence(self) -> str:
        """The finding in one sentence, in the reader's language."""
        return sentences.sentence(self.template, self.params)

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Each threshold that was in force, in words, with its value."""
        return sentences.reasons(self.kind, self.thresholds, currency=sentences.currency_of(self.params))

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN_STATES


class InsightEvidence(models.Model):
    """One figure that an insight was computed from: of an entry, or of a month or a day by its date."""

    class Role(models.TextChoices):
        SUBJECT = "subject", _("this charge")
        COMPARED = "compared", _("earlier charge")
        EXPECTED = "expected", _("expected")
        MONTH = "month", _("month compared")
        BALANCE = "balance", _("balance")

    book = models.ForeignKey("finance.Book", models.CASCADE, related_name="+")
    insight = models.ForeignKey(Insight, models.CASCADE, related_name="evidence", db_constraint=False)
    entry = models.ForeignKey("finance.JournalEntry", models.CASCADE, null=True, related_name="+", db_constraint=False)
    # Where there is no entry: first day of the month, or day of the balance.
    date = models.DateField(null=True)
    role = models.CharField(max_length=8, choices=Role.choices)
    position = models.PositiveSmallIntegerField()
    # Minor units paid by the entry (negative where money came in), spent in the month, or held on the day.
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=8)
    expected_on = models.DateField(null=True)

    class Meta:
        constraints = [
            # The rows of an insight in their order; also the index behind insight → evidence.
            models.UniqueConstraint(fields=["insight", "position", "book"], name="insights_evidence_position"),
            models.CheckConstraint(
                condition=Q(entry=None, date__isnull=False, role__in=["month", "balance"])
                | Q(entry__isnull=False, date=None, role__in=["subject", "compared", "expected"]),
                name="insights_evidence_entry_or_date",
            ),
        ]

    def __str__(self) -> str:
        about = f"{self.role} of {self.date}" if self.date else f"entry #{self.entry_id}"
        return f"{about} for insight #{self.insight_id}"


class RuleSetting(models.Model):
    """Switch and thresholds of a rule: for the installation (no book) or for one book, which wins.

    What is left empty is inherited: book ← installation ← the rule's own defaults. Some settings belong to no book, so
    that the table stays on one server and has no key to the book (docs/adr/0008).
    """

    book = models.ForeignKey(
        "finance.Book", models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("only for book"),
        db_constraint=False,
    )  # fmt: skip
    kind = models.CharField(_("rule"), max_length=40, choices=Kind.choices)
    enabled = models.BooleanField(_("switched on"), null=True, blank=True)
    thresholds = models.JSONField(_("thresholds"), default=dict, blank=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("rule setting")
        verbose_name_plural = _("rule settings")
        constraints = [
            models.UniqueConstraint(fields=["book", "kind"], nulls_distinct=False, name="insights_rulesetting_unique")
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.book or 'all books'})"

    def clean(self) -> None:
        """Refuse thresholds that the rule could not use."""
        rule = RULES.get(self.kind)
        if rule is None:
            return
        try:
            rule.settings.read(self.thresholds)
        except ThresholdsInvalid as error:
            raise ValidationError(
                {"thresholds": [f"{name}: {problem}" for name, problem in error.problems.items()]}
            ) from error


class MutedPayee(models.Model):
    """A payee about which the household wants no insights of this kind."""

    book = models.ForeignKey("finance.Book", models.CASCADE, related_name="+")
    kind = models.CharField(_("kind"), max_length=40, choices=Kind.choices)
    payee = models.CharField(_("payee"), max_length=200)
    payee_key = models.CharField(max_length=240)
    muted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    muted_at = models.DateTimeField(_("muted"))

    class Meta:
        verbose_name = _("muted payee")
        verbose_name_plural = _("muted payees")
        constraints = [models.UniqueConstraint(fields=["book", "kind", "payee_key"], name="insights_mutedpayee_unique")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.payee}"


class Backfill(models.Model):
    """How far a backfill came, so that it can go on where it was stopped."""

    book = models.ForeignKey("finance.Book", models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40, choices=Kind.choices)
    since = models.DateField()
    until = models.DateField()
    # First day that is still to be done.
    position = models.DateField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    raised = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            # One open run per task: the one to go on with.
            models.UniqueConstraint(
                fields=["book", "kind", "since", "until"],
                condition=Q(finished_at=None),
                name="insights_backfill_open_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} from {self.since} to {self.until}"
