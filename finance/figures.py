"""Amounts in minor units as speakers of the active language write them; and what people type, read strictly."""

import operator
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from django.utils.translation import gettext as _

from core.formatting import MINUS, decimal_mark, number_text
from finance import money
from finance.errors import AmountInvalid

_SPACES = str.maketrans(
    dict.fromkeys(" \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}_'\N{RIGHT SINGLE QUOTATION MARK}", " ")
)
# Signs that people and telephones write for the four operations.
_OPERATORS = str.maketrans({"×": "*", "÷": "/", ":": "/", MINUS: "-"})
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9](?:[0-9.,_'’\u00a0\u202f\u2009]| (?=[0-9]{3}(?![0-9])))*)|(?P<sign>[-+*/()]))\s*"
)
_LONGEST_SUM = 60
_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, MINUS: 3}  # the last one is the sign of a number
_NUMBER = re.compile(r"(?P<sign>[+-]?)(?P<body>[0-9]+(?:[ .,][0-9]+)*)", re.ASCII)


def _text(
    minor_units: int, *, currency: str, with_currency: bool, plus: bool = False, places: int | None = None
) -> str:
    return number_text(
        money.to_decimal(minor_units, currency=currency),
        places=money.exponent(currency) if places is None else places,
        currency=currency if with_currency else None,
        plus=plus,
    )


def money_text(minor_units: int, *, currency: str, plus: bool = False) -> str:
    """With the currency: "−€1,234.50" (English), "−1.234,50 €" (German)."""
    return _text(minor_units, currency=currency, with_currency=True, plus=plus)


def about_text(minor_units: int, *, currency: str) -> str:
    """Rounded to whole units, for what a sentence calls "about": "€52"; below ten units with all places: "€3.40"."""
    unit = 10 ** money.exponent(currency)
    if abs(minor_units) < 10 * unit:
        return money_text(minor_units, currency=currency)
    units = (abs(minor_units) + unit // 2) // unit
    return _text(units * unit if minor_units > 0 else -units * unit, currency=currency, with_currency=True, places=0)


def amount_text(minor_units: int, *, currency: str, plus: bool = False) -> str:
    """Without the currency, for columns whose head names it: "−1,234.50"."""
    return _text(minor_units, currency=currency, with_currency=False, plus=plus)


def amount_writer(currency: str) -> Callable[[int], str]:
    """`amount_text` for thousands of amounts of one currency: what the language says is looked up once."""
    places = money.exponent(currency)
    sample = amount_text(-(10 ** (places + 7) - 1), currency=currency)
    marks = re.findall(r"[^0-9]", sample.removeprefix(MINUS))
    plain = re.sub(r"[^0-9]", "", sample)
    if plain != "9" * (places + 7) or len(marks) != 2 + bool(places) or marks[0] != marks[1]:
        return lambda minor_units: amount_text(minor_units, currency=currency)
    group, decimal, unit = marks[0], marks[2] if places else "", 10**places

    def write(minor_units: int) -> str:
        whole, rest = divmod(abs(minor_units), unit)
        text = f"{whole:,}".replace(",", group)
        return f"{MINUS if minor_units < 0 else ''}{text}{decimal}{f'{rest:0{places}}' if places else ''}"

    # A language may write four digits without a mark, or group others than thousands.
    if any(write(each) != amount_text(each, currency=currency) for each in (0, -1, 1234 * unit, 12_345_678 * unit)):
        return lambda minor_units: amount_text(minor_units, currency=currency)
    return write


def typed_text(minor_units: int, *, currency: str) -> str:
    """As a person would type it into a field: no grouping, the language's decimal mark, so that reading it is safe."""
    plain = money.format_amount(minor_units, currency=currency)
    return plain.replace(".", decimal_mark())


def read_amount(text: str, *, currency: str, field: str = "amount") -> int:
    """Minor units of what a person typed: "12,34", "12.34", "1 234.50", "1.234,50", "−5".

    A mark that could be either a decimal mark or a thousands mark ("1.234") is refused rather than guessed.
    Raises AmountInvalid with the reason.
    """
    cleaned = text.strip().replace(MINUS, "-").translate(_SPACES)
    match = _NUMBER.fullmatch(cleaned)
    if match is None:
        raise AmountInvalid(field=field, reason=_("“%(text)s” is not a number such as 12.50") % {"text": text[:40]})
    whole, decimals = _parts(match["body"], currency=currency, field=field)
    return money.parse_amount(f"{match['sign']}{whole}{decimals and '.'}{decimals}", currency=currency, field=field)


def read_sum(text: str, *, currency: str, field: str = "amount") -> int:
    """As `read_amount`, and does sums: "12.50+3", "=10*3/2", "(4+5)*2".

    What does not come out in the currency's smallest unit is refused, unless the text begins with ~ : then it is
    rounded, half away from zero. Raises AmountInvalid with the reason.
    """
    asked = text.strip().translate(_OPERATORS)
    told_to_round = asked[:1] in ("~", "≈")
    asked = asked.lstrip("=~≈ ")
    if not told_to_round and (
        _NUMBER.fullmatch(asked.translate(_SPACES)) or not re.search(r"[0-9].*[-+*/]|\(", asked[:200])
    ):
        return read_amount(asked, currency=currency, field=field)
    if len(asked) > _LONGEST_SUM:
        raise AmountInvalid(field=field, reason=_("is a sum of more than %(n)s characters") % {"n": _LONGEST_SUM})
    value = _Sum(asked, currency=currency, field=field).value()
    places = money.exponent(currency)
    scaled = value * 10**places
    if scaled.denominator == 1:
        return money.to_minor_units(Decimal(scaled.numerator).scaleb(-places), currency=currency, field=field)
    # Half away from zero.
    rounded = (abs(scaled.numerator) * 2 + scaled.denominator) // (2 * scaled.denominator)
    rounded = rounded if scaled > 0 else -rounded
    if told_to_round:
        return money.to_minor_units(Decimal(rounded).scaleb(-places), currency=currency, field=field)
    raise AmountInvalid(
        field=field,
        reason=_("“%(text)s” does not come out even; write %(amount)s, or ~%(text)s to have it rounded")
        % {"text": asked, "amount": typed_text(rounded, currency=currency)},
    )


class _Sum:
    """What a sum comes to, exactly. Each sign is looked at once, numbers are read as strictly as a single one."""

    def __init__(self, text: str, *, currency: str, field: str) -> None:
        self.text, self.currency, self.field = text, currency, field
        self.values: list[Fraction] = []
        self.signs: list[str] = []
        self.number_next = True

    def value(self) -> Fraction:
        place = 0
        while place < len(self.text):
            match = _TOKEN.match(self.text, place)
            if match is None or (match["number"] is not None and not self.number_next):
                raise self.wrong()
            place = match.end()
            if match["number"] is not None:
                digits = match["number"].translate(_SPACES).strip()
                whole, decimals = _parts(digits, currency=self.currency, field=self.field)
                self.values.append(Fraction(Decimal(f"{whole}.{decimals or 0}")))
                self.number_next = False
            elif self.number_next:
                self._before_number(match["sign"])
            else:
                self._after_number(match["sign"])
        if self.number_next:
            raise self.wrong()
        while self.signs:
            self._reduce()
        return self.values[0]

    def _before_number(self, sign: str) -> None:
        if sign in "(-":
            self.signs.append(MINUS if sign == "-" else sign)
        elif sign != "+":
            raise self.wrong()

    def _after_number(self, sign: str) -> None:
        if sign == "(":
            raise self.wrong()
        while self.signs and self.signs[-1] != "(" and (sign == ")" or _BINDS[self.signs[-1]] >= _BINDS[sign]):
            self._reduce()
        if sign != ")":
            self.signs.append(sign)
            self.number_next = True
        elif self.signs:
            self.signs.pop()
        else:
            raise self.wrong()

    def _reduce(self) -> None:
        sign = self.signs.pop()
        if sign == "(":
            raise self.wrong()
        right = self.values.pop()
        if sign == MINUS:
            self.values.append(-right)
            return
        left = self.values.pop()
        if sign == "/" and not right:
            raise AmountInvalid(field=self.field, reason=_("divides by zero"))
        operations = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
        self.values.append(operations[sign](left, right))

    def wrong(self) -> AmountInvalid:
        return AmountInvalid(
            field=self.field, reason=_("“%(text)s” is not a sum such as 12.50+3") % {"text": self.text}
        )


def _parts(body: str, *, currency: str, field: str) -> tuple[str, str]:
    """Digits before and after the decimal mark."""
    marks = re.findall(r"[ .,]", body)
    if not marks:
        return body, ""
    last = marks[-1]
    is_decimal = last != " " and marks.count(last) == 1
    if is_decimal and len(marks) == 1:
        whole, decimals = body.split(last)
        if len(decimals) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0"):
            return _three_digits(whole, decimals, mark=last, currency=currency, field=field)
        return whole, decimals
    groups, decimals = body.rsplit(last, 1) if is_decimal else (body, "")
    parts = re.split(r"[ .,]", groups)
    if (
        len(set(re.findall(r"[ .,]", groups))) > 1
        or not 1 <= len(parts[0]) <= 3
        or any(len(part) != 3 for part in parts[1:])
    ):
        raise AmountInvalid(
            field=field, reason=_("“%(text)s” has its thousands marks in odd places") % {"text": groups}
        )
    return "".join(parts), decimals


def _three_digits(whole: str, rest: str, *, mark: str, currency: str, field: str) -> tuple[str, str]:
    """ "1.234": a thousand, or a little more than one? Only a currency without decimals, or with three, settles it."""
    places = money.exponent(currency)
    if places == 0:
        return whole + rest, ""
    if places >= 3 and mark == decimal_mark():
        return whole, rest
    raise AmountInvalid(
        field=field,
        reason=_("“%(text)s” can be read in two ways; write %(thousand)s or %(small)s")
        % {
            "text": f"{whole}{mark}{rest}",
            "thousand": typed_text(int(whole + rest) * 10**places, currency=currency),
            "small": typed_text(int(whole) * 10**places + int(rest[:places].ljust(places, "0")), currency=currency),
        },
    )
