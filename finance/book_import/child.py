"""Read the books of another program in a process of its own: `python -m finance.book_import.child`.

As for bank files: a stranger wrote the bytes, so they meet a process with limits, without database and settings.
"""

import dataclasses
import sys
from collections.abc import Callable

from core.texts import gettext as _
from core.texts import gettext_noop
from finance.book_import.model import Question, SourceBook
from finance.book_import.reading import MAX_BYTES, read_book
from finance.errors import BookUnreadable, StatementUnreadable
from finance.imports.parsers.child import Child, Limits, serve

_MODEL = "finance.book_import.model"
_CHILD = Child(
    module="finance.book_import.child",
    classes={
        (_MODEL, "SourceBook"),
        (_MODEL, "SourceAccount"),
        (_MODEL, "SourceEntry"),
        (_MODEL, "SourceLine"),
        (_MODEL, "SourceBalance"),
        (_MODEL, "SourceSchedule"),
        (_MODEL, "SourceSide"),
        (_MODEL, "SourceBudget"),
        (_MODEL, "SourceBudgetLine"),
        (_MODEL, "SourceGoal"),
        (_MODEL, "SourceRule"),
        (_MODEL, "LeftOut"),
        ("decimal", "Decimal"),
        ("datetime", "date"),
        ("uuid", "UUID"),
    },
    advice=gettext_noop("The operator can allow more (IMPORT_READING_SECONDS, IMPORT_READING_MEMORY_MB)."),
    broken=gettext_noop("Please export the books again."),
)


def read_in_child(
    data: bytes, question: Question, *, limits: Limits, goes_on: Callable[[], bool] = lambda: True
) -> SourceBook:
    """The source's book. Raises BookUnreadable, and ReadingStopped once `goes_on` says no."""
    if len(data) > MAX_BYTES:
        raise BookUnreadable(
            reason=_("The file is larger than %(max_bytes)s MB.") % {"max_bytes": MAX_BYTES // 1024 // 1024}
        )
    try:
        kind, value = _CHILD.ask(data, dataclasses.asdict(question), limits=limits, goes_on=goes_on)
    except StatementUnreadable as error:
        raise BookUnreadable(reason=error.detail) from error
    if kind == "file":
        book: SourceBook = value
        return book
    raise BookUnreadable(reason=value[1])


if __name__ == "__main__":
    sys.exit(serve(lambda data, question: read_book(data, Question(**question))))
