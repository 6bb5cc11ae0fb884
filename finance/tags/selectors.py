"""Tags of a book, of entries, and what they add up to."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import QuerySet
from django.db.models.functions import Lower

from finance.errors import NotFound
from finance.ledger.models import Book
from finance.ledger.registers import LineCondition
from finance.ledger.revisions import ROOTS, versions_sql
from finance.replica import reading
from finance.tags.models import Tag

# Every version of every entry that has one of the tags; for conditions such as "entry.id IN (…)".
TAGGED_ENTRIES = versions_sql(
    "SELECT entry_id FROM finance_entrytag WHERE book_id = %(book)s AND tag_id = ANY(%(tags)s::bigint[])"
)

_TAGS_OF_ENTRIES = f"""
{ROOTS}
SELECT root.entry_id, tag.id, tag.name, tag.colour
  FROM root
  JOIN finance_entrytag AS link ON link.entry_id = root.id AND link.book_id = %(book)s
  JOIN finance_tag AS tag ON tag.id = link.tag_id
 ORDER BY root.entry_id, lower(tag.name)
"""

_FIGURES = """
WITH RECURSIVE version (tag_id, id) AS (
    SELECT tag_id, entry_id FROM finance_entrytag WHERE book_id = %(book)s AND tag_id = ANY(%(tags)s::bigint[])
    UNION ALL
    SELECT version.tag_id, entry.id
      FROM version JOIN finance_journalentry AS entry ON entry.corrects_id = version.id
), current AS (
    SELECT tag_id, id FROM version
     WHERE NOT EXISTS (SELECT FROM finance_journalentry AS reversal WHERE reversal.reverses_id = version.id)
)
SELECT tag_id, count(*), NULL, NULL, NULL FROM current GROUP BY tag_id
UNION ALL
SELECT current.tag_id, NULL, line.currency,
       coalesce(sum(line.amount) FILTER (WHERE account.type = 'expense'), 0)::bigint,
       coalesce(-sum(line.amount) FILTER (WHERE account.type = 'income'), 0)::bigint
  FROM current
  JOIN finance_journalline AS line ON line.entry_id = current.id
  JOIN finance_account AS account ON account.id = line.account_id AND account.type IN ('expense', 'income')
 GROUP BY current.tag_id, line.currency
 ORDER BY 1, 3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSum:
    """Spending and income of a tag's entries in one currency, in minor units with their natural sign."""

    currency: str
    spent: int
    received: int


@dataclass(slots=True, kw_only=True)
class TagFigures:
    """How many entries that count have the tag, and their sums per currency."""

    entries: int = 0
    sums: list[TagSum] = field(default_factory=list)


def tag_for(*, book: Book, tag_id: int) -> Tag:
    """The book's tag. Raises NotFound."""
    tag = Tag.objects.filter(book=book, pk=tag_id).first()
    if tag is None:
        raise NotFound(thing="tag")
    tag.book = book
    return tag


def tags_of(*, book: Book) -> QuerySet[Tag]:
    """The book's tags by name."""
    return Tag.objects.filter(book=book).order_by(Lower("name"))


def by_name(*, book: Book) -> dict[str, Tag]:
    """The book's tags (1,000 at most) by their casefolded names: not by the database's idea of capitals."""
    return {tag.name.casefold(): tag for tag in Tag.objects.filter(book=book)}


def tagged(*, tag_ids: Collection[int]) -> LineCondition:
    """For registers: lines of entries that have one of the tags, whatever their version."""
    return LineCondition(sql=f"line.entry_id = ANY(ARRAY({TAGGED_ENTRIES}))", parameters={"tags": list(tag_ids)})


def tags_of_entries(*, book: Book, entry_ids: Collection[int]) -> dict[int, list[Tag]]:
    """Tags by name of each of these entries that has any, in one query; versions and reversals have those of the root."""
    if not entry_ids:
        return {}
    found: dict[int, list[Tag]] = defaultdict(list)
    with reading().cursor() as cursor:
        cursor.execute(_TAGS_OF_ENTRIES, {"book": book.pk, "entries": list(entry_ids)})
        for entry_id, tag_id, name, colour in cursor.fetchall():
            found[entry_id].append(Tag(pk=tag_id, book_id=book.pk, name=name, colour=colour))
    return dict(found)


def tag_figures(*, book: Book, tag_ids: Collection[int]) -> dict[int, TagFigures]:
    """Figures of each of these tags, in one query. A refund lowers what was spent; transfers are neither."""
    figures = {tag_id: TagFigures() for tag_id in tag_ids}
    with reading().cursor() as cursor:
        cursor.execute(_FIGURES, {"book": book.pk, "tags": list(tag_ids)})
        for tag_id, entries, currency, spent, received in cursor.fetchall():
            if currency is None:
                figures[tag_id].entries = entries
            else:
                figures[tag_id].sums.append(TagSum(currency=currency, spent=spent, received=received))
    return figures
