"""Checks of the surroundings: disk, backups, certificate, secrets, proxy, webhooks, version."""

import datetime
import json
import os
import re
import shutil
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core import network
from finance.models import WebhookEndpoint
from lifeos_project import version
from lifeos_project.backups import runs, stores
from lifeos_project.backups.errors import BackupError, BackupRefused
from lifeos_project.checks import preflight
from lifeos_project.doctor.registry import Asked, Finding, check, error, notice, ok, skipped
from lifeos_project.security import secret_age
from platform_outbox.models import Breaker

PATIENCE_SECONDS = 5
LEAST_FREE_SHARE = 0.1
# As the alerts have it: one night left out is worth a look, two are trouble.
BACKUP_HOURS, BACKUP_HOURS_TOO_MANY = 26, 50
CERTIFICATE_DAYS, CERTIFICATE_DAYS_TOO_FEW = 14, 3
# OpenSSL's numbers: self-signed, self-signed somewhere in its chain, issuer not known.
UNKNOWN_AUTHORITY = (18, 19, 20)
_LONGEST_ANSWER = 1_000_000


@check("disk", title=gettext_lazy("Disk"))
def look_at_disk(asked: Asked) -> Iterator[Finding]:
    problems = list(preflight.disk_problems())
    for problem in problems:
        yield error(problem, _("docs/runbooks/LifeosDiskFilling.md says what you can delete."))
    if problems:
        return
    usage = shutil.disk_usage(settings.VAR_DIR)
    left = _("%(free)d GB are free in %(place)s, %(share)d %% of the disk.") % {
        "free": usage.free >> 30,
        "place": settings.VAR_DIR,
        "share": 100 * usage.free // usage.total,
    }
    if usage.free < usage.total * LEAST_FREE_SHARE:
        yield notice(left, _("docs/runbooks/LifeosDiskFilling.md says what you can delete."))
    else:
        yield ok(left)


@check("backups", title=gettext_lazy("Backups"))
def look_at_backups(asked: Asked) -> Iterator[Finding]:
    store = stores.configured()
    if asked.outside or not settings.BACKUP_TARGET.startswith("s3://"):
        yield from _target(store)
    else:
        yield skipped(_("%s was not asked.") % store.location)
    good, now = runs.last_good(), timezone.now()
    make_one = _("Make one: manage.py backup, or Operations in the admin. docs/backup.md")
    if good is None:
        yield (error if settings.PRODUCTION else notice)(_("There is no backup."), make_one)
    else:
        age = now - good.started_at
        says = _("The last good one is %s old.") % timesince(good.started_at, now, depth=1)
        if age > datetime.timedelta(hours=BACKUP_HOURS_TOO_MANY) and settings.PRODUCTION:
            yield error(says, make_one)
        else:
            yield notice(says, make_one) if age > datetime.timedelta(hours=BACKUP_HOURS) else ok(says)
    if runs.last_failed():
        yield error(
            _("The last one failed."), _("Backups in the admin has the reason: docs/runbooks/LifeosBackupFailed.md.")
        )
    if settings.PRODUCTION and not settings.BACKUP_NIGHTLY:
        yield notice(_("There are no nightly backups."), _("Set BACKUP_NIGHTLY=true."))


def _target(store: stores.Store) -> Iterator[Finding]:
    todo = _("Check that BACKUP_TARGET exists and is writable: docs/backup.md.")
    try:
        names = store.names()
    except (BackupError, BackupRefused, OSError) as problem:
        yield error(_("The backups cannot be listed: %s") % problem, todo)
        return
    if isinstance(store, stores.DirectoryStore):
        # It may still have to be made.
        place = store.root
        while not place.exists():
            place = place.parent
        if not os.access(place, os.W_OK | os.X_OK):
            yield error(_("%s cannot be written.") % store.location, todo)
            return
    yield ok(
        ngettext("%(location)s holds %(count)d backup.", "%(location)s holds %(count)d backups.", len(names))
        % {"location": store.location, "count": len(names)}
    )


@check("certificate", title=gettext_lazy("Certificate"))
def look_at_certificate(asked: Asked) -> Iterator[Finding]:
    site = urlsplit(settings.SITE_URL)
    if site.scheme != "https" or not site.hostname:
        if settings.PRODUCTION:
            yield notice(_("SITE_URL names no https:// address, so its certificate is not known."), _("Set SITE_URL."))
        else:
            yield skipped(_("SITE_URL names no https:// address."))
        return
    if not asked.outside:
        yield skipped(_("%s was not asked.") % site.hostname)
        return
    yield from certificate_of(site.hostname, site.port or 443)


def certificate_of(host: str, port: int) -> Iterator[Finding]:
    """What a browser would say about the certificate there."""
    renew = _("Renew it: docs/runbooks/LifeosCertificateExpires.md.")
    try:
        ends, is_known = _end_of_certificate(host, port)
    except ssl.SSLCertVerificationError as problem:
        why = {"host": host, "reason": problem.verify_message}
        yield error(_("Browsers refuse the certificate of %(host)s: %(reason)s.") % why, renew)
        return
    except OSError as problem:
        why = {"host": f"{host}:{port}", "reason": problem.strerror or str(problem) or type(problem).__name__}
        yield error(
            _("%(host)s does not answer over TLS: %(reason)s.") % why,
            _("Check that nginx runs and that the name points here: docs/runbooks/LifeosSiteDown.md."),
        )
        return
    days = (ends - timezone.now()).days
    says = ngettext(
        "The certificate of %(host)s is valid for %(days)d day.",
        "The certificate of %(host)s is valid for %(days)d days.",
        days,
    ) % {"host": host, "days": days}
    made = error if days < CERTIFICATE_DAYS_TOO_FEW else notice
    yield ok(says) if days >= CERTIFICATE_DAYS else made(says, renew)
    if not is_known:
        yield notice(
            _("No known authority has signed it, so browsers show a warning."),
            _("For a public site, get one from Let's Encrypt: docs/install.md."),
        )


def _end_of_certificate(host: str, port: int) -> tuple[datetime.datetime, bool]:
    """When it ends, and whether an authority that this machine knows has signed it. Raises OSError."""
    try:
        return _end_under(ssl.create_default_context(), host, port), True
    except ssl.SSLCertVerificationError as problem:
        if problem.verify_code not in UNKNOWN_AUTHORITY:
            raise
    itself = ssl.create_default_context(cadata=ssl.get_server_certificate((host, port), timeout=PATIENCE_SECONDS))
    itself.verify_flags = ssl.VERIFY_X509_PARTIAL_CHAIN
    return _end_under(itself, host, port), False


def _end_under(context: ssl.SSLContext, host: str, port: int) -> datetime.datetime:
    with (
        socket.create_connection((host, port), timeout=PATIENCE_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        told = secured.getpeercert() or {}
    return datetime.datetime.fromtimestamp(ssl.cert_time_to_seconds(str(told["notAfter"])), tz=datetime.UTC)


@check("secrets", title=gettext_lazy("Secrets"))
def look_at_secrets(asked: Asked) -> Iterator[Finding]:
    now = timezone.now()
    old = secret_age.too_old(now=now)
    for name, days in old.items():
        yield notice(
            _("%(name)s has been in use for %(days)d days; change it every %(rule)d.")
            % {"name": name, "days": days, "rule": secret_age.LONGEST_DAYS},
            _("docs/security.md says how to change it without downtime."),
        )
    if not old:
        # One that is met here for the first time was seen after `now`, by the database's clock.
        oldest = max(0, *((now - since).days for since in secret_age.first_seen().values()))
        yield ok(
            ngettext("The oldest has been in use for %d day.", "The oldest has been in use for %d days.", oldest)
            % oldest
        )


@check("proxy", title=gettext_lazy("Proxy"))
def look_at_proxy(asked: Asked) -> Iterator[Finding]:
    if asked.request is None:
        told = (
            _("X-Forwarded-For and X-Forwarded-Proto are trusted.")
            if settings.TRUST_PROXY
            else _("No proxy is trusted.")
        )
        yield skipped(told + " " + _("To check it with a real request, open the doctor in the admin."))
        return
    found = list(_about_request(asked.request))
    yield from found
    if not found:
        yield ok(_("This request arrived correctly, with the address and scheme of the browser."))


def _about_request(request: HttpRequest) -> Iterator[Finding]:
    passed = network.hops(request)
    todo = _("docs/troubleshooting.md, and TRUST_PROXY and TRUSTED_PROXY_COUNT in docs/configuration.md.")
    if passed and not settings.TRUST_PROXY:
        yield error(
            _("A proxy is in front, and TRUST_PROXY is off: everybody seems to have the proxy's address."), todo
        )
    elif settings.TRUST_PROXY and len(passed) < settings.TRUSTED_PROXY_COUNT:
        yield error(
            _(
                "This request passed %(seen)d proxies, and TRUSTED_PROXY_COUNT says %(count)d: callers may claim any address."
            )
            % {"seen": len(passed), "count": settings.TRUSTED_PROXY_COUNT},
            todo,
        )
    if settings.SITE_URL.startswith("https://") and not request.is_secure():
        yield error(
            _("SITE_URL is https, and this request came as http: the proxy does not set X-Forwarded-Proto."), todo
        )
    site = urlsplit(settings.SITE_URL).netloc
    if site and request.get_host() != site:
        yield notice(
            _("This request was for %(host)s, and SITE_URL says %(site)s.")
            % {"host": request.get_host(), "site": site},
            _("Set SITE_URL to the address that people use: links in mails begin with it."),
        )


@check("webhooks", title=gettext_lazy("Webhooks"))
def look_at_webhooks(asked: Asked) -> Iterator[Finding]:
    given_up = (WebhookEndpoint.Stopped.FAILING, WebhookEndpoint.Stopped.GONE)
    blocked = WebhookEndpoint.objects.filter(stopped__in=given_up).count()
    failing = WebhookEndpoint.objects.filter(active=True, failing_since__isnull=False).count()
    held = Breaker.objects.filter(~Q(state=Breaker.State.CLOSED)).count()
    look = _("Webhooks in the admin names them; their owners can switch them on again.")
    if blocked:
        yield notice(
            ngettext("%d was switched off after failing.", "%d were switched off after failing.", blocked) % blocked,
            look,
        )
    if failing:
        yield notice(ngettext("%d is failing.", "%d are failing.", failing) % failing, look)
    if held:
        yield notice(
            ngettext(
                "Calls to %d address wait, because it is down.",
                "Calls to %d addresses wait, because they are down.",
                held,
            )
            % held,
            _("They resume by themselves; Outbox in the admin can try one at once."),
        )
    if settings.PRODUCTION and settings.WEBHOOK_ALLOW_PRIVATE:
        yield notice(
            _("Webhooks may reach your own network."),
            _("Name the networks in WEBHOOK_ALLOWED_NETWORKS and set WEBHOOK_ALLOW_PRIVATE=false."),
        )
    elif not (blocked or failing or held):
        yield ok(_("None is blocked."))


@check("version", title=gettext_lazy("Version"))
def look_at_version(asked: Asked) -> Iterator[Finding]:
    yield ok(_("LifeOS %s.") % version.described())
    if not asked.releases:
        return
    if not settings.RELEASES_URL:
        yield notice(
            _("RELEASES_URL is empty, so there is nowhere to ask for a newer release."),
            _("Set it: docs/configuration.md."),
        )
        return
    try:
        newest = newest_release(settings.RELEASES_URL)
    except (OSError, ValueError) as problem:
        yield notice(
            _("Cannot tell whether there is a newer release: %s") % (str(problem) or type(problem).__name__),
            _("Check that this machine can reach RELEASES_URL."),
        )
        return
    if _numbers(newest) > _numbers(version.VERSION):
        yield notice(
            _("There is a newer release: %s.") % newest, _("docs/upgrade.md, then deploy.sh deploy --ref %s.") % newest
        )
    else:
        yield ok(_("There is no newer release; the newest is %s.") % newest)


def newest_release(url: str) -> str:
    """The name of the newest release. Raises OSError or ValueError with a sentence."""
    if not url.startswith(("https://", "http://")):
        raise ValueError(_("RELEASES_URL must begin with https://."))
    request = urllib.request.Request(url, headers={"Accept": "application/json", "User-Agent": "LifeOS"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310
            document = json.loads(answer.read(_LONGEST_ANSWER))
    except urllib.error.HTTPError as problem:
        raise ValueError(_("the server answered %d.") % problem.code) from problem
    except urllib.error.URLError as problem:
        raise ValueError(
            _("the server cannot be reached (%s).") % getattr(problem.reason, "strerror", problem.reason)
        ) from problem
    except ValueError as problem:
        raise ValueError(_("the answer is not JSON.")) from problem
    name = document.get("tag_name") if isinstance(document, dict) else None
    if not isinstance(name, str) or not _numbers(name):
        raise ValueError(_("the answer names no release (tag_name)."))
    return name[:60]


def _numbers(name: str) -> tuple[int, ...]:
    """v1.10.2 → (1, 10, 2), for comparing; empty for what is no version."""
    match = re.fullmatch(r"v?(\d{1,6}(?:\.\d{1,6}){1,3})", name.strip(), re.ASCII)
    return tuple(int(part) for part in match[1].split(".")) if match else ()
