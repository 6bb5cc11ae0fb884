"""What of a row or an entry is counted."""

from collections.abc import Sequence

from finance.rules.engine import key_words

# The first words say who it is; a bank's small print follows.
MOST_WORDS = 12
_LONGEST = 60
# Counts every entry, whatever its words.
EVERY = ""
# First characters of what is no single word.
KEY, AMOUNT, ACCOUNT = "=", "#", "@"


def features(*, payee: str, description: str, amount: int, currency: str, account_id: int) -> tuple[str, ...]:
    """The payee's words as one, each word of payee and description, the exact amount, and the row's account."""
    key = key_words(payee)
    words = dict.fromkeys(word[:_LONGEST] for word in key_words(f"{payee} {description}").split())
    found = [f"{KEY}{key[:_LONGEST]}"] if key else []
    return (*found, *list(words)[:MOST_WORDS], f"{AMOUNT}{currency}{abs(amount)}", f"{ACCOUNT}{account_id}")


def is_word(feature: str) -> bool:
    """Whether the feature is about words: without any of these there is nothing to judge by."""
    return feature[:1] not in (AMOUNT, ACCOUNT)


def told(spoke: Sequence[str]) -> str:
    """The features as people read them: “rewe”, “markt”."""
    return ", ".join(f"“{word}”" for word in " ".join(spoke).removeprefix(KEY).split()[:3])
