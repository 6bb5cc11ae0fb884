"""The cells of a record that hold money: one signed column, one with a mark beside it, or a pair of columns."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.texts import gettext as _
from core.texts import gettext_noop
from finance.imports.parsers.amounts import signed_value, take_apart
from finance.imports.parsers.profile import CsvProfile
from finance.imports.parsers.table import Record
from finance.imports.parsers.words import direction_of

NO_AMOUNT = gettext_noop("The row has no amount.")
_EMPTY = {"", "-", "--"}
_WORDS = {"in": gettext_noop("money in"), "out": gettext_noop("money out")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """A signed amount in the unit of the file, or None with a `problem`; `note` says what had to be decided.

    `contradicts`: the bank's mark and the sign say opposite things, and nobody has chosen between them.
    """

    amount: Decimal | None = None
    problem: str = ""
    note: str = ""
    contradicts: bool = False


def cell_of(record: Record, column: int | None) -> str:
    """The cell of a column, stripped; "" where the record has none."""
    return record.cells[column].strip() if column is not None and column < len(record.cells) else ""


def money_columns(profile: CsvProfile) -> list[int]:
    """The columns from which the amount of a row is made."""
    columns = (profile.amount_column, profile.debit_column, profile.credit_column)
    return [column for column in columns if column is not None]


def money_reader(profile: CsvProfile, records: Sequence[Record]) -> Callable[[Record], Money]:
    """How amounts are read in this file. All records are asked once: how a sign is meant shows in the whole column."""
    if profile.amount_column is None:
        return _pair_reader(profile, records)
    if profile.flag_column is None:
        return lambda record: _plain(profile, cell_of(record, profile.amount_column))
    return _flag_reader(profile, records)


def _pair_reader(profile: CsvProfile, records: Sequence[Record]) -> Callable[[Record], Money]:
    """Some banks write a minus into the column of money out (or even of money in) as well."""
    usual = {}
    for column in money_columns(profile):
        values = [value for r in records if (value := signed_value(cell_of(r, column), profile.decimal_mark))]
        usual[column] = -1 if sum(value < 0 for value in values) * 2 > len(values) else 1

    def read(record: Record) -> Money:
        moved, seen, note = Decimal(0), False, ""
        for column, direction in ((profile.debit_column, -1), (profile.credit_column, 1)):
            text = cell_of(record, column)
            if text in _EMPTY or column is None:
                continue
            value = signed_value(text, profile.decimal_mark)
            if value is None:
                return Money(problem=_unreadable(text))
            if value and moved:
                return Money(
                    problem=_("The row has both money out and money in; one of the two must be something else.")
                )
            moved, seen = moved + value * direction * usual[column], True
            if value * usual[column] < 0:
                side = _(_WORDS["out" if direction < 0 else "in"])
                note = _("“%(text)s” stands under %(side)s with the opposite sign: it is read as taken back.") % {
                    "text": text[:40],
                    "side": side,
                }
        return Money(amount=moved, note=note) if seen else Money(problem=_(NO_AMOUNT))

    return read


def _plain(profile: CsvProfile, text: str) -> Money:
    value = signed_value(text, profile.decimal_mark)
    if value is None:
        return Money(problem=_unreadable(text) if text else _(NO_AMOUNT))
    if profile.sign == "unmarked_out":
        cell = take_apart(text)
        return Money(amount=value if cell is not None and cell.sign == "+" else -value)
    return Money(amount=-value if profile.sign == "inverted" else value)


def _flag_reader(profile: CsvProfile, records: Sequence[Record]) -> Callable[[Record], Money]:
    """Amounts beside a mark such as D or C. Where mark and sign disagree, `profile.mark_or_sign` decides, or nobody.

    The column tells whether its signs say the direction once more, or whether a minus takes back what the mark says.
    """
    seen: Counter[tuple[str, str]] = Counter()
    for record in records:
        if (cell := take_apart(cell_of(record, profile.amount_column))) is not None:
            seen[direction_of(cell_of(record, profile.flag_column)), cell.sign] += 1
    out = sum(count for (direction, _sign), count in seen.items() if direction == "out")
    plus, minus = (sum(count for (_direction, s), count in seen.items() if s == sign) for sign in "+-")
    # A plus before every amount says nothing.
    idle = "+" if plus == seen.total() else ""
    # Both signs are written, or a minus before most of what goes out.
    signed = bool(plus and minus) or 2 * seen["out", "-"] > out
    # Everything out is plain and everything in has a minus, as cards count their debt: one convention, no contradiction.
    turned = seen["in", "-"] > 1 and not (seen["in", ""] or seen["in", "+"] or seen["out", "-"]) and out > 0

    def read(record: Record) -> Money:
        text, mark = cell_of(record, profile.amount_column), cell_of(record, profile.flag_column)
        cell, direction = take_apart(text), direction_of(mark)
        value = signed_value(text, profile.decimal_mark)
        if value is None or cell is None or not direction:
            return _plain(profile, text)
        marked = abs(value) if direction == "in" else -abs(value)
        sign = "out" if cell.sign == "-" else "in" if signed or (cell.sign == "+" and not idle) else ""
        if turned or not value or (sign in ("", direction) and (signed or cell.sign != "-")):
            return Money(amount=marked)
        if sign == direction:
            # A minus in a column that writes money out without one.
            if profile.mark_or_sign:
                return Money(amount=marked)
            note = _("The bank marks this row “%(mark)s” and writes a minus: it is read as taken back.") % {
                "mark": mark[:20]
            }
            return Money(amount=-marked, note=note)
        if profile.mark_or_sign:
            return Money(amount=marked if profile.mark_or_sign == "mark" else -marked)
        return Money(
            contradicts=True,
            problem=_(
                "The bank's mark “%(mark)s” says %(said)s, the sign of “%(text)s” says %(signed)s. "
                "Choose under Columns which one is right."
            )
            % {"mark": mark[:20], "said": _(_WORDS[direction]), "text": text[:40], "signed": _(_WORDS[sign])},
        )

    return read


def _unreadable(text: str) -> str:
    return _("“%(text)s” is not an amount.") % {"text": text[:40]}
