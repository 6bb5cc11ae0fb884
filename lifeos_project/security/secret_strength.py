"""How hard a secret is to guess: what repeats, counts up or is a word that everybody uses adds next to nothing."""

import math
from collections import Counter
from functools import cache

from django.contrib.auth.password_validation import CommonPasswordValidator

# Shorter words turn up in random text by chance.
SHORTEST_WORD = 6
LONGEST_WORD = 20
SHORTEST_PATTERN = 4


def bits(secret: str) -> float:
    """The information in a secret, in bits, estimated from below: 40 random base64 characters have about 190."""
    kept: list[str] = []
    place = 0
    while place < len(secret):
        kept.append(secret[place])
        place += max(_word_at(secret, place), _repeat_at(secret, place), _run_at(secret, place), 1)
    counts = Counter(kept)
    return sum(count * math.log2(len(kept) / count) for count in counts.values())


def _word_at(secret: str, place: int) -> int:
    """Length of the longest common password that begins here."""
    text = secret[place : place + LONGEST_WORD].lower()
    lengths = range(len(text), SHORTEST_WORD - 1, -1)
    return next((length for length in lengths if text[:length] in _common_words()), 0)


def _repeat_at(secret: str, place: int) -> int:
    """Length of what begins here and stood further left already, also overlapping itself as in "aaaa"."""
    length = SHORTEST_PATTERN
    while place + length <= len(secret) and secret.find(secret[place : place + length]) < place:
        length += 1
    return length - 1 if length > SHORTEST_PATTERN else 0


def _run_at(secret: str, place: int) -> int:
    """Length of a run as in "abcd" or "4321" that begins here."""
    end = place + 1
    step = ord(secret[end]) - ord(secret[place]) if end < len(secret) else 0
    while abs(step) == 1 and end < len(secret) and ord(secret[end]) - ord(secret[end - 1]) == step:
        end += 1
    return end - place if end - place >= SHORTEST_PATTERN else 0


@cache
def _common_words() -> frozenset[str]:
    """Django's list of 20,000, without what random digits make by chance."""
    words = CommonPasswordValidator().passwords
    return frozenset(word for word in words if SHORTEST_WORD <= len(word) <= LONGEST_WORD)
