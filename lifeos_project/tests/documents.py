"""HTML as a tree, for tests that read pages as people do."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass(kw_only=True)
class Element:
    """An element with its attributes and what it contains."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element | str"] = field(default_factory=list)

    def all(self, *tags: str, cls: str = "", **attributes: str) -> Iterator["Element"]:
        """Descendants with one of the tags, the class and the attributes, in the order of the page."""
        for child in self.children:
            if isinstance(child, str):
                continue
            is_tag = not tags or child.tag in tags
            has_class = not cls or cls in child.attributes.get("class", "").split()
            if is_tag and has_class and attributes.items() <= child.attributes.items():
                yield child
            yield from child.all(*tags, cls=cls, **attributes)

    def first(self, *tags: str, cls: str = "", **attributes: str) -> "Element | None":
        return next(self.all(*tags, cls=cls, **attributes), None)

    @property
    def text(self) -> str:
        """What is read, with single spaces; SVG's titles and scripts left out."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag not in ("svg", "script", "style", "template"):
                yield from child._texts()
                yield " " if child.tag in ("td", "th", "li", "p", "tr", "div", "dt", "dd") else ""


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element(tag="")
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag=tag, attributes={name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag=tag, attributes={name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        for depth in range(len(self.open) - 1, 0, -1):
            if self.open[depth].tag == tag:
                del self.open[depth:]
                return

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read_page(html: str) -> Element:
    """The page's tree."""
    builder = _Builder()
    builder.feed(html)
    builder.close()
    return builder.root
