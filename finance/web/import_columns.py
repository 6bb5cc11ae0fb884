"""How the columns of a CSV file are read: a role above each column, and the first rows as they will be read."""

import dataclasses
from collections import Counter
from typing import Any

from django import forms
from django.contrib import messages
from django.forms.boundfield import BoundField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from finance import money
from finance.errors import AmountInvalid, FinanceError, Invalid, StatementUnreadable
from finance.figures import money_text
from finance.imports import selectors, services
from finance.imports.models import ImportBatch
from finance.imports.parsers.encoding import decode
from finance.imports.parsers.profile import CsvProfile
from finance.imports.parsers.statement import ParsedRow
from finance.imports.preview import Preview, detected, encodings_of, head_of, preview_of, preview_of_sheet
from finance.ledger.models import AccountType
from finance.models import Book, Role
from finance.web.access import book_page, user_of
from finance.web.imports import DELIMITER_LABELS, WAIT_SECONDS

# The settings of a profile that one column each can have, and those that several can.
ROLES = {
    "date": gettext_lazy("Date"),
    "value_date": gettext_lazy("Second date, where the first is empty"),
    "time": gettext_lazy("Time"),
    "amount": gettext_lazy("Amount"),
    "debit": gettext_lazy("Money out"),
    "credit": gettext_lazy("Money in"),
    "flag": gettext_lazy("Mark for in or out"),
    "fee": gettext_lazy("Fee"),
    "balance": gettext_lazy("Balance"),
    "currency": gettext_lazy("Currency"),
    "status": gettext_lazy("Booked or pending"),
    "bank_id": gettext_lazy("Bank's id of the row"),
    "account": gettext_lazy("Your own account"),
    "counterparty_account": gettext_lazy("Other side's account"),
    "counterparty_bank": gettext_lazy("Other side's bank (BIC)"),
}
SHARED_ROLES = {"payee": gettext_lazy("Payee"), "description": gettext_lazy("Description")}
_SIGNS = [
    ("as_written", gettext_lazy("minus is money out")),
    ("inverted", gettext_lazy("plain amounts are money out (card statements)")),
    ("unmarked_out", gettext_lazy("only marked amounts (+ or CR) are money in")),
]
_MARK_OR_SIGN = [
    ("", gettext_lazy("show the row as an error")),
    ("mark", gettext_lazy("the bank's mark is right")),
    ("sign", gettext_lazy("the sign is right")),
]
_ORDERS = [
    ("dmy", gettext_lazy("day, month, year")),
    ("mdy", gettext_lazy("month, day, year")),
    ("ymd", gettext_lazy("year, month, day")),
    ("dmy-hr", gettext_lazy("day, month, year with Croatian names")),
    ("excel", gettext_lazy("Excel's count of days")),
    ("epoch", gettext_lazy("seconds since 1970")),
    ("epoch_ms", gettext_lazy("milliseconds since 1970")),
]


class ColumnsForm(forms.Form):
    """The settings of a profile, with a role for each of the file's columns.

    `read_as` says under which delimiter and encoding the columns on the page were found: their roles mean nothing under
    others.
    """

    delimiter = forms.ChoiceField(label=gettext_lazy("Column separator"), choices=DELIMITER_LABELS)
    date_order = forms.ChoiceField(label=gettext_lazy("Dates are"), choices=_ORDERS)
    decimal_mark = forms.ChoiceField(
        label=gettext_lazy("Decimals after"), choices=[(",", gettext_lazy("comma")), (".", gettext_lazy("point"))]
    )
    sign = forms.ChoiceField(label=gettext_lazy("Signs"), choices=_SIGNS)
    mark_or_sign = forms.ChoiceField(
        label=gettext_lazy("Where mark and sign disagree"), choices=_MARK_OR_SIGN, required=False
    )
    read_as = forms.CharField(widget=forms.HiddenInput, strip=False, max_length=60)

    def __init__(self, data: Any, *, profile: CsvProfile, preview: Preview, encodings: list[tuple[str, str]]) -> None:
        self.preview = preview
        several = [(role, index) for role in SHARED_ROLES for index in getattr(profile, f"{role}_columns")]
        single = [(role, getattr(profile, f"{role}_column")) for role in ROLES]
        initial: dict[str, Any] = profile.to_dict() | {
            "read_as": _read_as(profile),
            "header_line": str(preview.header_line or ""),
            **{f"role-{index}": role for role, index in [*several, *single] if index is not None},
        }
        super().__init__(data, initial=initial)
        self.fields["encoding"] = forms.ChoiceField(
            label=_("Encoding"), choices=encodings, help_text=_("With words of the file as each encoding makes them.")
        )
        lines = [
            (str(line), _("line %(n)d: %(text)s") % {"n": line, "text": text}) for line, _c, text in preview.headers
        ]
        self.fields["header_line"] = forms.ChoiceField(
            label=_("Names of the columns"), choices=[("", _("none")), *lines], required=False
        )
        choices = [("", "—"), *ROLES.items(), *SHARED_ROLES.items()]
        for index, name in enumerate(preview.names):
            label = _("What is in column %(number)d, %(name)s") % {"number": index + 1, "name": name or "—"}
            self.fields[f"role-{index}"] = forms.ChoiceField(label=label, choices=choices, required=False)

    @property
    def roles(self) -> list[tuple[str, BoundField]]:
        """Name and role of each column."""
        return [(name, self[f"role-{index}"]) for index, name in enumerate(self.preview.names)]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        chosen = {name: data[name] for name in data if name.startswith("role-") and data[name]}
        twice = {role for role, count in Counter(chosen.values()).items() if count > 1 and role in ROLES}
        for name, role in chosen.items():
            if role in twice:
                self.add_error(name, _("Only one column can be “%(role)s”.") % {"role": ROLES[role]})
        if "date" not in chosen.values() and self.has_the_columns:
            self.add_error(None, _("Choose the column of dates."))
        return data

    @property
    def has_the_columns(self) -> bool:
        """Whether the roles on the page are those of the file under the chosen delimiter and encoding."""
        data = self.cleaned_data
        return f"{data.get('delimiter')}{data.get('encoding')}" == data.get("read_as")

    def changes(self, profile: CsvProfile) -> dict[str, Any]:
        """The settings to be changed in the profile; without the columns where others will be found."""
        data = self.cleaned_data
        values: dict[str, Any] = {"delimiter": data["delimiter"], "encoding": data["encoding"]}
        if not self.has_the_columns:
            return values
        roles: dict[str, list[int]] = {}
        for name, role in data.items():
            if name.startswith("role-") and role:
                roles.setdefault(role, []).append(int(name.removeprefix("role-")))
        values |= {name: data[name] for name in ("date_order", "decimal_mark", "sign", "mark_or_sign")}
        values |= {f"{role}_column": roles.get(role, [None])[0] for role in ROLES}
        for role in SHARED_ROLES:
            before = list(getattr(profile, f"{role}_columns"))
            # Those that were chosen before keep their order, which says what comes first.
            values[f"{role}_columns"] = sorted(
                roles.get(role, []), key=lambda i: (before.index(i) if i in before else len(before), i)
            )
        line = int(data["header_line"] or 0)
        values["header"] = next((cells for number, cells, _text in self.preview.headers if number == line), [])
        return values


@require_http_methods(["GET", "HEAD", "POST"])
@book_page(at_least=Role.EDITOR)
def import_columns(request: HttpRequest, book: Book, import_id: int) -> HttpResponse:
    """Correct the reading, with a preview that changes nothing; the next file of this shape is read the same way."""
    batch = selectors.batch_for(book=book, batch_id=import_id)
    if not batch.is_open or batch.profile is None:
        return redirect("web:import_detail", book.pk, batch.pk)
    head = head_of(batch)
    profile = CsvProfile.from_dict(batch.profile)
    if not profile.encoding:
        profile = dataclasses.replace(profile, encoding=decode(head)[1])
    problem = ""
    if request.method == "POST":
        # The page may show columns found under another delimiter or encoding than the staged ones.
        try:
            profile = _shown(batch, head, profile, request.POST.get("read_as", ""))
        except FinanceError as error:
            problem = _told(error)
    form = _form(request.POST or None, batch, head, profile)
    if "preview" in request.POST:
        form, problem = _previewed(batch, head, profile, form)
    elif request.method == "POST" and not problem and form.is_valid():
        try:
            changed = services.change_profile(batch=batch, actor=user_of(request), changes=form.changes(profile))
            changed = services.settled(batch=changed, seconds=WAIT_SECONDS)
        except FinanceError as error:
            form.add_error(None, _told(error))
        else:
            if changed.is_open:
                messages.success(request, _("The file was read again. The next one like it will be read the same way."))
            return redirect("web:import_detail", book.pk, batch.pk)
    context = {
        "book": book,
        "batch": batch,
        "form": form,
        "lines": form.preview.lines,
        "rows": [_row(row, currency or batch.account.currency) for row, currency in form.preview.rows if not problem],
        "problem": problem or form.preview.problem,
        "previewed": "preview" in request.POST,
    }
    refused = request.method == "POST" and "preview" not in request.POST
    return render(request, "finance/imports/columns.html", context, status=400 if refused else 200)


def _form(data: Any, batch: ImportBatch, head: bytes, profile: CsvProfile) -> ColumnsForm:
    # Only a workbook that was read before an upgrade has no beginning.
    card = batch.account.type == AccountType.LIABILITY
    preview = preview_of(head, profile, card=card) if head else preview_of_sheet(profile)
    encodings = encodings_of(batch, head, profile.encoding)
    form = ColumnsForm(data, profile=profile, preview=preview, encodings=encodings)
    if batch.format != ImportBatch.Format.CSV:
        # Nothing divides the cells of a sheet but the sheet itself.
        form.fields["delimiter"].choices = [  # type: ignore[attr-defined]
            choice for choice in DELIMITER_LABELS if choice[0] == profile.delimiter
        ]
    return form


def _shown(batch: ImportBatch, head: bytes, staged: CsvProfile, read_as: str) -> CsvProfile:
    """The profile that the page was made from: the staged one, or the one found under another delimiter or encoding."""
    if not read_as or read_as == _read_as(staged):
        return staged
    delimiter, encoding = read_as[:1], read_as[1:]
    # Checks both names, which come from the page.
    staged.corrected({"delimiter": delimiter, "encoding": encoding})
    return detected(batch, head, delimiter=delimiter, encoding=encoding)


def _previewed(batch: ImportBatch, head: bytes, profile: CsvProfile, form: ColumnsForm) -> tuple[ColumnsForm, str]:
    """The page under the settings that were chosen on it, and why that cannot be read."""
    try:
        if not form.is_valid():
            return form, " ".join(str(sentence) for found in form.errors.values() for sentence in found)
        changes = form.changes(profile)
        if not form.has_the_columns:
            found = detected(batch, head, delimiter=changes["delimiter"], encoding=changes["encoding"])
            return _form(None, batch, head, found), ""
        meant = profile.corrected(changes)
    except (Invalid, StatementUnreadable) as error:
        return form, _told(error)
    return _form(None, batch, head, meant), ""


def _told(error: FinanceError) -> str:
    """The sentence, with those about settings that are no fields of the page."""
    return " ".join([error.detail, *error.fields.values()])


def _read_as(profile: CsvProfile) -> str:
    return f"{profile.delimiter}{profile.encoding}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RowAsRead:
    """A row with its figures as texts."""

    row: ParsedRow
    amount: str
    balance: str


def _row(row: ParsedRow, currency: str) -> RowAsRead:
    texts = []
    for value in (row.amount, row.balance):
        try:
            minor = None if value is None else money.to_minor_units(value, currency=currency)
            texts.append("" if minor is None else money_text(minor, currency=currency))
        except AmountInvalid:
            texts.append(f"{value} {currency}")
    return RowAsRead(row=row, amount=texts[0], balance=texts[1])
