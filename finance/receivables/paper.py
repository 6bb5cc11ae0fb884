"""Invoices as PDF: the template `invoice.typ` beside this module, set by Typst with its own fonts.

The template gets strings, as JSON, and sets them as they are: what people wrote is never read as markup or code. It can read
no other file, and nothing is fetched. Letters outside of Latin, Greek and Cyrillic are not in its font.
"""

import datetime
import json
from decimal import Decimal
from pathlib import Path

from django.http import HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core.formatting import date_text, number_text
from finance.figures import amount_text, money_text
from finance.receivables import services
from finance.receivables.models import Invoice

TEMPLATE = Path(__file__).with_name("invoice.typ")


def paper_of(invoice: Invoice) -> dict[str, object]:
    """What stands on the paper, as the template takes it: texts, amounts and dates in the active language."""
    currency, totals = invoice.currency, services.totals(invoice)

    def plain(value: Decimal) -> str:
        return number_text(value, places=max(0, -int(value.normalize().as_tuple().exponent)))

    title = _("Invoice %(number)s") % {"number": invoice.number} if invoice.number else _("Draft of an invoice")
    if invoice.state == Invoice.State.CANCELLED:
        title = f"{title} ({_('cancelled')})"
    facts = []
    if invoice.issued_on:
        facts.append(_("Date: %(day)s") % {"day": date_text(invoice.issued_on, form="long")})
    if invoice.due_on and invoice.state != Invoice.State.CANCELLED:
        facts.append(_("Please pay by %(day)s.") % {"day": date_text(invoice.due_on, form="long")})
    taxes = [
        [
            _("%(rate)s %% tax on %(net)s")
            % {"rate": plain(each.rate), "net": money_text(each.net, currency=currency)},
            money_text(each.tax, currency=currency),
        ]
        for each in totals.taxes
        if each.rate
    ]
    sender = invoice.sender or invoice.book.name
    return {
        "title": title, "author": sender.splitlines()[0], "language": (get_language() or "en").partition("-")[0],
        "sender": sender, "client": "\n".join(filter(None, [invoice.person.name, invoice.person.address])),
        "facts": facts, "head": [_("What for"), _("Quantity"), _("Price"), _("Tax %%") % {}, _("Net")],
        "rows": [
            [
                line.text, plain(line.quantity), amount_text(line.price, currency=currency),
                plain(line.rate), amount_text(line.net, currency=currency),
            ]
            for line in services.lines_of(invoice)
        ],
        "sums": [[_("Net"), money_text(totals.net, currency=currency)], *taxes],
        "total": [_("Total"), money_text(totals.gross, currency=currency)], "note": invoice.note,
    }  # fmt: skip


def invoice_pdf(*, invoice: Invoice) -> bytes:
    """The invoice on A4, in the active language; the same invoice gives the same bytes. The book and person are read along."""
    import typst  # only here: 40 MB that few processes need

    day = invoice.issued_on or invoice.created_at.date()
    written = datetime.datetime.combine(day, datetime.time(), tzinfo=datetime.UTC)
    return bytes(
        typst.compile(
            TEMPLATE, root=TEMPLATE.parent, ignore_system_fonts=True, format="pdf", timestamp=int(written.timestamp()),
            sys_inputs={"data": json.dumps(paper_of(invoice))},
        )
    )  # fmt: skip


def served(invoice: Invoice) -> HttpResponse:
    """The PDF as a file to keep."""
    name = invoice.number or f"draft-{invoice.pk}"
    headers = {"Content-Disposition": f'attachment; filename="{name}.pdf"'}
    return HttpResponse(invoice_pdf(invoice=invoice), content_type="application/pdf", headers=headers)
