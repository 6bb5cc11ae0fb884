from django.db import models


class Effect(models.Model):
    """What a handler did; unique, so that doing it twice fails loudly."""

    handler = models.CharField(max_length=60)
    key = models.CharField(max_length=60)
    number = models.IntegerField()
    worker_pid = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(name="effect_once", fields=["handler", "key", "number"])]

    def __str__(self):
        return f"{self.handler} {self.key} {self.number}"


class Call(models.Model):
    """One call of an io handler, committed when it began; `ended_at` when it came to its end."""

    handler = models.CharField(max_length=60)
    key = models.CharField(max_length=60)
    number = models.IntegerField()
    idempotency_key = models.CharField(max_length=120)
    attempt = models.IntegerField()
    worker_pid = models.IntegerField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    still_mine = models.BooleanField(null=True)

    def __str__(self):
        return f"{self.handler} {self.key} {self.number}"


class Fault(models.Model):
    """Tells a handler to fail: as long as `times` is above zero, or while it is negative."""

    handler = models.CharField(max_length=60)
    key = models.CharField(max_length=60)
    number = models.IntegerField()
    times = models.IntegerField()
    kind = models.CharField(max_length=20, default="raise")
    seconds = models.FloatField(default=0)

    def __str__(self):
        return f"{self.handler} {self.key} {self.number}"


class Source(models.Model):
    """What a web request changes: its events carry the numbers 1 to `last`."""

    key = models.CharField(max_length=60, unique=True)
    last = models.IntegerField(default=0)

    def __str__(self):
        return f"{self.key} {self.last}"
