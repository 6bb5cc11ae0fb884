"""Several statements of one account in a file → one, with the balance before the first and after the last."""

import dataclasses
import datetime
from collections.abc import Sequence
from itertools import pairwise

from core.texts import gettext as _
from core.texts import number as number_of
from finance.imports.parsers.statement import ParsedStatement

_MOST_TOLD = 5


def join_statements(statements: Sequence[ParsedStatement]) -> tuple[tuple[ParsedStatement, ...], list[str]]:
    """One statement for each account, in the order of their first, and notes on what does not fit together.

    Statements run from the earliest to the latest, those of one day in the file's order. One that is there twice is
    read once. One that names no account stands for itself. The opening balance is the first one's, the closing
    balance the last one's that states any; if the first states none, the sum cannot be proven and none is kept.
    """
    by_account: dict[tuple[str, str, str], list[ParsedStatement]] = {}
    notes: list[str] = []
    for place, statement in enumerate(statements):
        parts = by_account.setdefault((statement.account or f"\n{place}", statement.label, statement.currency), [])
        if statement.rows and statement in parts:
            notes.append(
                _("A statement of %(account)s is in the file twice; it is read once.") % {"account": statement.account}
            )
        else:
            parts.append(statement)
    joined = []
    for parts in by_account.values():
        ordered = sorted(parts, key=lambda part: (part.start or datetime.date.min, part.end or datetime.date.min))
        gaps = [
            _(
                "A statement of %(account)s ends with %(closing)s and the next one, from %(start)s, "
                "begins with %(opening)s: one may be missing between them."
            )
            % {
                "account": after.account or _("the account"),
                "closing": number_of(before.closing),
                "start": after.start,
                "opening": number_of(after.opening),
            }
            for before, after in pairwise(ordered)
            if before.closing is not None and after.opening is not None and before.closing != after.opening
        ]
        notes += gaps[:_MOST_TOLD]
        if len(gaps) > _MOST_TOLD:
            notes.append(_("There are %(count)s more gaps of this kind.") % {"count": len(gaps) - _MOST_TOLD})
        joined.append(ordered[0] if len(ordered) == 1 else _one_of(ordered))
    return tuple(joined), notes


def _one_of(ordered: Sequence[ParsedStatement]) -> ParsedStatement:
    rows = [row for part in ordered for row in part.rows]
    stating = [part for part in ordered if part.closing is not None]
    stated = max(enumerate(stating), key=lambda each: (each[1].closing_on or datetime.date.min, each[0]), default=None)
    last = stated[1] if stated else ordered[-1]
    return dataclasses.replace(
        ordered[0],
        rows=tuple(dataclasses.replace(row, number=number) for number, row in enumerate(rows, 1)),
        start=min((part.start for part in ordered if part.start), default=None),
        end=max((part.end for part in ordered if part.end), default=None),
        # Rows after the last balance that is stated would make the sum miss it.
        opening=ordered[0].opening if ordered[-1].closing is not None else None,
        closing=last.closing,
        closing_on=last.closing_on,
    )
