"""Texts of an export as values, and refusals that name the place. Shared by the readers."""

import csv
import datetime
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from finance.errors import BookUnreadable
from finance.imports.parsers.limits import believable_day, is_believable

_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?", re.ASCII)
_MAX_COLUMNS = 200


def day(text: object, where: str) -> datetime.date:
    """The day at the beginning of an ISO text, as it is written there, whatever its time zone."""
    written = text if isinstance(text, str) else ""
    try:
        return believable_day(int(written[:4]), int(written[5:7]), int(written[8:10]))
    except ValueError as error:
        raise BookUnreadable(reason=f"{where}: “{str(text)[:40]}” is not a day such as 2026-03-31.") from error


def decimal(text: object, where: str) -> Decimal:
    """An exact number from a plain decimal text."""
    written = text.strip() if isinstance(text, str) else ""
    if not _NUMBER.fullmatch(written):
        raise BookUnreadable(reason=f"{where}: “{str(text)[:40]}” is not an amount such as -12.34.")
    return believable(Decimal(written), where)


def believable(number: Decimal, where: str) -> Decimal:
    """The number. Raises BookUnreadable for one that no account can hold."""
    if not is_believable(number):
        raise BookUnreadable(reason=f"{where}: {str(number)[:40]} is too large, or has too many decimals.")
    return number


def with_parents(names: Iterable[str]) -> dict[str, None]:
    """The accounts in their order, each after those above it: Assets, Assets:Bank, Assets:Bank:Savings."""
    found: dict[str, None] = {}
    for name in names:
        parts = name.split(":")
        for depth in range(1, len(parts) + 1):
            found.setdefault(":".join(parts[:depth]))
    return found


def json_of(text: str, what: str) -> Any:
    """The JSON document, with numbers as exact decimals."""
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise BookUnreadable(reason=f"The file is not {what}: {error}.") from error


def typed(value: Any, kind: type, where: str) -> Any:
    """The value, if it is of that JSON type."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        named = {dict: "an object", list: "a list", str: "a text", int: "a whole number"}[kind]
        raise BookUnreadable(reason=f"{where} is not {named}.")
    return value


def text_of(data: bytes) -> str:
    """UTF-8 text, also with emoji in two halves, as YNAB writes some of them."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        halves = data.decode("utf-8-sig", errors="surrogatepass")
        return halves.encode("utf-16", errors="surrogatepass").decode("utf-16")
    except UnicodeError as error:
        raise BookUnreadable(reason="The file is not UTF-8 text.") from error


def rows_of(text: str, *, needs: Mapping[str, str], limit: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Rows of a CSV file with where they stand ("line 3"). `needs`: columns, and what the file is without them."""
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [name.strip() for name in next(reader, [])]
        for column, otherwise in needs.items():
            if column not in header:
                raise BookUnreadable(reason=f"The first line has no column “{column}”. {otherwise}")
        if len(header) > _MAX_COLUMNS:
            raise BookUnreadable(reason=f"The file has more than {_MAX_COLUMNS} columns.")
        line = reader.line_num + 1
        for number, cells in enumerate(reader):
            if number >= limit:
                raise BookUnreadable(reason=f"The file holds more than {limit:,} rows, which is the limit.")
            where = f"line {line}"
            line = reader.line_num + 1
            if not any(cells):
                continue
            if len(cells) != len(header):
                raise BookUnreadable(reason=f"{where}: it has {len(cells)} columns, the first line has {len(header)}.")
            yield where, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise BookUnreadable(reason=f"The file is not CSV: {error}.") from error
