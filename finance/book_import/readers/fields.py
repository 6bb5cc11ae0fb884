"""Texts of an export as values, and refusals that name the place. Shared by the readers."""

import csv
import datetime
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from core.texts import gettext as _
from core.texts import number as number_of
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
        raise BookUnreadable(
            reason=_("%(where)s: “%(text)s” is not a day such as 2026-03-31.")
            % {"where": where, "text": str(text)[:40]}
        ) from error


def decimal(text: object, where: str) -> Decimal:
    """An exact number from a plain decimal text."""
    written = text.strip() if isinstance(text, str) else ""
    if not _NUMBER.fullmatch(written):
        raise BookUnreadable(
            reason=_("%(where)s: “%(text)s” is not an amount such as -12.34.")
            % {"where": where, "text": str(text)[:40]}
        )
    return believable(Decimal(written), where)


def reason_of(error: BookUnreadable | ValueError) -> str:
    """Why one thing of a file cannot come, for the report."""
    return str(error.facts["reason"]) if isinstance(error, BookUnreadable) else _("its days are not known here")


def believable(number: Decimal, where: str) -> Decimal:
    """The number. Raises BookUnreadable for one that no account can hold."""
    if not is_believable(number):
        raise BookUnreadable(
            reason=_("%(where)s: %(number)s is too large, or has too many decimals.")
            % {"where": where, "number": str(number)[:40]}
        )
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
        raise BookUnreadable(
            reason=_("The file is not %(what)s: %(error)s.") % {"what": what, "error": error}
        ) from error


def typed(value: Any, kind: type, where: str) -> Any:
    """The value, if it is of that JSON type."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        named = {dict: _("an object"), list: _("a list"), str: _("a text"), int: _("a whole number")}[kind]
        raise BookUnreadable(reason=_("%(where)s is not %(named)s.") % {"where": where, "named": named})
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
        raise BookUnreadable(reason=_("The file is not UTF-8 text.")) from error


def rows_of(
    text: str, *, needs: Mapping[str, str], limit: int, padded: bool = False
) -> Iterator[tuple[str, dict[str, str]]]:
    """Rows of a CSV file with where they stand ("line 3"). `needs`: columns, and what the file is without them.

    With `padded` a row may end early. A second column of one name is called "name 2".
    """
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [name.strip() for name in next(reader, [])]
        header = [
            f"{name} 2" if name in header[:place] else name for place, name in enumerate(header[: _MAX_COLUMNS + 1])
        ]
        for column, otherwise in needs.items():
            if column not in header:
                raise BookUnreadable(
                    reason=_("The first line has no column “%(column)s”. %(otherwise)s")
                    % {"column": column, "otherwise": _(otherwise)}
                )
        if len(header) > _MAX_COLUMNS:
            raise BookUnreadable(
                reason=_("The file has more than %(max_columns)s columns.") % {"max_columns": _MAX_COLUMNS}
            )
        line = reader.line_num + 1
        for number, cells in enumerate(reader):
            if number >= limit:
                raise BookUnreadable(
                    reason=_("The file holds more than %(limit)s rows, which is the limit.")
                    % {"limit": number_of(limit)}
                )
            where = _("line %(line)s") % {"line": line}
            line = reader.line_num + 1
            if not any(cells):
                continue
            if padded:
                cells += [""] * (len(header) - len(cells))
            if len(cells) != len(header):
                raise BookUnreadable(
                    reason=_("%(where)s: it has %(count)s columns, the first line has %(header)s.")
                    % {"where": where, "count": len(cells), "header": len(header)}
                )
            yield where, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise BookUnreadable(reason=_("The file is not CSV: %(error)s.") % {"error": error}) from error
