"""Where cache and sessions are kept."""

from typing import Any

# Redis answers in less than a millisecond. What takes longer than this counts as away, so that no request waits for it.
CONNECT_SECONDS = 0.5
ANSWER_SECONDS = 1.0


def cache_settings(*, redis_url: str) -> dict[str, Any]:
    """CACHES, SESSION_ENGINE and SESSION_CACHE_ALIAS: with Redis, or without in memory and database.

    Sessions are rows of the database in any case; Redis only saves looking them up.
    """
    if not redis_url:
        memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "lifeos"}
        return {
            "CACHES": {"default": memory},
            "SESSION_ENGINE": "django.contrib.sessions.backends.db",
            "SESSION_CACHE_ALIAS": "default",
        }
    redis = {
        "LOCATION": redis_url,
        "KEY_PREFIX": "lifeos",
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": CONNECT_SECONDS, "SOCKET_TIMEOUT": ANSWER_SECONDS},
    }
    return {
        "CACHES": {
            "default": {"BACKEND": "lifeos_project.connections.redis_cache.RedisOrMemory", **redis},
            "sessions": {"BACKEND": "lifeos_project.connections.redis_cache.RedisOrNothing", **redis},
        },
        "SESSION_ENGINE": "django.contrib.sessions.backends.cached_db",
        "SESSION_CACHE_ALIAS": "sessions",
    }
