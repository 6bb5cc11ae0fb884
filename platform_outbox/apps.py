from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class PlatformOutboxConfig(AppConfig):
    default = True
    name = "platform_outbox"
    verbose_name = _("Outbox")

    def ready(self) -> None:
        # A worker must know every event type, handler and periodic job of the installed apps before it claims anything.
        # All events come first: a handler may ask for every event of a kind, whichever app defines it.
        autodiscover_modules("events")
        autodiscover_modules("handlers", "periodic")
        from platform_outbox.wakeup import dramatiq

        dramatiq.connect_notifier()


class OperationsConfig(AppConfig):
    name = "platform_outbox.operations"
    label = "platform_operation"
    verbose_name = _("Operations")

    def ready(self) -> None:
        # Each app names its own in a module `operations`, those of the outbox among them.
        autodiscover_modules("operations")
