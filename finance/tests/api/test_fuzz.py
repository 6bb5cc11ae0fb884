"""Whatever is sent to the journal, the answer is an entry or a refusal in the one shape, never a fault."""

import datetime
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finance.ledger.models import JournalEntry, JournalLine

REFUSALS = {400, 404, 409, 413}

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**62, max_value=2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["NaN", "1e5", "-0", "00.10", "+.5", "5.", "\x00", "2026-03-14", "0001-01-01", "9999-12-31"]),
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
amounts = st.one_of(anything, st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str))
references = st.one_of(st.sampled_from(["Assets:Cash", "Expenses:Food:Groceries", "Assets"]), anything)
lines = st.lists(
    st.one_of(
        anything,
        st.fixed_dictionaries(
            {"account": references, "amount": amounts}, optional={"memo": anything, "note": anything}
        ),
    ),
    max_size=4,
)
bodies = st.one_of(
    anything,
    st.fixed_dictionaries(
        {"date": st.one_of(st.dates().map(str), anything), "lines": st.one_of(lines, anything)},
        optional={"payee": anything, "description": anything, "uid": st.one_of(st.uuids().map(str), anything)},
    ),
)
quick = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


DAYS = st.dates(min_value=datetime.date(1900, 1, 1), max_value=datetime.date(2199, 12, 31))


@pytest.mark.long
@quick
@given(body=bodies)
def test_no_body_makes_the_journal_fail(api, url, body):
    _assert_entry_or_refusal(api.post(url("entries/"), json.dumps(body), content_type="application/json"))


@pytest.mark.long
@quick
@given(rows=st.one_of(anything, st.lists(bodies, max_size=3)))
def test_no_body_makes_the_bulk_posting_fail(api, url, rows):
    body = json.dumps({"entries": rows})
    _assert_entry_or_refusal(api.post(url("entries/bulk/"), body, content_type="application/json"))


@pytest.mark.long
@quick
@given(amount=st.integers(min_value=1, max_value=10**15), date=DAYS, payee=st.text(max_size=200))
def test_what_is_posted_is_what_is_read(api, url, amount, date, payee):
    text = f"{amount // 100}.{amount % 100:02}"
    body = {
        "date": date.isoformat(),
        "payee": payee,
        "lines": [{"account": "Assets:Cash", "amount": text}, {"account": "Income:Salary", "amount": f"-{text}"}],
    }
    answer = api.post(url("entries/"), json.dumps(body), content_type="application/json")
    _assert_entry_or_refusal(answer)
    if answer.status_code == 201:
        read = api.get(url(f"entries/{answer.json()['uid']}/")).json()
        assert [line["amount"] for line in read["lines"]] == [text, f"-{text}"]
        assert read["date"] == date.isoformat()
        assert read["payee"] == payee.strip()
    else:
        assert set(answer.json()["fields"]) == {"payee"}, answer.json()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"entry"', b"\xff\xfe", b"{}" * 2, b"1" * 10_000])
def test_no_bytes_make_the_journal_fail(api, url, body):
    _assert_entry_or_refusal(api.post(url("entries/"), body, content_type="application/json"))


def _assert_entry_or_refusal(response):
    if response.status_code == 201:
        amounts = JournalLine.objects.filter(entry=JournalEntry.objects.latest("pk")).values_list("amount", flat=True)
        assert sum(amounts) == 0
    else:
        assert response.status_code in REFUSALS, (response.status_code, response.content)
        assert set(response.json()) == {"code", "detail", "fields"}
