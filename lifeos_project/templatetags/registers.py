"""Addresses that each row of a register repeats, put together from those of its book: asking for each is a sixth of a page."""

import uuid
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

from django import template
from django.urls import get_script_prefix, reverse
from django.utils.safestring import SafeString, mark_safe

from finance.ledger.registers import RegisterRow
from finance.models import Book

register = template.Library()

_NO_ENTRY, _NO_ACCOUNT = uuid.UUID(int=0), 0


class RowAddresses(NamedTuple):
    """Where the links of a row lead; `next` brings back to the list."""

    entry: SafeString
    edit: SafeString
    fold: SafeString
    cells: SafeString


@register.simple_tag
def row_addresses(book: Book, row: RegisterRow, here: str) -> RowAddresses:
    """The addresses of a row in the list at `here`."""
    prefix, back = get_script_prefix(), f"next={quote(here, safe='')}"
    entry, edit, fold = (
        str(row.entry_uid).join(_around(view, book.pk, _NO_ENTRY, prefix))
        for view in ("web:entry", "web:entry_edit", "web:entry_fold")
    )
    cells = _address("web:change_cell", book.pk, prefix)
    # Paths, numbers and what `quote` leaves: nothing that HTML would read otherwise.
    return RowAddresses(
        entry=mark_safe(entry),  # noqa: S308
        edit=mark_safe(f"{edit}?{back}"),  # noqa: S308
        fold=mark_safe(f"{fold}?{back}"),  # noqa: S308
        cells=mark_safe(f"{cells}?line={row.line_id}&amp;{back}"),  # noqa: S308
    )


@register.filter
def register_of(account_id: int, book: Book) -> SafeString:
    """Address of the register of an account."""
    around = _around("web:register", book.pk, _NO_ACCOUNT, get_script_prefix())
    return mark_safe(str(account_id).join(around))  # noqa: S308


@lru_cache(maxsize=1024)
def _around(view: str, book_id: int, placeholder: Any, prefix: str) -> tuple[str, str]:
    """What stands before and behind the last argument in the address of a view; `prefix` keeps mounted sites apart."""
    before, _, after = reverse(view, args=[book_id, placeholder]).rpartition(str(placeholder))
    return before, after


@lru_cache(maxsize=1024)
def _address(view: str, book_id: int, prefix: str) -> str:
    return reverse(view, args=[book_id])
