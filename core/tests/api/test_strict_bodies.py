import contextlib
import io
import json
import time

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError

from core.api.errors import PayloadTooLarge, validation_body
from core.api.parsers import StrictJSONParser, _unique_members
from core.api.serializers import StrictSerializer


class Line(StrictSerializer):
    amount = serializers.CharField()


class Entry(StrictSerializer):
    uid = serializers.UUIDField(read_only=True)
    date = serializers.DateField()
    lines = Line(many=True)


def parsed(body: bytes):
    return StrictJSONParser().parse(io.BytesIO(body))


def test_a_plain_body_is_read():
    assert parsed('{"a": [1, "ä", null, true, 1.5]}'.encode()) == {"a": [1, "ä", None, True, 1.5]}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"amount": "1", "amount": "2"}', 'names "amount" twice'),
        (b'{"lines": [{"a": 1, "a": 1}]}', 'names "a" twice'),
        (b'{"amount": NaN}', "NaN"),
        (b'{"amount": -Infinity}', "Infinity"),
        (b'{"amount": ', "not valid JSON"),
        (b"", "not valid JSON"),
        (b'{"payee": "\xff"}', "not UTF-8"),
        (rb'{"payee": "\uD800"}', "half a character"),
        (rb'{"\udfff": 1}', "half a character"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "more than 100 digits"),
        (b'{"a": -' + b"9" * 2_000_000 + b"}", "more than 100 digits"),
        (b'{"a": 0.' + b"9" * 2_000_000 + b"}", "too many digits"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' * 33 + b"1" + b"}" * 33, "nested too deeply"),
        (b"[" + b"1," * 200_000 + b"1]", "more than 200000 members"),
        (b"[" + b"[]," * 100_000 + b"1]", "more than 200000 members"),
        (b"[" + b'{"a":1},' * 100_000 + b"1]", "more than 200000 members"),
        (b'{"' + b'\\"' * 1000, "not valid JSON"),
        (b'{"\\', "not valid JSON"),
    ],
)
def test_a_body_that_could_be_misread_is_refused(body, reason):
    with pytest.raises(ParseError, match=reason):
        parsed(body)


def test_a_pair_of_surrogates_is_one_character():
    assert parsed(rb'{"payee": "\ud83c\udf4e"}') == {"payee": "🍎"}


def test_brackets_and_commas_in_texts_are_text():
    text = "[{" * 100 + "," * 300_000
    assert parsed(json.dumps({"note": text, '"': "\\"}).encode()) == {"note": text, '"': "\\"}


def test_as_deep_and_as_many_as_allowed_is_read():
    assert parsed(b"[" * 32 + b"]" * 32)
    assert len(parsed(b"[" + b"1," * 199_998 + b"1]")) == 199_999


def test_a_repeated_name_is_told_in_brief():
    name = b"x" * 100_000
    with pytest.raises(ParseError) as refused:
        parsed(b'{"' + name + b'": 1, "' + name + b'": 2}')
    assert len(str(refused.value)) < 200


class Name(str):
    """A name that counts how often it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other):
        Name.compared += 1
        return str.__eq__(self, other)


@pytest.mark.parametrize("place", ["first", "last", "nowhere"])
def test_looking_for_a_repeated_name_compares_in_proportion_to_the_names(place):
    def comparisons(number):
        names = [Name(f"m{index}") for index in range(number)]
        if place != "nowhere":
            names.append(Name(names[0 if place == "first" else -1]))
        Name.compared = 0
        try:
            _unique_members([(name, 1) for name in names])
        except ParseError:
            assert place != "nowhere"
        return Name.compared

    assert comparisons(4000) <= 2.5 * comparisons(2000) + 100


HOSTILE = {
    "distinct names, the last twice": lambda n: (
        b"{" + b",".join(b'"m%d":1' % index for index in range(n)) + b',"m%d":1}' % (n - 1)
    ),
    "one name": lambda n: b"{" + b",".join([b'"a":1'] * n) + b"}",
    "an open string of quotation marks": lambda n: b'{"' + b'\\"' * (6 * n),
    "an open string of backslashes": lambda n: b'{"' + b"\\\\" * (6 * n) + b"\\",
    "quotation marks": lambda n: b'"' * (12 * n),
    "brackets": lambda n: b"[" * (12 * n),
    "pairs of brackets": lambda n: b"[" + b"[]," * n + b"[]]",
    "digits": lambda n: b"9" * (12 * n),
    "fraction": lambda n: b"0." + b"9" * (12 * n),
    "blanks": lambda n: b" " * (12 * n),
    "half characters": lambda n: b"[" + b",".join([rb'"\ud83c\udf4e"'] * n) + b"]",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_of_eight_times_the_length_takes_nothing_like_the_square_of_that(name):
    def seconds(body):
        found = []
        for _repeat in range(5):
            started = time.process_time()
            with contextlib.suppress(ParseError):
                parsed(body)
            found.append(time.process_time() - started)
        return min(found)

    small, large = seconds(HOSTILE[name](6_000)), seconds(HOSTILE[name](48_000))
    assert large < 24 * small + 0.005


def test_a_body_over_the_limit_is_refused(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 20
    assert parsed(b'{"a": "0123456789"} ') == {"a": "0123456789"}
    with pytest.raises(PayloadTooLarge):
        parsed(b'{"a": "0123456789"}  ')


def test_unknown_members_are_refused_beside_the_other_errors():
    entry = Entry(data={"dat": "2026-01-01", "uid": "x", "lines": [{"amount": "1"}, {"ammount": "1"}]})
    assert not entry.is_valid()
    body = validation_body(entry.errors)
    assert body["code"] == "invalid"
    assert set(body["fields"]) == {"dat", "date", "uid", "lines.1.amount", "lines.1.ammount"}
    assert body["fields"]["dat"] == ["This field is unknown."]
    assert body["fields"]["uid"] == ["This field is set by the server."]


def test_a_body_that_is_no_object_is_refused_as_a_whole():
    entry = Entry(data=["a"])
    assert not entry.is_valid()
    body = validation_body(entry.errors)
    assert body["fields"] == {}
    assert "dictionary" in body["detail"]


def test_a_telling_code_shared_by_all_messages_becomes_the_code():
    amount = [ErrorDetail("The amount is not finite.", code="amount_invalid")]
    assert validation_body({"lines": [{}, {"amount": amount}]}, telling={"amount_invalid"}) == {
        "code": "amount_invalid",
        "detail": "lines.1.amount: The amount is not finite.",
        "fields": {"lines.1.amount": ["The amount is not finite."]},
    }
    date = [ErrorDetail("Needed.", code="required")]
    mixed = validation_body({"lines": [{}, {"amount": amount}], "date": date}, telling={"amount_invalid"})
    assert mixed["code"] == "invalid"
    assert validation_body({"date": date}, telling={"amount_invalid"})["code"] == "invalid"


def test_a_message_about_a_nested_object_is_told_at_its_path():
    body = validation_body({"lines": {"non_field_errors": ["Too few."]}, "non_field_errors": ["Odd."]})
    assert body == {"code": "invalid", "detail": "Odd.", "fields": {"lines": ["Too few."]}}
