"""/books/{book_id}/entries/: the journal. Entries are posted, reversed and corrected, never changed."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from finance import money
from finance.api import entry_bodies as bodies
from finance.api.base import BookView
from finance.api.entry_bodies import EntrySerializer, entries_of, entry_draft, just_posted, line_drafts
from finance.api.entry_filters import EntryFilters
from finance.errors import Conflict, FinanceError, NotFound, PeriodClosedError
from finance.ledger import services
from finance.ledger.models import JournalEntry
from finance.ledger.posting import EntryDraft
from finance.ledger.selectors import entry_for, entry_history
from finance.reconciliation.services import reopening
from identity.api.idempotency import once_per_key

EXCHANGED = OpenApiExample(
    "Euros into dollars",
    request_only=True,
    value={
        "date": "2026-03-14",
        "source_account": "Assets:Current account",
        "source_amount": "100.00",
        "target_account": "Assets:Dollar account",
        "target_amount": "108.35",
    },
)


class EntryView(BookView):
    """What the views of entries share."""

    serializer_class = EntrySerializer

    def get_serializer_context(self) -> dict[str, Any]:
        context = dict(super().get_serializer_context())
        return context if getattr(self, "swagger_fake_view", False) else {**context, "tree": self.tree}

    def entry(self) -> JournalEntry:
        entry = entry_for(book=self.book, uid=self.kwargs["uid"])
        entry.book = self.book
        return entry

    def shown(self, entries: Sequence[int]) -> list[dict[str, Any]]:
        """Entries by id as they are answered, oldest first."""
        found = entries_of(self.book).filter(pk__in=entries).order_by("pk")
        return list(EntrySerializer(found, many=True, context={"tree": self.tree}).data)

    def answer(self, status_code: int, entry: JournalEntry) -> tuple[int, Any]:
        return status_code, self.shown([entry.pk])[0]


@extend_schema_view(
    get=extend_schema(
        operation_id="entries_list",
        summary="The journal, newest first",
        description="Filters are combined: all must match. `account` and the amount limits must match the same line. "
        "With `text`, amounts, `source` or `current`, and no `account`, `payee` or `tag`, a page looks through 2,000 entries: "
        "it may hold fewer rows than asked, even none, and have a `next`.",
        examples=[bodies.POSTED_EXAMPLE],
    ),
    post=extend_schema(
        operation_id="entries_create",
        summary="Post an entry",
        description="Lines must sum to zero in each currency. Send an `Idempotency-Key`, so that a retry posts once.",
        request=bodies.EntryBody,
        responses={201: EntrySerializer},
        examples=[bodies.GROCERIES_EXAMPLE, bodies.POSTED_EXAMPLE],
    ),
)
@extend_schema(tags=["entries"])
class EntryList(EntryView, generics.ListAPIView[JournalEntry]):
    """The book's entries, newest first."""

    bodies = {"POST": bodies.EntryBody}
    partly = frozenset({"GET", "POST"})
    filterset_class = EntryFilters
    ordering = ("-date", "-id")

    def get_queryset(self) -> QuerySet[JournalEntry]:
        if getattr(self, "swagger_fake_view", False):
            return JournalEntry.objects.none()
        return entries_of(self.book)

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        draft = entry_draft(self.body(), tree=self.tree)
        entry = services.post_entry(
            book=self.book,
            actor=self.user,
            date=draft.date,
            lines=draft.lines,
            payee=draft.payee,
            description=draft.description,
            source=JournalEntry.Source.API,
            uid=draft.uid,
        )
        if self.book.visible_ids is not None:
            return self.answer(status.HTTP_201_CREATED, entry)
        return status.HTTP_201_CREATED, just_posted(entry, draft, tree=self.tree)


@extend_schema_view(
    post=extend_schema(
        operation_id="entries_bulk_create",
        summary="Post many entries",
        description="Up to 1,000 in one transaction, all or none; errors name the row (`entries.17.lines.0.amount`).",
        request=bodies.BulkBody,
        responses={201: bodies.BulkAnswer},
        examples=[
            OpenApiExample("One of many", request_only=True, value={"entries": [bodies.GROCERIES]}),
            OpenApiExample("Their names", response_only=True, value={"uids": [bodies.POSTED["uid"]]}),
        ],
    )
)
@extend_schema(tags=["entries"])
class EntryBulk(EntryView):
    """Posts many entries, all or none."""

    bodies = {"POST": bodies.BulkBody}

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        asked = self.body()["entries"]
        drafts = [entry_draft(body, tree=self.tree, path=f"entries.{row}.") for row, body in enumerate(asked)]
        # What the database refuses for the batch as a whole, told by row.
        closed = self.book.closed_through
        named = [draft.uid for draft in drafts if draft.uid is not None]
        taken = set(JournalEntry.objects.filter(uid__in=named).values_list("uid", flat=True)) if named else set()
        for row, draft in enumerate(drafts):
            if closed is not None and draft.date <= closed:
                raise PeriodClosedError(field=f"entries.{row}.date", closed_through=closed, date=draft.date)
            if draft.uid in taken:
                raise Conflict(field=f"entries.{row}.uid", reason=_("An entry with this uid exists already."))
            if draft.uid is not None:
                taken.add(draft.uid)
        try:
            ids = services.post_entries(book=self.book, actor=self.user, drafts=drafts, source=JournalEntry.Source.API)
        except FinanceError as error:
            # The service's paths begin with the row; in the body the rows are members of "entries".
            error.fields = {
                f"entries.{path}" if path.partition(".")[0].isdecimal() else path: message
                for path, message in error.fields.items()
            }
            raise
        uids = dict(JournalEntry.objects.filter(pk__in=ids).values_list("pk", "uid"))
        return status.HTTP_201_CREATED, {"uids": [uids[each] for each in ids]}


@extend_schema_view(
    post=extend_schema(
        operation_id="exchanges_create",
        summary="Exchange money between currencies",
        description="Both sides balance in their own currency against the book's trading accounts; no rate is stored.",
        request=bodies.ExchangeBody,
        responses={201: EntrySerializer},
        examples=[EXCHANGED, bodies.POSTED_EXAMPLE],
    )
)
@extend_schema(tags=["entries"])
class PostExchange(EntryView):
    """Exchanges money between accounts of two currencies."""

    partly = frozenset({"POST"})
    bodies = {"POST": bodies.ExchangeBody}

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        asked = self.body()
        for side in ("source", "target"):
            account = self.tree.find(asked[f"{side}_account"], field=f"{side}_account")
            asked[f"{side}_account"] = account
            asked[f"{side}_amount"] = money.parse_amount(
                asked[f"{side}_amount"], currency=account.currency, field=f"{side}_amount"
            )
        entry = services.exchange(book=self.book, actor=self.user, **asked)
        del self.tree  # it may have opened trading accounts since
        return self.answer(status.HTTP_201_CREATED, entry)


@extend_schema_view(
    get=extend_schema(operation_id="entries_retrieve", summary="An entry", examples=[bodies.POSTED_EXAMPLE])
)
@extend_schema(tags=["entries"])
class EntryDetail(EntryView):
    """One entry with its lines."""

    partly = frozenset({"GET"})

    def get(self, request: Request, book_id: int, uid: str) -> Response:
        found = EntrySerializer(entries_of(self.book).filter(uid=uid), many=True, context={"tree": self.tree}).data
        if not found:
            raise NotFound(thing="entry")
        return Response(found[0])


@extend_schema_view(
    get=extend_schema(
        operation_id="entries_history",
        summary="An entry's history",
        description="What happened to it: reversals and replacements, oldest first.",
        responses=bodies.HistorySerializer,
    )
)
@extend_schema(tags=["entries"])
class EntryHistory(EntryView):
    """The chain of corrections that an entry belongs to."""

    partly = frozenset({"GET"})

    def get(self, request: Request, book_id: int, uid: str) -> Response:
        chain = entry_history(entry=self.entry())
        return Response({"results": self.shown([entry.pk for entry in chain])})


@extend_schema_view(
    post=extend_schema(
        operation_id="entries_correct",
        summary="Correct an entry",
        description="Posts the entry's reversal and a replacement; answers with the replacement.",
        request=bodies.CorrectionBody,
        responses={201: EntrySerializer},
        examples=[bodies.GROCERIES_EXAMPLE, bodies.POSTED_EXAMPLE],
    )
)
@extend_schema(tags=["entries"])
class CorrectEntry(EntryView):
    """Replaces an entry."""

    bodies = {"POST": bodies.CorrectionBody}

    @once_per_key()
    def post(self, request: Request, book_id: int, uid: str) -> tuple[int, Any]:
        entry, asked = self.entry(), self.body()
        lines = line_drafts(asked["lines"], tree=self.tree)
        draft = EntryDraft(date=asked["date"], lines=lines, payee=asked["payee"], description=asked["description"])
        on = asked.get("on", self.today())
        with reopening(agreed=asked["reopen_statements"]):
            services.replace_entry(entry=entry, actor=self.user, draft=draft, today=on)
        replacement = JournalEntry.objects.get(corrects=entry)
        return self.answer(status.HTTP_201_CREATED, replacement)


@extend_schema_view(
    post=extend_schema(
        operation_id="entries_reverse",
        summary="Reverse an entry",
        description="Posts its opposite, dated like the entry, or `on` if that day is closed.",
        request=bodies.ReversalBody,
        responses={201: EntrySerializer},
        examples=[bodies.POSTED_EXAMPLE],
    )
)
@extend_schema(tags=["entries"])
class ReverseEntry(EntryView):
    """Reverses an entry."""

    bodies = {"POST": bodies.ReversalBody}

    @once_per_key()
    def post(self, request: Request, book_id: int, uid: str) -> tuple[int, Any]:
        entry, asked = self.entry(), self.body()
        with reopening(agreed=asked["reopen_statements"]):
            reversal = services.reverse_entry(
                entry=entry,
                actor=self.user,
                on=asked.get("on", self.today()),
                description=asked["description"],
            )
        return self.answer(status.HTTP_201_CREATED, reversal)
