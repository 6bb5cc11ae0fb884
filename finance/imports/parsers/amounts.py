"""Amounts as banks write them: separators, currency signs, brackets, trailing minus, CR and DR."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from finance.imports.parsers.limits import is_believable
from finance.money import known_currencies

SYMBOLS = {
    "€": "EUR", "£": "GBP", "Kč": "CZK", "KČ": "CZK", "zł": "PLN", "ZŁ": "PLN", "Ft": "HUF", "FT": "HUF", "₹": "INR",
    "₽": "RUB", "₺": "TRY", "₪": "ILS", "₩": "KRW", "₫": "VND", "฿": "THB", "₴": "UAH", "R$": "BRL", "US$": "USD",
    "U$S": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "CAD$": "CAD", "USD$": "USD", "NZ$": "NZD",
    "HK$": "HKD", "S$": "SGD", "Fr.": "CHF", "SFr.": "CHF", "円": "JPY", "лв": "BGN", "лв.": "BGN",
}  # fmt: skip
# Signs that several currencies share, so that they name none.
_SHARED_SIGNS = {
    "$": "USD CAD AUD NZD HKD SGD TWD MXN ARS CLP COP BRL UYU DOP JMD TTD BSD BBD BZD FJD XCD KYD BMD BND NAD LRD SRD GYD",
    "¥": "JPY CNY", "元": "CNY TWD HKD", "kr": "SEK NOK DKK ISK", "Fr": "CHF XOF XAF XPF CDF GNF DJF RWF BIF KMF",
    "lei": "RON MDL", "Rs": "INR PKR LKR NPR MUR SCR", "₨": "INR PKR LKR NPR MUR SCR",
}  # fmt: skip
_OUT_MARKS = {"DR", "DR.", "D", "S", "DB", "SOLL"}
_IN_MARKS = {"CR", "CR.", "C", "H", "K", "HABEN"}
# One to three digits, a mark, three digits: thousands, or decimals with a zero too many.
_THREE = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_FEW_DIGITS = 15
_SPACED = re.compile(r"[ '’`´]")
_DIGITS = re.compile(r"[\d.,+\-()]+")
_CORE = re.compile(r"[.,]?\d[\d.,'’`´ ]*")
# Blanks of all widths; the Arabic marks for decimals and thousands; marks that only say which way text runs.
_SPACES = str.maketrans(
    {
        **dict.fromkeys("\u00a0\u202f\u2009\u2007\u2002\u2003\t", " "),
        "\u066b": ".",
        "\u066c": ",",
        "\u060c": ",",
        "\uff0e": ".",
        "\uff0c": ",",
        **dict.fromkeys("\u200e\u200f\u061c\u202a\u202b\u202c\u2066\u2067\u2069"),
    }
)
_MINUS = str.maketrans(dict.fromkeys("\u2212\u2013\u2014\u2010\u2011\ufe63\uff0d", "-"))
_GROUPED = {
    ",": re.compile(r"\d{1,3}(,\d{2,3})*,\d{3}"),
    ".": re.compile(r"\d{1,3}(\.\d{3})+"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountCell:
    """A cell taken apart: its digits with their separators, its sign ("", "+", "-") and currency code or "".

    `shared` is a sign such as "$" that several currencies are written with, or "".
    """

    core: str
    sign: str
    currency: str
    shared: str = ""


@lru_cache(maxsize=16384)
def take_apart(text: str) -> AmountCell | None:
    """The parts of an amount, or None when the cell holds anything else."""
    if len(text) > 100:
        return None
    if not text.isascii() or "\t" in text:
        text = text.translate(_SPACES).translate(_MINUS)
    stripped = text.strip().strip("'\"").strip()
    if not stripped or len(stripped) > 40:
        return None
    bracketed = stripped.startswith("(") and stripped.endswith(")")
    inner = stripped[1:-1].strip() if bracketed else stripped
    match = _CORE.search(inner)
    if match is None:
        return None
    before, behind = inner[: match.start()].rstrip(), inner[match.end() :].lstrip()
    if not bracketed and before.endswith("(") and behind.startswith(")"):
        # "$(12.34)", "(12.34) USD"
        bracketed, before, behind = True, before[:-1], behind[1:]
    return _around_digits(f"{before} {behind}", core=match[0].strip(), bracketed=bracketed)


def _around_digits(text: str, *, core: str, bracketed: bool) -> AmountCell | None:
    """The cell of these digits; beside them stand sign and currency, or it is no amount."""
    sign, currency, shared = "-" if bracketed else "", "", ""
    for word in text.replace("+", " + ").replace("-", " - ").split():
        if word == "-" or word.upper() in _OUT_MARKS:
            sign = "-"
        elif word == "+" or word.upper() in _IN_MARKS:
            sign = sign or "+"
        elif code := SYMBOLS.get(word, bare if (bare := word.upper().strip(".,")) in known_currencies() else ""):
            currency = code
        elif shared_by(word):
            shared = word
        elif word != "*":
            return None
    return AmountCell(core=core, sign=sign, currency=currency, shared=shared)


def looks_like_amount(text: str) -> bool:
    """Whether the cell can be an amount under some convention."""
    cell = take_apart(text)
    return cell is not None and any(value_of(cell.core, mark) is not None for mark in ".,")


def infer_decimal_mark(cores: Iterable[str], *, places: int = 2) -> str:
    """ "." or ",": the decimal mark that the cells of a column have in common.

    Where every cell has three digits behind its only mark, some below ten, and the currency has decimals, they are
    decimals with a zero behind: the amounts of a household are not all whole thousands.
    """
    cores = list(cores)
    votes: Counter[str] = Counter()
    for core in cores:
        mark, weight = _evidence(core, places=places)
        votes[mark] += weight
    del votes[""]
    if not votes:
        return "."
    thousands = {"." if "." in core else "," for core in cores if _THREE.fullmatch(core)}
    if undecided_decimals(cores, places=places) and len(thousands) == 1 and all(core.endswith("0") for core in cores):
        whole_hundreds = all(core.endswith("00") for core in cores)
        return votes.most_common(1)[0][0] if whole_hundreds else next(iter(thousands))
    return votes.most_common(1)[0][0]


def undecided_decimals(cores: Iterable[str], *, places: int = 2) -> str:
    """A cell such as "14.550" where no cell of the column says whether its mark is for decimals or thousands; or ""."""
    cores = list(cores)
    if not places or places == 3 or not cores or not all(_THREE.fullmatch(core) for core in cores):
        return ""
    return cores[0]


def value_of(core: str, decimal_mark: str) -> Decimal | None:
    """The unsigned value under a decimal mark, or None where the grouping makes no sense."""
    thousands = "," if decimal_mark == "." else "."
    whole, separator, fraction = _SPACED.sub("", core).rpartition(decimal_mark)
    if not separator:
        whole, fraction = fraction, ""
    if fraction and not fraction.isdigit():
        return None
    if thousands in whole:
        if not _GROUPED[thousands].fullmatch(whole):
            return None
        whole = whole.replace(thousands, "")
    if whole and not whole.isdigit():
        return None
    number = Decimal(f"{whole or '0'}.{fraction}" if fraction else (whole or "0"))
    # So few digits are within all limits.
    return number if len(core) <= _FEW_DIGITS or is_believable(number) else None


def signed_value(text: str, decimal_mark: str) -> Decimal | None:
    """The value with the sign that the cell itself shows; None when it is not an amount."""
    cell = take_apart(text)
    value = value_of(cell.core, decimal_mark) if cell else None
    if cell is None or value is None:
        return None
    return -value if cell.sign == "-" else value


def common_currency(cells: Sequence[str]) -> str:
    """The currency that signs inside the amounts name, if they agree on one."""
    named = Counter(cell.currency for text in cells if (cell := take_apart(text)) and cell.currency)
    return next(iter(named)) if len(named) == 1 else ""


def shared_by(sign: str) -> frozenset[str]:
    """The currencies that are written with the sign where it names none by itself; empty for other words."""
    bare = sign.rstrip(".")
    return frozenset(_SHARED_SIGNS.get(bare, _SHARED_SIGNS.get(bare.lower(), "")).split())


def shared_sign(cells: Iterable[str]) -> str:
    """The first such sign beside the amounts of a column; "" without any."""
    words = (word for cell in cells for word in _DIGITS.sub(" ", cell[:40]).split())
    return next((word for word in words if shared_by(word)), "")


def _evidence(core: str, *, places: int) -> tuple[str, int]:
    """Which decimal mark a cell speaks for, and how loudly."""
    bare = _SPACED.sub("", core)
    dots, commas = bare.count("."), bare.count(",")
    if dots and commas:
        return ("." if bare.rfind(".") > bare.rfind(",") else ","), 100
    if not dots and not commas:
        return "", 0
    mark = "." if dots else ","
    other = "," if dots else "."
    if dots + commas > 1:
        return other, 100
    whole, _, fraction = bare.partition(mark)
    if len(fraction) != 3:
        return mark, 100
    # "1.234" or "1,234": thousands, unless the currency has three places or the grouping would be wrong.
    if places == 3 or len(whole) > 3 or whole in {"", "0"}:
        return mark, 10
    return other, 1
