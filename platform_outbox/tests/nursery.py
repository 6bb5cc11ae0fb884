"""Processes on order: the client's side of nursery_process.py."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings

PATIENCE = 60.0


class Nursery:
    """One parent per set of connections (database, broker): these are read when Django is loaded."""

    def __init__(self, *, database_url, redis_url="", rabbitmq_url="", log, **variables):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        environment |= {
            "DJANGO_SETTINGS_MODULE": "lifeos_project.test_settings",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "RABBITMQ_URL": rabbitmq_url,
            "WORKER_LOGLEVEL": "INFO",
            **variables,
        }
        self.log = Path(log)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "platform_outbox.tests.nursery_process"],
                cwd=Path(settings.BASE_DIR),
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
            )
        self._rest = b""
        self._ready = False
        self._started = []
        self.codes = {}

    def start(self, run, *arguments, log, **values):
        """A process that calls the function `module:name` with the arguments, under changed settings."""
        order = {"run": run, "arguments": arguments, "log": str(log), "settings": values}
        self.wait_until(lambda: self._ready)
        self._process.stdin.write((json.dumps(order) + "\n").encode())
        self._process.stdin.flush()
        self.wait_until(lambda: self._started)
        return Child(self._started.pop(), nursery=self)

    def wait_until(self, condition, *, seconds=PATIENCE):
        """Read answers until the condition holds; False when the time is over first."""
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.read(min(left, 1.0))
        return True

    def read(self, seconds):
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            return
        news = os.read(self._process.stdout.fileno(), 65536)
        assert news, f"The nursery has ended: {self.log.read_text()}"
        *lines, self._rest = (self._rest + news).split(b"\n")
        for line in lines:
            self._note(json.loads(line))

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(20)

    def _note(self, answer):
        if "ready" in answer:
            self._ready = True
        elif "started" in answer:
            self._started.append(answer["started"])
        else:
            self.codes[answer["ended"]] = answer["code"]


class Child:
    """A process of a nursery, with the manners of subprocess.Popen."""

    def __init__(self, pid, *, nursery):
        self.pid = pid
        self._nursery = nursery

    @property
    def returncode(self):
        return self._nursery.codes.get(self.pid)

    def poll(self):
        self._nursery.read(0)
        return self.returncode

    def wait(self, timeout=PATIENCE):
        if not self._nursery.wait_until(lambda: self.returncode is not None, seconds=timeout):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)
