"""Links in the README and the documentation lead somewhere."""

import re

import pytest
from django.conf import settings

ROOT = settings.BASE_DIR
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def test_the_commands_that_the_readme_shows_exist():
    from django.core.management import get_commands

    shown = set(re.findall(r"manage\.py (\w+)", (ROOT / "README.md").read_text()))
    assert shown
    assert shown <= set(get_commands())
