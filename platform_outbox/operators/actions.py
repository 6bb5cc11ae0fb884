"""What operators can do: try again, discard and take that back, pause. Written into events' history."""

import datetime
import getpass
from collections.abc import Callable, Collection

from django.db import transaction
from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.utils import timezone

from platform_outbox import sql
from platform_outbox.emit import SHARDS
from platform_outbox.external import queues
from platform_outbox.models import Attempt, Breaker, Delivery, OutboxMessage, Pause, Status
from platform_outbox.registry import all_handlers
from platform_outbox.wakeup.notifier import notifier


def requeue(*, ids: Collection[int], by: str) -> int:
    """Try dead and waiting events again at once, with all their attempts before them; returns how many.

    Handlers that have handled an event are not run again. `by` names the operator in the history. Events that an
    edited one has replaced stay as they are.
    """
    with transaction.atomic():
        rows = _lock(ids, condition_of(requeue))
        found = [row.pk for row in rows]
        # The clock by which workers go: what is due by a clock ahead of it would wait.
        ((now,),) = sql.fetch("clock", (None,))
        only_calls = [event_id for (event_id,) in sql.fetch("only_calls_left", (found,))]
        OutboxMessage.objects.filter(pk__in=found).update(
            status=Case(When(pk__in=only_calls, then=Value(Status.SENDING)), default=Value(Status.PENDING)),
            attempts=0,
            available_at=now,
            finished_at=None,
            discarded_at=None,
        )
        Delivery.objects.filter(message__in=found, status__in=[Status.DEAD, Status.FAILED], io=False).update(
            status=Status.PENDING, attempts=0, available_at=now, finished_at=None, failing_since=None, halts=False
        )
        _settle(rows, outcome=Attempt.Outcome.REQUEUED, by=by, now=now)
        # Last, because it takes the queues' lock: a transaction that waits for it may hold an event that is woken above.
        _change_calls("requeue_calls", found, now)
    return len(rows)


def discard(*, ids: Collection[int], by: str) -> int:
    """Give up on dead and waiting events, and on those whose calls to the outside are still to come; returns how many.

    They stay readable and can be requeued, but no longer count as dead letters, and events behind them continue. A call
    that is under way cannot be taken back; its result is not recorded.
    """
    with transaction.atomic():
        rows = _lock(ids, condition_of(discard))
        found = [row.pk for row in rows]
        now = timezone.now()
        OutboxMessage.objects.filter(pk__in=found).update(status=Status.DEAD, finished_at=now, discarded_at=now)
        Delivery.objects.filter(message__in=found, status=Status.FAILED, io=False).update(
            status=Status.DEAD, finished_at=now
        )
        Delivery.objects.filter(message__in=found, halts=True, io=False).update(halts=False)
        _settle(rows, outcome=Attempt.Outcome.DISCARDED, by=by, now=now)
        _change_calls("discard_calls", found, now)
    return len(rows)


def restore(*, ids: Collection[int], by: str) -> int:
    """Take back `discard`: the events are dead letters again; returns how many.

    What was replaced by an edited event stays discarded.
    """
    with transaction.atomic():
        rows = _lock(ids, condition_of(restore))
        OutboxMessage.objects.filter(pk__in=[row.pk for row in rows]).update(discarded_at=None)
        _settle(rows, outcome=Attempt.Outcome.RESTORED, by=by, now=timezone.now())
    return len(rows)


def condition_of(deed: Callable[..., int]) -> Q:
    """Which events `requeue`, `discard` or `restore` would take."""
    if deed is discard:
        return Q(status__in=[Status.FAILED, Status.SENDING]) | Q(status=Status.DEAD, discarded_at=None)
    replaced = Q(Exists(OutboxMessage.objects.filter(edited_from=OuterRef("pk"))))
    if deed is restore:
        return Q(status=Status.DEAD, discarded_at__isnull=False) & ~replaced
    waits_outside = Delivery.objects.filter(message=OuterRef("pk"), io=True, status__in=[Status.DEAD, Status.FAILED])
    unfinished = Q(status__in=[Status.DEAD, Status.FAILED]) | (Q(status=Status.SENDING) & Q(Exists(waits_outside)))
    return unfinished & ~replaced


class NothingToPause(ValueError):
    """No handler or shard has this name."""


def pause(*, kind: str, target: str, by: str, reason: str) -> Pause:
    """Stop a handler ("insights.observe") or a shard ("17") until it is resumed; returns the pause in force.

    Batches under way finish, no further one begins. What a paused handler would handle waits, and is handled in order
    afterwards; other handlers of the same events continue. Pausing twice leaves the first pause as it is.
    Raises NothingToPause, ValueError for another kind.
    """
    targets = {
        Pause.Kind.HANDLER: [handler.name for handler in all_handlers()],
        Pause.Kind.SHARD: [str(shard) for shard in range(SHARDS)],
    }
    if target not in targets.get(Pause.Kind(kind), []):
        raise NothingToPause(f"No {kind} is called {target}.")
    wanted = {"by": by[:120], "reason": reason[:300], "at": timezone.now()}
    found, _ = Pause.objects.get_or_create(kind=kind, target=target, resumed_at=None, defaults=wanted)
    return found


def resume(*, kind: str, target: str, by: str) -> bool:
    """Resume a paused handler or shard; False when it was not paused."""
    with transaction.atomic():
        ended = Pause.objects.filter(kind=kind, target=target, resumed_at=None).update(
            resumed_at=timezone.now(), resumed_by=by[:120]
        )
        transaction.on_commit(lambda: notifier.notify(range(SHARDS) if kind == Pause.Kind.HANDLER else [int(target)]))
        transaction.on_commit(notifier.notify_external)
    return bool(ended)


def pauses() -> list[Pause]:
    return list(Pause.objects.filter(resumed_at=None).order_by("at", "id"))


def break_open(*, handler: str, neighbour: str, by: str, reason: str = "") -> Breaker:
    """Stop all calls of the handler to the destination until `reset_breaker`; those under way finish.

    Raises NothingToPause when there is no such `io` handler.
    """
    if not any(each.name == handler and each.io for each in all_handlers()):
        raise NothingToPause(f"No handler with calls to the outside is called {handler}.")
    told = f"Opened by {by}: {reason}" if reason else f"Opened by {by}"
    found, _ = Breaker.objects.update_or_create(
        handler=handler,
        destination=neighbour,
        defaults={"state": Breaker.State.OPEN, "retry_at": None, "opened_at": timezone.now(), "error": told[:300]},
    )
    return found


def reset_breaker(*, handler: str, neighbour: str, by: str) -> bool:
    """Close a breaker and make what waits for it due; False when it was not open."""
    with transaction.atomic():
        found = Breaker.objects.filter(handler=handler, destination=neighbour).exclude(state=Breaker.State.CLOSED)
        reset = found.update(
            state=Breaker.State.CLOSED, failures=0, opened_at=None, retry_at=None, error=f"Reset by {by}"[:300]
        )
        if reset:
            now = timezone.now()
            waiting = Delivery.objects.filter(io=True, handler=handler, destination=neighbour, status=Status.FAILED)
            waiting.filter(failing_since__isnull=False, available_at__gt=now).update(available_at=now)
            transaction.on_commit(notifier.notify_external)
    return bool(reset)


def breakers() -> list[Breaker]:
    return list(Breaker.objects.exclude(state=Breaker.State.CLOSED).order_by("opened_at", "id"))


def _lock(ids: Collection[int], condition: Q) -> list[OutboxMessage]:
    return list(OutboxMessage.objects.select_for_update().filter(condition, pk__in=list(ids)).order_by("pk"))


def _settle(rows: list[OutboxMessage], *, outcome: str, by: str, now: datetime.datetime) -> None:
    Attempt.objects.bulk_create(
        Attempt(message=row, handler="", number=row.attempts, outcome=outcome, worker=by[:120], at=now) for row in rows
    )
    shards = {row.shard for row in rows}
    sql.change("wake_followers", (list(shards), [row.ordering_key for row in rows]))
    transaction.on_commit(lambda: notifier.notify(shards, again=True))


def _change_calls(statement: str, ids: Collection[int], now: datetime.datetime) -> None:
    """Change the events' calls to the outside; the queues behind them move up."""
    if shards := [shard for (shard,) in sql.fetch("call_shards", (list(ids),))]:
        queues.lock(shards)
        queues.move_up(set(sql.fetch(statement, (now, list(ids)))))
        transaction.on_commit(notifier.notify_external)


def command_user(command: str) -> str:
    """How the history of an event names the user who runs the command."""
    try:
        return f"{getpass.getuser()} ({command})"
    except (KeyError, OSError):  # a container's user without a name
        return command
