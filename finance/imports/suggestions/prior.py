"""What words usually mean, before a book has taught anything: shipped as data, in prior.json.

A category of the data is mapped to an account of the book by its names, in any of the languages; without such an
account nothing is said.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from core.languages import translations_of
from core.words import plain
from finance.imports.suggestions.words import is_word
from finance.ledger.models import Account, AccountKind, AccountType

# How far a shipped word is to be believed. Not learned: a household may see it otherwise.
CHANCE = 0.8

# (word, money out) → account
Known = dict[tuple[str, bool], int]


@lru_cache(maxsize=1)
def data() -> dict[str, dict[str, object]]:
    """Category → {"type", "names", "words" by language}; the words are lower case without accents."""
    loaded: dict[str, dict[str, object]] = json.loads(Path(__file__).with_name("prior.json").read_text())
    return loaded


def by_word(accounts: Sequence[Account]) -> Known:
    """The shipped words that mean one of these accounts."""
    names: dict[tuple[str, str], int] = {}
    for account in accounts:
        if account.kind == AccountKind.CATEGORY:
            names.setdefault((plain(account.name), account.type), account.pk)
    known: Known = {}
    for category in data().values():
        kind, listed, words = str(category["type"]), category["names"], category["words"]
        assert isinstance(listed, list)
        assert isinstance(words, dict)
        # The first name is that of a new book's category, which was made in its owner's language.
        every = [*listed, *sorted(translations_of(listed[0]))]
        found = next((names[key] for name in every if (key := (plain(name), kind)) in names), None)
        if found is not None:
            outgoing = kind == AccountType.EXPENSE.value
            known |= {(word, outgoing): found for of_language in words.values() for word in of_language}
    return known


def lookup(known: Known, words: Sequence[str], *, outgoing: bool) -> tuple[str, int] | None:
    """The first word of the row that means something, with its account."""
    return next(((word, known[word, outgoing]) for word in words if is_word(word) and (word, outgoing) in known), None)
