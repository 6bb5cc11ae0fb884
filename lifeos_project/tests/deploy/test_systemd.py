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
    assert exposure(machine, instance) <= MOST_EXPOSED


def test_the_drop_in_of_the_backup_page_opens_its_directory_and_nothing_else(machine):
    page = (Path(settings.BASE_DIR) / "docs" / "backup.md").read_text()
    (text,) = re.findall(r"```ini\n(.*?)```", page, re.S)
    path, mount = re.search(r"^# /(\S+)", text)[1], re.search(r"ReadWritePaths=(\S+)", text)[1]
    unit = "lifeos-worker@1.service"
    before = exposure(machine, unit)
    (machine / path).parent.mkdir()
    (machine / path).write_text(text)
    try:
        done = analyze(machine, "verify", "--man=no", unit)
        assert (done.returncode, done.stderr) == (0, "")
        assert exposure(machine, unit) == before
    finally:
        shutil.rmtree((machine / path).parent)
    # The share that the page mounts is the directory that it opens.
    assert re.search(rf"```fstab\n\S+\s+{mount}\s+nfs4\s.*\bnofail\b", page)
    assert f"RequiresMountsFor={mount}" in text
    assert f"BACKUP_TARGET={mount}" in page


def exposure(machine: Path, instance: str) -> float:
    done = analyze(machine, "security", "--offline=true", "--no-pager", instance)
    return float(re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)[1])


def test_the_script_names_the_instances_as_the_units_are_named(machine):
    """`enable` of systemd itself takes what the script's unit_of makes of a process's name."""
    script = f". {UNITS.parent / 'scripts' / 'processes.sh'}; unit_of web-8001; unit_of worker-1"
    named = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert named == list(INSTANCES)
    systemctl = program("systemctl", package="systemd")
    subprocess.run([systemctl, f"--root={machine}", "enable", *named], capture_output=True, check=True)
    wanted = machine / "etc" / "systemd" / "system" / "multi-user.target.wants"
    assert {path.name for path in wanted.iterdir()} == set(INSTANCES)
