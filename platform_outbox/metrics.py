"""What the workers count. Queue lengths come from the database, see collectors.py."""

from prometheus_client import Counter, Histogram

PROCESSED = Counter("platform_outbox_processed", "Events handled, by handler and outcome.", ["handler", "outcome"])
END_TO_END = Histogram(
    "platform_outbox_end_to_end_seconds",
    "From the commit of a change to the commit of its last effect.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)
BATCH_SIZE = Histogram(
    "platform_outbox_batch_size", "Events claimed in one transaction.", buckets=(1, 2, 5, 10, 25, 50, 100, 500)
)
WAKEUPS = Counter("platform_outbox_wakeups", "What woke a worker: bell, poll, timer or broker.", ["source"])
