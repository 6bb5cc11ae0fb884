from functools import partial

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PlatformOutboxConfig(AppConfig):
    default = True
    name = "platform_outbox"
    verbose_name = _("Outbox")

    def ready(self) -> None:
        from platform_outbox import discovery, events
        from platform_outbox.wakeup import dramatiq

        events.import_all = partial(discovery.discover, "events")
        dramatiq.connect_notifier()


class OperationsConfig(AppConfig):
    name = "platform_outbox.operations"
    label = "platform_operation"
    verbose_name = _("Operations")
