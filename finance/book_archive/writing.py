"""The archive of a book as a stream: a zip file with the book, its parts and their files, of one state of the database."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from finance.book_archive.parts import FILES, all_parts
from finance.exports.digest import digest_of
from finance.exports.formats import as_json
from finance.exports.journal import snapshot
from finance.ledger.models import Book, Membership, Role
from identity.models import User

FORMAT, VERSION = "lifeos-archive", 1
_CHUNK = 64 * 1024


class _Sink(io.RawIOBase):
    """Keeps what zipfile has written until it is taken. It cannot seek, so what is written stays as it is."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written += data
        return len(data)

    def taken(self, *, least: int = 1) -> bytes:
        """What is there, if that is at least `least` bytes; else nothing."""
        if len(self._written) < least:
            return b""
        data = bytes(self._written)
        self._written.clear()
        return data


def as_archive(
    book: Book, *, reader: User | None = None, on_entry: Callable[[], None] = lambda: None
) -> Iterator[bytes]:
    """The zip file in pieces. Its last member, manifest.json, has the SHA-256 of each other one, and of all entries.

    `reader` is whose views and overview leave with the book. `on_entry` is called about once for each entry.
    """
    sink = _Sink()
    hashes: dict[str, str] = {}
    with snapshot(), zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, pieces in _members(book, reader):
            digest = hashlib.sha256()
            with archive.open(name, "w", force_zip64=True) as member:
                for piece in pieces:
                    data = piece if isinstance(piece, bytes) else piece.encode()
                    digest.update(data)
                    member.write(data)
                    on_entry()
                    if ready := sink.taken(least=_CHUNK):
                        yield ready
            hashes[name] = digest.hexdigest()
        manifest = {"format": FORMAT, "version": VERSION, "members": hashes, "entries": digest_of(book=book)}
        archive.writestr("manifest.json", json.dumps(manifest, indent=1))
    yield sink.taken()


def reader_of(*, book: Book, username: str = "") -> User | None:
    """The member of this name; for anybody else, such as an operator, the owner who came first."""
    members = Membership.objects.filter(book=book).select_related("user").order_by("pk")
    found = members.filter(**{f"user__{User.USERNAME_FIELD}": username}).first()
    found = found or members.filter(role=Role.OWNER).first()
    return found.user if found else None


def _members(book: Book, reader: User | None) -> Iterator[tuple[str, Iterable[str | bytes]]]:
    yield "book.json", as_json(book)
    written: set[str] = set()
    for part in all_parts():
        yield f"parts/{part.name}.json", [json.dumps(part.give(book, reader), ensure_ascii=False)]
        for name, content in part.files(book):
            # Content goes by its hash: two slices may hold the same file.
            if name not in written:
                written.add(name)
                yield f"{FILES}{name}", [content]
