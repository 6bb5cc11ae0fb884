"""Everything that changes an import. Each function is one transaction and announces itself."""

from finance.imports.services.confirming import confirm_import, discard_import
from finance.imports.services.deciding import decide_rows
from finance.imports.services.staging import (
    assign_statement,
    change_profile,
    read_received,
    receive_file,
    stage_import,
)
from finance.imports.services.undoing import undo_import

__all__ = [
    "assign_statement",
    "change_profile",
    "confirm_import",
    "decide_rows",
    "discard_import",
    "read_received",
    "receive_file",
    "stage_import",
    "undo_import",
]
