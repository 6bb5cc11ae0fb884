"""Checks everything an installation depends on: manage.py doctor, and the same as a page of the admin."""

from lifeos_project.doctor import services, surroundings  # noqa: F401  register the checks
from lifeos_project.doctor.registry import Asked, Result, State, examine, worst

__all__ = ["Asked", "Result", "State", "examine", "worst"]
