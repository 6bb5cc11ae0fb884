"""What must be true of a draft before it is posted, by field."""

from collections.abc import Collection, Mapping

from django.utils.translation import gettext as _

from finance import money
from finance.errors import AccountClosedError, EntryInvalid, EntryUnbalanced, NotFound
from finance.ledger.models import Account, AccountKind, Book
from finance.ledger.posting import EntryDraft, imbalance

MAX_LINES = 1000
# Outside of these the arithmetic of calendars ends: 9999-12-31 has no next day.
FIRST_YEAR, LAST_YEAR = 1900, 2199


def accounts_for_posting(*, book: Book, account_ids: Collection[int]) -> dict[int, Account]:
    """The book's accounts with these ids, held in share mode so that none is closed before the commit."""
    found = Account.objects.raw(
        "SELECT * FROM finance_account WHERE book_id = %s AND id = ANY(%s) ORDER BY id FOR KEY SHARE",
        [book.pk, list(account_ids)],
    )
    return {account.pk: account for account in found}


def check_draft(draft: EntryDraft, accounts: Mapping[int, Account], *, path: str = "") -> None:
    """Raise the first problem of the draft as EntryInvalid, EntryUnbalanced, AccountClosedError or NotFound."""
    check_shape(draft, path=path)
    for index, line in enumerate(draft.lines):
        # Runs for every line of an import: the field's name is put together only when it is needed.
        account = accounts.get(line.account_id)
        if account is None:
            raise NotFound(field=f"{path}lines.{index}.account", thing="account")
        if account.kind == AccountKind.GROUP:
            raise EntryInvalid(
                field=f"{path}lines.{index}.account",
                reason=_("%(name)s only groups other accounts") % {"name": account.name},
            )
        if account.closed_on is not None:
            raise AccountClosedError(field=f"{path}lines.{index}.account", name=account.name)
    off = imbalance((accounts[line.account_id].currency, line.amount) for line in draft.lines)
    if off:
        told = ", ".join(f"{money.format_amount(total, currency=code)} {code}" for code, total in off.items())
        raise EntryUnbalanced(
            field=f"{path}lines", imbalance=_("its lines sum to %(told)s instead of zero") % {"told": told}
        )


def check_shape(draft: EntryDraft, *, path: str = "") -> None:
    """What can be said without the accounts: texts, number of lines, amounts. Raises EntryInvalid."""
    for field, text, limit in (("payee", draft.payee, 200), ("description", draft.description, 500)):
        if len(text) > limit:
            raise EntryInvalid(
                field=f"{path}{field}",
                reason=_("the %(field)s has more than %(limit)s characters") % {"field": _(field), "limit": limit},
            )
        if "\x00" in text:
            raise EntryInvalid(
                field=f"{path}{field}", reason=_("the %(field)s holds a null character") % {"field": _(field)}
            )
    if not FIRST_YEAR <= draft.date.year <= LAST_YEAR:
        raise EntryInvalid(
            field=f"{path}date",
            reason=_("its date is not from %(first_year)s to %(last_year)s")
            % {"first_year": FIRST_YEAR, "last_year": LAST_YEAR},
        )
    if not 2 <= len(draft.lines) <= MAX_LINES:
        raise EntryInvalid(
            field=f"{path}lines", reason=_("it needs 2 to %(max_lines)s lines") % {"max_lines": MAX_LINES}
        )
    for index, line in enumerate(draft.lines):
        if line.amount == 0:
            raise EntryInvalid(field=f"{path}lines.{index}.amount", reason=_("a line cannot be zero"))
        if abs(line.amount) > money.MAX_MINOR_UNITS:
            raise EntryInvalid(field=f"{path}lines.{index}.amount", reason=_("an amount is too large"))
        if len(line.memo) > 200 or "\x00" in line.memo:
            raise EntryInvalid(
                field=f"{path}lines.{index}.memo", reason=_("a memo has at most 200 characters and no null")
            )
