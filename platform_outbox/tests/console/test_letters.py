"""Dead letters in the console: they are tried again, discarded, restored and edited once that is confirmed."""

import datetime
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.utils import timezone

from platform_outbox import testing
from platform_outbox.emit import emit, emit_many, health
from platform_outbox.models import (
    Attempt,
    OutboxMessage,
)
from platform_outbox.operators import actions
from platform_outbox.tests.console.pages import LIST, confirm, row, url
from platform_outbox.tests.probe.events import Ticked
from platform_outbox.tests.probe.models import Effect, Fault

pytestmark = [pytest.mark.django_db, pytest.mark.outbox]


def test_all_of_an_error_are_tried_again_at_once(as_, people, dead, group):
    client = as_("operator")
    address = url("act", "requeue", error=group)
    page = client.get(address).content.decode()
    assert "Try again: 3 events" in page
    assert "probe.left, probe.right" in page
    done = confirm(client, address)
    assert "3 events are due again." in done.content.decode()
    assert health().dead == 0
    assert Attempt.objects.filter(outcome="requeued", worker="operator@example.org").count() == 3
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.change_message) == (people["operator"], None, "requeue (3 events)")
    assert entry.object_repr == f"dead letters: error {group}"


def test_what_dies_after_the_operator_looked_is_left_alone(as_, dead, group):
    client = as_("operator")
    newest = row(dead[2])
    OutboxMessage.objects.filter(pk=dead[2]).update(status="sent")
    page = client.get(url("act", "discard", error=group))
    OutboxMessage.objects.filter(pk=dead[2]).update(status="dead")
    through = dict(page.context["question"].hidden)["through"]
    assert through == dead[1]
    client.post(url("act", "discard"), {"error": group, "through": through, "confirmed": "yes"})
    assert row(dead[1]).discarded_at is not None
    assert row(newest.pk).discarded_at is None


def test_a_time_range_and_a_type_narrow_the_choice(as_, dead):
    client = as_("operator")
    OutboxMessage.objects.filter(pk=dead[0]).update(created_at=timezone.now() - datetime.timedelta(days=3))
    yesterday = timezone.localtime() - datetime.timedelta(days=1)
    day = f"{yesterday:%Y-%m-%dT%H:%M}"
    assert "Discard: 1 event" in client.get(url("act", "discard", until=day)).content.decode()
    assert "Discard: 2 events" in client.get(url("act", "discard", since=day)).content.decode()
    assert "nothing that this" in client.get(url("act", "discard", event_type="probe.clock.ticked")).content.decode()
    refused = client.get(url("act", "discard", since="yesterday"), follow=True)
    assert "cannot be read" in refused.content.decode()
    assert client.get(url("act", "explode")).status_code == 404


def test_a_discard_of_many_is_taken_back_by_the_link_in_its_message(as_, dead, group):
    client = as_("operator")
    done = confirm(client, url("act", "discard", error=group)).content.decode()
    assert health().dead == 0
    link = re.search(r'href="([^"]*take-back[^"]*)"', done)[1].replace("&amp;", "&")
    assert "3 events are dead letters again." in confirm(client, link).content.decode()
    assert health().dead == 3
    for moments in (("x", "y"), ("2026-01-01", "2026-01-02"), ("", "")):
        assert client.get(url("take_back", since=moments[0], until=moments[1])).status_code == 404


def test_chosen_events_are_confirmed_and_only_what_fits_is_changed(as_, people, dead):
    client = as_("operator")
    with transaction.atomic():
        pending = emit(Ticked(key="z", number=1))
    page = client.post(LIST, {"action": "discard", "_selected_action": [dead[0], pending]})
    assert page.status_code == 200
    assert "Discard: 1 event" in page.content.decode()
    assert health().dead == 3
    question = page.context["question"]
    assert question.facts == {"Chosen": 2, "Not changed": 1}
    done = client.post(question.action, {**dict(question.hidden), "confirmed": "yes"}, follow=True)
    assert "1 event was discarded." in done.content.decode()
    assert (row(dead[0]).discarded_at is not None, row(pending).status) == (True, "pending")
    assert {entry.object_id for entry in LogEntry.objects.all()} == {str(dead[0]), str(pending)}
    assert Attempt.objects.filter(worker="operator@example.org", message=dead[0]).count() == 1


@pytest.mark.parametrize(("deed", "status"), [("requeue", "pending"), ("discard", "dead")])
def test_one_event_is_dealt_with_from_its_page(as_, dead, deed, status):
    client = as_("operator")
    confirm(client, f"{LIST}{dead[0]}/{deed}/")
    assert (row(dead[0]).status, row(dead[0]).discarded_at is not None) == (status, deed == "discard")
    if deed == "discard":
        confirm(client, f"{LIST}{dead[0]}/restore/")
        assert row(dead[0]).discarded_at is None


def test_an_event_offers_only_what_can_be_done_to_it(as_, dead):
    client = as_("operator")
    assert client.get(f"{LIST}{dead[0]}/restore/").status_code == 403
    actions.requeue(ids=dead[:1], by="Olga")
    testing.drain()
    page = client.get(f"{LIST}{dead[0]}/change/").content.decode()
    for deed in ("requeue", "discard", "restore", "edit"):
        assert f"/{dead[0]}/{deed}/" not in page
        assert client.get(f"{LIST}{dead[0]}/{deed}/").status_code == 403
    assert client.post(url("act_on_chosen", "requeue"), {"ids": "1,x", "confirmed": "yes"}).status_code == 404
    nothing = client.get(url("act_on_chosen", "requeue", ids=f"-1,0,{10**30}"))
    assert "nothing that this could be done to" in nothing.content.decode()


def test_many_chosen_events_leave_one_line_in_the_log(as_, settings):
    settings.WORKER_MAX_ATTEMPTS = 1
    Fault.objects.bulk_create(Fault(handler="probe.tick", key="a", number=n, times=-1) for n in range(30))
    with transaction.atomic():
        ids = emit_many([Ticked(key="a", number=number) for number in range(30)])
    testing.drain(raise_errors=False)
    client = as_("operator")
    client.post(url("act_on_chosen", "discard"), {"ids": ",".join(map(str, ids)), "confirmed": "yes"})
    assert health().dead == 0
    assert LogEntry.objects.get().object_repr == f"30 events, #{ids[0]} to #{ids[-1]}"


def test_an_edit_is_shown_before_it_is_made_and_both_events_tell_of_it(as_, people, dead):
    client = as_("superuser")
    edited = '{"key": "a", "number": 9}'
    page = client.post(url("edit", dead[0]), {"payload": edited})
    question = page.context["question"]
    assert question.rows == [("number", "0", "9")]
    assert question.facts == {"Handlers that run": "probe.left, probe.right"}
    assert question.warning.endswith("run again for the new event: probe.left.")
    assert OutboxMessage.objects.count() == 3
    done = client.post(url("edit", dead[0]), {"payload": edited, "confirmed": "yes"}, follow=True)
    new = OutboxMessage.objects.get(edited_from=dead[0])
    assert f"#{new.pk} was emitted in the place of #{dead[0]}" in done.content.decode()
    assert f"in the place of #{dead[0]}" in done.content.decode()
    assert f"replaced by #{new.pk}" in client.get(f"{LIST}{dead[0]}/change/").content.decode()
    assert set(LogEntry.objects.values_list("user__email", "object_id")) == {
        ("sue@example.org", str(dead[0])),
        ("sue@example.org", str(new.pk)),
    }
    testing.drain()
    assert Effect.objects.filter(number=9).count() == 2
    assert "nobody has dealt with" in client.get(url("edit", dead[0])).content.decode()


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ("{", "This is not JSON"),
        ("[]", "A payload is a JSON object"),
        ('{"key": "a", "key": "a", "number": 1}', "a key stands there twice"),
        ('{"key": "a", "number": NaN}', "NaN is no number"),
        ('{"key": "a", "number": 1.5}', "is not of type int"),
        ('{"key": "b", "number": 1}', "ordering key would change"),
        ('{"key": "a", "number": 0}', "Nothing is changed"),
        ("[" * 50_000, "This is not JSON"),
    ],
)
def test_a_payload_that_is_not_right_is_refused_also_when_confirmed(as_, dead, payload, told):
    for confirmed in ({}, {"confirmed": "yes"}):
        page = as_("superuser").post(url("edit", dead[0]), {"payload": payload, **confirmed})
        assert told in page.content.decode()
    assert OutboxMessage.objects.count() == 3
    assert row(dead[0]).discarded_at is None


def test_dead_letters_without_a_group_have_their_page(as_, dead):
    OutboxMessage.objects.update(error_group="", error="")
    client = as_("operator")
    assert "Without an error" in client.get(url("errors")).content.decode()
    assert client.get(url("error", "none")).context["group"].count == 3
    assert "Try again: 3 events" in client.get(url("act", "requeue", error="none")).content.decode()
    assert client.get(url("error", "ffffffffffffffff")).status_code == 404
