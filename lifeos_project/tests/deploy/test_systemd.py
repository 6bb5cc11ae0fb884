"""The units that are shipped, read by systemd's own tools; they need no systemd that runs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from lifeos_project.tests.services import program

UNITS = Path(settings.BASE_DIR) / "deploy" / "systemd"
INSTANCES = {"lifeos-web@8001.service": "gunicorn", "lifeos-worker@1.service": "python"}
# What systemd calls OK; without any confinement it is 9.6.
MOST_EXPOSED = 3.0


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """The root of a machine with our units, and the programs that they start."""
    root = tmp_path_factory.mktemp("root")
    (root / "etc" / "systemd").mkdir(parents=True)
    shutil.copytree(UNITS, root / "etc" / "systemd" / "system")
    shutil.copytree("/usr/lib/systemd/system", root / "usr" / "lib" / "systemd" / "system", symlinks=True)
    programs = [root / "bin" / "kill"]
    for instance, name in INSTANCES.items():
        directory = re.sub(r"lifeos-(\w+)@(\w+)\.service", r"\1-\2", instance)
        programs.append(root / "srv" / "lifeos" / "instances" / directory / ".venv" / "bin" / name)
    for path in programs:
        path.parent.mkdir(parents=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    return root


def analyze(machine: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [program("systemd-analyze", package="systemd"), f"--root={machine}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("instance", INSTANCES)
def test_systemd_has_nothing_to_say_about_the_units(machine, instance):
    done = analyze(machine, "verify", "--man=no", instance)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("instance", INSTANCES)
def test_the_units_are_confined(machine, instance):
    done = analyze(machine, "security", "--offline=true", "--no-pager", instance)
    assert float(re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)[1]) <= MOST_EXPOSED, done.stdout


def test_the_script_names_the_instances_as_the_units_are_named(machine):
    """`enable` of systemd itself takes what the script's unit_of makes of a process's name."""
    script = f". {UNITS.parent / 'scripts' / 'processes.sh'}; unit_of web-8001; unit_of worker-1"
    named = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert named == list(INSTANCES)
    systemctl = program("systemctl", package="systemd")
    subprocess.run([systemctl, f"--root={machine}", "enable", *named], capture_output=True, check=True)
    wanted = machine / "etc" / "systemd" / "system" / "multi-user.target.wants"
    assert {path.name for path in wanted.iterdir()} == set(INSTANCES)
