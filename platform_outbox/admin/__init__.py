"""The operators' pages of the outbox; Django imports this package when it looks for admins."""

from django.contrib import admin
from django_dramatiq.models import Task

from platform_outbox.admin import messages, workers

# django_dramatiq's list stays empty: bells leave no row, and events have pages of their own.
admin.site.unregister(Task)

__all__ = ["messages", "workers"]
