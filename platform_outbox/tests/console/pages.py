"""The addresses of the console, and pressing its buttons."""

import re

from django.urls import reverse

from platform_outbox.models import OutboxMessage
from platform_outbox.operators import replay

LIST = "/admin/platform_outbox/outboxmessage/"


def url(name, *parts, **query):
    text = "&".join(f"{key}={value}" for key, value in query.items())
    return reverse(f"admin:platform_outbox_{name}", args=parts) + (f"?{text}" if text else "")


def row(event_id):
    return OutboxMessage.objects.get(pk=event_id)


def confirm(client, address, **more):
    """Press the button on a confirmation page: send all that is in its form."""
    page = client.get(address)
    assert page.status_code == 200, page
    text = page.content.decode()
    form = text[text.index('<input type="hidden" name="confirmed"') :]
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form))
    action = re.search(r'<form method="post" action="([^"]+)">', text)
    return client.post(action[1] if action else address, {**fields, **more}, follow=True)


def looks(dead, group):
    return [url("console"), url("live"), url("errors"), url("error", group), LIST, f"{LIST}{dead[0]}/change/"]


def acts(dead, group):
    """Everything that changes something, as address and the fields of its form."""
    started = replay.plan(handler="probe.left", by="Olga")
    started.save()
    return [
        (url("act", "requeue"), {"error": group, "through": dead[-1]}),
        (url("act", "discard"), {"error": group, "through": dead[-1]}),
        (url("act_on_chosen", "requeue"), {"ids": dead[0]}),
        (url("act_on_chosen", "discard"), {"ids": dead[0]}),
        (url("act_on_chosen", "restore"), {"ids": dead[0]}),
        (url("take_back"), {"since": "2020-01-01T00:00:00+00:00", "until": "2099-01-01T00:00:00+00:00"}),
        (url("pause"), {"kind": "handler", "target": "probe.tick", "reason": "x"}),
        (url("resume"), {"kind": "handler", "target": "probe.tick"}),
        (url("break_open"), {"handler": "probe.post", "reason": "x"}),
        (url("reset_breaker"), {"handler": "probe.post", "neighbour": "probe.post"}),
        (url("stop_replay", started.pk), {}),
        (url("resume_replay", started.pk), {}),
    ]
