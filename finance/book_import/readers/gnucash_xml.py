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
from finance.errors import BookUnreadable

_FRACTION = re.compile(r"(-?\d{1,25})/(\d{1,25})", re.ASCII)
_DEEPEST = 40


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

    def slot(self, key: str) -> str:
        """The value of one of GnuCash's key-value pairs below this node of slots."""
        return next((each.said("slot:value") for each in self.all("slot") if each.said("slot:key") == key), "")


class _Xml:
    """Takes accounts and transactions one by one from the stream: no tree of the whole file is held."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.depth = 0
        self.hidden = 0  # inside of template transactions
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
        if self.hidden or name == "gnc:template-transactions":
            self.hidden += 1
        elif self.stack or name in ("gnc:account", "gnc:transaction"):
            node = _Node(name, [], [])
            if self.stack:
                self.stack[-1].children.append(node)
            self.stack.append(node)
        elif name in self.counted:
            self.books.tally.add(*self.counted[name])

    def text(self, text: str) -> None:
        if self.stack and not self.hidden:
            self.stack[-1].text.append(text)

    def end(self, name: str) -> None:
        self.depth -= 1
        if self.hidden:
            self.hidden -= 1
            return
        node = self.stack.pop() if self.stack else None
        if node is None or self.stack:
            return
        if name == "gnc:transaction":
            self._transaction(node)
            return
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
    except (expat.ExpatError, LookupError) as error:  # LookupError: it names an encoding that is none
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
