"""What people type into the search box, read strictly: words, amounts, days and operators.

All terms must hold. A term that looks like an operator and is not one is an error at its place, never a search for its
letters: a filter must not be ignored in silence. Text in quotation marks is always text.
"""

import calendar
import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError

from core.texts import gettext as _

LONGEST_QUERY = 200
MOST_TERMS = 20
# Months are known by their names in these languages and in the reader's own.
_LANGUAGES = ("en", "de", "fr", "es")

TEXT_OPERATORS = ("payee", "note", "category", "account", "tag")
OPERATORS = (*TEXT_OPERATORS, "amount", "date", "has")
THINGS = ("receipt", "tag", "note")

_TERM = re.compile(r'(?P<minus>-)?(?:(?P<name>[^\W\d]\w*):)?(?P<value>"[^"]*"?|[^\s"]+(?:"[^"]*"?)?)')
_COMPARISON = re.compile(r"(>=|<=|>|<)?(.*)", re.DOTALL)
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
_AMOUNT = re.compile(r"[+-]?\d{1,16}(?:[.,'\u2019 _]\d{1,12})*", re.ASCII)
_SIGNS = "€$£¥+-\N{MINUS SIGN}\N{NO-BREAK SPACE} "
_YEARS = range(1900, 2200)


class QueryError(ValueError):
    """What is wrong with a query, and where: `place` counts characters from 0, `length` says how many of them."""

    def __init__(self, message: str, *, place: int, length: int) -> None:
        super().__init__(message)
        self.message, self.place, self.length = message, place, length


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One condition. `field` is "any" for plain words, or an operator; what the others hold depends on it.

    `amounts`: sizes without sign, any of them may be meant. `low` and `high`: bounds of sizes, exclusive where said.
    `first` and `last`: days, both included.
    """

    field: str
    text: str = ""
    negated: bool = False
    phrase: bool = False
    amounts: tuple[Decimal, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None
    exclusive: bool = False
    first: datetime.date | None = None
    last: datetime.date | None = None
    place: int = 0


def parse_query(text: str, *, language: str = "en") -> list[Term]:
    """The terms of the query, in their order. Raises QueryError."""
    if len(text) > LONGEST_QUERY:
        raise QueryError(
            _("A search has at most %(longest_query)s characters.") % {"longest_query": LONGEST_QUERY},
            place=LONGEST_QUERY,
            length=1,
        )
    if "\x00" in text:
        raise QueryError(_("A search holds no null character."), place=text.index("\x00"), length=1)
    parts = list(_TERM.finditer(text))
    terms = list(_read(parts, months_in(language)))
    if len(terms) > MOST_TERMS:
        raise QueryError(
            _("A search has at most %(most_terms)s conditions.") % {"most_terms": MOST_TERMS},
            place=terms[MOST_TERMS].place,
            length=1,
        )
    return terms


def _read(parts: list[re.Match[str]], months: dict[str, int]) -> Iterator[Term]:
    index = 0
    while index < len(parts):
        part, following = parts[index], parts[index + 1] if index + 1 < len(parts) else None
        index += 1
        month = months.get(part["value"].casefold().rstrip(".")) if not part["minus"] and not part["name"] else None
        if month and following and _is_year(following[0]):
            yield _days(f"{following[0]}-{month}", place=part.start(), length=following.end() - part.start())
            index += 1
        else:
            yield _term(part, months)


def _is_year(text: str) -> bool:
    return len(text) == 4 and text.isascii() and text.isdecimal() and int(text) in _YEARS


def _term(part: re.Match[str], months: dict[str, int]) -> Term:
    name, value, place, length = part["name"], part["value"], part.start(), part.end() - part.start()
    quoted = value.startswith('"')
    if '"' in value and (value.count('"') != 2 or not (quoted and value.endswith('"'))):
        raise QueryError(_("A quotation mark is missing."), place=part.start("value") + value.rindex('"'), length=1)
    said = value.strip('"')
    if name is None and re.fullmatch(r"[^\W\d]\w*:", value):
        name, said = value[:-1], ""
    if name is None:
        if quoted:
            return Term(field="any", text=said, phrase=True, negated=bool(part["minus"]), place=place)
        return _plain(part)
    if name.casefold() not in OPERATORS:
        known = ", ".join(f"{each}:" for each in OPERATORS)
        message = _("“%(name)s:” is not an operator. Use %(known)s. For text with a colon, use quotation marks.") % {
            "name": name,
            "known": known,
        }
        raise QueryError(message, place=place + bool(part["minus"]), length=len(name) + 1)
    name = name.casefold()
    if not said.strip():
        raise QueryError(_("Say what to look for after “%(name)s:”.") % {"name": name}, place=place, length=length)
    if name in TEXT_OPERATORS:
        term = Term(field=name, text=said, phrase=quoted)
    else:
        term = _of_operator(name, said, place=part.start("value"), length=len(value), months=months)
    return replace(term, negated=bool(part["minus"]), place=place)


def _of_operator(name: str, said: str, *, place: int, length: int, months: dict[str, int]) -> Term:
    if name == "amount":
        return _sizes(said, place=place)
    if name == "date":
        return _days(said, place=place, length=length, months=months)
    if said.casefold() not in THINGS:
        message = _("“has:” takes %(names)s or %(last)s.") % {"names": ", ".join(THINGS[:-1]), "last": THINGS[-1]}
        raise QueryError(message, place=place, length=length)
    return Term(field="has", text=said.casefold())


def _plain(part: re.Match[str]) -> Term:
    """Something without an operator: a day, a comparison, an amount, or a word."""
    whole, place, length = part[0], part.start(), part.end() - part.start()
    value = part["value"]
    if value[0] in "<>":
        inside = value.lstrip("<>=")
        read = _days if re.match(r"\d{4}-\d", inside, re.ASCII) else None
        term = read(value, place=place, length=length) if read else _sizes(value, place=part.start("value"))
        return replace(term, negated=bool(part["minus"]), place=place)
    if re.fullmatch(r"\d{4}-\d{1,2}(-\d{1,2})?", value, re.ASCII):
        return replace(_days(value, place=place, length=length), negated=bool(part["minus"]), place=place)
    # "−5" is an amount and not "without 5".
    amounts = read_sizes(whole)
    if amounts:
        return Term(field="any", text=value, amounts=amounts, place=place)
    return Term(field="any", text=value, negated=bool(part["minus"]), place=place)


def read_sizes(text: str) -> tuple[Decimal, ...]:
    """What an amount in any notation may mean, without its sign; () for anything else.

    "1,234.50", "1.234,50", "1'234.5" and "−1234.5" mean one; "1.234" means a thousand or a little more than one.
    """
    body = text.strip(_SIGNS)
    if not _AMOUNT.fullmatch(body):
        return ()
    body = re.sub("['\u2019_ ]", "'", body)
    marks = re.findall("[.,']", body)
    groups, mark, rest = body.rpartition(marks[-1]) if marks else (body, "", "")
    meant: list[Decimal] = []
    if not marks:
        meant.append(Decimal(body))
    # The last mark divides the places, unless it appears twice …
    if mark in (".", ",") and marks.count(mark) == 1 and _are_groups(groups):
        meant.append(Decimal(f"{re.sub('[.,' + chr(39) + ']', '', groups)}.{rest}"))
    # … or all marks are alike and divide thousands.
    if marks and len(set(marks)) == 1 and _are_groups(body, needed=True):
        meant.append(Decimal(re.sub("[.,']", "", body)))
    return tuple(dict.fromkeys(meant))


def _are_groups(text: str, *, needed: bool = False) -> bool:
    """Digits, alone or in groups of three with one kind of mark."""
    parts = re.split("[.,']", text)
    if len(parts) == 1:
        return not needed
    alike = len(set(re.findall("[.,']", text))) == 1
    return alike and 1 <= len(parts[0]) <= 3 and not parts[0].startswith("0") and all(len(p) == 3 for p in parts[1:])


def _sizes(text: str, *, place: int) -> Term:
    sign, said = _COMPARISON.fullmatch(text).groups()  # type: ignore[union-attr]  # it fits everything
    if ".." in said and not sign:
        low, _dots, high = said.partition("..")
        bounds = [_size(each, place=place) for each in (low, high)]
        if bounds[0] > bounds[1]:
            raise QueryError(_("The range ends before it begins."), place=place, length=len(text))
        return Term(field="amount", low=bounds[0], high=bounds[1])
    if not sign:
        amounts = read_sizes(said)
        if not amounts:
            raise QueryError(
                _("“%(said)s” is not an amount such as 12.50, >100 or 100..200.") % {"said": said},
                place=place,
                length=len(text),
            )
        return Term(field="amount", amounts=amounts)
    size = _size(said, place=place + len(sign))
    exclusive = "=" not in sign
    if sign[0] == ">":
        return Term(field="amount", low=size, exclusive=exclusive)
    return Term(field="amount", high=size, exclusive=exclusive)


def _size(text: str, *, place: int) -> Decimal:
    amounts = read_sizes(text)
    if len(amounts) != 1:
        why = (
            _("“%(text)s” can be read in two ways; write it without thousands marks") % {"text": text}
            if amounts
            else _("“%(text)s” is not an amount") % {"text": text}
        )
        raise QueryError(f"{why}.", place=place, length=max(len(text), 1))
    return amounts[0]


def _days(text: str, *, place: int, length: int, months: dict[str, int] | None = None) -> Term:
    """A year, a month or a day; everything from, until, after or before it; or a range."""
    sign, said = _COMPARISON.fullmatch(text).groups()  # type: ignore[union-attr]  # it fits everything
    ends = said.split("..") if not sign else [said]
    if len(ends) > 2 or not all(ends):
        raise QueryError(_("A range of days is written 2026-01..2026-03."), place=place, length=length)
    spans = [_span(each.strip(), months or {}) for each in ends]
    if None in spans:
        message = _("“%(said)s” is not a date. Write 2026, 2026-03, 2026-03-14, >2026-01-01 or 2026-01..2026-03.") % {
            "said": said
        }
        raise QueryError(message, place=place, length=length)
    first, last = spans[0][0], spans[-1][1]  # type: ignore[index]
    if first > last:
        raise QueryError(_("The range ends before it begins."), place=place, length=length)
    one_day = datetime.timedelta(days=1)
    match sign:
        case ">":
            return Term(field="date", first=last + one_day, place=place)
        case ">=":
            return Term(field="date", first=first, place=place)
        case "<":
            return Term(field="date", last=first - one_day, place=place)
        case "<=":
            return Term(field="date", last=last, place=place)
    return Term(field="date", first=first, last=last, place=place)


def _span(text: str, months: dict[str, int]) -> tuple[datetime.date, datetime.date] | None:
    words = text.casefold().split()
    if len(words) == 2 and words[0].rstrip(".") in months and _is_year(words[1]):
        text = f"{words[1]}-{months[words[0].rstrip('.')]}"
    found = _DAY.fullmatch(text)
    if not found or int(found[1]) not in _YEARS:
        return None
    year, month, day = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    if found[2] is None:
        return datetime.date(year, 1, 1), datetime.date(year, 12, 31)
    if not 1 <= month <= 12:
        return None
    days = calendar.monthrange(year, month)[1]
    if found[3] is None:
        return datetime.date(year, month, 1), datetime.date(year, month, days)
    return (datetime.date(year, month, day),) * 2 if 1 <= day <= days else None


@lru_cache(maxsize=32)
def months_in(language: str) -> dict[str, int]:
    """Names and short names of the months, casefolded, in the known languages and in this one."""
    found: dict[str, int] = {}
    for each in (language, *_LANGUAGES):
        try:
            locale = Locale.parse(each, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
        forms = [locale.months[use][width] for use in ("format", "stand-alone") for width in ("wide", "abbreviated")]
        for form in forms:
            for number, name in form.items():
                found.setdefault(str(name).casefold().rstrip("."), int(number))
    return found
