"""Redis as a cache that may be down.

What is in it is a convenience, so an outage must cost neither an answer nor time. The first request that meets it opens
a breaker for the whole process; from then on nobody waits for Redis, and a thread of its own asks until it is back.
"""

import os
import threading
from collections.abc import Callable
from typing import Any

import structlog
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django_redis.cache import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

LOOK_AGAIN_SECONDS = 1.0
# A session that ends in one process while Redis is away may be known to Redis for so long.
LONGEST_COPY_SECONDS = 60.0
# Of a few hundred bytes each; throttles of that many callers.
MOST_IN_MEMORY = 20_000

log = structlog.stdlib.get_logger("lifeos.cache")


class Breaker:
    """Whether a Redis is asked at all; one for each server and process."""

    def __init__(self) -> None:
        self.is_closed = True
        self._lock = threading.Lock()
        self._before_closing: dict[str, Callable[[], object]] = {}

    def trip(self, error: Exception, *, probe: Callable[[], object]) -> None:
        """Stop asking, and ask with `probe` in the background until it no longer raises."""
        with self._lock:
            if not self.is_closed:
                return
            self.is_closed = False
            log.warning("Redis is down; the site works without it", kind=type(error).__name__)
            threading.Thread(target=self._wait, args=[probe], name="redis-breaker", daemon=True).start()

    def catch_up(self, what: str, do: Callable[[], object]) -> bool:
        """Have this done as soon as Redis is back, before anybody asks it again; False when it is back already."""
        with self._lock:
            if not self.is_closed:
                self._before_closing[what] = do
            return not self.is_closed

    def _wait(self, probe: Callable[[], object]) -> None:
        pause = threading.Event()
        while not self.is_closed:
            pause.wait(LOOK_AGAIN_SECONDS)
            try:
                probe()
                while self._before_closing:
                    with self._lock:
                        what, do = self._before_closing.popitem()
                    try:
                        do()
                    except (RedisError, OSError):
                        with self._lock:
                            self._before_closing.setdefault(what, do)
                        raise
            except (RedisError, OSError):
                continue
            with self._lock:
                self.is_closed = not self._before_closing
        log.info("Redis is back")


_breakers: dict[str, Breaker] = {}


def breaker_of(server: str) -> Breaker:
    return _breakers.get(server) or _breakers.setdefault(server, Breaker())


# A forked process has the state of its parent, and not the thread that would end it.
os.register_at_fork(after_in_child=_breakers.clear)


def _guarded(name: str) -> Callable[..., Any]:
    def call(self: "_Guarded", *args: Any, **kwargs: Any) -> Any:
        return self._ask(name, *args, **kwargs)

    call.__name__ = name
    return call


class _Guarded(BaseCache):
    """Asks Redis, or `instead` when Redis does not answer."""

    instead: BaseCache

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        options = {
            **params.get("OPTIONS", {}),
            # Once and at once: a connection that a restart of Redis has closed says nothing about Redis.
            "CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))},
        }
        self.redis = RedisCache(server, {**params, "OPTIONS": options})
        self.server = server

    @property
    def breaker(self) -> Breaker:
        return breaker_of(self.server)

    get = _guarded("get")
    get_many = _guarded("get_many")
    has_key = _guarded("has_key")
    add = _guarded("add")
    set = _guarded("set")
    set_many = _guarded("set_many")
    touch = _guarded("touch")
    incr = _guarded("incr")
    decr = _guarded("decr")
    delete = _guarded("delete")
    delete_many = _guarded("delete_many")
    clear = _guarded("clear")

    def close(self, **kwargs: Any) -> None:
        self.redis.close(**kwargs)

    def _ask(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if self.breaker.is_closed:
            try:
                return getattr(self.redis, name)(*args, **kwargs)
            except (RedisError, OSError) as error:
                self._gone(error)
        return self._instead(name, *args, **kwargs)

    def _gone(self, error: Exception) -> None:
        self.breaker.trip(error, probe=lambda: self.redis.get("lifeos:breaker"))

    def _instead(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.instead, name)(*args, **kwargs)


class RedisOrMemory(_Guarded):
    """While Redis is away, each process has its own cache: throttles still count, but per process."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self.instead = LocMemCache("instead of Redis", {**params, "OPTIONS": {"MAX_ENTRIES": MOST_IN_MEMORY}})

    def _gone(self, error: Exception) -> None:
        if self.breaker.is_closed:
            # What is left from an earlier outage.
            self.instead.clear()
        super()._gone(error)


class RedisOrNothing(_Guarded):
    """Copies of what is kept elsewhere, such as sessions: memory of one process must not contradict another.

    What is changed while Redis is away is remembered, and its copy is removed when Redis is back: who has signed out
    meanwhile must not be signed in again. A copy is kept for a minute at most, in case the process does not live to see it.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self.instead = DummyCache("", {**params, "OPTIONS": {}})

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> Any:
        numeric = isinstance(timeout, int | float)
        short = min(timeout, LONGEST_COPY_SECONDS) if numeric else LONGEST_COPY_SECONDS
        return super().set(key, value, short, version)

    def _instead(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if name in ("set", "delete"):
            key, redis = args[0], self.redis
            if not self.breaker.catch_up(key, lambda: redis.delete(key)):
                return self._ask(name, *args, **kwargs)
        return super()._instead(name, *args, **kwargs)
