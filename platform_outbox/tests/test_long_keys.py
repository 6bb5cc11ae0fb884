"""An ordering key may be as long as it likes: the database keeps one of at most 120 characters."""

import pytest
from django.db import transaction

from platform_outbox.emit import emit, emit_many, shard_of
from platform_outbox.events import LONGEST_KEY, kept_key
from platform_outbox.models import Delivery, OutboxMessage, Replay
from platform_outbox.operators import replay
from platform_outbox.operators.editing import replacement_for
from platform_outbox.tests.probe.events import Unheard

pytestmark = pytest.mark.django_db

LONG = "mail:" + "x" * 300


def test_the_columns_are_as_wide_as_the_keys_that_are_kept():
    for model in (OutboxMessage, Delivery, Replay):
        assert model._meta.get_field("ordering_key").max_length == LONGEST_KEY


@pytest.mark.parametrize("length", [1, 119, 120])
def test_a_key_that_fits_is_kept_as_it_is(length):
    assert kept_key("ä" * length) == "ä" * length


def test_a_key_that_does_not_fit_is_told_apart_from_one_with_the_same_beginning():
    assert len(kept_key(LONG)) == LONGEST_KEY
    assert kept_key(LONG) == kept_key(LONG)
    assert kept_key(LONG).startswith("mail:xxx")
    assert kept_key(LONG) != kept_key(LONG + "y")


@transaction.atomic
def test_events_with_a_long_key_are_emitted_into_one_line():
    events = [Unheard(key=LONG, number=number) for number in range(3)]
    ids = [emit(events[0]), *emit_many(events[1:])]
    rows = OutboxMessage.objects.filter(pk__in=ids).values_list("ordering_key", "shard")
    assert set(rows) == {(kept_key(LONG), shard_of(kept_key(LONG)))}


@transaction.atomic
def test_a_dead_letter_with_a_long_key_can_be_edited_and_replayed_by_its_whole_key():
    message = OutboxMessage.objects.get(pk=emit(Unheard(key=LONG, number=1)))
    assert replacement_for(message, {"key": LONG, "number": 2}) == Unheard(key=LONG, number=2)
    assert replay.plan(handler="probe.tick", by="Olga", ordering_key=LONG).ordering_key == kept_key(LONG)
