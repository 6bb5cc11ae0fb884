import gc

from django.apps import AppConfig


class LifeosProjectConfig(AppConfig):
    name = "lifeos_project"

    def ready(self) -> None:
        from lifeos_project.checks import system_checks  # noqa: F401  registers them

        if not gc.isenabled():  # manage.py and gunicorn's processes
            # What is there stays, so the collector looks at what comes from now on.
            gc.freeze()
            gc.set_threshold(50_000, 20, 20)
            gc.enable()
