"""Rows of a large file in a tenth of their memory: packed by the reader's process, taken out a portion at a time."""

import pickle
import zlib
from collections.abc import Collection, Iterator, Sequence
from io import BytesIO
from itertools import chain
from typing import Any, overload

from core.batches import in_batches
from core.texts import gettext as _
from finance.errors import StatementUnreadable
from finance.imports.parsers.statement import ParsedRow

AT_ONCE = 1000
# Bytes of one portion once it is unpacked: cells have at most 10,000 characters each.
_MOST = 256 * 1024 * 1024
ROW_CLASSES = frozenset(
    {
        ("finance.imports.parsers.statement", "ParsedRow"),
        ("finance.imports.parsers.statement", "RowState"),
        ("decimal", "Decimal"),
        ("datetime", "date"),
    }
)


class NamedUnpickler(pickle.Unpickler):
    """Takes objects of the named classes and no others: what comes out of a reader's process is not trusted either."""

    def __init__(self, source: BytesIO, classes: Collection[tuple[str, str]]) -> None:
        super().__init__(source)
        self._classes = classes

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._classes:
            raise pickle.UnpicklingError(f"The reader answered with a {module}.{name}.")
        return super().find_class(module, name)


class PackedRows(Sequence[ParsedRow]):
    """The rows in their order; to go through them all costs about as much as it cost to read them from the pipe.

    Going through them raises StatementUnreadable where they are not what the reader packed.
    """

    __slots__ = ("_count", "_portions")

    def __init__(self, rows: Sequence[ParsedRow]) -> None:
        self._count = len(rows)
        self._portions = [
            zlib.compress(pickle.dumps(tuple(some), protocol=pickle.HIGHEST_PROTOCOL), 1)
            for some in in_batches(rows, size=AT_ONCE)
        ]

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[ParsedRow]:
        return chain.from_iterable(map(_unpacked, self._portions))

    @overload
    def __getitem__(self, place: int) -> ParsedRow: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[ParsedRow, ...]: ...
    def __getitem__(self, place: int | slice) -> ParsedRow | tuple[ParsedRow, ...]:
        if isinstance(place, slice):
            return tuple(self)[place]
        if not -self._count <= place < self._count:
            raise IndexError(place)
        portion, inside = divmod(place % self._count, AT_ONCE)
        return _unpacked(self._portions[portion])[inside]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # as a list


def _unpacked(portion: bytes) -> tuple[ParsedRow, ...]:
    try:
        data = zlib.decompressobj().decompress(portion, _MOST)
        rows: tuple[ParsedRow, ...] = NamedUnpickler(BytesIO(data), ROW_CLASSES).load()
        if not isinstance(rows, tuple) or not all(isinstance(row, ParsedRow) for row in rows):
            raise pickle.UnpicklingError("These are no rows.")
    except (pickle.UnpicklingError, zlib.error, EOFError, AttributeError, TypeError, ValueError, IndexError) as error:
        reason = _("The file made the reader stop. The operator finds the cause in the server's log. %(broken)s")
        raise StatementUnreadable(
            reason=reason % {"broken": _("Please export the transactions as CSV or OFX again.")}
        ) from error
    return rows
