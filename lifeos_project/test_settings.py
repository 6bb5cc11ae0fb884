"""The project's settings plus what only tests need: an app with its own events, and what makes hundreds of tests quick."""

from lifeos_project.settings import *  # noqa: F403
from lifeos_project.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "platform_outbox.tests.probe"]

# Hundreds of tests make people; a slow hash would be most of the suite's time.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

# Static files are looked for when they are asked for. Each test's client would otherwise list all thousand of them first.
WHITENOISE_AUTOREFRESH = True
