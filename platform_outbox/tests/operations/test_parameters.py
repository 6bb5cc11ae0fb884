import dataclasses
import datetime

import pytest

from platform_outbox.operations.registry import ParametersInvalid, parameter, parameters_of, read, written


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    book: int = parameter("Book")
    format: str = parameter("Format", choices=["json", "csv"], default="json")
    since: datetime.date | None = parameter("From", default=None)
    loud: bool = parameter("Loud", default=False)


def test_texts_and_json_become_the_same_parameters_and_back():
    from_texts = read(Wanted, {"book": "3", "format": "csv", "since": "2026-03-31", "loud": "true"})
    from_json = read(Wanted, {"book": 3, "format": "csv", "since": "2026-03-31", "loud": True})

    assert from_texts == from_json == Wanted(book=3, format="csv", since=datetime.date(2026, 3, 31), loud=True)
    assert written(from_texts) == {"book": 3, "format": "csv", "since": "2026-03-31", "loud": True}
    assert read(Wanted, written(from_texts)) == from_texts


def test_what_is_left_out_or_empty_is_the_default():
    assert read(Wanted, {"book": "3", "format": "", "since": None}) == Wanted(book=3)


def test_every_problem_is_told_at_once_and_by_name():
    with pytest.raises(ParametersInvalid) as refused:
        read(Wanted, {"format": "xml", "since": "31.3.2026", "loud": "perhaps", "volume": "11"})

    assert refused.value.problems == {
        "book": "it is needed",
        "format": "it must be one of json, csv",
        "loud": "it must be true or false",
        "since": "it must be a day such as 2026-03-31",
        "volume": "there is no such parameter",
    }


@pytest.mark.parametrize("value", ["1.5", "x", "", "９", True, 2.0, "9" * 30, "--1"])
def test_only_whole_numbers_are_whole_numbers(value):
    with pytest.raises(ParametersInvalid):
        read(Wanted, {"book": value})


def test_forms_and_commands_learn_what_there_is():
    book, format_, since, loud = parameters_of(Wanted)
    assert (book.name, book.kind, book.required, book.label) == ("book", int, True, "Book")
    assert (format_.choices, format_.default, format_.required) == (("json", "csv"), "json", False)
    assert (since.kind, since.default) == (datetime.date, None)
    assert (loud.kind, loud.default) == (bool, False)


def test_operations_are_not_given_what_no_form_could_ask_for():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Odd:
        things: list[int] = parameter("Things")

    with pytest.raises(TypeError, match="list"):
        parameters_of(Odd)
