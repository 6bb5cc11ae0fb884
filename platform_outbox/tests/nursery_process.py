"""The parent of worker processes: loads Django once, then forks a process for every order on its standard input.

Starting Python and Django costs more than a second, and faults need hundreds of processes. A forked one is as real as
a started one: it has connections and threads of its own, and SIGKILL ends it for good.
"""

import contextlib
import gc
import importlib
import json
import os
import random
import select
import signal
import sys
import traceback
from typing import get_args

import django

living = set()


def main():
    answers = os.dup(1)
    django.setup()
    # What every worker imports at its start: once here instead of in each.
    from django.core.management import load_command_class

    from platform_outbox.discovery import Kind, discover

    load_command_class("platform_outbox", "outbox_worker")
    for kind in get_args(Kind):
        discover(kind)
    gc.freeze()
    # A signal only wakes: were ends reported by its handler, one that comes just before the wait would go unnoticed.
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _answer(answers, ready=os.getpid())
    for line in _orders(woken, answers):
        _begin(json.loads(line), answers)
    # Whoever ordered is gone, and so are those who were to end the processes.
    for pid in list(living):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _orders(woken, answers):
    """Lines of standard input until its end; meanwhile ends of processes are reported."""
    rest = b""
    while True:
        readable, _, _ = select.select([0, woken], [], [])
        if woken in readable:
            os.read(woken, 4096)
            _report_ends(answers)
        if 0 in readable:
            news = os.read(0, 65536)
            if not news:
                return
            *lines, rest = (rest + news).split(b"\n")
            yield from lines


def _begin(order, answers):
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        os.close(answers)
        _live(order)
    living.add(pid)
    _answer(answers, started=pid)


def _answer(answers, **what):
    os.write(answers, (json.dumps(what) + "\n").encode())


def _report_ends(answers):
    with contextlib.suppress(ChildProcessError):
        while (end := os.waitpid(-1, os.WNOHANG))[0]:
            living.discard(end[0])
            _answer(answers, ended=end[0], code=os.waitstatus_to_exitcode(end[1]))


def _live(order):
    """The forked process: carry the order out and end, without ever coming back to the parent's loop."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _redirect(order["log"])
        random.seed()
        _set(order["settings"])
        module, _, function = order["run"].partition(":")
        getattr(importlib.import_module(module), function)(*order["arguments"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _redirect(log):
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)


def _set(values):
    from django.conf import settings

    for name, value in values.items():
        assert hasattr(settings, name), f"There is no setting {name}."
        setattr(settings, name, value)


if __name__ == "__main__":
    main()
