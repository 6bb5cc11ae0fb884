"""Every event that finance emits. Names are past tense; payloads carry ids and dates, never amounts or names."""

import datetime
from dataclasses import dataclass
from typing import ClassVar

from platform_outbox.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class BookEvent(Event):
    """Base: all events of one book are handled in the order in which they happened."""

    # Whether webhooks can be told of it.
    announced: ClassVar[bool] = True
    book_id: int

    @property
    def ordering_key(self) -> str:
        return f"book:{self.book_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookCreated(BookEvent):
    """A book was opened, with the accounts of its template."""

    name: ClassVar[str] = "finance.book.created"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRenamed(BookEvent):
    """A book was renamed."""

    name: ClassVar[str] = "finance.book.renamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookTimeZoneChanged(BookEvent):
    """A book's time zone was changed."""

    name: ClassVar[str] = "finance.book.time_zone_changed"
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BookHolidaysChanged(BookEvent):
    """A book was given the region whose public holidays its schedules keep off; an empty one: weekends only."""

    name: ClassVar[str] = "finance.book.holidays_changed"
    holidays: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BookDeleted(BookEvent):
    """A book was deleted: hidden, and restorable until its grace is over. Not sent to webhooks, which are silent from then on."""

    name: ClassVar[str] = "finance.book.deleted"
    announced: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRestored(BookEvent):
    """The deletion of a book was taken back."""

    name: ClassVar[str] = "finance.book.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookErased(BookEvent):
    """All that a deleted book held was erased. Not sent to webhooks, which were erased with it."""

    name: ClassVar[str] = "finance.book.erased"
    announced: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BookErasureDue(Event):
    """A deleted book is to be erased without waiting for the periodic job. Internal: not sent to webhooks."""

    name: ClassVar[str] = "finance.book.erasure_due"
    # Of the book. Not called so: events of the book are forgotten while this one is handled.
    erase_id: int

    @property
    def ordering_key(self) -> str:
        return f"erasure:{self.erase_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookDeletionNotice(Event):
    """A member is to be told by mail that a book was deleted or restored. Internal: not sent to webhooks."""

    name: ClassVar[str] = "finance.book.deletion_notice"
    book_id: int
    user_id: int
    actor_id: int
    deleted: bool
    base_url: str
    language: str

    @property
    def ordering_key(self) -> str:
        return f"deletion notice:{self.book_id}:{self.user_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberInvited(BookEvent):
    """Somebody was invited to the book by e-mail."""

    name: ClassVar[str] = "finance.member.invited"
    invitation_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationIssued(Event):
    """An invitation is to be mailed. Its link is made when the mail is written."""

    name: ClassVar[str] = "finance.invitation.issued"
    invitation_id: int
    base_url: str
    language: str

    @property
    def ordering_key(self) -> str:
        return f"invitation:{self.invitation_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberJoined(BookEvent):
    """A user became a member of the book."""

    name: ClassVar[str] = "finance.member.joined"
    user_id: int
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRoleChanged(BookEvent):
    """A member's role was changed."""

    name: ClassVar[str] = "finance.member.role_changed"
    user_id: int
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAccountsChanged(BookEvent):
    """An owner changed which accounts a member sees."""

    name: ClassVar[str] = "finance.member.accounts_changed"
    user_id: int
    sees_all: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFiguresChanged(BookEvent):
    """A member changed which accounts they leave out of their own figures."""

    name: ClassVar[str] = "finance.member.own_figures_changed"
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRemoved(BookEvent):
    """A member lost access to the book."""

    name: ClassVar[str] = "finance.member.removed"
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOpened(BookEvent):
    """An account was opened."""

    name: ClassVar[str] = "finance.account.opened"
    account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRenamed(BookEvent):
    """An account was renamed."""

    name: ClassVar[str] = "finance.account.renamed"
    account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountMoved(BookEvent):
    """An account was moved to another parent."""

    name: ClassVar[str] = "finance.account.moved"
    account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountClosed(BookEvent):
    """An account was closed and takes no more postings."""

    name: ClassVar[str] = "finance.account.closed"
    account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPosted(BookEvent):
    """Entries were posted: one, or up to 500 of a bulk posting."""

    name: ClassVar[str] = "finance.journal.posted"
    entry_ids: tuple[int, ...]
    source: str

    @property
    def recorded(self) -> tuple[int, ...]:
        """The new entries."""
        return self.entry_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalReversed(BookEvent):
    """An entry was cancelled by its opposite."""

    name: ClassVar[str] = "finance.journal.reversed"
    entry_id: int
    reversal_id: int

    @property
    def recorded(self) -> tuple[int, ...]:
        """The new entries."""
        return (self.reversal_id,)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalCorrected(BookEvent):
    """An entry was reversed and replaced."""

    name: ClassVar[str] = "finance.journal.corrected"
    entry_id: int
    reversal_id: int
    replacement_id: int

    @property
    def recorded(self) -> tuple[int, ...]:
        """The new entries."""
        return (self.reversal_id, self.replacement_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMade(BookEvent):
    """Somebody edited, deleted or tagged entries, or merged payees; each entry has its own event as well."""

    name: ClassVar[str] = "finance.change.made"
    change_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeUndone(BookEvent):
    """A change was undone by another change, `undo_id`; each entry has its own event as well."""

    name: ClassVar[str] = "finance.change.undone"
    change_id: int
    undo_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryTemplateSaved(BookEvent):
    """An entry was saved as a template, or a template was replaced."""

    name: ClassVar[str] = "finance.entry_template.saved"
    template_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryTemplateRemoved(BookEvent):
    """A template of entries was removed."""

    name: ClassVar[str] = "finance.entry_template.removed"
    template_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFeeSaved(BookEvent):
    """An account got a fee for transfers out of it, or another one."""

    name: ClassVar[str] = "finance.transfer_fee.saved"
    account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFeeRemoved(BookEvent):
    """The fee for transfers out of an account was removed."""

    name: ClassVar[str] = "finance.transfer_fee.removed"
    account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodClosed(BookEvent):
    """A period was closed: nothing more can be posted on or before the date."""

    name: ClassVar[str] = "finance.period.closed"
    through: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodReopened(BookEvent):
    """The book was opened again; it is now closed through the date, or not at all."""

    name: ClassVar[str] = "finance.period.reopened"
    through: datetime.date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReceived(Event):
    """A bank file waits to be read, for the first time or with its columns corrected. Internal: not sent to webhooks."""

    name: ClassVar[str] = "finance.import.received"
    import_id: int

    @property
    def ordering_key(self) -> str:
        return f"import:{self.import_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStaged(BookEvent):
    """A bank file was read; its rows wait for confirmation."""

    name: ClassVar[str] = "finance.import.staged"
    import_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportConfirmed(BookEvent):
    """The rows of a bank file were posted."""

    name: ClassVar[str] = "finance.import.confirmed"
    import_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportUndone(BookEvent):
    """An import was undone: its unchanged entries were reversed."""

    name: ClassVar[str] = "finance.import.undone"
    import_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSaved(BookEvent):
    """A rule was added or changed; each save is a version of its own."""

    name: ClassVar[str] = "finance.rule.saved"
    rule_id: int
    rule_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRemoved(BookEvent):
    """A rule was removed."""

    name: ClassVar[str] = "finance.rule.removed"
    rule_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesReordered(BookEvent):
    """The order of the rules changed, or which of them are switched on."""

    name: ClassVar[str] = "finance.rules.reordered"


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesApplied(BookEvent):
    """Rules were applied to entries of the past; each corrected entry has its own event as well."""

    name: ClassVar[str] = "finance.rules.applied"
    application_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementAdded(BookEvent):
    """A bank's statement of an account was added, to be reconciled."""

    name: ClassVar[str] = "finance.statement.added"
    statement_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementChanged(BookEvent):
    """The period or a balance of a statement was corrected, or its difference was posted."""

    name: ClassVar[str] = "finance.statement.changed"
    statement_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRowsChanged(BookEvent):
    """Rows were put on a statement, or taken off it."""

    name: ClassVar[str] = "finance.statement.rows_changed"
    statement_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementReconciled(BookEvent):
    """A statement was finished: its rows explain its closing balance."""

    name: ClassVar[str] = "finance.statement.reconciled"
    statement_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementReopened(BookEvent):
    """A reconciled statement was opened again, by hand or because one of its rows was changed."""

    name: ClassVar[str] = "finance.statement.reopened"
    statement_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRemoved(BookEvent):
    """A statement was removed; its rows stay cleared."""

    name: ClassVar[str] = "finance.statement.removed"
    statement_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesMarked(BookEvent):
    """Rows of an account were marked as known to the bank, or not any more."""

    name: ClassVar[str] = "finance.lines.marked"
    account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSaved(BookEvent):
    """A tag was made, renamed or given another colour."""

    name: ClassVar[str] = "finance.tag.saved"
    tag_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TagsMerged(BookEvent):
    """A tag was merged into another: its entries have the other one, and it was removed."""

    name: ClassVar[str] = "finance.tag.merged"
    tag_id: int
    into_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRemoved(BookEvent):
    """A tag was taken off every entry and removed."""

    name: ClassVar[str] = "finance.tag.removed"
    tag_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesTagged(BookEvent):
    """Tags were put on entries or taken off: on one, or up to 500. An entry is named by its first version."""

    name: ClassVar[str] = "finance.entries.tagged"
    entry_ids: tuple[int, ...]
    added: tuple[int, ...]
    removed: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PayeeSaved(BookEvent):
    """A payee was added, renamed, or given other aliases or another usual category."""

    name: ClassVar[str] = "finance.payee.saved"
    payee_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PayeesMerged(BookEvent):
    """A payee was merged into another: its names are aliases of the other one, and it was removed."""

    name: ClassVar[str] = "finance.payee.merged"
    payee_id: int
    into_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PayeeRemoved(BookEvent):
    """A payee was removed with its aliases; entries keep their payee."""

    name: ClassVar[str] = "finance.payee.removed"
    payee_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentAdded(BookEvent):
    """A file was attached to an entry."""

    name: ClassVar[str] = "finance.attachment.added"
    attachment_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentRemoved(BookEvent):
    """A file was taken off an entry."""

    name: ClassVar[str] = "finance.attachment.removed"
    attachment_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundLinked(BookEvent):
    """An entry was linked to the purchase that it gives back. Both are named by their first versions."""

    name: ClassVar[str] = "finance.refund.linked"
    refund_id: int
    purchase_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundUnlinked(BookEvent):
    """An entry no longer counts as giving a purchase back."""

    name: ClassVar[str] = "finance.refund.unlinked"
    refund_id: int
    purchase_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBegan(BookEvent):
    """A day began in the book's time zone. Days on which no worker ran are skipped."""

    name: ClassVar[str] = "finance.day.began"
    date: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastAccountSet(BookEvent):
    """The least balance of an account in the forecast was set, or the account was left out of it or taken in."""

    name: ClassVar[str] = "finance.forecast.account_set"
    account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastMade(BookEvent):
    """The forecast of a day was made and kept."""

    name: ClassVar[str] = "finance.forecast.made"
    forecast_id: int
    date: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastScored(BookEvent):
    """Figures of earlier forecasts were compared with what came."""

    name: ClassVar[str] = "finance.forecast.scored"
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalSaved(BookEvent):
    """A goal was made, changed, closed or opened again."""

    name: ClassVar[str] = "finance.goal.saved"
    goal_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalRemoved(BookEvent):
    """A goal was removed with its records."""

    name: ClassVar[str] = "finance.goal.removed"
    goal_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalMoved(BookEvent):
    """Money was set aside for a goal, or released."""

    name: ClassVar[str] = "finance.goal.moved"
    goal_id: int
    move_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioSaved(BookEvent):
    """A scenario was made, or it or its steps changed."""

    name: ClassVar[str] = "finance.scenario.saved"
    scenario_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioRemoved(BookEvent):
    """A scenario was removed."""

    name: ClassVar[str] = "finance.scenario.removed"
    scenario_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioPromoted(BookEvent):
    """The steps of a scenario were put into the plan."""

    name: ClassVar[str] = "finance.scenario.promoted"
    scenario_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAdded(BookEvent):
    """A webhook was added; it gets the book's events from now on."""

    name: ClassVar[str] = "finance.webhook.added"
    webhook_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookChanged(BookEvent):
    """A webhook's address, description, events or secret changed, or it was switched on."""

    name: ClassVar[str] = "finance.webhook.changed"
    webhook_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookStopped(BookEvent):
    """A webhook was switched off: by hand, after days of failure, or because its address is gone."""

    name: ClassVar[str] = "finance.webhook.stopped"
    webhook_id: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRemoved(BookEvent):
    """A webhook was removed, with its log."""

    name: ClassVar[str] = "finance.webhook.removed"
    webhook_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookQueued(Event):
    """A message waits to be sent to a webhook. Internal: not sent to webhooks."""

    name: ClassVar[str] = "finance.webhook.queued"
    book_id: int
    webhook_id: int
    delivery_id: int
    host: str  # who is called

    @property
    def ordering_key(self) -> str:
        return f"webhook:{self.webhook_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayPeriodSet(BookEvent):
    """The book's pay period was set, changed or removed."""

    name: ClassVar[str] = "finance.book.pay_period_set"


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSaved(BookEvent):
    """A view of a register was saved, or changed."""

    name: ClassVar[str] = "finance.view.saved"
    view_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRemoved(BookEvent):
    """A saved view was removed."""

    name: ClassVar[str] = "finance.view.removed"
    view_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSaved(BookEvent):
    """An exchange rate was added or changed by hand."""

    name: ClassVar[str] = "finance.rate.saved"
    rate_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRemoved(BookEvent):
    """An exchange rate was removed."""

    name: ClassVar[str] = "finance.rate.removed"
    rate_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesImported(BookEvent):
    """Exchange rates were read from a file; they are of days from the first to the last."""

    name: ClassVar[str] = "finance.rates.imported"
    first: datetime.date
    last: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesChosen(BookEvent):
    """It was chosen which rates the book uses."""

    name: ClassVar[str] = "finance.rates.chosen"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetValued(BookEvent):
    """The value or the depreciation of a valuable was recorded, changed or removed; the entries have their own events."""

    name: ClassVar[str] = "finance.asset.valued"
    account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanSaved(BookEvent):
    """A loan was added, or its terms, rates, extra payments or drawdowns changed."""

    name: ClassVar[str] = "finance.loan.saved"
    loan_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanRemoved(BookEvent):
    """A loan was removed from the plan; its entries stay."""

    name: ClassVar[str] = "finance.loan.removed"
    loan_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanPaid(BookEvent):
    """The instalment of a loan that is due on that day was paid by an entry."""

    name: ClassVar[str] = "finance.loan.paid"
    loan_id: int
    entry_id: int
    due: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanPaymentUnlinked(BookEvent):
    """The instalment of a loan that is due on that day counts as unpaid again; the entry stays."""

    name: ClassVar[str] = "finance.loan.payment_unlinked"
    loan_id: int
    due: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTermsSaved(BookEvent):
    """When a card's statements close and how they are paid was set or changed."""

    name: ClassVar[str] = "finance.card_terms.saved"
    account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTermsRemoved(BookEvent):
    """The terms of a card were removed."""

    name: ClassVar[str] = "finance.card_terms.removed"
    account_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRatesDue(Event):
    """Published exchange rates are to be fetched. Internal: not sent to webhooks."""

    name: ClassVar[str] = "finance.reference_rates.due"
    source: str
    host: str  # who is called

    @property
    def ordering_key(self) -> str:
        return f"rates:{self.source}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSaved(BookEvent):
    """A report was saved by a name, or a saved one renamed."""

    name: ClassVar[str] = "finance.report.saved"
    report_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRemoved(BookEvent):
    """A saved report was removed."""

    name: ClassVar[str] = "finance.report.removed"
    report_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardChanged(BookEvent):
    """A member chose or ordered the cards of their overview."""

    name: ClassVar[str] = "finance.dashboard.changed"
    user_id: int


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
    """A reminder of an invoice was sent by mail."""

    name: ClassVar[str] = "finance.invoice.reminded"
    invoice_id: int


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSaved(BookEvent):
    """A schedule was added, changed or ended."""

    name: ClassVar[str] = "finance.schedule.saved"
    schedule_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRemoved(BookEvent):
    """A schedule was removed; entries that paid it stay."""

    name: ClassVar[str] = "finance.schedule.removed"
    schedule_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleOccurrenceChanged(BookEvent):
    """An occurrence of a schedule was skipped, moved, paid, or opened again. It is known by its nominal date."""

    name: ClassVar[str] = "finance.schedule.occurrence_changed"
    schedule_id: int
    nominal: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSaved(BookEvent):
    """A budget was made or changed."""

    name: ClassVar[str] = "finance.budget.saved"
    budget_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRemoved(BookEvent):
    """A budget was removed, with its lines and their records."""

    name: ClassVar[str] = "finance.budget.removed"
    budget_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLineSaved(BookEvent):
    """A line of a budget was added or changed: its target, what it carries over, or whether it is closed."""

    name: ClassVar[str] = "finance.budget_line.saved"
    budget_id: int
    line_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLineRemoved(BookEvent):
    """A line of a budget that had no records was removed."""

    name: ClassVar[str] = "finance.budget_line.removed"
    budget_id: int
    line_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetAssigned(BookEvent):
    """Amounts of one period were given to lines of a budget or moved between them, all together."""

    name: ClassVar[str] = "finance.budget.assigned"
    budget_id: int
    period: datetime.date
    line_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurringFound(BookEvent):
    """A series of payments was found in the history, and is offered as a schedule."""

    name: ClassVar[str] = "finance.recurring.found"
    finding_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurringDecided(BookEvent):
    """A series that was found was made a schedule, dismissed, or offered again."""

    name: ClassVar[str] = "finance.recurring.decided"
    finding_id: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurringDue(Event):
    """All of a book is to be looked at for recurring payments. Internal: not sent to webhooks."""

    name: ClassVar[str] = "finance.recurring.due"
    look_id: int  # number of the book; not `book_id`, so that other events of the book do not wait

    @property
    def ordering_key(self) -> str:
        return f"recurring:{self.look_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFeedChanged(BookEvent):
    """A member made, changed or revoked the address of their calendar."""

    name: ClassVar[str] = "finance.calendar_feed.changed"
    user_id: int
