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
from finance.planning.budgets.models import Assignment, Budget, BudgetAccount, BudgetLine, BudgetShare, LineCarry
from finance.planning.calendars.models import CalendarFeed
from finance.planning.cards.models import CardTerms
from finance.planning.detection.models import RecurringCheck, RecurringFinding
from finance.planning.forecast.models import Forecast, ForecastAccount, ForecastPoint
from finance.planning.goals.models import Goal, GoalMove
from finance.planning.loans.models import Loan, LoanMovement, LoanPayment, LoanRate
from finance.planning.scenarios.models import Scenario, ScenarioStep
from finance.planning.schedules.models import Schedule, ScheduleOccurrence, SchedulePayment
from finance.preferences.models import PayPeriod, SavedView
from finance.receivables.models import (
    BillShare,
    Claim,
    CostGroup,
    GroupMember,
    Invoice,
    InvoicePayment,
    Person,
    PersonAccount,
    RecurringInvoice,
    Settlement,
    SharedBill,
    SplitMethod,
)
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
    "Assignment",
    "Attachment",
    "AttachmentContent",
    "BillShare",
    "Book",
    "BookDeletion",
    "Budget",
    "BudgetAccount",
    "BudgetLine",
    "BudgetShare",
    "CalendarFeed",
    "CardTerms",
    "ChainHead",
    "Change",
    "ChangedEntry",
    "Claim",
    "CostGroup",
    "Dashboard",
    "EntryTag",
    "EntryTemplate",
    "ExchangeRate",
    "Forecast",
    "ForecastAccount",
    "ForecastPoint",
    "Goal",
    "GoalMove",
    "GroupMember",
    "ImportBatch",
    "ImportProfile",
    "ImportRow",
    "ImportStatement",
    "Invitation",
    "Invoice",
    "InvoicePayment",
    "JournalEntry",
    "JournalLine",
    "LearnedBook",
    "LearnedEntry",
    "LedgerCheck",
    "LeftOutAccount",
    "LineCarry",
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
    "Person",
    "PersonAccount",
    "RecurringCheck",
    "RecurringFinding",
    "RecurringInvoice",
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
    "Scenario",
    "ScenarioStep",
    "Schedule",
    "ScheduleOccurrence",
    "SchedulePayment",
    "Seal",
    "Settlement",
    "SharedBill",
    "SplitMethod",
    "Tag",
    "TransferFee",
    "ValuationChoice",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookSecret",
    "WordCount",
]
