"""The compose files as docker-compose reads them; no engine is asked."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings

from lifeos_project.tests import services

ROOT = settings.BASE_DIR
FILES = ("docker-compose.yml", "docker-compose.monitoring.yml")
SCALED = ("docker-compose.yml", "docker-compose.scale.yml")
CLUSTERED = (*FILES, "docker-compose.cluster.yml")
SECRETS = {
    "SECRET_KEY": "kF3sQ9vX1zB7nM5cL2pR8tW4yH6jD0gA-stack-tests",
    "JWT_SECRET_KEY": "Zx8Qw2Er6Ty1Ui5Op9As3Df7Gh4Jk0Lm-stack-tests",
    "POSTGRES_PASSWORD": "5f0c9d2ab1e84763-database",
    "POSTGRES_APP_PASSWORD": "c3e17f04a9d25b86-application",
    "REDIS_PASSWORD": "7be21d90cc4f4a18-redis",
    "POSTGRES_MONITORING_PASSWORD": "a90cd17e52b34f66-monitoring",
    "GRAFANA_PASSWORD": "0d4be6a1f7c24938-grafana",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    code: int
    output: str
    errors: str


def config(
    directory: Path, *, variables: dict[str, str], files: tuple[str, ...] = FILES, env_file: str = ""
) -> Outcome:
    """`docker-compose config` on copies of the files, with `variables`, a .env of that content, and nothing else."""
    for name in {*SCALED, *CLUSTERED}:
        shutil.copy(ROOT / name, directory / name)
    (directory / ".env").write_text(env_file)
    program = services.program("docker-compose", package="docker-compose")
    done = subprocess.run(
        [program, *(part for name in files for part in ("-f", name)), "config"],
        cwd=directory,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            **services.QUICK_COMPOSE,
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(code=done.returncode, output=done.stdout, errors=done.stderr)


def as_written(directory: Path) -> dict[str, Any]:
    """Everything that plain docker-compose reads in `directory`: its .env, and the files that are named there."""
    program = services.program("docker-compose", package="docker-compose")
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "LANG": "C.UTF-8", **services.QUICK_COMPOSE}
    done = subprocess.run(
        [program, "config"], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)
    return found


def stack(directory: Path, *, files: tuple[str, ...] = FILES, **variables: str) -> dict[str, Any]:
    """Everything the files say together, variables filled in."""
    outcome = config(directory, variables={**SECRETS, **variables}, files=files)
    assert outcome.code == 0, outcome.errors
    found: dict[str, Any] = yaml.safe_load(outcome.output)
    return found


def environment(service: dict[str, Any]) -> dict[str, str]:
    return {name: _plain(str(value)) for name, value in service.get("environment", {}).items()}


def command(service: dict[str, Any]) -> list[str]:
    return [_plain(part) for part in service["command"]]


def _plain(text: str) -> str:
    """`config` writes every dollar twice, so that its output can be read again."""
    return text.replace("$$", "$")
