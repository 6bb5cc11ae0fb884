"""Reads the reference rates that the European Central Bank publishes, without a database.

Format: https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/ – XML (eurofxref-hist.xml,
eurofxref-hist-90d.xml, eurofxref-daily.xml) and CSV in a zip (eurofxref-hist.zip): units of a currency for one euro, by day.
"""

import csv
import datetime
import io
import re
import zipfile
from dataclasses import dataclass
from decimal import Decimal
from xml.parsers import expat

from core.texts import gettext as _

LARGEST_FILE = 20 * 1024 * 1024  # the whole history since 1999 is 2 MB of CSV, 9 MB of XML
MOST_RATES = 1_000_000
_CODE = re.compile(r"[A-Z]{3}", re.ASCII)
_RATE = re.compile(r"\d{1,12}(\.\d{1,12})?", re.ASCII)
_NONE = {"", "N/A"}


class RatesUnreadable(ValueError):
    """The file is not in one of these formats, or is damaged. Says why."""


@dataclass(frozen=True, slots=True)
class Published:
    """One euro was worth `rate` units of `currency` on that day."""

    date: datetime.date
    currency: str
    rate: Decimal


def read_published(data: bytes) -> list[Published]:
    """The rates of a file, in its order. Raises RatesUnreadable."""
    if len(data) > LARGEST_FILE:
        raise RatesUnreadable(_("The file is larger than 20 MB."))
    if data.startswith(b"PK\x03\x04"):
        data = _unzipped(data)
    rates = _of_xml(data) if data.lstrip()[:1] == b"<" else _of_csv(data)
    if not rates:
        raise RatesUnreadable(_("The file has no rates."))
    return rates


def _unzipped(data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if len(archive.infolist()) != 1:
                raise RatesUnreadable(_("The archive must hold exactly one file."))
            with archive.open(archive.infolist()[0]) as file:
                # What the archive says of its size may be a lie.
                found = file.read(LARGEST_FILE + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise RatesUnreadable(_("The archive cannot be read: %(error)s.") % {"error": error}) from error
    if len(found) > LARGEST_FILE:
        raise RatesUnreadable(_("The file in the archive is larger than 20 MB."))
    return found


def _of_csv(data: bytes) -> list[Published]:
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        head = [name.strip() for name in next(reader, [])]
        codes = [(column, name) for column, name in enumerate(head) if _CODE.fullmatch(name)]
        if head[:1] != ["Date"] or not codes:
            raise RatesUnreadable(_("The file does not begin with a row “Date,USD,…”."))
        rates: list[Published] = []
        for row in reader:
            for column, code in codes if row else ():
                text = row[column].strip() if column < len(row) else ""
                if text not in _NONE:
                    rates.append(_published(row[0].strip(), code, text))
            _check_count(rates)
    except (UnicodeDecodeError, csv.Error) as error:
        raise RatesUnreadable(_("The file is not CSV in UTF-8: %(error)s.") % {"error": error}) from error
    return rates


def _of_xml(data: bytes) -> list[Published]:
    rates: list[Published] = []
    day = ""

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal day
        if name.rpartition(":")[2] == "Cube":
            day = attributes.get("time", day)
            if "currency" in attributes:
                rates.append(_published(day, attributes["currency"], attributes.get("rate", "")))
                _check_count(rates)

    def refuse(*_given: object) -> None:
        # The bank writes neither, and both are how XML does harm.
        raise RatesUnreadable(_("The file declares a document type or entities."))

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError) as error:
        raise RatesUnreadable(_("The file is not XML: %(error)s.") % {"error": error}) from error
    return rates


def _published(day: str, code: str, text: str) -> Published:
    try:
        date = datetime.date.fromisoformat(day)
    except ValueError as error:
        raise RatesUnreadable(_("“%(day)s” is not a day such as 2026-03-14.") % {"day": day[:40]}) from error
    if not _CODE.fullmatch(code) or not _RATE.fullmatch(text) or not (rate := Decimal(text)):
        raise RatesUnreadable(
            _("“%(code)s %(text)s” of %(day)s is not a rate.") % {"code": code[:10], "text": text[:40], "day": day}
        )
    return Published(date, code, rate)


def _check_count(rates: list[Published]) -> None:
    if len(rates) > MOST_RATES:
        raise RatesUnreadable(_("The file has more than a million rates."))
