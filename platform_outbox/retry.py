"""How long to wait before the next attempt."""

import datetime

# Tries that meet a neighbour that is down cost no attempt for as long as this.
PATIENCE = datetime.timedelta(hours=24)
# While a neighbour is down, somebody looks at least so often whether it is up again.
OUTAGE_CAP_SECONDS = 300.0

CAP_SECONDS = 3600.0


def delay_before(*, attempt: int, base: float, multiplier: float, luck: float) -> float:
    """Seconds to wait before attempt number `attempt` (2 for the first retry).

    Grows by `multiplier` from `base`, never above an hour. `luck` in [0, 1) spreads it over the upper half, so that
    events which failed together do not come back together.
    """
    # The exponent is capped as well: an operator may allow hundreds of attempts, and floats end at 10^308.
    grown = min(CAP_SECONDS, base * multiplier ** min(attempt - 2, 64))
    return grown * (0.5 + 0.5 * luck)


def delay_in_outage(*, lasting: datetime.timedelta, base: float, luck: float) -> float:
    """Seconds to wait while a neighbour is down: as long as it has been down already, within base and five minutes.

    `luck` in [0, 1) spreads it over the upper half.
    """
    grown = min(OUTAGE_CAP_SECONDS, max(base, lasting.total_seconds()))
    return grown * (0.5 + 0.5 * luck)
