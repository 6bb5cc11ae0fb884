"""All messages of the code that a household can see, found without xgettext (which a fresh machine does not have).

Python is read as a syntax tree, templates through Django's own `templatize`. Beside calls of gettext's functions two
places hold messages: the docstring of an error's class, and the `thing` that was not found.
"""

import ast
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("core", "finance", "identity", "insights", "lifeos_project", "platform_outbox")
# Operators' pages and programs are in English.
_OPERATORS = (
    "platform_outbox/",
    *(
        f"lifeos_project/{name}"
        for name in (
            "backups/",
            "checks/",
            "console/",
            "doctor/",
            "local/",
            "management/",
            "monitoring/",
            "variables.py",
        )
    ),
    *(
        f"templates/{name}/"
        for name in ("admin", "doctor", "drf_spectacular", "platform_operation", "rest_framework", "unfold")
    ),
)
_OPERATORS_TOO = ("/admin/", "/admin.py", "/management/", "/migrations/", "/tests/")
_ONE = {"_", "gettext", "gettext_lazy", "gettext_noop"}
_MANY = {"ngettext", "ngettext_lazy"}
_IN_CONTEXT = {"pgettext", "pgettext_lazy"}
_MANY_IN_CONTEXT = {"npgettext", "npgettext_lazy"}
# Their subclasses say their docstring.
_SPEAKING_ERRORS = {"FinanceError", "SignupError", "SignInRefused", "TokenRefused", "IdempotencyMismatch"}
_ONLY_A_FACT = re.compile(r"\{\w+\}")
_TEXT = r"""u?(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
_CALL = re.compile(rf"(?:n?p?gettext|_)\({_TEXT}(?:, {_TEXT})*(?:, ?count)?\)")


@dataclass(frozen=True, slots=True)
class Message:
    """A text to translate: with `plural` it has two forms in English; `context` tells equal texts apart."""

    text: str
    plural: str = ""
    context: str = ""


def is_household(path: str) -> bool:
    """Whether households see texts of this file, as a path below the root."""
    return not path.startswith(_OPERATORS) and not any(part in f"/{path}" for part in _OPERATORS_TOO)


def household_files() -> Iterator[tuple[str, str]]:
    """Path below the root and content of each Python file and template that households see."""
    places = [*(ROOT / app for app in APPS), ROOT / "templates"]
    for place in places:
        for path in sorted([*place.rglob("*.py"), *place.rglob("*.html"), *place.rglob("*.txt")]):
            name = path.relative_to(ROOT).as_posix()
            if is_household(name):
                yield name, path.read_text(encoding="utf-8")


def household_messages() -> dict[Message, list[str]]:
    """Every message that households can see, and the files that use it."""
    found: dict[Message, list[str]] = {}
    sources = list(household_files())
    trees = {name: ast.parse(source) for name, source in sources if name.endswith(".py")}
    speaking = _speaking(trees.values())
    for name, source in sources:
        if "/api/" in name:
            _drop_documentation(trees[name])
        said = messages_of(trees[name], speaking) if name in trees else template_messages(source)
        for message in said:
            places = found.setdefault(message, [])
            if name not in places:
                places.append(name)
    # A catalogue holds one entry for a text, and a plural's first form answers for the text alone as well.
    several = {Message(message.text, context=message.context) for message in found if message.plural}
    return {message: places for message, places in found.items() if message not in several}


def template_messages(source: str) -> Iterator[Message]:
    """Messages of a template's tags and of `_("…")` in its expressions."""
    # What is no message comes out as X, S, B and the like around calls that are Python.
    for call in _CALL.findall(templatize(source)):
        yield from messages_of(ast.parse(call, mode="eval"), frozenset())


def messages_of(tree: ast.AST, speaking: Container[str]) -> Iterator[Message]:
    """Messages of a module; of the classes named in `speaking` the docstring is one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _of_call(node)
        elif isinstance(node, ast.ClassDef) and node.name in speaking and (text := ast.get_docstring(node)):
            if not _ONLY_A_FACT.fullmatch(text):
                yield Message(text)
        elif isinstance(node, ast.FunctionDef):
            named = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            yield from (Message(text) for arg, default in named if arg.arg == "thing" and (text := _literal(default)))


def _drop_documentation(tree: ast.AST) -> None:
    """The API's documentation is in English: what describes fields and parameters is no message."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            node.keywords = [given for given in node.keywords if given.arg not in ("help_text", "description", "label")]


def _speaking(trees: Iterable[ast.Module]) -> set[str]:
    """Names of the errors that say their docstring, and of all that derive from them."""
    classes = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    names, known = set(_SPEAKING_ERRORS), 0
    while len(names) > known:
        known = len(names)
        names |= {made.name for made in classes if names & {getattr(base, "id", "") for base in made.bases}}
    return names


def _of_call(call: ast.Call) -> Iterator[Message]:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    texts = [_literal(argument) for argument in call.args]
    if not any(texts):
        return
    if name in _ONE:
        yield Message(texts[0])
    elif name in _MANY:
        yield Message(texts[0], texts[1])
    elif name in _IN_CONTEXT:
        yield Message(texts[1], context=texts[0])
    elif name in _MANY_IN_CONTEXT:
        yield Message(texts[1], texts[2], texts[0])
    for keyword in call.keywords:
        if keyword.arg == "thing" and (text := _literal(keyword.value)):
            yield Message(text)


def _literal(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
