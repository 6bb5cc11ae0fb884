from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from finance import money
from finance.imports.models import ImportBatch, ImportRow
from finance.imports.proof import Proof, proof_of
from finance.imports.selectors import counts_of, statements_of


class ImportSerializer(serializers.ModelSerializer[ImportBatch]):
    account = serializers.IntegerField(source="account_id", read_only=True)
    created_by = serializers.EmailField(source="created_by.email", default=None, read_only=True, allow_null=True)

    class Meta:
        model = ImportBatch
        fields = (
            *("id", "account", "file_name", "format", "state", "problem", "size", "sha256", "rows_total", "rows_done"),
            *("created_by", "created_at", "confirmed_at", "undone_at"),
        )


class OlderSerializer(serializers.Serializer[Any]):
    """Rows to be posted that are not newer than the account's opening balance."""

    count = serializers.IntegerField()
    moved = serializers.CharField(help_text="What importing them adds to today's balance.")
    first = serializers.DateField()
    opening = serializers.CharField()
    opening_on = serializers.DateField()


class ProofSerializer(serializers.Serializer[Any]):
    """Decimal strings in the statement's currency; null where the file does not say."""

    opening = serializers.CharField(allow_null=True)
    opening_source = serializers.CharField(help_text='"file", "books" or "".')
    rows_sum = serializers.CharField()
    rows_count = serializers.IntegerField()
    computed = serializers.CharField(allow_null=True, help_text="Opening plus rows.")
    closing = serializers.CharField(allow_null=True)
    difference = serializers.CharField(allow_null=True, help_text="Closing minus computed.")
    holds = serializers.BooleanField(
        allow_null=True, help_text="null: nothing to check against, or only once `opening_needed` is set."
    )
    balance_break = serializers.IntegerField(
        allow_null=True, help_text="First line that contradicts the balance column."
    )
    books_opening = serializers.CharField(allow_null=True)
    books_closing = serializers.CharField(allow_null=True)
    books_difference = serializers.CharField(allow_null=True)
    opening_needed = serializers.CharField(allow_null=True, help_text="What an empty account would have to start with.")
    older = OlderSerializer(allow_null=True, help_text="Confirming needs `older_rows` if this is not null.")
    left_out = serializers.IntegerField(help_text="Lines of the file that were not taken for transactions.")
    explanation = serializers.ListField(child=serializers.CharField())


class StatementSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    account_at_bank = serializers.CharField(allow_blank=True)
    account = serializers.IntegerField(allow_null=True)
    currency = serializers.CharField()
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    closing_on = serializers.DateField(allow_null=True)
    proof = ProofSerializer()


class KeptSerializer(serializers.Serializer[Any]):
    entry = serializers.UUIDField()
    date = serializers.DateField()
    payee = serializers.CharField(allow_blank=True)
    why = serializers.CharField()


class ImportDetailSerializer(ImportSerializer):
    """An import with its counts, proof and reading."""

    notes = serializers.ListField(child=serializers.CharField())
    profile = serializers.DictField(allow_null=True)
    fates = serializers.DictField(child=serializers.IntegerField())
    outcomes = serializers.DictField(child=serializers.IntegerField())
    statements = StatementSerializer(many=True)
    kept = KeptSerializer(many=True)

    class Meta(ImportSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *ImportSerializer.Meta.fields,
            *("notes", "profile", "fates", "outcomes", "statements", "kept"),
        )


class ImportRowSerializer(serializers.ModelSerializer[ImportRow]):
    amount = serializers.SerializerMethodField(help_text="Money out is negative; null if it cannot be read.")
    balance = serializers.SerializerMethodField(help_text="As the bank states it after the row.")
    currency = serializers.CharField(source="statement.currency", read_only=True)
    statement = serializers.IntegerField(source="statement_id", read_only=True)
    counter_account = serializers.IntegerField(source="counter_account_id", read_only=True, allow_null=True)
    matched_entry = serializers.UUIDField(source="matched_entry.uid", default=None, read_only=True, allow_null=True)
    entry = serializers.UUIDField(source="posted_entry.uid", default=None, read_only=True, allow_null=True)
    suggestions = serializers.ListField(
        child=serializers.DictField(), help_text="Up to three accounts with the chance in percent and the reason."
    )
    refund_of = serializers.UUIDField(
        source="refund_of.uid", default=None, read_only=True, allow_null=True,
        help_text="The purchase in the books that the row gives back.",
    )  # fmt: skip
    tags = serializers.ListField(child=serializers.CharField(), help_text="Tags that rules put on the entry.")
    split = serializers.SerializerMethodField(help_text="Parts instead of one `counter_account`, as a rule has it.")
    plan = serializers.CharField(read_only=True, help_text='What confirming will do: "post", "match", "ignore" or "".')

    class Meta:
        model = ImportRow
        fields = (
            *("id", "statement", "number", "date", "raw_date", "amount", "balance", "currency", "payee", "description"),
            *(
                "bank_id",
                "counterparty_account",
                "counterparty_bank",
                "fate",
                "reason",
                "note",
                "decision",
                "plan",
                "counter_account",
                "suggestion",
                "suggestions",
                "new_payee",
                "memo",
                "split",
                "tags",
                "refund_of",
                "refund_of_line",
                "matched_entry",
            ),
            *("outcome", "entry"),
        )

    def get_amount(self, row: ImportRow) -> str | None:
        return _shown(row.amount, row.statement.currency)

    @extend_schema_field(
        {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["account", "amount", "note"],
                "properties": {
                    "account": {"type": "integer"},
                    "amount": {"type": "string"},
                    "note": {"type": "string"},
                },
            },
        }
    )
    def get_split(self, row: ImportRow) -> list[dict[str, Any]]:
        return [{**part, "amount": _shown(part["amount"], row.statement.currency)} for part in row.split]

    def get_balance(self, row: ImportRow) -> str | None:
        return _shown(row.balance, row.statement.currency)


class ImportRowPageSerializer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True, help_text="Always null: rows are paged forwards only.")
    results = ImportRowSerializer(many=True)


def detail_of(batch: ImportBatch) -> dict[str, Any]:
    """The import with counts and proofs, JSON-able."""
    counts = counts_of(batch=batch)
    statements = [
        {
            "id": statement.pk,
            "account_at_bank": statement.external_account,
            "account": statement.account_id,
            "currency": statement.currency,
            "start": statement.start,
            "end": statement.end,
            "closing_on": statement.closing_on,
            "proof": _proof(proof_of(statement)),
        }
        for statement in statements_of(batch=batch)
    ]
    return {
        **ImportSerializer(batch).data,
        "notes": batch.notes,
        "profile": batch.profile,
        "fates": counts.fates,
        "outcomes": counts.outcomes,
        "statements": [dict(StatementSerializer(statement).data) for statement in statements],
        "kept": [{"entry": k["uid"], "date": k["date"], "payee": k["payee"], "why": k["why"]} for k in batch.kept],
    }


def _proof(proof: Proof) -> dict[str, Any]:
    names = (
        "opening",
        "rows_sum",
        "computed",
        "closing",
        "difference",
        "books_opening",
        "books_closing",
        "books_difference",
    )
    older = proof.older and {
        "count": proof.older.count,
        "moved": _shown(proof.older.moved, proof.currency),
        "first": proof.older.first,
        "opening": _shown(proof.older.opening, proof.currency),
        "opening_on": proof.older.opening_on,
    }
    needed = proof.opening_needed.amount if proof.opening_needed else None
    return {
        **{name: _shown(getattr(proof, name), proof.currency) for name in names},
        "opening_source": proof.opening_source,
        "rows_count": proof.rows_count,
        "holds": proof.holds,
        "balance_break": proof.balance_break,
        "opening_needed": _shown(needed, proof.currency),
        "older": older,
        "left_out": proof.left_out,
        "explanation": proof.sentences,
    }


def _shown(amount: int | None, currency: str) -> str | None:
    return None if amount is None else money.format_amount(amount, currency=currency)
