"""Account trees that a new book can start from. Names are translated into the creator's language."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from finance.ledger.models import AccountKind as Kind
from finance.ledger.models import AccountType as Type


@dataclass(frozen=True, slots=True)
class Node:
    """An account of a template; children inherit its type, all have the book's currency."""

    name: StrOrPromise
    kind: Kind = Kind.CATEGORY
    children: Sequence["Node"] = ()


def _group(name: StrOrPromise, *children: Node) -> Node:
    return Node(name, Kind.GROUP, children)


def _categories(*names: StrOrPromise) -> list[Node]:
    return [Node(name) for name in names]


TEMPLATES: dict[str, Sequence[tuple[Type, Node]]] = {
    "household": (
        (
            Type.ASSET,
            _group(
                _("Assets"),
                Node(_("Checking account"), Kind.CHECKING),
                Node(_("Savings account"), Kind.SAVINGS),
                Node(_("Cash"), Kind.CASH),
            ),
        ),
        (Type.LIABILITY, _group(_("Liabilities"), Node(_("Credit card"), Kind.CARD))),
        (Type.EQUITY, _group(_("Equity"), Node(_("Opening balances"), Kind.OPENING))),
        (
            Type.INCOME,
            _group(
                _("Income"),
                *_categories(
                    _("Salary"), _("Interest received"), _("Gifts received"), _("Refunds"), _("Uncategorised")
                ),
            ),
        ),
        (
            Type.EXPENSE,
            _group(
                _("Expenses"),
                _group(
                    _("Housing"),
                    *_categories(_("Rent"), _("Electricity and heating"), _("Water"), _("Repairs")),
                ),
                _group(_("Food"), *_categories(_("Groceries"), _("Restaurants"))),
                _group(_("Transport"), *_categories(_("Public transport"), _("Fuel"), _("Car"))),
                _group(_("Communication"), *_categories(_("Phone and internet"), _("Subscriptions"))),
                _group(_("Health"), *_categories(_("Pharmacy"), _("Doctors"), _("Sports"))),
                _group(_("Leisure"), *_categories(_("Going out"), _("Travel"), _("Gifts"))),
                _group(_("Shopping"), *_categories(_("Furniture"), _("Clothing"), _("Electronics"))),
                _group(_("Family"), *_categories(_("Children"), _("Education"), _("Pets"))),
                *_categories(_("Insurance"), _("Interest paid"), _("Bank fees"), _("Taxes"), _("Uncategorised")),
            ),
        ),
    ),
    "freelancer": (
        (
            Type.ASSET,
            _group(
                _("Assets"),
                Node(_("Business account"), Kind.CHECKING),
                Node(_("Tax reserve"), Kind.SAVINGS),
                Node(_("Cash"), Kind.CASH),
                Node(_("Receivables"), Kind.RECEIVABLE),
                Node(_("Input tax"), Kind.TAX),
                Node(_("Equipment"), Kind.PROPERTY),
            ),
        ),
        (
            Type.LIABILITY,
            _group(
                _("Liabilities"),
                Node(_("Credit card"), Kind.CARD),
                Node(_("Payables"), Kind.PAYABLE),
                Node(_("Value added tax"), Kind.TAX),
            ),
        ),
        (
            Type.EQUITY,
            _group(
                _("Equity"),
                Node(_("Opening balances"), Kind.OPENING),
                Node(_("Private withdrawals"), Kind.OTHER),
                Node(_("Private contributions"), Kind.OTHER),
            ),
        ),
        (
            Type.INCOME,
            _group(
                _("Income"),
                *_categories(_("Fees"), _("Sales"), _("Royalties"), _("Interest received"), _("Uncategorised")),
            ),
        ),
        (
            Type.EXPENSE,
            _group(
                _("Expenses"),
                *_categories(
                    _("Office"),
                    _("Software and services"),
                    _("Phone and internet"),
                    _("Travel"),
                    _("Low-value equipment"),
                    _("Advertising"),
                    _("Professional advice"),
                    _("Insurance"),
                    _("Training"),
                    _("Interest paid"),
                    _("Bank fees"),
                    _("Taxes"),
                    _("Uncategorised"),
                ),
            ),
        ),
    ),
}
