"""What of a row or an entry is counted."""

from collections.abc import Sequence

from core.words import plain

# The first words say who it is; a bank's small print follows.
MOST_WORDS = 12
_LONGEST = 60
# Counts every entry, whatever its words.
EVERY = ""
# First characters of what is no single word.
KEY, AMOUNT, ACCOUNT = "=", "#", "@"


def features(*, payee: str, description: str, amount: int, currency: str, account_id: int) -> tuple[str, ...]:
    """The payee's words as one, each word of payee and description, the exact amount, and the row's account."""
    key = _words(payee)
    words = dict.fromkeys(word[:_LONGEST] for word in (*key, *_words(description)))
    found = [f"{KEY}{' '.join(key)[:_LONGEST]}"] if key else []
    return (*found, *list(words)[:MOST_WORDS], f"{AMOUNT}{currency}{abs(amount)}", f"{ACCOUNT}{account_id}")


def _words(text: str) -> list[str]:
    """Words without digits; letters that stand alone become one word, as in “H+M”."""
    found: list[str] = []
    letters = ""
    for word in (*plain(text).split(), ""):
        if len(word) == 1 and word.isalpha():
            letters += word
            continue
        if len(letters) > 1:
            found.append(letters)
        letters = ""
        if word.isalpha():
            found.append(word)
    return found


def is_word(feature: str) -> bool:
    """Whether the feature is about words: without any of these there is nothing to judge by."""
    return feature[:1] not in (AMOUNT, ACCOUNT)


def told(spoke: Sequence[str]) -> str:
    """The features as people read them: “rewe”, “markt”."""
    return ", ".join(f"“{word}”" for word in " ".join(spoke).removeprefix(KEY).split()[:3])
