"""Terms of cards: set, changed and removed. Nothing of them is posted."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import Conflict, Invalid, NotFound
from finance.events.plans import CardTermsRemoved, CardTermsSaved
from finance.ledger.models import Account, AccountKind, AccountType, Book
from finance.periods import WeekendShift
from finance.planning.cards.cycles import Mode
from finance.planning.cards.models import CardTerms
from finance.planning.cards.selectors import cycle_of
from identity.models import User
from platform_outbox.emit import emit

FIELDS = ("closing_day", "due_day", "shift", "pays_from", "mode", "percent", "amount")


@transaction.atomic
def add_card(*, book: Book, actor: User | None, account: Account, **given: Any) -> CardTerms:
    """Say how a card is paid. `given` are FIELDS; closing_day and due_day are needed, a card is paid in full otherwise.

    Raises Invalid, which names the field, and Conflict where the card has terms.
    """
    if account.type != AccountType.LIABILITY or account.kind == AccountKind.GROUP:
        raise Invalid(field="account", reason=_("Only an account that owes has statements; choose a card."))
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if CardTerms.objects.filter(book=book, account=account).exists():
        raise Conflict(field="account", reason=_("%(name)s has terms already; change them.") % {"name": account.name})
    terms = CardTerms(book=book, account=account, shift=WeekendShift.NONE.value, mode=Mode.FULL.value)
    return _save(terms, actor, given)


@transaction.atomic
def change_card(*, terms: CardTerms, actor: User | None, **changes: Any) -> CardTerms:
    """Change the terms. Raises as add_card does."""
    CardTerms.objects.select_for_update().get(pk=terms.pk)
    return _save(terms, actor, changes)


@transaction.atomic
def remove_card(*, terms: CardTerms, actor: User | None) -> None:
    """Forget the terms; the card and its entries stay."""
    terms.delete()
    emit(CardTermsRemoved(book_id=terms.book_id, account_id=terms.account_id))


def _save(terms: CardTerms, actor: User | None, given: dict[str, Any]) -> CardTerms:
    for name, value in given.items():
        if name not in FIELDS:
            raise TypeError(f"terms of a card have no {name}")
        setattr(terms, name, value)
    for name, choices in (("shift", WeekendShift), ("mode", Mode)):
        if getattr(terms, name) not in set(choices):
            said = {"value": getattr(terms, name), "names": ", ".join(each.value for each in choices)}
            raise Invalid(field=name, reason=_("%(value)s is none of %(names)s.") % said)
    source = terms.pays_from
    if source is not None:
        if source.book_id != terms.book_id:
            raise NotFound(field="pays_from", thing="account")
        if source.type != AccountType.ASSET or source.kind == AccountKind.GROUP:
            raise Invalid(field="pays_from", reason=_("A card is paid from an account that holds money."))
        if source.currency != terms.account.currency:
            reason = _("%(name)s is in %(other)s, the card in %(currency)s.")
            said = {"name": source.name, "other": source.currency, "currency": terms.account.currency}
            raise Invalid(field="pays_from", reason=reason % said)
    cycle_of(terms)
    terms.saved_by = actor
    terms.save()
    emit(CardTermsSaved(book_id=terms.book_id, account_id=terms.account_id))
    return terms
