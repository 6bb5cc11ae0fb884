"""Everything that changes what people owe. Each function is one transaction and announces itself."""

from finance.receivables.services.contents import LineGiven, lines_of, totals
from finance.receivables.services.exchange_files import Taken, give_splitwise, take_splitwise
from finance.receivables.services.groups import remove_group, save_group
from finance.receivables.services.invoices import (
    cancel,
    link,
    match_payments,
    pay,
    remind,
    remove_draft,
    save_draft,
    send,
    unlink_payment,
    write_off,
)
from finance.receivables.services.people import (
    MOVEMENTS,
    account_with,
    link_account,
    move,
    movement_title,
    remove_claim,
    remove_person,
    save_claim,
    save_person,
)
from finance.receivables.services.recurring import make_due_drafts, remove_recurring, save_recurring
from finance.receivables.services.settling_up import pass_on_debts, remove_settlement, settle, settle_across
from finance.receivables.services.sharing import Bill, refund_bill, remove_bill, save_bill, shares_of, weight_value

__all__ = [
    "MOVEMENTS",
    "Bill",
    "LineGiven",
    "Taken",
    "account_with",
    "cancel",
    "give_splitwise",
    "lines_of",
    "link",
    "link_account",
    "make_due_drafts",
    "match_payments",
    "move",
    "movement_title",
    "pass_on_debts",
    "pay",
    "refund_bill",
    "remind",
    "remove_bill",
    "remove_claim",
    "remove_draft",
    "remove_group",
    "remove_person",
    "remove_recurring",
    "remove_settlement",
    "save_bill",
    "save_claim",
    "save_draft",
    "save_group",
    "save_person",
    "save_recurring",
    "send",
    "settle",
    "settle_across",
    "shares_of",
    "take_splitwise",
    "totals",
    "unlink_payment",
    "weight_value",
    "write_off",
]
