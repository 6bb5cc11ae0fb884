"""The operator's landing page: the state of the installation, each part with its figure and a link to act.

Every figure is bounded: lines over 24 hours read at most the newest rows of a table by its key, never all of it.
"""

import datetime
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import django
from django.db import connection
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from finance.imports.models import ImportBatch
from finance.models import Book, JournalEntry, LedgerCheck, WebhookEndpoint
from identity.audit import Action
from identity.lockout import locked_accounts
from identity.models import AuditRecord
from insights.models import Insight
from lifeos_project import version
from lifeos_project.backups import runs
from lifeos_project.console.menu import DOCTOR, list_url, may_see
from lifeos_project.monitoring import health
from platform_outbox import emit
from platform_outbox.models import OutboxMessage
from platform_outbox.monitoring import overview
from platform_outbox.operations.registry import operation_named

EVENTS = "platform_outbox.outboxmessage"
RUNS = "platform_operation.operationrun"
HOURS = 24
# A line reads at most this many of the newest rows.
NEWEST = 50_000
# Books that nobody proved for longer ask for it.
STALE_DAYS = 7
STALE_BACKUP_DAYS = 2

# axes keeps no log of its own here. The failure that reaches the limit stands in the audit trail as the lock-out.
REFUSED = f"action IN ('{Action.SIGN_IN_FAILED.value}', '{Action.LOCKED_OUT.value}')"

OK, NOTICE, TROUBLE = "ok", "notice", "trouble"
_WORST = {OK: 0, NOTICE: 1, TROUBLE: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """What happened in each of the last 24 hours, oldest first."""

    label: str
    values: Sequence[int]

    @property
    def total(self) -> int:
        return sum(self.values)

    @property
    def points(self) -> str:
        """An SVG polyline in a box of 230 × 40."""
        highest = max(self.values) or 1
        return " ".join(f"{10 * hour},{38 - round(36 * value / highest, 1)}" for hour, value in enumerate(self.values))

    @property
    def told(self) -> str:
        """The line in words."""
        return _("%(label)s: %(total)d in 24 hours, at most %(most)d in an hour.") % {
            "label": self.label,
            "total": self.total,
            "most": max(self.values),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of a panel; `state` marks what is wrong."""

    name: str
    value: str
    state: str = OK
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lever:
    """Where the operator can act."""

    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One part of the installation."""

    title: str
    figure: str = ""
    unit: str = ""
    facts: Sequence[Fact] = field(default_factory=tuple)
    trend: Trend | None = None
    lever: Lever | None = None

    @property
    def state(self) -> str:
        return max((fact.state for fact in self.facts), key=_WORST.__getitem__, default=OK)


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The context of admin/index.html; Unfold calls it."""
    now = timezone.now()
    panels = [
        _services(request, now),
        _events(request, now),
        _imports(request, now),
        _webhooks(request),
        _books(request, now),
        _sign_ins(request, now),
        _insights(request, now),
        _versions(request),
    ]
    troubles = [panel for panel in panels if panel.state != OK]
    return {**context, "panels": panels, "troubles": troubles, "title": _("State of the installation")}


def _services(request: HttpRequest, now: datetime.datetime) -> Panel:
    names = {"database": _("Database"), "migrations": _("Migrations"), "cache": _("Cache"), "broker": _("Broker")}
    facts = []
    for key, part in health.services().items():
        if part["status"] != "ok":
            told = _("%d pending") % part["pending"] if part.get("pending") else part.get("error", "")
            facts.append(Fact(name=names[key], value=told, state=TROUBLE))
            continue
        told = f"PostgreSQL {part['postgresql']}" if "postgresql" in part else part.get("kind") or _("none pending")
        facts.append(Fact(name=names[key], value=f"{told} · {part['milliseconds']} ms"))
    workers = emit.health().workers_alive
    facts.append(
        Fact(
            name=_("Workers"),
            value=_("%d alive") % workers if workers else _("none: events wait until one is started"),
            state=OK if workers else TROUBLE,
        )
    )
    failing = overview.failing_jobs()
    if failing:
        names_of_failing = ", ".join(job.name for job in failing)
        facts.append(Fact(name=_("Periodic jobs"), value=_("failing: %s") % names_of_failing, state=TROUBLE))
    page = ("platform_outbox.periodic", _("Periodic jobs")) if failing else ("platform_outbox.worker", _("Workers"))
    return Panel(title=_("Services"), facts=facts, lever=_lever(request, *page))


def _events(request: HttpRequest, now: datetime.datetime) -> Panel:
    state = emit.health()
    seconds = state.oldest_pending_seconds
    if not state.pending:
        oldest = "–"
    elif seconds < 120:
        oldest = _("%d s") % seconds
    else:
        oldest = _("%d min") % (seconds // 60) if seconds < 7200 else _("%d h") % (seconds // 3600)
    facts = (
        Fact(
            name=_("Oldest waits"),
            value=oldest,
            state=TROUBLE if seconds > health.LATE_SECONDS else OK,
        ),
        Fact(
            name=_("Dead letters"),
            value=_capped(state.dead),
            state=TROUBLE if state.dead else OK,
            url=reverse("admin:platform_outbox_errors") if state.dead and may_see(request, EVENTS) else "",
        ),
    )
    return Panel(
        title=_("Events"),
        figure=_capped(state.pending),
        unit=_("waiting"),
        facts=facts,
        trend=_trend(OutboxMessage, "created_at", _("Events"), now),
        lever=Lever(label=_("Open the outbox"), url=reverse("admin:platform_outbox_console"))
        if may_see(request, EVENTS)
        else None,
    )


def _imports(request: HttpRequest, now: datetime.datetime) -> Panel:
    waiting = ImportBatch.objects.filter(state=ImportBatch.State.STAGED).count()
    reading = ImportBatch.objects.filter(state=ImportBatch.State.RECEIVED).count()
    day_ago = now - datetime.timedelta(hours=HOURS)
    refused = ImportBatch.objects.filter(state=ImportBatch.State.REFUSED, created_at__gt=day_ago).count()
    return Panel(
        title=_("Imports"),
        figure=str(waiting),
        unit=_("wait for their household"),
        facts=(
            Fact(name=_("Being read"), value=str(reading)),
            Fact(name=_("Not readable, 24 hours"), value=str(refused), state=NOTICE if refused else OK),
        ),
        trend=_trend(ImportBatch, "created_at", _("Files"), now),
        lever=_lever(request, "finance.importbatch", _("Open imports")),
    )


def _webhooks(request: HttpRequest) -> Panel:
    """Endpoints of households; they fix one that fails, but they ask the operator first."""
    stopped_by_failure = (WebhookEndpoint.Stopped.FAILING, WebhookEndpoint.Stopped.GONE)
    counts = WebhookEndpoint.objects.aggregate(
        in_use=Count("pk", filter=Q(active=True)),
        failing=Count("pk", filter=Q(active=True, failing_since__isnull=False)),
        given_up=Count("pk", filter=Q(stopped__in=stopped_by_failure)),
        by_hand=Count("pk", filter=Q(stopped=WebhookEndpoint.Stopped.BY_HAND)),
    )
    model = "finance.webhookendpoint"

    def fact(name: str, count: int, query: str, state: str) -> Fact:
        url = f"{list_url(model)}?{query}" if count and may_see(request, model) else ""
        return Fact(name=name, value=str(count), state=state if count else OK, url=url)

    return Panel(
        title=_("Webhooks"),
        figure=str(counts["in_use"]),
        unit=_("in use"),
        facts=(
            fact(_("Failing"), counts["failing"], "failing=yes", NOTICE),
            fact(_("Switched off after failing"), counts["given_up"], "stopped__in=failing,gone", NOTICE),
            fact(_("Switched off by their owners"), counts["by_hand"], "stopped__exact=by_hand", OK),
        ),
        lever=_lever(request, model, _("Open webhooks")),
    )


def _books(request: HttpRequest, now: datetime.datetime) -> Panel:
    return Panel(
        title=_("Books"),
        figure=str(Book.objects.count()),
        unit=_("kept here"),
        facts=(_verification(request, now), _backup(request, now)),
        trend=_trend(JournalEntry, "created_at", _("Entries"), now),
        lever=_lever(request, "finance.ledgercheck", _("Ledger checks")),
    )


def _verification(request: HttpRequest, now: datetime.datetime) -> Fact:
    """The latest proof of all books together; a proof of one book says nothing about the others."""
    name = _("All verified")
    latest = LedgerCheck.objects.filter(book=None).order_by("-checked_at").first()
    if latest is None:
        return Fact(
            name=name,
            value=_("never: start it under Operations"),
            state=NOTICE,
            url=_start_url(request, "ledger.verify"),
        )
    ago = _("%s ago") % timesince(latest.checked_at, now, depth=1)
    if latest.problems:
        broken = ngettext("%d promise broken", "%d promises broken", len(latest.problems)) % len(latest.problems)
        return Fact(name=name, value=f"{ago}, {broken}", state=TROUBLE)
    overdue = sum(warning["count"] for warning in latest.warnings)
    if overdue:
        unsealed = ngettext("%d entry not sealed", "%d entries not sealed", overdue) % overdue
        return Fact(name=name, value=f"{ago}, {unsealed}", state=NOTICE)
    stale = latest.checked_at < now - datetime.timedelta(days=STALE_DAYS)
    url = _start_url(request, "ledger.verify") if stale else ""
    return Fact(name=name, value=_("%s, sound") % ago, state=NOTICE if stale else OK, url=url)


def _backup(request: HttpRequest, now: datetime.datetime) -> Fact:
    """The last backup that was proven, and whether one has failed since."""
    name, good = _("Backed up"), runs.last_good()
    start = _start_url(request, "backups.back_up")
    if good is None:
        return Fact(name=name, value=_("never: start it under Operations"), state=NOTICE, url=start)
    ago = _("%s ago") % timesince(good.started_at, now, depth=1)
    if runs.last_failed():
        return Fact(name=name, value=_("%s, the last one failed") % ago, state=TROUBLE, url=start)
    stale = good.started_at < now - datetime.timedelta(days=STALE_BACKUP_DAYS)
    return Fact(name=name, value=_("%s, proven") % ago, state=TROUBLE if stale else OK, url=start if stale else "")


def _sign_ins(request: HttpRequest, now: datetime.datetime) -> Panel:
    trend = _trend(AuditRecord, "at", _("Refused"), now, only=REFUSED)
    locked = len(locked_accounts())
    return Panel(
        title=_("Sign-ins"),
        figure=str(trend.total),
        unit=_("refused in 24 hours"),
        facts=(Fact(name=_("Locked out now"), value=str(locked), state=NOTICE if locked else OK),),
        trend=trend,
        lever=_lever(request, "axes.accessattempt", _("Lift lock-outs")),
    )


def _insights(request: HttpRequest, now: datetime.datetime) -> Panel:
    trend = _trend(Insight, "raised_at", _("Insights"), now)
    return Panel(
        title=_("Insights"),
        figure=str(trend.total),
        unit=_("raised in 24 hours"),
        trend=trend,
        lever=_lever(request, "insights.rulesetting", _("Rules and thresholds")),
    )


def _versions(request: HttpRequest) -> Panel:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), pg_size_pretty(pg_database_size(current_database()))")
        server, size = cursor.fetchone()
    return Panel(
        title=_("Versions"),
        facts=(
            Fact(name="LifeOS", value=version.described()),
            Fact(name="PostgreSQL", value=f"{server.split()[0]}, {size}"),
            Fact(name="Django", value=django.get_version()),
            Fact(name="Python", value=platform.python_version()),
        ),
        lever=Lever(label=_("Run the doctor"), url=reverse("doctor")) if request.user.has_perm(DOCTOR) else None,
    )


def _start_url(request: HttpRequest, operation: str) -> str:
    """Where the operation is started, for those who may; "" for others."""
    found = operation_named(operation)
    may_start = found is not None and may_see(request, RUNS) and request.user.has_perm(found.permission)
    return reverse("admin:platform_operation_start", args=[operation]) if may_start else ""


def _lever(request: HttpRequest, model: str, label: str) -> Lever | None:
    """A link for those who may follow it."""
    return Lever(label=label, url=list_url(model)) if may_see(request, model) else None


def _trend(model: Any, column: str, label: str, now: datetime.datetime, *, only: str = "true") -> Trend:
    """Rows per hour by a time column that grows with the key; of the newest rows those that meet the condition."""
    table, key = model._meta.db_table, model._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT floor(extract(epoch FROM %(now)s - at) / 3600)::int AS hours_ago, count(*)"
            f" FROM (SELECT {column} AS at, ({only}) AS counts FROM {table} ORDER BY {key} DESC LIMIT {NEWEST}) AS newest"
            f" WHERE counts AND at > %(now)s - interval '{HOURS} hours' AND at <= %(now)s GROUP BY 1",
            {"now": now},
        )
        counts = dict(cursor.fetchall())
    return Trend(label=label, values=[counts.get(HOURS - 1 - hour, 0) for hour in range(HOURS)])


def _capped(count: int) -> str:
    return f"> {emit.COUNT_CAP}" if count > emit.COUNT_CAP else str(count)
