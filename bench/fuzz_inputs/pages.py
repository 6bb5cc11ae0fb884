"""The pages outside the API: their addresses from the resolver, and their forms read off the pages themselves."""

import random
import re
import urllib.parse
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.urls import Resolver404, URLResolver, get_resolver, resolve
from django.urls.resolvers import RoutePattern

from fuzz_inputs.world import World, without_marks
from fuzz_inputs.wsgi import Answer, Request

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


def routes() -> list[str]:
    """The addresses of all pages, with their parameters in angle brackets."""
    return sorted({route for route in _walk(get_resolver(), "") if not route.startswith("api/v1/")})


def _walk(resolver: URLResolver, prefix: str) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        if not isinstance(pattern.pattern, RoutePattern):
            continue
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern, route)
        else:
            yield route


def filled(route: str, world: World, chance: random.Random) -> str:
    """The route as a path; what stands for a parameter may be hostile."""
    return "/" + _PARAMETER.sub(lambda match: world.path_value(match[1], route, chance), route)


@dataclass(slots=True)
class Form:
    """A form as a page shows it, with what a browser would send and what it could choose."""

    action: str
    method: str
    multipart: bool = False
    fields: list[tuple[str, str]] = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """Collects forms and links."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._form: Form | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        name = values.get("name", "")
        if tag == "form":
            self._begin(values)
        elif tag == "a" and values.get("href", "").startswith("/"):
            self.links.append(values["href"])
        elif self._form is None:
            return
        elif tag == "option":
            self._form.choices.setdefault(self._select, []).append(values.get("value", ""))
            if "selected" in values:
                self._form.fields.append((self._select, values.get("value", "")))
        elif tag == "select":
            self._select = name
        elif tag == "textarea" and name:
            self._form.fields.append((name, ""))
        elif tag in ("input", "button") and name:
            self._input(self._form, name, values)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None

    def _begin(self, values: dict[str, str]) -> None:
        action = urllib.parse.urljoin(self.path, values.get("action") or values.get("hx-post") or "")
        method = (values.get("method") or ("post" if "hx-post" in values else "get")).upper()
        self._form = Form(action, method, multipart="multipart" in values.get("enctype", ""))
        self.forms.append(self._form)

    @staticmethod
    def _input(form: Form, name: str, values: dict[str, str]) -> None:
        kind = values.get("type", "text")
        if kind == "file":
            form.files.append(name)
            return
        form.choices.setdefault(name, []).append(values.get("value", ""))
        if kind not in ("radio", "checkbox") or "checked" in values:
            form.fields.append((name, values.get("value", "")))


# Who reads pages, and where each begins.
_STARTS = (("owner", "/b/{book}/"), ("anonymous", "/accounts/sign-in/"), ("staff", "/admin/"))


def read_forms(world: World, ask: Callable[[Request], Answer]) -> dict[str, list[Form]]:
    """The forms found by following links, one page of each kind; by the route that each form is sent to."""
    found: dict[str, list[Form]] = defaultdict(list)
    for persona, start in _STARTS:
        for page in _read_pages(world, persona, start.format(book=world.home["book_id"][0]), ask):
            for form in page.forms:
                route = route_of(form.action)
                if route is not None and form not in found[route]:
                    found[route].append(form)
    return dict(found)


def _read_pages(world: World, persona: str, start: str, ask: Callable[[Request], Answer]) -> Iterator[_Reader]:
    waiting, met, routes_met = [start], {start}, set[str]()
    while waiting:
        path = waiting.pop(0)
        route = route_of(path)
        if route is None or route in routes_met or route.startswith("api/"):
            continue
        if (persona == "staff") != route.startswith("admin/"):
            continue
        routes_met.add(route)
        page = _Reader(path.partition("?")[0])
        request = Request(-1, "read", persona, "GET", path, headers=session_headers(world, persona))
        page.feed(ask(request).body.decode("utf-8", errors="replace"))
        links = [link.partition("#")[0] for link in page.links]
        waiting += [link for link in links if link not in met]
        met.update(links)
        yield page


def route_of(target: str) -> str | None:
    try:
        return str(resolve(urllib.parse.unquote(target.partition("?")[0])).route)
    except Resolver404:
        return None


def session_headers(world: World, persona: str) -> list[tuple[str, str]]:
    """A browser's headers: session and CSRF cookie."""
    session = world.people[persona].session
    cookie = f"csrftoken={CSRF}" + (f"; sessionid={session}" if session else "")
    return [("Host", "localhost"), ("Cookie", cookie), ("Accept", "text/html")]


CSRF = "f" * 32


def submitted(form: Form, world: World, chance: random.Random) -> list[tuple[str, Any]]:
    """What a browser would send, with another choice here and there and sensible words in empty fields."""
    sent: list[tuple[str, Any]] = []
    for name, value in form.fields:
        choices = form.choices.get(name, [])
        if len(choices) > 1 and chance.random() < 0.5:
            value = chance.choice(choices)
        elif not value and chance.random() < 0.7:
            value = str(world.value_for(_meaning(name), {}, chance) or "Words 12")
        sent.append((name, value))
    return [(name, CSRF if name == "csrfmiddlewaretoken" else without_marks(value)) for name, value in sent]


def _meaning(name: str) -> str:
    """The name under which the world knows such a value: `lines-0-account` is an account."""
    last = re.split(r"[-_]", name)[-1]
    return {"on": "date", "day": "date", "start": "date", "end": "date", "password1": "password"}.get(last, last)
