from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from lifeos_project.management import settings_docs
from lifeos_project.variables import env


class Command(BaseCommand):
    help = "Write docs/configuration.md and .env.example from the settings."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        variables = list(env.declared.values())
        for path, text in (
            (settings.BASE_DIR / "docs" / "configuration.md", settings_docs.configuration_page(variables)),
            (
                settings.BASE_DIR / ".env.example",
                settings_docs.example_file(variables, containers=settings_docs.container_variables(settings.BASE_DIR)),
            ),
        ):
            path.write_text(text)
            self.stdout.write(f"{path.relative_to(settings.BASE_DIR)}: {len(variables)} variables")
