"""What a household reads goes through gettext: in templates, in Python, and in the texts that scripts show."""

import ast
import re
from html.parser import HTMLParser

import pytest
from django.template.base import Lexer, TokenType

from lifeos_project.languages.extraction import ROOT, household_files

# Names of things, and signs that are the same in every language.
SAME_EVERYWHERE = {
    *(
        "LifeOS",
        "CSV",
        "XLSX",
        "JSON",
        "PDF",
        "OFX",
        "API",
        "IBAN",
        "ECB",
        "HTTP",
        "hledger",
        "beancount",
        "Beancount",
        "Splitwise",
    ),
    *("CAMT", "MT", "QIF", "Excel", "XLS", "ODS", "OpenDocument", "nbsp", "lifeos", "x", "v", "s", "ms", "MB"),
}
ATTRIBUTES = {"title", "aria-label", "aria-description", "placeholder", "alt", "content", "label"}
WORD = re.compile(r"[^\W\d_]+")
SENTENCE = re.compile(r"[“\"(]?[A-Z][^\n]* [^\n]*[.?!…]")
GETTEXT = {"_", *(f"{a}gettext{b}" for a in ("", "n", "p", "np") for b in ("", "_lazy")), "gettext_noop"}
SHOWN = {"label", "reason", "verbose_name", "verbose_name_plural", "help_text", "empty_label", "title"}
PROGRAM = re.compile(
    r"\s*(?:EXPLAIN|SELECT|ALTER|ANALYZE|INSERT|UPDATE|DELETE|WITH|WHERE|AND|OR|CREATE|DROP|SPLIT|Split) ?"
)
# What these raise about a cell or a setting is told to the household.
READERS = ("finance/imports/parsers/dates.py", "finance/imports/parsers/profile.py")
ERRORS_OF_READERS = ("ValueError", "TypeError")
# Programs of operators, and the descriptions of the API, in files that households' texts do not share.
PROGRAMS = (
    *("finance/book_import/report.py", "finance/ledger/grants.py", "finance/ledger/integrity.py", "core/schema.py"),
    *("identity/mail.py", "lifeos_project/postgresql/", "lifeos_project/settings.py", "lifeos_project/api/openapi.py"),
    "lifeos_project/languages/",
)
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
    *("Histogram", "UnpicklingError", "MultiPartParserError", "SpectacularAPIView", "Index", "CheckConstraint", "say"),
}


class Shown(HTMLParser):
    """The words of a page outside of tags, and in the attributes that people see or hear."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.silent = 0

    def handle_starttag(self, tag, attrs):
        self.silent += tag in ("script", "style", "code", "kbd", "pre")
        for name, value in attrs:
            shown = name in ATTRIBUTES and not (tag == "meta" and dict(attrs).get("name") not in ("description",))
            if shown and value:
                self.found.append(value)

    def handle_endtag(self, tag):
        self.silent -= tag in ("script", "style", "code", "kbd", "pre")

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


class Literals(ast.NodeVisitor):
    """Texts of a module that look like something to read, and are not in a call of gettext."""

    def __init__(self, *, said=()):
        self.said = said
        self.found = []
        self.shown = False

    def visit_Call(self, node):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in self.said:
            self.shown = True
        if name not in GETTEXT | NOT_SHOWN or name in self.said:
            self.generic_visit(node)
        self.shown = False

    def visit_keyword(self, node):
        self.shown = node.arg in SHOWN and isinstance(node.value, ast.Constant | ast.JoinedStr)
        self.generic_visit(node)
        self.shown = False

    def visit_ClassDef(self, node):
        if any("Choices" in ast.unparse(base) for base in node.bases):
            for value in (each.value for each in node.body if isinstance(each, ast.Assign)):
                if isinstance(value, ast.Tuple) and isinstance(value.elts[-1], ast.Constant):
                    self.look(value.elts[-1], shown=True)
        self.generic_visit(node)

    def visit_Assert(self, node):
        pass  # for programmers

    def visit_Expr(self, node):
        if not isinstance(node.value, ast.Constant):  # a docstring
            self.generic_visit(node)

    def visit_Constant(self, node):
        self.look(node, shown=self.shown)

    def visit_JoinedStr(self, node):
        self.look(node, shown=self.shown)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part)

    def look(self, node, *, shown):
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        text = "".join((str(part.value) if isinstance(part, ast.Constant) else "…") for part in parts)
        if not isinstance(getattr(node, "value", ""), str) or PROGRAM.match(text):
            return
        words = [word for word in WORD.findall(text) if word not in SAME_EVERYWHERE]
        if words and (shown or SENTENCE.fullmatch(text.strip())):
            self.found.append((node.lineno, text))


def unwrapped_in_python(source, *, is_api=False, said=()):
    """Of the API's modules, whose documentation is in English, only what is raised."""
    literals = Literals(said=said)
    tree = ast.parse(source)
    for part in (node for node in ast.walk(tree) if isinstance(node, ast.Raise)) if is_api else [tree]:
        literals.visit(part)
    return literals.found


def test_templates_hold_no_text_outside_of_translations():
    pages = [(name, source) for name, source in household_files() if name.endswith(".html")]
    assert len(pages) > 100
    assert {name: words for name, source in pages if (words := unwrapped_in_template(source))} == {}


def test_python_holds_no_sentence_outside_of_translations():
    left = [
        f"{name}:{line}: {text}"
        for name, source in household_files()
        if name.endswith(".py") and not name.startswith(PROGRAMS)
        for line, text in unwrapped_in_python(
            source, is_api="/api/" in name, said=ERRORS_OF_READERS if name.startswith(READERS) else ()
        )
    ]
    assert left == []


@pytest.mark.parametrize(
    "source",
    [
        'raise Invalid(reason="No.")',
        'raise Invalid(reason=f"Not {this}")',
        'field = forms.CharField(label="Name of it")',
        'notes.append(f"The file of {bank} is empty.")',
        'class State(models.TextChoices):\n    OPEN = "open", "Open"',
    ],
)
def test_a_text_in_python_is_found(source):
    assert unwrapped_in_python(source)
    wrapped = re.sub(r'(f?"[^"]*[A-Z][^"]*")', r"_(\1)", source)
    assert not unwrapped_in_python(wrapped)


@pytest.mark.parametrize(
    "source",
    ["<p>Text</p>", '<a title="Text"></a>', '<input placeholder="Text">', '{% include "x.html" with y="A text." %}'],
)
def test_a_text_in_a_template_is_found(source):
    assert unwrapped_in_template(source)
    assert not unwrapped_in_template(
        source.replace("Text", '{% translate "Text" %}').replace('"A text."', '_("A text.")')
    )


def test_scripts_show_only_what_the_page_gives_them():
    """Texts come from `data-…` attributes and from the page; a script has none of its own."""
    scripts = sorted((ROOT / "lifeos_project" / "static" / "lifeos").glob("*.js"))
    assert len(scripts) > 8
    shown = re.compile(
        r"""(?:textContent|innerText|title|placeholder|ariaLabel) = ["'`](?:[^"'`$]|\$(?!\{))*[A-Za-z]{2}|(?:confirm|alert|prompt)\(["'`]"""
    )
    assert {path.name: found for path in scripts if (found := shown.findall(path.read_text()))} == {}
