"""Actual: the archive that "Export data" gives, with db.sqlite and metadata.json.

The tables are those of actualbudget's loot-core (server/sql/init.sql and its migrations): amounts in hundredths whatever
the currency, days as 20260131, `description` is a payee's id, deleted rows have tombstone = 1. A split is a parent row
that counts nothing and children that do; a transfer is two rows, each naming the other in transferred_id.
"""

import datetime
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from core.texts import gettext as _
from core.texts import gettext_noop
from finance import money
from finance.book_import.model import (
    ASSET,
    EQUITY,
    EXPENSE,
    INCOME,
    MARK,
    NO_MARKS,
    OPENING,
    Question,
    SourceAccount,
    SourceBalance,
    SourceBook,
    SourceBudget,
    SourceEntry,
    SourceLine,
    SourceRule,
    SourceSchedule,
    Tally,
    check_entries,
    uid_of,
)
from finance.book_import.readers.actual_plans import Names, budget_of, schedules_of
from finance.book_import.readers.actual_rules import rules_of
from finance.book_import.readers.archive import is_zip, members
from finance.book_import.readers.fields import believable, json_of, text_of
from finance.book_import.readers.sqlite import MAGIC, Tables, opened
from finance.errors import BookUnreadable
from finance.imports.parsers.limits import believable_day

_NEEDED = {
    "accounts": {"id", "name"}, "categories": {"id", "name", "is_income", "cat_group"}, "category_groups": {"id", "name"},
    "payees": {"id", "name"}, "transactions": {"id", "acct", "amount", "date", "isParent", "isChild", "description"},
}  # fmt: skip
_PLANNING = (("notes", gettext_noop("note on an account or category"), gettext_noop("accounts have no notes here")),)
# Of live transactions by account, as Actual itself sums a balance: what counts are the children, not their parent.
_BALANCES = """
SELECT child.acct, sum(child.amount) FROM transactions AS child
  LEFT JOIN transactions AS parent ON child.isChild = 1 AND parent.id = child.parent_id
 WHERE coalesce(child.tombstone, 0) = 0 AND coalesce(child.isParent, 0) = 0 AND coalesce(parent.tombstone, 0) = 0
   AND child.date IS NOT NULL AND child.acct IS NOT NULL
 GROUP BY child.acct
"""
_LOOSE = "loose"


@dataclass(slots=True, kw_only=True)
class _Row:
    """A live transaction or part of a split; `parent` is the id of the row above it or ""."""

    id: str
    parent: str
    account: str
    amount: Decimal
    date: datetime.date
    category: str
    payee: str
    notes: str
    other: str
    starting: bool
    flawed: bool
    sequence: int
    used: bool = field(default=False)


def read(data: bytes, question: Question) -> SourceBook:
    """The budget. Raises BookUnreadable."""
    if data.startswith(MAGIC):
        name, database = "", data
    elif is_zip(data):
        packed = members(data, suffixes=(".sqlite", ".json"))
        found = {path.rpartition("/")[2]: content for path, content in packed.items()}
        if "db.sqlite" not in found:
            raise BookUnreadable(reason=_("The archive holds no db.sqlite, so it is not an export of Actual."))
        told = json_of(text_of(found["metadata.json"]), _("an export of Actual")) if "metadata.json" in found else {}
        name, database = _text(told.get("budgetName") if isinstance(told, dict) else ""), found["db.sqlite"]
    else:
        raise BookUnreadable(reason=_("The file is not an export of Actual: it is neither an archive nor a database."))
    with opened(database) as tables:
        for table, columns in _NEEDED.items():
            missing = columns - tables.columns(table)
            if missing:
                raise BookUnreadable(
                    reason=_("The database is not Actual's: %(table)s has no column %(missing)s.")
                    % {"table": table, "missing": sorted(missing)[0]}
                )
        preferences = tables.rows("preferences", "id value") if "preferences" in tables else iter(())
        preferred = (str(row["value"]) for row in preferences if row["id"] == "defaultCurrencyCode")
        known = money.known_currencies()
        currency = question.base_currency or next((code for code in preferred if code in known), "")
        if not currency:
            raise BookUnreadable(reason=_("Actual does not say the currency in its export. Choose the main currency."))
        return _Budget(tables, currency).book(name, question)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


class _Budget:
    def __init__(self, tables: Tables, currency: str) -> None:
        self.tables, self.currency, self.tally = tables, currency, Tally()
        self.accounts: dict[str, SourceAccount] = {}
        self.merged_categories = self._mapping("category_mapping", "transferId")
        self.merged_payees = self._mapping("payee_mapping", "targetId")
        self.payees = {row["id"]: row for row in tables.rows("payees", "id name transfer_acct")}
        # Accounts, category groups and categories. Deleted ones too: a live row may still use them.
        for row in self.tables.rows("accounts", "id name offbudget closed tombstone"):
            self._add(
                SourceAccount(
                    key=f"a:{row['id']}", name=_text(row["name"]) or "Account", type=ASSET, currency=self.currency,
                    # What a budget shares out is own money; Actual knows no other kinds.
                    kind="" if row["offbudget"] else "checking",
                    closed=bool(row["closed"]) or bool(row["tombstone"]),
                )
            )  # fmt: skip
        groups = {row["id"]: row for row in self.tables.rows("category_groups", "id name is_income")}
        for row in self.tables.rows("categories", "id name is_income cat_group"):
            type = INCOME if row["is_income"] else EXPENSE
            group = groups.get(row["cat_group"])
            above = ""
            if group is not None and not row["is_income"]:
                root = self._add(SourceAccount(key="root", name=_("Expenses"), type=EXPENSE))
                above = self._add(
                    SourceAccount(
                        key=f"g:{group['id']}", name=_text(group["name"]) or "Group", type=EXPENSE, parent=root
                    )
                )
            self._add(
                SourceAccount(key=f"c:{row['id']}", name=_text(row["name"]) or "Category", type=type, parent=above)
            )

    def _mapping(self, table: str, column: str) -> dict[str, str]:
        """Where a merged category or payee went."""
        if column not in self.tables.columns(table):
            return {}
        return {row["id"]: row[column] for row in self.tables.rows(table, f"id {column}") if row[column]}

    def _add(self, account: SourceAccount) -> str:
        return self.accounts.setdefault(account.key, account).key

    def book(self, name: str, question: Question) -> SourceBook:
        rows = self._rows()
        entries = self._entries(rows)
        schedules = self._schedules()
        used = {line.account for entry in entries for line in entry.lines}
        for table, kind, why in _PLANNING:
            if table in self.tables:
                rows_there = self.tables.rows(table, "id tombstone")
                self.tally.add(kind, why, count=sum(not row["tombstone"] for row in rows_there))
        budgets = self._budgets(entries)
        planned = {side.account for each in schedules for side in each.sides}
        used |= planned | {line.account for budget in budgets for line in budget.lines}
        used |= {key for rule in self.rules for key in rule.accounts()}
        deleted = {
            f"{letter}:{row['id']}"
            for letter, table in (("a", "accounts"), ("c", "categories"), ("g", "category_groups"))
            for row in self.tables.rows(table, "id tombstone")
            if row["tombstone"]
        }
        live = {account.parent for key, account in self.accounts.items() if key in used or key not in deleted}
        # Budgets from before 2021 have no parent_id; a child's id begins with its parent's there.
        old = "parent_id" not in self.tables.columns("transactions")
        balances = []
        for account, total in self.tables.asked(_BALANCES.replace("child.parent_id", "NULL") if old else _BALANCES):
            key = f"a:{account}"
            if key in self.accounts and isinstance(total, int):
                balances.append(SourceBalance(account=key, currency=self.currency, amount=Decimal(total).scaleb(-2)))
        return SourceBook(
            format=question.format,
            # A deleted account or category comes along only where a live row needs it.
            accounts=tuple(
                account for key, account in self.accounts.items()
                if key in used or key in live or key not in deleted
            ),
            entries=tuple(entries),
            balances=tuple(balances),
            schedules=tuple(schedules),
            budgets=tuple(budgets),
            rules=tuple(self.rules),
            left_out=self.tally.told(),
            notes=(
                _("Actual does not say which accounts are debts: credit cards and loans are listed "
"under Assets with their negative balance; the sum of everything is right."),
            ),
            name=name,
            base_currency=self.currency,
        )  # fmt: skip

    def _schedules(self) -> list[SourceSchedule]:
        """The schedules; the rules beside them are kept in `rules`."""
        self.rules: list[SourceRule] = []
        if "rules" not in self.tables:
            return []
        categories = (key for key in self.accounts if key.startswith("c:"))
        live = {key[2:]: key for key in categories}
        names = Names(
            category=live | {old: f"c:{new}" for old, new in self.merged_categories.items() if new in live},
            payee={key: self._payee(key) for key in self.payees},
            transfer={key: f"a:{row['transfer_acct']}" for key, row in self.payees.items() if row["transfer_acct"]},
            uncategorised={False: f"none:{EXPENSE}", True: f"none:{INCOME}"},
        )
        self.rules = list(rules_of(self.tables, names=names, tally=self.tally))
        if "schedules" not in self.tables:
            return []
        found = list(schedules_of(self.tables, names=names, currency=self.currency, tally=self.tally))
        for each in found:
            for side in each.sides:
                if side.account.startswith("none:"):
                    self._uncategorised(side.account.partition(":")[2])
        return found

    def _budgets(self, entries: list[SourceEntry]) -> list[SourceBudget]:
        """Both of its budgets, if amounts were given in both."""
        titles, income = {}, set()
        for row in self.tables.rows("categories", "id name is_income tombstone"):
            if not row["tombstone"]:
                titles[str(row["id"])] = _text(row["name"])
                income |= {str(row["id"])} if row["is_income"] else set()
        own = [
            f"a:{row['id']}"
            for row in self.tables.rows("accounts", "id offbudget tombstone")
            if not row["offbudget"] and not row["tombstone"]
        ]
        found = (
            budget_of(
                self.tables, table, name=name, titles=titles, currency=self.currency, income=frozenset(income), own=own,
                begins=min((entry.date for entry in entries), default=None), tally=self.tally,
            )
            for table, name in (("zero_budgets", _("Budget")), ("reflect_budgets", _("Budget with limits")))
        )  # fmt: skip
        return [budget for budget in found if budget is not None]

    def _rows(self) -> dict[str, _Row]:
        columns = (
            "id parent_id isParent isChild acct amount date category description notes transferred_id "
            "starting_balance_flag error tombstone cleared reconciled"
        )
        found = list(self.tables.rows("transactions", columns, order="date, rowid"))
        check_entries(len(found))
        deleted = {row["id"] for row in found if row["tombstone"]}
        self.tally.add(_("deleted transaction"), _("it was deleted in Actual"), count=len(deleted))
        rows: dict[str, _Row] = {}
        for sequence, row in enumerate(found):
            key, where = _text(row["id"]), _("transaction %(id)s") % {"id": str(row["id"])[:40]}
            parent = _text(row["parent_id"]) or (key.rpartition("/")[0] if row["isChild"] else "")
            if row["tombstone"] or row["isParent"] or row["date"] is None or row["acct"] is None:
                continue
            if row["isChild"] and parent in deleted:
                self.tally.add(_("deleted transaction"), _("it was deleted in Actual"))
                continue
            self.tally.add(MARK, NO_MARKS, count=bool(row["cleared"] or row["reconciled"]))
            cents = row["amount"]
            if not isinstance(cents, int | None):
                raise BookUnreadable(
                    reason=_("%(where)s: its amount is not a whole number of hundredths.") % {"where": where}
                )
            rows[key] = _Row(
                id=key,
                parent=parent if row["isChild"] else "",
                account=f"a:{row['acct']}",
                amount=Decimal(0) if cents is None else believable(Decimal(cents).scaleb(-2), where),
                date=_day(row["date"], where),
                category=self.merged_categories.get(row["category"], row["category"]) or "",
                payee=self._payee(row["description"]),
                notes=_text(row["notes"]).strip(),
                other=_text(row["transferred_id"]),
                starting=bool(row["starting_balance_flag"]),
                flawed=bool(row["error"]),
                sequence=sequence,
            )
        self.parents = {_text(row["id"]): row for row in found if row["isParent"] and not row["tombstone"]}
        for row in self.parents.values():
            self.tally.add(
                _("split that does not add up"), _("its parts count, as in Actual"), count=bool(row["error"]),
                example=str(row["date"]),
            )  # fmt: skip
        return rows

    def _payee(self, value: Any) -> str:
        row = self.payees.get(self.merged_payees.get(value, value))
        return _text(row["name"]).strip() if row is not None and not row["transfer_acct"] else ""

    def _entries(self, rows: dict[str, _Row]) -> list[SourceEntry]:
        groups: dict[str, list[_Row]] = {}
        for row in rows.values():
            groups.setdefault(row.parent or row.id, []).append(row)
        # Splits first: the other side of one of their parts belongs to them.
        ordered = sorted(groups.items(), key=lambda item: (item[1][0].parent == "", item[1][0].sequence))
        entries: list[tuple[int, SourceEntry]] = []
        for key, group in ordered:
            rest = [row for row in group if not row.used]
            if not rest:
                continue
            held: dict[str, Decimal] = {}
            others: list[SourceLine] = []
            for row in rest:
                row.used = True
                held[row.account] = held.get(row.account, Decimal(0)) + row.amount
                side, memo = self._other_side(row, rows), row.notes if row.parent else ""
                others.append(SourceLine(account=side, currency=self.currency, amount=-row.amount, memo=memo))
            first, parent = rest[0], self.parents.get(key)
            payee = self._payee(parent["description"]) if parent is not None else first.payee
            entry = SourceEntry(
                date=first.date,
                payee=payee or next((row.payee for row in rest if row.payee), ""),
                description=_text(parent["notes"]).strip() if parent is not None else first.notes,
                uid=uid_of(key),
                where=_("transaction %(key)s of %(date)s") % {"key": key[:40], "date": first.date},
                lines=(
                    *(SourceLine(account=on, currency=self.currency, amount=total) for on, total in held.items()),
                    *others,
                ),
            )
            entries.append((first.sequence, entry))
        return [entry for _sequence, entry in sorted(entries, key=lambda pair: (pair[1].date, pair[0]))]

    def _other_side(self, row: _Row, rows: dict[str, _Row]) -> str:
        if row.other:
            partner = rows.get(row.other)
            if (
                partner is not None
                and not partner.used
                and partner.amount == -row.amount
                and partner.account != row.account
            ):
                partner.used = True
                where = f"{row.date} {row.amount}"
                if row.category or partner.category:
                    self.tally.add(_("category of a transfer"), _("a transfer has none here"), example=where)
                if partner.date != row.date:
                    self.tally.add(_("transfer of two days"), _("it has the first row's day"), example=where)
                return partner.account
            self.tally.add(
                _("transfer without another side"), _("it is on an equity account of that name"),
                example=f"{row.date} {row.amount}",
            )  # fmt: skip
            return self._add(SourceAccount(key=_LOOSE, name=_("Transfers without another side"), type=EQUITY))
        if row.starting:
            return self._add(SourceAccount(key="opening", name=_("Opening balances"), type=EQUITY, kind=OPENING))
        if f"c:{row.category}" in self.accounts:
            return f"c:{row.category}"
        return self._uncategorised(INCOME if row.amount > 0 else EXPENSE)

    def _uncategorised(self, type: str) -> str:
        return self._add(SourceAccount(key=f"none:{type}", name=_("Uncategorised"), type=type))


def _day(value: Any, where: str) -> datetime.date:
    try:
        return believable_day(int(value) // 10_000, int(value) // 100 % 100, int(value) % 100)
    except (ValueError, TypeError, OverflowError) as error:  # OverflowError: an infinite number
        raise BookUnreadable(
            reason=_("%(where)s: “%(value)s” is not a day such as 20260331.")
            % {"where": where, "value": str(value)[:20]}
        ) from error
