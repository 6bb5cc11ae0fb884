"""What runs at the forge: linted, and the same make targets as here."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.conf import settings

ROOT = settings.BASE_DIR
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))


def steps(workflow: Path) -> list[dict]:
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    return [step for job in jobs for step in job.get("steps", [])]


def test_zizmor_finds_nothing():
    zizmor = Path(sys.executable).with_name("zizmor")
    command = [zizmor, "--offline", "--no-progress", "--config", ".github/zizmor.yml", ".github/workflows"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_scripts_are_shell_and_make_what_the_makefile_knows(workflow):
    for step in steps(workflow):
        script = step.get("run", "")
        assert subprocess.run(["bash", "-nc", script], check=False).returncode == 0, script
        assert set(re.findall(r"\bmake ([a-z-]+)", script)) <= TARGETS


def test_the_promised_versions_are_tested():
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    assert jobs["python"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert jobs["postgresql"]["strategy"]["matrix"]["postgresql"] == ["15", "16", "17", "18"]


def test_nothing_is_deployed_without_the_checks_and_a_person():
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]
    assert (jobs["images"]["needs"], jobs["deploy"]["needs"]) == ("ci", "images")
    assert jobs["deploy"]["environment"] == "production"
    assert jobs["ci"]["uses"].endswith("/ci.yml")


def test_a_release_deploys_the_tag_that_was_released():
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]
    step = jobs["deploy"]["steps"][-1]
    assert step["env"]["RELEASE"] == "${{ github.ref_name }}"
    assert "deploy.sh deploy production --ref '$RELEASE'" in step["run"]


def test_images_are_for_both_architectures_and_newest_only_when_scanned_and_signed():
    images = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]["images"]
    assert [entry["target"] for entry in images["strategy"]["matrix"]["include"]] == ["app", "nginx"]
    order = [step.get("uses", step.get("run", "")) for step in images["steps"]]
    place = {
        what: next(number for number, step in enumerate(order) if what in step)
        for what in ("build-push-action", "scan-action", "sbom-action", "cosign sign", ":latest")
    }
    assert list(place.values()) == sorted(place.values())
    build = images["steps"][place["build-push-action"]]["with"]
    assert (build["platforms"], build["sbom"]) == ("linux/amd64,linux/arm64", True)
    assert "push-by-digest=true" in build["outputs"]
    assert "tags" not in build
    assert images["steps"][place["scan-action"]]["with"]["fail-build"] is True
    # What is scanned and signed is what was pushed, not whatever a tag names by then.
    assert images["steps"][place["scan-action"]]["with"]["image"].endswith("@${{ steps.build.outputs.digest }}")
    assert '"$IMAGE@$DIGEST"' in order[place["cosign sign"]]


@pytest.mark.parametrize(
    ("tag", "names"), [("v1.4.0", ["v1.4.0", "1.4.0", "latest"]), ("v1.5.0-rc1", ["v1.5.0-rc1", "1.5.0-rc1"])]
)
def test_a_pre_release_is_never_the_newest(tag, names):
    images = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]["images"]
    script = next(step["run"] for step in images["steps"] if ":latest" in step.get("run", ""))
    stand_in = 'docker() { printf "%s\\n" "$@" | grep "^registry/.*:[^:]*$" | grep -v @; }\n'
    environment = {"IMAGE": "registry/lifeos-web", "RELEASE": tag, "DIGEST": "sha256:1", "PATH": os.environ["PATH"]}
    command = ["bash", "-euc", stand_in + script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"registry/lifeos-web:{name}" for name in names]


def test_the_hooks_before_a_commit_run_programs_of_the_locked_environment():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    for hook in [hook for repository in config["repos"] for hook in repository["hooks"]]:
        assert (ROOT / hook["entry"].split()[0]).exists(), hook["entry"]


def test_renovate_keeps_the_lines_that_are_promised():
    rules = json.loads((ROOT / "renovate.json").read_text())["packageRules"]
    limits = {name: rule["allowedVersions"] for rule in rules for name in rule.get("matchPackageNames", ())}
    assert limits == {"postgres": "<17", "redis": "<8", "django": "<5.3"}
