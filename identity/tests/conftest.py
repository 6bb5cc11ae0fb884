import pytest
from django.core.cache import cache

from identity import mail
from identity.models import User

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _clean():
    """Empty counters, and no mail of one test left for the next."""
    cache.clear()
    yield
    mail.wait_until_sent(timeout=10)
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
        mails = []
        with django_capture_on_commit_callbacks(execute=True):
            yield mails
        mail.wait_until_sent(timeout=10)
        mails.extend(mailoutbox)

    return collect
