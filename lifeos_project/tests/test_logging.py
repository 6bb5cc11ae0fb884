"""Logs: one object a line, a request's name on every line that follows from it, nobody's data in them."""

import datetime
import io
import json
import logging

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from finance.ledger import services
from finance.models import Account
from identity.models import User
from lifeos_project.logging import StatsdComplaints, logging_settings
from platform_outbox import testing
from platform_outbox.models import OutboxMessage

REQUEST = "0123456789abcdef"


@pytest.fixture
def anna(db):
    return User.objects.create_user("anna@example.org", "correct horse battery", name="Anna")


@pytest.fixture
def book(anna):
    return services.create_book(owner=anna, name="Home", base_currency="EUR", time_zone="Europe/Berlin")


@pytest.fixture
def production_lines():
    """A function that returns what production would have logged until now, as objects."""
    written = logging_settings(json=True, web_level="INFO", worker_level="INFO")["formatters"]["lifeos"]
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(written.pop("()")(**written))
    logging.getLogger().addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.getLogger().removeHandler(handler)


def post_entry(book, client, **headers):
    accounts = {account.name: account.pk for account in Account.objects.filter(book=book)}
    body = {
        "date": datetime.date(2026, 3, 10).isoformat(),
        "payee": "Corner shop",
        "lines": [
            {"account": accounts["Groceries"], "amount": "12.50"},
            {"account": accounts["Checking account"], "amount": "-12.50"},
        ],
    }
    return client.post(reverse("api-entries", args=[book.pk]), body, format="json", headers=headers)


def test_a_request_keeps_its_name_from_the_proxy_through_its_events_to_the_workers_lines(
    anna, book, production_lines, monkeypatch
):
    testing.drain()
    client = APIClient()
    client.force_authenticate(anna)
    log = logging.getLogger("platform_outbox.probe")
    monkeypatch.setattr("insights.services.evaluate", lambda **given: log.info("observed"))

    response = post_entry(book, client, **{"X-Request-ID": REQUEST})

    assert (response.status_code, response["X-Request-ID"]) == (201, REQUEST)
    assert OutboxMessage.objects.get(event_type="finance.journal.posted").trace == REQUEST
    testing.drain()
    lines = production_lines()
    (request,) = [line for line in lines if line["event"] == "request"]
    (observed,) = [line for line in lines if line["event"] == "observed"]
    assert (request["request_id"], request["status"], request["user"]) == (REQUEST, 201, anna.pk)
    assert (observed["request_id"], observed["level"], observed["logger"]) == (REQUEST, "info", "platform_outbox.probe")
    assert datetime.datetime.fromisoformat(observed["timestamp"]).tzinfo is not None


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "a b c d e f g h", "line\\nbreak-in-it"])
def test_a_name_that_could_break_a_line_is_replaced(anna, book, given):
    client = APIClient()
    client.force_authenticate(anna)
    response = post_entry(book, client, **{"X-Request-ID": given})
    name = response["X-Request-ID"]
    assert name != given
    assert len(name) == 32
    assert OutboxMessage.objects.get(event_type="finance.journal.posted").trace == name


def test_lines_of_a_request_name_nobody_and_show_no_amounts(anna, book, production_lines):
    client = APIClient()
    client.force_authenticate(anna)
    post_entry(book, client)
    client.get(reverse("api-entries", args=[book.pk]), {"search": "Corner shop"})
    testing.drain()
    text = json.dumps(production_lines())
    assert '"path": "/api/v1/books/' in text
    for private in ("Corner", "12.50", "anna", "Anna", "Home"):
        assert private not in text


def test_a_statsd_server_that_is_away_is_told_once_a_minute():
    seldom = StatsdComplaints()
    lines = [
        logging.makeLogRecord({"msg": "Error sending message to statsd", "exc_info": ("a", "b", "c")}) for _ in range(3)
    ]
    assert [seldom.filter(line) for line in lines] == [True, False, False]
    assert lines[0].exc_info is None
    assert seldom.filter(logging.makeLogRecord({"msg": "Worker exiting"}))


def test_a_failure_behind_a_secret_address_does_not_tell_the_secret(client, db, monkeypatch, production_lines):
    monkeypatch.setattr("finance.web.plan_feed.counted_address", lambda *_, **__: 1 / 0)
    client.raise_request_exception = False
    assert client.get("/calendar/a-secret-of-somebody.ics").status_code == 500
    lines = [line for line in production_lines() if "calendar" in json.dumps(line)]
    assert lines
    assert "a-secret-of-somebody" not in json.dumps(lines)
