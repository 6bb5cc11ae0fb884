from django.apps import AppConfig


class ProbeConfig(AppConfig):
    """Events and handlers for the outbox's own tests; installed by lifeos_project.test_settings only."""

    name = "platform_outbox.tests.probe"
    label = "outbox_probe"
