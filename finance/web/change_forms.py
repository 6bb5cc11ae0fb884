"""The small forms that change one thing of an entry in place, or of all that are selected."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from finance import figures
from finance.errors import FinanceError
from finance.ledger.movements import natural
from finance.ledger.revising import Edit
from finance.models import Account, AccountKind, AccountType
from finance.web.account_choices import AccountField

FIELDS = ("account", "payee", "description", "date", "amount")
LABELS = {
    "account": gettext_lazy("Category"),
    "payee": gettext_lazy("Payee"),
    "description": gettext_lazy("Note"),
    "date": gettext_lazy("Date"),
    "amount": gettext_lazy("Amount"),
}
ALL_TYPES = (AccountType.EXPENSE, AccountType.INCOME, AccountType.ASSET, AccountType.LIABILITY)


class EditForm(forms.Form):
    """One field, `value`, whose kind follows from what is changed."""

    def __init__(
        self, data: Any = None, *, name: str, tree: list[Account], account: Account | None = None,
        currency: str = "", initial: Any = None,
    ) -> None:  # fmt: skip
        """`account` is the register that an amount is read in: people count income and debts the other way round."""
        super().__init__(data, initial={"value": initial})
        self.name, self.account, self.currency = name, account, currency
        label = str(LABELS.get(name, ""))
        if name == "account":
            usable = [
                each for each in tree if not currency or each.currency == currency or each.kind == AccountKind.GROUP
            ]
            self.fields["value"] = AccountField(tree=usable, types=ALL_TYPES, label=label, categories_first=True)
        elif name == "date":
            widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
            self.fields["value"] = forms.DateField(label=label, widget=widget)
        elif name == "shift_days":
            self.fields["value"] = forms.IntegerField(min_value=-36_500, max_value=36_500)
        else:
            longest = {"payee": 200, "description": 500, "amount": 60}[name]
            self.fields["value"] = forms.CharField(label=label, required=name == "amount", max_length=longest)

    def clean_value(self) -> Any:
        value = self.cleaned_data["value"]
        if self.name != "amount":
            return value
        try:
            amount = figures.read_sum(value, currency=self.currency, field="value")
        except FinanceError as error:
            raise forms.ValidationError(error.detail) from error
        if not amount:
            raise forms.ValidationError(_("An amount cannot be zero."))
        return natural(amount, self.account.type) if self.account else amount

    def edit(self) -> Edit:
        """What the form says, once it is valid."""
        return Edit(**{self.name: self.cleaned_data["value"]})
