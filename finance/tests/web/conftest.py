"""Pages are opened as one of the household's people, on a fixed day."""

import datetime

import pytest
import time_machine
from django.test import Client

from finance.tests.conftest import TODAY


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(datetime.datetime.combine(TODAY, datetime.time(12), tzinfo=datetime.UTC), tick=False):
        yield


@pytest.fixture
def as_(request):
    """as_("owner") → a client signed in as that person; as_(None) is nobody."""

    def sign_in(person):
        client = Client()
        if person is not None:
            client.force_login(request.getfixturevalue(person))
        return client

    return sign_in


@pytest.fixture
def page(as_, book):
    """page("owner", "accounts/") → the answer to GET /b/<book>/accounts/."""

    def get(person, path="", **query):
        return as_(person).get(f"/b/{book.pk}/{path}", query)

    return get


@pytest.fixture
def send(as_, book):
    """send("owner", "entries/new/", {...}) → the answer to POST /b/<book>/entries/new/."""

    def post(person, path, data, **extra):
        return as_(person).post(f"/b/{book.pk}/{path}", data, **extra)

    return post
