"""What is selected in a list: single rows, or all that its filter finds."""

import uuid
from collections import defaultdict
from dataclasses import dataclass, field

from django.http import Http404, QueryDict
from django.utils.translation import gettext as _

from finance.errors import Invalid, NotFound
from finance.ledger.registers import MAX_PAGE, register_page
from finance.ledger.selectors import account_for, accounts_of
from finance.ledger.services.changes import MOST_ENTRIES
from finance.models import AccountKind, Book, JournalEntry, JournalLine
from finance.web.registers import FilterForm


@dataclass(slots=True, kw_only=True)
class Selection:
    """Entries by id, each with the positions of the lines that were chosen, and what these lines come to."""

    targets: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    sums: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    count: int = 0

    def add(self, *, entry_id: int, position: int | None, currency: str = "", amount: int = 0) -> None:
        chosen = self.targets[entry_id]
        if position is not None and position not in chosen:
            chosen.add(position)
            self.sums[currency] += amount
        self.count += 1


def picked(*, book: Book, picks: list[str]) -> Selection:
    """Rows by what stands in them: the id of a line, or the uid of an entry. Raises NotFound."""
    lines = {int(pick) for pick in picks if pick.isascii() and pick.isdigit() and len(pick) < 19}
    try:
        uids = {uuid.UUID(pick) for pick in picks if not pick.isdigit()}
    except ValueError as error:
        raise NotFound(thing="entry") from error
    if len(lines) + len(uids) > MOST_ENTRIES:
        raise Invalid(reason=_("At most %(most)s entries can be changed at once.") % {"most": MOST_ENTRIES})
    selection = Selection()
    found = JournalLine.objects.filter(book=book, pk__in=lines).values_list(
        "entry_id", "position", "currency", "amount"
    )
    for entry_id, position, currency, amount in found:
        selection.add(entry_id=entry_id, position=position, currency=currency, amount=amount)
    for entry_id in JournalEntry.objects.filter(book=book, uid__in=uids).values_list("pk", flat=True):
        selection.add(entry_id=entry_id, position=None)
    if selection.count != len(lines) + len(uids):
        raise NotFound(thing="entry")
    return selection


def all_of(*, book: Book, account_id: int, query: str) -> Selection:
    """All rows that the filter of an account's register finds. Raises Invalid where there are more than 5,000."""
    account = account_for(book=book, account_id=account_id)
    form = FilterForm(QueryDict(query), account=account, tree=accounts_of(book=book))
    if not form.is_valid() or account.kind == AccountKind.GROUP:
        raise Http404
    selection, after = Selection(), None
    while True:
        page = register_page(account=account, after=after, limit=MAX_PAGE, filters=form.filters())
        lines = [row.line_id for row in page.rows if not row.is_reversal and not row.is_reversed]
        found = JournalLine.objects.filter(pk__in=lines).values_list("entry_id", "position", "currency", "amount")
        for entry_id, position, currency, amount in found:
            selection.add(entry_id=entry_id, position=position, currency=currency, amount=amount)
        if selection.count > MOST_ENTRIES:
            raise Invalid(reason=_("The filter finds more than %(most)s entries; narrow it.") % {"most": MOST_ENTRIES})
        if page.next_cursor is None:
            return selection
        after = page.next_cursor
