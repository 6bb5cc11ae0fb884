"""Walks all operations of the API, as the OpenAPI document names them: hostile input, strictness, keys.

An operation that is new needs a body in bodies_of_operations.py, or the walk fails.
"""

# ruff: noqa: F811 (a fixture that asks for another is named as it is)

import io
import json
import re
from contextlib import contextmanager
from itertools import product

import pytest
from django.conf import settings
from django.db import transaction
from rest_framework.test import APIClient

from finance.models import Loan, RecurringFinding, RuleApplication
from finance.tests.imports.conftest import CSV
from identity.models import IdempotencyRecord
from insights.models import Insight
from lifeos_project.middleware.requests import TolerantRequest
from lifeos_project.tests import contract
from lifeos_project.tests.bodies_of_operations import BOOK, OCCURRENCE, bodies
from lifeos_project.tests.one_of_everything import RULE, clock, one_of_everything, owner, world  # noqa: F401  # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.long]

NAMES = sorted(contract.operations())
CHANGES = [name for name in NAMES if name[0] != "GET"]
WITH_FILE = {("POST", BOOK + "imports/"), ("POST", BOOK + "entries/{uid}/attachments/")}
# Why these take no Idempotency-Key; docs/api.md says so, too.
WITHOUT_KEY = {
    ("POST", "/api/v1/auth/token/"): "nobody is signed in whose key it could be",
    ("POST", "/api/v1/auth/token/refresh/"): "nobody is signed in whose key it could be",
    ("POST", "/api/v1/auth/token/verify/"): "nobody is signed in whose key it could be",
    ("POST", "/api/v1/auth/token/blacklist/"): "nobody is signed in whose key it could be",
    ("POST", "/api/v1/auth/signup/"): "nobody is signed in whose key it could be",
    ("POST", "/api/v1/auth/signup/confirm/"): "nobody is signed in whose key it could be",
}


@pytest.fixture(autouse=True)
def _as_the_server_reads(monkeypatch):
    """Requests are made as the web processes make them, and nothing is throttled but what is tested elsewhere."""
    monkeypatch.setattr("django.test.client.WSGIRequest", TolerantRequest)
    monkeypatch.setattr("rest_framework.throttling.SimpleRateThrottle.allow_request", lambda *_: True)
    monkeypatch.setattr("finance.api.members.may_invite", lambda **_: True)
    monkeypatch.setattr("finance.webhooks.services.may_test", lambda **_: True)


# What only an account that holds money has.
OF_HOLDINGS = tuple(
    f"{{account_id}}/{each}/" for each in ("statements", "cleared", "statements/offered", "opening-balance")
)


def address(path, ids, **instead):
    """The operation's path with ids of the world, or with those given instead."""
    if "imports/" not in path:
        # Statements of accounts, and the accounts that have them.
        ids = ids | {"statement_id": ids["even_id" if path.endswith("reconcile/") else "account_statement_id"]}
    if "reports/{kind}/" in path:
        ids = ids | {"kind": "spending"}
    if path.endswith((*OF_HOLDINGS, "forecast/accounts/{account_id}/")):
        ids = ids | {"account_id": ids["savings_id"]}
    if path.endswith(("/cancel/", "/write-off/", "/reminders/", "/payments/")) and "invoice_id" in path:
        ids = ids | {"invoice_id": ids["sent_invoice"]}
    if path.endswith("{payment_id}/"):
        ids = ids | {"invoice_id": ids["paid_invoice"]}
    ids = ids | instead
    return re.sub(r"\{(\w+)\}", lambda found: str(ids[found[1]]), path)


def ask(world, name, body=None, *, path=None, **headers):
    """Call the operation; a dict is sent as it should be, bytes as they are."""
    method, template = name
    path = path or address(template, world["ids"])
    if name in WITH_FILE and isinstance(body, dict):
        file = io.BytesIO(CSV.replace(b"2026", b"2025") if name[1].endswith("imports/") else b"%PDF-1.4")
        file.name = "other.csv"
        return world["client"].post(path, {"file": file, **body}, format="multipart", headers=headers)
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return world["client"].generic(method, path, content, content_type="application/json", headers=headers)


def prepare(world, name):
    """What an action needs that the world does not have in common."""
    if name[1].endswith("/{import_id}/undo/"):
        assert ask(world, ("POST", BOOK + "imports/{import_id}/confirm/"), {}).status_code == 200
    if name == ("DELETE", BOOK + "entries/{uid}/refund/"):
        given = ("PUT", name[1])
        assert ask(world, given, bodies(world)[given]).status_code == 200
    if name[1].endswith("/unlink/"):
        given = ("POST", OCCURRENCE + "link/")
        assert ask(world, given, bodies(world)[given]).status_code == 200
    if name[1].endswith("/scenarios/repayment/"):
        debt = Loan.objects.get(pk=world["ids"]["loan_id"]).account_id
        lines = [
            {"account": debt, "amount": "-9000.00"},
            {"account": world["accounts"].checking.pk, "amount": "9000.00"},
        ]
        given = ("POST", BOOK + "entries/")
        assert ask(world, given, {"date": "2026-01-01", "payee": "Bank", "lines": lines}).status_code == 201
    if name[1].endswith("/restore/"):
        assert ask(world, ("DELETE", BOOK)).status_code == 202
    if name[1].endswith("/reopen-period/"):
        assert ask(world, ("POST", BOOK + "close-period/"), {"through": "2025-12-31"}).status_code == 200
    for ending, model, state in (
        ("/offer/", RecurringFinding, "dismissed"),
        ("/{application_id}/cancel/", RuleApplication, "running"),
        ("/{application_id}/resume/", RuleApplication, "cancelled"),
    ):
        if name[1].endswith(ending):
            model.objects.update(state=state)
    if name[1].endswith("/reopen/"):
        Insight.objects.filter(pk=world["insight"].pk).update(state="dismissed")


@contextmanager
def undone():
    """What one operation changes is not missed by the next."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def told(response):
    assert response.status_code < 500, response.content[:300]
    return response


def test_the_walk_knows_a_body_for_every_change(world):
    assert set(bodies(world)) == set(CHANGES)


# --- Idempotency-Key -------------------------------------------------------------------------------------------------


def test_every_change_takes_a_key_or_says_why_not():
    keyed = {name for name in CHANGES if "Idempotency-Key" in str(contract.operations()[name].get("parameters"))}
    assert keyed | set(WITHOUT_KEY) == set(CHANGES)
    assert not keyed & set(WITHOUT_KEY)
    documented = (settings.BASE_DIR / "docs" / "api.md").read_text()
    assert all(f"| `{method} {path}` |" in documented for method, path in WITHOUT_KEY)


@pytest.mark.parametrize("name", [name for name in CHANGES if name not in WITHOUT_KEY], ids=" ".join)
def test_a_change_happens_once_per_key(world, name):
    prepare(world, name)
    body = bodies(world)[name]
    key = {"idempotency-key": "once"}
    first = ask(world, name, body, **key)
    assert first.status_code in (200, 201, 202, 204), first.content
    assert "Idempotent-Replayed" not in first
    again = ask(world, name, body, **key)
    assert (again.status_code, again.get("Idempotent-Replayed")) == (first.status_code, "true")
    if first.content:
        once = ("link", "secret", "url") if "calendar-feed" in name[1] else ("link", "secret")
        secrets = {member for member in once if member in first.json()}
        assert all(first.json()[member] and again.json()[member] is None for member in secrets)
        assert {**again.json(), **{member: first.json()[member] for member in secrets}} == first.json()
        kept = IdempotencyRecord.objects.get(key="once").answer
        assert all(str(first.json()[member]) not in json.dumps(kept) for member in secrets)
    else:
        assert again.content == b""
    other = ask(world, name, {"other": 1} if name not in WITH_FILE else {"account": "1"}, **key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")


# --- Strictness ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHANGES, ids=" ".join)
def test_a_member_that_is_not_known_is_refused_by_name(world, name):
    prepare(world, name)
    answer = ask(world, name, {**(bodies(world)[name] or {}), "unheard_of": "1"})
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["fields"]) == ["unheard_of"]


def places(body, path=()):
    """Every value of a body by its path; of a list its first item only."""
    for key, value in body.items() if isinstance(body, dict) else enumerate(body[:1]):
        yield (*path, key), value
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def with_value(body, path, value):
    if not path:
        return value
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[path[0]] = with_value(body[path[0]], path[1:], value)
    return copy


def of_another_type(value):
    match value:
        case bool():
            return ["true", "yes", 1, 0, [], {}]
        case int():
            return [True, f"{value}x", 1.5, [], {}]
        case str():
            return [0, True, 1.5, [], {}]
        case list():
            return ["x", 0, {}, True]
        case dict():
            return ["x", 0, [1], True]
    return []


NAMES_OF_ACCOUNTS = ("account", "parent", "counter_account", "source_account", "target_account", "default_category")
IN_JSON = [name for name in CHANGES if name not in WITH_FILE]


@pytest.mark.parametrize("name", IN_JSON, ids=" ".join)
def test_a_value_of_another_type_is_refused_at_its_place(world, name):
    body = bodies(world)[name]
    for path, value in places(body or {}):
        for wrong in of_another_type(value):
            if type(wrong) in (int, str) and path[-1] in NAMES_OF_ACCOUNTS:
                continue  # an account is named by its id or its path
            answer = ask(world, name, with_value(body, path, wrong))
            place = ".".join(map(str, path))
            assert answer.status_code == 400, (path, wrong, answer.content)
            fields = answer.json()["fields"]
            assert fields == {} or any(place.startswith(each) or each.startswith(place) for each in fields), fields


# --- No input is a fault ---------------------------------------------------------------------------------------------

HOSTILE = [
    *("\x00", "a\x00b", "x" * 5000, "ä" * 254, "0001-01-01", "9999-12-31", "9999-12-31T23:59:59Z", "10000-01-01"),
    *("0001-01-01T00:00:00+14:00", "zip", "hex", "rot13", "EUR\x00", "1e999", "-0", "٣", "", " ", "\u202e", "..", "%"),
    *(0, -1, 2**63, 2**70, 1e308, True, None, [], {}, [[]], [None], {"": None}, ["\x00"]),
    *("a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".example", "ﷺ" * 100 + "@example.org", "x@" + "ü" * 60 + ".org"),
]


AT_EACH_PLACE = ("\x00", "x" * 5000, "9999-12-31", "0001-01-01", 2**70, [None], None)


@pytest.mark.parametrize("name", IN_JSON, ids=" ".join)
def test_no_body_is_a_fault(world, name):
    body = bodies(world)[name]
    # Each value comes to every third operation: fields of a kind are read by one reader.
    for value in HOSTILE[IN_JSON.index(name) % 3 :: 3]:
        told(ask(world, name, dict.fromkeys(body or {}, value)))
    for number, (path, _value) in enumerate(places(body or {})):
        # Half of the values at each place, in turn; every place of a body passes through the same few readers.
        for value in AT_EACH_PLACE[number % 2 :: 2]:
            told(ask(world, name, with_value(body, path, value)))
        told(ask(world, name, json.dumps(with_value(body, path, "?")).replace('"?"', r'"\ud800"').encode()))
    for raw in (b"", b"{", b"[]", b"null", b"\xff", b'"x"', b"[" * 5000, b"9" * 100_000, b'{"\\ud800": 1}'):
        told(ask(world, name, raw))


PROFILE_PATH = BOOK + "imports/"


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"encoding": encoding}
            for encoding in ("zip", "hex", "rot13", "base64", "bz2", "a\x00", "\ud800", "", "idna")
        ),
        *({"encoding": encoding} for encoding in ("undefined", "unicode_escape", "punycode", "mbcs", "x" * 5000)),
        *(
            {"currency": "E\x00"},
            {"currency": "x" * 5000},
            {"header": ["\x00"]},
            {"header": [1]},
            {"delimiter": "\x00"},
        ),
        *({"date_column": 2**70}, {"payee_columns": [True]}, {"unheard_of": 1}),
    ],
)
def test_a_profile_is_refused_by_field_at_both_doors(world, change):
    base = {"date_column": 0, "amount_column": 3, "delimiter": ",", "date_order": "ymd"}
    name = ("POST", BOOK + "imports/{import_id}/profile/")
    answers = [
        told(ask(world, name, change)),
        told(
            ask(
                world,
                ("POST", PROFILE_PATH),
                {"account": str(world["accounts"].savings.pk), "profile": json.dumps({**base, **change})},
            )
        ),
    ]
    if change != {"encoding": ""}:
        assert [answer.status_code for answer in answers] == [400, 400]
    assert world["batch"].statements.exists()


def test_a_long_profile_that_is_no_json_is_refused(world):
    for text in ("[" * 100_000, "9" * 100_000, '{"a": 1, "a": 2}', "null", "{", '{"encoding": "\\ud800"}'):
        answer = ask(world, ("POST", PROFILE_PATH), {"account": str(world["accounts"].savings.pk), "profile": text})
        assert answer.status_code == 400, text[:20]


# gunicorn takes 4,094 bytes of a request line.
LONGEST = "9" * 3900
QUERIES = [
    *("%00", "%ff", "%ed%a0%80", "%", "%zz", "a%00b", LONGEST, "-1", "0", "1.5", "1e400", "NaN", "Infinity", "%2b1"),
    *(
        "9" * 19,
        "9" * 30,
        "0001-01-01",
        "9999-12-31",
        "10000-01-01",
        "true",
        "a" * 5000,
        "a:b:c",
        "%F0%9F%8D%8E",
        "1%2f0",
    ),
]


def test_no_query_is_a_fault(world):
    """Each value comes to every third parameter; parameters of one name are read by one field."""
    for place, name in enumerate(NAMES):
        method, template = name
        names = {each["name"] for each in contract.operations()[name].get("parameters", []) if each["in"] == "query"}
        path = address(template, world["ids"])
        if method != "GET":
            with undone():
                told(world["client"].generic(method, f"{path}?%ff=%00&x=%ed%a0%80"))
            continue
        asked = list(product(sorted(names), QUERIES))[place % 3 :: 3]
        for parameter, value in (*asked, ("x", "1"), ("x", "%ff"), ("%00", "%00")):
            told(world["client"].get(f"{path}?{parameter}={value}"))
        for parameter in sorted(names):
            answer = world["client"].get(f"{path}?{parameter}=")
            assert (answer.status_code, list(answer.json().get("fields", ()))) == (400, [parameter]), name


def test_no_id_in_an_address_is_a_fault(world):
    for place, name in enumerate(NAMES):
        for parameter in re.findall(r"\{(\w+)\}", name[1]):
            values = (
                "0",
                "9" * 18,
                "9" * 19,
                "9" * 30,
                LONGEST,
                "-1",
                "%00",
                "%ff",
                "%ed%a0%80",
                "%D9%A3",
                "x",
            )
            for value in values[place % 2 :: 2]:
                path = address(name[1], world["ids"], **{parameter: value})
                with undone():
                    answer = told(ask(world, name, {}, path=path))
                assert answer.status_code in (400, 404, 405), (path[:80], answer.status_code)


def test_no_header_is_a_fault(world):
    """Headers are read before an operation is chosen: each comes to a part of the operations, all to each method."""
    for place, name in enumerate(NAMES):
        path = address(name[1], world["ids"])
        anonymous = APIClient(raise_request_exception=False)
        kinds = (
            *("application/json; charset=zip", "application/json; charset=unheard", "application/json; x*=zip''%41"),
            *(
                "multipart/form-data; boundary=x; charset=zip",
                "multipart/form-data",
                "application/x-www-form-urlencoded; charset=hex",
            ),
            *("", ";", "a", "*/*", "multipart/form-data; boundary=\xff", "multipart/form-data; boundary=" + "x" * 300),
        )
        for kind in kinds[place % 4 :: 4]:
            with undone():
                told(world["client"].generic(name[0], path, b"--x\r\n\r\n--x--", content_type=kind))
            told(anonymous.generic(name[0], path, b"--x\r\n\r\n--x--", content_type=kind))
        for accepted in ("text/html; q*=zip''%41", "\xff", ";", "*", "a/b; charset=zip")[place % 5 :][:1]:
            told(anonymous.generic(name[0], path, headers={"accept": accepted}))
        wrong = (
            "Bearer",
            "Bearer x y",
            "Bearer \xff",
            "Bearer " + "W" * 8000 + ".e30.x",
            "Basic eA==",
            "Bearer ..",
            DEEP,
        )
        for credentials in wrong[place % 7 :][:1]:
            answer = told(anonymous.generic(name[0], path, headers={"authorization": credentials}))
            assert answer.status_code in (400, 401, 406, 415), answer.content


# A header of brackets only, thousands deep.
DEEP = "Bearer " + "W1tb" * 2000 + ".e30.x"


@pytest.mark.parametrize("method", ["TRACE", "FOO", "CONNECT", "PROPFIND", "PUT"])
def test_methods_that_no_operation_has_are_refused_with_those_that_it_has(world, method):
    for name in NAMES:
        if (method, name[1]) in NAMES:
            continue
        answer = world["client"].generic(method, address(name[1], world["ids"]))
        assert answer.status_code == 405, (method, name)
        assert name[0] in answer["Allow"]
        assert answer.json()["code"] == "method_not_allowed"


def test_a_stranger_is_refused_before_the_body_is_read(world, monkeypatch):
    def read(*args):
        raise AssertionError("the body was read")

    monkeypatch.setattr("core.api.parsers.read_json", read)
    anonymous = APIClient(raise_request_exception=False)
    for name in IN_JSON:
        if name not in WITHOUT_KEY:
            answer = anonymous.generic(name[0], address(name[1], world["ids"]), b"{}", content_type="application/json")
            assert answer.status_code == 401, name


def test_an_open_door_takes_a_short_body_only(world):
    body = b'{"email": "' + b"x" * 65_536 + b'"}'
    for name in WITHOUT_KEY:
        assert ask(world, name, body).status_code == 413, name
