"""Re-exports, so that Django finds every model of the app here."""

from finance.attachments.models import Attachment, AttachmentContent
from finance.imports.models import (
    ImportBatch,
    ImportProfile,
    ImportRow,
    ImportStatement,
    LearnedBook,
    LearnedEntry,
    PayeeName,
    Refund,
    WordCount,
)
from finance.ledger.change_models import Change, ChangedEntry, EntryTemplate
from finance.ledger.deletion_models import BookDeletion
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
from finance.payees.models import Payee, PayeeAlias
from finance.planning.calendars.models import CalendarFeed
from finance.planning.detection.models import RecurringCheck, RecurringFinding
from finance.planning.schedules.models import Schedule, ScheduleOccurrence, SchedulePayment
from finance.preferences.models import PayPeriod, SavedView
from finance.reconciliation.models import AccountStatement, LineMark
from finance.reports.models import Dashboard, SavedReport
from finance.rules.models import Rule, RuleApplication, RuleGroup, RuleLog, RuleVersion
from finance.tags.models import EntryTag, Tag
from finance.valuation.models import AssetPlan, AssetValue, ExchangeRate, ReferenceFetch, ReferenceRate, ValuationChoice
from finance.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookSecret

__all__ = [
    "Account",
    "AccountKind",
    "AccountMonth",
    "AccountStatement",
    "AccountType",
    "AssetPlan",
    "AssetValue",
    "Attachment",
    "AttachmentContent",
    "Book",
    "BookDeletion",
    "CalendarFeed",
    "ChainHead",
    "Change",
    "ChangedEntry",
    "Dashboard",
    "EntryTag",
    "EntryTemplate",
    "ExchangeRate",
    "ImportBatch",
    "ImportProfile",
    "ImportRow",
    "ImportStatement",
    "Invitation",
    "JournalEntry",
    "JournalLine",
    "LearnedBook",
    "LearnedEntry",
    "LedgerCheck",
    "LineMark",
    "Membership",
    "MonthRebuild",
    "NotedHead",
    "PayPeriod",
    "Payee",
    "PayeeAlias",
    "PayeeName",
    "PeriodChange",
    "RecurringCheck",
    "RecurringFinding",
    "ReferenceFetch",
    "ReferenceRate",
    "Refund",
    "Role",
    "Rule",
    "RuleApplication",
    "RuleGroup",
    "RuleLog",
    "RuleVersion",
    "SavedReport",
    "SavedView",
    "Schedule",
    "ScheduleOccurrence",
    "SchedulePayment",
    "Seal",
    "Tag",
    "ValuationChoice",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookSecret",
    "WordCount",
]
