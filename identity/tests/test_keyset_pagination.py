"""Paging by the row at the edge: every row once, in both directions, whatever is written meanwhile."""

from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from core.api.pagination import KeysetPagination
from identity.models import User

pytestmark = pytest.mark.django_db

BY_NAME = ("-name", "-id")


def add(*names):
    """Users whose `name` is the sorting key, with many equals."""
    first = User.objects.count()
    people = [User(email=f"p{first + n}@example.org", name=name) for n, name in enumerate(names)]
    return User.objects.bulk_create(people)


def page(url, ordering=BY_NAME):
    request = Request(APIRequestFactory().get(url))
    paginator = KeysetPagination()
    rows = paginator.paginate_queryset(User.objects.all(), request, SimpleNamespace(ordering=ordering))
    return rows, paginator.get_next_link(), paginator.get_previous_link()


def walk(url, *, link, between=lambda: None):
    seen = []
    while url:
        rows, *links = page(url)
        seen.append([row.pk for row in rows])
        url = links[link]
        between()
    return seen


def in_order():
    return list(User.objects.order_by(*BY_NAME).values_list("pk", flat=True))


def test_one_page_has_no_neighbours():
    add("a", "b")
    rows, following, before = page("/?limit=2")
    assert [row.name for row in rows] == ["b", "a"]
    assert (following, before) == (None, None)


def test_no_rows_are_one_empty_page():
    assert page("/") == ([], None, None)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.sampled_from("abc"), max_size=12),
    late=st.lists(st.sampled_from("abc"), max_size=6),
    limit=st.integers(1, 5),
)
def test_every_row_comes_exactly_once_while_others_are_inserted(names, late, limit):
    User.objects.all().delete()
    add(*names)
    expected = in_order()
    waiting = list(late)
    pages = walk(f"/?limit={limit}", link=0, between=lambda: waiting and add(waiting.pop()))
    flat = [pk for rows in pages for pk in rows]
    assert len(flat) == len(set(flat))
    assert [pk for pk in flat if pk in set(expected)] == expected


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.sampled_from("abc"), min_size=1, max_size=12), limit=st.integers(1, 5))
def test_walking_back_shows_the_same_rows_as_walking_forth(names, limit):
    User.objects.all().delete()
    add(*names)
    url, last = f"/?limit={limit}", None
    while url:
        last = url
        url = page(url)[1]
    back = walk(last, link=1)
    assert [pk for rows in reversed(back) for pk in rows] == in_order()
    assert all(len(rows) == limit for rows in back[1:])


def test_rows_deleted_at_the_edge_do_not_lose_the_place():
    people = add(*"abcde")
    _rows, following, _before = page("/?limit=2")
    User.objects.filter(pk__in=[people[4].pk, people[3].pk]).delete()
    rows, *_links = page(following)
    assert [row.name for row in rows] == ["c", "b"]


def test_links_keep_the_other_parameters():
    add(*"abc")
    _rows, following, _before = page("/people/?limit=2&source=manual")
    assert following.startswith("http://testserver/people/?")
    assert "limit=2" in following
    assert "source=manual" in following


@pytest.mark.parametrize("limit", ["0", "-1", "201", "1.5", "ten", "", "1" * 400, "²"])
def test_a_limit_out_of_bounds_is_refused(limit):
    with pytest.raises(ValidationError) as caught:
        page(f"/?limit={limit}")
    assert set(caught.value.detail) == {"limit"}


def test_a_made_up_or_foreign_cursor_is_refused():
    add(*"abc")
    _rows, following, _before = page("/?limit=1")
    cursor = following.split("cursor=")[1]
    with pytest.raises(ValidationError):
        page("/?cursor=bm9uc2Vuc2U")
    with pytest.raises(ValidationError):
        page(f"/?cursor=x{cursor}")
    with pytest.raises(ValidationError):
        page(f"/?cursor={cursor}", ordering=("-email", "-id"))


def test_a_deep_page_starts_at_its_row_in_the_index(django_assert_num_queries):
    add(*"abcdef")
    _rows, following, _before = page("/?limit=2")
    with django_assert_num_queries(1) as captured:
        page(following)
    assert '"name" <= ' in captured[0]["sql"]
    assert "OFFSET" not in captured[0]["sql"]
