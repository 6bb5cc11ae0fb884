"""Texts reduced to their words, so that what people and banks write can be compared."""

import re
import unicodedata
from functools import lru_cache

_LETTERS = str.maketrans(
    {"ø": "o", "æ": "ae", "ł": "l", "ß": "ss", "đ": "d", "ð": "d", "ı": "i", "€": " eur ", "£": " gbp "}
)
_LONGEST = 1000
_VOICED = "\u3099\u309a"
_ASCII_WORDS = re.compile(r"[a-z0-9]+")


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """Lower case, no accents, punctuation as single spaces; "+" and "-" between brackets are dropped.

    Only the first characters of a long text are read: its first words tell what it is, and putting accents in order
    takes a time that grows with the square of their number.
    """
    text = text[:_LONGEST]
    if text.isascii():
        return " ".join(_ASCII_WORDS.findall(text.lower()))
    folded = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    # Vowels of Thai and of Indian scripts are marks as well, but parts of the word; Japanese has two marks that make
    # another letter.
    kept = "".join(
        c if c.isalnum() or unicodedata.category(c)[0] == "M" else " "
        for c in folded
        if not unicodedata.combining(c) or c in _VOICED
    )
    return " ".join(unicodedata.normalize("NFC", kept).split())
