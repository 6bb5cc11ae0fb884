"""Account names that other tools accept, and the way back.

hledger takes nearly any text, so what it would misread is written as %XX and read back from there. Beancount takes
letters, digits and hyphens below five fixed roots, so its names are new ones and the full name stands beside them.
"""

import re
import unicodedata

from finance.ledger.models import Account, AccountKind, AccountType
from finance.ledger.selectors import paths_of

BEANCOUNT_ROOTS = {
    AccountType.ASSET: "Assets",
    AccountType.LIABILITY: "Liabilities",
    AccountType.EQUITY: "Equity",
    AccountType.INCOME: "Income",
    AccountType.EXPENSE: "Expenses",
}

# Comments, virtual postings, states, prices, assertions and tags begin with these; % begins our own escapes.
_UNSAFE_ANYWHERE = frozenset('%;|"@=,[]{}()*!~')
# Most texts: words of letters and digits with single spaces between them.
_PLAIN = re.compile(r"[A-Za-z0-9_.'&/+-]*(?: [A-Za-z0-9_.'&/+-]+)*")


def hledger_text(text: str, *, unsafe: str = "") -> str:
    """The text with everything that hledger could take for syntax as %XX (of UTF-8); single spaces stay."""
    if _PLAIN.fullmatch(text):
        return text
    kept: list[str] = []
    for index, character in enumerate(text):
        blank = character.isspace() or unicodedata.category(character)[0] in "CZ"
        lonely = character == " " and 0 < index < len(text) - 1 and text[index - 1] != " "
        if (blank and not lonely) or character in _UNSAFE_ANYWHERE or character in unsafe:
            kept.extend(f"%{byte:02X}" for byte in character.encode())
        else:
            kept.append(character)
    return "".join(kept)


def hledger_names(accounts: list[Account]) -> dict[int, str]:
    """Full names by account id, of accounts in tree order; a colon inside a name is %3A."""
    names: dict[int, str] = {}
    for account in accounts:
        own = hledger_text(account.name, unsafe=":")
        above = names.get(account.parent_id or 0)
        names[account.pk] = f"{above}:{own}" if above else own
    return names


def beancount_names(accounts: list[Account]) -> dict[int, str]:
    """Full names by account id, of accounts in tree order; names that would fall together are numbered."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for account in accounts:
        root = BEANCOUNT_ROOTS[AccountType(account.type)]
        if account.parent_id is None and account.kind == AccountKind.GROUP and account.name == root:
            names[account.pk] = root
            continue
        above = names[account.parent_id] if account.parent_id is not None else root
        name = f"{above}:{beancount_component(account.name)}"
        free, number = name, 1
        while free in taken:
            number += 1
            free = f"{name}-{number}"
        names[account.pk] = free
        taken.add(free)
    return names


def full_names(accounts: list[Account]) -> dict[int, str]:
    """The names as the household knows them."""
    return paths_of(accounts)


def beancount_component(name: str) -> str:
    """One part of a beancount account: begins with a capital or a digit, then letters, digits and hyphens."""
    composed = unicodedata.normalize("NFC", name)
    hyphened = "".join(character if _is_letter_or_digit(character) else "-" for character in composed)
    stripped = re.sub("-+", "-", hyphened).strip("-") or "Account"
    capital = stripped[0].upper()
    if all(_is_letter_or_digit(character) for character in capital):
        stripped = capital + stripped[1:]
    # Scripts without capitals.
    return stripped if unicodedata.category(stripped[0]) in ("Lu", "Nd") else f"X-{stripped}"


def _is_letter_or_digit(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "L" or category == "Nd"
