"""The ECB's file: its formats, what is refused, and the way from the setting to the table."""

import datetime
import http.server
import io
import threading
import zipfile
from decimal import Decimal

import pytest

from finance.periodic import reference_rates
from finance.valuation.ecb import RatesUnreadable, read_published
from finance.valuation.models import ReferenceFetch, ReferenceRate
from finance.valuation.services import RatesAway, fetch_reference_rates
from platform_outbox.models import OutboxMessage
from platform_outbox.testing import drain

CSV = b"Date,USD,JPY,TRL,\n2026-03-13,1.0812,162.35,N/A,\n2026-03-12,1.0800,162.00,,\n"
XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
<gesmes:subject>Reference rates</gesmes:subject>
<Cube><Cube time="2026-03-13"><Cube currency="USD" rate="1.0812"/><Cube currency="JPY" rate="162.35"/></Cube>
<Cube time="2026-03-12"><Cube currency="USD" rate="1.0800"/><Cube currency="JPY" rate="162.00"/></Cube></Cube>
</gesmes:Envelope>"""


def zipped(data, *names):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("eurofxref-hist.csv",):
            archive.writestr(name, data)
    return target.getvalue()


@pytest.mark.parametrize("data", [CSV, XML, zipped(CSV)], ids=["csv", "xml", "zip"])
def test_each_format_says_the_same(data):
    assert {(each.date.day, each.currency, each.rate) for each in read_published(data)} == {
        (13, "USD", Decimal("1.0812")), (13, "JPY", Decimal("162.35")), (12, "USD", Decimal("1.08")), (12, "JPY", Decimal(162)),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "does not begin"),
        (b"Hello", "does not begin"),
        (b"Date,USD\n", "has no rates"),
        (b"Date,USD\n13.03.2026,1.08\n", "is not a day"),
        (b"Date,USD\n2026-03-13,-1.08\n", "is not a rate"),
        (b"Date,USD\n2026-03-13,0\n", "is not a rate"),
        (b"\xff\xfe", "not CSV in UTF-8"),
        (b"<html><body>Not here</html>", "not XML"),
        (b"<Envelope/>", "has no rates"),
        (b"<Cube><Cube time='2026-03-13'><Cube currency='USD'/></Cube></Cube>", "is not a rate"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
        (b"PK\x03\x04 and no more", "archive cannot be read"),
        (zipped(CSV, "a.csv", "b.csv"), "exactly one file"),
        (zipped(b"x" * (20 * 1024 * 1024 + 1)), "archive is larger than 20 MB"),
        (b"x" * (20 * 1024 * 1024 + 1), "larger than 20 MB"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_says_why(data, says):
    with pytest.raises(RatesUnreadable, match=says):
        read_published(data)


@pytest.fixture
def served(settings):
    """A server for the length of a test; `served.answer` is what it sends."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, body, length = self.server.answer
            self.send_response(status)
            self.send_header("Content-Length", str(length or len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answer = (200, zipped(CSV), None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.ECB_RATES = f"http://127.0.0.1:{server.server_port}/eurofxref-hist.zip"
    yield server
    server.shutdown()
    server.server_close()


def stored():
    return {(r.quote, r.date.day): r.rate for r in ReferenceRate.objects.filter(source="ecb", base="EUR")}


@pytest.mark.django_db
def test_nothing_is_asked_for_unless_the_operator_says_where():
    reference_rates(None)
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
def test_the_job_asks_a_worker_and_the_worker_fetches(served):
    reference_rates(None)
    assert OutboxMessage.objects.get().event_type == "finance.reference_rates.due"
    drain()
    assert stored()["USD", 13] == Decimal("1.0812")
    fetch = ReferenceFetch.objects.get()
    assert (fetch.succeeded, fetch.through, fetch.added) == (True, datetime.date(2026, 3, 13), 4)


@pytest.mark.django_db
def test_a_second_file_adds_what_is_new_and_puts_recent_days_right(served):
    fetch_reference_rates()
    served.answer = (200, CSV.replace(b"1.0800", b"1.0799") + b"2026-03-14,1.09,163,,\n2025-01-02,9.99,9,,\n", None)
    assert fetch_reference_rates().added == 3
    assert stored() == {
        ("USD", 12): Decimal("1.0799"), ("USD", 13): Decimal("1.0812"), ("USD", 14): Decimal("1.09"),
        ("JPY", 12): Decimal(162), ("JPY", 13): Decimal("162.35"), ("JPY", 14): Decimal(163),
    }  # fmt: skip
    assert fetch_reference_rates().added == 0


@pytest.mark.django_db
def test_what_fails_is_noted_and_leaves_the_rates_as_they_are(served, settings, tmp_path):
    fetch_reference_rates()
    for answer, error, says in [
        ((503, b"", None), RatesAway, "answered 503"),
        ((200, CSV, len(CSV) + 10), RatesAway, "before the file was complete"),
        ((200, b"<html>", None), RatesUnreadable, "not XML"),
    ]:
        served.answer = answer
        with pytest.raises(error, match=says):
            fetch_reference_rates()
        assert says in ReferenceFetch.objects.latest("pk").said
    settings.ECB_RATES = "http://127.0.0.1:1/none"
    with pytest.raises(RatesAway, match="cannot be reached"):
        fetch_reference_rates()
    settings.ECB_RATES = "ftp://127.0.0.1/none"
    with pytest.raises(RatesUnreadable, match="neither a file nor an address"):
        fetch_reference_rates()
    assert len(stored()) == 4


@pytest.mark.django_db
def test_a_file_on_the_server_does_as_well(settings, tmp_path):
    settings.ECB_RATES = str(tmp_path / "rates.xml")
    with pytest.raises(RatesAway, match="No such file"):
        fetch_reference_rates()
    (tmp_path / "rates.xml").write_bytes(XML)
    assert fetch_reference_rates().added == 4
