from django.db import models


class Domain(models.Model):
    """What the business transaction writes."""

    key = models.CharField(max_length=60)
    number = models.IntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"{self.key} {self.number}"


class Effect(models.Model):
    """What a handler writes; unique per event, and stamped by the server's clock."""

    number = models.IntegerField(unique=True)
    key = models.CharField(max_length=60)
    at = models.DateTimeField(db_default=models.Func(function="clock_timestamp"))

    def __str__(self):
        return f"{self.key} {self.number}"
