"""GnuCash's SQLite file (tables: libgnucash/backend/sql in GnuCash's repository)."""

import datetime
import re
import zoneinfo
from collections.abc import Iterable
from decimal import Decimal
from functools import partial
from typing import Any

from core.texts import gettext as _
from finance.book_import.model import check_entries
from finance.book_import.readers.fields import day
from finance.book_import.readers.gnucash_books import PLANNING, Books, Split, number_of
from finance.book_import.readers.gnucash_plans import (
    NATURAL_SIGNS,
    SCHEDULED,
    Rhythm,
    Scheduled,
    Template,
    TemplateSplit,
    template_amount,
)
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
_RHYTHM = "obj_guid recurrence_mult recurrence_period_type recurrence_period_start recurrence_weekend_adjust"
_SCHEDULED = "guid name enabled last_occur end_date num_occur rem_occur template_act_guid"
_FEATURE = f"SELECT count(*) FROM slots WHERE name = 'features/{NATURAL_SIGNS}'"
_SLOT = "obj_guid name string_val guid_val numeric_val_num numeric_val_denom"
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
    books.natural_signs = "slots" in tables and bool(tables.asked(_FEATURE)[0][0])
    _Plans(tables, books, _templates(tables, splits, templates)).read()
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


class _Plans:
    """Scheduled transactions and budgets. The slots of a template's split hang on a frame of their own."""

    def __init__(self, tables: Tables, books: Books, templates: dict[str, list[Template]]) -> None:
        self.tables, self.books, self.templates = tables, books, templates
        self.rhythms: dict[str, list[dict[str, Any]]] = {}
        for row in tables.rows("recurrences", _RHYTHM) if "recurrences" in tables else ():
            self.rhythms.setdefault(row["obj_guid"], []).append(row)

    def read(self) -> None:
        for row in self.tables.rows("schedxactions", _SCHEDULED) if "schedxactions" in self.tables else ():
            self.books.scheduled(str(row["name"] or row["guid"]), partial(self._scheduled, row))
        amounts: dict[str, list[dict[str, Any]]] = {}
        if "budget_amounts" in self.tables:
            columns = "budget_guid account_guid period_num amount_num amount_denom"
            for row in self.tables.rows("budget_amounts", columns):
                amounts.setdefault(row["budget_guid"], []).append(row)
        for row in self.tables.rows("budgets", "guid name num_periods") if "budgets" in self.tables else ():
            name = str(row["name"] or row["guid"])
            self.books.budget(name, partial(self._budget, row, name, amounts.get(row["guid"], [])))

    def _scheduled(self, row: dict[str, Any]) -> Scheduled:
        where = str(row["name"] or row["guid"])
        total = _whole(row["num_occur"] or 0, where)
        return Scheduled(
            name=where,
            enabled=bool(row["enabled"]),
            rhythms=tuple(_rhythm(each, where) for each in self.rhythms.get(row["guid"], [])),
            templates=tuple(self.templates.get(row["template_act_guid"], ())),
            last=_gdate(row["last_occur"], where) if row["last_occur"] else None,
            end=_gdate(row["end_date"], where) if row["end_date"] else None,
            total=total or None,
            left=_whole(row["rem_occur"] or 0, where) if total else None,
        )

    def _budget(
        self, row: dict[str, Any], where: str, amounts: list[dict[str, Any]]
    ) -> tuple[Rhythm, int, list[tuple[str, int, Decimal]]]:
        rhythms = self.rhythms.get(row["guid"])
        if not rhythms:
            raise BookUnreadable(reason=_("%(where)s: it has no periods.") % {"where": where})
        told = [
            (
                str(each["account_guid"]),
                _whole(each["period_num"], where),
                number_of(_whole(each["amount_num"], where), _whole(each["amount_denom"], where), where),
            )
            for each in amounts
        ]
        return _rhythm(rhythms[0], where), _whole(row["num_periods"], where), told


def _rhythm(row: dict[str, Any], where: str) -> Rhythm:
    return Rhythm(
        period=str(row["recurrence_period_type"] or ""),
        every=_whole(row["recurrence_mult"], where),
        start=_gdate(row["recurrence_period_start"], where),
        adjust=str(row["recurrence_weekend_adjust"] or ""),
    )


def _templates(tables: Tables, splits: dict[str, list[Split]], templates: set[str]) -> dict[str, list[Template]]:
    """Template transactions by the account that stands for their scheduled transaction."""
    frames: dict[str, str] = {}
    slots: dict[str, dict[str, dict[str, Any]]] = {}
    for row in tables.rows("slots", _SLOT) if "slots" in tables else ():
        name = str(row["name"] or "")
        if name == "sched-xaction" and row["guid_val"]:
            frames[row["obj_guid"]] = row["guid_val"]
        elif name.startswith("sched-xaction/"):
            slots.setdefault(row["obj_guid"], {})[name.partition("/")[2]] = row
    found: dict[str, list[Template]] = {}
    for row in tables.rows("transactions", "guid description", order="rowid"):
        parts = [part for part in splits.get(row["guid"], []) if part.account in templates]
        if parts:
            template = Template(
                description=row["description"] or "",
                splits=tuple(_template_split(part, slots.get(frames.get(part.id, ""), {})) for part in parts),
            )
            found.setdefault(parts[0].account, []).append(template)
    return found


def _template_split(part: Split, slots: dict[str, dict[str, Any]]) -> TemplateSplit:
    def numeric(name: str) -> Decimal:
        row = slots.get(name, {})
        numbers = row.get("numeric_val_num"), row.get("numeric_val_denom")
        if not all(isinstance(number, int) for number in numbers) or not numbers[1]:
            return Decimal(0)
        return number_of(numbers[0] or 0, numbers[1], _(SCHEDULED))

    return TemplateSplit(
        account=str(slots.get("account", {}).get("guid_val") or ""),
        amount=template_amount(
            debit=numeric("debit-numeric"),
            credit=numeric("credit-numeric"),
            formulas=[str(slots.get(name, {}).get("string_val") or "") for name in ("debit-formula", "credit-formula")],
        ),
        memo=part.memo,
    )


def _gdate(value: Any, where: str) -> datetime.date:
    """A day as 20260331 or 2026-03-31."""
    text = str(value)
    return day(f"{text[:4]}-{text[4:6]}-{text[6:8]}" if re.fullmatch(r"\d{8}", text, re.ASCII) else text, where)


def _whole(value: Any, where: str) -> int:
    if not isinstance(value, int):
        raise BookUnreadable(
            reason=_("%(where)s: “%(text)s” is not a whole number.") % {"where": where, "text": str(value)[:40]}
        )
    return value


def _splits(tables: Tables) -> dict[str, list[Split]]:
    """Splits by the id of their transaction."""
    found: dict[str, list[Split]] = {}
    for row in tables.rows("splits", "guid " + _NEEDED["splits"]):
        where = _("split %(guid)s") % {"guid": str(row["guid"])[:40]}
        numbers = [row[name] for name in ("value_num", "value_denom", "quantity_num", "quantity_denom")]
        if not all(isinstance(number, int) for number in numbers):
            raise BookUnreadable(
                reason=_("%(where)s: an amount is not a fraction of whole numbers.") % {"where": where}
            )
        found.setdefault(row["tx_guid"], []).append(
            Split(
                id=row["guid"] or "",
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
