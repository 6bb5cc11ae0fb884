"""The operators' console in a browser: no barriers, charts under the strict policy, a refresh that can be paused."""

import pytest
from django.db import transaction

from identity.models import User
from lifeos_project.tests.browser.test_accessibility import COLOURS, RULES, violations
from platform_outbox import testing
from platform_outbox.admin import console
from platform_outbox.emit import emit_many
from platform_outbox.models import OutboxMessage
from platform_outbox.operators import actions
from platform_outbox.tests.probe.events import Ticked
from platform_outbox.tests.probe.models import Fault

pytestmark = pytest.mark.browser

PAGES = "/admin/platform_outbox/outboxmessage"


@pytest.fixture
def operator(transactional_db):
    return User.objects.create_superuser("operator@example.org", "correct horse battery")


@pytest.fixture
def dead(operator, settings):
    settings.WORKER_MAX_ATTEMPTS = 1
    Fault.objects.create(handler="probe.tick", key="a", number=1, times=-1)
    with transaction.atomic():
        (event_id,) = emit_many([Ticked(key="a", number=1)])
    testing.drain(raise_errors=False)
    actions.pause(kind="handler", target="probe.tick", by="Olga", reason="the mail server moves")
    return event_id


def problems(tab, options):
    """Of our part of the page; the frame around it is Unfold's."""
    return violations(tab, options, within="#content")


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_no_page_of_the_outbox_has_a_barrier(new_page, operator, dead, size):
    group = OutboxMessage.objects.get(pk=dead).error_group
    tab = new_page(user=operator, size=size)
    for address in ("console/", "errors/", f"errors/{group}/", "act/discard/", f"{dead}/edit-as-new/"):
        assert tab.goto(f"{PAGES}/{address}").status == 200
        for scheme, options in (("light", RULES), ("dark", COLOURS)):
            tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert problems(tab, options) == [], (address, scheme)
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert tab.evaluate(wider) == 0, address


def test_the_console_refreshes_itself_until_it_is_paused(new_page, operator, dead, monkeypatch):
    monkeypatch.setattr(console, "REFRESH_SECONDS", 1)
    tab = new_page(user=operator)
    tab.goto(f"{PAGES}/console/")
    assert tab.evaluate("Object.values(Chart.instances).map((chart) => chart.config.type).sort()") == ["bar", "line"]
    waiting = tab.locator("#ob-figures dd").first
    assert waiting.inner_text() == "0"
    with transaction.atomic():
        emit_many([Ticked(key="b", number=number) for number in range(3)])
    tab.wait_for_function("document.querySelector('#ob-figures dd').innerText === '3'")
    tab.wait_for_function("!document.getElementById('ob-refreshed').hidden")

    tab.get_by_role("button", name="Pause the refresh").click()
    assert tab.get_by_role("button", name="Resume the refresh").get_attribute("aria-pressed") == "true"
    actions.discard(ids=[dead], by="Olga")
    OutboxMessage.objects.filter(ordering_key="b").update(status="sent")
    tab.wait_for_timeout(1500)
    assert waiting.inner_text() == "3"
    tab.get_by_role("button", name="Resume the refresh").click()
    tab.wait_for_function("document.querySelector('#ob-figures dd').innerText === '0'")
