"""The walk through the API in docs/api.md is run block by block against a live server."""

import json
import re
import shutil
import subprocess

import pytest
from django.conf import settings

from identity.models import User

BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SEPARATOR = "=== next block ==="
ANYTHING = "…"


def walk():
    """Pairs of (command, what it prints or None)."""
    text = (settings.BASE_DIR / "docs" / "api.md").read_text().partition("## A walk")[2]
    steps = []
    for kind, content in BLOCK.findall(text):
        if kind == "sh":
            steps.append((content, None))
        else:
            steps[-1] = (steps[-1][0], json.loads(content))
    return steps


def same(shown, printed):
    """Whether the printed JSON is the shown one, where "…" stands for any value but null."""
    if shown == ANYTHING:
        return printed is not None
    if isinstance(shown, dict):
        return (
            isinstance(printed, dict)
            and list(shown) == list(printed)
            and all(same(shown[k], printed[k]) for k in shown)
        )
    if isinstance(shown, list):
        return isinstance(printed, list) and len(shown) == len(printed) and all(map(same, shown, printed))
    return shown == printed


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="curl or bash is not installed")
def test_the_walk_through_the_api_is_true(live_server):
    User.objects.create_user("you@example.org", "correct horse battery")
    steps = walk()
    assert sum(expected is not None for _command, expected in steps) >= 6
    script = f'\necho; echo "{SEPARATOR}"\n'.join(command for command, _expected in steps)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={"LIFEOS": live_server.url, "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout.split(SEPARATOR)
    assert len(printed) == len(steps)
    for (command, expected), output in zip(steps, printed, strict=True):
        if expected is not None:
            assert same(expected, json.loads(output)), f"{command}\nprinted {output}"
