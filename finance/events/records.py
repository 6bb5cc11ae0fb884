"""What comes beside entries: imports, rules, statements, tags, payees, receipts, refunds."""

from dataclasses import dataclass
from typing import ClassVar

from finance.events.base import BookEvent
from platform_outbox.events import Event


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
