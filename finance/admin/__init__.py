"""The operators' pages of finance, one module per slice; Django imports this package when it looks for admins."""

from finance.admin import accounts, attachments, books, changes, entries, imports, rates, refunds, rules, tags, webhooks

__all__ = [
    "accounts",
    "attachments",
    "books",
    "changes",
    "entries",
    "imports",
    "rates",
    "refunds",
    "rules",
    "tags",
    "webhooks",
]
