"""Everything that changes statements and marks. Each function is one transaction and announces itself."""

from finance.reconciliation.services.agreement import reopening
from finance.reconciliation.services.marks import mark_cleared, tick, untick
from finance.reconciliation.services.statements import (
    add_statement,
    change_statement,
    post_difference,
    reconcile,
    remove_statement,
    reopen_statement,
)

__all__ = [
    "add_statement",
    "change_statement",
    "mark_cleared",
    "post_difference",
    "reconcile",
    "remove_statement",
    "reopen_statement",
    "reopening",
    "tick",
    "untick",
]
