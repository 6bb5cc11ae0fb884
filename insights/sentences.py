"""From a finding's template and figures to one sentence in the reader's language."""

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django_stubs_ext import StrOrPromise

from core.formatting import date_text, month_text
from finance import money
from finance.figures import about_text, money_text
from insights.rules.catalogue import RULES

TEMPLATES: dict[str, StrOrPromise] = {
    "unusual_amount": gettext_lazy(
        "{payee} took {amount} on {date}; usually about {usual} (median of {payments} payments)."
    ),
    "possible_duplicate_same_day": gettext_lazy("{payee} took {times} × {amount} on {date} from {account}."),
    "possible_duplicate_within_days": gettext_lazy(
        "{payee} took {times} × {amount} between {first_date} and {date} from {account}."
    ),
    "subscription_price_rise_day": gettext_lazy(
        "{payee} costs {new} a day instead of {old} since {date}: {percent}% more, or {yearly} a year."
    ),
    "subscription_price_rise_week": gettext_lazy(
        "{payee} costs {new} a week instead of {old} since {date}: {percent}% more, or {yearly} a year."
    ),
    "subscription_price_rise_fortnight": gettext_lazy(
        "{payee} costs {new} every two weeks instead of {old} since {date}: {percent}% more, or {yearly} a year."
    ),
    "subscription_price_rise_twice_a_month": gettext_lazy(
        "{payee} costs {new} twice a month instead of {old} since {date}: {percent}% more, or {yearly} a year."
    ),
    "subscription_price_rise_four_weeks": gettext_lazy(
        "{payee} costs {new} every four weeks instead of {old} since {date}: {percent}% more, or {yearly} a year."
    ),
    "subscription_price_rise_month": gettext_lazy(
        "{payee} costs {new} a month instead of {old} since {date}: {percent}% more, or {yearly} a year."
    ),
    "subscription_price_rise_two_months": gettext_lazy(
        "{payee} costs {new} every two months instead of {old} since {date}: {percent}% more, or {yearly} a year."
    ),
    "subscription_price_rise_quarter": gettext_lazy(
        "{payee} costs {new} a quarter instead of {old} since {date}: {percent}% more, or {yearly} a year."
    ),
    "subscription_price_rise_four_months": gettext_lazy(
        "{payee} costs {new} every four months instead of {old} since {date}: {percent}% more, or {yearly} a year."
    ),
    "subscription_price_rise_half_year": gettext_lazy(
        "{payee} costs {new} every six months instead of {old} since {date}: {percent}% more, or {yearly} a year."
    ),
    "subscription_price_rise_year": gettext_lazy(
        "{payee} costs {new} a year instead of {old} since {date}: {percent}% more."
    ),
    "subscription_price_rise_two_years": gettext_lazy(
        "{payee} costs {new} every two years instead of {old} since {date}: {percent}% more."
    ),
    "category_above_usual_so_far": gettext_lazy(
        "{category}: {amount} so far in {month}; usually about {usual} in a whole month (median of {months} months)."
    ),
    "category_above_usual_whole_month": gettext_lazy(
        "{category}: {amount} in {month}; usually about {usual} a month (median of {months} months)."
    ),
    "low_balance_ahead_zero": gettext_lazy(
        "{account} is set to drop below zero on {date}: it holds {balance}, with {items} due by then."
    ),
    "low_balance_ahead_floor": gettext_lazy(
        "{account} is set to drop below {floor} on {date}: it holds {balance}, with {items} due by then."
    ),
}
# Figures that a sentence calls "about".
ROUNDED = frozenset({"usual"})


def sentence(template: str, params: Mapping[str, Any]) -> str:
    """The sentence of that name with its figures written for the reader's locale."""
    told = {name: told_figure(value, rounded=name in ROUNDED) for name, value in params.items()}
    if "items" in params:
        # "Rent (€800.00, 1 August) and Power (€90.00, 3 August)".
        items = [f"{one['name']} ({told_figure(one['amount'])}, {told_figure(one['date'])})" for one in params["items"]]
        if more := params.get("more", 0):
            items.append(ngettext("{count} more payment", "{count} more payments", more).format(count=more))
        together = _("{first} and {last}").format(first=", ".join(items[:-1]), last=items[-1])
        told["items"] = together if len(items) > 1 else items[0]
    return str(TEMPLATES[template]).format(**told)


def told_figure(value: Any, *, rounded: bool = False) -> str:
    """An amount, a day or a month of `params` as text; anything else as it is."""
    if isinstance(value, Mapping) and "currency" in value:
        minor_units = money.parse_amount(value["amount"], currency=value["currency"])
        return (about_text if rounded else money_text)(minor_units, currency=value["currency"])
    if isinstance(value, Mapping) and "day" in value:
        return date_text(datetime.date.fromisoformat(value["day"]))
    if isinstance(value, Mapping) and "month" in value:
        return month_text(datetime.date.fromisoformat(f"{value['month']}-01"))
    return str(value)


def reasons(kind: str, thresholds: Mapping[str, Any], *, currency: str | None = None) -> list[tuple[str, str]]:
    """Why a rule raised what it raised: each threshold in words, with its value; amounts in that currency only."""
    found = []
    for field in dataclasses.fields(RULES[kind].settings):
        if field.name not in thresholds:
            continue
        value = thresholds[field.name]
        if isinstance(value, Mapping):
            given = [(text, code) for code, text in value.items() if currency in (None, code)]
            value = ", ".join(told_figure({"amount": text, "currency": code}) for text, code in given) or _("not set")
        found.append((_(field.metadata["says"]), str(value)))
    return found


def currency_of(params: Mapping[str, Any]) -> str | None:
    """The currency of a finding's figures."""
    codes = (value["currency"] for value in params.values() if isinstance(value, Mapping) and "currency" in value)
    return next(codes, None)
