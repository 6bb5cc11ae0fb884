"""The pages written from the declarations in variables.py."""

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

from lifeos_project.environment import Variable

HEAD = """# Configuration

Set everything by environment variables: with containers in a file `.env` next to `docker-compose.yml`, in development also in one next to
`manage.py` (see `.env.example`).
A secret may also come from a file: `SECRET_KEY_FILE=/run/secrets/secret_key` instead of `SECRET_KEY=…`.
An empty variable counts as unset. If a value is invalid, LifeOS does not start and names the variable.

This page is written by `manage.py settings_docs` from `lifeos_project/variables.py`; a test compares the two.
"""

EXAMPLE_HEAD = """# For development: cp .env.example .env && docker-compose up -d, then open http://localhost:8000.
# manage.py and `make run` read it too. docs/configuration.md explains each variable, docs/install.md those of the
# containers. For production `deploy/scripts/deploy.sh init` writes a .env with fresh secrets; the passwords below are
# refused there.
"""

# What development with containers needs, or what keeps it on this machine; everything else has a default that works.
DEVELOPMENT = {
    "APP_ENV": "development",
    "POSTGRES_PASSWORD": "lifeos",
    "POSTGRES_APP_PASSWORD": "lifeos-app",
    "POSTGRES_MONITORING_PASSWORD": "lifeos",
    "GRAFANA_PASSWORD": "grafana",
    "HTTP_PORT": "127.0.0.1:8081",
    "HTTPS_PORT": "127.0.0.1:8443",
}

COMPOSE_FILES = ("docker-compose.yml", "docker-compose.monitoring.yml", "docker-compose.scale.yml")


def configuration_page(variables: Iterable[Variable]) -> str:
    """docs/configuration.md: one table per section, in the order of that file."""
    parts = [HEAD]
    for section, members in groupby(variables, key=lambda variable: variable.section):
        parts.append(f"\n## {section}\n\n| variable | kind | default | meaning |\n|---|---|---|---|\n")
        for variable in members:
            default = f"`{variable.default}`" if _settable(variable.default) else variable.default or "—"
            meaning = variable.meaning.replace("|", "\\|")
            parts.append(f"| `{variable.name}` | {variable.kind} | {default} | {meaning} |\n")
    return "".join(parts)


def example_file(variables: Iterable[Variable], *, containers: Mapping[str, str]) -> str:
    """.env.example: every variable with its default, commented out but for those of development.

    `containers` are those of the compose files, by name with their default.
    """
    parts, declared = [EXAMPLE_HEAD], set()
    for section, members in groupby(variables, key=lambda variable: variable.section):
        parts.append(f"\n# {section}\n")
        for variable in members:
            parts.append(_example(variable.name, variable.default))
            declared.add(variable.name)
    parts.append("\n# Containers\n")
    parts.extend(_example(name, default) for name, default in containers.items() if name not in declared)
    return "".join(parts)


def container_variables(directory: Path) -> dict[str, str]:
    """Names and defaults of what the compose files in `directory` are filled in with, in their order."""
    found: dict[str, str] = {}
    for file in COMPOSE_FILES:
        for name, default in re.findall(r"\$\{([A-Z0-9_]+)(?::[-?]([^}]*))?\}", (directory / file).read_text()):
            found.setdefault(name, default)
    return found


def _example(name: str, default: str) -> str:
    if name in DEVELOPMENT:
        return f"{name}={DEVELOPMENT[name]}\n"
    return f"#{name}={_settable(default)}\n"


def _settable(default: str) -> str:
    """The default as it can be written in a file; defaults described in words cannot."""
    return "" if " " in default else default
