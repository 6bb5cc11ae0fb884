"""Payees of a book with their history."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Prefetch, Q, QuerySet, Value
from django.db.models.functions import Lower

from finance.errors import NotFound
from finance.ledger.models import Book, JournalEntry
from finance.payees.models import Payee, PayeeAlias
from finance.replica import reading

_YEARS = """
WITH current AS (
    SELECT entry.id, extract(year FROM entry.date)::int AS year FROM finance_journalentry AS entry
     WHERE entry.book_id = %(book)s AND lower(entry.payee) = ANY(%(names)s::text[]) AND entry.reverses_id IS NULL
       AND NOT EXISTS (SELECT FROM finance_journalentry AS reversal WHERE reversal.reverses_id = entry.id)
)
SELECT current.year, line.currency, count(DISTINCT current.id),
       coalesce(sum(line.amount) FILTER (WHERE account.type = 'expense'), 0)::bigint,
       coalesce(-sum(line.amount) FILTER (WHERE account.type = 'income'), 0)::bigint
  FROM current
  JOIN finance_journalline AS line ON line.entry_id = current.id
  JOIN finance_account AS account ON account.id = line.account_id
 GROUP BY current.year, line.currency ORDER BY current.year DESC, line.currency
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayeeYear:
    """A payee's entries that count in one year and currency: minor units with their natural sign."""

    year: int
    currency: str
    entries: int
    spent: int
    received: int


def payees_of(*, book: Book) -> QuerySet[Payee]:
    """The book's payees with their aliases."""
    aliases = Prefetch("aliases", PayeeAlias.objects.order_by(Lower("name")))
    return Payee.objects.filter(book=book).select_related("default_account").prefetch_related(aliases)


def payee_for(*, book: Book, payee_id: int) -> Payee:
    """The book's payee. Raises NotFound."""
    payee = payees_of(book=book).filter(pk=payee_id).first()
    if payee is None:
        raise NotFound(thing="payee")
    payee.book = book
    return payee


def payees_beginning(*, book: Book, prefix: str, limit: int) -> list[Payee]:
    """Payees whose name or an alias begins so, whatever its capitals; by name."""
    aliased = PayeeAlias.objects.filter(book=book, name__istartswith=prefix).values("payee_id")
    found = payees_of(book=book).filter(Q(name__istartswith=prefix) | Q(pk__in=aliased))
    return list(found.order_by(Lower("name"))[:limit])


def texts_of(*, payee: Payee) -> list[str]:
    """The name and all aliases."""
    return [payee.name, *(alias.name for alias in payee.aliases.all())]


def aliases_in(*, book_id: int) -> dict[str, str]:
    """Alias → the payee's name, of the whole book."""
    return dict(PayeeAlias.objects.filter(book_id=book_id).values_list("name", "payee__name"))


def years_of(*, payee: Payee) -> list[PayeeYear]:
    """What was spent and received, newest year first. Refunds lower what was spent; transfers are neither."""
    names = [text.lower() for text in texts_of(payee=payee)]
    with reading().cursor() as cursor:
        cursor.execute(_YEARS, {"book": payee.book_id, "names": names})
        return [
            PayeeYear(year=year, currency=currency, entries=entries, spent=spent, received=received)
            for year, currency, entries, spent, received in cursor.fetchall()
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePlan:
    """What merging payees does: `others` are removed, `texts` become aliases of `into` (None: a new payee, `name`)."""

    into: Payee | None
    name: str
    others: list[Payee]
    texts: list[str]

    @property
    def names(self) -> list[str]:
        """What is merged, as people know it: payees by their names, then texts that no payee has."""
        aliased = {text for payee in self.others for text in texts_of(payee=payee)}
        return [*(payee.name for payee in self.others), *(text for text in self.texts if text not in aliased)]


def merge_plan(*, book: Book, names: Sequence[str], into: str) -> MergePlan:
    """Which payees and texts these names are, whatever their capitals. Texts that neither payees nor entries have are left out."""
    asked = [Lower(Value(text)) for text in [*names, into]]
    aliased = PayeeAlias.objects.filter(book=book).alias(key=Lower("name")).filter(key__in=asked).values("payee_id")
    found = payees_of(book=book).alias(key=Lower("name")).filter(Q(key__in=asked) | Q(pk__in=aliased)).order_by("pk")
    owners = {text.casefold(): payee for payee in found for text in texts_of(payee=payee)}
    target = owners.get(into.casefold())
    name = target.name if target else into
    others = {payee.pk: payee for text in names if (payee := owners.get(text.casefold())) and payee != target}
    unnamed = {text.casefold(): text for text in names if text.casefold() not in owners}
    unnamed.pop(name.casefold(), None)
    written = set(
        JournalEntry.objects.filter(book=book)
        .annotate(text=Lower("payee"))
        .filter(text__in=[Lower(Value(text)) for text in unnamed.values()])
        .values_list("text", flat=True)
        .distinct()
    )
    texts = [text for payee in others.values() for text in texts_of(payee=payee)]
    texts += [text for text in unnamed.values() if text.lower() in written]
    texts = [text for text in texts if text.casefold() != name.casefold()]
    return MergePlan(into=target, name=name, others=list(others.values()), texts=texts)


def entries_named(*, book: Book, names: list[str]) -> QuerySet[JournalEntry]:
    """Entries that count whose payee is one of these texts, whatever its capitals; newest first."""
    lowered = JournalEntry.objects.filter(book=book, reverses=None, reversed_by=None).alias(text=Lower("payee"))
    return lowered.filter(text__in=[name.lower() for name in names]).order_by("-date", "-id")
