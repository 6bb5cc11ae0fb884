"""Links in the README and the documentation lead somewhere."""

import re

import pytest
from django.conf import settings

ROOT = settings.BASE_DIR
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])
CHANGELOG = ROOT / "CHANGELOG.md"
TEMPLATES = sorted(
    path for folder in ROOT.glob("**/templates") for path in folder.rglob("*") if path.suffix in (".html", ".txt")
)
MOST_WORDS = 1_500
# Words that sound translated, or that only the authors of the outbox understand.
STIFF = re.compile(
    r"\b(whoever|anew|thrice|of late|neighbours?|couriers?|foreman|so many|(?:is|are) through|goes on)\b", re.IGNORECASE
)


def prose(text: str) -> str:
    """A page without blocks of code and tables."""
    text = re.sub(r"^ *(```|~~~).*?^ *\1 *$", "", text, flags=re.S | re.M)
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("|"))


def shown(text: str) -> str:
    """What a template shows: its text and its translated strings, without names of variables and tags."""
    text = re.sub(r"{#.*?#}", "", text, flags=re.S)
    text = re.sub(r"{% (?:translate|trans) ([\"'])(.*?)\1.*?%}", r"\2", text)
    return re.sub(r"{{.*?}}|{%.*?%}|<[^>]*>", " ", text, flags=re.S)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


@pytest.mark.parametrize("page", [*PAGES, CHANGELOG], ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_short_and_in_plain_words(page):
    text = page.read_text()
    # The list of events is a reference, made from the code: as long as there are events.
    assert page.name == "events.md" or len(prose(text).split()) <= MOST_WORDS
    assert [found[0] for found in STIFF.finditer(text)] == []


def test_templates_are_in_plain_words():
    found = {str(path.relative_to(ROOT)): STIFF.findall(shown(path.read_text())) for path in TEMPLATES}
    assert len(found) > 100
    assert {path: words for path, words in found.items() if words} == {}


def test_words_are_counted_and_stiff_ones_found():
    page = "One two.\n\n```sh\nthree\n```\n\n| four | five |\n"
    assert prose(page).split() == ["One", "two."]
    template = '{# anew #}<a title="{{ neighbour }}">{% translate "Whoever" %}</a>{% if thrice %}It goes on.{% endif %}'
    assert STIFF.findall(shown(template)) == ["Whoever", "goes on"]


def test_the_commands_that_the_readme_shows_exist():
    from django.core.management import get_commands

    shown = set(re.findall(r"manage\.py (\w+)", (ROOT / "README.md").read_text()))
    assert shown
    assert shown <= set(get_commands())


def test_what_the_readme_shows_above_all_is_true_and_light():
    readme = (ROOT / "README.md").read_text()
    shown = {path.stem: path.read_text() for path in (ROOT / "docs" / "images").glob("*.svg")}
    said = {name: re.search(r"<title>(.*?)</title>", text)[1] for name, text in shown.items()}
    assert said == {
        "license": "license: MIT",
        "python": "Python: 3.11+",
        "django": "Django: 5.2",
        "postgresql": "PostgreSQL: 15+",
    }
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    assert "sys.version_info < (3, 11)" in (ROOT / "Makefile").read_text()
    assert "\ndjango==5.2." in (ROOT / "requirements" / "base.txt").read_text()
    assert "postgresql-15" in (ROOT / ".ci" / "run").read_text()
    pictures = sorted((ROOT / "docs" / "images").glob("*.png"))
    assert [picture.stem for picture in pictures] == ["insight", "overview", "register"]
    for picture in pictures:
        assert f"docs/images/{picture.name}" in readme
        assert picture.stat().st_size <= 300_000


def test_the_page_of_the_outbox_lists_every_periodic_job():
    page = (ROOT / "docs" / "outbox-operations.md").read_text().partition("## Periodic jobs")[2].partition("\n## ")[0]
    listed = re.findall(
        r"`(\w+\.\w+)`", "\n".join(line.split("|")[1] for line in page.splitlines() if line.startswith("|"))
    )
    declared = [
        name
        for app in settings.INSTALLED_APPS
        for path in (ROOT / app.split(".")[0]).rglob("periodic.py")
        for name in re.findall(r'^@every\("([\w.]+)"', path.read_text(), re.M)
    ]
    assert declared
    assert listed == sorted(set(declared))


def test_every_release_has_its_notes_for_operators():
    """In the same order, so that nobody who skips releases misses one."""
    releases = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    notes = (ROOT / "docs" / "upgrade.md").read_text().partition("## Notes for each release")[2].partition("\n## ")[0]
    assert releases[0] == "Unreleased"
    assert re.findall(r"^### (.+)$", notes, re.M) == releases


@pytest.mark.parametrize("package", ["lifeos_project", "platform_outbox"])
def test_the_map_of_a_package_names_every_directory_in_it(package):
    page = (ROOT / "docs" / "architecture.md").read_text()
    table = page.partition(f"\nInside `{package}`")[2].partition("|---|---|\n")[2].partition("\n\n")[0]
    named = {name for row in table.splitlines() for name in re.findall(r"`(\w+)/`", row.split(" | ")[0])}
    # What Django looks for under these names needs no word.
    left_out = {"management", "migrations", "static", "templates", "templatetags", "tests"}
    found = {path.name for path in (ROOT / package).iterdir() if path.is_dir() and not path.name.startswith("__")}
    assert named == found - left_out


def test_the_roads_of_the_architecture_lead_along_names_that_exist():
    page = (ROOT / "docs" / "architecture.md").read_text().partition("## Five roads")[2].partition("\n## ")[0]
    assert len(re.findall(r"^\*\*An? [a-z ]+\*\*$", page, re.M)) == 5
    steps = re.findall(r"^\d+\. .*$", page, re.M)
    assert len(steps) == 33
    for step in steps:
        found = re.findall(r"`([\w/.]+\.(?:py|yml))` · `(\w+)`(?: and `(\w+)`)?", step)
        assert found, step
        for path, *names in found:
            text = (ROOT / path).read_text()
            for name in filter(None, names):
                defined = rf"^\s*(?:def|class) {name}\b" if path.endswith(".py") else rf"alert: {name}\b"
                assert re.search(defined, text, re.M), f"{path} has no {name}"
