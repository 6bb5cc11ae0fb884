"""What happens to accounts and entries."""

import datetime
from dataclasses import dataclass
from typing import ClassVar

from finance.events.base import BookEvent


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
