import pytest

from platform_outbox.testing import drain


@pytest.fixture
def three(spend):
    entries = [spend(amount, payee=payee) for amount, payee in ((1_00, "Aldi"), (2_00, "Bäcker"), (3_00, "Čez"))]
    drain()
    return entries
