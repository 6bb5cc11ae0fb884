"""The project plus the events of the benchmark, and procrastinate's Django app where it is installed."""

import importlib.util

from lifeos_project.settings import *  # noqa: F403
from lifeos_project.settings import INSTALLED_APPS, LOGGING

INSTALLED_APPS = [*INSTALLED_APPS, "outbox_app"]
if importlib.util.find_spec("procrastinate"):
    INSTALLED_APPS.append("procrastinate.contrib.django")
    # It logs every job; a log nobody reads would count against it.
    LOGGING = {**LOGGING, "loggers": {**LOGGING["loggers"], "procrastinate": {"level": "WARNING"}}}
