"""Rows of registers. They are most of a page with fifty of them, and in Django's templates four times as slow."""

import uuid
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import escape
from typing import Any, NamedTuple
from urllib.parse import quote

from django import template
from django.template import Context
from django.urls import get_script_prefix, reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from finance import figures
from finance.ledger import movements
from finance.ledger.registers import CounterLine, RegisterRow
from finance.models import Book
from finance.money import exponent
from finance.web.register_filters import Scope
from lifeos_project.templatetags.figures import exchange_text, row_amount, row_title
from lifeos_project.templatetags.ui import icon

register = template.Library()

_NO_ENTRY, _NO_ACCOUNT = uuid.UUID(int=0), 0


@register.simple_tag(takes_context=True)
def register_rows(context: Context, rows: Iterable[RegisterRow], replaces: int | None = None) -> SafeString:
    """Table rows of a register: of `book` and `scope` in the list at the address `here` with its `query`.

    `moved_to` names where a row has just left the list for; `replaces` is the line whose row makes place for it.
    """
    shown = _Rows(
        book=context["book"],
        scope=context["scope"],
        here=context["here"],
        query=context["query"],
        can_write=context["shell"].can_write,
        moved_to=context.get("moved_to") or "",
        replaces=replaces,
        words=_words(get_language() or ""),
        prefix=get_script_prefix(),
    )
    # Every text and address was escaped where it was put in.
    return mark_safe("\n".join(shown.html(row) for row in rows))  # noqa: S308


class _Words(NamedTuple):
    """What each row says in one language, as HTML."""

    unfold: str
    change_payee: str
    change_note: str
    change_category: str
    change_amount: str
    marks: dict[str, str]


@lru_cache(maxsize=64)
def _words(language: str) -> _Words:
    def chip(picture: str, title: str, name: str) -> str:
        hidden = f'<span class="visually-hidden">{escape(name)}</span>'
        return f'<span class="chip chip-quiet" title="{escape(title)}">{icon(picture)}{hidden}</span>'

    return _Words(
        unfold=f'aria-label="{escape(_("Show the entry"))}">{icon("right")}</a>',
        change_payee=escape(_("Change the payee")),
        change_note=escape(_("Change the note")),
        change_category=escape(_("Change the category")),
        change_amount=escape(_("Change the amount")),
        marks={
            "reversal": f'<span class="chip">{icon("history")}{escape(_("reversal"))}</span>',
            "deleted": f'<span class="chip">{icon("history")}{escape(_("deleted"))}</span>',
            "edited": chip("history", _("Edited; its history is in the entry"), _("edited")),
            "cleared": chip("check", _("Cleared: the bank knows this row"), _("cleared")),
            "reconciled": chip("lock", _("Reconciled: on a finished statement"), _("reconciled")),
        },
    )


class _Rows(NamedTuple):
    book: Book
    scope: Scope
    here: str
    query: str
    can_write: bool
    moved_to: str
    replaces: int | None
    words: _Words
    prefix: str

    def html(self, row: RegisterRow) -> str:
        can_edit = self.can_write and not (row.is_reversal or row.is_reversed or row.superseded)
        entry, edit = self._address("web:entry", row), f"{self._address('web:entry_edit', row)}?{self._next}"
        account, currency = row.account, row.account.currency
        gone = " row-gone" if row.superseded or row.is_reversed or self.moved_to else ""
        natural = movements.natural(row.amount, account.type)
        swap = f' hx-swap-oob="outerHTML:#line-{self.replaces}"' if self.replaces else ""
        edits = f' data-edit="{edit}" data-cells="{self._cells(row)}"' if can_edit else ""
        amount = escape(row_amount(row, self.scope))
        if can_edit and len(row.counter_lines) == 1:
            amount = f'<a data-field="amount" href="{edit}" title="{self.words.change_amount}">{amount}</a>'
        wide, balance = ' colspan="2"', ""
        if self.scope.has_balance:
            is_known = row.balance is not None and not self.moved_to
            held = movements.natural(row.balance or 0, account.type)
            text = escape(figures.amount_text(held, currency=currency)) if is_known else ""
            wide, balance = "", f'\n  <td class="num balance-cell">{text}</td>'
        payee, categories = (
            "\n    ".join(self._payee(row, can_edit, entry, edit)),
            self._categories(row, can_edit, edit),
        )
        return (
            f'<tr class="row{gone}" id="line-{row.line_id}"'
            f' data-amounts="{escape(currency)}:{exponent(currency)}:{natural}"{swap}{edits}>\n'
            f'  <td class="payee-cell">\n    {payee}\n  </td>\n'
            f'  <td class="category-cell">{"".join(categories)}</td>\n'
            f'  <td class="num amount-cell"{wide}>{amount}</td>{balance}\n'
            "</tr>"
        )

    def _payee(self, row: RegisterRow, can_edit: bool, entry: str, edit: str) -> Iterator[str]:
        title, words = escape(row_title(row)), self.words
        if can_edit:
            select = escape(_("Select %(name)s") % {"name": row_title(row)})
            yield (
                f'<input class="pick" type="checkbox" name="pick" form="selection" value="{row.line_id}"'
                f' aria-label="{select}">'
            )
        yield (
            f'<a class="unfold" href="{entry}" hx-get="{self._address("web:entry_fold", row)}?{self._next}"'
            f' hx-target="closest tr" hx-swap="afterend" aria-expanded="false" {words.unfold}'
        )
        if can_edit:
            yield f'<a class="payee" data-field="payee" href="{edit}" title="{words.change_payee}">{title}</a>'
        else:
            yield f'<a class="payee" href="{entry}">{title}</a>'
        if row.exchanged:
            yield f'<span class="memo">{escape(exchange_text(row))}</span>'
        note = escape(row.description)
        if row.memo:
            yield f'<span class="memo">{escape(row.memo)}</span>'
        elif row.description and row.payee and can_edit:
            yield f'<a class="memo" data-field="description" href="{edit}" title="{words.change_note}">{note}</a>'
        elif row.description and row.payee:
            yield f'<span class="memo">{note}</span>'
        if self.moved_to:
            yield f'<span class="chip">{escape(_("now in %(moved_to)s") % {"moved_to": self.moved_to})}</span>'
        elif row.is_reversal or row.is_reversed or row.is_correction:
            yield words.marks["reversal" if row.is_reversal else "deleted" if row.is_reversed else "edited"]
        if row.mark in ("cleared", "reconciled"):
            yield words.marks[row.mark]

    def _categories(self, row: RegisterRow, can_edit: bool, edit: str) -> Iterator[str]:
        scope, words = self.scope, self.words
        change = f'data-field="account" href="{edit}"'
        titled = f'{change} title="{words.change_category}"'
        if not scope.is_single:
            leads = titled if can_edit and scope.is_category else f'href="{register_of(row.account.pk, self.book)}"'
            yield f'<a class="chip chip-account" {leads}>{escape(row.account.name)}</a> '
        if (parts := len(row.others)) > 1:
            told = ngettext("%(n)s part", "%(n)s parts", parts) % {"n": parts}
            yield f'<span class="chip">{icon("split")}{escape(told)}</span>'
        else:
            for line in row.others:
                name = f"{icon('swap') if _is_own(line) else ''}{escape(line.name)}"
                if can_edit and not scope.is_category and not row.exchanged:
                    yield f'<a class="chip" {titled}>{name}</a>'
                elif line.account_id:
                    yield f'<a class="chip" href="{register_of(line.account_id, self.book)}">{name}</a>'
                else:  # an account that the reader does not see
                    yield f'<span class="chip">{name}</span>'
        if can_edit and scope.is_single and scope.is_category:
            yield f' <a class="chip chip-account chip-same" {change}>{words.change_category}</a>'

    @property
    def _next(self) -> str:
        """What brings back to the list."""
        return f"next={quote(self.here, safe='')}"

    def _address(self, view: str, row: RegisterRow) -> str:
        before, after = _around(view, self.book.pk, _NO_ENTRY, self.prefix)
        return f"{before}{row.entry_uid}{after}"

    def _cells(self, row: RegisterRow) -> str:
        view = self.scope.account.pk if self.scope.account else ""
        around = _place("web:change_cell", self.book.pk, self.prefix)
        asked = f"line={row.line_id}&amp;{self._next}&amp;view={view}&amp;query={quote(self.query, safe='')}"
        return f"{around}?{asked}"


def _is_own(line: CounterLine) -> bool:
    return line.type in ("asset", "liability")


def register_of(account_id: int, book: Book) -> str:
    """Address of the register of an account."""
    return str(account_id).join(_around("web:register", book.pk, _NO_ACCOUNT, get_script_prefix()))


@lru_cache(maxsize=1024)
def _around(view: str, book_id: int, placeholder: Any, prefix: str) -> tuple[str, str]:
    """What stands before and behind the last argument in the address of a view; `prefix` keeps mounted sites apart."""
    before, _placeholder, after = reverse(view, args=[book_id, placeholder]).rpartition(str(placeholder))
    return before, after


@lru_cache(maxsize=1024)
def _place(view: str, book_id: int, prefix: str) -> str:
    return reverse(view, args=[book_id])
