"""The operators' pages of finance, one module per slice; Django imports this package when it looks for admins."""

from finance.admin import accounts, books, entries, imports, reports, rules, tags, webhooks

__all__ = ["accounts", "books", "entries", "imports", "reports", "rules", "tags", "webhooks"]
