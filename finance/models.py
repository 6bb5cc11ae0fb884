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
from finance.ledger.access_models import LeftOutAccount, MemberAccount
from finance.ledger.change_models import Change, ChangedEntry, EntryTemplate
from finance.ledger.deletion_models import BookDeletion
from finance.ledger.fee_models import TransferFee
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
from finance.planning.cards.models import CardTerms
from finance.planning.loans.models import Loan, LoanMovement, LoanPayment, LoanRate
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
    "CardTerms",
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
    "LeftOutAccount",
    "LineMark",
    "Loan",
    "LoanMovement",
    "LoanPayment",
    "LoanRate",
    "MemberAccount",
    "Membership",
    "MonthRebuild",
    "NotedHead",
    "PayPeriod",
    "Payee",
    "PayeeAlias",
    "PayeeName",
    "PeriodChange",
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
    "TransferFee",
    "ValuationChoice",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookSecret",
    "WordCount",
]
