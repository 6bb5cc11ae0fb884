"""gunicorn, driven by the GUNICORN_* variables (docs/configuration.md).

Start it from the checkout: gunicorn -c compose/gunicorn.conf.py
SIGHUP replaces the processes one by one without refusing a request, SIGTERM ends after the requests at hand. The
settings belong to the parent: changed variables need a new start.
"""

import gc
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lifeos_project.settings")

from lifeos_project.checks import start_checks
from lifeos_project.monitoring import multiprocess

# Before anything imports prometheus_client, which decides once and for all where its values live.
multiprocess.choose_directory(owner="web")

settings = start_checks.settings_or_exit()

bind = settings.GUNICORN_BIND
workers = settings.GUNICORN_WORKERS
threads = settings.GUNICORN_THREADS
worker_class = "gthread"
timeout = settings.GUNICORN_TIMEOUT
graceful_timeout = 20
keepalive = 5
max_requests = settings.GUNICORN_MAX_REQUESTS
max_requests_jitter = settings.GUNICORN_MAX_REQUESTS // 10
loglevel = settings.GUNICORN_LOGLEVEL
logconfig_dict = settings.LOGGING
accesslog = None
control_socket_disable = True
proc_name = "lifeos-web"
wsgi_app = "lifeos_project.wsgi"

# Heartbeats of the processes; in a container with a read-only root, memory is there where /tmp may be small.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108

if settings.STATSD_HOST:
    statsd_host = settings.STATSD_HOST if ":" in settings.STATSD_HOST else f"{settings.STATSD_HOST}:8125"
    statsd_prefix = settings.STATSD_PREFIX


def post_fork(server: Any, worker: Any) -> None:
    # As in manage.py: what starting makes stays.
    gc.disable()


def child_exit(server: Any, worker: Any) -> None:
    multiprocess.forget_process(worker.pid)
