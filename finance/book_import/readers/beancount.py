"""Beancount: one file, read by the beancount package's own parser and booking.

Beancount's loader is not used: it imports the plugins that a file names, and opens the files that it includes. The
parser only reads. Balances are proven as Beancount means them: at the beginning of their day, with all accounts below.
"""

import datetime
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from beancount.core import data
from beancount.core.position import Cost
from beancount.ops import balance as balances
from beancount.ops import pad
from beancount.parser import booking, parser

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
    SourceBalance,
    SourceBook,
    SourceEntry,
    SourceLine,
    Sums,
    Tally,
    check_entries,
    uid_of,
)
from finance.book_import.readers.fields import believable, text_of, with_parents
from finance.errors import BookUnreadable
from finance.imports.parsers.limits import believable_day

_TOLD = {
    data.Price: (gettext_noop("price"), gettext_noop("LifeOS keeps money only")),
    data.Note: (gettext_noop("note on an account"), gettext_noop("accounts have no notes here")),
    data.Document: (gettext_noop("document"), gettext_noop("files are not in the file")),
    data.Event: (gettext_noop("event"), gettext_noop("LifeOS has none")),
    data.Query: (gettext_noop("query"), gettext_noop("LifeOS has none")),
    data.Custom: (gettext_noop("custom directive"), gettext_noop("LifeOS does not know what it means")),
}
_A_DAY = datetime.timedelta(days=1)
_OWN = {"uid", "source", "reverses", "corrects", "filename", "lineno", "memo", "name"}


def read(data_: bytes, question: Question) -> SourceBook:
    """The ledger; plugins are not run, and a file that includes others is refused. Raises BookUnreadable."""
    text = text_of(data_)
    if "\x00" in text:
        # Beancount's scanner goes through the rest of the file again for each of them.
        raise BookUnreadable(reason=_("The file holds zero bytes, so it is no text."))
    try:
        directives, errors, options = parser.parse_string(text, "<books>")
    except MemoryError as error:
        if "Parser" not in str(error):
            raise
        # Its stack is full: brackets within brackets.
        raise BookUnreadable(reason=_("The file is nested too deeply to be such an export.")) from error
    _refuse(errors)
    if options["include"]:
        raise BookUnreadable(
            reason=_(
                "The file includes others, such as %(include)s. Write one file of everything first: "
                "bean-query main.beancount print > all.beancount"
            )
            % {"include": options["include"][0][:80]}
        )
    check_entries(len(directives))
    booked, errors = booking.book(directives, options)
    _refuse(errors)
    padded, errors = pad.pad(booked, options)
    _refuse(errors)
    reader = _Reader(options)
    for name, _configuration in options["plugin"]:
        reader.tally.add(
            _("plugin"), _("a stranger's file cannot run code here; its effects are missing"), example=str(name)
        )
    entries = [reader.entry(each) for each in padded if isinstance(each, data.Transaction)]
    stated = [reader.balance(each) for each in padded if isinstance(each, data.Balance)]
    for each in padded:
        if type(each) in _TOLD:
            reader.tally.add(*_TOLD[type(each)])
    currencies = options["operating_currency"]
    return SourceBook(
        format=question.format,
        accounts=tuple(reader.accounts(padded)),
        entries=tuple(entries),
        balances=(*reader.sums.balances(), *stated),
        left_out=reader.tally.told(),
        name=options["title"] if options["title"] != "Beancount" else "",
        base_currency=question.base_currency or (currencies[0] if currencies else reader.most_used()),
    )


def _refuse(errors: Sequence[Any]) -> None:
    """What Beancount itself finds wrong, with the line."""
    if errors:
        found = errors[0]
        line = (found.source or {}).get("lineno", 0)
        raise BookUnreadable(
            reason=_("Beancount finds %(count)s errors; the first in line %(line)s: %(message)s")
            % {"count": len(errors), "line": line, "message": " ".join(str(found.message).split())[:200]}
        )


class _Reader:
    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.tally, self.sums = Tally(), Sums()
        self.currencies: Counter[str] = Counter()
        self.names: dict[str, None] = {}
        self.roots = {
            options["name_assets"]: ASSET, options["name_liabilities"]: LIABILITY, options["name_equity"]: EQUITY,
            options["name_income"]: INCOME, options["name_expenses"]: EXPENSE,
        }  # fmt: skip

    def most_used(self) -> str:
        return self.currencies.most_common(1)[0][0] if self.currencies else ""

    def entry(self, found: data.Transaction) -> SourceEntry:
        where = _("line %(line)s (%(date)s, %(payee)s)") % {
            "line": found.meta.get("lineno", 0),
            "date": found.date,
            "payee": (found.payee or found.narration or "")[:40],
        }
        if found.flag == "!":
            self.tally.add(MARK, NO_MARKS)
        more = [key for key in found.meta if key not in _OWN and not key.startswith("__")]
        for key in more:
            self.tally.add(_("metadata"), _("LifeOS has none"), example=key)
        links = [f"^{link}" for link in sorted(found.links or ())]
        date = _day(found.date, where)
        lines = []
        for posting in found.postings:
            units = posting.units
            if units is None or not isinstance(units.number, Decimal):
                raise BookUnreadable(
                    reason=_("%(where)s: an amount is missing and cannot be computed.") % {"where": where}
                )
            quantity = believable(units.number, where)
            self.names.setdefault(posting.account)
            self.currencies[units.currency] += 1
            self.sums.add(posting.account, units.currency, quantity)
            if isinstance(posting.cost, Cost) and quantity:
                self.tally.add_cost(
                    posting.account, quantity=quantity, commodity=units.currency,
                    total=quantity * posting.cost.number, currency=posting.cost.currency,
                )  # fmt: skip
            memo = (posting.meta or {}).get("memo", "")
            lines.append(
                SourceLine(
                    account=posting.account, currency=units.currency, amount=quantity,
                    memo=memo if isinstance(memo, str) else "",
                )
            )  # fmt: skip
        return SourceEntry(
            date=date,
            payee=found.payee or "",
            description=" ".join([found.narration or "", *links]).strip(),
            tags=tuple(sorted(found.tags or ())),
            uid=uid_of(str(found.meta.get("uid", ""))),
            where=where,
            lines=tuple(lines),
        )

    def balance(self, found: data.Balance) -> SourceBalance:
        where = _("line %(line)s") % {"line": found.meta.get("lineno", 0)}
        if found.amount.number is None:
            raise BookUnreadable(reason=_("%(where)s: the amount of the balance is missing.") % {"where": where})
        self.names.setdefault(found.account)
        return SourceBalance(
            account=found.account,
            currency=found.amount.currency,
            amount=believable(found.amount.number, where),
            on=_day(found.date, where) - _A_DAY,
            stated=True,
            with_children=True,
            tolerance=balances.get_balance_tolerance(found, self.options),
        )

    def accounts(self, directives: Sequence[Any]) -> Iterator[SourceAccount]:
        only: dict[str, str] = {}
        closed: dict[str, datetime.date] = {}
        for each in directives:
            if isinstance(each, data.Open):
                self.names.setdefault(each.account)
                if each.currencies and len(each.currencies) == 1:
                    only[each.account] = each.currencies[0]
            elif isinstance(each, data.Close):
                # Beancount's closing day is the first on which nothing may be posted.
                closed[each.account] = _day(each.date, each.account) - _A_DAY
        opening = f"{self.options['name_equity']}:{self.options['account_previous_balances']}"
        for name in with_parents(self.names):
            yield SourceAccount(
                key=name,
                name=name.rpartition(":")[2],
                type=self.roots[name.partition(":")[0]],
                kind=OPENING if name == opening else "",
                currency=only.get(name, ""),
                parent=name.rpartition(":")[0],
                closed_on=closed.get(name),
            )


def _day(found: datetime.date, where: str) -> datetime.date:
    try:
        return believable_day(found.year, found.month, found.day)
    except ValueError as error:
        raise BookUnreadable(reason=f"{where}: {error}") from error
