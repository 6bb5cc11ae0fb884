"""Cursors of lists that a service cuts by places of its own."""

from urllib.parse import parse_qs, urlsplit

import pytest
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from core.api.pagination import ForwardPages

PAGES = ForwardPages("herons")


def asked(cursor=None):
    return Request(APIRequestFactory().get("/list/", {"limit": "2", **({"cursor": cursor} if cursor else {})}))


def test_the_next_page_begins_where_the_service_said():
    body = PAGES.body(asked(), results=["a", "b"], following="2026-03-14:52")
    address = urlsplit(body["next"])
    assert {**body, "next": None} == {"next": None, "previous": None, "results": ["a", "b"]}
    assert (address.path, parse_qs(address.query)["limit"]) == ("/list/", ["2"])
    [cursor] = parse_qs(address.query)["cursor"]
    assert PAGES.place(asked(cursor)) == "2026-03-14:52"


def test_the_first_page_has_no_place_and_the_last_no_next():
    assert PAGES.place(asked()) is None
    assert PAGES.body(asked(), results=[], following=None) == {"next": None, "previous": None, "results": []}


def test_a_cursor_of_another_list_or_of_ones_own_making_is_refused():
    [foreign] = parse_qs(urlsplit(ForwardPages("storks").body(asked(), results=[], following=7)["next"]).query)[
        "cursor"
    ]
    for cursor in (foreign, "2026-03-14:52", "7:forged"):
        with pytest.raises(ValidationError) as refused:
            PAGES.place(asked(cursor))
        assert refused.value.detail == {"cursor": ["This cursor is not from a page of this list."]}
