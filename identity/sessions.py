from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest

from identity import audit, tokens
from identity.models import User


@transaction.atomic
def sign_out_elsewhere(*, request: HttpRequest, user: User) -> None:
    """End all other web sessions and all refresh tokens of the user; this session continues under a new key."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    ended = tokens.revoke_all(user=user)
    audit.record(action=audit.Action.SIGNED_OUT_OTHERS, actor=user, facts={"tokens_ended": ended})
    update_session_auth_hash(request, user)
