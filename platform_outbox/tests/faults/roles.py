"""What processes do that are neither worker nor test; a nursery calls these in a process of their own."""

import itertools
import os
import random
import signal
import time

from django.db import InterfaceError, OperationalError, connection, transaction

from platform_outbox.emit import emit, emit_many
from platform_outbox.tests.probe.events import Forked, Swarmed, Ticked
from platform_outbox.tests.probe.models import Source
from platform_outbox.wakeup.notifier import Notifier

# Mostly the quick batch handler, so that a storm has many events; some of the others.
KINDS = [*([Swarmed] * 17), *([Ticked] * 2), Forked]


def produce(seed, keys, most, pause):
    """Until killed: change a locked row and tell of it in one transaction, as web requests do."""
    luck = random.Random(seed)
    while True:
        try:
            _change(luck, luck.choice(keys), most)
        except (OperationalError, InterfaceError):
            # A web process answers "error 500" and takes a new connection for the next request.
            connection.close()
        time.sleep(pause * luck.random() * 2)


def _change(luck, key, most):
    with transaction.atomic():
        source = Source.objects.select_for_update().get(key=key)
        events = [luck.choice(KINDS)(key=key, number=source.last + n) for n in range(1, 1 + _many(luck, most))]
        source.last += len(events)
        source.save(update_fields=["last"])
        if len(events) == 1:
            emit(events[0])
        else:
            emit_many(events)


def produce_and_die_notifying(seed, keys, most, pause):
    """The same, but the notifier kills the process at one of its first notifications, before or after it sent that."""
    fatal, before = random.Random(-seed).randrange(12), random.Random(-seed).random() < 0.5
    sent, original = itertools.count(), Notifier._send

    def send(self, channel, text):
        doomed = next(sent) == fatal
        if doomed and before:
            os.kill(os.getpid(), signal.SIGKILL)
        original(self, channel, text)
        if doomed:
            os.kill(os.getpid(), signal.SIGKILL)

    Notifier._send = send
    produce(seed, keys, most, pause)


def produce_through_the_broker(seed, keys, most, pause):
    """The same without NOTIFY: a message that the broker loses wakes nobody."""
    Notifier._send = lambda self, channel, text: None
    produce(seed, keys, most, pause)


def _many(luck, most):
    return luck.choice([1, luck.randint(1, most)])
