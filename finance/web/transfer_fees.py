"""The fee for transfers out of an account: its rule on the account's page, and what it proposes in the entry form."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from finance import figures
from finance.errors import FinanceError, Invalid
from finance.ledger.fee_models import TransferFee
from finance.ledger.selectors import transfer_fee_of
from finance.ledger.transfer_fees import PER_CENT, FeeRule
from finance.models import Account, AccountType
from finance.web.account_choices import AccountField

_PERCENT = re.compile(r"(\d{1,3}(?:[.,]\d{1,4})?)\s?%?", re.ASCII)
AMOUNTS = ("fixed", "fixed_up_to", "minimum", "maximum")


def _typed(label: Any) -> forms.CharField:
    attrs = {"inputmode": "decimal", "autocomplete": "off"}
    return forms.CharField(label=label, required=False, max_length=40, widget=forms.TextInput(attrs=attrs))


class FeeForm(forms.Form):
    """What the bank takes for a transfer; empty amounts and no percentage remove the rule."""

    fixed = _typed(gettext_lazy("Fixed fee"))
    fixed_up_to = _typed(gettext_lazy("for amounts up to"))
    percent = _typed(gettext_lazy("Percentage of what is sent"))
    minimum = _typed(gettext_lazy("at least"))
    maximum = _typed(gettext_lazy("at most"))

    def __init__(self, data: Any = None, *, account: Account, tree: list[Account], fee: TransferFee | None) -> None:
        start: dict[str, Any] = {}
        if fee is not None:
            for name in AMOUNTS:
                if (value := getattr(fee, name)) is not None:
                    start[name] = figures.typed_text(value, currency=account.currency)
            if fee.share is not None:
                start["percent"] = f"{Decimal(fee.share) / PER_CENT:f}"
            start["category"] = fee.category_id
        super().__init__(data, initial=start)
        self.account = account
        self.fields["category"] = AccountField(
            tree=[each for each in tree if each.currency == account.currency],
            types=(AccountType.EXPENSE,), label=_("Booked as"), required=False, also=frozenset(),
        )  # fmt: skip

    def rule(self) -> FeeRule | None:
        """The rule that was typed; None where all of it is empty. Raises Invalid and AmountInvalid by field."""
        typed = {name: self.cleaned_data[name].strip() for name in (*AMOUNTS, "percent")}
        if not any(typed.values()):
            return None
        amounts = {
            name: figures.read_amount(typed[name], currency=self.account.currency, field=name) if typed[name] else None
            for name in AMOUNTS
        }
        share = None
        if typed["percent"]:
            if not (plain := _PERCENT.fullmatch(typed["percent"])):
                raise Invalid(field="percent", reason=_("Enter a percentage with at most four decimals, such as 1.5."))
            share = int(Decimal(plain[1].replace(",", ".")) * PER_CENT)
        return FeeRule(share=share, **amounts)


def proposed(typed: Mapping[str, Any], *, tree: list[Account]) -> dict[str, Any]:
    """The fee fields of the entry form by the rule of the account that was chosen, for the amount that was typed.

    Empty where there is no rule or nothing to apply it to, where the fee was typed by hand, and where what was proposed
    for this amount was taken out again.
    """
    chosen = str(typed.get("account") or "")
    account = next((each for each in tree if str(each.pk) == chosen), None)
    fee = transfer_fee_of(account=account) if account is not None else None
    if account is None or fee is None:
        return {}
    try:
        amount = figures.read_sum(str(typed.get("amount") or ""), currency=account.currency)
    except FinanceError:
        return {}  # its own field says so
    taken = fee.rule().fee(amount) if amount > 0 else 0
    text = figures.typed_text(taken, currency=account.currency) if taken else ""
    there, before = str(typed.get("fee") or "").strip(), str(typed.get("fee_proposed") or "")
    if there not in ("", before) or text == before:
        return {}
    return {"fee": text, "fee_category": typed.get("fee_category") or fee.category_id, "fee_proposed": text}
