"""What GnuCash's two kinds of file have in common: accounts, splits as fractions, commodities."""

import datetime
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Context, Decimal

from core.texts import gettext as _
from core.texts import gettext_noop
from finance.book_import.model import (
    ASSET,
    EQUITY,
    EXPENSE,
    INCOME,
    LIABILITY,
    MARK,
    NO_MARKS,
    OPENING,
    Question,
    SourceAccount,
    SourceBook,
    SourceBudget,
    SourceEntry,
    SourceLine,
    SourceSchedule,
    Sums,
    Tally,
    check_entries,
    uid_of,
)
from finance.book_import.readers.fields import believable, reason_of
from finance.book_import.readers.gnucash_plans import BUDGET, SCHEDULED, Rhythm, Scheduled, budget_of, schedules_of
from finance.errors import BookUnreadable

_TYPES = {
    "ASSET": (ASSET, ""), "BANK": (ASSET, "checking"), "CASH": (ASSET, "cash"), "STOCK": (ASSET, "investment"),
    "MUTUAL": (ASSET, "investment"), "CURRENCY": (ASSET, ""), "RECEIVABLE": (ASSET, "receivable"),
    "CREDIT": (LIABILITY, "card"), "LIABILITY": (LIABILITY, ""), "PAYABLE": (LIABILITY, "payable"),
    "INCOME": (INCOME, ""), "EXPENSE": (EXPENSE, ""), "EQUITY": (EQUITY, ""), "TRADING": (EQUITY, ""),
}  # fmt: skip
_CURRENCIES = ("CURRENCY", "ISO4217")
_OPENING = re.compile(r"opening balances?", re.I)
_EXACT = Context(prec=60)
_PLACES = Decimal("1E-12")
PLANNING = (
    ("prices", "price", gettext_noop("price"), gettext_noop("LifeOS keeps money only")),
    ("invoices", "gnc:GncInvoice", gettext_noop("invoice"), gettext_noop("only its postings come along")),
    ("customers", "gnc:GncCustomer", gettext_noop("customer"), gettext_noop("business partners do not come along")),
    ("vendors", "gnc:GncVendor", gettext_noop("vendor"), gettext_noop("business partners do not come along")),
    ("employees", "gnc:GncEmployee", gettext_noop("employee"), gettext_noop("business partners do not come along")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    account: str
    value: Decimal
    quantity: Decimal
    memo: str
    state: str
    id: str = ""


class Books:
    """What both kinds of file are put into."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.tally, self.sums = Tally(), Sums()
        self.accounts: dict[str, SourceAccount] = {}
        self.commodities: dict[str, str] = {}
        self.above: dict[str, str] = {}
        self.roots: set[str] = set()
        self.entries: list[SourceEntry] = []
        self.schedules: list[SourceSchedule] = []
        self.budgets: list[SourceBudget] = []
        self.natural_signs = False

    def account(
        self, *, id: str, name: str, type: str, space: str, mnemonic: str, parent: str, equity_type: str = ""
    ) -> None:
        if type == "ROOT":
            self.roots.add(id)
            return
        if type not in _TYPES:
            raise BookUnreadable(
                reason=_("The account “%(name)s” is of the type “%(type)s”, which GnuCash does not have.")
                % {"name": name[:60], "type": type[:20]}
            )
        if id in self.accounts:
            raise BookUnreadable(reason=_("Two accounts have the id %(id)s.") % {"id": id[:40]})
        ours, kind = _TYPES[type]
        commodity = mnemonic if space in _CURRENCIES else f"{space}:{mnemonic}"
        if type == "EQUITY" and (equity_type == "opening-balance" or _OPENING.fullmatch(name.strip())):
            kind = OPENING
        if type == "TRADING" and space in _CURRENCIES and name == mnemonic:
            kind = "trading"
        self.commodities[id] = commodity
        self.accounts[id] = SourceAccount(
            key=id, name=name, type=ours, kind=kind, currency=commodity if mnemonic else "", parent=parent
        )

    def transaction(
        self, *, id: str, date: datetime.date, currency: str, number: str, description: str, notes: str,
        splits: Iterable[Split],
    ) -> None:  # fmt: skip
        where = _("transaction of %(date)s (%(description)s)") % {
            "date": date,
            "description": description[:40] or id[:40],
        }
        lines = []
        for split in splits:
            if split.account not in self.accounts:
                raise BookUnreadable(
                    reason=_("%(where)s: there is no account %(account)s in the file.")
                    % {"where": where, "account": split.account[:40]}
                )
            commodity = self.commodities[split.account]
            lines.append(SourceLine(account=split.account, currency=commodity, amount=split.quantity, memo=split.memo))
            if ":" in commodity and split.quantity:
                self.tally.add_cost(
                    self.accounts[split.account].name, quantity=split.quantity, commodity=commodity, total=split.value,
                    currency=currency,
                )  # fmt: skip
            if split.state in ("y", "c"):
                self.tally.add(MARK, NO_MARKS)
        check_entries(len(self.entries) + 1)
        self.entries.append(
            SourceEntry(
                date=date,
                payee=description.strip(),
                description=" – ".join(filter(None, [notes.strip(), f"({number.strip()})" if number.strip() else ""])),
                uid=uid_of(id),
                where=where,
                lines=tuple(lines),
            )
        )

    def scheduled(self, name: str, read: Callable[[], Scheduled]) -> None:
        """A scheduled transaction; one that cannot be read is told and does not stop the book."""
        try:
            given = read()
            self.schedules += schedules_of(
                given, accounts=self.accounts, commodities=self.commodities, tally=self.tally
            )
        except (BookUnreadable, ValueError) as error:
            self.tally.add(SCHEDULED, reason_of(error), example=name)

    def budget(self, name: str, read: Callable[[], tuple[Rhythm, int, list[tuple[str, int, Decimal]]]]) -> None:
        """A budget as (rhythm, number of periods, amounts); one that cannot be read is told."""
        try:
            rhythm, periods, amounts = read()
            made = budget_of(
                name=name, rhythm=rhythm, periods=periods, amounts=amounts, natural=self.natural_signs,
                accounts=self.accounts, commodities=self.commodities, tally=self.tally,
            )  # fmt: skip
        except (BookUnreadable, ValueError) as error:
            self.tally.add(BUDGET, reason_of(error), example=name)
        else:
            self.budgets += [made] if made is not None else []

    def book(self) -> SourceBook:
        if not self.accounts:
            raise BookUnreadable(reason=_("The file has no accounts of GnuCash."))
        currencies = [code for code in self.commodities.values() if code and ":" not in code]
        return SourceBook(
            format=self.question.format,
            accounts=tuple(self.accounts.values()),
            entries=tuple(self.entries),
            balances=self.sums.balances(),
            schedules=tuple(self.schedules),
            budgets=tuple(self.budgets),
            left_out=self.tally.told(),
            base_currency=self.question.base_currency
            or (max(set(currencies), key=currencies.count) if currencies else ""),
        )


def number_of(numerator: int, denominator: int, where: str) -> Decimal:
    """An exact decimal where there is one; a third of a share is cut after twelve places."""
    if not denominator:
        raise BookUnreadable(reason=_("%(where)s: an amount is divided by zero.") % {"where": where})
    number = _EXACT.divide(Decimal(numerator), Decimal(denominator))
    exact = number if number * denominator == numerator else number.quantize(_PLACES, context=_EXACT)
    return believable(exact.normalize(_EXACT) if exact else Decimal(0), where)
