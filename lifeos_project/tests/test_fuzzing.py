"""The fuzzing bench works: a small run sends what it was asked for, and notices a page with a fault."""

import json
import subprocess
import sys
import urllib.parse

import pytest
from django.conf import settings
from django.db import connection

from lifeos_project.tests.services import bare_environment

pytestmark = pytest.mark.long

REQUESTS, FILES = 120, 30
FORMATS = ("csv", "ofx1", "ofx2", "qfx", "xlsx", "gnucash-sqlite", "hledger")


# The bench makes its database on the same server, which is started for tests that use one.
@pytest.mark.django_db
def test_a_small_run_notices_a_fault_with_its_place_and_the_way_to_meet_it_again(tmp_path):
    server = connection.settings_dict
    query = urllib.parse.urlencode({"host": server["HOST"], "port": server["PORT"], "user": server["USER"]})
    file = tmp_path / "fuzz.json"
    done = subprocess.run(
        [
            *(sys.executable, "bench/fuzz.py", "--seed", "3", "--today", "2026-06-15", "--json", str(file)),
            *("--requests", str(REQUESTS), "--uploads", str(FILES), "--formats", *FORMATS),
        ],
        cwd=settings.BASE_DIR,
        env=bare_environment(
            DJANGO_SETTINGS_MODULE="fuzz_app.planted",
            DATABASE_URL=f"postgresql:///{server['NAME']}?{query}",
            POSTGRES_PASSWORD=server["PASSWORD"] or "",
        ),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert file.exists(), done.stderr[-2_000:]
    result = json.loads(file.read_text())

    assert sum(count for _persona, _kind, count in result["requests"]) == REQUESTS
    assert {persona for persona, _kind, _count in result["requests"]} == {
        "anonymous", "stranger", "viewer", "editor", "owner", "staff",
    }  # fmt: skip
    # What so few requests happen to create changes with every address that is added.
    assert set(result["statuses"]) > {"200", "302", "400", "404", "500"}
    for name in FORMATS:
        counts = {outcome: count for form, outcome, count in result["files"] if form == name}
        assert sum(counts.get(outcome, 0) for outcome in ("accepted", "refused", "fault", "slow")) == FILES
        assert min(counts["accepted"], counts["refused"]) > 0

    (fault,) = [each for each in result["findings"] if "planted_fault" in each["place"]]
    assert fault["what"] == "500 ZeroDivisionError"
    assert fault["place"].startswith("bench/fuzz_app/planted_urls.py:")
    assert "/planted/" in fault["example"]
    assert "bench/fuzz.py --seed 3 --today 2026-06-15 --replay " in fault["replay"]
    assert fault["example"] in done.stdout
