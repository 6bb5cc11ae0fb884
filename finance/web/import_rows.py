"""Rows of an import as the page shows them, and categories by the names that people type."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_stubs_ext import StrOrPromise

from finance.errors import Invalid
from finance.imports.models import ImportRow
from finance.ledger.selectors import accounts_of, paths_of
from finance.models import Account, AccountKind, AccountType, Book, Schedule
from finance.planning.schedules.matching import Found
from finance.planning.schedules.services import foreseen

_NOT_OFFERED = (AccountKind.GROUP, AccountKind.OPENING, AccountKind.TRADING, AccountKind.VALUATION)
_CHIPS = {
    ImportRow.Status.NEW: "chip-ok",
    ImportRow.Status.PROBABLE_MATCH: "chip-warn",
    ImportRow.Status.QUESTION: "chip-warn",
    ImportRow.Status.ERROR: "chip-trouble",
}
_CHOICES: dict[ImportRow.Status, list[tuple[str, StrOrPromise]]] = {
    ImportRow.Status.NEW: [("", gettext_lazy("post")), ("ignore", gettext_lazy("ignore"))],
    ImportRow.Status.PROBABLE_MATCH: [
        ("", gettext_lazy("it is the same")),
        ("post", gettext_lazy("post anyway")),
        ("ignore", gettext_lazy("ignore")),
    ],
    ImportRow.Status.LEFT_OUT: [("", gettext_lazy("leave out")), ("post", gettext_lazy("take in"))],
    ImportRow.Status.QUESTION: [
        ("", gettext_lazy("not answered yet")),
        ("match", gettext_lazy("it is the same")),
        ("post", gettext_lazy("it is another one: post")),
        ("ignore", gettext_lazy("ignore")),
    ],
    ImportRow.Status.ALREADY_IMPORTED: [("", gettext_lazy("leave out")), ("post", gettext_lazy("import anyway"))],
}


class Categories:
    """The book's accounts that a row can be posted against, by a short path such as "Food › Groceries"."""

    def __init__(self, book: Book) -> None:
        self._tree = accounts_of(book=book)

    @property
    def accounts_in_order(self) -> list[Account]:
        """All accounts of the book, parents first."""
        return self._tree

    @cached_property
    def accounts(self) -> list[Account]:
        return [a for a in self._tree if a.kind not in _NOT_OFFERED and a.closed_on is None]

    @cached_property
    def names(self) -> dict[int, str]:
        paths = paths_of(self._tree)
        return {a.pk: (paths[a.pk].partition(":")[2] or a.name).replace(":", " › ") for a in self._tree}

    @cached_property
    def options(self) -> list[tuple[str, str]]:
        """Names and types, spending first: that is what most rows are."""
        order = [AccountType.EXPENSE, AccountType.INCOME, AccountType.ASSET, AccountType.LIABILITY, AccountType.EQUITY]
        ranked = sorted(self.accounts, key=lambda account: order.index(AccountType(account.type)))
        return list({self.names[a.pk]: (self.names[a.pk], a.get_type_display()) for a in ranked}.values())

    def picked(self, text: str) -> Account | None:
        """The account whose id a button carries; None without one. Raises Invalid."""
        if not text:
            return None
        found = next((account for account in self.accounts if str(account.pk) == text), None)
        if found is None:
            raise Invalid(field="category", reason=_("This account takes no postings."))
        return found

    def find(self, typed: str, row: ImportRow) -> Account | None:
        """The account of that name; None for an empty field. Where two share it, the row's direction decides."""
        wanted = " ".join(typed.split()).casefold()
        if not wanted:
            return None
        found = [a for a in self.accounts if self.names[a.pk].casefold() == wanted]
        found = found or [a for a in self.accounts if a.name.casefold() == wanted]
        if not found:
            raise Invalid(
                field="category", reason=_("There is no account or category “%(name)s”.") % {"name": typed[:60]}
            )
        usual = AccountType.EXPENSE if (row.amount or 0) < 0 else AccountType.INCOME
        return next((a for a in found if a.type == usual), found[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """A row with its words; `choices` are the decisions that make sense for it."""

    row: ImportRow
    currency: str
    chip: str
    category: str
    choices: list[tuple[str, StrOrPromise]]
    problem: str
    # Parts of a split: category and signed minor units.
    parts: list[tuple[str, int]]
    # Other categories that may be meant: id, name, chance in percent, why.
    picks: list[tuple[int, str, int, str]]
    # How many rows like it could take the same category.
    alike: int
    # What it will pay: the name of a schedule, and the day.
    pays: tuple[str, datetime.date] | None = None

    @property
    def is_undone(self) -> bool:
        """It was posted, and that was taken back."""
        return self.row.outcome == ImportRow.Outcome.POSTED and not self.row.active


def _choices(row: ImportRow) -> list[tuple[str, StrOrPromise]]:
    if row.fate == ImportRow.Status.LEFT_OUT and (row.amount is None or row.date is None or row.account_id is None):
        return []
    choices = [
        (value, label)
        for value, label in _CHOICES.get(ImportRow.Status(row.fate), [])
        if value != "match" or row.matched_entry_id is not None
    ]
    if row.left_out and row.fate != ImportRow.Status.LEFT_OUT:
        return [*choices, ("leave", _("not a transaction"))]
    return choices


def row_views(
    rows: Iterable[ImportRow],
    categories: Categories,
    *,
    problem: str = "",
    alike: int = 0,
    pays: Mapping[int, tuple[str, datetime.date]] = MappingProxyType({}),
) -> list[RowView]:
    """What the table shows of the rows; `pays` by the rows' keys (payments_foreseen)."""
    return [
        RowView(
            row=row,
            currency=row.statement.currency,
            chip=_CHIPS.get(ImportRow.Status(row.fate), ""),
            category=categories.names.get(row.counter_account_id or 0, ""),
            choices=_choices(row),
            problem=problem,
            parts=[(categories.names.get(part["account"], ""), part["amount"]) for part in row.split],
            picks=[
                (pick["account"], categories.names[pick["account"]], pick["chance"], pick["why"])
                for pick in row.suggestions
                if pick["account"] != row.counter_account_id and pick["account"] in categories.names
            ],
            alike=alike,
            pays=pays.get(row.pk),
        )
        for row in rows
    ]


def payments_foreseen(book: Book, rows: Iterable[ImportRow]) -> dict[int, tuple[str, datetime.date]]:
    """Row → the schedule and day that it will pay once it is posted, where that is beyond doubt."""
    found = [
        Found(
            entry_id=-row.pk,
            account_id=row.account_id,
            date=row.date,
            amount=row.amount,
            payee=row.new_payee or row.payee,
            counters=frozenset([row.counter_account_id] if row.counter_account_id else ()),
        )
        for row in rows
        if row.plan == "post" and row.account_id and row.date and row.amount
    ]
    matches = foreseen(book=book, found=found)
    names = dict(Schedule.objects.filter(book=book).values_list("pk", "name")) if matches else {}
    return {-key: (names[match.expected.schedule_id], match.expected.nominal) for key, match in matches.items()}
