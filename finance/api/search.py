"""Search through the entries of a book, in the language of the search box."""

from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import ForwardPages, limit_of
from core.api.queries import PAGE_PARAMETERS, QuerySerializer, query_of
from finance import money
from finance.api.base import BookView
from finance.errors import Invalid
from finance.replica import from_replica
from finance.search.query import LONGEST_QUERY, QueryError, parse_query
from finance.search.selectors import Hit, find_entries


class SearchQuery(QuerySerializer):
    q = serializers.CharField(
        max_length=LONGEST_QUERY,
        help_text="Words, amounts, days and operators (`payee:`, `amount:>100`, `-word`); see “Tags, receipts and search”.",
    )


class MovedSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    amount = serializers.CharField()


class HitSerializer(serializers.Serializer[Hit]):
    entry = serializers.UUIDField(source="uid")
    date = serializers.DateField()
    payee = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True)
    moved = serializers.SerializerMethodField(
        help_text="What came into (+) or left (−) the household's own money; without a sign where that did not change."
    )

    def get_moved(self, hit: Hit) -> list[dict[str, str]]:
        return [
            {"currency": currency, "amount": money.format_amount(amount, currency=currency)}
            for currency, amount in hit.movement.amounts
        ]


class SearchTotalSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    came_in = serializers.CharField()
    went_out = serializers.CharField()


class SearchSerializer(serializers.Serializer[Any]):
    """A page of entries, newest first."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True, help_text="Always null: results are paged towards older entries.")
    searched_to = serializers.DateField(
        allow_null=True, help_text="Set if the search has looked back only to this day; follow `next` to continue."
    )
    count = serializers.IntegerField(
        allow_null=True, help_text="Entries found in all; null where the search found too many to add up."
    )
    totals = SearchTotalSerializer(many=True, help_text="Of all entries found; empty where `count` is null.")
    results = HitSerializer(many=True)


_PAGES = ForwardPages("search")
FOUND = {
    "next": None,
    "previous": None,
    "searched_to": None,
    "count": 1,
    "totals": [{"currency": "EUR", "came_in": "0.00", "went_out": "23.90"}],
    "results": [
        {
            "entry": "0198f2b4-6f0e-7c3a-9a53-0c5d3f6f1a77",
            "date": "2026-03-14",
            "payee": "Corner shop",
            "description": "",
            "moved": [{"currency": "EUR", "amount": "-23.90"}],
        }
    ],
}


@extend_schema_view(
    get=extend_schema(
        operation_id="search",
        summary="Search entries",
        description="A query that is malformed is refused at `q`, with the place that is wrong.",
        parameters=[SearchQuery, *PAGE_PARAMETERS],
        responses=SearchSerializer,
        examples=[OpenApiExample("One entry", value=FOUND)],
    )
)
@extend_schema(tags=["entries"])
class Search(BookView):
    """Entries that hold all the terms, newest first."""

    serializer_class = SearchSerializer

    @from_replica
    def get(self, request: Request, book_id: int) -> Response:
        asked = query_of(request, SearchQuery)["q"]
        try:
            terms = parse_query(asked, language=get_language() or "en")
        except QueryError as error:
            raise Invalid(
                field="q",
                reason=_("%(message)s (character %(place)s)") % {"message": error.message, "place": error.place + 1},
            ) from error
        found = find_entries(book=self.book, terms=terms, after=_PAGES.place(request), limit=limit_of(request))
        totals = [
            {
                "currency": each.currency,
                "came_in": money.format_amount(each.came_in, currency=each.currency),
                "went_out": money.format_amount(each.went_out, currency=each.currency),
            }
            for each in found.totals
        ]
        body = {
            **_PAGES.body(request, results=found.entries, following=found.next_cursor),
            "searched_to": found.searched_to,
            "count": found.count,
            "totals": totals,
        }
        return Response(SearchSerializer(body).data)
