"""The fuzzing bench works: a small run notices a page with a fault, and can send the same request again."""

import json
import subprocess
import sys
import urllib.parse

import pytest
from django.conf import settings
from django.db import connection

from lifeos_project.tests.services import bare_environment

PLANTED = "planted_urls.py:"

# The bench makes its database on the same server, which is started for tests that use one.
pytestmark = pytest.mark.django_db


def fuzz(*arguments):
    """The bench on an empty database beside the test's own, with the planted page among the others."""
    server = connection.settings_dict
    query = urllib.parse.urlencode({"host": server["HOST"], "port": server["PORT"], "user": server["USER"]})
    return subprocess.run(
        [sys.executable, "bench/fuzz.py", "--today", "2026-06-15", *arguments],
        cwd=settings.BASE_DIR,
        env=bare_environment(
            DJANGO_SETTINGS_MODULE="fuzz_app.planted",
            DATABASE_URL=f"postgresql:///{server['NAME']}?{query}",
            POSTGRES_PASSWORD=server["PASSWORD"] or "",
        ),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.fixture(scope="module")
def result(django_db_setup, tmp_path_factory):
    file = tmp_path_factory.mktemp("fuzz") / "fuzz.json"
    done = fuzz("--requests", "150", "--uploads", "60", "--json", str(file))
    assert file.exists(), done.stderr
    return {**json.loads(file.read_text()), "exit": done.returncode, "printed": done.stdout}


def test_a_small_run_sends_what_it_was_asked_for(result):
    assert sum(count for _persona, _kind, count in result["requests"]) == 150
    assert {persona for persona, _kind, _count in result["requests"]} == {
        "anonymous", "stranger", "viewer", "editor", "owner", "staff",
    }  # fmt: skip
    read = {"accepted", "refused", "fault", "slow"}
    for name in ("csv", "ofx1", "ofx2", "qfx"):
        counts = {outcome: count for form, outcome, count in result["files"] if form == name}
        assert sum(counts.get(outcome, 0) for outcome in read) == 60
        assert counts["accepted"] > 0
        assert counts["refused"] > 0
        assert counts["staged"] > 0
    assert set(result["statuses"]) > {"200", "201", "400", "404"}
    assert "150 requests" in result["printed"]


def test_a_fault_is_noticed_with_its_place_and_can_be_met_again(result):
    assert result["exit"] == 1
    faults = [each for each in result["findings"] if PLANTED in each["place"]]
    assert [each["what"] for each in faults] == ["500 ZeroDivisionError"]
    assert "/planted/" in faults[0]["example"]
    _command, *arguments = faults[0]["replay"].removeprefix(".venv/bin/python ").split()
    again = fuzz(*arguments)
    assert again.returncode == 1, again.stderr
    assert "→ 500" in again.stdout
    assert "500 ZeroDivisionError" in again.stdout
