"""Writing down what came of a batch: the rows' states, the deliveries, the history of failures."""

import datetime
import hashlib
import re
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePath

from platform_outbox.external import queues
from platform_outbox.external.queues import HandOver
from platform_outbox.models import Attempt, Status, event_status
from platform_outbox.monitoring import metrics
from platform_outbox.monitoring.metrics import Tally
from platform_outbox.processing.claim import Claimed
from platform_outbox.sql import QUERIES, rows_of

LONGEST_TRACEBACK = 20_000
LONGEST_MESSAGE = 2_000
LONGEST_FINGERPRINTED = 400  # so much of a message is looked at to tell one error from another

# Each is what differs between two events that fail for one reason.
_VARIABLE = (
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "<address>"),
    (re.compile(r"=\([^)]*\)"), "=(…)"),  # PostgreSQL: Key (id)=(5) already exists
    (re.compile(r"'[^']*'"), "'…'"),  # Python quotes values so; PostgreSQL's names stand in double quotes and stay
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "#"),
    (re.compile(r"\d+"), "#"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How far one handler is with one event; `fresh` if that was found out in this batch.

    With `io` the external pools have it; in this batch it can only be handed over.
    """

    status: str
    attempts: int
    error: Exception | None = None
    retry_at: datetime.datetime | None = None  # for FAILED
    fresh: bool = False
    recorded: bool = False  # a delivery row exists
    failing_since: datetime.datetime | None = None  # every try since then met a destination that was down
    counted: bool = True  # the last try is one of the attempts
    io: bool = False
    destination: str = ""
    ordered: bool = False
    halts: bool = False  # dead, and younger events of the key wait for an operator

    @property
    def is_open(self) -> bool:
        """Something is left to do in a batch."""
        return self.status in (Status.PENDING, Status.FAILED) and not self.io

    def is_due(self, now: datetime.datetime) -> bool:
        return self.is_open and (self.retry_at is None or self.retry_at <= now)


# What comes of most calls.
AT_FIRST = Outcome(status=Status.SENT, attempts=1, fresh=True)


@dataclass(slots=True, kw_only=True)
class ResultWriter:
    """Collects what is to be written for a batch, counts it, and writes all of it in a few statements."""

    now: datetime.datetime
    shard: int
    worker: str
    _sent: list[str] = field(default_factory=list)  # ids, as PostgreSQL writes them in an array
    _states: list[tuple[object, ...]] = field(default_factory=list)
    _deliveries: list[tuple[object, ...]] = field(default_factory=list)
    _attempts: list[Attempt] = field(default_factory=list)
    _handovers: list[HandOver] = field(default_factory=list)
    _counts: Counter[Tally] = field(default_factory=Counter)

    def enter(
        self, row: Claimed, outcomes: dict[str, Outcome], *, several: bool, waits_until: datetime.datetime | None
    ) -> str:
        """Note one event's outcomes; returns the state it gets.

        `several` says that the event has more than one handler, `waits_until` that one of them has to wait for an
        older event of the same key.
        """
        # The common case, and the hottest: everything at once. The event itself says that all its handlers are through.
        others = [outcome for outcome in outcomes.values() if outcome is not AT_FIRST]
        state: str = Status.SENT
        if others or waits_until is not None:
            states = [(outcome.status, outcome.io) for outcome in outcomes.values()]
            state = event_status(states, waiting=waits_until is not None)
        at_once = state == Status.SENT and not row.seen_before
        if at_once:
            self._sent.append(str(row.id))
        else:
            self._states.append(self._state_row(row, outcomes, state, waits_until))
        for handler, outcome in outcomes.items():
            name = handler or "none"
            if not outcome.fresh:
                if outcome.status == Status.SENT:
                    self._counts[metrics.tally(metrics.DUPLICATES_SUPPRESSED, name)] += 1
                continue
            if outcome.io:
                self._handovers.append(
                    HandOver(row.id, handler, row.ordering_key, self.shard, outcome.destination, outcome.ordered)
                )
                continue
            self._counts[metrics.tally(metrics.PROCESSED, name, str(outcome.status))] += 1
            if outcome.attempts > 1:
                self._counts[metrics.tally(metrics.RETRIES, name)] += 1
            if handler and not at_once and (several or outcome.recorded or outcome.status != Status.SENT):
                finished_at = None if outcome.is_open else self.now
                self._deliveries.append(
                    (row.id, handler, row.ordering_key, self.shard, outcome.status, outcome.attempts,
                     outcome.retry_at or self.now, finished_at, outcome.failing_since, outcome.halts)
                )  # fmt: skip
            if outcome.error is not None:
                self._counts[metrics.tally(metrics.FAILURES, name, type(outcome.error).__name__)] += 1
                number = outcome.attempts + (0 if outcome.counted else 1)
                dead = outcome.status == Status.DEAD
                self._attempts.append(
                    attempt_row(
                        row.id, handler, outcome.error, number=number, dead=dead, worker=self.worker, at=self.now
                    )
                )
        return state

    def write(self, *, ends_batch: bool) -> None:
        """`ends_batch` when it was noted that this batch is under way."""
        steps: list[tuple[str, tuple[object, ...]]] = []
        if ends_batch:
            steps.append((QUERIES["end_batch"], (self.shard,)))
        if self._counts:
            steps.append(metrics.adding(self._counts, shard=self.shard))
        if self._sent:
            steps.append((QUERIES["mark_sent"], (self.now, f"{{{','.join(self._sent)}}}")))
        if steps:
            # Several changes of several tables as one statement: at every batch, each journey to the server counts.
            *before, (last, _) = steps
            named = ", ".join(f"step_{number} AS ({statement})" for number, (statement, _) in enumerate(before))
            rows_of(f"WITH {named} {last}" if named else last, [value for _, values in steps for value in values])
        for name, rows in (("mark_events", self._states), ("mark_deliveries", self._deliveries)):
            if rows:
                rows_of(QUERIES[name], [list(column) for column in zip(*rows, strict=True)])
        if self._attempts:
            Attempt.objects.bulk_create(self._attempts)
        if self._handovers:
            # Last, because it takes a lock that finishing calls wait for.
            queues.hand_over(self._handovers, now=self.now)

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
            self.now if state in (Status.SENT, Status.DEAD) else None,
            brief(errors[-1]) if errors else None,
            fingerprint_of(errors[-1]) if errors else None,
        )


def attempt_row(
    message_id: int, handler: str, error: Exception, *, number: int, dead: bool, worker: str, at: datetime.datetime
) -> Attempt:
    """A failure as the history tells it; not saved."""
    outcome, worker = Attempt.Outcome.DEAD if dead else Attempt.Outcome.FAILED, clean(worker, 120)
    return Attempt(
        message_id=message_id, handler=handler, number=number, outcome=outcome, worker=worker, at=at, **failure(error)
    )


def failure(error: Exception) -> dict[str, str]:
    """The fields of an Attempt that tell of an exception."""
    return {
        "error_class": clean(f"{type(error).__module__}.{type(error).__qualname__}", 200),
        "error_message": clean(str(error), LONGEST_MESSAGE),
        "traceback": clean("".join(traceback.format_exception(error)), LONGEST_TRACEBACK),
    }


def brief(error: Exception) -> str:
    """An error in one line, for lists."""
    return clean(f"{type(error).__name__}: {error}", 300)


def first_line_of(error: BaseException) -> str:
    """What an error says, short enough for a line of the log."""
    return str(error).strip().split("\n")[0]


def clean(text: str, longest: int) -> str:
    """The text, shortened in its middle, in a form that PostgreSQL can store: an error about a bad character may quote it."""
    storable = text.replace("\x00", "\\0").encode("utf-8", "backslashreplace").decode("utf-8")
    return storable if len(storable) <= longest else f"{storable[: longest // 2 - 1]}…{storable[-(longest // 2) :]}"


def fingerprint_of(error: BaseException) -> str:
    """16 hexadecimal digits, equal for failures that an operator would call the same error.

    That is: same class, same place, same words apart from numbers and names in them. The place is file and function of
    the innermost frame that is not a library's; line numbers move with every release.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename] or list(frames)
    place = f"{'/'.join(PurePath(own[-1].filename).parts[-3:])}:{own[-1].name}" if own else ""
    text = "\n".join([f"{type(error).__module__}.{type(error).__qualname__}", place, normalised(str(error))])
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def normalised(message: str) -> str:
    text = message.strip().split("\n")[0][:LONGEST_FINGERPRINTED]
    for pattern, stand_in in _VARIABLE:
        text = pattern.sub(stand_in, text)
    return text
