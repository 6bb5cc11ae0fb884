"""OFX 1 (SGML) and OFX 2 (XML) text → a tree, forgiving what banks do to both."""

import html
import re
from xml.etree.ElementTree import Element

_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_STRAY = re.compile(r"<(?!/?[A-Za-z][A-Za-z0-9._]*(?:\s[^<>]*)?/?>)")


def parse_tree(text: str) -> Element | None:
    """The <OFX> element, or None when the text holds none."""
    start = re.search(r"<OFX[\s>]", text, re.IGNORECASE)
    if start is None:
        return None
    body = _COMMENT.sub("", text[start.start() :])
    body = _CDATA.sub(lambda match: html.escape(match[1], quote=False), body)
    # Here, because ofxtools loads a download client: a quarter of a second that only OFX files are worth.
    from finance.imports.parsers.ofx_builder import ForgivingTreeBuilder

    builder = ForgivingTreeBuilder()
    builder.feed(_STRAY.sub("&lt;", body))
    root: Element = builder.close()
    return root


def value(element: Element | None, path: str) -> str:
    """Text at the path, in one line; "" when there is none."""
    found = element.find(path) if element is not None else None
    return " ".join((found.text or "").split()) if found is not None else ""
