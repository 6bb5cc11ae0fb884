"""How the columns of a CSV file are read: found by detection, corrected by people, saved per account."""

import codecs
import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.texts import gettext as _
from finance.errors import Invalid
from finance.imports.parsers.words import plain

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
# The last ones count days, seconds or milliseconds; see `counted_days`.
DATE_ORDERS = ("dmy", "mdy", "ymd", "dmy-hr", "excel", "epoch", "epoch_ms")
DECIMAL_MARKS = (".", ",")
# as_written: minus is money out · inverted: plus is money out (card statements) · unmarked_out: only marked amounts
# are money in.
SIGNS = ("as_written", "inverted", "unmarked_out")
# Which one is right where a mark such as D or C contradicts the sign of the amount; "" leaves such rows as errors.
MARK_OR_SIGN = ("", "mark", "sign")
LONGEST_TEXT = 1000
# As Python names them; a profile may use any name by which Python knows one of these.
ENCODINGS = frozenset(
    [
        *("ascii", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"),
        *(f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)),
        *(f"cp{page}" for page in (*range(1250, 1259), 437, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863)),
        *(f"cp{page}" for page in (864, 865, 866, 869, 874, 932, 949, 950)),
        *("mac-roman", "mac-latin2", "mac-cyrillic", "mac-greek", "mac-turkish", "koi8-r", "koi8-u"),
        *("shift_jis", "euc_jp", "iso2022_jp", "euc_kr", "gb2312", "gbk", "gb18030", "big5", "big5hkscs", "tis-620"),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvProfile:
    """Columns are counted from 0; None means that the file has no such column.

    `header` holds the header's cells (empty for a file without one); amounts come either from `amount_column`, with
    an optional `flag_column` for the direction, or from `debit_column` and `credit_column`.
    """

    delimiter: str = ","
    encoding: str = ""
    quoted: bool = True
    header: tuple[str, ...] = ()
    date_column: int = 0
    date_order: str = "dmy"
    value_date_column: int | None = None
    time_column: int | None = None
    amount_column: int | None = None
    debit_column: int | None = None
    credit_column: int | None = None
    flag_column: int | None = None
    fee_column: int | None = None
    balance_column: int | None = None
    currency_column: int | None = None
    status_column: int | None = None
    bank_id_column: int | None = None
    account_column: int | None = None
    counterparty_account_column: int | None = None
    counterparty_bank_column: int | None = None
    payee_columns: tuple[int, ...] = ()
    description_columns: tuple[int, ...] = ()
    decimal_mark: str = "."
    sign: str = "as_written"
    mark_or_sign: str = ""
    currency: str = ""

    def __post_init__(self) -> None:
        found = []
        if self.delimiter not in DELIMITERS:
            found.append(("delimiter", _("must be a comma, a semicolon, a tab or a bar")))
        if self.date_order not in DATE_ORDERS:
            found.append(("date_order", _("must be one of %(names)s") % {"names": ", ".join(DATE_ORDERS)}))
        if self.decimal_mark not in DECIMAL_MARKS:
            found.append(("decimal_mark", _("must be a point or a comma")))
        if self.sign not in SIGNS:
            found.append(("sign", _("must be one of %(names)s") % {"names": ", ".join(SIGNS)}))
        if self.mark_or_sign not in MARK_OR_SIGN:
            found.append(("mark_or_sign", _("must be mark, sign or empty")))
        if self.amount_column is None and self.debit_column is None and self.credit_column is None:
            found.append(("amount_column", _("name the column of amounts, or those of money out and money in")))
        problems = dict(found)
        if problems:
            raise Invalid(reason=_("The column settings contradict each other."), fields=problems)

    @property
    def signature(self) -> str:
        """Equal for files of the same shape: the header, or the delimiter where there is none."""
        shape = "\x1f".join([self.delimiter, *(plain(cell) for cell in self.header)])
        return hashlib.sha256(shape.encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form; the opposite of `from_dict`."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def corrected(self, changes: Mapping[str, Any]) -> "CsvProfile":
        """This profile with some fields changed. Raises Invalid, naming the fields that cannot be."""
        return CsvProfile.from_dict({**self.to_dict(), **changes})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "CsvProfile":
        """Strict: unknown names and wrong types raise Invalid with the field."""
        fields = {field.name: field for field in dataclasses.fields(cls)}
        problems = {name: _("is not a setting of a CSV profile") for name in values if name not in fields}
        clean = {}
        for name, value in values.items():
            if name in problems:
                continue
            try:
                clean[name] = _checked(name, value)
            except (TypeError, ValueError) as error:
                problems[name] = str(error)
        if problems:
            raise Invalid(reason=_("The column settings contradict each other."), fields=problems)
        return cls(**clean)


def check_text_settings(*, encoding: str, delimiter: str) -> None:
    """Raise Invalid for an encoding or a delimiter that is not known; "" leaves it to detection."""
    try:
        _encoding(encoding)
    except ValueError as error:
        raise Invalid(field="encoding", reason=str(error)) from error
    if delimiter and delimiter not in DELIMITERS:
        raise Invalid(field="delimiter", reason=_("must be a comma, a semicolon, a tab or a bar"))


def _checked(name: str, value: Any) -> Any:
    if name == "quoted":
        if not isinstance(value, bool):
            raise TypeError(_("must be true or false"))
        return value
    if name in {"payee_columns", "description_columns"}:
        return tuple(_column(item) for item in _list(value))
    if name == "header":
        return tuple(_text(item) for item in _list(value))
    if name == "date_column":
        return _column(value)
    if name.endswith("_column"):
        return None if value in (None, "") else _column(value)
    return _encoding(_text(value)) if name == "encoding" else _text(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(_("must be text"))
    if len(value) > LONGEST_TEXT or "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(
            _("must be text of at most %(longest)s characters without zeros and halves of characters")
            % {"longest": LONGEST_TEXT}
        )
    return value


def _encoding(name: str) -> str:
    """Only what turns bytes into text: Python's codecs also unpack archives and swap letters."""
    try:
        known = not name or codecs.lookup(name).name in ENCODINGS
    except LookupError:
        known = False
    if not known:
        raise ValueError(_("must be the name of a text encoding that banks use, such as utf-8 or cp1252"))
    return name


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise TypeError(_("must be a list"))
    return list(value)


def _column(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 200:
        raise ValueError(_("must be the number of a column, counted from 0"))
    return value
