"""What an entry says once one thing about it is changed, without a database."""

import datetime
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace

from django.utils.translation import gettext as _

from finance.ledger.models import Account, AccountKind, AccountType, JournalEntry, JournalLine
from finance.ledger.posting import EntryDraft, LineDraft

CATEGORIES = frozenset({AccountType.EXPENSE, AccountType.INCOME})


class Kept(Exception):
    """The entry stays as it is; the message says why, to a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What to change of an entry; None leaves it as it is.

    `account` replaces the category (or the other side). `amount` is what the chosen line comes to, in signed
    minor units; where no line is chosen it is the size, and the direction stays.
    """

    account: Account | None = None
    payee: str | None = None
    description: str | None = None
    date: datetime.date | None = None
    shift_days: int | None = None
    amount: int | None = None

    def asked(self) -> dict[str, object]:
        """The fields that are to change, as JSON."""
        return {
            field.name: value.pk if isinstance(value, Account) else value.isoformat() if isinstance(value, datetime.date) else value
            for field in fields(self)
            if (value := getattr(self, field.name)) is not None
        }  # fmt: skip


def draft_as_it_is(entry: JournalEntry, lines: Sequence[JournalLine]) -> EntryDraft:
    """The draft that would post the same again."""
    return EntryDraft(
        date=entry.date, payee=entry.payee, description=entry.description,
        lines=[LineDraft(account_id=line.account_id, amount=line.amount, memo=line.memo) for line in lines],
    )  # fmt: skip


def revised(entry: JournalEntry, lines: Sequence[JournalLine], *, chosen: Collection[int], edit: Edit) -> EntryDraft:
    """The entry with the edit carried out. `lines` are in order, with their accounts; `chosen` are positions of lines.

    Raises Kept where the edit does not say what would have to change, as a category of several parts.
    """
    draft = draft_as_it_is(entry, lines)
    drafts = list(draft.lines)
    if edit.account is not None:
        for index in parts_of(lines, chosen):
            if lines[index].currency != edit.account.currency:
                raise Kept(
                    _("%(name)s is kept in %(currency)s.") % {"name": edit.account.name, "currency": edit.account.currency}
                )  # fmt: skip
            drafts[index] = replace(drafts[index], account_id=edit.account.pk)
        if any(line.account_id == edit.account.pk for line in lines if line.account.type not in CATEGORIES):
            raise Kept(_("The money is in this account already."))
    if edit.amount is not None:
        drafts = _resized(lines, drafts, chosen, edit.amount)
    return replace(
        draft,
        lines=drafts,
        payee=draft.payee if edit.payee is None else edit.payee,
        description=draft.description if edit.description is None else edit.description,
        date=_moved(entry.date, edit),
    )


def _moved(date: datetime.date, edit: Edit) -> datetime.date:
    if edit.date is not None:
        return edit.date
    try:
        return date + datetime.timedelta(days=edit.shift_days or 0)
    except OverflowError as error:
        raise Kept(_("There is no such date.")) from error


def parts_of(lines: Sequence[JournalLine], chosen: Collection[int]) -> list[int]:
    """Indexes of the lines whose account is to be another."""
    real = [index for index, line in enumerate(lines) if line.account.kind != AccountKind.TRADING]
    mine = [index for index in real if lines[index].position in chosen]
    parts = [index for index in mine if lines[index].account.type in CATEGORIES]
    if not parts and mine:
        parts = [index for index in real if index not in mine]
    elif not parts:
        parts = [index for index in real if lines[index].account.type in CATEGORIES]
        if not parts:
            raise Kept(_("It moves money between your own accounts and has no category."))
        if len(real) > len(parts) + 1:
            raise Kept(_("It has several parts; choose one of them."))
    if len(parts) > 1 and len(parts) != len([index for index in mine if index in parts]):
        raise Kept(_("It has several parts; choose one of them."))
    if any(lines[index].account.kind == AccountKind.OPENING for index in parts):
        raise Kept(_("It is an opening balance and has no category."))
    return parts


def _resized(
    lines: Sequence[JournalLine], drafts: list[LineDraft], chosen: Collection[int], amount: int
) -> list[LineDraft]:
    if len(lines) != 2 or lines[0].currency != lines[1].currency:
        raise Kept(_("It has several parts; change its amounts in its form."))
    own = next((index for index, line in enumerate(lines) if line.position in chosen), None)
    if own is None:
        own = 0
        amount = abs(amount) if lines[0].amount > 0 else -abs(amount)
    return [replace(each, amount=amount if index == own else -amount) for index, each in enumerate(drafts)]
