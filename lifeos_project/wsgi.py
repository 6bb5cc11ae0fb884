import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lifeos_project.settings")

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from lifeos_project.checks import start_checks
from lifeos_project.middleware.requests import TolerantRequest
from lifeos_project.postgresql import pooling

# Whatever server loads this module, production does not start unsafe.
start_checks.settings_or_exit()

application = get_wsgi_application()
application.request_class = TolerantRequest
pooling.take_the_pool()
# The first request does not wait for the imports of all pages.
get_resolver().url_patterns  # noqa: B018
# As apps.py does; `make run` has the apps ready before gunicorn's processes begin without the collector.
gc.freeze()
gc.enable()
