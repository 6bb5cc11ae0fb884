"""The operators' pages of finance, one module per slice; Django imports this package when it looks for admins."""

from finance.admin import imports

__all__ = ["imports"]
