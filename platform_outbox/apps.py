from django.apps import AppConfig


class PlatformOutboxConfig(AppConfig):
    name = "platform_outbox"
