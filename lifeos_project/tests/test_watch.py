"""make watch runs tests again when a file is saved."""

import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

from lifeos_project.tests.services import bare_environment, running, wait_until

ROOT = Path(settings.BASE_DIR)


@pytest.mark.long
def test_a_saved_file_runs_the_tests_again(tmp_path):
    told = subprocess.run(
        ["make", "-n", "--no-print-directory", "watch", "ARGS=-q"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    command = shlex.split(told.stdout.splitlines()[-1])
    # The same command beside this interpreter, in a directory where a test may be saved.
    command = [word.replace(".venv/bin", str(Path(sys.executable).parent)) for word in command]
    test = tmp_path / "test_one.py"
    test.write_text("def test_one(): pass\n")
    log = tmp_path / "log"
    with (tmp_path / "pytest.ini").open("w") as file:
        file.write("[pytest]\naddopts = -p no:django -p no:randomly\n")
    directory = ["env", f"--chdir={tmp_path}"]
    with running([*directory, *command], log=log, environment=bare_environment()):
        wait_until(lambda: "1 passed" in log.read_text(), seconds=60, what="the first run")

        def ran_after_saving() -> bool:
            # What is saved while tests still run does not count.
            test.write_text("def test_one(): pass\ndef test_two(): pass\n")
            time.sleep(1)
            return "2 passed" in log.read_text()

        wait_until(ran_after_saving, seconds=60, what="the run after the change")


def test_without_arguments_finance_is_watched():
    told = subprocess.run(
        ["make", "-n", "--no-print-directory", "watch"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout.splitlines()[-1].endswith(" . finance")
