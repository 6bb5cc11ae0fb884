from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class OperationsConfig(AppConfig):
    name = "platform_outbox.operations"
    label = "platform_operation"
    verbose_name = _("Operations")

    def ready(self) -> None:
        # Each app names its own in a module `operations`; this package is no such module.
        autodiscover_modules("operations")
