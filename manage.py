#!/usr/bin/env python
"""Entry point of every management command."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lifeos_project.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A setting that cannot be read or is missing: sentences, since a traceback would bury them.
        from lifeos_project.start_checks import reasons

        sys.exit("\n".join(reasons(error)))


if __name__ == "__main__":
    main()
