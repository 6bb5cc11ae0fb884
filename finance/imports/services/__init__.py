"""Everything that changes an import. Each function is one transaction and announces itself."""

from finance.imports.services.confirming import OlderRows, confirm_import, discard_import, discard_imports
from finance.imports.services.deciding import decide_rows, rows_like
from finance.imports.services.learning import learn, learn_book, learn_linked, learn_missed
from finance.imports.services.reading import give_up, read_received, settled, take_refusal
from finance.imports.services.refunds import link_refund, unlink_refund
from finance.imports.services.staging import (
    assign_statement,
    change_profile,
    read_again,
    receive_file,
    stage_import,
)
from finance.imports.services.undoing import reach_of, undo_import

__all__ = [
    "OlderRows",
    "assign_statement",
    "change_profile",
    "confirm_import",
    "decide_rows",
    "discard_import",
    "discard_imports",
    "give_up",
    "learn",
    "learn_book",
    "learn_linked",
    "learn_missed",
    "link_refund",
    "reach_of",
    "read_again",
    "read_received",
    "receive_file",
    "rows_like",
    "settled",
    "stage_import",
    "take_refusal",
    "undo_import",
    "unlink_refund",
]
