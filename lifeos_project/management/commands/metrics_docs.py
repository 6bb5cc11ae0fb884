from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from lifeos_project.monitoring import metrics_docs


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Write docs/metrics.md from the metrics of the code."

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.BASE_DIR / "docs" / "metrics.md"
        path.write_text(metrics_docs.page(), encoding="utf-8")
        self.stdout.write(f"{path.relative_to(settings.BASE_DIR)} is written.")
