"""How long to wait before the next attempt."""

CAP_SECONDS = 3600.0


def delay_before(*, attempt: int, base: float, multiplier: float, luck: float) -> float:
    """Seconds to wait before attempt number `attempt` (2 for the first retry).

    Grows by `multiplier` from `base`, never above an hour. `luck` in [0, 1) spreads it over the upper half, so that
    events which failed together do not come back together.
    """
    # The exponent is capped as well: an operator may allow hundreds of attempts, and floats end at 10^308.
    grown = min(CAP_SECONDS, base * multiplier ** min(attempt - 2, 64))
    return grown * (0.5 + 0.5 * luck)
