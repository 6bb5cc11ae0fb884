"""People at work while a release is replaced: every answer counts, and every posted entry is looked for afterwards."""

import json
import threading
import time
import urllib.error
import urllib.request
import uuid


class Load:
    """Threads that read and post through nginx until stopped. Nothing is retried."""

    def __init__(self, base: str, *, email: str, password: str):
        self.base = base
        # By which its entries are found again.
        self.payee = f"During a deploy {uuid.uuid4().hex[:8]}"
        self.headers = {"Host": "localhost", "Content-Type": "application/json"}
        token = self.send("POST", "/api/v1/auth/token/", {"email": email, "password": password})["access"]
        self.headers["Authorization"] = f"Bearer {token}"
        self.book = self.send("GET", "/api/v1/books/")["results"][0]["id"]
        accounts = self.send("GET", f"/api/v1/books/{self.book}/accounts/")["results"]
        leaves = [found["path"] for found in accounts if found["currency"] == "EUR"]
        self.spent = next(path for path in leaves if path.startswith("Expenses:"))
        self.paid = next(path for path in leaves if path.startswith("Assets:"))
        self.answers = 0
        self.failures: list[str] = []
        self.posted: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(step,)) for step in (self._read, self.post)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def send(self, method: str, path: str, body: dict | None = None) -> dict:
        request = urllib.request.Request(
            self.base + path,
            method=method,
            headers={**self.headers, "Idempotency-Key": str(uuid.uuid4())},
            data=json.dumps(body).encode() if body is not None else None,
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def post(self) -> None:
        lines = [{"account": self.spent, "amount": "1.00"}, {"account": self.paid, "amount": "-1.00"}]
        entry = {"date": "2026-03-15", "payee": self.payee, "lines": lines}
        self.posted.append(self.send("POST", f"/api/v1/books/{self.book}/entries/", entry)["uid"])

    def _work(self, step) -> None:
        while not self._stop.is_set():
            try:
                step()
                self.answers += 1
            except urllib.error.HTTPError as error:
                self.failures.append(f"{error.code} {error.read()[:200]!r}")
            except OSError as error:
                self.failures.append(repr(error))
            time.sleep(0.3)

    def _read(self) -> None:
        self.send("GET", f"/api/v1/books/{self.book}/balances/")
