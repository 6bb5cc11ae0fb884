# ruff: noqa: E501
"""The cases of the field, on the engine alone: no database."""

import datetime
import time

import pytest

from finance.errors import Invalid
from finance.rules.definition import parse_definition
from finance.rules.engine import CompiledRule, Engine, Subject

CHECKING, FOOD, FUN, RENT, SAVINGS, DOLLARS = 1, 2, 3, 4, 5, 6
EURO = dict.fromkeys((CHECKING, FOOD, FUN, RENT, SAVINGS), "EUR") | {DOLLARS: "USD"}
SPLIT = "split"


def rule(number, conditions, actions, *, match="all", **options):
    definition = parse_definition({"match": match, "conditions": conditions, "actions": actions})
    return CompiledRule(rule_id=number, version=1, name=f"rule {number}", definition=definition, **options)


def has(field, test, value=None):
    return {"field": field, "test": test} if value is None else {"field": field, "test": test, "value": value}


def to(account):
    return {"do": "category", "account": account}


def row(**changes):
    given = {
        "account_id": CHECKING, "amount": -100_00, "currency": "EUR", "date": datetime.date(2026, 1, 15),
        "payee": "REWE Markt 1234 Köln", "description": "Einkauf",
    }  # fmt: skip
    return Subject(**{**given, **changes})


def run(rules, subject=None):
    return Engine(rules, currencies=EURO).run(subject or row())


def shares(parts, amount=-100_00, currency="EUR"):
    outcome = run(
        [rule(1, [has("payee", "not_empty")], [{"do": SPLIT, "parts": parts}])], row(amount=amount, currency=currency)
    )
    return [share.amount for share in outcome.subject.shares], [step.problem for step in outcome.steps]


def holds(condition, **changes):
    return bool(run([rule(1, [condition], [{"do": "ignore"}])], row(**changes)).subject.ignored)


def test_a_later_rule_sees_the_payee_that_an_earlier_one_set():
    """RUL-01"""
    rules = [
        rule(1, [has("payee", "words", "rewe markt")], [{"do": "payee", "value": "Rewe"}]),
        rule(2, [has("payee", "equals", "rewe")], [to(FOOD)]),
        rule(3, [has("payee", "contains", "köln")], [to(FUN)]),
    ]
    outcome = run(rules)
    assert (outcome.subject.payee, outcome.subject.category_id) == ("Rewe", FOOD)
    assert [(step.rule_id, dict(step.changes)) for step in outcome.steps] == [
        (1, {"payee": ("REWE Markt 1234 Köln", "Rewe")}),
        (2, {"category_id": (None, FOOD)}),
    ]
    # In the other order the second rule comes too early: one pass, no loops.
    assert run([rules[1], rules[0]]).subject.category_id is None


def test_what_people_chose_stays_unless_the_rule_overrides():
    """RUL-02"""
    chosen = row(category_id=FUN, chosen=frozenset({"category"}))
    kept = run([rule(1, [has("payee", "words", "rewe")], [to(FOOD), {"do": "note", "value": "n"}])], chosen)
    assert (kept.subject.category_id, kept.subject.note, kept.steps[0].kept) == (FUN, "n", ("category",))
    assert (
        run([rule(1, [has("payee", "words", "rewe")], [to(FOOD)], override=True)], chosen).subject.category_id == FOOD
    )


def test_six_equal_parts_add_up():
    """RUL-04"""
    found, problems = shares([{"account": FOOD, "rest": True}] * 6)
    assert found == [-1667] * 4 + [-1666] * 2
    assert problems == [""]


@pytest.mark.parametrize(("of", "expected"), [("total", [-2000, -5000, -3000]), ("rest", [-2000, -4000, -4000])])
def test_a_percentage_says_what_it_is_of(of, expected):
    """RUL-05"""
    parts = [
        {"account": FOOD, "amount": "20.00"},
        {"account": FUN, "percent": "50", "of": of},
        {"account": RENT, "rest": True},
    ]
    assert shares(parts) == (expected, [""])
    assert shares(parts, amount=100_00)[0] == [-share for share in expected]


def test_two_conditions_of_one_kind_must_both_hold_and_bounds_are_exclusive():
    """RUL-06"""
    strict = [
        has("payee", "contains", "foo"),
        has("payee", "contains", "bar"),
        has("day", "after", 11),
        has("day", "before", 16),
    ]
    days = [
        day
        for day in range(1, 32)
        if run(
            [rule(1, strict, [{"do": "ignore"}])], row(payee="foo bar", date=datetime.date(2026, 1, day))
        ).subject.ignored
    ]
    assert days == [12, 13, 14, 15]
    for day in (2, 15):
        assert not run([rule(1, strict, [{"do": "ignore"}])], row(payee="foo", date=datetime.date(2026, 1, day))).steps


def test_stop_ends_the_pass_and_any_tests_every_condition():
    """RUL-08"""
    either = rule(
        1, [has("payee", "contains", "aldi"), has("payee", "contains", "rewe")], [to(FOOD)], match="any", stop=True
    )
    outcome = run([either, rule(2, [has("payee", "not_empty")], [to(FUN)])])
    assert (outcome.subject.category_id, len(outcome.steps)) == (FOOD, 1)
    other = run([either, rule(2, [has("payee", "not_empty")], [to(FUN)])], row(payee="Lidl"))
    assert other.subject.category_id == FUN


def test_a_rule_that_holds_without_changing_anything_still_stops():
    outcome = run(
        [rule(1, [has("payee", "not_empty")], [to(FOOD)], stop=True), rule(2, [has("payee", "not_empty")], [to(FUN)])],
        row(category_id=FOOD),
    )
    assert (outcome.subject.category_id, outcome.steps) == (FOOD, ())


@pytest.mark.parametrize(
    ("condition", "changes", "expected"),
    [
        (has("payee", "words", "köln rewe"), {}, True),
        (has("payee", "words", "rewe berlin"), {}, False),
        (has("payee", "words", "ewe"), {}, False),
        (has("payee", "contains", "EWE  markt"), {}, True),
        (has("payee", "not_contains", "aldi"), {}, True),
        (has("payee", "equals", "rewe markt 1234 KÖLN"), {}, True),
        (has("payee", "starts", "rewe m"), {}, True),
        (has("payee", "ends", "köln"), {}, True),
        (has("note", "empty"), {}, True),
        (has("payee", "not_empty"), {"payee": " "}, False),
        (has("payee", "matches", r"rewe.*\d{4}"), {}, True),
        (has("payee", "matches", r"^\d+$"), {}, False),
        (has("any", "contains", "einkauf"), {}, True),
        (has("any", "contains", "sagt danke"), {"original": "REWE SAGT DANKE"}, True),
        (has("payee", "contains", "sagt danke"), {"original": "REWE SAGT DANKE"}, False),
        (has("amount", "is", "100"), {}, True),
        (has("amount", "between", {"from": "99.99", "to": "100.00"}), {"amount": 100_00}, True),
        (has("amount", "at_least", "100.01"), {}, False),
        (has("amount", "at_most", "100"), {"amount": 100, "currency": "JPY"}, True),
        (has("direction", "is", "out"), {}, True),
        (has("direction", "is", "in"), {}, False),
        (has("account", "is", CHECKING), {}, True),
        (has("account", "is_not", CHECKING), {}, False),
        (has("category", "empty"), {}, True),
        (has("category", "is", FOOD), {"category_id": FOOD}, True),
        (has("date", "after", "2026-01-15"), {}, False),
        (has("date", "between", {"from": "2026-01-15", "to": "2026-01-15"}), {}, True),
        (has("weekday", "is", [4]), {}, True),
        (has("counterparty", "equals", "DE12 3456"), {"counterparty": "DE123456"}, True),
    ],
)  # fmt: skip
def test_each_condition(condition, changes, expected):
    assert holds(condition, **changes) is expected


def test_groups_of_conditions():
    grouped = [
        has("direction", "is", "out"),
        {"match": "any", "conditions": [has("payee", "words", "aldi"), has("payee", "words", "rewe")]},
    ]
    assert holds(grouped[1])
    assert run([rule(1, grouped, [to(FOOD)])]).subject.category_id == FOOD
    assert run([rule(1, grouped, [to(FOOD)])], row(amount=5)).subject.category_id is None


def test_what_does_not_fit_a_row_is_said_and_leaves_the_row():
    dear = [{"account": FOOD, "amount": "120"}, {"account": FUN, "rest": True}]
    assert shares(dear) == ([], ["100.00 EUR is too little for part 1"])
    assert shares([{"account": FOOD, "amount": "100"}, {"account": FUN, "rest": True}])[1] == [
        "100.00 EUR is too little for part 2"
    ]
    assert shares(dear, amount=-500, currency="JPY")[1] == ["it posts to EUR, the row is in JPY"]
    closed = run([rule(1, [has("payee", "not_empty")], [to(99)])])
    assert (closed.subject.category_id, closed.steps[0].problem) == (None, "an account that it names is closed")
    assert (
        run([rule(1, [has("payee", "not_empty")], [to(CHECKING)])]).steps[0].problem
        == "it posts to the account of the row itself"
    )


def test_percentages_that_make_up_the_whole_leave_the_remainder_to_the_last_part():
    thirds = [
        {"account": FOOD, "percent": "33.33", "of": "total"},
        {"account": FUN, "percent": "33.33", "of": "total"},
        {"account": RENT, "percent": "33.34", "of": "total"},
    ]
    assert shares(thirds, amount=-1) == ([], ["0.01 EUR is too little for part 1"])
    assert shares(thirds, amount=-10_01)[0] == [-334, -334, -333]


@pytest.mark.parametrize(
    ("change", "path", "sentence"),
    [
        ({"conditions": []}, "conditions", "at least one condition"),
        ({"actions": []}, "actions", "at least one action"),
        ({"match": "some"}, "match", "all or any"),
        ({"surprise": 1}, "surprise", "unknown"),
        ({"conditions": [has("payee", "sounds_like", "x")]}, "conditions.0.test", "Choose one of"),
        ({"conditions": [has("payee", "matches", "(a")]}, "conditions.0.value", "cannot be read: missing )"),
        ({"conditions": [has("amount", "is", 12.5)]}, "conditions.0.value", "plain decimal"),
        ({"conditions": [has("amount", "is", "-5")]}, "conditions.0.value", "direction is a condition of its own"),
        ({"conditions": [has("amount", "between", {"from": "9", "to": "5"})]}, "conditions.0.value", "after"),
        ({"conditions": [has("day", "is", 32)]}, "conditions.0.value", "1 to 31"),
        ({"conditions": [{"conditions": [{"conditions": [has("note", "empty")]}]}]}, "conditions.0.conditions.0", "further groups"),
        ({"actions": [to(FOOD), to(FUN)]}, "actions.1.do", "each thing once"),
        ({"actions": [{"do": "payee", "value": "x" * 201}]}, "actions.0.value", "200 characters"),
        ({"actions": [{"do": SPLIT, "parts": [{"account": FOOD, "percent": "50"}, {"account": FUN, "rest": True}]}]}, "actions.0.parts.0.of", "what the percentage is of"),
        ({"actions": [{"do": SPLIT, "parts": [{"account": FOOD, "percent": "50", "of": "total"}] * 3}]}, "actions.0.parts", "add up to 150"),
        ({"actions": [{"do": SPLIT, "parts": [{"account": FOOD, "amount": "5"}] * 2}]}, "actions.0.parts", "left over"),
        ({"actions": [{"do": SPLIT, "parts": [{"account": FOOD, "rest": True}, {"account": FUN, "amount": "5"}]}]}, "actions.0.parts", "comes last"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_at_its_field(change, path, sentence):
    good = {"match": "all", "conditions": [has("payee", "words", "x")], "actions": [to(FOOD)]}
    with pytest.raises(Invalid) as refusal:
        parse_definition({**good, **change})
    assert sentence in refusal.value.fields[path]


def test_a_hostile_pattern_costs_nothing():
    """(a+)+$ takes Python's own engine longer than the universe lasts."""
    started = time.perf_counter()
    assert not holds(has("payee", "matches", "(a+)+$"), payee="a" * 199 + "b")
    assert time.perf_counter() - started < 60


def test_a_thousand_rows_and_a_hundred_rules_take_no_second():
    rules = [
        rule(n, [has("payee", "words", f"shop{n}"), has("amount", "at_least", "5")], [to(FOOD)]) for n in range(100)
    ]
    engine = Engine(rules, currencies=EURO)
    started = time.process_time()
    found = [engine.run(row(payee=f"Shop{n % 100} Köln")).subject.category_id for n in range(1000)]
    assert set(found) == {FOOD}
    assert time.process_time() - started < 2
