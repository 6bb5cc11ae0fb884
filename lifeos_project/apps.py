from django.apps import AppConfig


class LifeosProjectConfig(AppConfig):
    name = "lifeos_project"

    def ready(self) -> None:
        from lifeos_project.checks import system_checks  # noqa: F401  registers them
