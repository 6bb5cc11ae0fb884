"""Tags are made, renamed, merged and removed, and put on entries, many at once. Nothing in the journal changes."""

from collections.abc import Collection, Mapping, Sequence

from django.db import connection, transaction
from django.utils.translation import gettext as _

from core.batches import in_batches
from finance.errors import Conflict, Invalid, NotFound
from finance.events.records import EntriesTagged, TagRemoved, TagSaved, TagsMerged
from finance.ledger.change_models import Change
from finance.ledger.models import Book
from finance.ledger.revisions import roots_of
from finance.ledger.services import record_change
from finance.tags.models import EntryTag, Tag, TagColour
from finance.tags.names import LONGEST_NAME as LONGEST_NAME
from finance.tags.names import checked_name
from finance.tags.selectors import by_name
from identity.models import User
from platform_outbox.emit import emit

MOST_TAGS = 1000
ENTRIES_PER_EVENT = 500


@transaction.atomic
def save_tag(*, book: Book, tag: Tag | None = None, name: str, colour: str = "") -> Tag:
    """A new tag, or `tag` renamed and recoloured ("" leaves the colour). Raises Invalid (name, colour) and Conflict."""
    _lock(book)
    name = checked_name(name)
    if colour and colour not in TagColour.values:
        raise Invalid(field="colour", reason=_("Choose one of the colours."))
    namesake = by_name(book=book).get(name.casefold())
    if namesake is not None and (tag is None or namesake.pk != tag.pk):
        raise Invalid(field="name", reason=_("There is a tag of this name already."))
    if tag is None:
        tag = Tag(book=book)
        if Tag.objects.filter(book=book).count() >= MOST_TAGS:
            raise Conflict(reason=_("A book has at most %(most)d tags.") % {"most": MOST_TAGS})
    elif not Tag.objects.filter(pk=tag.pk, book=book).exists():
        raise NotFound(thing="tag")
    tag.name, tag.colour = name, colour or tag.colour
    tag.save()
    emit(TagSaved(book_id=book.pk, tag_id=tag.pk))
    return tag


@transaction.atomic
def tags_named(*, book: Book, names: Sequence[str]) -> list[Tag]:
    """The tags of these names whatever their capitals; those that are new are made. Raises Invalid and Conflict."""
    wanted: dict[str, str] = {}
    for name in map(checked_name, names):
        wanted.setdefault(name.casefold(), name)
    found = by_name(book=book)
    if not wanted.keys() <= found.keys():
        _lock(book)  # another request may be making the same one
        found = by_name(book=book)
        for key, name in wanted.items():
            if key not in found:
                found[key] = save_tag(book=book, name=name)
    return [found[key] for key in wanted]


@transaction.atomic
def merge_tag(*, tag: Tag, into: Tag) -> None:
    """Put `into` on every entry that has `tag`, and remove `tag`.

    Raises Conflict for one and the same, and where a budget has a line of `tag`.
    """
    if tag.pk == into.pk:
        raise Conflict(field="into", reason=_("Choose another tag to merge this one into."))
    _hold([tag, into])
    _refuse_if_budgeted(tag)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO finance_entrytag (book_id, entry_id, tag_id, tagged_by_id, tagged_at)"
            " SELECT book_id, entry_id, %s, tagged_by_id, tagged_at FROM finance_entrytag WHERE tag_id = %s"
            " ON CONFLICT (entry_id, tag_id, book_id) DO NOTHING",
            [into.pk, tag.pk],
        )
    emit(TagsMerged(book_id=tag.book_id, tag_id=tag.pk, into_id=into.pk))
    _delete(tag)


@transaction.atomic
def remove_tag(*, tag: Tag) -> None:
    """Take the tag off every entry, and remove it. Raises Conflict where a budget has a line of it."""
    _hold([tag])
    _refuse_if_budgeted(tag)
    emit(TagRemoved(book_id=tag.book_id, tag_id=tag.pk))
    _delete(tag)


def _refuse_if_budgeted(tag: Tag) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT budget.name FROM finance_budgetline AS line JOIN finance_budget AS budget ON budget.id = line.budget_id"
            " WHERE line.tag_id = %s AND line.book_id = %s LIMIT 1",
            [tag.pk, tag.book_id],
        )
        if found := cursor.fetchone():
            reason = _("The budget “%(budget)s” has a line of this tag. Remove that line first.")
            raise Conflict(reason=reason % {"budget": found[0]})


def _delete(tag: Tag) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM finance_entrytag WHERE tag_id = %s AND book_id = %s", [tag.pk, tag.book_id])
        cursor.execute("DELETE FROM finance_tag WHERE id = %s AND book_id = %s", [tag.pk, tag.book_id])


_ADD = """
INSERT INTO finance_entrytag (book_id, entry_id, tag_id, tagged_by_id, tagged_at)
SELECT %(book)s, entry.id, tag.id, %(actor)s, transaction_timestamp()
  FROM unnest(%(entries)s::bigint[]) AS entry (id) CROSS JOIN unnest(%(tags)s::bigint[]) AS tag (id)
    ON CONFLICT (entry_id, tag_id, book_id) DO NOTHING
RETURNING entry_id, tag_id
"""
_TAKE = """
DELETE FROM finance_entrytag
 WHERE book_id = %(book)s AND entry_id = ANY(%(entries)s::bigint[]) AND tag_id = ANY(%(tags)s::bigint[])
RETURNING entry_id, tag_id
"""
# Tag id → the first versions of the entries that got or lost it. JSON makes texts of the ids when it is stored.
Links = dict[str, list[int]]


@transaction.atomic
def tag_entries(
    *, book: Book, actor: User | None, entry_ids: Collection[int], add: Sequence[Tag] = (), remove: Sequence[Tag] = ()
) -> int:
    """Put tags on entries and take others off, without a record of it; returns how many entries changed.

    An entry is named by any of its versions. Raises NotFound for an entry or a tag that the book does not have (any
    more), before anything is changed.
    """
    return len(_put(book, actor, set(_roots(book, entry_ids).values()), add=add, remove=remove)[2])


@transaction.atomic
def change_tags(
    *, book: Book, actor: User | None, entry_ids: Collection[int], add: Sequence[Tag] = (), remove: Sequence[Tag] = ()
) -> Change | None:
    """As `tag_entries`, recorded as a change that can be undone; None where all entries were like that already."""
    roots = _roots(book, entry_ids)
    added, removed, changed = _put(book, actor, set(roots.values()), add=add, remove=remove)
    shown = {root: entry_id for entry_id, root in roots.items()}  # one version each, as it was chosen
    return _recorded(book, actor, {"added": added, "removed": removed}, [shown[root] for root in changed])


@transaction.atomic
def put_tags(*, book: Book, actor: User | None, entry_id: int, tags: Sequence[Tag]) -> dict[str, Links]:
    """The entry has these tags and no others; returns what changed, for the record of a change (`Change.beside`).

    Raises as `tag_entries`.
    """
    root = _roots(book, [entry_id])[entry_id]
    had = set(EntryTag.objects.filter(book=book, entry_id=root).values_list("tag_id", flat=True))
    others = list(Tag.objects.filter(book=book, pk__in=had - {tag.pk for tag in tags}))
    new = [tag for tag in tags if tag.pk not in had]
    added, removed, _changed = _put(book, actor, {root}, add=new, remove=others)
    return {"added": added, "removed": removed}


@transaction.atomic
def set_tags(*, book: Book, actor: User | None, entry_id: int, tags: Sequence[Tag]) -> Change | None:
    """As `put_tags`, recorded as a change that can be undone; None where the entry has these tags already."""
    links = put_tags(book=book, actor=actor, entry_id=entry_id, tags=tags)
    return _recorded(book, actor, links, [entry_id])


def _recorded(book: Book, actor: User | None, links: dict[str, Links], entry_ids: Sequence[int]) -> Change | None:
    pks = {pk for each in links.values() for pk in each}
    if not pks:
        return None
    names = {str(pk): name for pk, name in Tag.objects.filter(pk__in=pks).order_by("pk").values_list("pk", "name")}
    asked = {
        f"{word}_tags": [names[pk] for pk in links[done]]
        for word, done in (("add", "added"), ("remove", "removed"))
        if links[done]
    }
    return record_change(
        book=book, actor=actor, action=Change.Action.TAG, asked=asked, beside={"tags": links}, entry_ids=entry_ids
    )


def take_back_tags(book: Book, actor: User | None, part: Mapping[str, Links]) -> dict[str, Links]:
    """Take off what a change put on, and put on what it took off; returns what this undo did, in the same form.

    Raises Conflict where one of the tags has been removed.
    """
    tags = {str(tag.pk): tag for tag in Tag.objects.filter(book=book, pk__in=[*part["added"], *part["removed"]])}
    if tags.keys() != {*part["added"], *part["removed"]}:
        raise Conflict(reason=_("A tag of this change has been removed or merged since, so it cannot be undone."))
    done: dict[str, Links] = {"added": {}, "removed": {}}
    for pk, entries in part["added"].items():
        done["removed"] |= _put(book, actor, set(entries), remove=[tags[pk]])[1]
    for pk, entries in part["removed"].items():
        done["added"] |= _put(book, actor, set(entries), add=[tags[pk]])[0]
    return done


def _roots(book: Book, entry_ids: Collection[int]) -> dict[int, int]:
    """Entry id → its first version. Raises NotFound."""
    roots = roots_of(book=book, entry_ids=entry_ids)
    if len(roots) < len(set(entry_ids)):
        raise NotFound(thing="entry")
    return roots


def _put(
    book: Book, actor: User | None, roots: set[int], *, add: Sequence[Tag] = (), remove: Sequence[Tag] = ()
) -> tuple[Links, Links, list[int]]:
    """What was put on and taken off, and the entries that this changed."""
    _hold([*add, *remove])
    given = {"book": book.pk, "actor": actor.pk if actor else None, "entries": sorted(roots)}
    added: Links = {}
    removed: Links = {}
    with connection.cursor() as cursor:
        for statement, tags, links in ((_TAKE, remove, removed), (_ADD, add, added)):
            if tags:
                cursor.execute(statement, {**given, "tags": sorted({tag.pk for tag in tags})})
                for entry_id, tag_id in cursor.fetchall():
                    links.setdefault(str(tag_id), []).append(entry_id)
    changed = sorted({entry_id for links in (added, removed) for entries in links.values() for entry_id in entries})
    for part in in_batches(changed, size=ENTRIES_PER_EVENT):
        emit(
            EntriesTagged(
                book_id=book.pk,
                entry_ids=tuple(part),
                added=tuple(sorted({tag.pk for tag in add})),
                removed=tuple(sorted({tag.pk for tag in remove})),
            )
        )
    return added, removed, changed


def _lock(book: Book) -> None:
    """One change of the list of tags at a time; posting is not held up."""
    Book.objects.select_for_update(no_key=True).get(pk=book.pk)


def _hold(tags: Sequence[Tag]) -> None:
    """The tags as they are until the commit. Raises NotFound if one has been removed."""
    wanted = {tag.pk for tag in tags}
    held = Tag.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
    if len(held) < len(wanted):
        raise NotFound(thing="tag")
