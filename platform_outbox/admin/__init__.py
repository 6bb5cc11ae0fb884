"""The operators' pages of the outbox; Django imports this package when it looks for admins."""

from platform_outbox.admin import messages, periodic, workers

__all__ = ["messages", "periodic", "workers"]
