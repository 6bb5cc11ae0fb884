"""Requests, each made of its number and the seed: a valid one from the schema or a form, then mostly broken."""

import random
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from fuzz_inputs import files, hostile, pages, trees
from fuzz_inputs.pages import Form
from fuzz_inputs.world import PERSONAS, World
from fuzz_inputs.wsgi import Request

_BOUNDARY = "fuzzboundary"
_BROKEN_BASE64 = (
    f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name=file; filename=x\r\n"
    f"Content-Transfer-Encoding: base64\r\n\r\n!\r\n--{_BOUNDARY}--"
).encode()
# gunicorn's own limits.
_LONGEST_TARGET = 4000
_LONGEST_HEADER = 8000
_NEVER_IN_HEADER = re.compile(r"[\x00\r\n]")
_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(slots=True)
class Operation:
    """One operation of the API, as the OpenAPI document describes it."""

    method: str
    path: str
    parameters: list[Mapping[str, Any]]
    bodies: Mapping[str, Any]
    responses: frozenset[int]


@dataclass(slots=True)
class Api:
    operations: list[Operation]
    components: Mapping[str, Any]


def described_api() -> Api:
    """The API as the project's own generator describes it now."""
    document = SchemaGenerator().get_schema(request=None, public=True)
    operations = [
        Operation(
            method=method.upper(),
            path=path,
            parameters=each.get("parameters", []),
            bodies={kind: body["schema"] for kind, body in each.get("requestBody", {}).get("content", {}).items()},
            responses=frozenset(int(code) for code in each["responses"]),
        )
        for path, item in document["paths"].items()
        for method, each in item.items()
        # Behind a book that is deleted nothing else of the world would be found any more.
        if method in _METHODS and each["operationId"] != "books_delete"
    ]
    return Api(operations, document["components"]["schemas"])


@dataclass(slots=True)
class Draft:
    """A request before it is written down, in the parts that can be broken."""

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    tree: Any = None
    fields: list[tuple[str, Any]] = field(default_factory=list)
    uploads: list[tuple[str, str, bytes]] = field(default_factory=list)
    content_type: str = ""
    raw: bytes | None = None
    raw_query: str | None = None


class Maker:
    """Makes the requests of one world."""

    def __init__(
        self, *, seed: int, api: Api, world: World, routes: list[str], forms: Mapping[str, list[Form]]
    ) -> None:
        self.seed = seed
        self.api = api
        self.world = world
        self.routes = routes
        self.forms = forms

    def request(self, number: int) -> Request:
        """The request of that number; the same for the same seed and world."""
        chance = random.Random(f"{self.seed}:{number}")
        persona = chance.choice((*PERSONAS, "editor", "owner", "owner"))
        draft = self._of_api(persona, chance) if chance.random() < 0.62 else self._of_page(persona, chance)
        kind = "valid"
        if chance.random() < 0.8:
            kind = chance.choice(_kinds_for(draft))
            for each in (kind, *([chance.choice(_kinds_for(draft))] if chance.random() < 0.2 else [])):
                _BREAKERS[each](draft, chance)
        return _written(draft, number=number, kind=kind, persona=persona)

    def _of_api(self, persona: str, chance: random.Random) -> Draft:
        operation = chance.choice(self.api.operations)
        accept = "text/html" if chance.random() < 0.15 else "application/json"
        sampler = trees.Sampler(self.api.components, self.world, chance)
        draft = Draft(operation.method, operation.path, headers={"Host": "localhost", "Accept": accept})
        for parameter in operation.parameters:
            name, place = parameter["name"], parameter["in"]
            if place == "path":
                value = self.world.path_value(name, operation.path, chance)
                draft.path = draft.path.replace(f"{{{name}}}", value)
            elif chance.random() < 0.3:
                sampled = sampler.value(parameter["schema"], name=name)
                if place == "query":
                    draft.query.append((name, trees.written(sampled) if isinstance(sampled, bool) else str(sampled)))
                else:
                    draft.headers[name] = str(sampled)
        self._sign_in(draft, persona, chance)
        for kind, schema in operation.bodies.items():
            draft.content_type, draft.tree = kind, sampler.value(schema)
            if kind.startswith("multipart/"):
                draft.fields = [(name, str(value)) for name, value in draft.tree.items() if name != "file"]
                draft.tree = None
                draft.uploads.append(_upload("file", chance))
        return draft

    def _sign_in(self, draft: Draft, persona: str, chance: random.Random) -> None:
        person = self.world.people[persona]
        if person.user is None:
            return
        if chance.random() < 0.8:
            draft.headers["Authorization"] = f"Bearer {person.bearer}"
        else:
            draft.headers |= {
                "Cookie": f"csrftoken={pages.CSRF}; sessionid={person.session}",
                "X-CSRFToken": pages.CSRF,
            }

    def _of_page(self, persona: str, chance: random.Random) -> Draft:
        if persona != "staff" and chance.random() < 0.7:
            own = [route for route in self.routes if not route.startswith("admin/")]
        else:
            own = self.routes
        route = chance.choice(own)
        draft = Draft(
            "GET", pages.filled(route, self.world, chance), headers=dict(pages.session_headers(self.world, persona))
        )
        if chance.random() < 0.2:
            draft.headers["HX-Request"] = "true"
        forms = self.forms.get(route, [])
        if forms and chance.random() < 0.7:
            self._fill_in(draft, chance.choice(forms), chance)
        elif chance.random() < 0.25:
            draft.method, draft.content_type = "POST", "application/x-www-form-urlencoded"
            draft.fields = [("csrfmiddlewaretoken", pages.CSRF), ("name", "Words")]
        return draft

    def _fill_in(self, draft: Draft, form: Form, chance: random.Random) -> None:
        path, _mark, query = form.action.partition("?")
        if chance.random() < 0.6:
            draft.path = urllib.parse.quote(path)
        draft.query = urllib.parse.parse_qsl(query, keep_blank_values=True)
        sent = pages.submitted(form, self.world, chance)
        if form.method != "POST":
            draft.query = sent
            return
        draft.method = "POST"
        draft.fields = (
            sent
            if any(name == "csrfmiddlewaretoken" for name, _ in sent)
            else [("csrfmiddlewaretoken", pages.CSRF), *sent]
        )
        draft.content_type = "multipart/form-data" if form.multipart else "application/x-www-form-urlencoded"
        draft.uploads = [_upload(name, chance) for name in form.files]


def _upload(name: str, chance: random.Random) -> tuple[str, str, bytes]:
    form = files.FORMATS[chance.choice(list(files.FORMATS))]
    data = chance.choice(form.seeds) if chance.random() < 0.5 else files.mutated(form, chance)
    return name, form.file_name, data


def _kinds_for(draft: Draft) -> list[str]:
    """The ways to break this request that make sense for it; what it carries is broken most often."""
    kinds = ["path", "query", "header", "header", "method", "body type"]
    if draft.tree is not None:
        kinds += ["body"] * 10
    if draft.fields:
        kinds += ["field"] * 8
    if draft.uploads:
        kinds += ["upload"] * 4
    if draft.method == "GET":
        kinds += ["query"] * 2
    return kinds


def _break_path(draft: Draft, chance: random.Random) -> None:
    parts = draft.path.split("/")
    place = chance.randrange(1, len(parts))
    dice = chance.random()
    if dice < 0.6:
        parts[place] = chance.choice(hostile.IDS)
    elif dice < 0.8:
        parts[place] = urllib.parse.quote(hostile.text(chance).encode("utf-8", errors="surrogatepass"))
    else:
        parts.insert(place, chance.choice(("", ".", "..", "%2e", "%00", "%ff", "x", "admin")))
    draft.path = "/".join(parts)


def _break_query(draft: Draft, chance: random.Random) -> None:
    names = [name for name, _ in draft.query] or [
        "cursor",
        "limit",
        "q",
        "search",
        "start",
        "end",
        "page",
        "before",
        "account",
    ]
    names += [
        "next",
        "order",
        "o",
        "p",
        "all",
        "_popup",
        "e",
        "format",
        "lang",
        "unknown",
        "id__in",
        "book__owner",
        "\x00",
    ]
    value = chance.choice((*hostile.CURSORS, *hostile.DATES, *hostile.NUMBERS, *hostile.TEXTS, *hostile.AMOUNTS))
    dice = chance.random()
    if dice < 0.75:
        draft.query.append((chance.choice(names), value))
    elif dice < 0.85:
        draft.query = [(name, value) for name, _ in draft.query] + draft.query
    else:
        draft.raw_query = chance.choice(
            ("%", "%zz=%zz", "a=%ff%fe", "=", "&&&=&", "cursor=%ed%a0%80", "a" * 9000, "&".join("a=1" for _ in range(1500)),
             "limit=%31", "limit=1;cursor=2", "\xff=\xff", "search=%00", "search[]=1", "cursor=%C3%28", "?", "#")
        )  # fmt: skip


def _break_header(draft: Draft, chance: random.Random) -> None:
    name, values = chance.choice(hostile.HEADERS)
    draft.headers[name] = chance.choice(values)


def _break_method(draft: Draft, chance: random.Random) -> None:
    draft.method = chance.choice(hostile.METHODS)


def _break_type(draft: Draft, chance: random.Random) -> None:
    """Another Content-Type, or a body that is not what it says."""
    dice = chance.random()
    if dice < 0.7:
        _, draft.raw = _body(draft)
        draft.content_type = chance.choice(hostile.CONTENT_TYPES)
    else:
        draft.raw = chance.choice(
            (b"", b"{", b"\xff\xfe{}", b'{"a":"\xed\xa0\x80"}', b"\xef\xbb\xbf{}", b"null", b"[]", b'"x"', b"1E+999999", b"\x00",
             b'{"a":1,"a":2}', b"[" * 100_000, b"a" * 3_000_000, b"--" + _BOUNDARY.encode(), b"x=%zz&x=%ff", b"\xff" * 50,
             _BROKEN_BASE64)
        )  # fmt: skip


def _break_tree(draft: Draft, chance: random.Random) -> None:
    if draft.tree is not None:
        draft.tree = trees.broken(draft.tree, chance)


def _break_field(draft: Draft, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 2))):
        place = chance.randrange(len(draft.fields)) if draft.fields else 0
        dice = chance.random()
        if dice < 0.85 and draft.fields:
            value = chance.choice((hostile.text(chance), chance.choice(hostile.DATES), chance.choice(hostile.NUMBERS)))
            draft.fields[place] = (draft.fields[place][0], value)
        elif dice < 0.92 and draft.fields:
            del draft.fields[place]
        else:
            draft.fields.append(
                (chance.choice(("name", "\x00", "lines-999999-amount", "rows", "next", "a" * 5000)), "1")
            )


def _break_upload(draft: Draft, chance: random.Random) -> None:
    name, file_name, data = draft.uploads[0] if draft.uploads else ("file", "x", b"x")
    dice = chance.random()
    if dice < 0.4:
        draft.uploads = [(name, chance.choice(hostile.FILE_NAMES), data)]
    elif dice < 0.7:
        draft.uploads = [(name, file_name, files.mutated(files.FORMATS[chance.choice(list(files.FORMATS))], chance))]
    elif dice < 0.8:
        draft.uploads = chance.choice(([], draft.uploads * 2, draft.uploads * 150))
    else:
        kind, body = _body(draft)
        draft.content_type = kind
        draft.raw = chance.choice(
            (body[:-10], body[: len(body) // 2], body.replace(b"\r\n", b"\n"), body.replace(b"form-data", b"form-data; charset=zip"),
             body.replace(b"Content-Disposition", b"Content-Disposition\x00"), body.replace(_BOUNDARY.encode(), b"other"),
             body + b"x" * 1000, body.replace(b'name="file"', b"name*=zip''file"), body.replace(b"filename=", b"filename*=utf-8''%ff;x="),
             body.replace(b"Content-Disposition", b"Content-Transfer-Encoding: base64\r\nContent-Disposition"))
        )  # fmt: skip


_BREAKERS = {
    "path": _break_path,
    "query": _break_query,
    "header": _break_header,
    "method": _break_method,
    "body type": _break_type,
    "body": _break_tree,
    "field": _break_field,
    "upload": _break_upload,
}
KINDS = ("valid", *_BREAKERS)


def _written(draft: Draft, *, number: int, kind: str, persona: str) -> Request:
    query = draft.raw_query
    if query is None:
        query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in draft.query)
    content_type, body = _body(draft)
    headers = dict(draft.headers)
    if content_type:
        headers["Content-Type"] = content_type
    if body or draft.method not in ("GET", "HEAD"):
        headers.setdefault("Content-Length", str(len(body)))
    target = draft.path + (f"?{query}" if query else "")
    # What gunicorn refuses by itself never comes to the application.
    sent = [(name, _NEVER_IN_HEADER.sub("", value)[:_LONGEST_HEADER]) for name, value in headers.items()]
    return Request(number, kind, persona, draft.method, target[:_LONGEST_TARGET], sent, body)


def _body(draft: Draft) -> tuple[str, bytes]:
    if draft.raw is not None:
        return draft.content_type, draft.raw
    if draft.tree is not None:
        return draft.content_type, trees.written(draft.tree).encode("utf-8", errors="surrogatepass")
    if draft.uploads or draft.content_type.startswith("multipart/"):
        return f"multipart/form-data; boundary={_BOUNDARY}", _multipart(draft)
    if draft.fields:
        text = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in draft.fields)
        return draft.content_type, text.encode()
    return draft.content_type, b""


def _multipart(draft: Draft) -> bytes:
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode("utf-8", errors="surrogatepass")
        for name, value in draft.fields
    ]
    parts += [
        f'Content-Disposition: form-data; name="{name}"; filename="{file_name}"\r\nContent-Type: text/csv\r\n\r\n'.encode(
            "utf-8", errors="surrogatepass"
        )
        + data
        for name, file_name, data in draft.uploads
    ]
    edge = f"--{_BOUNDARY}".encode()
    return b"".join(edge + b"\r\n" + part + b"\r\n" for part in parts) + edge + b"--\r\n"


def _quoted(text: Any) -> str:
    return urllib.parse.quote_plus(str(text).encode("utf-8", errors="surrogatepass"))
