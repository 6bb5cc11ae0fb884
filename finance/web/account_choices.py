"""Choosing an account in a form: grouped, by path, with the currency of each for the page's script."""

from collections.abc import Collection, Iterable

from django import forms
from django.utils.translation import gettext_lazy

from finance.ledger.selectors import paths_of
from finance.models import Account, AccountKind, AccountType

GROUPS = (
    (gettext_lazy("Accounts"), (AccountType.ASSET, AccountType.LIABILITY)),
    (gettext_lazy("Spending"), (AccountType.EXPENSE,)),
    (gettext_lazy("Income"), (AccountType.INCOME,)),
    (gettext_lazy("Equity"), (AccountType.EQUITY,)),
)


class AccountSelect(forms.Select):
    """A select whose options tell their currency."""

    currencies: dict[str, str]

    def create_option(self, name: str, value: object, *args: object, **kwargs: object) -> dict[str, object]:
        option: dict[str, object] = super().create_option(name, value, *args, **kwargs)  # type: ignore[arg-type]
        currency = getattr(self, "currencies", {}).get(str(value))
        if currency:
            option["attrs"]["data-currency"] = currency  # type: ignore[index]
        return option


class AccountField(forms.ChoiceField):
    """One of the book's accounts that take postings; cleans to the Account."""

    widget = AccountSelect

    def __init__(
        self,
        *,
        tree: list[Account],
        types: Collection[AccountType],
        label: str,
        required: bool = True,
        also: Iterable[int] = (),
        categories_first: bool = False,
    ) -> None:
        also = set(also)
        usable = [
            account
            for account in tree
            if account.type in types
            and account.kind != AccountKind.GROUP
            and (account.closed_on is None or account.pk in also)
        ]
        self.accounts = {str(account.pk): account for account in usable}
        paths = paths_of(tree)
        # "Food › Groceries": the root says no more than the group's title, so it is left out.
        names = {a.pk: (paths[a.pk].partition(":")[2] or a.name).replace(":", " › ") for a in usable}
        groups: list[tuple[object, object]] = [("", "…")]
        for title, its_types in (*GROUPS[1:], GROUPS[0]) if categories_first else GROUPS:
            options = [(str(a.pk), names[a.pk]) for a in usable if a.type in its_types and a.type in types]
            if options:
                groups.append((title, options))
        super().__init__(label=label, required=required, choices=groups)
        self.widget.currencies = {key: account.currency for key, account in self.accounts.items()}

    def clean(self, value: object) -> Account | None:
        chosen = super().clean(value)
        return self.accounts[chosen] if chosen else None
