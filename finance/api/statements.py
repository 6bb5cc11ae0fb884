"""/books/{book_id}/statements/ and those of an account: reconciling with what the bank states."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import ForwardPages, limit_of
from core.api.queries import PAGE_PARAMETERS, QuerySerializer, query_of
from finance import money
from finance.api import statement_shapes as shapes
from finance.api.base import BookView
from finance.bank_statements import add_from_file, pending_rows, stated_in_files, tick_file
from finance.ledger.models import Account
from finance.reconciliation import selectors, services
from finance.reconciliation.models import AccountStatement
from identity.api.idempotency import once_per_key

_STATEMENTS = ForwardPages("statements")
_ROWS = ForwardPages("statement-rows")
_EXAMPLE = OpenApiExample("A statement", response_only=True, value=shapes.STATEMENT)


class StatementView(BookView):
    serializer_class = shapes.AccountStatementSerializer

    def account(self) -> Account:
        return self.tree.find(self.kwargs["account_id"], field="account_id")

    def statement(self) -> AccountStatement:
        return selectors.statement_for(book=self.book, statement_id=self.kwargs["statement_id"])

    def shown(self, statement: AccountStatement | None = None) -> dict[str, Any]:
        """The statement as it is after a change."""
        found = selectors.statement_for(book=self.book, statement_id=statement.pk) if statement else self.statement()
        return dict(shapes.AccountStatementSerializer(selectors.view_of(found)).data)


@extend_schema_view(
    get=extend_schema(
        operation_id="statements_list",
        summary="Statements of an account, the latest first",
        parameters=PAGE_PARAMETERS,
        responses=shapes.AccountStatementsSerializer,
        examples=[
            OpenApiExample("A page", value={"next": None, "previous": None, "results": [shapes.STATEMENT]}),
        ],
    ),
    post=extend_schema(
        operation_id="statements_create",
        summary="Add a statement",
        description="With the bank's figures, or with those of a bank file, whose rows are then ticked.",
        request=shapes.NewStatement,
        responses={201: shapes.AccountStatementSerializer},
        examples=[
            OpenApiExample(
                "By hand",
                request_only=True,
                value={"start": "2026-03-01", "end": "2026-03-31", "opening": "1200.00", "closing": "1060.00"},
            ),
            _EXAMPLE,
        ],
    ),
)
@extend_schema(tags=["statements"])
class StatementList(StatementView):
    """What the bank states for an account."""

    bodies = {"POST": shapes.NewStatement}

    def get(self, request: Request, book_id: int, account_id: int) -> Response:
        account = self.account()
        query_of(request, QuerySerializer)
        page = selectors.statements_page(account=account, after=_STATEMENTS.place(request), limit=limit_of(request))
        body = _STATEMENTS.body(request, results=page.views, following=page.next_cursor)
        return Response(shapes.AccountStatementsSerializer(body).data)

    @once_per_key()
    def post(self, request: Request, book_id: int, account_id: int) -> tuple[int, Any]:
        given, account = self.body(), self.account()
        if "import_statement" in given:
            added = add_from_file(account=account, actor=self.user, import_statement_id=given["import_statement"])
        else:
            figures = _figures(given, account)
            added = services.add_statement(book=self.book, account=account, actor=self.user, **figures)
        return status.HTTP_201_CREATED, self.shown(added)


@extend_schema_view(
    get=extend_schema(
        operation_id="statements_from_files",
        summary="What bank files say of an account",
        description=(
            "Balances that files state and that are no statement yet (the latest 24), and rows that the bank has not "
            "booked: these are in no balance. One that later files neither list nor book fell off; it is shown for 30 days."
        ),
        responses=shapes.FromFilesSerializer,
    )
)
@extend_schema(tags=["statements"])
class FromFiles(StatementView):
    """Stated balances and pending rows of bank files."""

    def get(self, request: Request, book_id: int, account_id: int) -> Response:
        account = self.account()
        found = {
            "stated": stated_in_files(account=account),
            "pending": pending_rows(book=self.book, account=account, today=self.today()),
        }
        return Response(shapes.FromFilesSerializer(found, context={"currency": account.currency}).data)


@extend_schema_view(
    post=extend_schema(
        operation_id="accounts_mark_cleared",
        summary="Mark rows of an account as known to the bank",
        description="Or take the mark back. Rows on a statement are marked by it.",
        request=shapes.Cleared,
        responses=shapes.ClearedAnswer,
    )
)
@extend_schema(tags=["statements"])
class MarkCleared(StatementView):
    """Clears rows by hand."""

    bodies = {"POST": shapes.Cleared}

    @once_per_key()
    def post(self, request: Request, book_id: int, account_id: int) -> tuple[int, Any]:
        given = self.body()
        changed = services.mark_cleared(
            account=self.account(), actor=self.user, line_ids=given["lines"], cleared=given["cleared"]
        )
        return status.HTTP_200_OK, {"changed": changed}


@extend_schema_view(
    get=extend_schema(operation_id="statements_retrieve", summary="A statement", examples=[_EXAMPLE]),
    patch=extend_schema(
        operation_id="statements_update",
        summary="Correct a statement's figures",
        description="Only while it is open. Rows after an earlier last day leave it and stay cleared.",
        request=shapes.StatementChanges,
        responses=shapes.AccountStatementSerializer,
        examples=[_EXAMPLE],
    ),
    delete=extend_schema(
        operation_id="statements_delete",
        summary="Remove an open statement",
        description="Its rows stay cleared.",
        responses={204: None},
    ),
)
@extend_schema(tags=["statements"])
class StatementDetail(StatementView):
    """One statement."""

    bodies = {"PATCH": shapes.StatementChanges}

    def get(self, request: Request, book_id: int, statement_id: int) -> Response:
        return Response(self.shown())

    @once_per_key()
    def patch(self, request: Request, book_id: int, statement_id: int) -> tuple[int, Any]:
        statement, given = self.statement(), self.body()
        said = {name: getattr(statement, name) for name in ("start", "end", "opening", "closing")}
        version = given.pop("version", None)
        services.change_statement(
            statement=statement,
            actor=self.user,
            version=version,
            **{**said, **_figures(given, statement.account)},
        )
        return status.HTTP_200_OK, self.shown()

    @once_per_key()
    def delete(self, request: Request, book_id: int, statement_id: int) -> tuple[int, Any]:
        services.remove_statement(statement=self.statement(), actor=self.user)
        return status.HTTP_204_NO_CONTENT, None


@extend_schema_view(
    get=extend_schema(
        operation_id="statements_rows",
        summary="Rows that may be on a statement",
        description=(
            "Rows of its days that are on no other statement, and all that are ticked. Of a reconciled statement only "
            "those. Rows after the last day are outside."
        ),
        parameters=[shapes.RowQuery, *PAGE_PARAMETERS],
        responses=shapes.StatementRowsSerializer,
    )
)
@extend_schema(tags=["statements"])
class StatementRows(StatementView):
    """Rows to tick."""

    def get(self, request: Request, book_id: int, statement_id: int) -> Response:
        statement = self.statement()
        page = selectors.rows_page(
            statement=statement,
            sums=selectors.sums_of([statement])[statement.pk],
            after=_ROWS.place(request),
            limit=limit_of(request),
            earlier=query_of(request, shapes.RowQuery)["earlier"],
        )
        body = _ROWS.body(request, results=page.rows, following=page.next_cursor)
        return Response(shapes.StatementRowsSerializer(body, context={"currency": statement.account.currency}).data)


@extend_schema_view(
    post=extend_schema(
        operation_id="statements_tick",
        summary="Tick rows of a statement",
        description="All or none. Rows that are ticked already stay so; two people may tick at once.",
        request=shapes.Tick,
        responses=shapes.AccountStatementSerializer,
        examples=[OpenApiExample("The file's rows", request_only=True, value={"all_of": "file"}), _EXAMPLE],
    )
)
@extend_schema(tags=["statements"])
class TickRows(StatementView):
    """Ticks rows of the statement."""

    bodies = {"POST": shapes.Tick}

    @once_per_key()
    def post(self, request: Request, book_id: int, statement_id: int) -> tuple[int, Any]:
        statement, given = self.statement(), self.body()
        if given.get("all_of") == "file":
            tick_file(statement=statement, actor=self.user)
        else:
            lines = given.get("lines") or selectors.candidates(statement=statement)
            services.tick(statement=statement, actor=self.user, line_ids=lines)
        return status.HTTP_200_OK, self.shown()


@extend_schema_view(
    post=extend_schema(
        operation_id="statements_untick",
        summary="Take rows off a statement",
        request=shapes.Untick,
        responses=shapes.AccountStatementSerializer,
        examples=[_EXAMPLE],
    )
)
@extend_schema(tags=["statements"])
class UntickRows(StatementView):
    """Takes rows off the statement."""

    bodies = {"POST": shapes.Untick}

    @once_per_key()
    def post(self, request: Request, book_id: int, statement_id: int) -> tuple[int, Any]:
        services.untick(statement=self.statement(), actor=self.user, line_ids=self.body()["lines"])
        return status.HTTP_200_OK, self.shown()


@extend_schema_view(
    post=extend_schema(
        operation_id="statements_reconcile",
        summary="Finish a statement",
        description="Refused while there is a difference. Its rows are guarded from then on.",
        request=shapes.Reconcile,
        responses=shapes.AccountStatementSerializer,
        examples=[_EXAMPLE],
    )
)
@extend_schema(tags=["statements"])
class ReconcileStatement(StatementView):
    """Finishes a statement."""

    bodies = {"POST": shapes.Reconcile}

    @once_per_key()
    def post(self, request: Request, book_id: int, statement_id: int) -> tuple[int, Any]:
        services.reconcile(statement=self.statement(), actor=self.user, version=self.body().get("version"))
        return status.HTTP_200_OK, self.shown()


@extend_schema_view(
    post=extend_schema(
        operation_id="statements_reopen",
        summary="Open a reconciled statement again",
        description="This one alone; its rows stay ticked.",
        request=None,
        responses=shapes.AccountStatementSerializer,
        examples=[_EXAMPLE],
    )
)
@extend_schema(tags=["statements"])
class ReopenStatement(StatementView):
    """Opens a statement again."""

    @once_per_key()
    def post(self, request: Request, book_id: int, statement_id: int) -> tuple[int, Any]:
        services.reopen_statement(statement=self.statement(), actor=self.user)
        return status.HTTP_200_OK, self.shown()


@extend_schema_view(
    post=extend_schema(
        operation_id="statements_post_difference",
        summary="Post the difference of a statement",
        description="On its last day, against an account, and ticked. Without a difference nothing is posted.",
        request=shapes.PostDifference,
        responses=shapes.AccountStatementSerializer,
        examples=[_EXAMPLE],
    )
)
@extend_schema(tags=["statements"])
class PostDifference(StatementView):
    """Posts what is missing."""

    bodies = {"POST": shapes.PostDifference}

    @once_per_key()
    def post(self, request: Request, book_id: int, statement_id: int) -> tuple[int, Any]:
        given = self.body()
        services.post_difference(
            statement=self.statement(),
            actor=self.user,
            against=self.tree.find(given["account"], field="account"),
            description=given["description"],
        )
        return status.HTTP_200_OK, self.shown()


def _figures(given: dict[str, Any], account: Account) -> dict[str, Any]:
    """The body's figures with amounts in minor units. Raises AmountInvalid by field."""
    for name in ("opening", "closing"):
        if name in given:
            given[name] = money.parse_amount(given[name], currency=account.currency, field=name)
    return given
