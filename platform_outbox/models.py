"""The outbox's tables. The row is the truth; whatever a broker carries is only a hint to look here."""

from collections.abc import Iterable
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from platform_outbox.events import LONGEST_KEY


class Status(models.TextChoices):
    PENDING = "pending", _("Pending")
    SENDING = "sending", _("Sending")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Waiting to try again")
    DEAD = "dead", _("Dead letter")


# An event in one of these still has something to do.
OPEN = (Status.PENDING, Status.FAILED)


def event_status(deliveries: Iterable[tuple[str, bool]], *, waiting: bool = False) -> Status:
    """The state of an event by the (state, io) of its deliveries, and whether a handler in the database has to wait.

    The first line that fits decides. The query `settle_event` is the same table in SQL; a test compares them.

        a handler in the database failed       FAILED    a worker tries it again
        one is open, or has to wait            PENDING   a worker runs it
        a call is open or under way            SENDING   the external pool makes it
        a handler or call was given up         DEAD      an operator decides
        otherwise                              SENT

    From SENT nothing leads away. From DEAD only an operator does: requeueing leads to PENDING, or to SENDING where
    nothing but calls is left; discarding leaves it DEAD.
    """
    found = set(deliveries)
    if (Status.FAILED, False) in found:
        return Status.FAILED
    if waiting or (Status.PENDING, False) in found:
        return Status.PENDING
    states = {state for state, _ in found}
    if states & {Status.PENDING, Status.FAILED, Status.SENDING}:
        return Status.SENDING
    return Status.DEAD if Status.DEAD in states else Status.SENT


class OutboxMessage(models.Model):
    """One event, written in the transaction of the change that it tells of.

    The table is partitioned by ranges of ids (retention.py): an index added here becomes one per partition.
    """

    Status = Status

    event_type = models.CharField(_("event"), max_length=120)
    event_version = models.PositiveSmallIntegerField(_("version"), default=1)
    ordering_key = models.CharField(_("ordering key"), max_length=LONGEST_KEY)
    shard = models.PositiveSmallIntegerField(_("shard"))
    payload = models.JSONField(_("payload"))
    status = models.CharField(
        _("status"), max_length=8, choices=Status.choices, default=Status.PENDING, db_default=Status.PENDING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, db_default=0)
    available_at = models.DateTimeField(_("due"))
    created_at = models.DateTimeField(_("emitted"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    # A dead letter that an operator has dealt with. It stays, so that the decision can be seen and taken back.
    discarded_at = models.DateTimeField(_("discarded"), null=True)
    error = models.CharField(_("last error"), max_length=300, default="", db_default="")
    # The request that the change came from, as the logs name it.
    trace = models.CharField(_("request"), max_length=64, default="", db_default="")
    # Which error that was (results.fingerprint_of): equal for events that fail for one reason.
    error_group = models.CharField(_("error group"), max_length=16, default="", db_default="")
    # The dead letter in whose place an operator emitted this event. No foreign key: that one may be pruned first.
    edited_from = models.BigIntegerField(_("edited from"), null=True)

    class Meta:
        db_table = "platform_outbox"
        verbose_name = _("event")
        verbose_name_plural = _("events")
        permissions: ClassVar = [("view_payload", "Can read what events say")]
        indexes: ClassVar = [
            # The workers' claim: what is open in one shard, oldest first.
            models.Index(
                name="platform_outbox_claim", fields=["shard", "id"], condition=Q(status__in=["pending", "failed"])
            ),
            # The workers' clock: the next retry or scheduled event. What is due at once stays out of it.
            models.Index(
                name="platform_outbox_waiting",
                fields=["available_at"],
                condition=Q(status__in=["pending", "failed"]) & Q(available_at__gt=models.F("created_at")),
            ),
            # The claim's second look, when one key fills a batch: the heads of the other keys that wait in the shard.
            models.Index(
                name="platform_outbox_keys",
                fields=["shard", "ordering_key", "id"],
                condition=Q(status__in=["pending", "failed"]),
            ),
            # The operators' list of dead letters and its count.
            models.Index(name="platform_outbox_dead", fields=["id"], condition=Q(status="dead", discarded_at=None)),
            # What failed and waits, or is under way: few among many, for the operators' counts and lists.
            models.Index(
                name="platform_outbox_unsettled", fields=["status", "id"], condition=Q(status__in=["failed", "sending"])
            ),
            # The operators' list of what was discarded.
            models.Index(name="platform_outbox_discarded", fields=["id"], condition=Q(discarded_at__isnull=False)),
            # The operators' list of errors: it hops from one group and event type to the next.
            models.Index(
                name="platform_outbox_errors",
                fields=["error_group", "event_type", "id"],
                condition=Q(status="dead", discarded_at=None),
            ),
            # Has a dead letter been replaced? Then it must not run any more.
            models.Index(name="platform_outbox_edited", fields=["edited_from"], condition=Q(edited_from__isnull=False)),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="platform_outbox_status", condition=Q(status__in=["pending", "sending", "sent", "failed", "dead"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} #{self.pk}"


class Delivery(models.Model):
    """How far one handler is with one event.

    Written when the handlers of an event are not all through at once. A failed delivery holds back the younger
    events of its ordering key for that handler, so these rows are also the list of holds.

    For an `io` handler it is written when the event is handed over, and is what the external pools claim: `sending`
    means that one holds a lease on it. Of an ordered handler only the head of a key's queue can be claimed; the others
    are `queued` behind it.
    """

    # Without a constraint in the database: it would cost a look-up per row in the hottest transaction, and
    # messages are only ever deleted together with their deliveries (retention.prune).
    message = models.ForeignKey(
        OutboxMessage, models.DO_NOTHING, related_name="deliveries", db_constraint=False, db_index=False
    )
    handler = models.CharField(_("handler"), max_length=120)
    ordering_key = models.CharField(_("ordering key"), max_length=LONGEST_KEY)
    shard = models.PositiveSmallIntegerField(_("shard"))
    status = models.CharField(_("status"), max_length=8, choices=Status.choices)
    attempts = models.PositiveSmallIntegerField(_("attempts"))
    available_at = models.DateTimeField(_("due"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    # Since when every try met a destination that was down; such tries count only after a day.
    failing_since = models.DateTimeField(_("destination down since"), null=True)
    io = models.BooleanField(_("outside"), default=False, db_default=False)
    destination = models.CharField(_("destination"), max_length=200, default="", db_default="", db_column="neighbour")
    queued = models.BooleanField(_("queued"), default=False, db_default=False, db_column="in_line")
    ordered = models.BooleanField(_("ordered"), default=False, db_default=False)
    # Dead, and its queue waits for an operator.
    halts = models.BooleanField(_("halts its queue"), default=False, db_default=False)
    lease_token = models.UUIDField(_("lease"), null=True)
    lease_until = models.DateTimeField(_("leased until"), null=True)
    locked_by = models.CharField(_("leased by"), max_length=120, default="", db_default="")

    class Meta:
        db_table = "platform_outbox_delivery"
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes: ClassVar = [
            # The claim asks which keys are held back in its shard; there are as many rows as sick keys.
            models.Index(name="platform_outbox_held", fields=["shard"], condition=Q(status="failed", io=False)),
            # And which by a dead letter of a handler that halts.
            models.Index(name="platform_outbox_halted", fields=["shard"], condition=Q(halts=True, io=False)),
            # The external pool's look: who has something to be called for, and what is due first.
            models.Index(
                name="platform_outbox_io_due",
                fields=["handler", "destination", "available_at"],
                condition=Q(io=True, queued=False, status__in=["pending", "failed"]),
            ),
            # A queue of an ordered handler, oldest first, and who is at its head.
            models.Index(
                name="platform_outbox_io_line",
                fields=["handler", "ordering_key", "message"],
                condition=Q(ordered=True) & (Q(status__in=["pending", "failed", "sending"]) | Q(halts=True)),
            ),
            models.Index(
                name="platform_outbox_io_head",
                fields=["handler", "ordering_key"],
                condition=Q(ordered=True, queued=False, status__in=["pending", "failed", "sending"]),
            ),
            # The leases that may have run out.
            models.Index(name="platform_outbox_io_leased", fields=["lease_until"], condition=Q(status="sending")),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(name="platform_outbox_delivery_once", fields=["message", "handler"]),
        ]

    def __str__(self) -> str:
        return f"{self.handler} #{self.message_id}"


class Breaker(models.Model):
    """Whether a destination of an `io` handler can be called. No row means that it can."""

    class State(models.TextChoices):
        CLOSED = "closed", _("Closed: calls go through")
        OPEN = "open", _("Open: calls wait")
        HALF_OPEN = "half_open", _("Half open: one call is a probe")

    handler = models.CharField(_("handler"), max_length=120)
    destination = models.CharField(_("destination"), max_length=200, db_column="neighbour")
    state = models.CharField(_("state"), max_length=9, choices=State.choices)
    # Outages in a row: the first failure, then each probe that failed.
    failures = models.PositiveIntegerField(_("failures"), default=0, db_default=0)
    opened_at = models.DateTimeField(_("open since"), null=True)
    # When a probe may go out; with an open breaker that has none, only an operator closes it.
    retry_at = models.DateTimeField(_("next probe"), null=True)
    error = models.CharField(_("last error"), max_length=300, default="", db_default="")

    class Meta:
        db_table = "platform_outbox_breaker"
        verbose_name = _("breaker")
        verbose_name_plural = _("breakers")
        constraints: ClassVar = [
            models.UniqueConstraint(name="platform_outbox_breaker_once", fields=["handler", "destination"]),
            models.CheckConstraint(
                name="platform_outbox_breaker_state", condition=Q(state__in=["closed", "open", "half_open"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.handler} → {self.destination}: {self.state}"


class Attempt(models.Model):
    """One failure, or one decision of an operator, in the history of an event."""

    class Outcome(models.TextChoices):
        FAILED = "failed", _("Failed")
        DEAD = "dead", _("Gave up")
        REQUEUED = "requeued", _("Requeued by an operator")
        DISCARDED = "discarded", _("Discarded by an operator")
        RESTORED = "restored", _("Taken back by an operator")
        EDITED = "edited", _("Replaced by an edited event")
        REPLAY_FAILED = "replay_failed", _("Failed in a replay")

    message = models.ForeignKey(OutboxMessage, models.DO_NOTHING, related_name="history", db_constraint=False)
    handler = models.CharField(_("handler"), max_length=120)
    number = models.PositiveSmallIntegerField(_("attempt"))
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome.choices)
    worker = models.CharField(_("worker"), max_length=120)
    error_class = models.CharField(_("error class"), max_length=200)
    error_message = models.TextField(_("error message"))
    traceback = models.TextField(_("traceback"))
    at = models.DateTimeField(_("at"))

    class Meta:
        db_table = "platform_outbox_attempt"
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")

    def __str__(self) -> str:
        return f"{self.outcome} #{self.message_id}"


class Worker(models.Model):
    """A worker process that is, or was lately, alive."""

    name = models.CharField(_("worker"), max_length=120, primary_key=True)
    broker = models.CharField(_("broker"), max_length=20)
    started_at = models.DateTimeField(_("started"))
    heartbeat_at = models.DateTimeField(_("last heartbeat"))

    class Meta:
        db_table = "platform_worker"
        verbose_name = _("worker")
        verbose_name_plural = _("workers")

    def __str__(self) -> str:
        return self.name


class Replay(models.Model):
    """One handler run again over events of the past: what was asked for, and how far it is."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        BY_WORKERS = "worker", _("Running in the workers")
        STOPPED = "stopped", _("Stopped, can go on")
        FINISHED = "finished", _("Finished")

    handler = models.CharField(_("handler"), max_length=120)
    event_types = models.JSONField(_("events"))
    ordering_key = models.CharField(_("ordering key"), max_length=LONGEST_KEY, default="")
    emitted_from = models.DateTimeField(_("emitted from"), null=True)
    emitted_to = models.DateTimeField(_("emitted before"), null=True)
    # Ids, fixed at the start: what is emitted meanwhile is handled anyway.
    first = models.BigIntegerField(_("first"))
    last = models.BigIntegerField(_("last"))
    rate = models.PositiveIntegerField(_("events a second, at most"), null=True)
    keep_going = models.BooleanField(_("go on after a failure"), default=False)
    by = models.CharField(_("by"), max_length=120)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.RUNNING)
    # Everything through this id is done. Written in the transaction of the effects.
    cursor = models.BigIntegerField(_("done through"))
    handled = models.BigIntegerField(_("events handled"), default=0)
    failed = models.BigIntegerField(_("events failed"), default=0)
    error = models.CharField(_("last error"), max_length=300, default="")
    created_at = models.DateTimeField(_("asked for"))
    moved_at = models.DateTimeField(_("last step"))
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        db_table = "platform_outbox_replay"
        verbose_name = _("replay")
        verbose_name_plural = _("replays")

    def __str__(self) -> str:
        return f"{self.handler} #{self.pk}"

    @property
    def is_under_way(self) -> bool:
        return self.state in (self.State.RUNNING, self.State.BY_WORKERS)

    @property
    def percent(self) -> int:
        """How much of the ids' range is behind it; 100 only when it is finished."""
        if self.state == self.State.FINISHED:
            return 100
        return min(99, (self.cursor - self.first + 1) * 100 // max(1, self.last - self.first + 1))


class Pause(models.Model):
    """A handler or a shard that an operator stopped for a while. In force until `resumed_at`; kept as a record."""

    class Kind(models.TextChoices):
        HANDLER = "handler", _("Handler")
        SHARD = "shard", _("Shard")

    kind = models.CharField(_("kind"), max_length=7, choices=Kind.choices)
    target = models.CharField(_("target"), max_length=120)
    by = models.CharField(_("by"), max_length=120)
    reason = models.CharField(_("reason"), max_length=300)
    at = models.DateTimeField(_("paused"))
    resumed_at = models.DateTimeField(_("resumed"), null=True)
    resumed_by = models.CharField(_("resumed by"), max_length=120, default="", db_default="")

    class Meta:
        db_table = "platform_outbox_pause"
        verbose_name = _("pause")
        verbose_name_plural = _("pauses")
        constraints: ClassVar = [
            # One pause at a time; also the index by which every batch asks.
            models.UniqueConstraint(
                name="platform_outbox_pause_once", fields=["kind", "target"], condition=Q(resumed_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"


class CurrentTurn(models.Model):
    """What a worker is at in a shard; empty `ids` when it is through.

    Written outside of the batch's transaction before any handler runs, and emptied inside it. So the worker that gets the
    shard and finds ids here knows that the batch before did not come to its end, and which events it had in hand.
    """

    shard = models.PositiveSmallIntegerField(_("shard"), primary_key=True)
    worker = models.CharField(_("worker"), max_length=120)
    ids = ArrayField(models.BigIntegerField(), verbose_name=_("events"))
    # Known when the event runs alone, and when it ran for too long.
    handler = models.CharField(_("handler"), max_length=120, default="", db_default="")
    # The batch was cut off because the handler took too long.
    overran = models.BooleanField(_("took too long"), default=False, db_default=False)
    at = models.DateTimeField(_("since"))

    class Meta:
        db_table = "platform_outbox_turn"
        verbose_name = _("current batch")
        verbose_name_plural = _("current batches")

    def __str__(self) -> str:
        return f"{self.shard}: {self.ids}"


class Quarantined(models.Model):
    """An event that a worker had in hand when it died. It runs alone, until it is through or has killed three workers."""

    message_id = models.BigIntegerField(_("event"), primary_key=True)
    shard = models.PositiveSmallIntegerField(_("shard"))
    crashes = models.PositiveSmallIntegerField(_("workers lost"))
    # Which handler was running; empty while only a whole batch is known.
    handler = models.CharField(_("handler"), max_length=120)
    # It took too long and still has to be charged an attempt for that.
    overran = models.BooleanField(_("took too long"))
    worker = models.CharField(_("last worker"), max_length=120)
    at = models.DateTimeField(_("at"))

    class Meta:
        db_table = "platform_outbox_suspect"
        verbose_name = _("quarantined event")
        verbose_name_plural = _("quarantined events")
        indexes: ClassVar = [
            # Every batch asks for those of its shard; mostly there are none.
            models.Index(name="platform_outbox_suspects", fields=["shard"]),
        ]

    def __str__(self) -> str:
        return f"#{self.message_id}"


class Periodic(models.Model):
    """One periodic job: when it is due, and how its last run went. The row is also the lock of the job."""

    name = models.CharField(_("job"), max_length=120, primary_key=True)
    seconds = models.FloatField(_("interval in seconds"))
    due_at = models.DateTimeField(_("due"))
    last_run_at = models.DateTimeField(_("last run"), null=True)
    last_done_at = models.DateTimeField(_("last success"), null=True)
    last_seconds = models.FloatField(_("seconds it took"), null=True)
    worker = models.CharField(_("worker"), max_length=120, default="", db_default="")
    failures = models.PositiveSmallIntegerField(_("failures in a row"), default=0, db_default=0)
    error = models.TextField(_("last error"), default="", db_default="")
    leased_by = models.CharField(_("leased by"), max_length=32, default="", db_default="", editable=False)
    leased_until = models.DateTimeField(_("leased until"), null=True, editable=False)

    class Meta:
        db_table = "platform_outbox_periodic"
        verbose_name = _("periodic job")
        verbose_name_plural = _("periodic jobs")

    def __str__(self) -> str:
        return self.name


class Minute(models.Model):
    """What came of one event type at one handler within a minute, over all workers. For charts."""

    minute = models.DateTimeField(_("minute"))
    handler = models.CharField(_("handler"), max_length=120)
    event_type = models.CharField(_("event"), max_length=120)
    sent = models.PositiveIntegerField(_("sent"))
    failed = models.PositiveIntegerField(_("failed"))
    dead = models.PositiveIntegerField(_("gave up"))
    seconds = models.FloatField(_("seconds in the handler"))
    # How many of the sent ones took how long from the change to the effect, see history.BOUNDS.
    latencies = ArrayField(models.PositiveIntegerField())

    class Meta:
        db_table = "platform_outbox_minute"
        verbose_name = _("minute")
        verbose_name_plural = _("minutes")
        constraints: ClassVar = [
            # The workers' upsert and, from its first column, the charts and the clean-up.
            models.UniqueConstraint(name="platform_outbox_minute_once", fields=["minute", "handler", "event_type"]),
        ]

    def __str__(self) -> str:
        return f"{self.handler} {self.minute:%H:%M}"


class Tally(models.Model):
    """A counter (monitoring/metrics.py), of one shard; those that belong to none are in shard 0."""

    shard = models.PositiveSmallIntegerField(_("shard"))
    metric = models.CharField(_("metric"), max_length=40)
    first = models.CharField(_("first label"), max_length=120)
    second = models.CharField(_("second label"), max_length=120)
    count = models.PositiveBigIntegerField(_("count"))

    class Meta:
        db_table = "platform_outbox_tally"
        verbose_name = _("counter")
        verbose_name_plural = _("counters")
        constraints: ClassVar = [
            models.UniqueConstraint(name="platform_outbox_tally_once", fields=["shard", "metric", "first", "second"]),
        ]

    def __str__(self) -> str:
        return f"{self.metric} {self.first} {self.second}: {self.count}"


class Sample(models.Model):
    """The newest figures about the whole outbox, in one row (monitoring/snapshot.py)."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    taken_at = models.DateTimeField()
    figures = models.JSONField()

    class Meta:
        db_table = "platform_outbox_sample"
        verbose_name = _("sample")
        verbose_name_plural = _("samples")

    def __str__(self) -> str:
        return f"{self.taken_at}"
