"""The pages written from the declarations in variables.py."""

from collections.abc import Iterable
from itertools import groupby

from lifeos_project.environment import Variable

HEAD = """# Configuration

Everything is set by environment variables; in development also by a file `.env` beside `manage.py` (see `.env.example`).
A secret may also come from a file that a variable names: `SECRET_KEY_FILE=/run/secrets/secret_key` instead of `SECRET_KEY=…`.
An empty variable counts as unset. A value that cannot be read stops the start with a sentence that names the variable.

This page is written by `manage.py settings_docs` from `lifeos_project/variables.py`; a test compares the two.
"""

EXAMPLE_HEAD = """# Copy to .env and uncomment what you change. Read in development only; docs/configuration.md has the details.
"""


def configuration_page(variables: Iterable[Variable]) -> str:
    """docs/configuration.md: one table per section, in the order of that file."""
    parts = [HEAD]
    for section, members in groupby(variables, key=lambda variable: variable.section):
        parts.append(f"\n## {section}\n\n| variable | kind | default | meaning |\n|---|---|---|---|\n")
        parts.extend(_row(variable) for variable in members)
    return "".join(parts)


def example_file(variables: Iterable[Variable]) -> str:
    """.env.example: every variable, commented out, with its default."""
    parts = [EXAMPLE_HEAD]
    for section, members in groupby(variables, key=lambda variable: variable.section):
        parts.append(f"\n# {section}\n")
        parts.extend(f"#{variable.name}={_settable(variable.default)}\n" for variable in members)
    return "".join(parts)


def _row(variable: Variable) -> str:
    default = f"`{variable.default}`" if _settable(variable.default) else variable.default or "—"
    meaning = variable.meaning.replace("|", "\\|")
    return f"| `{variable.name}` | {variable.kind} | {default} | {meaning} |\n"


def _settable(default: str) -> str:
    """The default as it can be written in a file; defaults that are told in words cannot."""
    return "" if " " in default else default
