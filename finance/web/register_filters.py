"""What a register shows: which accounts, which days, which rows. All of it is in the address."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.clock import today_in
from finance import figures
from finance.errors import FinanceError, Invalid, NotFound
from finance.ledger.registers import SCOPES, AmountRange, Filters, Kind, LineCondition, accounts_in, as_seen, touching
from finance.ledger.selectors import accounts_of, below, paths_of
from finance.ledger.visibility import HOLDINGS, without
from finance.models import Account, AccountKind, AccountType, Book, JournalEntry, Membership
from finance.period_texts import PRESET_TEXTS, period_text
from finance.periods import PayRule, Period, days_between, period_token, read_period
from finance.preferences.selectors import pay_rule_of
from finance.reconciliation.selectors import Mark, marked
from finance.tags.selectors import tagged, tags_of

SCOPE_TITLES = {
    "holdings": gettext_lazy("What we own and owe"),
    "spending": gettext_lazy("Spending"),
    "income": gettext_lazy("Income"),
}
KINDS = [
    (Kind.SPENT, gettext_lazy("Spent")),
    (Kind.RECEIVED, gettext_lazy("Received")),
    (Kind.MOVED, gettext_lazy("Moved between accounts")),
    (Kind.EXCHANGED, gettext_lazy("Exchanged currencies")),
]
MARKS = [
    (Mark.NONE, gettext_lazy("Not cleared")),
    (Mark.CLEARED, gettext_lazy("Cleared, not reconciled")),
    (Mark.RECONCILED, gettext_lazy("Reconciled")),
]
_CATEGORIES = (AccountType.INCOME, AccountType.EXPENSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The accounts of a register: one, a group with all inside it, or all of some types (`account` is None)."""

    title: str
    path: list[str]
    type: AccountType
    account: Account | None
    accounts: list[Account]

    @property
    def is_single(self) -> bool:
        """Whether there can be one account only, so that rows need not name theirs."""
        return self.account is not None and self.account.kind != AccountKind.GROUP and len(self.accounts) == 1

    @property
    def is_category(self) -> bool:
        """Income or spending: it adds up over a period, and holds nothing."""
        return self.type in _CATEGORIES

    @property
    def has_balance(self) -> bool:
        return self.is_single and not self.is_category

    @property
    def currencies(self) -> list[str]:
        """The one that most accounts have first."""
        codes = [account.currency for account in self.accounts]
        return sorted(set(codes), key=lambda code: (-codes.count(code), code))


def scope_of(*, tree: list[Account], account_id: int | None, query: QueryDict) -> Scope:
    """What the address names. Raises NotFound for an account or a scope that the book does not have."""
    if account_id is None:
        name = query.get("scope") or "holdings"
        if name not in SCOPES:
            raise NotFound(thing="register")
        accounts = accounts_in(scope=name, tree=tree)
        return Scope(title=str(SCOPE_TITLES[name]), path=[], type=SCOPES[name][0], account=None, accounts=accounts)
    account = next((each for each in tree if each.pk == account_id), None)
    if account is None:
        raise NotFound(thing="account")
    together = account.kind == AccountKind.GROUP or "below" in query
    return Scope(
        title=account.name,
        path=paths_of(tree)[account.pk].split(":")[:-1],
        type=AccountType(account.type),
        account=account,
        accounts=below(account, tree) if together else [account],
    )


class FilterForm(forms.Form):
    """The filters of a register. What is refused filters nothing, and says so at its field."""

    q = forms.CharField(label=gettext_lazy("Words"), required=False, max_length=100)
    payee = forms.CharField(label=gettext_lazy("Payee"), required=False, max_length=200)
    amount = forms.CharField(
        label=gettext_lazy("Amount"),
        required=False,
        max_length=60,
        help_text=gettext_lazy("12.50, 10..20, > 100"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    category = forms.ChoiceField(label=gettext_lazy("Category or other account"), required=False)
    account = forms.ChoiceField(label=gettext_lazy("Account"), required=False)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), required=False, choices=[("", gettext_lazy("Any")), *KINDS])
    tag = forms.ChoiceField(label=gettext_lazy("Tag"), required=False)
    mark = forms.ChoiceField(
        label=gettext_lazy("With the bank"), required=False, choices=[("", gettext_lazy("Any")), *MARKS]
    )
    who = forms.ChoiceField(label=gettext_lazy("Entered by"), required=False)
    source = forms.ChoiceField(
        label=gettext_lazy("Came from"),
        required=False,
        choices=[("", gettext_lazy("Anywhere")), *JournalEntry.Source.choices],
    )
    all = forms.BooleanField(label=gettext_lazy("Show corrected and deleted entries too"), required=False)
    # Of the address only: menus and links set them.
    currency = forms.ChoiceField(required=False, widget=forms.HiddenInput)
    accounts = forms.CharField(required=False, max_length=2000, widget=forms.HiddenInput)
    without = forms.CharField(required=False, max_length=2000, widget=forms.HiddenInput)
    period = forms.CharField(required=False, max_length=30, widget=forms.HiddenInput)
    start = forms.DateField(label=gettext_lazy("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    end = forms.DateField(label=gettext_lazy("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    min = forms.CharField(label=gettext_lazy("Amount at least"), required=False, max_length=40)
    max = forms.CharField(label=gettext_lazy("Amount at most"), required=False, max_length=40)

    def __init__(self, data: QueryDict, *, book: Book, scope: Scope, tree: list[Account]) -> None:
        super().__init__(data)
        self.query, self.book, self.scope, self.tree = data, book, scope, tree
        self.today = today_in(book)
        self.pay: PayRule | None = pay_rule_of(book=book)
        self.paths = {pk: path.replace(":", " › ") for pk, path in paths_of(tree).items()}
        self._choices("category", _("Any"), [(account.pk, self.paths[account.pk]) for account in tree])
        self._choices("account", _("All"), [(account.pk, self.paths[account.pk]) for account in scope.accounts])
        self._choices("currency", "", [(code, code) for code in scope.currencies])
        people = Membership.objects.filter(book=book).select_related("user").order_by("pk")
        self.people = {one.user_id: one.user.name or one.user.email for one in people}
        self._choices("who", _("Anybody"), list(self.people.items()))
        # Tags and members are the whole book's; who sees a part of it filters by neither.
        self.tags = {tag.pk: tag.name for tag in tags_of(book=book)} if book.visible_ids is None else {}
        self._choices("tag", _("Any"), list(self.tags.items()))
        if scope.is_single:
            del self.fields["account"]
        if scope.is_category:
            del self.fields["mark"]  # the bank knows lines of accounts only

    def _choices(self, name: str, none: str, choices: list[tuple[Any, str]]) -> None:
        chosen = [("", none), *((str(value), text) for value, text in choices)]
        self.fields[name].choices = chosen  # type: ignore[attr-defined]

    def clean_amount(self) -> dict[str, AmountRange] | None:
        return self._amounts(self.cleaned_data["amount"])

    def clean_min(self) -> dict[str, AmountRange] | None:
        return self._amounts(self.cleaned_data["min"] and f">={self.cleaned_data['min']}")

    def clean_max(self) -> dict[str, AmountRange] | None:
        return self._amounts(self.cleaned_data["max"] and f"<={self.cleaned_data['max']}")

    def _amounts(self, typed: str) -> dict[str, AmountRange] | None:
        """The range in each currency that can hold it ("12.50" cannot be yen)."""
        if not typed.strip():
            return None
        found: dict[str, AmountRange] = {}
        refusal: FinanceError | None = None
        for currency in self.scope.currencies:
            try:
                found[currency] = read_range(typed, currency=currency)
            except FinanceError as error:
                refusal = refusal or error
        if not found and refusal:
            raise forms.ValidationError(refusal.detail) from refusal
        return found

    def clean_accounts(self) -> list[int]:
        """Several accounts by their ids, as links of figures name them: "12,15"."""
        return _ids_among(self.scope.accounts, self.cleaned_data["accounts"])

    def clean_without(self) -> list[int]:
        """Accounts that own figures leave out: their lines, and of categories entries that touch no other account."""
        return _ids_among((account for account in self.tree if account.type in HOLDINGS), self.cleaned_data["without"])

    def clean_period(self) -> Period | None:
        text = self.cleaned_data["period"]
        try:
            return read_period(text, today=self.today, pay=self.pay) if text else None
        except Invalid as error:
            raise forms.ValidationError(error.detail) from error

    def clean(self) -> dict[str, Any]:
        """`days`, the period that is shown: days of their own go before a named period."""
        data = self.cleaned_data
        start, end = data.get("start"), data.get("end")
        data["days"] = data.get("period") or Period()
        if start or end:
            try:
                data["days"] = days_between(start, end)
            except Invalid as error:
                self.add_error("end", error.detail)
        return data

    @property
    def days(self) -> Period:
        """The days that are shown."""
        found: Period = self.cleaned_data.get("days") or Period()
        return found

    def chosen_accounts(self) -> list[Account]:
        """The accounts of the register that the filters leave."""
        data, accounts = self.cleaned_data, self.scope.accounts
        if data.get("account"):
            accounts = [account for account in accounts if str(account.pk) == data["account"]]
        if data.get("accounts"):
            accounts = [account for account in accounts if account.pk in data["accounts"]]
        if data.get("currency"):
            accounts = [account for account in accounts if account.currency == data["currency"]]
        return [account for account in accounts if account.pk not in data.get("without", ())]

    def filters(self, days: Period | None = None) -> Filters:
        """The filters that could be read, for these days or for those of the form."""
        data = self.cleaned_data
        days = days or self.days
        amounts: dict[str, AmountRange] | None = None
        for name in ("amount", "min", "max"):
            if data.get(name) is not None:
                amounts = data[name] if amounts is None else _both(amounts, data[name])
        counter: list[int] = []
        if data.get("category"):
            chosen = next(account for account in self.tree if str(account.pk) == data["category"])
            counter = [chosen.pk, *(account.pk for account in below(chosen, self.tree))]
        also: list[LineCondition] = [tagged(tag_ids=[int(data["tag"])])] if data.get("tag") else []
        also += [marked(mark=Mark(data["mark"]))] if data.get("mark") else []
        filters = Filters(
            search=data.get("q", ""),
            start=days.first,
            end=days.last,
            amounts=amounts,
            payee=data.get("payee", ""),
            counter_account_ids=counter,
            kind=Kind(data["kind"]) if data.get("kind") else None,
            source=data.get("source", ""),
            created_by_id=int(data["who"]) if data.get("who") else None,
            also=tuple(also),
            with_superseded=bool(data.get("all")),
        )
        if data.get("without") and self.scope.is_category:
            own = without(book=self.book, tree=self.tree, left_out=data["without"])
            also.append(touching(account_ids=own.visible_ids or ()))
            return replace(filters, also=tuple(also), visible_ids=self.book.visible_ids)
        return as_seen(filters, accounts=self.scope.accounts, book=self.book)


def _ids_among(accounts: Iterable[Account], typed: str) -> list[int]:
    known = {str(account.pk): account.pk for account in accounts}
    chosen = typed.split(",") if typed else []
    if not all(each in known for each in chosen):
        raise forms.ValidationError(_("Some of these accounts are not in this register."))
    return [known[each] for each in chosen]


_RANGE = re.compile(r"\s*(?:\.{2,3}|…|–|—)\s*|(?<=[0-9])\s*-\s*(?=[0-9])")
_COMPARED = re.compile(r"\s*(>=|<=|≥|≤|>|<)?(.*)", re.DOTALL)


def read_range(typed: str, *, currency: str) -> AmountRange:
    """Sizes in minor units: "12.50" exactly, "10..20" or "10-20" from and to, "> 100", "<= 5". Raises FinanceError."""
    parts = _RANGE.split(typed.strip())
    if len(parts) == 2:
        least, most = (_size(part, currency) if part.strip() else None for part in parts)
        if least is not None and most is not None and least > most:
            least, most = most, least
        return AmountRange(least=least, most=most)
    compared = _COMPARED.fullmatch(typed)
    sign, number = compared.groups() if compared else (None, typed)
    size = _size(number, currency)
    if sign in (">", ">=", "≥"):
        return AmountRange(least=size + (sign == ">"))
    if sign in ("<", "<=", "≤"):
        return AmountRange(most=size - (sign == "<"))
    return AmountRange(least=size, most=size)


def _size(typed: str, currency: str) -> int:
    return abs(figures.read_amount(typed, currency=currency, field="amount"))


def _both(one: dict[str, AmountRange], other: dict[str, AmountRange]) -> dict[str, AmountRange]:
    """What fits both ranges, of currencies that are in both."""
    return {
        currency: AmountRange(
            least=max((r.least for r in (one[currency], other[currency]) if r.least is not None), default=None),
            most=min((r.most for r in (one[currency], other[currency]) if r.most is not None), default=None),
        )
        for currency in one.keys() & other.keys()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Pill:
    """A filter in use, with the address that removes it."""

    text: str
    without: str


def pills_of(form: FilterForm) -> list[Pill]:
    """The filters in use, in words; the days are in the menu of periods."""
    data = form.cleaned_data
    words: dict[str, Callable[[Any], str]] = {
        "q": lambda value: _("“%(words)s”") % {"words": value},
        "payee": lambda value: _("payee %(name)s") % {"name": value},
        "amount": lambda _range: form.data["amount"].strip(),
        "min": lambda _range: _("at least %(amount)s") % {"amount": form.data["min"].strip()},
        "max": lambda _range: _("at most %(amount)s") % {"amount": form.data["max"].strip()},
        "category": lambda value: form.paths[int(value)].rpartition(" › ")[2],
        "account": lambda value: form.paths[int(value)].rpartition(" › ")[2],
        "accounts": lambda value: ngettext("%(n)s account", "%(n)s accounts", len(value)) % {"n": len(value)},
        "without": lambda value: (
            _("without %(names)s") % {"names": ", ".join(form.paths[each].rpartition(" › ")[2] for each in value)}
        ),
        "currency": str,
        "tag": lambda value: form.tags[int(value)],
        "kind": lambda value: str(dict(KINDS)[Kind(value)]),
        "mark": lambda value: str(dict(MARKS)[Mark(value)]),
        "who": lambda value: _("entered by %(name)s") % {"name": form.people[int(value)]},
        "source": lambda value: str(JournalEntry.Source(value).label),
        "all": lambda _on: _("with history"),
    }
    asked = [(name, data.get(name)) for name in words]
    return [
        Pill(text=words[name](value), without=with_query(form.query, **{name: None}))
        for name, value in asked
        if value not in (None, "", False, [])
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodChoice:
    """A period in the menu, with the address of its rows."""

    text: str
    address: str
    is_current: bool


def period_menu(form: FilterForm) -> dict[str, Any]:
    """The period that is shown, those to choose from, and the ones before and after it."""
    choices = []
    for preset, text in PRESET_TEXTS.items():
        try:
            days = read_period(preset, today=form.today, pay=form.pay)
        except Invalid:
            continue  # no pay period
        address = with_query(form.query, period=preset.value, start=None, end=None)
        choices.append(PeriodChoice(text=str(text), address=address, is_current=days == form.days))
    before, after = form.days.before(), form.days.after()
    return {
        "period_text": period_text(form.days),
        "period_choices": choices,
        "period_before": before and with_query(form.query, period=period_token(before), start=None, end=None),
        "period_after": after and with_query(form.query, period=period_token(after), start=None, end=None),
    }


def kept(query: QueryDict, *, without: set[str]) -> list[tuple[str, str]]:
    """The hidden fields that keep the other filters."""
    return [(name, str(value)) for name, value in query.items() if value and name not in without | {"after"}]


def read_register(*, book: Book, query: QueryDict, account_id: int | None) -> tuple[Scope, FilterForm]:
    """The register that an address asks for. Raises NotFound."""
    tree = accounts_of(book=book)
    scope = scope_of(tree=tree, account_id=account_id, query=query)
    form = FilterForm(query, book=book, scope=scope, tree=tree)
    form.is_valid()
    return scope, form


def with_query(query: QueryDict, **changes: str | None) -> str:
    """The address's query with some values set or removed; a change of filter starts at the first page."""
    changed = query.copy()
    changed.pop("after", None)
    for name, value in changes.items():
        changed.pop(name, None)
        if value:
            changed[name] = value
    for name in [name for name, value in changed.items() if value == ""]:
        del changed[name]
    return f"?{changed.urlencode()}"
