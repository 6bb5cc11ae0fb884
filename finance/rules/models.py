"""Rules, every version of them, what they did, and their application to the past."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.ledger.models import Book, JournalEntry


class RuleGroup(models.Model):
    """Rules that belong together; groups run in their order, and can be switched off as a whole."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="rule_groups", verbose_name=_("book"))
    name = models.CharField(_("name"), max_length=80)
    position = models.PositiveIntegerField(_("position"))
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("group of rules")
        verbose_name_plural = _("groups of rules")
        constraints: ClassVar = [models.UniqueConstraint(fields=["book", "name"], name="finance_rulegroup_name")]

    def __str__(self) -> str:
        return self.name


class RuleQuerySet(models.QuerySet["Rule"]):
    def in_order(self) -> "RuleQuerySet":
        """Rules that were not removed, in the order in which they run."""
        return self.filter(removed_at=None).order_by("group__position", "group_id", "position", "pk")


class Rule(models.Model):
    """A rule as it is now. A removed one stays for the log that names it."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="rules", verbose_name=_("book"))
    group = models.ForeignKey(
        RuleGroup, models.PROTECT, related_name="rules", verbose_name=_("group"), db_constraint=False
    )
    name = models.CharField(_("name"), max_length=80)
    position = models.PositiveIntegerField(_("position"))
    active = models.BooleanField(_("active"), default=True)
    # No later rule looks at a row for which this one holds.
    stop = models.BooleanField(_("stop"), default=False)
    # Also changes what people chose.
    override = models.BooleanField(_("override"), default=False)
    definition = models.JSONField(_("definition"))  # finance.rules.definition
    version = models.PositiveIntegerField(_("version"), default=1)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)

    objects = RuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("rule")
        verbose_name_plural = _("rules")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["book", "name"], condition=models.Q(removed_at=None), name="finance_rule_name"
            ),
        ]
        indexes: ClassVar = [
            # The rules of a book, for every import and for the list.
            models.Index(fields=["book", "group", "position"], name="finance_rule_order"),
        ]

    def __str__(self) -> str:
        return self.name


class RuleVersion(models.Model):
    """What a rule said from one save to the next; the log refers to it."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    rule = models.ForeignKey(Rule, models.CASCADE, related_name="versions", db_constraint=False)
    number = models.PositiveIntegerField(_("version"))
    name = models.CharField(_("name"), max_length=80)
    stop = models.BooleanField(_("stop"))
    override = models.BooleanField(_("override"))
    definition = models.JSONField(_("definition"))
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    saved_at = models.DateTimeField(_("saved"), auto_now_add=True)

    class Meta:
        verbose_name = _("version of a rule")
        verbose_name_plural = _("versions of rules")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rule", "number", "book"], name="finance_ruleversion_number")
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"


class RuleLog(models.Model):
    """What one version of a rule did to a row of a bank file, or to an entry of the past."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    rule = models.ForeignKey(Rule, models.CASCADE, related_name="log", db_index=False, db_constraint=False)
    version = models.PositiveIntegerField(_("version"))
    row = models.ForeignKey(
        "finance.ImportRow", models.CASCADE, null=True, blank=True, related_name="rule_log", db_constraint=False
    )
    # The entry that was corrected.
    entry = models.ForeignKey(
        JournalEntry, models.CASCADE, null=True, blank=True, related_name="rule_log", db_constraint=False
    )
    step = models.PositiveSmallIntegerField(_("step"))  # place among the rules that did something to the row
    changes = models.JSONField(_("changes"), default=dict)  # field → [before, after]
    problem = models.CharField(_("problem"), max_length=200, blank=True)
    at = models.DateTimeField(_("at"), auto_now_add=True)

    class Meta:
        verbose_name = _("what a rule did")
        verbose_name_plural = _("what rules did")
        indexes: ClassVar = [
            # The history of a rule, newest first.
            models.Index(fields=["rule", "-id"], name="finance_rulelog_rule"),
        ]

    def __str__(self) -> str:
        return f"rule #{self.rule_id} v{self.version}"


class RuleApplication(models.Model):
    """Rules applied to entries of the past, by a worker; one at a time in a book."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting for a worker")
        RUNNING = "running", _("under way")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")

    book = models.ForeignKey(Book, models.CASCADE, related_name="rule_applications", verbose_name=_("book"))
    # One rule, or (empty) all that are active.
    rule = models.ForeignKey(Rule, models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False)
    since = models.DateField(_("from"), null=True, blank=True)
    until = models.DateField(_("to"), null=True, blank=True)
    # Entries in closed periods: the correction takes the date of the day on which it is made.
    closed_too = models.BooleanField(_("closed periods too"), default=False)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.WAITING)
    run_id = models.BigIntegerField(_("run"), null=True, blank=True)  # platform_outbox.OperationRun
    last_entry = models.BigIntegerField(default=0)  # entries after it came later and are left alone
    through_entry = models.BigIntegerField(default=0)  # how far it came
    looked = models.PositiveIntegerField(_("entries looked at"), default=0)
    changed = models.PositiveIntegerField(_("entries corrected"), default=0)
    left = models.JSONField(_("left as they are"), default=list)  # [{"entry": uid, "why"}], the first of them
    left_count = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("started"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("application of rules")
        verbose_name_plural = _("applications of rules")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["book"],
                condition=models.Q(state__in=["waiting", "running"]),
                name="finance_ruleapplication_one_open",
            ),
        ]

    def __str__(self) -> str:
        return f"application #{self.pk} in book #{self.book_id}"
