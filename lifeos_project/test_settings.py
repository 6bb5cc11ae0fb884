"""The project's settings plus what only tests need: an app with its own events, and a fast password hash."""

from lifeos_project.settings import *  # noqa: F403
from lifeos_project.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "platform_outbox.tests.probe"]

# Hundreds of tests make people; a slow hash would be most of the suite's time.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
