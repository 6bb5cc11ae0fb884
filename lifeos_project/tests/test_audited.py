"""`make security` is green only when the service of known faults has answered for every package."""

import json
import subprocess
import sys

import pytest
from django.conf import settings

GOOD = {"name": "django", "version": "5.2.9", "vulns": []}
BAD = {"name": "jinja2", "version": "3.1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.6"], "aliases": []}]}
UNKNOWN = {"name": "attrs", "skip_reason": "Dependency not found on PyPI and could not be audited: attrs (25.4.0)"}


@pytest.mark.parametrize(
    ("report", "code", "told"),
    [
        (json.dumps({"dependencies": [GOOD], "fixes": []}), 0, ""),
        (json.dumps({"dependencies": [GOOD, BAD], "fixes": []}), 1, "jinja2 3.1.0 has PYSEC-1, fixed in 3.1.6.\n"),
        (json.dumps({"dependencies": [GOOD, UNKNOWN], "fixes": []}), 1, "attrs was not audited: Dependency not found"),
        (json.dumps({"dependencies": [UNKNOWN] * 56, "fixes": []}), 1, "and 51 more of 56 packages were not audited"),
        (json.dumps({"dependencies": [], "fixes": []}), 1, "nothing was audited"),
        ("", 1, "nothing was audited"),
        ("503 Service Unavailable", 1, "nothing was audited"),
        ("[]", 1, "nothing was audited"),
    ],
)
def test_green_means_audited(report, code, told):
    command = [sys.executable, settings.BASE_DIR / "requirements" / "audited.py"]
    done = subprocess.run(command, input=report, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert told in done.stderr
