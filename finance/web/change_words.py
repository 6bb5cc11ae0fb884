"""Changes in words: what the message after one says, and the history of a book's changes."""

import datetime
from collections import defaultdict
from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.formatting import date_text
from finance.figures import money_text
from finance.ledger.change_models import Change, ChangedEntry
from finance.ledger.movements import Side, movement_of
from finance.models import Account, JournalEntry, JournalLine

_EMPTY = "—"


def described(changes: Sequence[Change]) -> list[str]:
    """One sentence for each change; three queries, however many there are."""
    one = [change for change in changes if change.entry_count == 1]
    of_payees = (Change.Action.MERGE_PAYEES, Change.Action.RENAME_PAYEE)
    single = [change.pk for change in one if change.action not in of_payees]
    pairs = {
        pair.change_id: pair
        for pair in ChangedEntry.objects.filter(change__in=single).select_related("before", "after")
        if pair.before_id != pair.after_id  # else only its tags changed
    }
    ids = {id_ for pair in pairs.values() for id_ in (pair.before_id, pair.after_id) if id_ is not None}
    lines: dict[int, list[JournalLine]] = defaultdict(list)
    for line in JournalLine.objects.filter(entry__in=ids).select_related("account").order_by("entry_id", "position"):
        lines[line.entry_id].append(line)
    named = {change.asked["account"] for change in changes if "account" in change.asked and change.pk not in pairs}
    names = dict(Account.objects.filter(pk__in=named).values_list("pk", "name")) if named else {}
    told = []
    for change in changes:
        if change.action in of_payees:
            words = _merged(change)
        elif change.action == Change.Action.TAG:
            words = _tagged(change)
        else:
            words = _one(change, pairs[change.pk], lines) if change.pk in pairs else _many(change, names)
        told.append(" ".join(filter(None, [words, _redated(change), _left(change)])))
    return told


def entry_words(entry: JournalEntry, lines: Sequence[JournalLine]) -> str:
    """An entry by its payee and amount: "Aldi, €12.50"; money moved between own accounts by these."""
    sides = [
        Side(account=x.account.name, kind=x.account.kind, currency=x.currency, amount=x.amount) for x in lines
    ]  # fmt: skip
    movement = movement_of(sides)
    amounts = " ".join(money_text(abs(amount), currency=currency) for currency, amount in movement.amounts)
    return f"{entry.payee or entry.description or movement.accounts}, {amounts}"


def _one(change: Change, pair: ChangedEntry, lines: dict[int, list[JournalLine]]) -> str:
    before, after = pair.before, pair.after
    if after is None or before is None:
        entry = before or after
        assert entry is not None
        words = entry_words(entry, lines[entry.pk])
        if after is None:
            return (_("Undone, %(entry)s is deleted.") if change.undoes_id else _("Deleted: %(entry)s.")) % {
                "entry": words
            }
        return _("Undone, %(entry)s is back.") % {"entry": words}
    words = "; ".join(_differences(change, before, after, lines[before.pk], lines[after.pk]))
    if not words:
        words = entry_words(after, lines[after.pk])
    return _("Undone: %(change)s.") % {"change": words} if change.undoes_id else f"{words}."


def _differences(
    change: Change, before: JournalEntry, after: JournalEntry, old: list[JournalLine], new: list[JournalLine]
) -> list[str]:
    """What changed, as "Groceries → Restaurants, €12.50"."""
    found = []
    if [line.amount for line in old] == [line.amount for line in new]:
        for was, now in zip(old, new, strict=True):
            if was.account_id != now.account_id:
                amount = money_text(abs(now.amount), currency=now.currency)
                found.append(f"{was.account.name} → {now.account.name}, {amount}")
    elif old and new:
        found.append(f"{entry_words(before, old)} → {entry_words(after, new).rpartition(', ')[2]}")
    if before.payee != after.payee:
        found.append(f"{before.payee or _EMPTY} → {after.payee or _EMPTY}")
    if before.description != after.description:
        found.append(_("note “%(note)s”") % {"note": after.description} if after.description else _("note removed"))
    if before.date != after.date and not change.redated_count:
        found.append(f"{date_text(before.date)} → {date_text(after.date)}")
    return found


def _many(change: Change, names: dict[int, str]) -> str:
    n = change.entry_count
    count = ngettext("%(n)s entry", "%(n)s entries", n) % {"n": n}
    if change.undoes_id and not n:
        return _("Undone, the payees are as they were.")
    if change.undoes_id:
        return ngettext("Undone, %(n)s entry is as it was.", "Undone, %(n)s entries are as they were.", n) % {"n": n}
    if change.action == Change.Action.DELETE:
        return _("Deleted: %(count)s.") % {"count": count}
    asked, parts = change.asked, []
    if "account" in asked:
        parts.append(names.get(asked["account"], _EMPTY))
    if "payee" in asked:
        parts.append(asked["payee"] or _("no payee"))
    if "description" in asked:
        parts.append(_("note “%(note)s”") % {"note": asked["description"]} if asked["description"] else _("no note"))
    if "date" in asked:
        parts.append(date_text(datetime.date.fromisoformat(asked["date"])))
    if "shift_days" in asked:
        days = asked["shift_days"]
        parts.append(
            ngettext("%(days)s day later", "%(days)s days later", days) % {"days": days}
            if days > 0
            else ngettext("%(days)s day earlier", "%(days)s days earlier", -days) % {"days": -days}
        )
    return f"{count} → {', '.join(parts)}." if parts else f"{count}."


def _tagged(change: Change) -> str:
    n = change.entry_count
    count = ngettext("%(n)s entry", "%(n)s entries", n) % {"n": n}
    told = (_("Tagged %(count)s: %(tags)s."), "add_tags"), (_("Removed from %(count)s: %(tags)s."), "remove_tags")
    asked = [(words, ", ".join(change.asked[name])) for words, name in told if name in change.asked]
    return " ".join(words % {"count": count, "tags": tags} for words, tags in asked)


def _merged(change: Change) -> str:
    """Which payees became which, and how many entries were corrected; of older changes the names are not known."""
    if change.action == Change.Action.RENAME_PAYEE:
        said = _("Renamed: %(name)s → %(payee)s.") % {"name": change.asked["renamed"], "payee": change.asked["payee"]}
    else:
        names = ", ".join(change.asked.get("merged", [])) or _EMPTY
        said = _("Merged: %(names)s → %(payee)s.") % {"names": names, "payee": change.asked["payee"]}
    n = change.entry_count
    return f"{said} {ngettext('%(n)s entry corrected.', '%(n)s entries corrected.', n) % {'n': n}}" if n else said


def _redated(change: Change) -> str:
    if change.redated_to is None:
        return ""
    n, day = change.redated_count, date_text(change.redated_to)
    return ngettext(
        "The books are closed on its day: the correction is dated %(day)s.",
        "The books are closed on the days of %(n)s of them: their corrections are dated %(day)s.",
        change.entry_count,
    ) % {"n": n, "day": day}


def _left(change: Change) -> str:
    if not change.left_count:
        return ""
    first = change.left[0]
    name = first["payee"] or date_text(datetime.date.fromisoformat(first["date"]))
    return ngettext(
        "%(n)s stays as it is (%(name)s: %(why)s)", "%(n)s stay as they are, the first because: %(name)s: %(why)s",
        change.left_count,
    ) % {"n": change.left_count, "name": name, "why": first["why"]}  # fmt: skip
