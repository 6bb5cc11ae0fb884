"""What the workers count, under the names and meanings of docs/metrics.md.

Each process counts these for itself and begins with 0. What the database knows, such as how many runs there were, is
counted there (tallies.py); what is read from it, such as the length of the queue, is in samples.py and collectors.py.
"""

from prometheus_client import Counter, Histogram

_WAITS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
_STEPS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)

HANDLER_SECONDS = Histogram(
    "platform_outbox_handler_seconds",
    "Time in a handler per event; a batch's time is shared out.",
    ["handler"],
    buckets=_STEPS,
)
END_TO_END = Histogram(
    "platform_outbox_end_to_end_seconds",
    "From the commit of a change to the commit of its last effect.",
    buckets=_WAITS,
)
CLAIM_SECONDS = Histogram("platform_outbox_claim_seconds", "Time to claim a batch of events.", buckets=_STEPS)
BATCH_SIZE = Histogram(
    "platform_outbox_batch_size", "Events claimed in one transaction.", buckets=(1, 2, 5, 10, 25, 50, 100, 500)
)
WAKEUPS = Counter("platform_outbox_wakeups", "What woke a worker: bell, poll, timer or broker.", ["source"])
JOB_SECONDS = Histogram("platform_outbox_job_seconds", "Time of a run of a periodic job.", ["job"])
LEASES_LOST = Counter(
    "platform_outbox_lease_lost", "Calls that ended after their lease was lost; not marked.", ["handler"]
)
CALL_SECONDS = Histogram(
    "platform_outbox_call_seconds",
    "Length of calls of io handlers.",
    ["handler"],
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
TIMEOUTS = Counter("platform_outbox_timeouts", "Calls cut off after WORKER_TIME_LIMIT, by handler.", ["handler"])
REPLACEMENTS = Counter("platform_outbox_worker_replacements", "Workers that ended to be replaced.", ["reason"])
