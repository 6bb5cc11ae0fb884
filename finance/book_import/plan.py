"""From a source's book to ours, without a database: one account per currency, minor units, entries that balance.

What our ledger does not know is named and counted: shares and other commodities, amounts finer than the currency,
entries that do not balance. Nothing is dropped or rounded without a line in the report.
"""

import datetime
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

from core.texts import gettext as _
from core.texts import gettext_noop
from core.texts import number as number_of
from finance import money
from finance.book_import.model import (
    ASSET,
    CATEGORY,
    EQUITY,
    EXPENSE,
    GROUP,
    INCOME,
    LIABILITY,
    MAX_ACCOUNTS,
    OPENING,
    TYPES,
    LeftOut,
    SourceAccount,
    SourceBalance,
    SourceBook,
    SourceEntry,
    Tally,
)
from finance.errors import AmountInvalid, BookUnreadable

TRADING, VALUATION, OTHER = "trading", "valuation", "other"
# Accounts that a book has once per currency.
_SYSTEM = (OPENING, TRADING, VALUATION)
MAX_LINES = 1000
_LONGEST_NAME, _LONGEST_PAYEE, _LONGEST_DESCRIPTION, _LONGEST_MEMO = 120, 200, 500, 200
_DEEPEST = 50
# Accounts that stated balances ask for, those below them included: more would be work for a stranger's sake.
_MOST_COMPARED = 1_000_000
# An entry that is off by less came from rates and divisions, by more from a mistake.
_ROUNDING = Decimal("0.011")
_ROUNDED = gettext_noop("Rounding differences")
_ROOTS = {"asset": "Assets", "liability": "Liabilities", "equity": "Equity", "income": "Income", "expense": "Expenses"}


@dataclass(slots=True, kw_only=True)
class PlannedAccount:
    """An account to be opened; `parent` is a position among the planned ones, None is the top."""

    name: str
    type: str
    kind: str
    currency: str
    parent: int | None
    closed_on: datetime.date | None = None
    # A root that the source does not have; it is named in the language of the person who moves in.
    is_root: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLine:
    """Signed minor units on a planned account, by its position."""

    account: int
    amount: int
    memo: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEntry:
    source: SourceEntry
    payee: str
    description: str
    opening: bool
    lines: tuple[PlannedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCheck:
    """A balance of the source and the planned accounts that hold it; none of them where all of it was left out."""

    balance: SourceBalance
    accounts: tuple[int, ...]


@dataclass(slots=True, kw_only=True)
class Plan:
    accounts: list[PlannedAccount] = field(default_factory=list)
    entries: list[PlannedEntry] = field(default_factory=list)
    checks: list[PlannedCheck] = field(default_factory=list)
    # The account's key in the source → the position of the (first) account made of it.
    places: dict[str, int] = field(default_factory=dict)
    # The same by (key, currency), where an account of the source is several of ours.
    by_currency: dict[tuple[str, str], int] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()


def plan_of(book: SourceBook, *, base_currency: str) -> Plan:
    """Plan the new book. Raises BookUnreadable for accounts that contradict each other or amounts beyond bounds."""
    planner = _Planner(book, base_currency=base_currency)
    planner.place_accounts()
    planner.place_entries()
    planner.close_accounts()
    planner.place_checks()
    planner.plan.places, planner.plan.by_currency = planner.first, planner.places
    planner.plan.left_out = (*book.left_out, *planner.tally.told())
    return planner.plan


class _Planner:
    def __init__(self, book: SourceBook, *, base_currency: str) -> None:
        self.book = book
        self.base = base_currency
        self.plan = Plan()
        self.tally = Tally()
        self.sources = {account.key: account for account in book.accounts}
        if len(self.sources) != len(book.accounts):
            raise BookUnreadable(reason=_("The file has two accounts of the same id."))
        if len(self.sources) > MAX_ACCOUNTS:
            raise BookUnreadable(
                reason=_("The file has more than %(max_accounts)s accounts, which is the limit.")
                % {"max_accounts": number_of(MAX_ACCOUNTS)}
            )
        # (key, currency) → position; a source's account of several currencies is several of ours.
        self.places: dict[tuple[str, str], int] = {}
        self.first: dict[str, int] = {}
        self.names: set[tuple[int | None, str, str]] = set()
        self.numbers: Counter[tuple[int | None, str, str]] = Counter()
        self.roots: dict[str, int] = {}
        self.system: dict[tuple[str, str], int] = {}
        self.last_posted: dict[int, datetime.date] = {}
        self.held: Counter[int] = Counter()

    def place_accounts(self) -> None:
        used: dict[str, Counter[str]] = defaultdict(Counter)
        for entry in self.book.entries:
            for line in entry.lines:
                if line.account not in self.sources:
                    raise BookUnreadable(
                        reason=_("%(where)s: there is no account “%(account)s” in the file.")
                        % {"where": entry.where or entry.date, "account": line.account[:80]}
                    )
                used[line.account][line.currency] += 1
        children: dict[str, list[SourceAccount]] = defaultdict(list)
        for account in self.book.accounts:
            children[account.parent if account.parent in self.sources else ""].append(account)
        # Groups first: an account that hangs nowhere goes below the group of its type.
        above = {account.parent for account in self.book.accounts}
        children[""].sort(key=lambda account: bool(used[account.key]) or account.key not in above)
        stack = [(account, 1) for account in reversed(children[""])]
        seen: set[str] = set()
        ordered: list[SourceAccount] = []
        while stack:
            account, depth = stack.pop()
            if depth > _DEEPEST:
                raise BookUnreadable(
                    reason=_("Its accounts are more than %(deepest)s levels deep: “%(name)s”.")
                    % {"deepest": _DEEPEST, "name": account.name[:60]}
                )
            seen.add(account.key)
            ordered.append(account)
            stack.extend((child, depth + 1) for child in reversed(children[account.key]))
        if len(ordered) != len(self.sources):
            missing = next(key for key in self.sources if key not in seen)
            raise BookUnreadable(
                reason=_("The account “%(name)s” is inside itself.") % {"name": self.sources[missing].name[:80]}
            )
        for account in ordered:
            self._place(account, used[account.key], has_children=account.key in above)

    def _place(self, account: SourceAccount, used: Counter[str], *, has_children: bool) -> None:
        if account.type not in TYPES:
            raise BookUnreadable(
                reason=_("The account “%(name)s” is of the unknown type “%(type)s”.")
                % {"name": account.name[:80], "type": account.type}
            )
        if account.currency and not _is_money(account.currency) and not used and not has_children:
            self.tally.add(_("account of shares"), _("LifeOS keeps money only"), example=account.name)
            return
        currencies = [code for code, _count in used.most_common() if _is_money(code)]
        if used and not currencies and not has_children:
            self.tally.add(_("account of shares"), _("LifeOS keeps money only"), example=account.name)
            return
        for code in (self.base, account.currency):
            if code in currencies:
                currencies.remove(code)
                currencies.insert(0, code)
        own = account.currency if _is_money(account.currency) else ""
        # The account above has come along because of this one; one of another type cannot hold it.
        parent = self.first.get(account.parent)
        if parent is not None and self.plan.accounts[parent].type != account.type:
            self.tally.add(
                _("account below one of another type"), _("it is at the top of its own type"), example=account.name
            )
            parent = None
        kind = account.kind or (CATEGORY if account.type in (INCOME, EXPENSE) else OTHER)
        if not account.kind and not used and has_children:
            kind = GROUP
        for index, currency in enumerate(currencies or [own or self.base]):
            name = account.name if index == 0 else f"{account.name} {currency}"
            position = self._open(
                name=name, type=account.type, kind=kind, currency=currency, parent=parent, closed_on=account.closed_on
            )
            self.places[account.key, currency] = position
            self.first.setdefault(account.key, position)
        if len(currencies) > 1:
            self.tally.add(
                _("account of several currencies"), _("it became one account per currency"), example=account.name
            )

    def _open(
        self, *, name: str, type: str, kind: str, currency: str, parent: int | None,
        closed_on: datetime.date | None = None,
    ) -> int:  # fmt: skip
        if not self.book.exact:
            if kind in _SYSTEM and (kind, currency) in self.system:
                kind = OTHER
            if parent is None and kind != GROUP:
                # Below the group at the top of its type; made where the source has none.
                if type not in self.roots:
                    root = self._free_name(_ROOTS[type], None, type)
                    self.plan.accounts.append(
                        PlannedAccount(name=root, type=type, kind=GROUP, currency=self.base, parent=None, is_root=True)
                    )
                    self.roots[type] = len(self.plan.accounts) - 1
                parent = self.roots[type]
            name = self._free_name(name, parent, type)
        self.plan.accounts.append(
            PlannedAccount(
                name=name, type=type, kind=kind, currency=currency, parent=parent,
                closed_on=closed_on if self.book.exact else None,  # `close_accounts` decides on the others
            )
        )  # fmt: skip
        position = len(self.plan.accounts) - 1
        if parent is None and kind == GROUP:
            self.roots.setdefault(type, position)
        if kind in _SYSTEM:
            self.system.setdefault((kind, currency), position)
        return position

    def _free_name(self, name: str, parent: int | None, type: str) -> str:
        """The name as the ledger takes it, numbered where a sibling has it already."""
        tidy = " ".join(name.replace("\x00", "").split()) or "Unnamed"
        if len(tidy) > _LONGEST_NAME:
            self.tally.add(
                _("long name"),
                _("names have at most %(longest_name)s characters") % {"longest_name": _LONGEST_NAME},
                example=tidy,
            )
        where = "" if parent is not None else type
        found = tidy[:_LONGEST_NAME]
        while (parent, where, found) in self.names:
            # Each name remembers its last number: a file of ten thousand equal names is no work.
            number = self.numbers[parent, where, tidy] = self.numbers[parent, where, tidy] + 1
            found = f"{tidy[: _LONGEST_NAME - 8]} ({number + 1})"
        if found != tidy[:_LONGEST_NAME]:
            self.tally.add(
                _("two accounts of one name"), _("the later one has a number behind its name"), example=found
            )
        self.names.add((parent, where, found))
        return found

    def place_entries(self) -> None:
        uids: set[object] = set()
        for entry in self.book.entries:
            if entry.uid is not None and entry.uid in uids:
                raise BookUnreadable(
                    reason=_("%(where)s: two transactions have the id %(uid)s.")
                    % {"where": entry.where or entry.date, "uid": entry.uid}
                )
            uids.add(entry.uid)
            lines = self._lines_of(entry)
            if not lines:
                continue
            for line in lines:
                self.held[line.account] += line.amount
                self.last_posted[line.account] = max(entry.date, self.last_posted.get(line.account, entry.date))
            kinds = {self.plan.accounts[line.account].kind for line in lines}
            payee = self._text(entry.payee, _LONGEST_PAYEE)
            description = self._text(entry.description, _LONGEST_DESCRIPTION)
            self.plan.entries.append(
                PlannedEntry(
                    source=entry, payee=payee, description=description, opening=OPENING in kinds, lines=tuple(lines)
                )
            )
        if not self.book.exact:
            self.plan.entries.sort(key=lambda planned: planned.source.date)

    def _lines_of(self, entry: SourceEntry) -> list[PlannedLine]:
        """The entry's lines in money, balanced per currency; empty where the entry cannot come."""
        where = entry.where or f"{entry.date} {entry.payee}"
        lines: list[PlannedLine] = []
        exact: dict[str, Decimal] = defaultdict(Decimal)
        rounded: Counter[str] = Counter()
        other = False
        for line in entry.lines:
            if not _is_money(line.currency):
                other = True
                self.tally.add(_("line in shares or another commodity"), _("LifeOS keeps money only"), example=where)
                continue
            amount = self._minor_units(line.amount, line.currency, where)
            exact[line.currency] += line.amount
            rounded[line.currency] += amount
            if amount:
                place = self.places[line.account, line.currency]
                lines.append(PlannedLine(account=place, amount=amount, memo=self._text(line.memo, _LONGEST_MEMO)))
        off = {currency: total for currency, total in exact.items() if total}
        if not other and len(off) < 2 and any(abs(total) >= _ROUNDING for total in off.values()):
            told = ", ".join(f"{total:f} {currency}" for currency, total in off.items())
            self.tally.add(
                _("entry that does not balance"), _("its lines do not sum to zero"), example=f"{where}: {told}"
            )
            return []
        lines += self._other_sides(off, rounded, where, shares=other)
        if len(lines) < 2:
            self.tally.add(_("entry without money"), _("all its amounts are zero or not money"), example=where)
            return []
        if len(lines) > MAX_LINES:
            self.tally.add(
                _("entry too long"),
                _("an entry has at most %(max_lines)s lines") % {"max_lines": MAX_LINES},
                example=where,
            )
            return []
        return lines

    def _other_sides(
        self, off: dict[str, Decimal], rounded: Counter[str], where: str, *, shares: bool
    ) -> list[PlannedLine]:
        """Lines that balance each currency: trading for what was exchanged, rounding differences for the rest."""
        traded = set(off) if shares or len(off) > 1 else set()
        if shares and traded:
            self.tally.add(_("purchase or sale of shares"), _("its money is on the trading account"), example=where)
        elif traded:
            self.tally.add(_("currency exchange"), _("both sides meet on the trading accounts"), example=where)
        sides = []
        for currency, total in rounded.items():
            if not total:
                continue
            kind, title, own = (
                (TRADING, _("Trading"), TRADING) if currency in traded else (_ROUNDED, _(_ROUNDED), OTHER)
            )
            if kind == _ROUNDED:
                self.tally.add(
                    _("entry off by a rounding"),
                    _("the rest is on “%(rounded)s”") % {"rounded": _(_ROUNDED)},
                    example=where,
                )
            if (kind, currency) not in self.system:
                self.system[kind, currency] = self._open(
                    name=f"{title} {currency}", type=EQUITY, kind=own, currency=currency, parent=None
                )
            sides.append(PlannedLine(account=self.system[kind, currency], amount=-total, memo=""))
        return sides

    def _minor_units(self, amount: Decimal, currency: str, where: str) -> int:
        try:
            return money.to_minor_units(amount, currency=currency)
        except AmountInvalid as error:
            places = Decimal(1).scaleb(-money.exponent(currency))
            if not amount.is_finite() or abs(amount) > money.MAX_MINOR_UNITS:
                raise BookUnreadable(reason=f"{where}: {error.detail}") from error
            rounded = amount.quantize(places, rounding=ROUND_HALF_EVEN)
            why = _("%(currency)s has %(exponent)s decimals") % {
                "currency": currency,
                "exponent": money.exponent(currency),
            }
            self.tally.add(
                _("amount rounded"),
                why,
                example=_("%(where)s: %(amount)s to %(rounded)s %(currency)s")
                % {"where": where, "amount": f"{amount:f}", "rounded": rounded, "currency": currency},
            )
            return money.to_minor_units(rounded, currency=currency)

    def _text(self, text: str, longest: int) -> str:
        if not self.book.exact:
            text = text.replace("\x00", "").strip()
            if len(text) > longest:
                self.tally.add(
                    _("long text"), _("shortened to %(longest)s characters") % {"longest": longest}, example=text[:60]
                )
                return text[: longest - 1] + "…"
        return text

    def close_accounts(self) -> None:
        """Close what was closed, where the ledger allows it: without a balance, and with nothing open below."""
        if self.book.exact:
            return
        kept: dict[str, list[int]] = defaultdict(list)
        for (key, _currency), place in self.places.items():
            kept[key].append(place)
        for account in self.book.accounts:
            for place in kept[account.key] if account.closed or account.closed_on else ():
                planned, last = self.plan.accounts[place], self.last_posted.get(place)
                if self.held[place] and account.type in (ASSET, LIABILITY):
                    self.tally.add(_("closed account with a balance"), _("it stays open"), example=account.name)
                elif planned.kind not in _SYSTEM:
                    # One that was never used has no day on which it could have been closed, and stays open.
                    planned.closed_on = max((day for day in (account.closed_on, last) if day is not None), default=None)
        with_open: set[int | None] = set()
        for position in reversed(range(len(self.plan.accounts))):
            planned = self.plan.accounts[position]
            if position in with_open:
                planned.closed_on = None
            if planned.closed_on is None:
                with_open.add(planned.parent)

    def place_checks(self) -> None:
        """Which of our accounts hold what the source says of one of its own; commodities are not compared."""
        below: dict[str, list[str]] = defaultdict(list)
        for account in self.book.accounts:
            below[account.parent].append(account.key)
        compared = 0
        for balance in self.book.balances:
            if not _is_money(balance.currency):
                if not balance.stated and balance.amount:
                    name = self.sources[balance.account].name if balance.account in self.sources else balance.account
                    self.tally.add(
                        _("holding of shares or another commodity"), _("LifeOS keeps money only"),
                        example=f"{name}: {balance.amount:f} {balance.currency}",
                    )  # fmt: skip
                continue
            if balance.stated and compared > _MOST_COMPARED:
                self.tally.add(_("stated balance that was not compared"), _("the file states too many"))
                continue
            keys = [balance.account]
            if balance.with_children:
                for key in keys:
                    keys.extend(below[key])
            compared += len(keys)
            places = [self.places[key, balance.currency] for key in keys if (key, balance.currency) in self.places]
            self.plan.checks.append(PlannedCheck(balance=balance, accounts=tuple(places)))


def _is_money(currency: str) -> bool:
    return currency in money.known_currencies()


def paths_of(accounts: Sequence[PlannedAccount]) -> list[str]:
    """Full names of the planned accounts, by position."""
    paths: list[str] = []
    for account in accounts:
        paths.append(f"{paths[account.parent]}:{account.name}" if account.parent is not None else account.name)
    return paths
