"""OFX 1 (SGML) and OFX 2 (XML) text → a tree, forgiving what banks do to both."""

import html
import re
from collections.abc import Callable
from xml.etree.ElementTree import Element

_START = re.compile(r"<OFX[\s>]", re.IGNORECASE)
_STRAY = re.compile(r"<(?!/?[A-Za-z][A-Za-z0-9._]*(?:\s[^<>]*)?/?>)")


def parse_tree(text: str) -> Element | None:
    """The <OFX> element, or None when the text holds none."""
    start = _START.search(text)
    if start is None:
        return None
    body = _replaced(text[start.start() :], "<!--", "-->", lambda _inner: "")
    body = _replaced(body, "<![CDATA[", "]]>", lambda inner: html.escape(inner, quote=False))
    # Here, because ofxtools loads a download client: a quarter of a second that only OFX files are worth.
    from finance.imports.parsers.ofx_builder import ForgivingTreeBuilder

    builder = ForgivingTreeBuilder()
    builder.feed(_STRAY.sub("&lt;", body))
    root: Element | None = builder.close()
    return root


def _replaced(text: str, opening: str, closing: str, change: Callable[[str], str]) -> str:
    """The text with what stands between the marks changed; an opening that is never closed is left as it is."""
    parts, at = [], 0
    while (start := text.find(opening, at)) >= 0 and (end := text.find(closing, start + len(opening))) >= 0:
        parts += [text[at:start], change(text[start + len(opening) : end])]
        at = end + len(closing)
    return "".join([*parts, text[at:]])


def value(element: Element | None, path: str) -> str:
    """Text at the path, in one line; "" when there is none."""
    found = element.find(path) if element is not None else None
    return " ".join((found.text or "").split()) if found is not None else ""
