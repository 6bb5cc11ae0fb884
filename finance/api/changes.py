"""/books/{book_id}/changes/: corrections of one entry or many, their history and Undo; templates of entries."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from finance import money
from finance.api import change_shapes as shapes
from finance.api.base import BookView
from finance.api.entry_bodies import line_drafts
from finance.errors import Invalid, NotFound
from finance.ledger import services
from finance.ledger.change_models import Change, ChangedEntry, EntryTemplate
from finance.ledger.models import JournalEntry, JournalLine
from finance.ledger.revising import Edit
from finance.ledger.selectors import change_for, template_for
from finance.ledger.services.changes import Changed
from finance.payees.services import merge_payees
from finance.reconciliation.services import reopening
from identity.api.idempotency import once_per_key


def body_of(done: Changed) -> dict[str, Any]:
    """The answer to a change."""
    left = [
        {"entry": each.entry.uid, "date": each.entry.date, "payee": each.entry.payee, "why": each.why}
        for each in done.left
    ]
    return dict(shapes.ChangedSerializer({"change": done.change, "left": left, "same": done.same}).data)


@extend_schema_view(
    post=extend_schema(
        operation_id="entries_change",
        summary="Change or delete entries",
        description=(
            "Up to 5,000 entries in one transaction; each is reversed and replaced. Entries of closed periods are "
            "corrected with a date of the open period (`redated_to`). What cannot be changed as asked stays and is listed "
            "in `left`; if that is all of them, the request is refused with the first reason."
        ),
        request=shapes.ChangeBody,
        responses=shapes.ChangedSerializer,
        examples=[shapes.ASKED_EXAMPLE, shapes.DONE_EXAMPLE],
    )
)
@extend_schema(tags=["entries"])
class ChangeEntries(BookView):
    """One edit for many entries."""

    serializer_class = shapes.ChangedSerializer
    bodies = {"POST": shapes.ChangeBody}

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        asked = self.body()
        with reopening(agreed=asked.pop("reopen_statements")):
            return self._change(asked)

    def _change(self, asked: dict[str, Any]) -> tuple[int, Any]:
        chosen: dict[uuid.UUID, set[int]] = {}
        for target in asked.pop("entries"):
            chosen.setdefault(target["entry"], set()).update([target["part"]] if "part" in target else [])
        ids = dict(JournalEntry.objects.filter(book=self.book, uid__in=chosen).values_list("uid", "pk"))
        if len(ids) != len(chosen):
            raise NotFound(field="entries", thing="entry")
        targets = {ids[uid]: positions for uid, positions in chosen.items()}
        if asked.pop("delete"):
            if asked:
                raise Invalid(field="delete", reason=_("Delete alone, or leave it out."))
            done = services.delete_entries(book=self.book, actor=self.user, entry_ids=list(targets), today=self.today())
            return status.HTTP_200_OK, body_of(done)
        if "account" in asked:
            asked["account"] = self.tree.find(asked["account"], field="account")
        if "amount" in asked:
            asked["amount"] = self._amount(asked["amount"], targets)
        done = services.change_entries(
            book=self.book, actor=self.user, targets=targets, edit=Edit(**asked), today=self.today()
        )
        return status.HTTP_200_OK, body_of(done)

    def _amount(self, text: str, targets: dict[int, set[int]]) -> int:
        """Minor units in the currency of the one entry's line."""
        if len(targets) != 1:
            raise Invalid(field="amount", reason=_("Change the amount of one entry at a time."))
        ((entry_id, positions),) = targets.items()
        lines = JournalLine.objects.filter(entry=entry_id).order_by("position")
        line = (lines.filter(position__in=positions) if positions else lines).first()
        if line is None:
            raise NotFound(field="entries.0.part", thing="part")
        return money.parse_amount(text, currency=line.currency, field="amount")


@extend_schema_view(
    post=extend_schema(
        operation_id="entries_merge_payees",
        summary="Merge payees",
        description="Makes some payees one, ignoring case: their names become aliases of it, and `past` says whether past "
        "entries are corrected. Undoing the change brings the payees back.",
        request=shapes.MergeBody,
        responses=shapes.ChangedSerializer,
    )
)
@extend_schema(tags=["entries"])
class MergePayees(BookView):
    """One payee out of several."""

    serializer_class = shapes.ChangedSerializer
    bodies = {"POST": shapes.MergeBody}

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        asked = self.body()
        with reopening(agreed=asked.pop("reopen_statements")):
            correct_past = asked.pop("past") == "correct"
            done = merge_payees(
                book=self.book, actor=self.user, today=self.today(), correct_past=correct_past, **asked
            )  # fmt: skip
        return status.HTTP_200_OK, body_of(done)


@extend_schema_view(get=extend_schema(operation_id="changes_list", summary="Changes of entries, newest first"))
@extend_schema(tags=["entries"])
class ChangeList(BookView, generics.ListAPIView[Change]):
    """What was corrected, by whom and when."""

    serializer_class = shapes.EntryChangeSerializer
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[Change]:
        if getattr(self, "swagger_fake_view", False):
            return Change.objects.none()
        return Change.objects.filter(book=self.book).select_related("undone_by")


@extend_schema_view(
    get=extend_schema(
        operation_id="changes_entries", summary="The entries of a change",
        description="Without `after` the entry was deleted, without `before` it was brought back.",
    )
)  # fmt: skip
@extend_schema(tags=["entries"])
class ChangedEntryList(BookView, generics.ListAPIView[ChangedEntry]):
    """Entries before and after."""

    serializer_class = shapes.ChangedEntrySerializer
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[ChangedEntry]:
        if getattr(self, "swagger_fake_view", False):
            return ChangedEntry.objects.none()
        change = change_for(book=self.book, change_id=self.kwargs["change_id"])
        return ChangedEntry.objects.filter(change=change).select_related("before", "after")


@extend_schema_view(
    get=extend_schema(operation_id="changes_retrieve", summary="A change", responses=shapes.EntryChangeSerializer)
)
@extend_schema(tags=["entries"])
class ChangeDetail(BookView):
    """One change."""

    serializer_class = shapes.EntryChangeSerializer

    def get(self, request: Request, book_id: int, change_id: int) -> Response:
        return Response(shapes.EntryChangeSerializer(change_for(book=self.book, change_id=change_id)).data)


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_undo",
        summary="Undo a change",
        description=(
            "Puts its entries back to what they were, by corrections; answers with the new change, which can be undone "
            "too. Refused (`changed_since`) if entries were changed since, which `fields.entries` names."
        ),
        request=shapes.UndoBody,
        responses={201: shapes.EntryChangeSerializer},
    )
)
@extend_schema(tags=["entries"])
class UndoChange(BookView):
    """Takes a change back."""

    serializer_class = shapes.EntryChangeSerializer
    bodies = {"POST": shapes.UndoBody}

    @once_per_key()
    def post(self, request: Request, book_id: int, change_id: int) -> tuple[int, Any]:
        change = change_for(book=self.book, change_id=change_id)
        asked = self.body()
        with reopening(agreed=asked.pop("reopen_statements")):
            undo = services.undo_change(change=change, actor=self.user, today=self.today(), **asked)
        return status.HTTP_201_CREATED, shapes.EntryChangeSerializer(undo).data


class TemplateView(BookView):
    serializer_class = shapes.TemplateSerializer

    def get_serializer_context(self) -> dict[str, Any]:
        context = dict(super().get_serializer_context())
        return context if getattr(self, "swagger_fake_view", False) else {**context, "tree": self.tree}


@extend_schema_view(
    get=extend_schema(operation_id="entry_templates_list", summary="Templates of entries"),
    post=extend_schema(
        operation_id="entry_templates_create",
        summary="Keep an entry as a template",
        request=shapes.TemplateBody,
        responses={201: shapes.TemplateSerializer},
    ),
)
@extend_schema(tags=["entries"])
class TemplateList(TemplateView, generics.ListAPIView[EntryTemplate]):
    """Entries under a name, to be written again."""

    bodies = {"POST": shapes.TemplateBody}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[EntryTemplate]:
        if getattr(self, "swagger_fake_view", False):
            return EntryTemplate.objects.none()
        return EntryTemplate.objects.filter(book=self.book)

    @once_per_key()
    def post(self, request: Request, book_id: int) -> tuple[int, Any]:
        asked = self.body()
        asked["lines"] = line_drafts(asked["lines"], tree=self.tree)
        template = services.save_template(book=self.book, actor=self.user, **asked)
        return status.HTTP_201_CREATED, shapes.TemplateSerializer(template, context={"tree": self.tree}).data


@extend_schema_view(delete=extend_schema(operation_id="entry_templates_destroy", summary="Remove a template"))
@extend_schema(tags=["entries"])
class TemplateDetail(TemplateView):
    """One template."""

    @once_per_key()
    def delete(self, request: Request, book_id: int, template_id: int) -> tuple[int, Any]:
        services.remove_template(template=template_for(book=self.book, template_id=template_id))
        return status.HTTP_204_NO_CONTENT, None
