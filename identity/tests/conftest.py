import pytest
from django.core.cache import cache

from identity.models import User
from platform_outbox import testing

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _clean():
    """Empty counters."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def anna(db):
    return User.objects.create_user("anna@example.org", PASSWORD, name="Anna")


@pytest.fixture
def operator(db):
    return User.objects.create_superuser("op@example.org", PASSWORD)


@pytest.fixture
def sent(mailoutbox, django_capture_on_commit_callbacks):
    """Mails that a block caused: `with sent() as mails: …`."""
    from contextlib import contextmanager

    @contextmanager
    def collect():
        testing.drain(raise_errors=False)
        mailoutbox.clear()
        mails = []
        with django_capture_on_commit_callbacks(execute=True):
            yield mails
        testing.drain(raise_errors=False)
        mails.extend(mailoutbox)

    return collect
