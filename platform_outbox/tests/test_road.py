"""How many functions one event passes through from its claim to its mark: what a reader has to follow, and each event pays."""

import itertools
import sys
from pathlib import Path

import pytest
from django.db import transaction

import platform_outbox
from platform_outbox.emit import emit
from platform_outbox.models import OutboxMessage
from platform_outbox.processing.process import process_batch
from platform_outbox.tests.probe.events import Ticked

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.outbox]

HERE = str(Path(platform_outbox.__file__).parent)


def road_of_an_event(number):
    """The steps down (+) and back (-), by name, from the entry of `claim` to the end of `ResultWriter.write`."""
    with transaction.atomic():
        emit(Ticked(key="a", number=number))
    steps, under_way = [], False

    def note(frame, what, _argument):
        nonlocal under_way
        code = frame.f_code
        # A comprehension is a part of the function that it stands in.
        ours = code.co_filename.startswith(HERE) and f"{HERE}/tests/" not in code.co_filename
        if (
            not ours
            or what not in ("call", "return")
            or code.co_name in ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
        ):
            return
        under_way = under_way or code.co_qualname == "claim"
        if under_way:
            steps.append(("+" if what == "call" else "-") + code.co_qualname)
        if what == "return" and code.co_qualname == "ResultWriter.write":
            under_way = False

    sys.setprofile(note)
    try:
        result = process_batch(shard=OutboxMessage.objects.latest("id").shard)
    finally:
        sys.setprofile(None)
    assert result.handled == 1
    return steps


def test_the_road_of_one_event_is_short(transactional_db):
    road_of_an_event(1)  # what is made once is made
    steps = road_of_an_event(2)
    assert (steps[0], steps[-1]) == ("+claim", "-ResultWriter.write")
    calls = [step for step in steps if step.startswith("+")]
    # However many functions end at once, a reader comes back once.
    returns = [1 for step, following in itertools.pairwise(steps) if step[0] == "-" and following[0] == "+"]
    assert len(calls) <= 15, "\n".join(steps)
    assert len(returns) <= 6, "\n".join(steps)
