"""Names of months in the languages of the banks we know of, from CLDR (Babel)."""

import re
import unicodedata
from collections import defaultdict
from functools import cache

from babel.dates import get_month_names

# CLDR's codes; of two languages that call different months by one name, the one with more speakers first.
LANGUAGES = (
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "cs", "sk", "hu", "ro", "sl", "sr_Latn", "sr", "bg", "ru", "uk", "el",
    "tr", "sv", "da", "nb", "fi", "et", "lv", "lt", "is", "ca", "id", "ms", "gl", "sq", "mk", "hr",
)  # fmt: skip
CROATIAN = "hr"
# What banks write and CLDR does not know: without accents, in old spelling, or shorter.
_ALSO = {
    1: "janv jan led gen", 2: "fev fevr febr unor", 3: "mrz maerz mrt bre", 4: "avr abr dub", 5: "mei maj kve",
    6: "juin cer", 7: "juil cec", 8: "aout srp", 9: "sept set zar", 10: "okt rij paz", 11: "lis", 12: "dez dic pro",
}  # fmt: skip
_BEFORE_NAME = re.compile(r"^(?:de |d['’])")
_LETTERS = str.maketrans({"ł": "l", "ı": "i", "ø": "o", "đ": "d"})
_LONGEST = 20


def month_of(name: str) -> tuple[int | None, int | None]:
    """The month of that name, and what Croatian means by it where that is another one (lipanj, listopad, srpanj)."""
    if len(name) > _LONGEST:
        return None, None
    folded = _folded(name)
    usual, croatian = _months()
    month, other = usual.get(folded), croatian.get(folded)
    return (other, None) if month is None else (month, other if other != month else None)


def only_croatian(name: str) -> bool:
    """Whether no other language has a month of that name."""
    usual, croatian = _months()
    return len(name) <= _LONGEST and _folded(name) in croatian.keys() - usual.keys()


def _folded(name: str) -> str:
    """Lower case, without accents and dots."""
    decomposed = unicodedata.normalize("NFKD", _BEFORE_NAME.sub("", name.casefold()).translate(_LETTERS))
    return "".join(character for character in decomposed if not unicodedata.combining(character)).strip(".")


@cache
def _months() -> tuple[dict[str, int], dict[str, int]]:
    """Month by name: in all languages but Croatian, and in Croatian. Read when the first name is met."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for language in LANGUAGES:
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for month, name in get_month_names(width, context, language).items():
                    if (folded := _folded(name)).isalpha():
                        found[language].setdefault(folded, month)
    usual = {name: month for month, names in _ALSO.items() for name in names.split()}
    for language in LANGUAGES:
        if language != CROATIAN:
            usual = {**found[language], **usual}
    return usual, found[CROATIAN]
