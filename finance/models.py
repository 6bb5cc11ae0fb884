"""Re-exports, so that Django finds every model of the app here."""

from finance.imports.models import ImportBatch, ImportProfile, ImportRow, ImportStatement
from finance.ledger.models import (
    Account,
    AccountKind,
    AccountMonth,
    AccountType,
    Book,
    ChainHead,
    Invitation,
    JournalEntry,
    JournalLine,
    LedgerCheck,
    Membership,
    MonthRebuild,
    NotedHead,
    PeriodChange,
    Role,
    Seal,
)
from finance.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookSecret

__all__ = [
    "Account",
    "AccountKind",
    "AccountMonth",
    "AccountType",
    "Book",
    "ChainHead",
    "ImportBatch",
    "ImportProfile",
    "ImportRow",
    "ImportStatement",
    "Invitation",
    "JournalEntry",
    "JournalLine",
    "LedgerCheck",
    "Membership",
    "MonthRebuild",
    "NotedHead",
    "PeriodChange",
    "Role",
    "Seal",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookSecret",
]
