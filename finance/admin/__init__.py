"""The operators' pages of finance, one module per slice; Django imports this package when it looks for admins."""

from finance.admin import (, accounts, attachments, books, entries, imports, payees, rules, tags, webhooks

__all__ = ["(", "accounts", "attachments", "books", "entries", "imports", "payees", "rules", "tags", "webhooks"]
