"""How long the outbox waits, looks and remembers: every constant of time, with its reason.

What an operator may want to change is a setting instead (docs/configuration.md). Seconds, unless it says otherwise.
"""

import datetime

# Retries of handlers and calls; the growth between the tries is a setting.
LONGEST_RETRY = 3600.0  # nothing waits longer for its next try
OUTAGE_PATIENCE = datetime.timedelta(hours=24)  # so long a destination that is down costs no attempts
LONGEST_OUTAGE_RETRY = 300.0  # its end is noticed soon, without asking all the time
LONGEST_WISH = 3600.0  # a destination may ask for a pause (429 with Retry-After), but not for ever
SHORTEST_PROBE = 0.1  # however eager the settings: nobody who is down is asked more often
LONGEST_PROBE = 900.0  # an open breaker lets a probe through at least so often
# Events behind a halting dead letter; an operator's decision wakes them at once.
HALTED_LOOK = datetime.timedelta(hours=1)

# Claiming.
LOW_WATER_EVERY = 5.0  # a shard's low-water mark moves so often: a query, so not at every batch
FULL_LOOK_EVERY = 60.0  # now and then a claim looks below the mark, whatever it says
UNKNOWN_EVERY = 5.0  # an event of a newer release is passed over for so long before the next look
JUST_COME = datetime.timedelta(seconds=1)  # so young is an event that a long queue makes room for

# Workers.
HEARTBEAT_EVERY = 10.0
ALIVE_SECONDS = 30  # three heartbeats
RECONNECT = (0.2, 5.0)  # between tries to reach the database, first and longest
BUSY = (0.01, 0.5)  # before the next look at a shard that another worker has: it may die
IDLE_IN_TRANSACTION = 300.0  # the server ends a handler that sits on its transaction, should the watchdog have died
STAND_BACK = 0.02  # longest time that a batch of a backlog yields to new events: it holds a transaction open
STALE_BATCH_GRACE = 0.3  # a living worker that broke off a batch may take it up again before others do
STOP = 18.0  # SIGTERM to exit: orchestrators send SIGKILL after 30 s, the guide promises 20
STOP_WHEN_STUCK = 4.0  # the same when one thread is known not to end
WATCH_EVERY = 1.0
STANDSTILL = 30.0  # so long after the time limit a handler must be keeping the whole interpreter to itself

# Calls to the outside.
LONGEST_LEASES = 10  # lease lengths until a call counts as hanging, unless its handler says otherwise
FORGOTTEN_AFTER = 3600.0  # a delivery that nobody takes for so long belongs to a handler that no worker knows
CALLS_FAREWELL = 10.0  # calls under way at SIGTERM may end within this time
CALLS_RECONNECT = 1.0

# Periodic jobs.
LONGEST_JOB_RETRY = 300.0  # or the job's own interval, where that is longer
LOOK_AT_JOBS_EVERY = 60.0  # a job's row may change without this process: an operator, another version, a turned clock
MINUTES_KEPT = datetime.timedelta(days=14)  # charts look back over hours, operators sometimes over days
FILES_KEPT = datetime.timedelta(days=30)  # time enough to fetch an export

# Wake-ups.
NOTIFY_EVERY = 0.01  # a burst of commits becomes one notification
NOTIFY_EVERY_WHEN_BUSY = 0.2  # where a process commits often: waking its thread would cost more than waiting does
NOTIFY_BUSY_FROM = 70.0  # commits a second
NOTIFY_RATE_OVER = 0.2  # seconds over which they are counted
NOTIFY_FAREWELL = 2.0  # a short-lived process, such as a management command, waits so long for its last notification
# A road that failed is left alone: one that hangs delays the other.
CLOSED_AFTER_FAILURE = {"database": 0.2, "broker": 5.0}
