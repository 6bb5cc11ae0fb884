"""Walks all pages of households and operators: whatever is sent, the answer is no fault."""

# ruff: noqa: F811 (a fixture that asks for another is named as it is)

import re
from contextlib import contextmanager
from html import unescape
from urllib.parse import parse_qsl, quote

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from identity.models import User
from lifeos_project.middleware.requests import TolerantRequest
from lifeos_project.tests.one_of_everything import clock, one_of_everything, owner, world  # noqa: F401  # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.long]

# The pages of the admin are many and alike: lists, their searches and the forms of single rows.
LEFT_OUT = re.compile(r"^(api|health|metrics|static)|jsi18n|autocomplete")
HOSTILE = [
    *("a\x00b", "x" * 5000, "9999-12-31", "0001-01-01", "10000-01-01", "9" * 400, "-1", "1e999", "NaN", "٣", "zip"),
    *("E\x00", "\u202e", "ﷺ" * 100 + "@example.org", "a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".example", ""),
]


def routes(resolver, before=""):
    for each in resolver.url_patterns:
        route = before + (each.pattern._route if hasattr(each.pattern, "_route") else "")
        if isinstance(each, URLResolver):
            yield from routes(each, route)
        elif isinstance(each, URLPattern) and hasattr(each.pattern, "_route"):
            yield route


ROUTES = sorted({route for route in routes(get_resolver("lifeos_project.urls")) if not LEFT_OUT.match(route)})
# Behind these nobody is signed in any more.
KEPT = [route for route in ROUTES if not re.search("sign-out/$|logout/$", route)]


@pytest.fixture
def visitor(owner, monkeypatch):
    """An owner who is also the operator, with all rights."""
    monkeypatch.setattr("django.test.client.WSGIRequest", TolerantRequest)
    User.objects.filter(pk=owner.pk).update(is_staff=True, is_superuser=True)
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(pk=owner.pk))
    return client


def filled(route, ids, **instead):
    """The address of a route; a parameter that the world has nothing for becomes 1."""
    values = {**{name: str(value) for name, value in ids.items()}, **instead}
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values.get(found[1], "1"), route)


@contextmanager
def undone(visitor, owner):
    """What one page changed takes neither the next one's rows away nor its visitor's session."""
    with transaction.atomic():
        visitor.force_login(owner)
        yield
        transaction.set_rollback(True)


def sound(answer, what):
    assert answer.status_code < 500, (answer.request["PATH_INFO"][:200], what)
    return answer


def text_of(answer):
    """What a page or a file says; a file is read to its end."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode(errors="replace")


def asked_for(page, address):
    """The names that a page is asked by: in the links back to itself, and in its forms that change nothing."""
    queries = re.findall(rf'href="(?:{re.escape(address)})?\?([^"]*)"', page)
    linked = {name for query in queries for name, _value in parse_qsl(unescape(query), keep_blank_values=True)}
    forms = [form for form in re.findall(r"<form.*?</form>", page, re.S) if 'method="post"' not in form.lower()]
    return sorted(linked.union(*map(fields_of, forms)))


def fields_of(page):
    return sorted(set(re.findall(r'name="([^"]+)"', page)) - {"csrfmiddlewaretoken"})


def test_nothing_sent_to_a_page_is_a_fault(world, visitor, owner):
    for place, route in enumerate(KEPT):
        by_django = re.match("admin/(?!platform_)", route)  # many pages whose forms are Django's own
        with undone(visitor, owner):
            address = filled(route, world["ids"])
            page = sound(visitor.get(address), "the page itself")
            names = fields_of(text_of(page))
            first, *others = HOSTILE
            answer = sound(visitor.post(address, dict.fromkeys(names, first)), first)
            if page.status_code == 404 or answer.status_code in (403, 405):
                continue  # refused before anything of it is read
            # A page without fields has no place for a value; each value comes to every fifth page, and to every tenth
            # of those that Django's own forms read.
            for value in others[place % 10 :: 10] if by_django and names else others[place % 5 :: 5] if names else ():
                sound(visitor.post(address, dict.fromkeys(names, value)), value[:30])
            if by_django or place % 4:
                continue  # bodies are read before a page is chosen: a quarter of the pages will do
            for raw, kind in (
                (b"a=%ff&b=%00&%00=1&c=%ed%a0%80", "application/x-www-form-urlencoded"),
                (b"a=b", "application/x-www-form-urlencoded; charset=zip"),
                (b"a=b", "application/x-www-form-urlencoded; charset=unheard"),
                (
                    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n',
                    "multipart/form-data; boundary=x; charset=hex",
                ),
                (
                    b"--x\r\nContent-Disposition: form-data; name=\"a\"; filename*=zip''%41\r\n\r\nb\r\n--x--\r\n",
                    "multipart/form-data; boundary=x",
                ),
                (b"broken", "multipart/form-data"),
                (b"{}", "application/json; x*=zip''%41"),
            ):
                sound(visitor.generic("POST", address, raw, content_type=kind), kind)


# No text for PostgreSQL, and what is greater than its columns.
ASKED = ["a\x00b", "9223372036854775808", "0001-01-01"]
IDS = ["0", "2147483648", "9223372036854775808", "9" * 400, "a%00b", "%u202e", "\u0663"]


@pytest.mark.filterwarnings("ignore:DateTimeField .* received a naive datetime:RuntimeWarning")  # Django's own filters
def test_nothing_asked_of_a_page_is_a_fault(world, visitor):
    faults, filters = set(), set()
    for place, route in enumerate(KEPT):
        address = filled(route, world["ids"])
        names = asked_for(text_of(visitor.get(address)), address)
        filters.update((address, name) for name in names)
        # Names that the page does not show are asked by together.
        hidden = {"q", "cursor", "next", "_changelist_filters"}.difference(names)
        asked = [(names, value) for value in ASKED if len(names) > 1]
        # Alone each name is asked by one value in turn.
        alone = [([name], ASKED[(place + turn) % 3]) for turn, name in enumerate(names)]
        for each, value in (*asked, *alone, (sorted(hidden), ASKED[place % 3])):
            if visitor.get(address, dict.fromkeys(each, value)).status_code >= 500:
                faults.add((address, *each, value[:30]))
    assert faults == set()
    assert len(filters) > 100


def test_no_id_in_an_address_is_a_fault(world, visitor):
    for turn, route in enumerate(route for route in KEPT if "<" in route):
        for parameter in re.findall(r"<(?:\w+:)?(\w+)>", route):
            for place, value in enumerate(IDS):
                if (turn + place) % 2:
                    continue  # each comes to every second address
                address = filled(route, world["ids"], **{parameter: quote(value, safe="%")})
                sound(visitor.get(address), (parameter, value[:30]))
                if (turn + place) % 3 == 0:
                    sound(visitor.post(address, {}), (parameter, value[:30]))
