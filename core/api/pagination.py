"""Keyset pagination: a page starts after a row, not after a count; inserts neither repeat nor hide rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from django.core import signing
from django.core.exceptions import ValidationError as ModelValidationError
from django.db.models import Field, Model, QuerySet
from django.template import loader
from django.utils.translation import gettext as _
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from core.keyset import keyset_page, walked_page

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
# Rows that one page walks through at most where no index finds them.
WINDOW = 2_000
PAGE_PARAMETERS = ("limit", "cursor")


class Row(Protocol):
    @property
    def pk(self) -> Any: ...


RowT = TypeVar("RowT", bound=Row)


def limit_of(request: Request, *, default: int = DEFAULT_LIMIT, maximum: int = MAX_LIMIT) -> int:
    """The wanted page size; refuses what is not a whole number from 1 to `maximum`."""
    text = request.query_params.get("limit", str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 7 and 1 <= int(text) <= maximum):
        raise refused("limit", _("Ask for 1 to {maximum} rows.").format(maximum=maximum))
    return int(text)


def refused(parameter: str, message: str) -> ValidationError:
    return ValidationError({parameter: [ErrorDetail(message, code="invalid")]})


def refused_cursor() -> ValidationError:
    return refused("cursor", _("This cursor is not from a page of this list."))


def page_link(request: Request, *, cursor: str | None) -> str | None:
    """The request's own address with another cursor, or None without one."""
    url = remove_query_param(request.build_absolute_uri(), "cursor")
    return replace_query_param(url, "cursor", cursor) if cursor else None


class KeysetPagination(BasePagination):
    """Pages of a queryset in the order of the view's `ordering`: never-null fields, the last one unique.

    A cursor is signed and bound to the ordering; it holds the row at the edge and the direction. A view whose filters no
    index answers says `within` which rows it looks: a page then walks through WINDOW of them at most.
    """

    ordering: Sequence[str] = ("-id",)
    template = "rest_framework/pagination/previous_and_next.html"

    def paginate_queryset(  # type: ignore[override]
        self, queryset: QuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        self.request = request
        self.ordering = tuple(getattr(view, "ordering", self.ordering))
        limit = limit_of(request)
        backwards, edge = self._read_cursor(request.query_params.get("cursor"), queryset.model)
        order = (
            tuple(name[1:] if name.startswith("-") else f"-{name}" for name in self.ordering)
            if backwards
            else self.ordering
        )
        within: QuerySet[Any] | None = getattr(view, "within", None)
        page = (
            keyset_page(queryset, ordering=order, after=edge, limit=limit)
            if within is None
            else walked_page(queryset, within=within, ordering=order, after=edge, limit=limit, window=WINDOW)
        )
        more, rows = page.more, page.rows[::-1] if backwards else page.rows
        first = page.rows[0] if page.rows else page.walked_to
        last = page.edge or (page.rows[-1] if page.rows else page.walked_to)
        if backwards:
            first, last = last, first
        self.next_cursor = self._cursor(last, at_end=True) if (more or backwards) else None
        self.previous_cursor = self._cursor(first, at_end=False) if (edge and (more or not backwards)) else None
        self.display_page_controls = bool(self.next_cursor or self.previous_cursor)
        return rows

    def get_next_link(self) -> str | None:
        return page_link(self.request, cursor=self.next_cursor)

    def get_previous_link(self) -> str | None:
        return page_link(self.request, cursor=self.previous_cursor)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.get_next_link(), "previous": self.get_previous_link(), "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "nullable": True, "format": "uri", "example": None}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": {**link, "description": "Address of the following page, or null on the last one."},
                "previous": {**link, "description": "Address of the page before, or null on the first one."},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return page_parameters()

    def get_html_context(self) -> Mapping[str, Any]:
        return {"previous_url": self.get_previous_link(), "next_url": self.get_next_link()}

    def to_html(self) -> str:
        return loader.get_template(str(self.template)).render(dict(self.get_html_context()))

    def _signer(self) -> signing.Signer:
        return signing.Signer(salt="keyset:" + ",".join(self.ordering))

    def _cursor(self, row: Model | None, *, at_end: bool) -> str | None:
        if row is None:
            return None
        values = [str(getattr(row, name.lstrip("-"))) for name in self.ordering]
        return self._signer().sign_object(["f" if at_end else "b", *values])

    def _read_cursor(self, cursor: str | None, model: type[Model]) -> tuple[bool, list[Any] | None]:
        if not cursor:
            return False, None
        try:
            direction, *texts = self._signer().unsign_object(cursor)
            names = [name.lstrip("-") for name in self.ordering]
            values = [_value(model, name, text) for name, text in zip(names, texts, strict=True)]
        except (signing.BadSignature, ValueError, ModelValidationError) as error:
            raise refused_cursor() from error
        return direction == "b", values


def _value(model: type[Model], name: str, text: str) -> Any:
    field = model._meta.get_field(name)
    assert isinstance(field, Field), f"{name} is no column of {model}"
    return field.to_python(text)


class TreePagination:
    """Pages of a list that is short enough to be whole in memory, such as the accounts of a book in tree order.

    The cursor names the row at the edge by its place among all rows, shown or filtered out.
    """

    def page_of(self, rows: Sequence[RowT], *, request: Request, order: Sequence[int]) -> list[RowT]:
        """The rows of the wanted page; `order` lists the keys of all rows that a cursor may name."""
        self.request = request
        limit = limit_of(request)
        place = {key: index for index, key in enumerate(order)}
        backwards, edge = self._read_cursor(request.query_params.get("cursor"), place)
        if backwards:
            candidates = [row for row in rows if place[row.pk] < edge]
            page, more = candidates[-limit:], len(candidates) > limit
        else:
            candidates = [row for row in rows if place[row.pk] > edge]
            page, more = candidates[:limit], len(candidates) > limit
        self.next_cursor = self._cursor("f", page[-1].pk) if page and (more or backwards) else None
        self.previous_cursor = self._cursor("b", page[0].pk) if page and (more if backwards else edge >= 0) else None
        return page

    def get_paginated_response(self, data: Any) -> Response:
        following = page_link(self.request, cursor=self.next_cursor)
        before = page_link(self.request, cursor=self.previous_cursor)
        return Response({"next": following, "previous": before, "results": data})

    def _signer(self) -> signing.Signer:
        return signing.Signer(salt="tree")

    def _cursor(self, direction: str, key: int) -> str:
        return self._signer().sign_object([direction, key])

    def _read_cursor(self, cursor: str | None, place: Mapping[int, int]) -> tuple[bool, int]:
        if not cursor:
            return False, -1
        try:
            direction, key = self._signer().unsign_object(cursor)
            return direction == "b", place[key]
        except (signing.BadSignature, ValueError, KeyError) as error:
            raise refused_cursor() from error


@dataclass(frozen=True, slots=True)
class ForwardPages:
    """Pages of a list that a service cuts by places of its own; the name binds a cursor to its list."""

    name: str

    def place(self, request: Request) -> str | None:
        """Where the wanted page begins, as the service named it; None: at the top."""
        cursor = request.query_params.get("cursor")
        if not cursor:
            return None
        try:
            return signing.Signer(salt=self.name).unsign(cursor)
        except signing.BadSignature as error:
            raise refused_cursor() from error

    def body(self, request: Request, *, results: Any, following: str | int | None) -> dict[str, Any]:
        """The body of a page; `following` is the place that the next one begins at."""
        cursor = None if following is None else signing.Signer(salt=self.name).sign(str(following))
        return {"next": page_link(request, cursor=cursor), "previous": None, "results": results}


def page_parameters() -> list[dict[str, Any]]:
    """OpenAPI parameters of every paged list."""
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    return [
        {
            "name": "limit",
            "in": "query",
            "required": False,
            "schema": limit,
            "description": "Rows of a page.",
        },
        {
            "name": "cursor",
            "in": "query",
            "required": False,
            "schema": {"type": "string"},
            "description": "Where the page starts; take it from `next` or `previous`, never make one.",
        },
    ]
