#!/usr/bin/env python
"""Entry point of every management command."""

import gc
import os
import sys

# Starting makes objects that stay; going through all of them while they come would be a quarter of a command's start.
# lifeos_project/apps.py switches it on again.
gc.disable()


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lifeos_project.settings")
    if sys.argv[1:2] == ["run_local"]:
        # Web and worker count into the same files; decided before anything imports prometheus_client.
        from lifeos_project.monitoring import multiprocess

        multiprocess.choose_directory(owner="run")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A setting that cannot be read or is missing: sentences, since a traceback would bury them.
        from lifeos_project.checks.start_checks import reasons

        sys.exit("\n".join(reasons(error)))


if __name__ == "__main__":
    main()
