from django.apps import AppConfig


class OutboxBenchConfig(AppConfig):
    name = "outbox_app"
