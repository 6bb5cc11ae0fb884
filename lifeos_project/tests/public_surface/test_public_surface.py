"""What others build on changes only on purpose: each part of it is compared with the snapshot beside this test."""

import os
from difflib import unified_diff
from pathlib import Path

import pytest

from lifeos_project.tests.public_surface.surface import SURFACE, lines

ACCEPT = "If users and integrators are meant to see this: `make public-surface`, and say it in CHANGELOG.md."


def difference(before: list[str], now: list[str]) -> list[str]:
    """The lines that vanished (-) and those that appeared (+)."""
    told = list(unified_diff(before, now, n=0, lineterm=""))[2:]  # without the names of the two files
    return [line for line in told if not line.startswith("@@")]


@pytest.mark.parametrize("part", SURFACE)
def test_what_others_build_on_is_as_it_was(part):
    snapshot = Path(__file__).with_name(f"{part}.txt")
    now = lines(part)
    if os.environ.get("LIFEOS_WRITE_SURFACE"):
        snapshot.write_text("".join(f"{line}\n" for line in now))
    changed = difference(snapshot.read_text().splitlines(), now)
    assert not changed, "\n".join([f"{part} changed:", *changed, ACCEPT])


def test_a_change_is_told_by_its_lines():
    assert difference(["GET /a", "GET /b"], ["GET /a", "GET /c"]) == ["-GET /b", "+GET /c"]
