import io

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError

from identity.drf.errors import PayloadTooLarge, validation_body
from identity.drf.parsers import StrictJSONParser
from identity.drf.serializers import StrictSerializer


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
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
    ],
)
def test_a_body_that_could_be_misread_is_refused(body, reason):
    with pytest.raises(ParseError, match=reason):
        parsed(body)


def test_a_pair_of_surrogates_is_one_character():
    assert parsed(rb'{"payee": "\ud83c\udf4e"}') == {"payee": "🍎"}


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
    assert body["fields"]["dat"] == ["This field is not known here."]
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
