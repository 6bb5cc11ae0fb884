"""The catalogue of banks (`finance/imports/banks/*.toml`): whose file this is, and how that bank writes its columns.

A bank is known by the names of its columns. `docs/bank-formats.md` says how to add one.
"""

import csv
import io
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale

from finance.imports.parsers.encoding import decode
from finance.imports.parsers.profile import DELIMITERS, CsvProfile
from finance.imports.parsers.table import quotes_are_sound
from finance.imports.parsers.words import plain

FOLDER = Path(__file__).resolve().parents[1] / "banks"
_HEADER_WITHIN = 60
_SAMPLE_BYTES = 64 * 1024
_LONGEST_HEADER = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One way in which a bank writes its files; `facts` is what its file in the catalogue says.

    `names` are those of the columns, as they are compared.
    """

    bank: str
    country: str
    source: str
    names: frozenset[str]
    facts: Mapping[str, Any]

    @property
    def date_order(self) -> str:
        """ "dmy", "mdy" or "ymd", from the format of the dates."""
        parts = [letter for letter in self.facts["date_format"].replace("%b", "%m") if letter in "dmyY"]
        return "".join(parts[:3]).lower()

    @property
    def told(self) -> str:
        """The bank and its country, for people."""
        country = Locale.parse("en").territories.get(self.country, "")
        return f"{self.bank} ({country})" if country else self.bank

    def profile(self, *, header: Sequence[str], delimiter: str, encoding: str, quoted: bool) -> CsvProfile:
        """How a file with this header is read."""
        places: dict[str, Any] = {
            f"{role}_column": self._place(header, self.facts.get(key, ""))
            for role, key in (
                *(
                    (role, role)
                    for role in ("value_date", "time", "amount", "debit", "credit", "flag", "fee", "balance")
                ),
                *((role, role) for role in ("status", "bank_id", "account")),
                ("currency", "currency_column"),
            )
        }
        return CsvProfile(
            delimiter=delimiter,
            encoding=encoding,
            quoted=quoted,
            header=tuple(header),
            date_column=self._place(header, self.facts["date"]) or 0,
            date_order=self.date_order,
            payee_columns=self._places(header, "payee"),
            description_columns=self._places(header, "description"),
            decimal_mark=self.facts["decimal_mark"],
            sign=self.facts.get("sign", "as_written"),
            currency=self.facts.get("currency", ""),
            **places,
        )

    def _places(self, header: Sequence[str], key: str) -> tuple[int, ...]:
        found = (self._place(header, name) for name in self.facts.get(key, ()))
        return tuple(place for place in found if place is not None)

    def _place(self, header: Sequence[str], name: str) -> int | None:
        """Where the column stands; "Währung#2" is the second of that name."""
        bare, _mark, number = name.partition("#") if name[-2:-1] == "#" else (name, "", "1")
        found = [place for place, cell in enumerate(header) if name and plain(cell) == plain(bare)]
        return found[int(number) - 1] if len(found) >= int(number) else None


@lru_cache(maxsize=1)
def catalogue() -> tuple[Layout, ...]:
    """All layouts, those with the most columns first."""
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        bank = tomllib.loads(path.read_text(encoding="utf-8"))
        found += [
            Layout(
                bank=bank["name"],
                country=bank["country"],
                source=bank["source"],
                names=frozenset(plain(cell) for cell in facts["header"]),
                facts=facts,
            )
            for facts in bank["layout"]
        ]
    return tuple(sorted(found, key=lambda layout: -len(layout.names)))


def find_bank(data: bytes) -> tuple[Layout, CsvProfile] | None:
    """The bank whose columns stand at the head of the file, and the profile to read it with; None for another file."""
    # Cut between lines, not within a character.
    sample = data if len(data) <= _SAMPLE_BYTES else data[: data.rfind(b"\n", 0, _SAMPLE_BYTES) + 1]
    text, detected = decode(sample)
    # A name with one letter of another page is not found; then the pages that banks are known to write are tried.
    pages = [detected, *sorted({layout.facts["encoding"] for layout in catalogue()} - {detected, "utf-8"})]
    for page in pages:
        text = text if page == detected else decode(sample, page)[0]
        for delimiter, header in _headers(text):
            names = {plain(cell) for cell in header}
            layout = next((each for each in catalogue() if each.names <= names), None)
            if layout is not None:
                whole, _page = decode(data, page)
                quoted = quotes_are_sound(whole, delimiter=delimiter)
                return layout, layout.profile(header=header, delimiter=delimiter, encoding=page, quoted=quoted)
        if text.isascii():
            break
    return None


def _headers(text: str) -> Iterator[tuple[str, list[str]]]:
    """The first lines, cut at each delimiter that divides them."""
    for line in text.splitlines()[:_HEADER_WITHIN]:
        for delimiter in DELIMITERS:
            if line.count(delimiter) >= 3 and len(line) <= _LONGEST_HEADER:
                yield delimiter, next(csv.reader(io.StringIO(line), delimiter=delimiter))
