"""Django's admin, without looking for what the apps register before somebody asks for an address or for checks."""

from typing import Any

from django.contrib.admin import autodiscover
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class AdminConfig(SimpleAdminConfig):
    """Most commands have no use for the admin, and its modules are a third of what a start imports: lifeos_project/urls.py
    imports them."""

    def ready(self) -> None:
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(check_complete_admin, checks.Tags.admin)


def check_complete_admin(**kwargs: Any) -> list[checks.CheckMessage]:
    """Django's check of what is registered, once everything is."""
    autodiscover()
    found: list[checks.CheckMessage] = check_admin_app(**kwargs)
    return found
