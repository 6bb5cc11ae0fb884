"""What must be true before a web process may start; the same rules as `manage.py check`, without its command."""

import sys
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured


def settings_or_exit() -> Any:
    """Django's settings, or the end of the process with one sentence per reason."""
    from django.conf import settings

    try:
        problems = [sentence(problem) for problem in refusals()]
    except ImproperlyConfigured as error:
        problems = reasons(error)
    if problems:
        sys.exit("\n".join(problems))
    return settings


def refusals() -> list[CheckMessage]:
    """Every error of our own checks under the settings as they are."""
    from lifeos_project.checks.system_checks import check_production, check_variables

    found = [*check_production(None), *check_variables(None)]
    return [problem for problem in found if isinstance(problem, Error)]


def reasons(error: ImproperlyConfigured) -> list[str]:
    """The reasons for `error`: our own checks explain it better than Django, if the settings can be read at all."""
    try:
        return [sentence(problem) for problem in refusals()] or [f"LifeOS does not start: {error}"]
    except ImproperlyConfigured:
        return [f"LifeOS does not start: {error}"]


def sentence(problem: CheckMessage) -> str:
    return f"LifeOS does not start: {problem.msg} {problem.hint or ''} ({problem.id})"
