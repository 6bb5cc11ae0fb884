"""Bank rows out of a Beancount ledger that others published: what the bank wrote, and which account its owner chose."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from beancount.core import data
from beancount.parser import parser

from suggestions_app.households import Row

_OWN = ("Assets:", "Liabilities:")
# An account that so many of the entries of two lines begin from is one that a bank sends files of.
_OFTEN = 0.05


def example(*, seed: int) -> str:
    """The example ledger of the Beancount project: three years of a made-up person, drawn by its own program."""
    command = [
        Path(sys.executable).with_name("bean-example"),
        "--date-begin=2022-01-01",
        "--date-end=2025-01-01",
        f"--seed={seed}",
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def rows_of(ledger: str) -> tuple[list[Row], dict[str, str]]:
    """The rows, and the type of account that each category is.

    Entries of two lines in one currency, seen from an account of the owner's that banks send files of. The bank's text is
    the payee: a narration is what the owner wrote about it later. Categories bear the last word of their account's name.
    """
    entries, _errors, _options = parser.parse_string(ledger)
    found = []
    for entry in sorted((each for each in entries if isinstance(each, data.Transaction)), key=lambda each: each.date):
        lines = entry.postings
        if len(lines) != 2 or any(line.cost or line.price for line in lines) or not entry.payee:
            continue
        known = next((line.units for line in lines if line.units and line.units.number is not None), None)
        if known is not None:
            amounts = [line.units.number if line.units and line.units.number is not None else None for line in lines]
            first = amounts[0] if amounts[0] is not None else -amounts[1]
            found.append((entry, [(lines[0].account, first), (lines[1].account, -first)]))
    often = Counter(name for _entry, sides in found for name, _amount in sides if name.startswith(_OWN))
    own = {name for name, count in often.items() if count >= _OFTEN * len(found)}
    seen = []
    for entry, sides in found:
        sides.sort(key=lambda side: side[0] not in own)
        if sides[0][0] in own:
            seen.append((entry, sides[0][1], sides[1][0]))
    names = _short({other for _entry, _amount, other in seen})
    start = seen[0][0].date
    rows = [
        Row(
            month=12 * (entry.date.year - start.year) + entry.date.month - start.month, day=min(entry.date.day, 28),
            payee=entry.payee, description="", amount=int(amount * 100), category=names[other], filed=names[other],
        )
        for entry, amount, other in seen
    ]  # fmt: skip
    types = {
        "Assets": "asset",
        "Liabilities": "liability",
        "Income": "income",
        "Expenses": "expense",
        "Equity": "equity",
    }
    return rows, {name: types[account.partition(":")[0]] for account, name in names.items()}


def _short(accounts: set[str]) -> dict[str, str]:
    """Each account's last word, or more of them where several end alike."""
    names = {}
    for account in accounts:
        words = account.split(":")
        size = next(
            n for n in range(1, len(words) + 1) if sum(each.split(":")[-n:] == words[-n:] for each in accounts) == 1
        )
        names[account] = " ".join(words[-size:])
    return names
