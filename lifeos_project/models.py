"""What the installation remembers about itself."""

from typing import ClassVar

from django.db import models


class SecretSighting(models.Model):
    """When a secret was first in use; its age is counted from there. The secret itself cannot be found from it."""

    name = models.CharField(max_length=60)
    # secret_age.fingerprint: stretched, so that trying words against it is slow.
    fingerprint = models.CharField(max_length=32)
    first_seen_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        # No model of its own: the doctor reads all of the installation.
        permissions: ClassVar = [("run_doctor", "Can run the doctor")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "fingerprint"], name="lifeos_secret_seen_once")
        ]

    def __str__(self) -> str:
        return self.name
