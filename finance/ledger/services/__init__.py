"""Everything that changes the books of the ledger. Each function is one transaction and announces itself."""

from finance.ledger.services.accounts import (
    close_account,
    move_account,
    open_account,
    rename_account,
)
from finance.ledger.services.books import change_time_zone, create_book, rename_book
from finance.ledger.services.changes import (
    change_entries,
    delete_entries,
    record_change,
    replace_entry,
    undo_change,
)
from finance.ledger.services.days import begin_days
from finance.ledger.services.deletion import day_of_erasure, delete_book, restore_book
from finance.ledger.services.entries import (
    correct_entry,
    post_entries,
    post_entry,
    post_history,
    reverse_entries,
    reverse_entry,
)
from finance.ledger.services.entry_templates import remove_template, save_template
from finance.ledger.services.erasing import erase_book, erase_due_books
from finance.ledger.services.exchanges import exchange, exchange_lines
from finance.ledger.services.members import (
    accept_invitation,
    change_role,
    invite_member,
    leave_book,
    remove_member,
    revoke_invitation,
    set_seen_accounts,
)
from finance.ledger.services.months import rebuild_months
from finance.ledger.services.openings import (
    Opening,
    move_opening_balance,
    opening_of,
    openings_of,
    post_opening_balance,
    set_opening_balance,
)
from finance.ledger.services.periods import close_period, reopen_period
from finance.ledger.services.sealing import seal_entries, seal_missed, some_are_unsealed
from finance.ledger.services.seeing import leave_out
from finance.ledger.services.transfers import remove_transfer_fee, save_transfer_fee, transfer

__all__ = [
    "Opening",
    "accept_invitation",
    "begin_days",
    "change_entries",
    "change_role",
    "change_time_zone",
    "close_account",
    "close_period",
    "correct_entry",
    "create_book",
    "day_of_erasure",
    "delete_book",
    "delete_entries",
    "erase_book",
    "erase_due_books",
    "exchange",
    "exchange_lines",
    "invite_member",
    "leave_book",
    "leave_out",
    "move_account",
    "move_opening_balance",
    "open_account",
    "opening_of",
    "openings_of",
    "post_entries",
    "post_entry",
    "post_history",
    "post_opening_balance",
    "rebuild_months",
    "record_change",
    "remove_member",
    "remove_template",
    "remove_transfer_fee",
    "rename_account",
    "rename_book",
    "reopen_period",
    "replace_entry",
    "restore_book",
    "reverse_entries",
    "reverse_entry",
    "revoke_invitation",
    "save_template",
    "save_transfer_fee",
    "seal_entries",
    "seal_missed",
    "set_opening_balance",
    "set_seen_accounts",
    "some_are_unsealed",
    "transfer",
    "undo_change",
]
