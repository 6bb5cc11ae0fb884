"""From a finding's template and figures to one sentence in the reader's language."""

import dataclasses
import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise

from finance.money import OTHER_EXPONENTS
from insights.rules.catalogue import RULES

MINUS = "\N{MINUS SIGN}"

TEMPLATES: dict[str, StrOrPromise] = {
    "unusual_amount": gettext_lazy(
        "{payee} took {amount} on {date}; usually it is about {usual} (middle of {payments} payments)."
    ),
    "possible_duplicate_same_day": gettext_lazy("{payee} took {times} × {amount} on {date} from {account}."),
    "possible_duplicate_within_days": gettext_lazy(
        "{payee} took {times} × {amount} between {first_date} and {date} from {account}."
    ),
    "subscription_price_rise_week": gettext_lazy(
        "{payee} costs {new} a week instead of {old} since {date}: {percent} % more, which is {yearly} a year."
    ),
    "subscription_price_rise_fortnight": gettext_lazy(
        "{payee} costs {new} every two weeks instead of {old} since {date}: {percent} % more, which is {yearly} a year."
    ),
    "subscription_price_rise_month": gettext_lazy(
        "{payee} costs {new} a month instead of {old} since {date}: {percent} % more, which is {yearly} a year."
    ),
    "subscription_price_rise_quarter": gettext_lazy(
        "{payee} costs {new} a quarter instead of {old} since {date}: {percent} % more, which is {yearly} a year."
    ),
    "subscription_price_rise_year": gettext_lazy(
        "{payee} costs {new} a year instead of {old} since {date}: {percent} % more."
    ),
    "category_above_usual_so_far": gettext_lazy(
        "{category}: {amount} so far in {month}, already more than in a usual whole month ({usual})."
    ),
    "category_above_usual_whole_month": gettext_lazy("{category}: {amount} in {month}, usually {usual} a month."),
    "low_balance_ahead_zero": gettext_lazy(
        "{account} is about to go below zero on {date}: it holds {balance} and by then pays {items}."
    ),
    "low_balance_ahead_floor": gettext_lazy(
        "{account} is about to go below {floor} on {date}: it holds {balance} and by then pays {items}."
    ),
}


def sentence(template: str, params: Mapping[str, Any]) -> str:
    """The sentence of that name with its figures written for the reader's locale."""
    told = {name: told_figure(value) for name, value in params.items()}
    if "items" in params:
        told["items"] = _items(params["items"], more=params.get("more", 0))
    return str(TEMPLATES[template]).format(**told)


def told_figure(value: Any) -> str:
    """An amount, a day or a month of `params` as text; anything else as it is."""
    if isinstance(value, Mapping) and "currency" in value:
        return money_text(Decimal(value["amount"]), value["currency"])
    if isinstance(value, Mapping) and "day" in value:
        return format_date(datetime.date.fromisoformat(value["day"]), format="long", locale=_locale())
    if isinstance(value, Mapping) and "month" in value:
        first_day = datetime.date.fromisoformat(f"{value['month']}-01")
        return format_date(first_day, format="LLLL y", locale=_locale())
    return str(value)


def money_text(amount: Decimal, currency: str) -> str:
    """An amount as the reader writes it, with a real minus."""
    if currency in OTHER_EXPONENTS:
        places = "0" * OTHER_EXPONENTS[currency]
        text = f"{format_decimal(amount, format=f'#,##0.{places}', locale=_locale())} {currency}"
    else:
        text = format_currency(amount, currency, locale=_locale())
    return text.replace("-", MINUS)


def reasons(kind: str, thresholds: Mapping[str, Any], *, currency: str | None = None) -> list[tuple[str, str]]:
    """Why a rule raised what it raised: each threshold in words, with its value; amounts in that currency only."""
    return [
        (_(field.metadata["says"]), _threshold(thresholds[field.name], currency))
        for field in dataclasses.fields(RULES[kind].settings)
        if field.name in thresholds
    ]


def currency_of(params: Mapping[str, Any]) -> str | None:
    """The currency of a finding's figures."""
    codes = (value["currency"] for value in params.values() if isinstance(value, Mapping) and "currency" in value)
    return next(codes, None)


def _threshold(value: Any, currency: str | None) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    told = [money_text(Decimal(text), code) for code, text in value.items() if currency in (None, code)]
    return ", ".join(told) or _("not set")


def _items(items: list[Mapping[str, Any]], *, more: int) -> str:
    """ "Rent (€800.00, 1 August) and Power (€90.00, 3 August)"."""
    told = [f"{item['name']} ({told_figure(item['amount'])}, {told_figure(item['date'])})" for item in items]
    if more:
        told.append(ngettext("{count} more payment", "{count} more payments", more).format(count=more))
    if len(told) == 1:
        return told[0]
    return _("{first} and {last}").format(first=", ".join(told[:-1]), last=told[-1])


def _locale() -> Locale:
    try:
        return Locale.parse((get_language() or "en").replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")
