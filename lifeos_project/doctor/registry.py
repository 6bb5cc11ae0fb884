"""The list of checks, and how one is run."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeAlias

import structlog
from django.db import DatabaseError, OperationalError
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from lifeos_project.monitoring import health

log = structlog.stdlib.get_logger("lifeos.doctor")


class State(StrEnum):
    OK = "ok"
    NOTICE = "notice"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One sentence about what was found, and one about what to do, if anything."""

    state: State
    says: str
    todo: str = ""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be looked at beyond the machine itself, and the request by which the page was asked for."""

    outside: bool = True
    releases: bool = False
    mail_to: str = ""
    request: HttpRequest | None = None

    @cached_property
    def services(self) -> dict[str, dict[str, Any]]:
        """What /health says of database, migrations, cache and broker."""
        return health.services()


Check: TypeAlias = Callable[[Asked], Iterable[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one check found."""

    name: str
    title: str
    findings: Sequence[Finding]

    @property
    def state(self) -> State:
        return max((finding.state for finding in self.findings), key=_WORSE.__getitem__, default=State.OK)


_WORSE = {State.SKIPPED: 0, State.OK: 1, State.NOTICE: 2, State.ERROR: 3}
_checks: dict[str, tuple[str | Promise, Check]] = {}


def check(name: str, *, title: str | Promise) -> Callable[[Check], Check]:
    """Declare a check; checks are run and shown in the order of their declaration."""

    def declare(function: Check) -> Check:
        _checks[name] = (title, function)
        return function

    return declare


def examine(asked: Asked) -> list[Result]:
    """Run every check. None raises: an exception becomes a finding."""
    results = []
    for name, (title, function) in _checks.items():
        findings: list[Finding] = []
        try:
            for finding in function(asked):
                findings.append(finding)  # noqa: PERF402  one by one: those before an exception stay
        except OperationalError as problem:
            says = _("It cannot be checked, because the database does not answer: %s") % _first_line(problem)
            findings.append(error(says, _("Fix the database first.")))
        except DatabaseError as problem:
            says = _("It cannot be checked, because the database refuses: %s") % _first_line(problem)
            findings.append(error(says, _("Fix migrations and database roles first.")))
        except Exception as problem:
            log.exception("check failed", check=name)
            says = _("It could not be checked: %s") % _first_line(problem)
            findings.append(error(says, _("The log has the details; please report it.")))
        results.append(Result(name=name, title=str(title), findings=findings))
    return results


def worst(results: Iterable[Result]) -> State:
    return max((result.state for result in results), key=_WORSE.__getitem__, default=State.OK)


def ok(says: str) -> Finding:
    return Finding(state=State.OK, says=says)


def notice(says: str, todo: str) -> Finding:
    return Finding(state=State.NOTICE, says=says, todo=todo)


def error(says: str, todo: str) -> Finding:
    return Finding(state=State.ERROR, says=says, todo=todo)


def skipped(says: str) -> Finding:
    return Finding(state=State.SKIPPED, says=says)


def _first_line(problem: Exception) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0][:300]
