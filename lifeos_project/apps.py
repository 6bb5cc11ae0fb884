from django.apps import AppConfig


class LifeosProjectConfig(AppConfig):
    name = "lifeos_project"

    def ready(self) -> None:
        from lifeos_project import checks  # noqa: F401  registers them
