import pytest

from platform_outbox.processing.results import fingerprint_of, normalised


class PostingError(Exception):
    pass


def caught(raise_it):
    try:
        raise_it()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def post(message):
    raise PostingError(message)


def fetch(message):
    raise PostingError(message)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("Entry 17 of book 4 is gone", "Entry # of book # is gone"),
        ('duplicate key "effect_once"\nDETAIL:  Key (id)=(5)', 'duplicate key "effect_once"'),
        ("Key (a, b)=(5, x) exists", "Key (a, b)=(…) exists"),
        ("No payee 'Aldi' at 0x7f3a", "No payee '…' at #"),
        ("user anna@example.org, 6f1c3a52-9d1c-4d3e-8a3e-0123456789ab", "user <address>, <uuid>"),
    ],
)
def test_what_differs_from_event_to_event_is_left_out_of_a_message(message, told):
    assert normalised(message) == told


def test_failures_of_one_reason_are_one_group():
    first, second = caught(lambda: post("Entry 17 is gone")), caught(lambda: post("Entry 9041 is gone"))
    assert fingerprint_of(first) == fingerprint_of(second)
    assert len(fingerprint_of(first)) == 16


def test_another_class_place_or_sentence_is_another_group():
    errors = [
        caught(lambda: post("Entry 17 is gone")),
        caught(lambda: post("Entry 17 is closed")),
        caught(lambda: fetch("Entry 17 is gone")),
        caught(lambda: {}["Entry 17 is gone"]),
    ]
    assert len({fingerprint_of(error) for error in errors}) == 4


def test_an_error_that_was_never_raised_and_says_nothing_printable_has_a_group():
    assert len(fingerprint_of(ValueError("\udc80"))) == 16
