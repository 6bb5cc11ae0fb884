import threading

import pytest

from platform_outbox import discovery
from platform_outbox.discovery import discover


@pytest.fixture
def imported(monkeypatch):
    """Nothing is discovered yet; the kinds whose modules are imported, in that order."""
    kinds = []
    monkeypatch.setattr(discovery, "_begun", set())
    monkeypatch.setattr(discovery, "_complete", set())
    monkeypatch.setattr(discovery, "autodiscover_modules", kinds.append)
    return kinds


def test_all_events_come_before_handlers_and_each_kind_once(imported):
    discover("handlers")
    discover("handlers")
    discover("periodic")
    assert imported == ["events", "handlers", "periodic"]


def test_a_module_may_ask_while_it_is_being_imported(imported, monkeypatch):
    def autodiscover(kind):
        imported.append(kind)
        discover("handlers")

    monkeypatch.setattr(discovery, "autodiscover_modules", autodiscover)
    discover("handlers")
    assert imported == ["events", "handlers"]


def test_what_could_not_be_imported_is_imported_again(imported, monkeypatch):
    def broken(kind):
        raise ImportError(kind)

    with monkeypatch.context() as patch:
        patch.setattr(discovery, "autodiscover_modules", broken)
        with pytest.raises(ImportError, match="events"):
            discover("handlers")
    discover("handlers")
    assert imported == ["events", "handlers"]


def test_another_thread_waits_until_everything_is_there(imported, monkeypatch):
    begun, go_on, seen = threading.Event(), threading.Event(), []

    def slow(kind):
        begun.set()
        assert go_on.wait(10)
        imported.append(kind)

    def look():
        discover("events")
        seen.extend(imported)

    monkeypatch.setattr(discovery, "autodiscover_modules", slow)
    threads = [threading.Thread(target=discover, args=["events"]), threading.Thread(target=look)]
    threads[0].start()
    assert begun.wait(10)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert seen == imported == ["events"]
