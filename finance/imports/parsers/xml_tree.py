"""XML of a stranger → elements by local name, piece by piece: no document type, no entities, no deep nesting."""

import re
from collections.abc import Callable
from xml.etree.ElementTree import Element
from xml.parsers import expat

from core.texts import gettext as _
from finance.errors import StatementUnreadable
from finance.imports.parsers.encoding import decode
from finance.imports.parsers.profile import ENCODINGS

_DECLARED = re.compile(rb"""<\?xml[^>]{0,100}?encoding=["']([\w.-]{1,40})["']""")
_DEEPEST = 60
_PIECE = 1024 * 1024
# More of a text is kept nowhere.
LONGEST_TEXT = 4000


def read_xml(data: bytes, *, holders: frozenset[str], on_open: Callable[[str], None], on_child: "OnChild") -> None:
    """Walk an XML file. Tags are told without their namespace, which differs from version to version.

    `on_open` is called with the tag of every element that begins and is not inside a child of a holder; `on_child`
    with each child of an element in `holders` once it is whole, after which it is forgotten. Raises
    StatementUnreadable for a file that breaks off, is no XML, or declares a document type (the way to entity bombs).
    """
    walker = _Walker(holders, on_open, on_child)
    # The text decides on the encoding: declarations are often copied from elsewhere.
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = walker.start
    parser.EndElementHandler = walker.end
    parser.CharacterDataHandler = walker.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    body = _as_utf8(data)
    try:
        for at in range(0, len(body), _PIECE):
            parser.Parse(body[at : at + _PIECE], False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        what = expat.errors.messages.get(error.code, "")
        broken_off = what in ("no element found", "unclosed token", "unclosed CDATA section")
        why = (
            _("it breaks off there, so it is not complete")
            if broken_off
            else _("it is not sound XML (%(what)s)") % {"what": what}
        )
        raise StatementUnreadable(
            reason=_("The file cannot be read beyond line %(lineno)s: %(why)s. Please export it again.")
            % {"lineno": error.lineno, "why": why}
        ) from error


OnChild = Callable[[Element], None]


class _Walker:
    """Builds elements below a holder, and none elsewhere."""

    def __init__(self, holders: frozenset[str], on_open: Callable[[str], None], on_child: OnChild) -> None:
        self._holders, self._on_open, self._on_child = holders, on_open, on_child
        self._path: list[str] = []
        self._building: list[Element] = []
        self._texts: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if self._building or (self._path and self._path[-1] in self._holders):
            element = Element(name, attributes)
            if self._building:
                self._building[-1].append(element)
            self._building.append(element)
        else:
            self._on_open(name)
        self._path.append(name)
        if len(self._path) > _DEEPEST:
            raise StatementUnreadable(reason=_("The file nests its elements deeper than any statement does."))
        self._texts.clear()

    def text(self, data: str) -> None:
        if self._building:
            self._texts.append(data)

    def end(self, _tag: str) -> None:
        self._path.pop()
        if not self._building:
            return
        element = self._building.pop()
        if not len(element):
            element.text = "".join(self._texts)[:LONGEST_TEXT]
        self._texts.clear()
        if not self._building:
            self._on_child(element)


def _as_utf8(data: bytes) -> bytes:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        match = _DECLARED.match(data)
        declared = match[1].decode().lower() if match else ""
        # Not UTF-8, whatever it says; ISO 8859-1 stands for Windows' page, of which it is a part.
        page = {"iso-8859-1": "cp1252", "iso-8859-15": "iso8859-15"}.get(declared, declared)
        text, _encoding = decode(data, page if page in ENCODINGS and not page.startswith("utf-8") else "")
        return text.encode()
    # Without the zeros of UTF-16: it is valid UTF-8 as well.
    return data.removeprefix(b"\xef\xbb\xbf") if b"\x00" not in data[:200] else decode(data)[0].encode()


def _refuse_doctype(*_declaration: object) -> None:
    raise StatementUnreadable(
        reason=_("The file declares a document type, which no bank statement does and which can hide harmful content.")
    )


def find(element: Element | None, path: str) -> Element | None:
    """The first element at a path of plain names, as `Element.find` has it, in a third of its time."""
    if element is None or "/" not in path:
        return None if element is None else element.find(path)
    name, _, rest = path.partition("/")
    for child in element.findall(name):
        if (found := find(child, rest)) is not None:
            return found
    return None


def text_at(element: Element | None, *paths: str) -> str:
    """The text of the first of the paths that has one, in one line; "" when none has."""
    for path in paths:
        found = find(element, path)
        if found is not None and found.text and (text := " ".join(found.text.split())):
            return text
    return ""
