"""The page for integrators is true: its code checks what LifeOS sends, and its example is signed as it says."""

import json
import re

import pytest
import time_machine
from django.conf import settings

from finance.webhooks.bodies import announced_events
from finance.webhooks.signing import new_secret, signed_headers
from platform_outbox.events import event_from

PAGE = (settings.BASE_DIR / "docs" / "webhooks.md").read_text()
NOW = 1_773_480_601
BODY = b'{"type":"finance.journal.posted"}'


@pytest.fixture
def verify():
    """The function that the page shows."""
    (snippet,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names = {}
    exec(snippet, names)
    return names["verify"]


def signed(*secrets, body=BODY, at=NOW):
    return signed_headers(secrets=secrets, message_id="msg_1", timestamp=at, body=body)


def test_the_snippet_accepts_what_we_sign_also_during_a_rotation(verify):
    secret, older = new_secret(), new_secret()
    with time_machine.travel(NOW + 60):
        verify(secret, signed(secret), BODY)
        verify(secret, signed(secret, older), BODY)
        verify(older, signed(secret, older), BODY)


def test_the_snippet_refuses_everything_else(verify):
    secret = new_secret()
    with time_machine.travel(NOW + 60):
        for headers, body in (
            (signed(new_secret()), BODY),
            (signed(secret), BODY + b" "),
            ({**signed(secret), "webhook-id": "msg_2"}, BODY),
            ({**signed(secret), "webhook-timestamp": str(NOW + 1)}, BODY),
            ({**signed(secret), "webhook-signature": ""}, BODY),
        ):
            with pytest.raises(ValueError, match="does not fit"):
                verify(secret, headers, body)
        with pytest.raises(ValueError, match="too old"):
            verify(secret, signed(secret, at=NOW - 3600), BODY)


def test_the_example_is_a_message_of_today():
    message = json.loads(re.search(r"^\{\"id\".*\}$", PAGE, re.MULTILINE).group())
    assert list(message) == ["id", "type", "version", "timestamp", "book_id", "data"]
    assert message["type"] in {cls.name for cls in announced_events()}
    event_from(name=message["type"], version=message["version"], payload=message["data"])
