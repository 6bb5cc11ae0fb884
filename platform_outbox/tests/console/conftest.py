import pytest
from django.db import transaction

from platform_outbox import testing
from platform_outbox.emit import emit_many
from platform_outbox.tests.console.pages import row
from platform_outbox.tests.probe.events import Forked
from platform_outbox.tests.probe.models import Fault


@pytest.fixture
def dead(settings):
    """Three dead letters of one error."""
    settings.WORKER_MAX_ATTEMPTS = 1
    for number in range(3):
        Fault.objects.create(handler="probe.right", key="a", number=number, times=-1)
    with transaction.atomic():
        ids = emit_many([Forked(key="a", number=number) for number in range(3)])
    testing.drain(raise_errors=False)
    Fault.objects.all().delete()
    return ids


@pytest.fixture
def group(dead):
    return row(dead[0]).error_group
