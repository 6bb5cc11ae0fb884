"""When the modules `events`, `handlers`, `periodic` and `operations` of the installed apps are imported.

Most processes never look at them, and they import nearly everything: they come when a registry is first asked. A worker
asks before it claims anything, so it knows every event type, handler and periodic job.
"""

import threading
from typing import Literal, TypeAlias

from django.utils.module_loading import autodiscover_modules

Kind: TypeAlias = Literal["events", "handlers", "periodic", "operations"]

_lock = threading.RLock()
_begun: set[Kind] = set()
_complete: set[Kind] = set()


def discover(kind: Kind) -> None:
    """Import the module `kind` of every app, once. What an import raises comes through, and the next call tries again."""
    if kind in _complete:
        return
    with _lock:
        if kind in _begun:  # asked by one of the modules that are being imported, or complete by now
            return
        _begun.add(kind)
        try:
            # A handler may ask for every event of a kind, whichever app defines it.
            discover("events")
            autodiscover_modules(kind)
        except BaseException:
            _begun.discard(kind)
            raise
        _complete.add(kind)
