"""What identity does every so often; the outbox's workers call it."""

from identity.pruning import prune_access
from platform_outbox.scheduler import Run, every


@every("identity.prune_access", seconds=86_400)
def prune(run: Run) -> None:
    """Old audit records, expired tokens and sessions."""
    prune_access(now=run.now)
