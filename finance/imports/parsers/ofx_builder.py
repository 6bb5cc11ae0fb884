"""Tags of OFX → elements, whatever the file leaves open."""

import html
import re
from collections import Counter
from typing import Any

from ofxtools.Parser import TreeBuilder

from core.texts import gettext as _
from core.texts import gettext_noop
from finance.errors import StatementUnreadable

_SEVERAL = gettext_noop(
    "The file holds several OFX documents one after the other. Please import each as a separate file."
)
_TOKEN = re.compile(r"<(?P<close>/?)(?P<tag>[A-Za-z][A-Za-z0-9._]*)(?:\s[^<>]*?)?(?P<empty>/?)>(?P<text>[^<]*)")
# More of a text is kept nowhere; and a reference such as &#99…9; of more digits is more than Python reads.
LONGEST_TEXT = 4000
# Aggregates whose end a broken download may have lost.
_AGGREGATE = re.compile(r"OFX|\w*STMTTRN|LEDGERBAL|INVBANKTRAN|\w+MSGSRSV\d|\w*TRNRS|\w*STMTRS|\w*TRANLIST|\w+ACCTFROM")


class ForgivingTreeBuilder(TreeBuilder):
    """ofxtools' builder, fed tag by tag: unclosed, empty and wrongly nested elements do not lose the rest."""

    def __init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        self._is_complete = False
        self._times_open: Counter[str] = Counter()  # how often each tag stands in `_open`

    def feed(self, data: str) -> None:
        """Read the body; an element that is never closed and holds no text is an empty leaf."""
        closed = {match["tag"].upper() for match in _TOKEN.finditer(data) if match["close"]}
        for match in _TOKEN.finditer(data):
            tag, text = match["tag"].upper(), match["text"].strip()
            if self._is_complete:
                if tag == "OFX" and not match["close"]:
                    raise StatementUnreadable(reason=_(_SEVERAL))
            elif match["close"] and self._times_open[tag]:
                self._is_complete = tag == self._open[0] and self._times_open[tag] == 1
                inner = ""
                while inner != tag:
                    inner = self._open.pop()
                    self._times_open[inner] -= 1
                    self.end(inner)
            elif match["close"]:
                continue  # of an element that was never opened
            elif text or match["empty"] or not (tag in closed or _AGGREGATE.fullmatch(tag)):
                if self._open:
                    self.start(tag, {})
                    if content := html.unescape(text[:LONGEST_TEXT]):
                        self.data(content)
                    self.end(tag)
            else:
                self._open.append(tag)
                self._times_open[tag] += 1
                self.start(tag, {})

    def close(self) -> Any:
        """The root, after closing what the file left open (a download that broke off); None when there was no tag."""
        if not self._times_open:
            return None
        while self._open:
            self.end(self._open.pop())
        return super().close()
