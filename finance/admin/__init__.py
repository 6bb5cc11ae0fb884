"""The operators' pages of finance, one module per slice; Django imports this package when it looks for admins."""

from finance.admin import (
    accounts,
    attachments,
    books,
    changes,
    deletions,
    entries,
    imports,
    payees,
    preferences,
    rates,
    refunds,
    reports,
    rules,
    statements,
    tags,
    webhooks,
)

__all__ = [
    "accounts",
    "attachments",
    "books",
    "changes",
    "deletions",
    "entries",
    "imports",
    "payees",
    "preferences",
    "rates",
    "refunds",
    "reports",
    "rules",
    "statements",
    "tags",
    "webhooks",
]
