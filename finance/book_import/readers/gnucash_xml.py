"""GnuCash's XML file, as a stream (schema: libgnucash/doc/xml/gnucash-v2.rnc in GnuCash's repository)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from xml.parsers import expat

from core.texts import gettext as _
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
from finance.errors import BookUnreadable

_FRACTION = re.compile(r"(-?\d{1,25})/(\d{1,25})", re.ASCII)
_WHOLE = re.compile(r"\d{1,6}", re.ASCII)
_DEEPEST = 40
_TAKEN = ("gnc:account", "gnc:transaction", "gnc:schedxaction", "gnc:budget", "book:slots")


@dataclass(slots=True)
class _Node:
    name: str
    text: list[str]
    children: list["_Node"]

    def all(self, name: str) -> Iterator["_Node"]:
        return (child for child in self.children if child.name == name)

    def find(self, *path: str) -> "_Node | None":
        at: _Node | None = self
        for name in path:
            at = next(at.all(name), None) if at is not None else None
        return at

    def said(self, *path: str) -> str:
        """The text at the path below, or ""."""
        found = self.find(*path)
        return "".join(found.text).strip() if found is not None else ""

    def frame(self, key: str) -> "_Node | None":
        """The value of one of GnuCash's key-value pairs below this node of slots; it may be a frame of slots itself."""
        return next((each.find("slot:value") for each in self.all("slot") if each.said("slot:key") == key), None)

    def slot(self, key: str) -> str:
        """The same as text, or ""."""
        found = self.frame(key)
        return found.said() if found is not None else ""


class _Xml:
    """Takes accounts and transactions one by one from the stream: no tree of the whole file is held."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.depth = 0
        self.in_templates = False
        # Of scheduled transactions, by their template account; they come before those.
        self.templates: dict[str, list[Template]] = {}
        self.stack: list[_Node] = []
        self.counted = {name: (kind, why) for _table, name, kind, why in PLANNING}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth == 1 and name != "gnc-v2":
            raise BookUnreadable(
                reason=_("The file is XML, but begins with “%(name)s” instead of GnuCash's “gnc-v2”.")
                % {"name": name[:40]}
            )
        if self.depth > _DEEPEST:
            raise BookUnreadable(reason=_("The file is nested too deeply to be GnuCash's."))
        if self.stack or name in _TAKEN:
            node = _Node(name, [], [])
            if self.stack:
                self.stack[-1].children.append(node)
            self.stack.append(node)
        elif name == "gnc:template-transactions":
            self.in_templates = True
        elif name in self.counted:
            self.books.tally.add(*self.counted[name])

    def text(self, text: str) -> None:
        if self.stack:
            self.stack[-1].text.append(text)

    def end(self, name: str) -> None:
        self.depth -= 1
        node = self.stack.pop() if self.stack else None
        if node is None:
            self.in_templates = self.in_templates and name != "gnc:template-transactions"
        elif not self.stack:
            self._taken(node)

    def _taken(self, node: _Node) -> None:
        if node.name == "book:slots":
            features = node.frame("features")
            self.books.natural_signs = features is not None and bool(features.slot(NATURAL_SIGNS))
        elif node.name == "gnc:schedxaction":
            self.books.scheduled(node.said("sx:name"), lambda: self._scheduled(node))
        elif node.name == "gnc:budget":
            self.books.budget(node.said("bgt:name"), lambda: _budget(node))
        elif node.name == "gnc:transaction":
            (self._template if self.in_templates else self._transaction)(node)
        elif not self.in_templates:
            self._account(node)

    def _account(self, node: _Node) -> None:
        slots = node.find("act:slots")
        self.books.account(
            id=node.said("act:id"),
            name=node.said("act:name"),
            type=node.said("act:type"),
            space=node.said("act:commodity", "cmdty:space"),
            mnemonic=node.said("act:commodity", "cmdty:id"),
            parent=node.said("act:parent"),
            equity_type=slots.slot("equity-type") if slots is not None else "",
        )

    def _template(self, node: _Node) -> None:
        """A template transaction; its splits say the real account and amount in slots."""
        splits, key = [], ""
        held = node.find("trn:splits")
        for part in held.all("trn:split") if held is not None else ():
            key = key or part.said("split:account")
            slots = part.find("split:slots")
            told = slots.frame("sched-xaction") if slots is not None else None
            if told is not None:
                splits.append(
                    TemplateSplit(
                        account=told.slot("account"),
                        amount=template_amount(
                            debit=_numeric(told.slot("debit-numeric")),
                            credit=_numeric(told.slot("credit-numeric")),
                            formulas=(told.slot("debit-formula"), told.slot("credit-formula")),
                        ),
                        memo=part.said("split:memo"),
                    )
                )
        template = Template(description=node.said("trn:description"), splits=tuple(splits))
        self.templates.setdefault(key, []).append(template)

    def _scheduled(self, node: _Node) -> Scheduled:
        where = node.said("sx:name")
        last, end = node.said("sx:last", "gdate"), node.said("sx:end", "gdate")
        total, left = node.said("sx:num-occur"), node.said("sx:rem-occur")
        rhythms = node.find("sx:schedule")
        return Scheduled(
            name=where,
            enabled=node.said("sx:enabled") != "n",
            rhythms=tuple(
                _rhythm(each, where) for each in (rhythms.all("gnc:recurrence") if rhythms is not None else ())
            ),
            templates=tuple(self.templates.get(node.said("sx:templ-acct"), ())),
            last=day(last, where) if last else None,
            end=day(end, where) if end else None,
            total=_whole(total, where) if total else None,
            left=_whole(left, where) if left else None,
        )

    def _transaction(self, node: _Node) -> None:
        told = node.said("trn:description")
        where = _("transaction %(told)s") % {"told": told[:40] or node.said("trn:id")[:40]}
        splits = []
        held = node.find("trn:splits")
        for part in held.all("trn:split") if held is not None else ():
            split = Split(
                account=part.said("split:account"),
                value=_fraction(part.said("split:value"), where),
                quantity=_fraction(part.said("split:quantity"), where),
                memo=part.said("split:memo"),
                state=part.said("split:reconciled-state"),
            )
            splits.append(split)
            self.books.sums.add(split.account, self.books.commodities.get(split.account, ""), split.quantity)
        slots = node.find("trn:slots")
        self.books.transaction(
            id=node.said("trn:id"),
            date=day(node.said("trn:date-posted", "ts:date"), where),
            currency=node.said("trn:currency", "cmdty:id"),
            number=node.said("trn:num"),
            description=told,
            notes=slots.slot("notes") if slots is not None else "",
            splits=splits,
        )


def _rhythm(node: _Node, where: str) -> Rhythm:
    return Rhythm(
        period=node.said("recurrence:period_type"),
        every=_whole(node.said("recurrence:mult"), where),
        start=day(node.said("recurrence:start", "gdate"), where),
        adjust=node.said("recurrence:weekend_adj"),
    )


def _budget(node: _Node) -> tuple[Rhythm, int, list[tuple[str, int, Decimal]]]:
    where = node.said("bgt:name")
    rhythm = node.find("bgt:recurrence")
    if rhythm is None:
        raise BookUnreadable(reason=_("%(where)s: it has no periods.") % {"where": where})
    slots, amounts = node.find("bgt:slots"), []
    for of_account in slots.all("slot") if slots is not None else ():
        by_period = of_account.find("slot:value")
        for each in by_period.all("slot") if by_period is not None else ():
            number = _whole(each.said("slot:key"), where)
            amounts.append((of_account.said("slot:key"), number, _fraction(each.said("slot:value"), where)))
    return _rhythm(rhythm, where), _whole(node.said("bgt:num-periods"), where), amounts


def _whole(text: str, where: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise BookUnreadable(
            reason=_("%(where)s: “%(text)s” is not a whole number.") % {"where": where, "text": text[:40]}
        )
    return int(text)


def _numeric(text: str) -> Decimal:
    """A number of a template, 0 where there is none: its formula is there too."""
    return _fraction(text, _(SCHEDULED)) if _FRACTION.fullmatch(text) and not text.endswith("/0") else Decimal(0)


def _fraction(text: str, where: str) -> Decimal:
    match = _FRACTION.fullmatch(text)
    if match is None:
        raise BookUnreadable(
            reason=_("%(where)s: “%(text)s” is not an amount such as 1234/100.") % {"where": where, "text": text[:40]}
        )
    return number_of(int(match[1]), int(match[2]), where)


def read_xml(data: bytes, books: Books) -> None:
    reader = _Xml(books)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    # GnuCash writes neither, and both are how XML from strangers does harm (as the defusedxml package refuses them).
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the last two: an encoding that is none, or is unfit
        raise BookUnreadable(
            reason=_("The file is neither XML nor a database of GnuCash: %(error)s.") % {"error": error}
        ) from error
    # Roots are named only where they stand: accounts below them are at the top.
    for key, account in books.accounts.items():
        if account.parent and account.parent not in books.accounts and account.parent not in books.roots:
            raise BookUnreadable(
                reason=_("The account “%(name)s” is inside one that is not in the file: %(key)s.")
                % {"name": account.name[:60], "key": key[:40]}
            )


def _refuse(*_declaration: Any) -> None:
    raise BookUnreadable(reason=_("The file declares a document type or entities, which GnuCash never does."))
