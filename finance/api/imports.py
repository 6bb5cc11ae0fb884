"""/books/{book_id}/imports/: bank files from upload to confirmation and undo."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.errors import PayloadTooLarge
from core.api.pagination import ForwardPages, limit_of, refused
from core.api.parsers import StrictMultiPartParser, read_json
from core.api.queries import PAGE_PARAMETERS, QuerySerializer, query_of
from core.api.serializers import StrictSerializer
from finance.api.base import BookView
from finance.api.fields import BIGGEST_ID, AccountReferenceField
from finance.api.import_shapes import (
    ImportDetailSerializer,
    ImportRowPageSerializer,
    ImportRowSerializer,
    ImportSerializer,
    detail_of,
)
from finance.bank_statements import ReconciledRows, undo_import
from finance.errors import FinanceError
from finance.imports import selectors, services
from finance.imports.models import ImportBatch, ImportRow
from finance.imports.parsers.limits import MAX_BYTES
from finance.imports.parsers.profile import DATE_ORDERS, CsvProfile
from identity.api.idempotency import once_per_key

PREFER = OpenApiParameter(
    name="Prefer",
    location=OpenApiParameter.HEADER,
    type={"type": "string"},
    description="`respond-async`: do not wait for the file to be read; the import comes back with the state `received`.",
)


class NewImport(StrictSerializer):
    of_text = True
    file = serializers.FileField(
        help_text="CSV, XLSX, XLS, ODS, OFX, QFX, CAMT, MT940 or QIF, or a ZIP archive of these; at most 50 MB."
    )
    account = AccountReferenceField(help_text="The account of the book that the file is for.")
    profile = serializers.CharField(required=False, help_text="JSON: how the columns of a CSV file are read.")


class Decision(StrictSerializer):
    rows = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIGGEST_ID), required=False, min_length=1, max_length=1000
    )
    fate = serializers.ChoiceField(
        choices=ImportRow.Status.choices, required=False, help_text="All rows with this status."
    )
    decision = serializers.ChoiceField(
        choices=ImportRow.Decision.choices,
        required=False,
        help_text="What to do instead of the suggestion. `post` also takes in a line that was left out, `leave` puts it back.",
    )
    counter_account = AccountReferenceField(required=False, help_text="The category, or the other side of a transfer.")
    payee = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=200,
        help_text="What is posted instead of the bank's text; empty for that text.",
    )


class ProfileChanges(serializers.Serializer[Any]):
    """Some of the settings of the profile; see the import's `profile`. Strictness is the profile's own."""

    delimiter = serializers.CharField(required=False, trim_whitespace=False)
    date_column = serializers.IntegerField(required=False)
    date_order = serializers.ChoiceField(choices=list(DATE_ORDERS), required=False)
    amount_column = serializers.IntegerField(required=False, allow_null=True)
    debit_column = serializers.IntegerField(required=False, allow_null=True)
    credit_column = serializers.IntegerField(required=False, allow_null=True)
    decimal_mark = serializers.ChoiceField(choices=[".", ","], required=False)
    sign = serializers.ChoiceField(choices=["as_written", "inverted", "unmarked_out"], required=False)
    mark_or_sign = serializers.ChoiceField(
        choices=["", "mark", "sign"],
        required=False,
        help_text="Which one is right where a mark such as D or C contradicts the sign; such rows are errors otherwise.",
    )


class Confirmation(StrictSerializer):
    opening_balance = serializers.BooleanField(
        default=False, help_text="Start an account without entries with the balance that the bank states."
    )
    older_rows = serializers.ChoiceField(
        choices=[choice for choice in services.OlderRows.choices if choice[0]],
        required=False,
        help_text="Needed if a proof's `older` names rows that the account's opening balance already includes.",
    )
    leave_undecided = serializers.BooleanField(
        default=False, help_text="Leave out the rows with the status `question` that nobody has decided on."
    )


class UndoChoices(StrictSerializer):
    reconciled_rows = serializers.ChoiceField(
        choices=[(each.value, each.value) for each in ReconciledRows],
        default=ReconciledRows.REFUSE.value,
        help_text="What becomes of entries on reconciled statements: `undo` them and reopen these statements, or `keep` "
        "them. `refuse` undoes nothing if there are any.",
    )


class Assignment(StrictSerializer):
    account = AccountReferenceField()


class ImportQuery(QuerySerializer):
    state = serializers.ChoiceField(choices=ImportBatch.State.choices, required=False)
    account = serializers.IntegerField(required=False, min_value=1, max_value=BIGGEST_ID)


_ROW_PAGES = ForwardPages("imports:rows")


class RowQuery(QuerySerializer):
    fate = serializers.ChoiceField(choices=ImportRow.Status.choices, required=False)
    outcome = serializers.ChoiceField(choices=[c for c in ImportRow.Outcome.choices if c[0]], required=False)


class ReadByWorker(BookView):
    """For answers that tell what a worker makes of a file."""

    def when_read(self, answer: Response) -> Response:
        """The import as the worker left it, or as it is after some seconds.

        To be asked after the commit: before it no worker sees the file. What cannot be read did not come about, so its
        Idempotency-Key is free again.
        """
        # RFC 7240: preferences are a list of names with optional parameters.
        wishes = self.request.headers.get("Prefer", "").split(",")
        if any(wish.split(";")[0].strip().lower() == "respond-async" for wish in wishes):
            return answer
        batch = selectors.batch_for(book=self.book, batch_id=answer.data["id"])
        try:
            services.settled(batch=batch)
        except FinanceError:
            self.free_key()
            raise
        answer.data = detail_of(selectors.batch_for(book=self.book, batch_id=batch.pk))
        return answer


class ImportView(ReadByWorker):
    """What the views of one import share."""

    serializer_class: type[serializers.BaseSerializer[Any]] = ImportDetailSerializer

    def batch(self) -> ImportBatch:
        return selectors.batch_for(book=self.book, batch_id=self.kwargs["import_id"])

    def shown(self) -> dict[str, Any]:
        """The import as it is now."""
        return detail_of(self.batch())


@extend_schema_view(
    get=extend_schema(
        operation_id="imports_list",
        summary="Imports of a book",
        description="Newest first.",
        parameters=[ImportQuery],
        responses=ImportSerializer(many=True),
    ),
    post=extend_schema(
        operation_id="imports_create",
        summary="Upload a bank file",
        description=(
            "Stages the rows and posts nothing. The same file may be uploaded again: known rows are recognised.\n\n"
            "A worker reads the file. The answer waits up to 5 seconds for it; a file that takes longer comes back "
            "with the state `received`: ask for the import until its state is `staged` or `refused`, which `problem` "
            "explains. A file found unreadable in that time is refused and not kept."
        ),
        parameters=[PREFER],
        request={"multipart/form-data": NewImport},
        responses={201: ImportDetailSerializer},
    ),
)
@extend_schema(tags=["imports"])
class ImportList(ReadByWorker):
    """Bank files of the book."""

    serializer_class = ImportSerializer
    queryset = ImportBatch.objects.none()
    bodies = {"POST": NewImport}
    parser_classes = [StrictMultiPartParser]
    ordering = ("-id",)

    def get(self, request: Request, book_id: int) -> Response:
        query = query_of(request, ImportQuery)
        batches = ImportBatch.objects.without_content().filter(book=self.book).select_related("account", "created_by")
        if "state" in query:
            batches = batches.filter(state=query["state"])
        if "account" in query:
            batches = batches.filter(account_id=query["account"])
        page = self.paginate_queryset(batches) or []
        return self.get_paginated_response(ImportSerializer(page, many=True).data)

    def post(self, request: Request, book_id: int) -> Response:
        return self.when_read(self.once(self._upload))

    def _upload(self) -> tuple[int, Any]:
        body = self.body()
        if body["file"].size > MAX_BYTES:
            raise PayloadTooLarge
        reference, profile = body["account"], None
        # Forms carry text only: digits mean an id.
        if isinstance(reference, str) and reference.isascii() and reference.isdigit() and len(reference) < 19:
            reference = int(reference)
        account = self.tree.find(reference, field="account")
        if body.get("profile"):
            try:
                values = read_json(body["profile"])
            except ParseError as error:
                raise refused("profile", str(_NOT_JSON)) from error
            if not isinstance(values, dict):
                raise refused("profile", str(_NOT_JSON))
            profile = CsvProfile.from_dict(values)
        batch = services.receive_file(
            book=self.book,
            account=account,
            actor=self.user,
            data=body["file"].read(),
            file_name=body["file"].name,
            profile=profile,
        )
        return status.HTTP_201_CREATED, detail_of(selectors.batch_for(book=self.book, batch_id=batch.pk))


@extend_schema_view(
    get=extend_schema(
        operation_id="imports_retrieve",
        summary="An import with its proof",
        description="Counts by status, how the columns are read, and for each statement opening + rows = closing.",
        responses=ImportDetailSerializer,
    )
)
@extend_schema(tags=["imports"])
class ImportDetail(ImportView):
    """One bank file."""

    def get(self, request: Request, book_id: int, import_id: int) -> Response:
        return Response(self.shown())


@extend_schema_view(
    get=extend_schema(
        operation_id="imports_rows",
        summary="Rows of an import",
        description="Rows that need a decision come first: errors, probable matches, rows that are not booked, then the rest.",
        parameters=[RowQuery, *PAGE_PARAMETERS],
        responses=ImportRowPageSerializer,
    )
)
@extend_schema(tags=["imports"])
class ImportRows(ImportView):
    """The rows of a bank file with their statuses."""

    serializer_class = ImportRowSerializer

    def get(self, request: Request, book_id: int, import_id: int) -> Response:
        query = query_of(request, RowQuery)
        page = selectors.rows_page(
            batch=self.batch(),
            fate=query.get("fate", ""),
            outcome=query.get("outcome", ""),
            cursor=_ROW_PAGES.place(request),
            limit=limit_of(request),
        )
        rows = ImportRowSerializer(page.rows, many=True).data
        return Response(_ROW_PAGES.body(request, results=rows, following=page.next_cursor))


@extend_schema_view(
    post=extend_schema(
        operation_id="imports_decide",
        summary="Decide on rows",
        description="For some rows, or for all with one status: post anyway, accept the match, ignore, set the category.",
        request=Decision,
        responses=ImportDetailSerializer,
        examples=[
            OpenApiExample(
                "A category", request_only=True, value={"rows": [311, 312], "counter_account": "Expenses:Groceries"}
            ),
            OpenApiExample(
                "Refuse all matches", request_only=True, value={"fate": "probable_match", "decision": "post"}
            ),
        ],
    )
)
@extend_schema(tags=["imports"])
class DecideRows(ImportView):
    """Decisions before confirmation."""

    bodies = {"POST": Decision}

    @once_per_key()
    def post(self, request: Request, book_id: int, import_id: int) -> tuple[int, Any]:
        body = self.body()
        counter = body.get("counter_account")
        services.decide_rows(
            batch=self.batch(),
            actor=self.user,
            row_ids=body.get("rows"),
            fate=body.get("fate"),
            decision=body.get("decision"),
            counter_account=None if counter is None else self.tree.find(counter, field="counter_account"),
            payee=body.get("payee"),
        )
        return status.HTTP_200_OK, self.shown()


@extend_schema_view(
    post=extend_schema(
        operation_id="imports_profile",
        summary="Correct how the columns are read",
        description=(
            "A worker reads the file again, and the settings are remembered for files of this layout and account. As "
            "with an upload, the state is `received` if that takes longer than 5 seconds. If the file cannot be read "
            "this way, the import stays as it was and `problem` says why."
        ),
        parameters=[PREFER],
        request=ProfileChanges,
        responses=ImportDetailSerializer,
        examples=[OpenApiExample("The month comes first", request_only=True, value={"date_order": "mdy"})],
    )
)
@extend_schema(tags=["imports"])
class ImportProfile(ImportView):
    """The reading of a CSV file's columns."""

    bodies = {"POST": ProfileChanges}

    def post(self, request: Request, book_id: int, import_id: int) -> Response:
        return self.when_read(self.once(self._correct))

    def _correct(self) -> tuple[int, Any]:
        if not isinstance(self.request.data, dict):
            raise refused("profile", _("Send an object with the settings to change."))
        services.change_profile(batch=self.batch(), actor=self.user, changes=dict(self.request.data))
        return status.HTTP_200_OK, self.shown()


@extend_schema_view(
    post=extend_schema(
        operation_id="imports_assign",
        summary="Assign a statement of the file to an account",
        request=Assignment,
        responses=ImportDetailSerializer,
    )
)
@extend_schema(tags=["imports"])
class AssignStatement(ImportView):
    """Files with several accounts: which statement belongs where."""

    bodies = {"POST": Assignment}

    @once_per_key()
    def post(self, request: Request, book_id: int, import_id: int, statement_id: int) -> tuple[int, Any]:
        statement = selectors.statement_for(batch=self.batch(), statement_id=self.kwargs["statement_id"])
        account = self.tree.find(self.body()["account"], field="account")
        services.assign_statement(statement=statement, actor=self.user, account=account)
        return status.HTTP_200_OK, self.shown()


@extend_schema_view(
    post=extend_schema(
        operation_id="imports_confirm",
        summary="Confirm an import",
        description=(
            "Posts and links everything in one transaction. Confirming twice posts once. Rows on or before the day "
            "of the account's opening balance would change today's balance: if there are any, `older_rows` must say "
            "what to do with them. Rows with the status `question` need a decision, or `leave_undecided`."
        ),
        request=Confirmation,
        responses=ImportDetailSerializer,
    )
)
@extend_schema(tags=["imports"])
class ConfirmImport(ImportView):
    """Posts the staged rows."""

    bodies = {"POST": Confirmation}

    @once_per_key()
    def post(self, request: Request, book_id: int, import_id: int) -> tuple[int, Any]:
        body = self.body()
        services.confirm_import(
            batch=self.batch(),
            actor=self.user,
            opening_balance=body["opening_balance"],
            older_rows=body.get("older_rows", ""),
            leave_undecided=body["leave_undecided"],
        )
        return status.HTTP_200_OK, self.shown()


@extend_schema_view(
    post=extend_schema(
        operation_id="imports_undo",
        summary="Undo an import",
        description="Reverses every entry that nobody has changed since; `kept` lists the others, with the reason. Entries "
        "on reconciled statements are refused (`reconciled`, with the statements) unless `reconciled_rows` says otherwise.",
        request=UndoChoices,
        responses=ImportDetailSerializer,
    )
)
@extend_schema(tags=["imports"])
class UndoImport(ImportView):
    """Undoes an import."""

    bodies = {"POST": UndoChoices}

    @once_per_key()
    def post(self, request: Request, book_id: int, import_id: int) -> tuple[int, Any]:
        reconciled = ReconciledRows(self.body()["reconciled_rows"])
        undo_import(batch=self.batch(), actor=self.user, on=self.today(), reconciled=reconciled)
        return status.HTTP_200_OK, self.shown()


@extend_schema_view(
    post=extend_schema(
        operation_id="imports_discard",
        summary="Discard a file that was not confirmed",
        request=None,
        responses=ImportDetailSerializer,
    )
)
@extend_schema(tags=["imports"])
class DiscardImport(ImportView):
    """Discards a file."""

    @once_per_key()
    def post(self, request: Request, book_id: int, import_id: int) -> tuple[int, Any]:
        services.discard_import(batch=self.batch(), actor=self.user)
        return status.HTTP_200_OK, self.shown()


_NOT_JSON = gettext_lazy("The profile must be a JSON object.")
