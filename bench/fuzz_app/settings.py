"""The project as it runs in production, but for limits that would answer most requests with 429.

Log lines are formatted as in production and thrown away, and so are mails.
"""

from lifeos_project.logging import logging_settings
from lifeos_project.settings import *  # noqa: F403
from lifeos_project.settings import REST_FRAMEWORK

REST_FRAMEWORK = {**REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"anon": "1000000/min", "user": "1000000/min"}}
AUTH_THROTTLE_RATE = AUTH_MAIL_THROTTLE_RATE = "1000000/min"
# People are made for every few hundred requests; a slow hash would be most of the time.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

LOGGING = logging_settings(json=True, web_level="INFO", worker_level="INFO")
LOGGING["handlers"] = {"console": {"class": "fuzz_app.logs.Recorder", "formatter": "lifeos"}}
