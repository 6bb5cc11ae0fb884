"""What people share, owe and are invoiced."""

import datetime
from dataclasses import dataclass
from typing import ClassVar

from finance.events.base import BookEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSaved(BookEvent):
    """A person was added, changed, archived, or given another account."""

    name: ClassVar[str] = "finance.person.saved"
    person_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRemoved(BookEvent):
    """A person was removed."""

    name: ClassVar[str] = "finance.person.removed"
    person_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CostGroupSaved(BookEvent):
    """A cost group was added, changed or archived."""

    name: ClassVar[str] = "finance.cost_group.saved"
    group_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CostGroupRemoved(BookEvent):
    """A cost group was removed."""

    name: ClassVar[str] = "finance.cost_group.removed"
    group_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedBillSaved(BookEvent):
    """A shared bill was added or changed."""

    name: ClassVar[str] = "finance.shared_bill.saved"
    bill_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedBillRemoved(BookEvent):
    """A shared bill was removed; its entry was reversed."""

    name: ClassVar[str] = "finance.shared_bill.removed"
    bill_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementRecorded(BookEvent):
    """A settlement was recorded: paid, passed on, or in another currency."""

    name: ClassVar[str] = "finance.settlement.recorded"
    settlement_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementRemoved(BookEvent):
    """A settlement was removed; its entry was reversed."""

    name: ClassVar[str] = "finance.settlement.removed"
    settlement_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSaved(BookEvent):
    """An amount that a person owes, or is owed, got a day by which it is due."""

    name: ClassVar[str] = "finance.claim.saved"
    claim_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRemoved(BookEvent):
    """The due day of an amount was removed."""

    name: ClassVar[str] = "finance.claim.removed"
    claim_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceSaved(BookEvent):
    """The draft of an invoice was written or changed."""

    name: ClassVar[str] = "finance.invoice.saved"
    invoice_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRemoved(BookEvent):
    """The draft of an invoice was removed."""

    name: ClassVar[str] = "finance.invoice.removed"
    invoice_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceSent(BookEvent):
    """An invoice got its number and was posted."""

    name: ClassVar[str] = "finance.invoice.sent"
    invoice_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaymentsChanged(BookEvent):
    """A payment was linked to an invoice, or is no longer."""

    name: ClassVar[str] = "finance.invoice.payments_changed"
    invoice_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceClosed(BookEvent):
    """An invoice was cancelled or written off; `state` says which."""

    name: ClassVar[str] = "finance.invoice.closed"
    invoice_id: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceReminded(BookEvent):
    """A reminder of an invoice was asked for; it leaves by mail."""

    name: ClassVar[str] = "finance.invoice.reminded"
    invoice_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceReminderAsked(BookEvent):
    """A client is to be reminded of an invoice by mail. `today` is the day in the book's zone; `language` was its asker's."""

    name: ClassVar[str] = "finance.invoice.reminder_asked"
    announced: ClassVar[bool] = False
    invoice_id: int
    today: datetime.date
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurringInvoiceSaved(BookEvent):
    """A recurring invoice was added or changed."""

    name: ClassVar[str] = "finance.recurring_invoice.saved"
    recurring_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurringInvoiceRemoved(BookEvent):
    """A recurring invoice was removed; the invoices that it wrote stay."""

    name: ClassVar[str] = "finance.recurring_invoice.removed"
    recurring_id: int
