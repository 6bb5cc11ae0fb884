"""What can go wrong in the books. An error's docstring is its message, said in the reader's language; `code` is its name
in the API."""

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

from core.texts import gettext


class FinanceError(Exception):
    """The request could not be carried out."""

    code: ClassVar[str] = "finance_error"

    def __init__(self, *, field: str | None = None, fields: Mapping[str, str] | None = None, **facts: Any) -> None:
        self.facts = facts
        self.detail = gettext(inspect.cleandoc(type(self).__doc__ or "")).format(**facts, field=field)
        self.fields: dict[str, str] = dict(fields or {})
        if field is not None:
            self.fields.setdefault(field, self.detail)
        super().__init__(self.detail)


class NotFound(FinanceError):
    """No such {thing} in this book."""

    code = "not_found"

    def __init__(self, *, thing: str = "", field: str | None = None) -> None:
        super().__init__(thing=gettext(thing) if thing else "", field=field)


class Forbidden(FinanceError):
    """Your role in this book does not allow this."""

    code = "forbidden"


class PartlyHidden(Forbidden):
    """You see some accounts of this book; this page is about all of it."""

    code = "partly_hidden"


class Conflict(FinanceError):
    """{reason}"""

    code = "conflict"


class Invalid(FinanceError):
    """{reason}"""

    code = "invalid"


class ReportTooLong(Invalid):
    """{reason}"""

    code = "report_too_long"


class AmountInvalid(FinanceError):
    """The amount {reason}."""

    code = "amount_invalid"


class CurrencyUnknown(FinanceError):
    """{currency} is not a known currency code."""

    code = "currency_unknown"


class EntryInvalid(FinanceError):
    """The entry cannot be posted: {reason}."""

    code = "entry_invalid"


class EntryUnbalanced(EntryInvalid):
    """The entry does not balance: {imbalance}."""

    code = "entry_unbalanced"


class PeriodClosedError(FinanceError):
    """The books are closed through {closed_through}; {date} cannot be posted to."""

    code = "period_closed"


class AlreadyReversed(FinanceError):
    """This entry has already been reversed."""

    code = "already_reversed"


class ReconciledRow(Conflict):
    """{reason}"""

    code = "reconciled"


class ChangedSince(Conflict):
    """This cannot be undone as a whole: {count} of its entries were changed since."""

    code = "changed_since"


class AccountClosedError(FinanceError):
    """The account {name} is closed."""

    code = "account_closed"


class AccountNameTaken(FinanceError):
    """There is already an account named {name} at this place in the tree."""

    code = "account_name_taken"


class StatementUnreadable(FinanceError):
    """{reason}"""

    code = "statement_unreadable"


class BookUnreadable(FinanceError):
    """{reason}"""

    code = "book_unreadable"


class BookDiffers(FinanceError):
    """{count} balances differ between the file and the new book, so nothing was created. The report names each."""

    code = "book_differs"
