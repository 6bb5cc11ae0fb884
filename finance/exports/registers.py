"""The rows of a register as a table for a file: the same rows and amounts as on its page."""

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from finance.exports.journal import snapshot
from finance.ledger.models import Account, Book
from finance.ledger.movements import natural
from finance.ledger.registers import Filters, RegisterRow, register_pages
from finance.sheets import Amount, Cell, FileTable
from finance.tags.selectors import tags_of_entries


def register_table(
    *, book: Book, accounts: Sequence[Account], filters: Filters, paths: dict[int, str], title: str, notes: Sequence[str],
    with_balance: bool,
) -> FileTable:  # fmt: skip
    """Every row of the register, newest first, of one state of the database. `paths` are the accounts' full names.

    Amounts have the sign that people expect: spending and income positive. The rows can be read once.
    """
    heads = [_("Date"), _("Payee"), _("Note"), _("Account"), _("Category or other account"), _("Amount"), _("Currency")]
    heads += [_("Balance")] if with_balance else []
    heads += [_("Memo"), _("Tags"), _("State"), _("Entry")]
    # Texts now: the rows may be written when the reader's language is no longer active.
    states = {"reversal": _("reversal"), "deleted": _("deleted"), "edited": _("edited")}

    def rows() -> Iterator[list[Cell]]:
        with snapshot():
            for some in register_pages(accounts=accounts, filters=filters):
                tags = tags_of_entries(book=book, entry_ids=[row.entry_id for row in some])
                for row in some:
                    names = ", ".join(tag.name for tag in tags.get(row.entry_id, ()))
                    yield _cells(row, paths, with_balance=with_balance, tags=names, state=states.get(_state(row), ""))

    return FileTable(title=title, notes=notes, heads=heads, rows=rows(), total=heads.index(_("Amount")))


def _cells(row: RegisterRow, paths: dict[int, str], *, with_balance: bool, tags: str, state: str) -> list[Cell]:
    currency, type_ = row.account.currency, row.account.type
    others = "; ".join(dict.fromkeys(paths.get(line.account_id or 0, line.name) for line in row.others))
    cells: list[Cell] = [row.date, row.payee, row.description, paths[row.account.pk], others]
    cells += [Amount(natural(row.amount, type_), currency), currency]
    if with_balance:
        cells.append(None if row.balance is None else Amount(natural(row.balance, type_), currency))
    return [*cells, row.memo, tags, state, str(row.entry_uid)]


def _state(row: RegisterRow) -> str:
    """As the row's chip on the page says."""
    if row.is_reversal:
        return "reversal"
    return "deleted" if row.is_reversed else "edited" if row.is_correction else ""
