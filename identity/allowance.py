import hashlib

from django.core.cache import cache


def allow(*, what: str, whose: str, limit: int, seconds: int) -> bool:
    """Count one more use and tell whether it is within `limit` uses in a window of `seconds`.

    Counts live in the default cache: exact across processes with Redis, per process without it.
    """
    key = f"allowance:{what}:{hashlib.sha256(whose.encode()).hexdigest()}"
    cache.add(key, 0, timeout=seconds)
    try:
        return int(cache.incr(key)) <= limit
    except ValueError:  # the window ended between the two calls
        cache.add(key, 1, timeout=seconds)
        return limit >= 1
