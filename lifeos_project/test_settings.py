"""The project's settings plus an app whose events and handlers exist for the outbox's own tests."""

from lifeos_project.settings import *  # noqa: F403
from lifeos_project.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "platform_outbox.tests.probe"]
