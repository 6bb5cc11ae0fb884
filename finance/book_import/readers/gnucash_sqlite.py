"""GnuCash's SQLite file (tables: libgnucash/backend/sql in GnuCash's repository)."""

import datetime
import re
import zoneinfo
from collections.abc import Iterable
from typing import Any

from core.texts import gettext as _
from finance.book_import.model import check_entries
from finance.book_import.readers.fields import day
from finance.book_import.readers.gnucash_books import PLANNING, Books, Split, number_of
from finance.book_import.readers.sqlite import Tables
from finance.errors import BookUnreadable

# GnuCash stores days as noon-like moments (10:59 UTC) that no time zone moves to another day.
_NEUTRAL = "10:59"


_NEEDED = {
    "accounts": "guid name account_type commodity_guid parent_guid",
    "commodities": "guid namespace mnemonic",
    "transactions": "guid currency_guid num post_date description",
    "splits": "guid tx_guid account_guid memo reconcile_state value_num value_denom quantity_num quantity_denom",
}
_SLOTS = ("equity-type", "notes")
_SUMS = "SELECT account_guid, quantity_denom, sum(quantity_num) FROM splits GROUP BY account_guid, quantity_denom"


def read_tables(tables: Tables, books: Books) -> None:
    """Put everything into `books`. Raises BookUnreadable."""
    for table, columns in _NEEDED.items():
        missing = set(columns.split()) - tables.columns(table)
        if missing:
            raise BookUnreadable(
                reason=_("The database is not GnuCash's: %(table)s has no column %(missing)s.")
                % {"table": table, "missing": min(missing)}
            )
    check_entries(tables.count("transactions"))
    for table, _element, kind, why in PLANNING:
        books.tally.add(kind, why, count=tables.count(table))
    commodities = {row["guid"]: row for row in tables.rows("commodities", _NEEDED["commodities"])}
    rows = list(tables.rows("accounts", _NEEDED["accounts"]))
    templates = _below([row["root_template_guid"] for row in tables.rows("books", "root_template_guid")], rows)
    # What equity accounts are for, and the notes of transactions.
    slots = tables.rows("slots", "obj_guid name string_val") if "slots" in tables else iter(())
    told = {(row["name"], row["obj_guid"]): row["string_val"] or "" for row in slots if row["name"] in _SLOTS}
    for row in rows:
        if row["guid"] not in templates:
            commodity = commodities.get(row["commodity_guid"], {})
            books.account(
                id=row["guid"],
                name=row["name"] or "",
                type=row["account_type"] or "",
                space=commodity.get("namespace") or "",
                mnemonic=commodity.get("mnemonic") or "",
                parent=row["parent_guid"] or "",
                equity_type=told.get(("equity-type", row["guid"]), ""),
            )
    for account, denominator, total in tables.asked(_SUMS):
        if account in books.accounts and isinstance(total, int) and isinstance(denominator, int):
            held = number_of(total, denominator, books.accounts[account].name)
            books.sums.add(account, books.commodities[account], held)
    splits = _splits(tables)
    planned = {transaction for transaction, parts in splits.items() if any(part.account in templates for part in parts)}
    for row in tables.rows("transactions", _NEEDED["transactions"], order="post_date, rowid"):
        if row["guid"] not in planned:
            books.transaction(
                id=row["guid"],
                date=_posted(
                    row["post_date"],
                    books.question.time_zone,
                    _("transaction %(guid)s") % {"guid": str(row["guid"])[:40]},
                ),
                currency=str(commodities.get(row["currency_guid"], {}).get("mnemonic") or ""),
                number=row["num"] or "",
                description=row["description"] or "",
                notes=told.get(("notes", row["guid"]), ""),
                splits=splits.get(row["guid"], []),
            )


def _splits(tables: Tables) -> dict[str, list[Split]]:
    """Splits by the id of their transaction."""
    found: dict[str, list[Split]] = {}
    for row in tables.rows("splits", _NEEDED["splits"]):
        where = _("split %(guid)s") % {"guid": str(row["guid"])[:40]}
        numbers = [row[name] for name in ("value_num", "value_denom", "quantity_num", "quantity_denom")]
        if not all(isinstance(number, int) for number in numbers):
            raise BookUnreadable(
                reason=_("%(where)s: an amount is not a fraction of whole numbers.") % {"where": where}
            )
        found.setdefault(row["tx_guid"], []).append(
            Split(
                account=row["account_guid"] or "",
                value=number_of(numbers[0], numbers[1], where),
                quantity=number_of(numbers[2], numbers[3], where),
                memo=row["memo"] or "",
                state=row["reconcile_state"] or "",
            )
        )
    return found


def _below(roots: Iterable[str], rows: Iterable[dict[str, Any]]) -> set[str]:
    """The ids and everything below them, in one walk down."""
    children: dict[str, list[str]] = {}
    for row in rows:
        children.setdefault(row["parent_guid"], []).append(row["guid"])
    found: set[str] = set()
    waiting = [root for root in roots if root]
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting.extend(children.get(at, ()))
    return found


def _posted(value: Any, time_zone: str, where: str) -> datetime.date:
    """The day of a moment in UTC: as written where it is GnuCash's neutral time, else (files from before 2017) in the zone."""
    text = value if isinstance(value, str) else ""
    if re.fullmatch(r"\d{14}", text, re.ASCII):
        text = f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:12]}:{text[12:]}"
    written = day(text, where)
    if text[11:16] in (_NEUTRAL, "") or not time_zone:
        return written
    try:
        moment = datetime.datetime.fromisoformat(text[:19]).replace(tzinfo=datetime.UTC)
    except ValueError as error:
        raise BookUnreadable(
            reason=_("%(where)s: “%(text)s” is not a moment.") % {"where": where, "text": text[:30]}
        ) from error
    return moment.astimezone(zoneinfo.ZoneInfo(time_zone)).date()
