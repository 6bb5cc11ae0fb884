"""/books/{book_id}/…/register/csv/ and …/xlsx/: registers as files."""

import uuid
from dataclasses import replace
from typing import Any

from django.http import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from core.api.queries import query_of
from finance.api.registers import FilterQuery, RegisterQuery, RegisterView, ScopeQuery
from finance.errors import NotFound
from finance.exports.registers import register_table
from finance.exports.serving import served
from finance.ledger.models import Account, AccountType
from finance.ledger.registers import LineCondition, accounts_in
from finance.ledger.selectors import paths_of
from finance.period_texts import period_text
from finance.sheets import CONTENT_TYPES, MOST_SHEET_ROWS

MOST_PICKED = 100


class FileQuery(FilterQuery):
    """The filters of a register, and entries."""

    entries = serializers.CharField(
        required=False,
        max_length=MOST_PICKED * 37,
        help_text=f"Only the rows of these entries: at most {MOST_PICKED} uids, separated by commas.",
    )

    def validate_entries(self, text: str) -> list[uuid.UUID]:
        try:
            return [uuid.UUID(each) for each in text.split(",")]
        except ValueError as error:
            raise serializers.ValidationError(_("Give uids, separated by commas.")) from error


class AccountFileQuery(FileQuery, RegisterQuery):
    pass


class BookFileQuery(FileQuery, ScopeQuery):
    pass


class AnyFormat(BaseContentNegotiation):
    """The path says which file it is, whatever the client would accept."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


_FILE = {(200, content_type): OpenApiTypes.BINARY for content_type in ("text/csv", CONTENT_TYPES["xlsx"])}
_FORMAT = OpenApiParameter("file_format", OpenApiTypes.STR, OpenApiParameter.PATH, enum=list(CONTENT_TYPES))
_FILE_WORDS = (
    "All rows that the filters leave, newest first. Amounts have the sign of the pages: spending and income are "
    f"positive. CSV has any number of rows, a sheet at most {MOST_SHEET_ROWS:,}."
)


class RegisterFileView(RegisterView):
    """What registers as files share."""

    content_negotiation_class = AnyFormat

    def file(self, *, accounts: list[Account], asked: dict[str, Any], title: str) -> HttpResponseBase:
        """The rows of these accounts that the filters leave. Raises NotFound for a format that there is not."""
        if self.kwargs["file_format"] not in CONTENT_TYPES:
            raise NotFound(thing="file")
        accounts, filters, days = self.chosen(accounts, asked)
        if "entries" in asked:
            picked = LineCondition(sql="entry.uid = ANY(%(picked)s::uuid[])", parameters={"picked": asked["entries"]})
            filters = replace(filters, also=(*filters.also, picked))
        holds = len(accounts) == 1 and accounts[0].type not in (AccountType.EXPENSE, AccountType.INCOME)
        table = register_table(
            book=self.book,
            accounts=accounts,
            filters=filters,
            paths=paths_of(self.tree.accounts),
            title=title,
            notes=[" · ".join([self.book.name, period_text(days)])],
            with_balance=holds,
        )
        return served(table, file_format=self.kwargs["file_format"], name=title, mark=False)


@extend_schema_view(
    get=extend_schema(
        operation_id="accounts_register_file",
        summary="An account's register as a file",
        description=_FILE_WORDS,
        parameters=[_FORMAT, AccountFileQuery],
        responses=_FILE,
    )
)
@extend_schema(tags=["accounts"])
class RegisterFile(RegisterFileView):
    """The lines of an account or group as CSV or an Excel sheet."""

    def get(self, request: Request, book_id: int, account_id: int, file_format: str) -> HttpResponseBase:
        asked = query_of(request, AccountFileQuery)
        title = self.tree.find(account_id, field="account_id").name
        return self.file(accounts=self.of_account(account_id, asked), asked=asked, title=title)


@extend_schema_view(
    get=extend_schema(
        operation_id="books_register_file",
        summary="A register of the whole book as a file",
        description=_FILE_WORDS,
        parameters=[_FORMAT, BookFileQuery],
        responses=_FILE,
    )
)
@extend_schema(tags=["accounts"])
class BookRegisterFile(RegisterFileView):
    """The lines of all accounts of some types as CSV or an Excel sheet."""

    def get(self, request: Request, book_id: int, file_format: str) -> HttpResponseBase:
        asked = query_of(request, BookFileQuery)
        accounts = accounts_in(scope=asked["scope"], tree=self.tree.accounts)
        return self.file(accounts=accounts, asked=asked, title=asked["scope"])
