from collections.abc import Mapping

from django.db import transaction

from identity import audit
from identity.models import User

EDITABLE = ("name", "language", "time_zone")


@transaction.atomic
def change_profile(*, user: User, changes: Mapping[str, str]) -> User:
    """Write the (already validated) preferences; only EDITABLE fields are looked at."""
    changed = [field for field in EDITABLE if field in changes and getattr(user, field) != changes[field]]
    for field in changed:
        setattr(user, field, changes[field])
    if changed:
        user.save(update_fields=changed)
        audit.record(action=audit.Action.PROFILE_CHANGED, actor=user, facts={"fields": changed})
    return user
