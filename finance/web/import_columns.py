"""How the columns of a CSV file were read, beside its first lines, to be corrected."""

import dataclasses
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models.functions import Substr
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from finance.errors import FinanceError, StatementUnreadable
from finance.imports import selectors, services
from finance.imports.models import ImportBatch
from finance.imports.parsers.csv import records_for
from finance.imports.parsers.profile import CsvProfile
from finance.models import Book, Role
from finance.web.access import book_page, user_of
from finance.web.imports import DELIMITER_LABELS, ENCODINGS_OFFERED, WAIT_SECONDS
from finance.web.refusals import refuse

PREVIEW = 8
PREVIEW_BYTES = 256 * 1024
_OPTIONAL = {
    "amount_column": gettext_lazy("Amount"),
    "debit_column": gettext_lazy("Money out"),
    "credit_column": gettext_lazy("Money in"),
    "flag_column": gettext_lazy("Direction (in or out)"),
    "balance_column": gettext_lazy("Balance"),
    "currency_column": gettext_lazy("Currency"),
    "status_column": gettext_lazy("Booked or pending"),
    "bank_id_column": gettext_lazy("Bank's id of the row"),
}
_SIGNS = [
    ("as_written", gettext_lazy("minus is money out")),
    ("inverted", gettext_lazy("plain amounts are money out (card statements)")),
    ("unmarked_out", gettext_lazy("only marked amounts (+ or CR) are money in")),
]
_ORDERS = [
    ("dmy", gettext_lazy("day, month, year")),
    ("mdy", gettext_lazy("month, day, year")),
    ("ymd", gettext_lazy("year, month, day")),
]


class ColumnsForm(forms.Form):
    """The profile with the names of the file's columns."""

    delimiter = forms.ChoiceField(label=gettext_lazy("Column separator"), choices=DELIMITER_LABELS)
    has_header = forms.BooleanField(label=gettext_lazy("The file has a line with column names"), required=False)
    date_order = forms.ChoiceField(label=gettext_lazy("Dates are"), choices=_ORDERS)
    decimal_mark = forms.ChoiceField(
        label=gettext_lazy("Decimals after"), choices=[(",", gettext_lazy("comma")), (".", gettext_lazy("point"))]
    )
    sign = forms.ChoiceField(label=gettext_lazy("Signs"), choices=_SIGNS)

    def __init__(self, *args: Any, names: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        columns = [(str(i), name or _("Column %(number)d") % {"number": i + 1}) for i, name in enumerate(names)]
        current = self.initial.get("encoding", "")
        encodings = ENCODINGS_OFFERED if current in ENCODINGS_OFFERED else [current, *ENCODINGS_OFFERED]
        self.fields["encoding"] = forms.ChoiceField(
            label=_("Encoding"), choices=[(name, name) for name in encodings if name]
        )
        self.fields["date_column"] = forms.ChoiceField(label=_("Date"), choices=columns)
        for name, label in _OPTIONAL.items():
            self.fields[name] = forms.ChoiceField(label=label, choices=[("", "—"), *columns], required=False)
        for name, title in (("payee_columns", _("Payee")), ("description_columns", _("Description"))):
            self.fields[name] = forms.MultipleChoiceField(
                label=title, choices=columns, required=False, widget=forms.CheckboxSelectMultiple
            )

    def changes(self, profile: CsvProfile) -> dict[str, Any]:
        """What was changed. Another delimiter or encoding changes the columns, so that their choices are dropped."""
        data = self.cleaned_data
        if (data["delimiter"], data["encoding"]) != (profile.delimiter, profile.encoding):
            return {"delimiter": data["delimiter"], "encoding": data["encoding"]}
        values: dict[str, Any] = {name: data[name] for name in ("date_order", "decimal_mark", "sign")}
        values["date_column"] = int(data["date_column"])
        values |= {name: int(data[name]) if data[name] else None for name in _OPTIONAL}
        values |= {name: [int(i) for i in data[name]] for name in ("payee_columns", "description_columns")}
        values["header"] = list(profile.header) if data["has_header"] else []
        return values


@require_http_methods(["GET", "HEAD", "POST"])
@book_page(at_least=Role.EDITOR)
def import_columns(request: HttpRequest, book: Book, import_id: int) -> HttpResponse:
    """Correct the reading; the file is read again, and the next file of this shape the same way."""
    batch = selectors.batch_for(book=book, batch_id=import_id)
    if not batch.is_open or batch.profile is None:
        return redirect("web:import_detail", book.pk, batch.pk)
    profile = CsvProfile.from_dict(batch.profile)
    names, lines = _preview(batch, profile)
    initial = {**profile.to_dict(), "has_header": bool(profile.header)}
    form = ColumnsForm(request.POST or None, names=names, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            changed = services.change_profile(batch=batch, actor=user_of(request), changes=form.changes(profile))
            changed = services.settled(batch=changed, seconds=WAIT_SECONDS)
        except FinanceError as error:
            refuse(form, error)
        else:
            if changed.is_open:
                messages.success(request, _("The file was read again. The next one like it will be read the same way."))
            return redirect("web:import_detail", book.pk, batch.pk)
    context = {
        "book": book,
        "batch": batch,
        "form": form,
        "names": names,
        "lines": lines,
        "optional": [form[n] for n in _OPTIONAL],
    }
    return render(request, "finance/imports/columns.html", context, status=400 if form.errors else 200)


def _preview(batch: ImportBatch, profile: CsvProfile) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Names of the columns and the first lines of transactions, from the beginning of the file alone."""
    content = ImportBatch.objects.filter(pk=batch.pk).values_list(Substr("content", 1, PREVIEW_BYTES), flat=True)
    head = bytes(content.get())
    whole_lines = head[: head.rfind(b"\n") + 1] if len(head) == PREVIEW_BYTES else head
    try:
        records, first = records_for(whole_lines, profile)
    except StatementUnreadable:
        # A header that stands further down, or that the profile has wrong, leaves the first lines to look at.
        records, first = records_for(head, dataclasses.replace(profile, header=()))
    shown = [record for record in records[first:] if not record.is_blank][:PREVIEW]
    width = max([len(profile.header), *(len(record.cells) for record in shown)])
    names = [(profile.header[i].strip() if i < len(profile.header) else "") for i in range(width)]
    lines = [(record.line, [*record.cells, *[""] * (width - len(record.cells))]) for record in shown]
    return names, lines
