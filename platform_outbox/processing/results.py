"""Writing down what came of a batch: the rows' states, the deliveries, the history of failures."""

import datetime
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from platform_outbox.external import queues
from platform_outbox.external.queues import HandOver
from platform_outbox.fast_sql import array_of, rows_of
from platform_outbox.models import Attempt, Status
from platform_outbox.monitoring import metrics as tallies
from platform_outbox.monitoring.metrics import Tally
from platform_outbox.processing.claim import Claimed
from platform_outbox.processing.fingerprint import fingerprint_of

LONGEST_TRACEBACK = 20_000
LONGEST_MESSAGE = 2_000

# Says that the turn came to its end, see logbook.py; together with the mark of the events, for it is done at every turn.
_END_TURN = "UPDATE platform_outbox_turn SET ids = '{}', handler = '', overran = false WHERE shard = %s"
_SENT = """
    UPDATE platform_outbox SET status = 'sent', attempts = 1, finished_at = %s WHERE id = ANY(%s::bigint[])
"""
_STATE = """
    UPDATE platform_outbox AS m
    SET status = new.status, attempts = new.attempts,
        -- Later than its emission is how the claim knows an event that may have deliveries.
        available_at = coalesce(greatest(new.available_at, m.created_at + interval '1 microsecond'), m.available_at),
        finished_at = new.finished_at,
        -- A later attempt that succeeds clears the error; another handler's success does not.
        error = CASE WHEN new.status = 'sent' THEN '' ELSE coalesce(new.error, m.error) END,
        error_group = CASE WHEN new.status = 'sent' THEN '' ELSE coalesce(new.error_group, m.error_group) END
    FROM unnest(%s::bigint[], %s::text[], %s::smallint[], %s::timestamptz[], %s::timestamptz[], %s::text[],
                %s::text[])
        AS new (id, status, attempts, available_at, finished_at, error, error_group)
    WHERE m.id = new.id
"""
_DELIVERY = """
    INSERT INTO platform_outbox_delivery
        (message_id, handler, ordering_key, shard, status, attempts, available_at, finished_at, failing_since, halts)
    SELECT message_id, handler, ordering_key, shard, status, attempts, available_at, finished_at, failing_since, halts
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::smallint[], %s::text[], %s::smallint[],
                %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::boolean[])
        AS new (message_id, handler, ordering_key, shard, status, attempts, available_at, finished_at, failing_since,
                halts)
    ON CONFLICT (message_id, handler) DO UPDATE
    SET status = EXCLUDED.status, attempts = EXCLUDED.attempts, available_at = EXCLUDED.available_at,
        finished_at = EXCLUDED.finished_at, failing_since = EXCLUDED.failing_since, halts = EXCLUDED.halts
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How far one handler is with one event; `fresh` if that was found out in this turn.

    With `io` the couriers have it; in this turn it can only be handed over.
    """

    status: str
    attempts: int
    error: Exception | None = None
    retry_at: datetime.datetime | None = None  # for FAILED
    fresh: bool = False
    recorded: bool = False  # a delivery row exists
    failing_since: datetime.datetime | None = None  # every try since then met a neighbour that was down
    counted: bool = True  # the last try is one of the attempts
    io: bool = False
    neighbour: str = ""
    ordered: bool = False
    halts: bool = False  # dead, and younger events of the key wait for an operator

    @property
    def is_open(self) -> bool:
        """Something is left to do in a turn."""
        return self.status in (Status.PENDING, Status.FAILED) and not self.io

    @property
    def is_outside(self) -> bool:
        """Something is left to do for the couriers."""
        return self.io and self.status in (Status.PENDING, Status.FAILED, Status.SENDING)


@dataclass(slots=True, kw_only=True)
class ResultWriter:
    """Collects what is to be written for a batch and writes it in a few statements."""

    now: datetime.datetime
    shard: int
    worker: str
    _sent: list[int] = field(default_factory=list)
    _states: list[tuple[object, ...]] = field(default_factory=list)
    _deliveries: list[tuple[object, ...]] = field(default_factory=list)
    _attempts: list[Attempt] = field(default_factory=list)
    _handovers: list[HandOver] = field(default_factory=list)

    @property
    def handed_over(self) -> int:
        return len(self._handovers)

    def enter(
        self, *, row: Claimed, outcomes: dict[str, Outcome], several: bool, waits_until: datetime.datetime | None
    ) -> str:
        """Note one event's outcomes; returns the state it gets.

        `several` says that the event has more than one handler, `waits_until` that one of them has to wait for an
        older event of the same key.
        """
        state = _state(outcomes, waiting=waits_until is not None)
        # The common case, and the hottest: everything at once. The event itself says that all its handlers are through.
        at_once = state == Status.SENT and not row.seen_before
        if at_once:
            self._sent.append(row.id)
        else:
            self._states.append(self._state_row(row, outcomes, state, waits_until))
        for handler, outcome in outcomes.items():
            if not outcome.fresh:
                continue
            if outcome.io:
                self._handovers.append(self._handover(row, handler, outcome))
            elif handler and not at_once and (several or outcome.recorded or outcome.status != Status.SENT):
                self._deliveries.append(self._delivery_row(row, handler, outcome))
            if outcome.error is not None:
                self._attempts.append(self._attempt(row, handler, outcome, outcome.error))
        return state

    def write(self, *, ends_turn: bool, counts: Mapping[Tally, int]) -> None:
        """`ends_turn` when the logbook says that this turn is under way; `counts` go to the counters."""
        steps: list[tuple[str, tuple[object, ...]]] = []
        if ends_turn:
            steps.append((_END_TURN, (self.shard,)))
        if counts:
            steps.append(tallies.adding(counts, shard=self.shard))
        if self._sent:
            steps.append((_SENT, (self.now, array_of(self._sent))))
        if steps:
            rows_of(*_at_once(steps))
        for statement, rows in ((_STATE, self._states), (_DELIVERY, self._deliveries)):
            if rows:
                rows_of(statement, [list(column) for column in zip(*rows, strict=True)])
        if self._attempts:
            Attempt.objects.bulk_create(self._attempts)
        if self._handovers:
            # Last, because it takes a lock that finishing calls wait for.
            queues.hand_over(self._handovers, now=self.now)

    def _handover(self, row: Claimed, handler: str, outcome: Outcome) -> HandOver:
        return HandOver(
            message_id=row.id,
            handler=handler,
            ordering_key=row.ordering_key,
            shard=self.shard,
            neighbour=outcome.neighbour,
            ordered=outcome.ordered,
        )

    def _state_row(
        self, row: Claimed, outcomes: dict[str, Outcome], state: str, waits_until: datetime.datetime | None
    ) -> tuple[object, ...]:
        times = [outcome.retry_at for outcome in outcomes.values() if outcome.is_open and outcome.retry_at is not None]
        due = min([*times, *([waits_until] if waits_until else [])], default=None)
        errors = [outcome.error for outcome in outcomes.values() if outcome.error is not None]
        return (
            row.id,
            state,
            max([row.attempts, *(outcome.attempts for outcome in outcomes.values())]),
            due,
            None if due or state == Status.SENDING else self.now,
            brief(errors[-1]) if errors else None,
            fingerprint_of(errors[-1]) if errors else None,
        )

    def _delivery_row(self, row: Claimed, handler: str, outcome: Outcome) -> tuple[object, ...]:
        return (
            row.id,
            handler,
            row.ordering_key,
            self.shard,
            outcome.status,
            outcome.attempts,
            outcome.retry_at or self.now,
            None if outcome.is_open else self.now,
            outcome.failing_since,
            outcome.halts,
        )

    def _attempt(self, row: Claimed, handler: str, outcome: Outcome, error: Exception) -> Attempt:
        return attempt_row(
            message_id=row.id,
            handler=handler,
            number=outcome.attempts + (0 if outcome.counted else 1),
            dead=outcome.status == Status.DEAD,
            worker=self.worker,
            error=error,
            at=self.now,
        )


def _at_once(steps: Sequence[tuple[str, tuple[object, ...]]]) -> tuple[str, list[object]]:
    """Several changes of several tables as one statement: at every turn, each journey to the server counts."""
    *before, (last, _) = steps
    named = ", ".join(f"step_{number} AS ({statement})" for number, (statement, _) in enumerate(before))
    return f"WITH {named} {last}" if named else last, [value for _, values in steps for value in values]


def failure(error: Exception) -> dict[str, str]:
    """The fields of an Attempt that tell of an exception."""
    return {
        "error_class": clean(f"{type(error).__module__}.{type(error).__qualname__}", 200),
        "error_message": clean(str(error), LONGEST_MESSAGE),
        "traceback": clean("".join(traceback.format_exception(error)), LONGEST_TRACEBACK),
    }


def attempt_row(
    *, message_id: int, handler: str, number: int, dead: bool, worker: str, error: Exception, at: datetime.datetime
) -> Attempt:
    """A failure as the history tells it; not saved."""
    return Attempt(
        message_id=message_id,
        handler=handler,
        number=number,
        outcome=Attempt.Outcome.DEAD if dead else Attempt.Outcome.FAILED,
        worker=clean(worker, 120),
        **failure(error),
        at=at,
    )


def brief(error: Exception) -> str:
    """An error in one line, for lists."""
    return clean(f"{type(error).__name__}: {error}", 300)


def clean(text: str, longest: int) -> str:
    """The end of the text in a form that PostgreSQL can store: an error about a bad character may quote it."""
    storable = text.replace("\x00", "\\0").encode("utf-8", "backslashreplace").decode("utf-8")
    return storable if len(storable) <= longest else f"{storable[: longest // 2 - 1]}…{storable[-(longest // 2) :]}"


def _state(outcomes: dict[str, Outcome], *, waiting: bool) -> str:
    if not waiting and all(outcome.status == Status.SENT for outcome in outcomes.values()):
        return Status.SENT
    if any(outcome.is_open and outcome.status == Status.FAILED for outcome in outcomes.values()):
        return Status.FAILED
    if waiting:
        return Status.PENDING
    if any(outcome.is_outside for outcome in outcomes.values()):
        return Status.SENDING
    states = {outcome.status for outcome in outcomes.values()}
    return Status.DEAD if Status.DEAD in states else Status.SENT
