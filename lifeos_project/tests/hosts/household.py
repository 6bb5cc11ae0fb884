"""A household's program at work the whole time: it posts under idempotency keys until it is told yes, and reads reports."""

import http.server
import json
import threading
import time
import uuid
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from lifeos_project.tests.hosts.installed import EMAIL, PASSWORD, SITE
from lifeos_project.tests.hosts.switched import ADDRESSES
from lifeos_project.tests.stack.network import Network, request

PAUSE = 0.1
HOOK_PORT = 8099


@dataclass(slots=True, kw_only=True)
class Household:
    """What it has been told. Moments are of time.monotonic()."""

    machine: Network
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    book: str = ""
    spent: int = 0
    paid: int = 0
    acknowledged: dict[str, str] = field(default_factory=dict)
    reports: int = 0
    # (moment, what) of everything that went wrong and was tried again.
    failures: list[tuple[float, str]] = field(default_factory=list)
    # Answers that no fault excuses.
    wrong: list[str] = field(default_factory=list)
    successes: list[float] = field(default_factory=list)
    hooked: list[str] = field(default_factory=list)
    hook: Any = None
    _ending: threading.Event = field(default_factory=threading.Event)
    _gone: threading.Event = field(default_factory=threading.Event)
    _work: list[Future[None]] = field(default_factory=list)

    def move_in(self) -> None:
        """Sign in, open a book, and have its events sent here."""
        token = self._asked("POST", "/api/v1/auth/token/", {"email": EMAIL, "password": PASSWORD})["access"]
        self.headers["Authorization"] = f"Bearer {token}"
        opened = {"name": "Home", "base_currency": "EUR", "time_zone": "Europe/Berlin", "template": "household"}
        self.book = f"/api/v1/books/{self._asked('POST', '/api/v1/books/', opened)['id']}"
        accounts = self._asked("GET", f"{self.book}/accounts/")["results"]
        by_path = {account["path"]: account["id"] for account in accounts}
        self.spent = next(found for path, found in by_path.items() if path.endswith("Groceries"))
        self.paid = next(found for path, found in by_path.items() if path.endswith("Checking account"))
        hook = {"url": f"http://{ADDRESSES['client']}:{HOOK_PORT}/", "event_types": ["finance.journal.posted"]}
        self._asked("POST", f"{self.book}/webhooks/", hook)

    def begin(self) -> None:
        for job in (self._post, self._post, self._report):
            self._work.append(self.machine.inside.submit(self._until_stopped, job))
        self._work.append(self.machine.inside.submit(self._receive))

    def end(self) -> None:
        """Stop posting and reading; what is under way is brought to its end. The hook stays."""
        self._ending.set()
        for job in self._work[:-1]:
            job.result(120)

    def move_out(self) -> None:
        """Give up, whatever is under way."""
        self._ending.set()
        self._gone.set()
        if self.hook:
            self.hook.shutdown()

    def _until_stopped(self, job: Any) -> None:
        while not self._ending.is_set():
            job()
            time.sleep(PAUSE)

    def _post(self) -> None:
        key = uuid.uuid4().hex
        lines = [{"account": self.spent, "amount": "1.00"}, {"account": self.paid, "amount": "-1.00"}]
        entry = {"date": "2026-03-15", "payee": "Corner shop", "description": key, "lines": lines}
        while (found := self._tried("POST", f"{self.book}/entries/", entry, key=key)) is None:
            if self._gone.wait(PAUSE):
                return
        self.acknowledged[key] = found["uid"]
        self.successes.append(time.monotonic())

    def _report(self) -> None:
        """A report holds all that was acknowledged before it was asked for, wherever it is read."""
        told = len(self.acknowledged)
        found = self._tried("GET", f"{self.book}/trial-balance/")
        if found is None:
            return
        (total,) = found["totals"] or [{"debit": "0", "credit": "0"}]
        if total["debit"] != total["credit"] or float(total["debit"]) < told:
            self.wrong.append(f"{told} entries were acknowledged, the trial balance holds {total}")
        self.reports += 1

    def _tried(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        """The answer, or None when it is worth another try."""
        try:
            return self._asked(method, path, body, key=key)
        except (OSError, ValueError, ConnectionError) as error:
            self.failures.append((time.monotonic(), f"{method} {type(error).__name__}: {str(error)[:120]}"))
            return None

    def _asked(self, method: str, path: str, body: Any = None, *, key: str = "") -> Any:
        headers = {**self.headers, "Idempotency-Key": key or uuid.uuid4().hex}
        data = json.dumps(body).encode() if body is not None else None
        answer = request(SITE + path, method=method, headers=headers, body=data)
        if answer.status >= 500:
            raise ConnectionError(f"{answer.status}")
        if answer.status >= 400:
            self.wrong.append(f"{method} {path}: {answer.status} {answer.text[:300]}")
            raise ConnectionError(f"{answer.status}")
        return json.loads(answer.body)

    def _receive(self) -> None:
        """The address that webhooks are sent to; remembers the number of each message."""
        household = self

        class Hook(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                household.hooked.append(self.headers["webhook-id"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        with http.server.ThreadingHTTPServer((ADDRESSES["client"], HOOK_PORT), Hook) as self.hook:
            self.hook.serve_forever()
