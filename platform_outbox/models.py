from django.db import models


class OutboxMessage(models.Model):
    """One event, written in the transaction of the change that it tells of."""

    class Status(models.TextChoices):
        PENDING = "pending"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"
        DEAD = "dead"

    event_type = models.CharField(max_length=120)
    event_version = models.PositiveSmallIntegerField(default=1)
    ordering_key = models.CharField(max_length=120)
    shard = models.PositiveSmallIntegerField()
    payload = models.JSONField()
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    available_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "platform_outbox"

    def __str__(self) -> str:
        return f"{self.event_type} #{self.pk}"
