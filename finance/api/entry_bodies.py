"""Entries as they are sent and answered."""

import datetime
from typing import Any, cast

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from core.api.serializers import StrictSerializer
from finance import money
from finance.api.fields import AccountReferenceField, AmountField, MoneyField
from finance.api.tree import AccountTree
from finance.ledger.models import Book, JournalEntry, JournalLine
from finance.ledger.posting import EntryDraft, LineDraft
from finance.ledger.services.drafts import MAX_LINES
from finance.ledger.visibility import visible_entries, visible_lines
from finance.tags.selectors import tags_of_entries

MAX_BULK = 1000

GROCERIES = {
    "date": "2026-03-14",
    "payee": "Corner shop",
    "lines": [
        {"account": "Expenses:Groceries", "amount": "23.90"},
        {"account": "Assets:Current account", "amount": "-23.90"},
    ],
}
POSTED = {
    "uid": "0198f2b4-6f0e-7c3a-9a53-0c5d3f6f1a77",
    "date": "2026-03-14",
    "payee": "Corner shop",
    "description": "",
    "source": "api",
    "lines": [
        {"account": 52, "path": "Expenses:Groceries", "amount": "23.90", "currency": "EUR", "memo": ""},
        {"account": 41, "path": "Assets:Current account", "amount": "-23.90", "currency": "EUR", "memo": ""},
    ],
    "reverses": None,
    "reversed_by": None,
    "corrects": None,
    "corrected_by": None,
    "tags": ["Weekly"],
    "created_by": 3,
    "created_at": "2026-03-14T18:02:11.120000Z",
}
GROCERIES_EXAMPLE = OpenApiExample("Groceries", request_only=True, value=GROCERIES)
POSTED_EXAMPLE = OpenApiExample("Groceries", response_only=True, value=POSTED)


class LineSerializer(serializers.ModelSerializer[JournalLine]):
    account = serializers.IntegerField(
        source="account_id",
        read_only=True,
        allow_null=True,
        help_text="null: of accounts that you do not see, together.",
    )
    path = serializers.SerializerMethodField()
    amount = MoneyField(help_text="Debit positive, credit negative.")

    class Meta:
        model = JournalLine
        fields = ("account", "path", "amount", "currency", "memo")

    def get_path(self, line: JournalLine) -> str:
        tree: AccountTree = self.context["tree"]
        return tree.paths[line.account_id] if line.account_id else line.account.name


class EntriesSerializer(serializers.ListSerializer[Any]):
    """Entries with their tags, which one query finds for all of them."""

    def to_representation(self, data: Any) -> Any:
        entries: list[JournalEntry] = list(data)
        if entries:
            ids = [entry.pk for entry in entries]
            context = cast(dict[str, Any], self.context)
            book = context["tree"].book
            context["tags"] = tags_of_entries(book=book, entry_ids=ids)
            if book.visible_ids is not None:
                for entry in entries:
                    seen = visible_lines(entry.lines.all(), book=book)
                    entry._prefetched_objects_cache["lines"] = seen  # type: ignore[attr-defined]
        return super().to_representation(entries)


class EntrySerializer(serializers.ModelSerializer[JournalEntry]):
    lines = LineSerializer(many=True, read_only=True)
    reverses = serializers.UUIDField(source="reverses.uid", default=None, read_only=True, allow_null=True)
    reversed_by = serializers.UUIDField(source="reversed_by.uid", default=None, read_only=True, allow_null=True)
    corrects = serializers.UUIDField(source="corrects.uid", default=None, read_only=True, allow_null=True)
    corrected_by = serializers.UUIDField(source="corrected_by.uid", default=None, read_only=True, allow_null=True)
    tags = serializers.SerializerMethodField()
    created_by = serializers.IntegerField(
        source="created_by_id", read_only=True, allow_null=True, help_text="Id of the member who posted it."
    )

    class Meta:
        model = JournalEntry
        list_serializer_class = EntriesSerializer
        fields = (
            *("uid", "date", "payee", "description", "source", "lines"),
            *("reverses", "reversed_by", "corrects", "corrected_by", "tags", "created_by", "created_at"),
        )

    def get_tags(self, entry: JournalEntry) -> list[str]:
        return [tag.name for tag in self.context["tags"].get(entry.pk, ())]


class LineBody(StrictSerializer):
    account = AccountReferenceField()
    amount = AmountField(help_text="Debit positive, credit negative, in the account's currency.")
    memo = serializers.CharField(max_length=200, allow_blank=True, default="")


class EntryContent(StrictSerializer):
    """What an entry says, whether it is new or a replacement."""

    date = serializers.DateField(help_text="A day in the book's time zone.")
    payee = serializers.CharField(max_length=200, allow_blank=True, default="")
    description = serializers.CharField(max_length=500, allow_blank=True, default="")
    lines = LineBody(  # type: ignore[call-arg]  # many=True makes it a list, which the stubs do not know
        many=True, min_length=2, max_length=MAX_LINES, help_text="Sum to zero in each currency."
    )


class EntryBody(EntryContent):
    uid = serializers.UUIDField(required=False, help_text="Your own id for the entry; made by the server if left out.")


class BulkBody(StrictSerializer):
    entries = EntryBody(  # type: ignore[call-arg]  # as above
        many=True, min_length=1, max_length=MAX_BULK, help_text="All are posted, or none."
    )


REOPEN_HELP = "Agree that a reconciled statement is reopened if one of its rows changes; refused otherwise."


class CorrectionBody(EntryContent):
    reopen_statements = serializers.BooleanField(default=False, help_text=REOPEN_HELP)
    on = serializers.DateField(
        required=False,
        help_text="Date of the reversal if the entry's own day is closed. Default: today.",
    )


class ReversalBody(StrictSerializer):
    reopen_statements = serializers.BooleanField(default=False, help_text=REOPEN_HELP)
    on = serializers.DateField(
        required=False,
        help_text="Date of the reversal if the entry's own day is closed. Default: today.",
    )
    description = serializers.CharField(max_length=500, allow_blank=True, default="")


class ExchangeBody(StrictSerializer):
    date = serializers.DateField()
    source_account = AccountReferenceField()
    source_amount = AmountField(help_text="Amount given, positive.")
    target_account = AccountReferenceField()
    target_amount = AmountField(help_text="Amount received, positive, in the target's currency.")
    payee = serializers.CharField(max_length=200, allow_blank=True, default="")
    description = serializers.CharField(max_length=500, allow_blank=True, default="")


class BulkAnswer(serializers.Serializer[Any]):
    uids = serializers.ListField(child=serializers.UUIDField(), help_text="In the order of the request.")


class HistorySerializer(serializers.Serializer[Any]):
    results = EntrySerializer(many=True)


def entries_of(book: Book) -> QuerySet[JournalEntry]:
    """The book's entries, as far as they are seen, with everything that EntrySerializer shows, in two queries."""
    ordered = JournalLine.objects.order_by("position")
    lines = Prefetch("lines", ordered if book.visible_ids is None else ordered.select_related("account"))
    linked = ("reverses", "reversed_by", "corrects", "corrected_by")
    return (
        JournalEntry.objects.filter(visible_entries(book=book), book=book)
        .select_related(*linked)
        .prefetch_related(lines)
    )


def just_posted(entry: JournalEntry, draft: EntryDraft, *, tree: AccountTree) -> dict[str, Any]:
    """A new entry as EntrySerializer shows it to who sees all accounts, without reading it back."""
    lines = [
        JournalLine(
            account_id=line.account_id, currency=tree.by_id[line.account_id].currency, amount=line.amount, memo=line.memo
        )
        for line in draft.lines
    ]  # fmt: skip
    entry._prefetched_objects_cache = {"lines": lines}  # type: ignore[attr-defined]
    # Nothing has taken it back or replaced it yet.
    entry._state.fields_cache |= {"reversed_by": None, "corrected_by": None}
    return dict(EntrySerializer(entry, context={"tree": tree, "tags": {}}).data)


def line_drafts(lines: list[dict[str, Any]], *, tree: AccountTree, path: str = "") -> list[LineDraft]:
    """The checked body's lines as drafts. Raises NotFound and AmountInvalid by field."""
    drafts = []
    for index, line in enumerate(lines):
        place = f"{path}lines.{index}"
        account = tree.find(line["account"], field=f"{place}.account")
        amount = money.parse_amount(line["amount"], currency=account.currency, field=f"{place}.amount")
        drafts.append(LineDraft(account_id=account.pk, amount=amount, memo=line["memo"]))
    return drafts


def entry_draft(body: dict[str, Any], *, tree: AccountTree, path: str = "") -> EntryDraft:
    date: datetime.date = body["date"]
    return EntryDraft(
        date=date,
        lines=line_drafts(body["lines"], tree=tree, path=path),
        payee=body["payee"],
        description=body["description"],
        uid=body.get("uid"),
    )
