import unicodedata
from collections.abc import Iterator
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from identity.devices import describe_device
from identity.time_zones import validate_time_zone

MAX_EMAIL = 254  # characters; the longest that mail can be sent to


def normalize_email(email: str) -> str:
    """The one spelling under which an address is kept and looked up: lower case, domain in ASCII.

    Refuses nothing; what cannot be an address is left for the validators.
    """
    local, at, domain = unicodedata.normalize("NFKC", email).strip().rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return f"{local}{at}{domain}".lower()
    return f"{local}{at}{domain}".lower()


def check_email(email: str) -> str:
    """The normalized address; raises ValidationError if it is not one that we can keep."""
    normal = normalize_email(email)
    if len(normal) > MAX_EMAIL:
        raise ValidationError(_("This address is too long."), code="max_length")
    validate_email(normal)
    return normal


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True, **fields})

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=normalize_email(username or ""))


class User(AbstractBaseUser, PermissionsMixin):
    """A person; signs in with an e-mail address."""

    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=150, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, validators=[validate_time_zone])
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("People who are not active cannot sign in and are signed out at once.")
    )
    is_staff = models.BooleanField(_("operator"), default=False, help_text=_("May enter the admin."))
    # Part of every session's fingerprint: raising it signs all other devices out.
    session_epoch = models.PositiveIntegerField(default=0, editable=False)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        permissions: ClassVar = [("take_over_user", "Can set passwords and e-mail addresses of users")]
        # One person, one address, whatever its capitals: addresses are kept in lower case.
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="identity_user_email_lower")
        ]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        self.email = normalize_email(self.email)

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name or self.email.partition("@")[0]

    def get_session_auth_hash(self) -> str:
        return self._fingerprint(secret=None)

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        for secret in settings.SECRET_KEY_FALLBACKS:
            yield self._fingerprint(secret=secret)

    def _fingerprint(self, *, secret: str | bytes | None) -> str:
        value = f"{self.session_epoch}:{self.password}"
        return salted_hmac("identity.session", value, secret=secret, algorithm="sha256").hexdigest()


class AuditRecord(models.Model):
    """Who did what, when, from where. The database refuses to change a record, and to delete one before its time."""

    class Action(models.TextChoices):
        SIGNED_IN = "signed_in", _("signed in")
        SIGN_IN_FAILED = "sign_in_failed", _("sign-in failed")
        LOCKED_OUT = "locked_out", _("locked out")
        UNLOCKED = "unlocked", _("unlocked")
        SIGNED_OUT = "signed_out", _("signed out")
        SIGNED_OUT_OTHERS = "signed_out_others", _("signed out everywhere else")
        SIGNED_UP = "signed_up", _("signed up")
        TOKEN_REUSED = "token_reused", _("used a spent refresh token")
        PASSWORD_CHANGED = "password_changed", _("changed the password")
        PASSWORD_RESET_ASKED = "password_reset_asked", _("asked for a password reset")
        PASSWORD_RESET = "password_reset", _("reset the password")
        PROFILE_CHANGED = "profile_changed", _("changed the profile")
        MEMBER_INVITED = "member_invited", _("invited a member")
        INVITATION_REVOKED = "invitation_revoked", _("revoked an invitation")
        MEMBER_JOINED = "member_joined", _("joined a book")
        MEMBER_ROLE_CHANGED = "member_role_changed", _("changed a member's role")
        MEMBER_ACCOUNTS_CHANGED = "member_accounts_changed", _("changed which accounts a member sees")
        MEMBER_REMOVED = "member_removed", _("removed a member")
        MEMBER_LEFT = "member_left", _("left a book")
        BOOK_DELETED = "book_deleted", _("deleted a book")
        BOOK_RESTORED = "book_restored", _("restored a book")
        BOOK_ERASED = "book_erased", _("erased a book")
        WEBHOOK_ADDED = "webhook_added", _("added a webhook")
        WEBHOOK_CHANGED = "webhook_changed", _("changed a webhook")
        WEBHOOK_SECRET_CHANGED = "webhook_secret_changed", _("changed a webhook's secret")
        WEBHOOK_STARTED = "webhook_started", _("switched a webhook on")
        WEBHOOK_STOPPED = "webhook_stopped", _("switched a webhook off")
        WEBHOOK_REMOVED = "webhook_removed", _("removed a webhook")
        OPERATOR_ACTED = "operator_acted", _("operator's action")

    at = models.DateTimeField(_("when"), default=timezone.now)
    action = models.CharField(_("what"), max_length=24, choices=Action.choices)
    # No constraint in the database: the record outlives the account, so the address is copied beside the id.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("who"),
    )
    actor_email = models.CharField(_("e-mail address"), max_length=254, blank=True)
    target = models.CharField(_("on what"), max_length=300, blank=True)
    facts = models.JSONField(_("facts"), default=dict, blank=True)
    address = models.GenericIPAddressField(_("from"), null=True, blank=True)
    user_agent = models.CharField(_("with"), max_length=255, blank=True)

    class Meta:
        verbose_name = _("audit record")
        verbose_name_plural = _("audit trail")
        ordering = ["-id"]
        indexes = [
            # A person's own recent sign-ins, newest first.
            models.Index(fields=["actor", "action", "-id"], name="identity_audit_actor"),
            # Retention deletes by age.
            models.Index(fields=["at"], name="identity_audit_at"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_email or '–'} {self.get_action_display()}"

    @property
    def device(self) -> str:
        """The browser and system, as far as a person cares."""
        return describe_device(self.user_agent)


class AccessPolicy(models.Model):
    """The operator's switches; one row."""

    ONLY_PK = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY_PK, editable=False)
    signup_open = models.BooleanField(
        _("anyone may sign up"),
        default=True,
        help_text=_("Invited people can always create an account through their link."),
    )

    class Meta:
        verbose_name = _("access policy")
        verbose_name_plural = _("access policy")
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="identity_policy_single")]

    def __str__(self) -> str:
        return str(_("access policy"))


class IdempotencyRecord(models.Model):
    """The first answer to a request with an Idempotency-Key, kept in the transaction of the change that it answers."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # Of the book that was changed; None where the change belongs to none, such as beginning a book.
    book_id = models.BigIntegerField(null=True)
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    status_code = models.PositiveSmallIntegerField(null=True)
    # Without the secrets that an answer shows once.
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        # Only the books had such answers at first.
        db_table = "finance_idempotencyrecord"
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "key"], name="finance_idempotency_unique")]

    def __str__(self) -> str:
        return self.key
