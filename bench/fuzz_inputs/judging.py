"""What counts as a finding, and how findings are told apart: by what went wrong and where."""

import json
import re
import traceback
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from fuzz_app.logs import Recorder

from fuzz_inputs.requests import Api, Operation
from fuzz_inputs.world import HOME_MARK, MEMBERS, OTHER_MARK, World, may_see
from fuzz_inputs.wsgi import FORBIDDEN_IN_HEADER, Answer, Request

ROOT = Path(__file__).resolve().parent.parent.parent
SLOWEST_ANSWER = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Finding:
    """What went wrong and where; equal for all requests that fail alike."""

    what: str
    place: str


@dataclass(slots=True)
class Found:
    """A finding with its first example and how often it was met."""

    example: str
    replay: str
    count: int = 0


@dataclass(slots=True)
class Findings:
    found: dict[Finding, Found] = field(default_factory=dict)

    def add(self, finding: Finding, *, example: str, replay: str) -> None:
        self.found.setdefault(finding, Found(example, replay)).count += 1


def place_of(error: BaseException) -> str:
    """The innermost line of ours that the error went through, and the library's line that raised it."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_timer(frame.filename)]
    ours = [frame for frame in frames if _is_ours(frame.filename)]
    lines = [f"{Path(ours[-1].filename).relative_to(ROOT)}:{ours[-1].lineno} {ours[-1].name}"] if ours else []
    if frames and (not ours or frames[-1] is not ours[-1]):
        last = frames[-1]
        lines.append(f"{'/'.join(Path(last.filename).parts[-3:])}:{last.lineno} {last.name}")
    return " > ".join(lines)


def _is_timer(filename: str) -> bool:
    """Whether a frame is of what stops a file or request that takes too long."""
    return filename.endswith("/fuzz_inputs/wsgi.py")


def _is_ours(filename: str) -> bool:
    path = Path(filename)
    if not path.is_relative_to(ROOT):
        return False
    top = path.relative_to(ROOT).parts[0]
    return top not in (".venv", "bench", "manage.py") or path.name == "planted_urls.py"


class Judge:
    """Looks at answers with the API's own description at hand."""

    def __init__(self, api: Api) -> None:
        self.operations: dict[str, list[tuple[re.Pattern[str], Operation]]] = {}
        for operation in api.operations:
            pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(operation.path)))
            self.operations.setdefault(operation.method, []).append((pattern, operation))

    def look(self, request: Request, answer: Answer, world: World) -> list[Finding]:
        """All that is wrong with the answer; what was logged meanwhile tells where a failure came from."""
        logged, Recorder.caught[:] = list(Recorder.caught), []
        found: list[Finding] = []
        if answer.raised is not None:
            found.append(_failure(answer.raised))
        if answer.status >= 500:
            # 501 is the server's word for a method, whatever the address.
            place = "" if answer.status == 501 else f"{request.method[:20]} {_shape(request.path)}"
            found += [_failure(error, status=answer.status) for error in logged[-1:]] or [
                Finding(f"{answer.status} without an exception", place)
            ]
        found += [_failure(error) for error in logged if "while the log line" in str(getattr(error, "__notes__", ""))]
        if answer.seconds > SLOWEST_ANSWER:
            found.append(Finding("slow answer", f"{request.method[:20]} {_shape(request.path)}"))
        found += self._content(request, answer)
        found += _leaks(request, answer, world)
        return found

    def _content(self, request: Request, answer: Answer) -> list[Finding]:
        found = []
        place = f"{request.method[:20]} {_shape(request.path)}"
        if any(FORBIDDEN_IN_HEADER.search(f"{name}{value}") for name, value in answer.headers):
            found.append(Finding("a header that cannot be sent", place))
        if "evil.example" in urllib.parse.urlsplit(answer.header("location")).netloc:
            found.append(Finding("redirect to another site", place))
        if answer.header("content-type").startswith("application/json") and request.method != "HEAD":
            found += [Finding(what, place) for what in _json_faults(request, answer)]
        if (
            200 <= answer.status < 300
            and request.path.startswith("/api/v1/")
            and request.method not in ("HEAD", "OPTIONS")
        ):
            found += self._undescribed(request, answer, place)
        return found

    def _undescribed(self, request: Request, answer: Answer, place: str) -> list[Finding]:
        matching = [
            each for pattern, each in self.operations.get(request.method, []) if pattern.fullmatch(request.path)
        ]
        # The browsable API shows a page where JSON has nothing to say.
        shown = {204} if answer.status == 200 and answer.header("content-type").startswith("text/html") else set()
        if any({answer.status, *shown} & each.responses for each in matching):
            return []
        return [Finding(f"{answer.status}, which the API does not describe", place)]


def _failure(error: BaseException, *, status: int = 0) -> Finding:
    return Finding(f"{status or 'raised'} {type(error).__name__}", place_of(error))


def _json_faults(request: Request, answer: Answer) -> list[str]:
    try:
        value: Any = json.loads(answer.body.decode(), parse_constant=_refuse) if answer.body else None
    except ValueError as error:
        return [f"JSON that is none: {str(error)[:60]}"]
    if answer.status < 400 or not request.path.startswith("/api/v1/"):
        return []
    whole = isinstance(value, dict) and {"code", "detail"} <= set(value)
    return [] if whole or request.method == "HEAD" else [f"{answer.status} without code and detail"]


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} in JSON")


def _leaks(request: Request, answer: Answer, world: World) -> list[Finding]:
    """Marks of a book in an answer to somebody who has no part in it."""
    person = world.people[request.persona]
    hidden = [OTHER_MARK] if request.persona != "stranger" else []
    hidden += [HOME_MARK] if request.persona not in MEMBERS else []
    if person.name == "staff" and request.path.startswith("/admin/"):
        hidden = []
    return [
        Finding(f"{mark} shown to {request.persona}", f"{request.method[:20]} {_shape(request.path)}")
        for mark in hidden
        if mark.encode() in answer.body and not may_see(person, mark)
    ]


def _shape(path: str) -> str:
    """The path without its ids."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "#", path)[:120]


def described(request: Request) -> str:
    """The request as text, shortened so that it fits on a few lines."""
    usual = ("Accept", "application/json" if request.path.startswith("/api/") else "text/html")
    lines = [f"as {request.persona} ({request.kind}): {request.method[:60]} {_short(request.target, 400)}"]
    lines += [
        f"  {name}: {_short(value, 160)}"
        for name, value in request.headers
        if (name, value) not in (("Host", "localhost"), usual)
    ]
    if request.body:
        lines.append(f"  {_short(repr(request.body)[1:], 600)}")
    return "\n".join(lines)


def _short(text: str, most: int) -> str:
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return text if len(text) <= most else f"{text[: most // 2]} … ({len(text)} characters) … {text[-most // 4 :]}"
