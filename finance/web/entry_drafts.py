"""From an entry to the form that would write it, and from one form to another without losing what was typed."""

from collections.abc import Mapping, Sequence
from typing import Any

from finance.figures import typed_text
from finance.models import AccountKind, AccountType, JournalEntry, JournalLine
from finance.web.entry_forms import CATEGORY_TYPES, HOLDING_TYPES

COMMON = ("uid", "date", "payee", "description")


def draft_of(entry: JournalEntry, lines: Sequence[JournalLine]) -> tuple[str, dict[str, Any]]:
    """The simplest mode that says what the entry says, and its form's initial values."""
    common = {"date": entry.date, "payee": entry.payee, "description": entry.description}
    for attempt in (_as_two_sides, _as_split, _as_transfer_with_fee, _as_exchange):
        mode, said = attempt(lines)
        if mode:
            return mode, {**common, **said}
    rows: dict[str, Any] = {"rows": len(lines) + 1}
    for index, line in enumerate(lines):
        side = "debit" if line.amount > 0 else "credit"
        rows[f"row-{index}-account"] = line.account_id
        rows[f"row-{index}-{side}"] = typed_text(abs(line.amount), currency=line.currency)
        rows[f"row-{index}-memo"] = line.memo
    return "lines", {**common, **rows}


def _as_two_sides(lines: Sequence[JournalLine]) -> tuple[str, dict[str, Any]]:
    if len(lines) != 2 or any(line.memo for line in lines):
        return "", {}
    taker, giver = sorted(lines, key=lambda line: -line.amount)
    amount = {"amount": typed_text(taker.amount, currency=taker.currency)}
    kinds = (_kind(giver), _kind(taker))
    if kinds == ("holding", "category"):
        return "spent", {**amount, "account": giver.account_id, "category": taker.account_id}
    if kinds == ("category", "holding"):
        return "received", {**amount, "account": taker.account_id, "category": giver.account_id}
    if kinds == ("holding", "holding"):
        return "moved", {**amount, "account": giver.account_id, "target": taker.account_id}
    return "", {}


def _as_transfer_with_fee(lines: Sequence[JournalLine]) -> tuple[str, dict[str, Any]]:
    fees = [line for line in lines if line.account.type == AccountType.EXPENSE and line.amount > 0]
    holdings = sorted((line for line in lines if _kind(line) == "holding"), key=lambda line: line.amount)
    one_currency = len({line.currency for line in lines}) == 1
    if len(lines) != 3 or len(fees) != 1 or len(holdings) != 2 or not one_currency or any(line.memo for line in lines):
        return "", {}
    giver, taker = holdings
    if giver.amount >= 0 or taker.amount <= 0:
        return "", {}
    typed = {"amount": typed_text(taker.amount, currency=taker.currency), "account": giver.account_id,
             "target": taker.account_id}  # fmt: skip
    return "moved", {
        **typed,
        "fee": typed_text(fees[0].amount, currency=taker.currency),
        "fee_category": fees[0].account_id,
    }


def _as_exchange(lines: Sequence[JournalLine]) -> tuple[str, dict[str, Any]]:
    real = [line for line in lines if line.account.kind != AccountKind.TRADING]
    if len(lines) != 4 or len(real) != 2 or any(line.memo for line in lines):
        return "", {}
    giver, taker = sorted(real, key=lambda line: line.amount)
    if giver.amount >= 0 or taker.amount <= 0 or giver.currency == taker.currency:
        return "", {}
    given, taken = (typed_text(abs(line.amount), currency=line.currency) for line in (giver, taker))
    match _kind(giver), _kind(taker):
        case "holding", "holding":
            return "exchanged", {
                "amount": given,
                "counter_amount": taken,
                "account": giver.account_id,
                "target": taker.account_id,
            }
        case "holding", "category":
            return "spent", {
                "amount": given,
                "counter_amount": taken,
                "account": giver.account_id,
                "category": taker.account_id,
            }
        case "category", "holding":
            return "received", {
                "amount": taken,
                "counter_amount": given,
                "account": taker.account_id,
                "category": giver.account_id,
            }
    return "", {}


def _as_split(lines: Sequence[JournalLine]) -> tuple[str, dict[str, Any]]:
    holdings = [line for line in lines if _kind(line) == "holding"]
    parts = [line for line in lines if _kind(line) == "category"]
    one_currency = len({line.currency for line in lines}) == 1
    if len(holdings) != 1 or len(parts) + 1 != len(lines) or not one_currency or holdings[0].memo:
        return "", {}
    held = holdings[0]
    sign = 1 if held.amount < 0 else -1
    said: dict[str, Any] = {
        "amount": typed_text(abs(held.amount), currency=held.currency),
        "account": held.account_id,
        "direction": "spent" if sign == 1 else "received",
        "rows": len(parts) + 1,
    }
    for index, part in enumerate(parts):
        said[f"row-{index}-category"] = part.account_id
        said[f"row-{index}-amount"] = typed_text(sign * part.amount, currency=part.currency)
        said[f"row-{index}-memo"] = part.memo
    return "split", said


def _kind(line: JournalLine) -> str:
    account_type = AccountType(line.account.type)
    if account_type in HOLDING_TYPES:
        return "holding"
    return "category" if account_type in CATEGORY_TYPES else "other"


def carried(typed: Mapping[str, Any], *, to: str) -> dict[str, Any]:
    """What was typed in one mode, as initial values of another."""
    values = {name: value for name, value in typed.items() if value not in ("", None)}
    came_from = values.get("mode", "")
    if to == "lines" and came_from in ("spent", "received", "moved"):
        taker, giver = {
            "spent": ("category", "account"),
            "received": ("account", "category"),
            "moved": ("target", "account"),
        }[came_from]
        return {
            **{name: values[name] for name in COMMON if name in values},
            "row-0-account": values.get(taker),
            "row-0-debit": values.get("amount"),
            "row-1-account": values.get(giver),
            "row-1-credit": values.get("counter_amount") or values.get("amount"),
        }
    if to == "split" and came_from in ("spent", "received"):
        first = {"row-0-category": values.get("category"), "row-0-amount": values.get("amount")}
        return {**values, **first, "direction": came_from, "rows": 3}
    if to in ("spent", "received") and came_from == "split":
        return {**values, "category": values.get("row-0-category")}
    return values
