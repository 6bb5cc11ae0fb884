"""Writing an entry in a household's words: spent, received, moved, exchanged, split, or as debits and credits.

Each form cleans to an EntryInput: the lines of one entry, or an exchange between two currencies.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from finance import figures
from finance.errors import FinanceError
from finance.ledger.posting import LineDraft
from finance.models import Account, AccountType
from finance.web.account_choices import AccountField

HOLDING_TYPES = (AccountType.ASSET, AccountType.LIABILITY)
CATEGORY_TYPES = (AccountType.EXPENSE, AccountType.INCOME)
MAX_ROWS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeDraft:
    """So much of one account for so much on another of another currency; positive minor units each."""

    source_account: Account
    source_amount: int
    target_account: Account
    target_amount: int
    extra: tuple[LineDraft, ...] = ()  # a fee, in the source's currency


EntryInput = list[LineDraft] | ExchangeDraft


class EntryForm(forms.Form):
    """What all ways of writing have in common. `tree` holds the book's accounts, `used` those of the corrected entry."""

    # The service's field paths → the form's fields.
    places: Mapping[str, str] = {}

    uid = forms.UUIDField(required=False, widget=forms.HiddenInput)
    date = forms.DateField(
        label=pgettext_lazy("entry form", "on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    payee = forms.CharField(
        label=pgettext_lazy("entry form", "at"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    description = forms.CharField(label=gettext_lazy("Note"), required=False, max_length=500)

    def __init__(
        self, data: Any = None, *, tree: list[Account], used: frozenset[int] = frozenset(), initial: Any = None
    ) -> None:
        super().__init__(data, initial=initial)
        self.tree = tree
        self.used = used
        self.several_currencies = len({account.currency for account in tree}) > 1
        self.add_fields()
        if not self.several_currencies:
            self.fields.pop("counter_amount", None)

    def add_fields(self) -> None:
        """Fields that depend on the book's accounts."""

    def account_field(self, types: tuple[AccountType, ...], label: Any, *, required: bool = True) -> AccountField:
        return AccountField(tree=self.tree, types=types, label=label, required=required, also=self.used)

    def read(self, name: str, account: Account | None) -> int | None:
        """The field's amount in the account's currency, above zero; a refusal is shown at the field."""
        typed = str(self.cleaned_data.get(name) or "").strip()
        if not typed or account is None:
            return None
        try:
            amount = figures.read_sum(typed, currency=account.currency, field=name)
        except FinanceError as error:
            self.add_error(name, error.detail)
            return None
        if amount <= 0:
            self.add_error(name, _("Enter an amount above zero; the words say where it goes."))
            return None
        return amount

    def posting(self) -> EntryInput:
        """What the form says, once it is valid."""
        return self.said

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        said = self.say()
        if said is not None:
            self.said = said
        elif not self.errors:
            self.add_error(None, _("Something is missing in this entry."))
        return cleaned

    def say(self) -> EntryInput | None:
        raise NotImplementedError

    def between(self, *, source: str, target: str, amount_of: str) -> EntryInput | None:
        """A posting from one field's account to another's; `amount_of` tells whose currency "amount" is in."""
        giver, taker = self.cleaned_data.get(source), self.cleaned_data.get(target)
        known, other = (giver, taker) if amount_of == source else (taker, giver)
        amount = self.read("amount", known)
        if amount is None or giver is None or taker is None:
            return None
        if giver == taker:
            self.add_error(target, _("This is the same account; choose another."))
            return None
        if giver.currency == taker.currency:
            return [
                LineDraft(account_id=taker.pk, amount=amount),
                LineDraft(account_id=giver.pk, amount=-amount),
            ]
        counter = self.read("counter_amount", other)
        if counter is None:
            account = taker if known == giver else giver
            if not self.has_error("counter_amount"):
                self.add_error(
                    "counter_amount",
                    _("%(account)s is kept in %(currency)s: enter the amount in that currency. No rate is assumed.")
                    % {"account": account.name, "currency": account.currency},
                )
            return None
        amounts = (amount, counter) if known == giver else (counter, amount)
        return ExchangeDraft(
            source_account=giver, source_amount=amounts[0], target_account=taker, target_amount=amounts[1]
        )

    def with_fee(self, said: EntryInput | None) -> EntryInput | None:
        """The same with what the bank took on top: what arrives stays, what leaves grows by the fee."""
        giver, category = self.cleaned_data.get("account"), self.cleaned_data.get("fee_category")
        fee = self.read("fee", giver)
        if said is None or giver is None or (fee is None and category is None):
            return said
        if fee is None or category is None:
            missing = "fee_category" if category is None else "fee"
            if not self.has_error(missing) and not self.has_error("fee"):
                self.add_error(missing, _("Give the fee and what it is booked as."))
            return None
        if category.currency != giver.currency:
            self.add_error(
                "fee_category",
                _("%(name)s is kept in %(currency)s; the fee leaves an account in %(other)s.")
                % {"name": category.name, "currency": category.currency, "other": giver.currency},
            )
            return None
        taken = LineDraft(account_id=category.pk, amount=fee)
        if isinstance(said, ExchangeDraft):
            return replace(said, extra=(taken, LineDraft(account_id=giver.pk, amount=-fee)))
        taker, left = said
        return [taker, taken, replace(left, amount=left.amount - fee)]


def amount_field(label: Any, *, required: bool = True, needed: bool = False) -> forms.CharField:
    """An amount or a sum as it is typed; it is read once its account, and so its currency, is known.

    `needed` marks one that is shown only with some accounts, and is required then.
    """
    attrs = {"inputmode": "text", "autocomplete": "off"}  # a telephone's decimal keys have no + and *
    field = forms.CharField(label=label, required=required, max_length=60, widget=forms.TextInput(attrs=attrs))
    field.needed = needed  # type: ignore[attr-defined]
    return field


class SpentForm(EntryForm):
    places = {"lines.0.account": "category", "lines.1.account": "account", "lines.0.amount": "amount",
              "source_account": "account", "source_amount": "amount", "target_account": "category",
              "target_amount": "counter_amount"}  # fmt: skip

    amount = amount_field(gettext_lazy("Spent"))
    counter_amount = amount_field(gettext_lazy("which was, in the category's currency"), required=False, needed=True)

    def add_fields(self) -> None:
        self.fields["category"] = self.account_field(CATEGORY_TYPES, _("for"))
        self.fields["account"] = self.account_field(HOLDING_TYPES, _("from"))

    def say(self) -> EntryInput | None:
        return self.between(source="account", target="category", amount_of="account")


class ReceivedForm(EntryForm):
    places = {"lines.0.account": "account", "lines.1.account": "category", "lines.0.amount": "amount",
              "source_account": "category", "source_amount": "counter_amount", "target_account": "account",
              "target_amount": "amount"}  # fmt: skip

    amount = amount_field(gettext_lazy("Received"))
    counter_amount = amount_field(gettext_lazy("which was, in the category's currency"), required=False, needed=True)

    def add_fields(self) -> None:
        self.fields["payee"].label = _("from")
        types = (AccountType.INCOME, AccountType.EXPENSE)
        self.fields["category"] = self.account_field(types, _("for"))
        self.fields["account"] = self.account_field(HOLDING_TYPES, _("into"))

    def say(self) -> EntryInput | None:
        return self.between(source="category", target="account", amount_of="account")


class MovedForm(EntryForm):
    places = {"lines.0.account": "target", "lines.1.account": "account", "lines.0.amount": "amount",
              "source_account": "account", "source_amount": "amount", "target_account": "target",
              "target_amount": "counter_amount"}  # fmt: skip

    amount = amount_field(gettext_lazy("Moved"))
    counter_amount = amount_field(gettext_lazy("which arrived, in the other currency, as"), required=False, needed=True)
    fee = amount_field(gettext_lazy("Fee on top"), required=False)
    fee_proposed = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput)

    def add_fields(self) -> None:
        self.fields["payee"].label = _("with")
        self.fields["account"] = self.account_field(HOLDING_TYPES, _("from"))
        self.fields["target"] = self.account_field(HOLDING_TYPES, pgettext("entry form", "to"))
        self.fields["fee_category"] = self.account_field((AccountType.EXPENSE,), _("booked as"), required=False)

    def say(self) -> EntryInput | None:
        return self.with_fee(self.between(source="account", target="target", amount_of="account"))


class ExchangedForm(EntryForm):
    places = {"source_account": "account", "source_amount": "amount", "target_account": "target",
              "target_amount": "counter_amount", "lines.0.account": "account", "lines.3.account": "target"}  # fmt: skip

    amount = amount_field(gettext_lazy("Gave"))
    counter_amount = amount_field(gettext_lazy("Got"))
    fee = amount_field(gettext_lazy("Fee on top"), required=False)
    fee_proposed = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput)

    def add_fields(self) -> None:
        self.fields["payee"].label = _("with")
        self.fields["account"] = self.account_field(HOLDING_TYPES, _("from"))
        self.fields["target"] = self.account_field(HOLDING_TYPES, _("into"))
        self.fields["fee_category"] = self.account_field((AccountType.EXPENSE,), _("booked as"), required=False)

    def say(self) -> EntryInput | None:
        giver, taker = self.cleaned_data.get("account"), self.cleaned_data.get("target")
        if giver and taker and giver.currency == taker.currency:
            self.add_error(
                "target", _("Both accounts are kept in %(currency)s; this is a move.") % {"currency": giver.currency}
            )
            return None
        return self.with_fee(self.between(source="account", target="target", amount_of="account"))


class RowsForm(EntryForm):
    """A form with numbered rows of fields `row-<n>-<name>`."""

    few_rows: ClassVar[int] = 3
    rows = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def add_fields(self) -> None:
        asked = self.data.get("rows") if self.is_bound else self.initial.get("rows")
        try:
            count = int(asked or self.few_rows)
        except ValueError:
            count = self.few_rows
        self.count = max(2, min(count, MAX_ROWS))
        self.initial["rows"] = self.count
        for index in range(self.count):
            for name, field in self.row_fields().items():
                self.fields[f"row-{index}-{name}"] = field

    def row_fields(self) -> dict[str, forms.Field]:
        raise NotImplementedError

    def row_list(self) -> list[dict[str, Any]]:
        """The rows for the template: bound fields by name."""
        names = list(self.row_fields())
        return [{name: self[f"row-{index}-{name}"] for name in names} for index in range(self.count)]

    def row_data(self, index: int) -> dict[str, Any]:
        return {name: self.cleaned_data.get(f"row-{index}-{name}") for name in self.row_fields()}


class SplitForm(RowsForm):
    amount = amount_field(gettext_lazy("Total"))
    direction = forms.ChoiceField(
        label=gettext_lazy("The total was"),
        choices=[("spent", gettext_lazy("spent")), ("received", gettext_lazy("received"))],
    )

    def add_fields(self) -> None:
        self.fields["account"] = self.account_field(HOLDING_TYPES, _("with"))
        super().add_fields()

    def row_fields(self) -> dict[str, forms.Field]:
        return {
            "category": self.account_field((*CATEGORY_TYPES, *HOLDING_TYPES), _("For"), required=False),
            "amount": amount_field(_("Amount"), required=False),
            "memo": forms.CharField(label=_("Note"), required=False, max_length=200),
        }

    def say(self) -> EntryInput | None:
        account = self.cleaned_data.get("account")
        total = self.read("amount", account)
        if account is None or total is None:
            return None
        sign = 1 if self.cleaned_data.get("direction") != "received" else -1
        self._fill_last(account, total)
        parts = [part for index in range(self.count) if (part := self._part(index, account, sign))]
        if self.errors:
            return None
        left = total - sum(sign * part.amount for part in parts)
        if left:
            told = figures.money_text(left, currency=account.currency)
            self.add_error("amount", _("The parts do not add up to the total: %(left)s is left.") % {"left": told})
            return None
        return [*parts, LineDraft(account_id=account.pk, amount=-sign * total)]

    def _fill_last(self, account: Account, total: int) -> None:
        """The last part without an amount gets what is left of the total."""
        rows = [self.row_data(index) for index in range(self.count)]
        used = [index for index, row in enumerate(rows) if row["category"] is not None]
        if not used or (rows[used[-1]]["amount"] or "").strip():
            return
        left = total
        for index, row in enumerate(rows):
            if typed := (row["amount"] or "").strip():
                try:
                    left -= figures.read_sum(typed, currency=account.currency, field=f"row-{index}-amount")
                except FinanceError:
                    return  # its own field says so
        if left:
            self.cleaned_data[f"row-{used[-1]}-amount"] = figures.typed_text(left, currency=account.currency)

    def _part(self, index: int, account: Account, sign: int) -> LineDraft | None:
        row = self.row_data(index)
        category, typed = row["category"], (row["amount"] or "").strip()
        if category is None and not typed:
            return None
        name = f"row-{index}-"
        if category is None:
            self.add_error(f"{name}category", _("What was this part for?"))
        elif not typed:
            self.add_error(f"{name}amount", _("How much was this part?"))
        elif category.currency != account.currency:
            self.add_error(
                f"{name}category",
                _("%(name)s is kept in %(currency)s; enter this part as a separate entry.")
                % {"name": category.name, "currency": category.currency},
            )
        else:
            return self._line(name, category, typed, row["memo"] or "", sign)
        return None

    def _line(self, name: str, category: Account, typed: str, memo: str, sign: int) -> LineDraft | None:
        try:
            amount = figures.read_sum(typed, currency=category.currency, field=f"{name}amount")
        except FinanceError as error:
            self.add_error(f"{name}amount", error.detail)
            return None
        if not amount:
            self.add_error(f"{name}amount", _("A part cannot be zero."))
            return None
        return LineDraft(account_id=category.pk, amount=sign * amount, memo=memo)


class LinesForm(RowsForm):
    few_rows = 4

    def add_fields(self) -> None:
        self.fields["payee"].label = _("Payee")
        self.fields["date"].label = _("Date")
        super().add_fields()

    def row_fields(self) -> dict[str, forms.Field]:
        types = (*HOLDING_TYPES, *CATEGORY_TYPES, AccountType.EQUITY)
        return {
            "account": self.account_field(types, _("Account"), required=False),
            "debit": amount_field(_("Debit"), required=False),
            "credit": amount_field(_("Credit"), required=False),
            "memo": forms.CharField(label=_("Note"), required=False, max_length=200),
        }

    def say(self) -> EntryInput | None:
        self.placed_rows: list[int] = []
        lines = []
        for index in range(self.count):
            line = self._line(index)
            if line is not None:
                lines.append(line)
                self.placed_rows.append(index)
        self.places = {
            f"lines.{place}.{theirs}": f"row-{index}-{ours}"
            for place, index in enumerate(self.placed_rows)
            for theirs, ours in (("account", "account"), ("amount", "debit"), ("memo", "memo"))
        }
        return None if self.errors else lines

    def _line(self, index: int) -> LineDraft | None:
        row = self.row_data(index)
        name = f"row-{index}-"
        sides = [side for side in ("debit", "credit") if (row[side] or "").strip()]
        if row["account"] is None and not sides:
            return None
        if row["account"] is None:
            self.add_error(f"{name}account", _("Which account?"))
            return None
        if len(sides) != 1:
            self.add_error(f"{name}debit", _("Enter either a debit or a credit."))
            return None
        amount = self.read(f"{name}{sides[0]}", row["account"])
        if amount is None:
            return None
        sign = 1 if sides[0] == "debit" else -1
        return LineDraft(account_id=row["account"].pk, amount=sign * amount, memo=row["memo"] or "")


MODES: dict[str, tuple[Any, type[EntryForm]]] = {
    "spent": (gettext_lazy("Spent"), SpentForm),
    "received": (gettext_lazy("Received"), ReceivedForm),
    "moved": (gettext_lazy("Moved"), MovedForm),
    "exchanged": (gettext_lazy("Exchanged"), ExchangedForm),
    "split": (gettext_lazy("Split"), SplitForm),
    "lines": (gettext_lazy("Debits and credits"), LinesForm),
}
