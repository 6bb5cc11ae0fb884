"""People, shared bills, settlements and invoices in an export of the whole book, and back.

Who is linked to a member stays behind: members are users of this installation.
"""

import datetime
import uuid
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from finance import money
from finance.errors import BookUnreadable, FinanceError
from finance.ledger.arrivals import Arrival
from finance.ledger.models import Account, Book, JournalEntry
from finance.receivables.invoicing import InvoiceLine, totals_of
from finance.receivables.models import (
    BillShare,
    Claim,
    CostGroup,
    GroupMember,
    Invoice,
    InvoicePayment,
    Person,
    PersonAccount,
    RecurringInvoice,
    Settlement,
    SharedBill,
)
from identity.models import User

VERSION = 2
_AT_ONCE = 5000
# In the order in which they are taken: each after what it refers to.
_TABLES: tuple[type[models.Model], ...] = (
    *(Person, PersonAccount, CostGroup, GroupMember, SharedBill, BillShare, Settlement, Claim),
    *(RecurringInvoice, Invoice, InvoicePayment),
)
_LEFT = {"id", "book", "created_by", "saved_by", "created_at", "changed_at", "user", "scope"}


def _fields(model: type[models.Model]) -> "list[models.Field[Any, Any]]":
    """The columns that leave, in order."""
    return [field for field in model._meta.concrete_fields if field.name not in _LEFT]


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """Every table by its name; accounts by id, entries by uid, other rows by their number."""
    document: dict[str, Any] = {"version": VERSION}
    for model in _TABLES:
        names = [field.attname for field in _fields(model)]
        columns = [
            f"{field.name}__uid" if field.related_model is JournalEntry else field.attname for field in _fields(model)
        ]
        rows = model._default_manager.filter(book=book).order_by("pk").values_list("pk", *columns)
        document[model.__name__] = [
            {"id": pk, **{name: _plain(value) for name, value in zip(names, values, strict=True)}}
            for pk, *values in rows.iterator(chunk_size=_AT_ONCE)
        ]
    return document


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return str(value) if isinstance(value, (uuid.UUID, Decimal)) else value


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; all of it can come. Raises BookUnreadable."""
    try:
        if document["version"] == 1:
            _from_version_1(document)
        elif document["version"] != VERSION:
            reason = _("People of version %(version)s are not known here.") % {"version": str(document["version"])[:20]}
            raise BookUnreadable(reason=reason)
        made: dict[type[models.Model], dict[int, Any]] = {}
        uids = _entries_of(document)
        entries = arrival.entries(uids)
        for model in _TABLES:
            rows = made[model] = {}
            for row in document[model.__name__]:
                # A refund comes after its bill.
                rows[row["id"]] = _row(model, row, arrival, made, entries)
            if model is SharedBill:
                continue  # kept until it is known who takes part
            _keep(model, rows.values(), made)
        _check(made)
    except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation, ValidationError, FinanceError) as error:
        if isinstance(error, BookUnreadable):
            raise
        reason = _("The people of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        raise BookUnreadable(reason=reason) from error
    return []


def _from_version_1(document: dict[str, Any]) -> None:
    """What exports had not yet."""
    document["RecurringInvoice"] = []
    for bill in document["SharedBill"]:
        bill["refund_of_id"] = None
    for invoice in document["Invoice"]:
        invoice["recurring_id"] = invoice["recurring_on"] = None


def _entries_of(document: Mapping[str, Any]) -> set[uuid.UUID]:
    """The uids of all entries that the document names."""
    names = {
        model.__name__: [f.attname for f in _fields(model) if f.related_model is JournalEntry] for model in _TABLES
    }
    return {
        uuid.UUID(row[name])
        for table, columns in names.items()
        for row in document[table]
        for name in columns
        if row[name] is not None
    }


def _row(
    model: type[models.Model],
    row: Mapping[str, Any],
    arrival: Arrival,
    made: Mapping[type[models.Model], Mapping[int, Any]],
    entries: Mapping[uuid.UUID, int],
) -> Any:
    """One row of the new book. Raises KeyError for what refers to nothing."""
    found: dict[str, Any] = {}
    for field in _fields(model):
        value, target = row[field.attname], field.related_model
        if value is None:
            found[field.attname] = None
        elif target is Account:
            found[field.attname] = arrival.account(value).pk
        elif target is JournalEntry:
            found[field.attname] = entries[uuid.UUID(value)]
        elif target is not None:
            found[field.name] = made[target][value]
        else:
            found[field.attname] = _READ.get(field.get_internal_type(), lambda given: given)(value)
    if "currency" in found:
        money.exponent(found["currency"])
    return model(book=arrival.book, **found)


_READ: dict[str, Callable[[Any], Any]] = {
    "DateField": datetime.date.fromisoformat,
    "DateTimeField": datetime.datetime.fromisoformat,
    "DecimalField": Decimal,
}


def _keep(model: type[models.Model], rows: Iterable[Any], made: Mapping[type[models.Model], Mapping[int, Any]]) -> None:
    if model is BillShare:
        parties: dict[int, set[int]] = {}
        for share in rows:
            parties.setdefault(id(share.bill), set()).add(share.person_id or 0)
        bills = made[SharedBill].values()
        for bill in bills:
            people = " ".join(map(str, sorted(parties[id(bill)])))
            bill.scope = f"group {bill.group_id}" if bill.group_id else f"people {people}"
            if bill.refund_of is not None:
                bill.scope = bill.refund_of.scope
        for refunds in (False, True):
            SharedBill.objects.bulk_create(
                [bill for bill in bills if (bill.refund_of is not None) == refunds], batch_size=_AT_ONCE
            )
    model._default_manager.bulk_create(rows, batch_size=_AT_ONCE)


def _check(made: Mapping[type[models.Model], Mapping[int, Any]]) -> None:
    """Raise ValueError where shares do not sum to their bill, or lines to their invoice."""
    sums: dict[int, list[int]] = {bill.pk: [0, 0] for bill in made[SharedBill].values()}
    for share in made[BillShare].values():
        sums[share.bill_id][0] += share.owed
        sums[share.bill_id][1] += share.paid
    for bill in made[SharedBill].values():
        if sums[bill.pk] != [bill.total, bill.total]:
            raise ValueError("shares do not sum to their bill")
    for invoice in made[Invoice].values():
        lines = [
            InvoiceLine(text=str(x["text"]), quantity=Decimal(x["quantity"]), price=x["price"], rate=Decimal(x["rate"]))
            for x in invoice.lines
        ]
        totals = totals_of(lines)
        if (totals.net, totals.tax, totals.gross) != (invoice.net, invoice.tax, invoice.gross):
            raise ValueError("lines do not sum to their invoice")
