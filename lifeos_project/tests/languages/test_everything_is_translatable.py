"""What a household reads goes through gettext: in templates, in Python, and in the texts that scripts show."""

import ast
import re
from html.parser import HTMLParser

from django.template.base import Lexer, TokenType

from lifeos_project.languages.extraction import ROOT, household_files

# Names of things, and signs that are the same in every language.
SAME_EVERYWHERE = {
    *("LifeOS", "CSV", "XLSX", "JSON", "PDF", "OFX", "API", "IBAN", "ECB", "HTTP", "hledger", "beancount", "Beancount"),
    *("nbsp", "lifeos", "x", "v", "s", "ms", "MB"),
}
ATTRIBUTES = {"title", "aria-label", "aria-description", "placeholder", "alt", "content", "label"}
WORD = re.compile(r"[^\W\d_]+")
SENTENCE = re.compile(r"[“\"(]?[A-Z][^\n]* [^\n]*[.?!…]")
GETTEXT = {"_", *(f"{a}gettext{b}" for a in ("", "n", "p", "np") for b in ("", "_lazy")), "gettext_noop"}
SHOWN = {"label", "reason", "verbose_name", "verbose_name_plural", "help_text", "empty_label", "title"}
# What operators, programmers and programs read.
NOT_SHOWN = {
    *("debug", "info", "warning", "error", "exception", "critical", "log", "getLogger", "CommandError", "Check"),
    *("TypeError", "ValueError", "RuntimeError", "LookupError", "KeyError", "AssertionError", "ImproperlyConfigured"),
    *(
        "OpenApiParameter",
        "OpenApiExample",
        "OpenApiResponse",
        "extend_schema",
        "extend_schema_view",
        "Counter",
        "Gauge",
    ),
    *("Histogram", "UnpicklingError", "SpectacularAPIView", "Index", "CheckConstraint", "say"),
}


class Shown(HTMLParser):
    """The words of a page outside of tags, and in the attributes that people see or hear."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.silent = 0

    def handle_starttag(self, tag, attrs):
        self.silent += tag in ("script", "style", "code", "kbd")
        for name, value in attrs:
            shown = name in ATTRIBUTES and not (tag == "meta" and dict(attrs).get("name") not in ("description",))
            if shown and value:
                self.found.append(value)

    def handle_endtag(self, tag):
        self.silent -= tag in ("script", "style", "code", "kbd")

    def handle_data(self, data):
        if not self.silent:
            self.found.append(data)


def unwrapped_in_template(source):
    parts, translated, commented = [], False, False
    for token in Lexer(source).tokenize():
        name = token.contents.split()[0] if token.token_type == TokenType.BLOCK and token.contents else ""
        if name in ("blocktranslate", "blocktrans"):
            translated = True
        elif name in ("endblocktranslate", "endblocktrans"):
            translated = False
        elif name in ("comment", "endcomment"):
            commented = name == "comment"
        elif token.token_type == TokenType.TEXT and not translated and not commented:
            parts.append(token.contents)
        elif token.token_type in (TokenType.BLOCK, TokenType.VAR) and not translated:
            parts.append(" ")
            if name not in ("translate", "trans", "url", "load", "extends", "static"):
                plain = re.sub(r"_\((\"[^\"]*\"|'[^']*')\)", "", token.contents)
                parts += [f" {text} " for text in re.findall(r'"([^"]*)"', plain) if SENTENCE.match(text)]
    page = Shown()
    page.feed("".join(parts))
    page.close()
    words = [word for text in page.found for word in WORD.findall(text) if word not in SAME_EVERYWHERE]
    return sorted(set(words))


def unwrapped_in_python(tree, *, is_api):
    found = []

    def text_of(node):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if isinstance(node, ast.JoinedStr):
            return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        return ""

    def look(node, *, shown=False):
        name = ""
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in GETTEXT or name in NOT_SHOWN:
                return
        if isinstance(node, ast.Assert | ast.Dict) and isinstance(node, ast.Assert):
            return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return  # a docstring
        if text := text_of(node):
            words = [word for word in WORD.findall(text) if word not in SAME_EVERYWHERE and word[0] != "_"]
            if words and (shown or SENTENCE.fullmatch(text.strip())):
                found.append((node.lineno, text))
            return
        choices = isinstance(node, ast.ClassDef) and any("Choices" in ast.unparse(base) for base in node.bases)
        for child in ast.iter_child_nodes(node):
            if choices and isinstance(child, ast.Assign) and isinstance(child.value, ast.Tuple):
                look(child.value.elts[-1], shown=True)
            elif isinstance(child, ast.keyword):
                look(child.value, shown=child.arg in SHOWN and not is_api)
                # Of the API's documentation, which is in English.
                if is_api and child.arg in ("help_text", "description", "label", "summary", "title") and found:
                    found[:] = [each for each in found if not child.lineno <= each[0] <= child.end_lineno]
            else:
                look(child)

    look(tree)
    return found


def test_templates_hold_no_text_outside_of_translations():
    left = {
        name: words
        for name, source in household_files()
        if name.endswith(".html") and (words := unwrapped_in_template(source))
    }
    assert left == {}


def test_python_holds_no_sentence_outside_of_translations():
    left = []
    for name, source in household_files():
        if name.endswith(".py"):
            is_api = "/api/" in name or name in API_DOCUMENTS
            left += [
                f"{name}:{line}: {text[:80]}" for line, text in unwrapped_in_python(ast.parse(source), is_api=is_api)
            ]
    assert left == []


API_DOCUMENTS = set()
