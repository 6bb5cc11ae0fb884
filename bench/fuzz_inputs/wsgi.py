"""Sending a request to the WSGI application in this process, as gunicorn hands it over: bytes stay as they are."""

import io
import re
import signal
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

STOP_AFTER = 30  # seconds


class TookTooLong(BaseException):
    """Not an Exception, so that nothing on the way takes it for one of its own."""


@dataclass(slots=True)
class Request:
    """What is sent. `target` is path and query as they stand in the request line; `form` names the kind of body."""

    number: int
    kind: str
    persona: str
    method: str
    target: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path as a view is found by, with what is no UTF-8 replaced."""
        return urllib.parse.unquote_to_bytes(self.target.partition("?")[0].encode()).decode("utf-8", errors="replace")


@dataclass(slots=True)
class Answer:
    """What came back, or what was raised instead."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    seconds: float = 0.0
    raised: BaseException | None = None

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")


def send(application: Callable[..., Iterable[bytes]], request: Request) -> Answer:
    """The application's answer; whatever it raises is kept in it."""
    answer = Answer()

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        answer.status, answer.headers = int(status.split(" ")[0]), headers
        return lambda data: None

    started = time.perf_counter()
    try:
        with stopped_after(STOP_AFTER, timer=signal.ITIMER_REAL):
            parts = application(_environ(request), start_response)
            try:
                answer.body = b"".join(parts)
            finally:
                getattr(parts, "close", lambda: None)()
    except (Exception, TookTooLong) as error:
        answer.raised = error
    answer.seconds = time.perf_counter() - started
    return answer


@contextmanager
def stopped_after(seconds: float, *, timer: int) -> Iterator[None]:
    """Raise TookTooLong in the block after that many seconds, of the clock or (ITIMER_PROF) of the processor."""
    number = {signal.ITIMER_REAL: signal.SIGALRM, signal.ITIMER_PROF: signal.SIGPROF}[timer]

    def stop(number: int, frame: FrameType | None) -> None:
        raise TookTooLong(f"stopped after {seconds} s")

    before = signal.signal(number, stop)
    signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        signal.setitimer(timer, 0)
        signal.signal(number, before)


def _environ(request: Request) -> dict[str, Any]:
    path, _mark, query = request.target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": urllib.parse.unquote_to_bytes(path.encode()).decode("latin-1"),
        "QUERY_STRING": query.encode().decode("latin-1"),
        "RAW_URI": request.target,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        # One address each: failed sign-ins of others lock nobody out.
        "REMOTE_ADDR": f"10.{request.number >> 16 & 255}.{request.number >> 8 & 255}.{request.number & 255}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


# Of a header in an answer: a server refuses these, or worse, sends them.
FORBIDDEN_IN_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]")
