"""Access and refresh tokens: obtained with a password, rotated at every refresh, ended by sign-out or a new password."""

import dataclasses
import datetime
import uuid
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken, UntypedToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from identity import audit, lockout
from identity.models import User, normalize_email

# All refresh tokens that follow from one sign-in carry its id. The database keeps it in the column in which simplejwt
# would keep the token itself.
SIGN_IN_CLAIM = "sign_in"

# Two tabs may spend one cookie at the same moment; that is no theft.
REUSE_GRACE = datetime.timedelta(seconds=30)


class SignInRefused(Exception):
    """Wrong e-mail address or password."""

    code = "sign_in_refused"

    def __init__(self) -> None:
        super().__init__(gettext(type(self).__doc__ or ""))


class LockedOut(Exception):
    """There were too many failed attempts; `seconds` tells how long to wait."""

    code = "locked_out"

    def __init__(self, *, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(lockout.lockout_message(seconds=seconds))


class TokenRefused(Exception):
    """This token is not valid any more. Please sign in again."""

    code = "token_refused"

    def __init__(self) -> None:
        super().__init__(gettext(type(self).__doc__ or ""))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    access: str
    refresh: str


class StoredRefreshToken(RefreshToken):
    """A refresh token that the database knows by its id only, so that a copy of the database signs nobody in."""

    @classmethod
    def issue(cls, *, user: User, sign_in: str) -> "StoredRefreshToken":
        """A new token in the chain of one sign-in."""
        token = cls()
        token[api_settings.USER_ID_CLAIM] = str(user.pk)
        token[api_settings.REVOKE_TOKEN_CLAIM] = get_md5_hash_password(user.password)
        token[SIGN_IN_CLAIM] = sign_in
        OutstandingToken.objects.create(
            user=user,
            jti=token["jti"],
            token=sign_in,
            created_at=token.current_time,
            expires_at=datetime.datetime.fromtimestamp(token["exp"], tz=datetime.UTC),
        )
        return token


def obtain(*, request: HttpRequest, email: str, password: str) -> TokenPair:
    """Check the password and issue tokens; raises SignInRefused, or LockedOut after too many failures."""
    user = authenticate(request, username=normalize_email(email), password=password)
    if user is None:
        if getattr(request, "axes_locked_out", False):
            raise LockedOut(seconds=lockout.seconds_until_unlocked(request, {"username": email}))
        raise SignInRefused()
    assert isinstance(user, User)
    with transaction.atomic():
        refresh = StoredRefreshToken.issue(user=user, sign_in=uuid.uuid4().hex)
        user_logged_in.send(sender=User, request=request, user=user)
    return _pair(refresh)


def rotate(*, refresh: str, now: datetime.datetime) -> TokenPair:
    """Spend a refresh token for a new pair. Raises TokenRefused.

    A spent token that comes back was copied by somebody, and the holder of its successor may be the thief: the whole chain of
    that sign-in ends.
    """
    token = _parse(refresh)
    with transaction.atomic():
        # The lock makes two uses at once take turns: the second finds the token spent.
        row = OutstandingToken.objects.select_for_update().filter(jti=token["jti"]).first()
        user = User.objects.filter(pk=token[api_settings.USER_ID_CLAIM]).first()
        spent = BlacklistedToken.objects.filter(token=row).first() if row else None
        if row is not None and user is not None and spent is None and _still_belongs(token=token, user=user):
            BlacklistedToken.objects.create(token=row)
            return _pair(StoredRefreshToken.issue(user=user, sign_in=row.token))
        if row is not None and user is not None and spent is not None and now - spent.blacklisted_at > REUSE_GRACE:
            ended = _spend(OutstandingToken.objects.filter(user=user, token=row.token))
            if ended:
                audit.record(action=audit.Action.TOKEN_REUSED, actor=user)
    raise TokenRefused()


def revoke(*, refresh: str) -> None:
    """Sign out: the refresh token is spent. Raises TokenRefused for one that is not ours; one spent already is fine."""
    token = _parse(refresh)
    row = OutstandingToken.objects.filter(jti=token["jti"]).first()
    if row is None:
        raise TokenRefused()
    _new, created = BlacklistedToken.objects.get_or_create(token=row)
    if created and row.user is not None:
        audit.record(action=audit.Action.SIGNED_OUT, actor=row.user, facts={"door": "api"})


def verify(*, token: str) -> None:
    """Raise TokenRefused unless the token could be used now: signed by us, in time, not spent, password unchanged."""
    try:
        parsed = UntypedToken(token)  # type: ignore[arg-type]  # annotated wrongly there
    except TokenError as error:
        raise TokenRefused() from error
    spent = BlacklistedToken.objects.filter(token__jti=parsed["jti"]).exists()
    user = User.objects.filter(pk=parsed.get(api_settings.USER_ID_CLAIM)).first()
    if spent or not _still_belongs(token=parsed, user=user):
        raise TokenRefused()


def revoke_all(*, user: User) -> int:
    """Spend all the user's refresh tokens and return how many."""
    return _spend(OutstandingToken.objects.filter(user=user))


def prune(*, now: datetime.datetime) -> int:
    """Forget tokens that expired, and return how many."""
    _rows, by_model = OutstandingToken.objects.filter(expires_at__lt=now).delete()
    return int(by_model.get("token_blacklist.OutstandingToken", 0))


def _spend(rows: QuerySet[OutstandingToken]) -> int:
    unspent = rows.filter(expires_at__gt=timezone.now(), blacklistedtoken=None)
    return len(
        BlacklistedToken.objects.bulk_create([BlacklistedToken(token=row) for row in unspent], ignore_conflicts=True)
    )


def _parse(refresh: str) -> Any:
    """The token, checked for signature, type and time; whether it is spent is asked later, under the lock."""
    try:
        parsed = UntypedToken(refresh)  # type: ignore[arg-type]
        if parsed.get(api_settings.TOKEN_TYPE_CLAIM) != RefreshToken.token_type:
            raise TokenRefused()
        token = StoredRefreshToken(refresh, verify=False)  # type: ignore[arg-type]
    except TokenError as error:
        raise TokenRefused() from error
    return token


def _still_belongs(*, token: Any, user: User | None) -> bool:
    return (
        user is not None
        and user.is_active
        and token.get(api_settings.REVOKE_TOKEN_CLAIM) == get_md5_hash_password(user.password)
    )


def _pair(refresh: Any) -> TokenPair:
    return TokenPair(access=str(refresh.access_token), refresh=str(refresh))
