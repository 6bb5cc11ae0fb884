"""Transfers between own accounts with what the bank takes for them, and the rules of those fees."""

import dataclasses
import datetime
import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from finance.errors import Conflict, EntryInvalid, Invalid
from finance.events.journal import TransferFeeRemoved, TransferFeeSaved
from finance.ledger.fee_models import TransferFee
from finance.ledger.models import Account, AccountKind, AccountType, Book, JournalEntry
from finance.ledger.posting import LineDraft
from finance.ledger.services.entries import post_entry
from finance.ledger.services.exchanges import exchange
from finance.ledger.transfer_fees import PER_CENT, FeeRule
from identity.models import User
from platform_outbox.emit import emit

_HOLDINGS = (AccountType.ASSET, AccountType.LIABILITY)


@transaction.atomic
def save_transfer_fee(
    *, account: Account, actor: User | None, category: Account, rule: FeeRule, fee: TransferFee | None = None
) -> TransferFee:
    """Give the account a fee for transfers, or replace `fee`. Entries that were posted stay as they are.

    Raises Invalid (account, category, or the part of the rule), Conflict (the account has one already).
    """
    check_transfer_fee(account=account, category=category, rule=rule)
    fee = fee or TransferFee(book=account.book)
    fee.account, fee.category, fee.saved_by = account, category, actor
    for name, value in dataclasses.asdict(rule).items():
        setattr(fee, name, value)
    try:
        with transaction.atomic():
            fee.save()
    except IntegrityError as error:
        raise Conflict(field="account", reason=_("This account has a transfer fee already; change that.")) from error
    emit(TransferFeeSaved(book_id=account.book_id, account_id=account.pk))
    return fee


def check_transfer_fee(*, account: Account, category: Account, rule: FeeRule) -> None:
    """Raises Invalid for an account or a category that cannot have it, and for a rule that contradicts itself."""
    if account.type not in _HOLDINGS or account.kind == AccountKind.GROUP:
        raise Invalid(
            field="account", reason=_("Transfers leave an account that holds money; “%(name)s” does not.") % {"name": account.name}
        )  # fmt: skip
    if category.type != AccountType.EXPENSE or category.kind == AccountKind.GROUP:
        raise Invalid(
            field="category", reason=_("A fee is booked as an expense; “%(name)s” is none.") % {"name": category.name}
        )
    if category.currency != account.currency:
        raise Invalid(
            field="category",
            reason=_("%(name)s is kept in %(currency)s; the fee leaves an account in %(other)s.")
            % {"name": category.name, "currency": category.currency, "other": account.currency},
        )
    _check_rule(rule)


def _check_rule(rule: FeeRule) -> None:
    for name, value in dataclasses.asdict(rule).items():
        if value is not None and value < 0:
            raise Invalid(field="percent" if name == "share" else name, reason=_("A fee is not below zero."))
    if rule.fixed is None and rule.share is None:
        raise Invalid(field="fixed", reason=_("Give a fixed fee, a percentage, or both."))
    if rule.fixed is None and rule.fixed_up_to is not None:
        raise Invalid(field="fixed", reason=_("Which fixed fee is it up to that amount?"))
    if rule.share is not None and not 0 < rule.share <= 100 * PER_CENT:
        raise Invalid(field="percent", reason=_("A percentage is above 0 and at most 100."))
    if rule.fixed is not None and rule.share is not None and rule.fixed_up_to is None:
        raise Invalid(
            field="fixed_up_to", reason=_("Up to which amount is the fee fixed? Above it the percentage counts.")
        )
    for name in ("minimum", "maximum"):
        if rule.share is None and getattr(rule, name) is not None:
            raise Invalid(field=name, reason=_("This limits a percentage, and there is none."))
    if rule.minimum is not None and rule.maximum is not None and rule.minimum > rule.maximum:
        raise Invalid(field="maximum", reason=_("The largest fee is below the smallest one."))


@transaction.atomic
def remove_transfer_fee(*, fee: TransferFee) -> None:
    """Remove the fee of an account; entries that were posted with it stay."""
    emit(TransferFeeRemoved(book_id=fee.book_id, account_id=fee.account_id))
    fee.delete()


@transaction.atomic
def transfer(
    *,
    book: Book,
    actor: User | None,
    date: datetime.date,
    source_account: Account,
    target_account: Account,
    amount: int,
    target_amount: int | None = None,
    fee: int = 0,
    fee_category: Account | None = None,
    payee: str = "",
    description: str = "",
    uid: uuid.UUID | None = None,
    source: str = JournalEntry.Source.MANUAL,
) -> JournalEntry:
    """Move `amount` between two own accounts; what the bank takes on top is part of the same entry.

    All in positive minor units; `target_amount` is what arrives where the currencies differ. Raises EntryInvalid and
    what post_entry raises.
    """
    for field, account in (("source_account", source_account), ("target_account", target_account)):
        if account.type not in _HOLDINGS:
            raise EntryInvalid(field=field, reason=_("a transfer goes between accounts that hold money"))
    if source_account == target_account:
        raise EntryInvalid(field="target_account", reason=_("this is the same account"))
    if amount <= 0:
        raise EntryInvalid(field="amount", reason=_("the amount must be positive"))
    if fee < 0:
        raise EntryInvalid(field="fee", reason=_("a fee is not below zero"))
    if fee and fee_category is None:
        raise EntryInvalid(field="fee_category", reason=_("what is the fee booked as?"))
    same = source_account.currency == target_account.currency
    if same != (target_amount is None):
        reason = _("both accounts are kept in the same currency") if same else _("the currencies differ: what arrived?")
        raise EntryInvalid(field="target_amount", reason=reason)
    words: dict[str, Any] = {
        "book": book,
        "actor": actor,
        "date": date,
        "payee": payee,
        "description": description,
        "uid": uid,
    }
    taken = [LineDraft(account_id=fee_category.pk, amount=fee)] if fee_category is not None and fee else []
    if target_amount is not None:
        extra = [*taken, LineDraft(account_id=source_account.pk, amount=-fee)] if taken else []
        return exchange(
            **words, source_account=source_account, source_amount=amount, target_account=target_account,
            target_amount=target_amount, extra=extra,
        )  # fmt: skip
    lines = [
        LineDraft(account_id=target_account.pk, amount=amount),
        *taken,
        LineDraft(account_id=source_account.pk, amount=-amount - (fee if taken else 0)),
    ]
    return post_entry(**words, lines=lines, source=source)
