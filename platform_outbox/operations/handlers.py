from platform_outbox.operations.events import OperationRequested
from platform_outbox.operations.progress import OperationInterrupted
from platform_outbox.operations.running import carry_out
from platform_outbox.registry import Context, Interrupted, on

# A worker that died in an operation is missed after this.
LEASE_SECONDS = 30.0
# No operation may take longer than a day in one go.
LONGEST_SECONDS = 24 * 3600.0


# Unordered: an operation that takes an hour keeps nobody else waiting.
@on(
    OperationRequested,
    name="operations.carry_out",
    io=True,
    ordered=False,
    lease_seconds=LEASE_SECONDS,
    longest_seconds=LONGEST_SECONDS,
)
def carry_out_requested(event: OperationRequested, context: Context) -> None:
    """Carry the run out, or go on where a worker that is gone has stopped."""
    try:
        carry_out(run_id=event.run_id, goes_on=lambda: context.still_mine() and not context.stopping())
    except OperationInterrupted as interruption:
        raise Interrupted from interruption
