"""What operators do with accounts and the access policy; every action is in the audit trail."""

from collections.abc import Iterable, Sequence

from django.contrib.auth.models import Permission
from django.db import transaction
from django.db.models import Q, QuerySet

from identity import audit
from identity.models import AccessPolicy, User


def manageable(*, operator: User) -> QuerySet[User]:
    """Accounts that have no right which the operator lacks: all for a superuser, and a superuser's for nobody else.

    Counted from what was granted, not from what works now: a deactivated account has its rights back when it is activated.
    """
    if operator.is_superuser:
        return User.objects.all()
    own = Permission.objects.filter(Q(user=operator) | Q(group__user=operator))
    lacking = Permission.objects.exclude(pk__in=own.values("pk"))
    above = User.objects.filter(
        Q(is_superuser=True) | Q(user_permissions__in=lacking) | Q(groups__permissions__in=lacking)
    )
    return User.objects.exclude(pk__in=above.values("pk"))


@transaction.atomic
def save_user(*, operator: User, user: User, changed: Sequence[str], new: bool) -> None:
    """Write the (already validated) account as the operator filled it in."""
    user.save()
    note(operator=operator, deed="made an account" if new else f"changed {', '.join(changed)}", target=user.email)


@transaction.atomic
def set_active(*, operator: User, users: Iterable[User], active: bool) -> int:
    """Let the users sign in or not, and return how many of them changed. Nobody locks themselves out."""
    count = 0
    for user in users:
        if user.is_active == active or user == operator:
            continue
        user.is_active = active
        user.save(update_fields=["is_active"])
        note(operator=operator, deed="activated" if active else "deactivated", target=user.email)
        count += 1
    return count


def access_policy() -> AccessPolicy:
    """The one row of switches."""
    return AccessPolicy.objects.get_or_create(pk=AccessPolicy.ONLY_PK)[0]


@transaction.atomic
def set_signup_open(*, operator: User, is_open: bool) -> None:
    """Open or close sign-up; the environment's SIGNUP_ENABLED=false wins over an open switch."""
    AccessPolicy.objects.update_or_create(pk=AccessPolicy.ONLY_PK, defaults={"signup_open": is_open})
    note(operator=operator, deed="opened sign-up" if is_open else "closed sign-up", target="")


def note(*, operator: User, deed: str, target: str) -> None:
    """Record the operator's action in the audit trail."""
    audit.record(action=audit.Action.OPERATOR_ACTED, actor=operator, target=target, facts={"deed": deed})
