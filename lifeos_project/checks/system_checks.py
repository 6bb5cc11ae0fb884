"""System checks: production does not start with unsafe settings, and misspelt variables are reported."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from finance import replica
from lifeos_project.postgresql import pooling
from lifeos_project.security.secret_strength import bits

SHORTEST_SECRET = 32
# As secret_strength estimates them: 16 random bytes in hexadecimal have about 110.
FEWEST_BITS = 80
FEWEST_BITS_OF_PASSWORDS = 30
# What examples print; longer copies of them are caught by their beginning.
WELL_KNOWN = ("dev-secret-key", "jwt-dev-secret-key", "change", "secret", "django-insecure-", "$(openssl")
# What .env.example and the documentation print for servers.
EXAMPLE_PASSWORDS = {"lifeos", "lifeos-app", "password"}
WEAK_PASSWORDS = {"grafana", "admin", "password", "changeme"}
MAKE_ONE = "Make one with: openssl rand -base64 48"


@register("lifeos")
def check_production(app_configs: Iterable[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse settings that are fine on a laptop and dangerous on the Internet."""
    if not settings.PRODUCTION:
        return []
    cookies = [
        Error(
            f"{name} is off in production: the cookie would travel over plain HTTP.",
            hint=f"Set {name}=true.",
            id=check_id,
        )
        for name, check_id in (("SESSION_COOKIE_SECURE", "lifeos.E004"), ("JWT_COOKIE_SECURE", "lifeos.E005"))
        if not getattr(settings, name)
    ]
    return [*_exposure(), *_secrets(), *_passwords(), *cookies, *_pool(), *_monitoring()]


@register("lifeos")
def check_variables(app_configs: Iterable[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Warn of environment variables that look like a misspelt one of ours."""
    from lifeos_project.variables import TESTING, env

    if TESTING:
        return []
    return list(misspelt(env.names_present(), known=env.known_names()))


@register(Tags.database)
def check_secret_ages(app_configs: Iterable[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Warn of secrets that have been in use for longer than 90 days; runs where the database may be asked."""
    from lifeos_project.security import secret_age

    if not settings.PRODUCTION or not kwargs.get("databases"):
        return []
    return [
        Warning(
            f"{name} has been in use for {days} days; change it every {secret_age.LONGEST_DAYS}.",
            hint="docs/security.md says how to change it without downtime.",
            id="lifeos.W003",
        )
        for name, days in secret_age.too_old(now=timezone.now()).items()
    ]


@register(Tags.database)
def check_sessions(app_configs: Iterable[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a pool where sessions are needed; runs where the database may be asked."""
    if DEFAULT_DB_ALIAS not in (kwargs.get("databases") or []):
        return []
    objection = pooling.objection(connections[DEFAULT_DB_ALIAS])
    return [Error(objection, hint=pooling.HINT, id="lifeos.E013")] if objection else []


@register(Tags.database)
def check_roles(app_configs: Iterable[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a serving role that the ledger's guards do not bind; runs where the database may be asked."""
    from lifeos_project.postgresql import ownership

    if not settings.PRODUCTION or DEFAULT_DB_ALIAS not in (kwargs.get("databases") or []):
        return []
    # `migrate` takes away what can be taken away, and is not kept from it.
    found = ownership.objections(revocable=not ownership.is_taken())
    return [Error(objection, hint=ownership.HINT, id="lifeos.E015") for objection in found]


@register(Tags.database)
def check_replica(app_configs: Iterable[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Warn of a replica that no report can be read from."""
    standing = replica.standing() if kwargs.get("databases") else None
    reasons = {"away": "does not answer", "stranger": "is no replica of the primary"}
    if standing is None or standing.state not in reasons:
        return []
    return [
        Warning(
            f"The server of DATABASE_REPLICA_URL {reasons[standing.state]}; the primary answers all reports.",
            hint="docs/scaling.md says how to set up a replica.",
            id="lifeos.W004",
        )
    ]


def misspelt(present: Iterable[str], *, known: Iterable[str]) -> Iterator[CheckMessage]:
    """A warning for each name that is unknown but close to a known one that is not set."""
    present, known = set(present), set(known)
    for name in sorted(present - known):
        close = difflib.get_close_matches(name, known - present, n=1, cutoff=0.88)
        if close:
            yield Warning(
                f"The environment variable {name} is unknown.",
                hint=f"Did you mean {close[0]}?",
                id="lifeos.W001",
            )


def _exposure() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield Error(
            "DEBUG is on in production: error pages would show settings and data.",
            hint="Set DEBUG=false.",
            id="lifeos.E001",
        )
    if not settings.DATABASE_URL:
        yield Error(
            "DATABASE_URL is missing in production: the embedded PostgreSQL is for one person's machine.",
            hint="Set DATABASE_URL=postgresql://user:password@host:5432/name.",
            id="lifeos.E006",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield Warning(
            "ALLOWED_HOSTS accepts every host name, so links in mails can be forged.",
            hint="Name the hosts under which the site is served.",
            id="lifeos.W002",
        )


def _secrets() -> Iterator[CheckMessage]:
    for name, check_id in (("SECRET_KEY", "lifeos.E002"), ("JWT_SECRET_KEY", "lifeos.E003")):
        reason = _weakness(_secret(name))
        if reason:
            yield Error(f"{name} {reason}.", hint=MAKE_ONE, id=check_id)
    for name, check_id in (("SECRET_KEY_FALLBACKS", "lifeos.E011"), ("JWT_SECRET_KEY_FALLBACKS", "lifeos.E012")):
        for secret in getattr(settings, name):
            reason = _weakness(secret)
            if reason:
                yield Error(f"A secret of {name} {reason}.", hint="Leave out what is no longer needed.", id=check_id)
    if _secret("SECRET_KEY") and _secret("SECRET_KEY") == _secret("JWT_SECRET_KEY"):
        yield Error("SECRET_KEY and JWT_SECRET_KEY are the same.", hint=MAKE_ONE, id="lifeos.E007")


def _secret(name: str) -> str:
    try:
        return str(getattr(settings, name))
    except ImproperlyConfigured:  # Django's own words for an empty SECRET_KEY
        return ""


def _weakness(secret: str) -> str:
    if not secret:
        return "is missing in production"
    if secret.lower().startswith(WELL_KNOWN):
        return "is a value from the examples"
    if len(secret) < SHORTEST_SECRET:
        return f"has {len(secret)} characters, at least {SHORTEST_SECRET} are needed"
    return "is too uniform to be random" if bits(secret) < FEWEST_BITS else ""


def _passwords() -> Iterator[CheckMessage]:
    """Operators choose the passwords of other services, which may be shorter; easily guessed ones get a warning."""
    urls = {
        name: getattr(settings, name) for name in ("DATABASE_URL", "DATABASE_DIRECT_URL", "REDIS_URL", "RABBITMQ_URL")
    }
    given = {f"The password of {name}": unquote(urlsplit(url).password or "") for name, url in urls.items() if url}
    for name in ("POSTGRES_PASSWORD", "METRICS_TOKEN", "EMAIL_HOST_PASSWORD", "BACKUP_S3_SECRET_ACCESS_KEY"):
        given[name] = getattr(settings, name)
    for name, secret in given.items():
        if secret.lower() in EXAMPLE_PASSWORDS or secret.startswith("$("):
            yield Error(f"{name} is a value from the examples.", hint=MAKE_ONE, id="lifeos.E020")
        elif secret and bits(secret) < FEWEST_BITS_OF_PASSWORDS:
            yield Warning(f"{name} is easily guessed.", hint=MAKE_ONE, id="lifeos.W020")


def _pool() -> Iterator[CheckMessage]:
    shared = settings.SHARED_DATABASE
    if shared and "options" in shared["OPTIONS"]:
        yield Error(
            "DATABASE_URL sends `options` to a connection pool, which would set them for others or refuse to connect.",
            hint="Set them for the role instead: ALTER ROLE … SET …",
            id="lifeos.E014",
        )


def _monitoring() -> Iterator[CheckMessage]:
    if settings.GRAFANA_PASSWORD and settings.GRAFANA_PASSWORD.lower() in WEAK_PASSWORDS:
        yield Error("GRAFANA_PASSWORD is a password everybody tries first.", hint=MAKE_ONE, id="lifeos.E008")
    if settings.SLACK_WEBHOOK_URL and not settings.SLACK_WEBHOOK_URL.startswith("https://"):
        yield Error("SLACK_WEBHOOK_URL must begin with https://.", hint="Copy it from Slack.", id="lifeos.E009")
    if settings.PAGERDUTY_SERVICE_KEY and not settings.PAGERDUTY_SERVICE_KEY.isalnum():
        yield Error(
            "PAGERDUTY_SERVICE_KEY is not an integration key.",
            hint="Copy the integration key from PagerDuty.",
            id="lifeos.E010",
        )
    for name in ("NTFY_URL", "ALERT_WEBHOOK_URL", "DEADMANSSWITCH_URL"):
        address = getattr(settings, name)
        if address and not address.startswith(("https://", "http://")):
            yield Error(
                f"{name} must begin with https:// or http://.", hint="Give the whole address.", id="lifeos.E021"
            )
    if settings.ALERT_EMAIL_TO and not settings.EMAIL_HOST:
        yield Error(
            "ALERT_EMAIL_TO is set, but there is no mail server to send alerts through.",
            hint="Set EMAIL_HOST and the related settings, or leave ALERT_EMAIL_TO empty.",
            id="lifeos.E022",
        )
