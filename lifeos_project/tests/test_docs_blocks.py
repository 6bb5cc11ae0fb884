"""Every line of shell in README and documentation is run by a test, or stands here with the reason why it is not."""

import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.db import connection, transaction

from lifeos_project.tests.services import bare_environment
from lifeos_project.tests.stack import compose
from lifeos_project.tests.stack.running import make_certificate

ROOT = Path(settings.BASE_DIR)
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
# Tests of a subject that take the blocks from its page and run them.
RUN_BY_ITS_SUBJECT = {
    "docs/api.md": "lifeos_project/tests/test_api_walk.py",
    "docs/backup.md": "lifeos_project/backups/tests/test_by_hand.py",
    "docs/proof.md": "finance/tests/exports/test_proof.py",
    "docs/webhooks.md": "finance/tests/webhooks/test_docs.py",
}
# Tests that type every block of shell of a page, from the first to the last.
TYPED_FROM_FIRST_TO_LAST = {"docs/install.md": "lifeos_project/tests/deploy/test_install.py"}
MANAGE = r"(?:docker-compose (?:exec|run --rm --no-deps) \S+ )?(?:python )?manage\.py "
SQL = r'docker-compose exec lifeos-db psql -U lifeos lifeos -c "(.*)"'
# Run below, in a directory with a certificate and what else they read.
HERE = (r"df -h", r"free -h", r"openssl x509 -in ")
# By what stands in "page: line"; the first that fits.
NOT_RUN = {
    r": (apt-get|certbot) |letsencrypt": "needs a machine of its own, and certbot a domain that leads to it",
    r": age(-keygen)? ": "age is a program of its own; tests seal and open with a library for the same format",
    r": docker-compose ": "needs Docker's engine; the files and services it names are looked at below",
    r": docker (system|stats)": "needs Docker's engine",
    r": kubectl ": "needs a cluster; the manifests and the names of secrets are looked at by the tests of deploying",
    r"^docs/(?!api|webhooks)\S+: (curl |\")": "needs an installation on this very port; tests ask on ports of their own",
    r": (systemctl list-timers|journalctl) ": "needs a machine that was started by systemd",
    r"^docs/upgrade\S+: (echo|install|sed) ": "changes the files of an installation; the tests of deploying write such",
    r"rsyslog": "changes the log of the whole machine; test_log_shipping runs an rsyslogd of its own with this very file",
    r": psql -c .*CREATE ROLE": "roles belong to the whole server, which other tests use as well",
    r": deploy/scripts/deploy\.sh deploy": "its dry run is below; the tests of deploying do it with releases of their own",
}


def blocks(page: Path) -> list[list[str]]:
    """The lines that are typed, of each block: what follows “$ ”, or every line of a block of shell."""
    found = []
    for language, body in re.findall(r"^ *```([a-z]*)\n(.*?)^ *```", page.read_text(), flags=re.S | re.M):
        lines = [re.sub(r"\s+# .*", "", line).strip() for line in body.replace("\\\n", " ").splitlines()]
        if language == "" and not any(re.match(rf"\$ |{MANAGE}", line) for line in lines):
            continue
        if language not in ("", "sh", "bash", "console"):
            continue
        typed = [line for line in lines if line.startswith("$ ")] or (lines if language else [])
        typed = typed or [line for line in lines if re.match(MANAGE, line)]
        found.append([line.removeprefix("$ ") for line in typed if line and not line.startswith("#")])
    return found


LINES = [
    (page.relative_to(ROOT).as_posix(), line) for page in PAGES for block in blocks(page) for line in block
]  # fmt: skip
ASKED = sorted({re.fullmatch(SQL, line)[1] for _, line in LINES if re.fullmatch(SQL, line)})


def fate(page: str, line: str) -> str:
    """What becomes of a line; empty when nobody knows."""
    if page in TYPED_FROM_FIRST_TO_LAST:
        return TYPED_FROM_FIRST_TO_LAST[page]
    if re.match(MANAGE, line):
        return "typed by test_docs_commands"
    if re.fullmatch(SQL, line) or line.startswith(HERE):
        return "run here"
    reason = next((reason for pattern, reason in NOT_RUN.items() if re.search(pattern, f"{page}: {line}")), "")
    return reason or RUN_BY_ITS_SUBJECT.get(page, "")


def test_no_line_is_forgotten():
    assert [f"{page}: {line}" for page, line in LINES if not fate(page, line)] == []
    assert len(LINES) > 100


def test_no_reason_outlives_its_lines():
    shown = [f"{page}: {line}" for page, line in LINES if page not in TYPED_FROM_FIRST_TO_LAST]
    assert [pattern for pattern in NOT_RUN if not any(re.search(pattern, line) for line in shown)] == []


@pytest.mark.parametrize(("page", "test"), (RUN_BY_ITS_SUBJECT | TYPED_FROM_FIRST_TO_LAST).items())
def test_the_test_of_a_subject_reads_its_page(page, test):
    assert f'"{Path(page).name}"' in (ROOT / test).read_text()


@pytest.mark.parametrize("page", TYPED_FROM_FIRST_TO_LAST)
def test_a_page_that_is_typed_has_no_shell_but_in_its_blocks_of_bash(page):
    shown = re.findall(r"^ *```bash\n", (ROOT / page).read_text(), re.M)
    assert len(blocks(ROOT / page)) == len(shown) > 0


@pytest.mark.django_db
@pytest.mark.parametrize("question", [question for question in ASKED if not question.startswith("\\")])
def test_questions_to_the_database_have_answers(question):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(question.replace("%", "%%"))
        assert cursor.description


def test_what_asks_the_machine_works(tmp_path):
    (tmp_path / "compose" / "tls").mkdir(parents=True)
    make_certificate(tmp_path / "compose" / "tls")
    asked = {line for _, line in LINES if line.startswith(HERE)}
    for line in asked:
        done = subprocess.run(["bash", "-euc", line], cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, bool(done.stdout)) == (0, True), f"{line}: {done.stderr}"
    assert len(asked) == len(HERE)


def test_compose_commands_name_files_and_services_that_exist():
    services = {name for file in compose.FILES for name in yaml.safe_load((ROOT / file).read_text())["services"]}
    shown = {line for _, line in LINES if line.startswith("docker-compose ")}
    for line in shown:
        words = line.partition(" | ")[0].split()
        files = [word for before, word in pairwise(words) if before == "-f"]
        assert all((ROOT / file).exists() for file in files), line
        named = {
            word
            for word in words
            if re.fullmatch(r"(lifeos-(db|redis|web|worker|nginx)|\w+-exporter|alertmanager)", word)
        }
        assert named <= services, line
    assert len(shown) > 20


def test_a_dry_run_of_the_deploy_that_is_shown_says_its_steps(tmp_path):
    (line,) = {
        line
        for page, line in LINES
        if line.startswith("deploy/scripts/deploy.sh deploy") and page not in TYPED_FROM_FIRST_TO_LAST
    }
    (tmp_path / "production.conf").write_text(f"IMAGE=ghcr.io/example/lifeos-web\nSTATE_DIRECTORY={tmp_path}\n")
    environment = bare_environment(LIFEOS_DEPLOY_CONFIG=str(tmp_path / "production.conf"))
    done = subprocess.run(
        ["bash", "-c", f"{line} --dry-run"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "lifeos-web:v1.4.0" in done.stdout
