"""The project plus one bare view: what Django, REST framework and gunicorn cost before the product does anything."""

from lifeos_project.settings import *  # noqa: F403

ROOT_URLCONF = "load_app.urls"
