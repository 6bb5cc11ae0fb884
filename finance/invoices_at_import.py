"""Open invoices as imports expect them. A module above the slices, because it joins imports and receivables."""

from functools import partial

from django.utils.translation import gettext as _

from finance.figures import money_text
from finance.imports.expected import Expected
from finance.ledger.models import Account
from finance.receivables.invoicing import names_number
from finance.receivables.selectors import open_invoices

# Each incoming row of a file is compared with each of them; the oldest ones are more likely to be paid.
MOST = 200


def expected_payments(account: Account) -> list[Expected]:
    """The book's open invoices in the account's currency. One query."""
    return [
        Expected(
            account_id=invoice.claim_account_id,
            amount=invoice.open,
            is_named=partial(names_number, number=invoice.number),
            name=invoice.person.name,
            why=_("Invoice %(number)s of %(name)s, %(amount)s open")
            % {
                "number": invoice.number,
                "name": invoice.person.name[:60],
                "amount": money_text(invoice.open, currency=invoice.currency),
            },
        )
        for invoice in open_invoices(book=account.book, currency=account.currency)[:MOST]
        if invoice.claim_account_id is not None
    ]
