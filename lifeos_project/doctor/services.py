"""Checks of the services LifeOS uses: settings, database, workers, broker, cache, mail."""

import time
from collections.abc import Iterator

from django.conf import settings
from django.core.checks import ERROR, run_checks
from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from finance import replica
from identity import mail
from lifeos_project.doctor.registry import Asked, Finding, check, error, notice, ok, skipped
from lifeos_project.local.first_run import OLDEST_POSTGRESQL
from lifeos_project.monitoring.health import LATE_SECONDS
from lifeos_project.postgresql import ownership, pooling
from platform_outbox import emit
from platform_outbox.monitoring import overview

START_A_WORKER = gettext_lazy(
    "Start one: docker-compose up -d lifeos-worker, or without containers deploy.sh start or manage.py outbox_worker."
)
# A clock that is wrong by more than this dates entries and tokens wrongly.
CLOCK_SECONDS = 2.0
CLOCK_SECONDS_TOO_MANY = 60.0


@check("settings", title=gettext_lazy("Settings"))
def look_at_settings(asked: Asked) -> Iterator[Finding]:
    found = [each for each in run_checks(tags=["lifeos"]) if not each.is_silenced()]
    for each in found:
        made = error if each.level >= ERROR else notice
        yield made(f"{each.msg} ({each.id})", str(each.hint or ""))
    if not found:
        yield ok(_("Safe for production.") if settings.PRODUCTION else _("A development installation (APP_ENV)."))


@check("database", title=gettext_lazy("Database"))
def look_at_database(asked: Asked) -> Iterator[Finding]:
    part = asked.services["database"]
    if part["status"] != "ok":
        yield error(
            _("PostgreSQL does not answer (%s).") % part["error"],
            _("Check that it runs and that DATABASE_URL is right: docs/runbooks/LifeosDatabaseDown.md."),
        )
        return
    yield ok(
        _("PostgreSQL %(version)s answers in %(time)s ms.")
        % {"version": part["postgresql"], "time": part["milliseconds"]}
    )
    if part["postgresql"] < OLDEST_POSTGRESQL:
        yield error(_("That is too old."), _("Upgrade to %d or newer: docs/upgrade.md.") % OLDEST_POSTGRESQL)
    if objection := pooling.objection(connection):
        # Web processes may use the pool; this one might.
        direct = settings.SHARED_DATABASE is not None
        yield ok(_("Web processes reach it through a pool.")) if direct else error(objection, pooling.HINT)
    standing = replica.standing()
    if standing is not None and standing.state in ("away", "stranger"):
        yield notice(
            _("The replica cannot be read from (%s); the primary answers all reports.") % standing.state,
            _("docs/scaling.md says how to set up a replica."),
        )


@check("roles", title=gettext_lazy("Database roles"))
def look_at_roles(asked: Asked) -> Iterator[Finding]:
    objections = ownership.objections(revocable=not ownership.is_taken())
    for objection in objections:
        made = error if settings.PRODUCTION else notice
        yield made(objection, ownership.HINT)
    if not objections:
        yield ok(_("The serving role owns nothing and cannot rewrite postings."))


@check("migrations", title=gettext_lazy("Migrations"))
def look_at_migrations(asked: Asked) -> Iterator[Finding]:
    pending = asked.services["migrations"].get("pending")
    if pending is None:
        yield error(_("It is not known which are applied: the database does not answer."), _("Fix the database first."))
    elif pending:
        yield error(
            ngettext("%d migration is pending.", "%d migrations are pending.", pending) % pending,
            _("Run manage.py migrate; with containers docker-compose run --rm lifeos-migrate."),
        )
    else:
        yield ok(_("All are applied."))


@check("workers", title=gettext_lazy("Workers"))
def look_at_workers(asked: Asked) -> Iterator[Finding]:
    alive = emit.workers_alive()
    if not alive:
        yield error(_("No worker runs: events, mails and webhooks wait."), str(START_A_WORKER))
    else:
        yield ok(ngettext("%d worker is alive.", "%d workers are alive.", alive) % alive)
    state = emit.health()
    if state.oldest_pending_seconds > LATE_SECONDS:
        yield notice(
            _("The oldest due event has waited for %d minutes.") % (state.oldest_pending_seconds // 60),
            _("See Outbox in the admin, or manage.py outbox_status: docs/runbooks/LifeosOutboxBacklog.md."),
        )
    if state.dead:
        yield notice(
            ngettext("%d event was given up.", "%d events were given up.", state.dead) % state.dead,
            _("Try them again or discard them under Dead letters in the admin."),
        )
    for job in overview.failing_jobs():
        yield notice(
            _("The periodic job %(job)s failed %(count)d times in a row.") % {"job": job.name, "count": job.failures},
            _("Periodic jobs in the admin shows the error: docs/runbooks/LifeosJobFails.md."),
        )


@check("broker", title=gettext_lazy("Broker"))
def look_at_broker(asked: Asked) -> Iterator[Finding]:
    part = asked.services["broker"]
    if part["status"] != "ok":
        yield error(
            _("It does not answer (%s). Workers hear of events through PostgreSQL meanwhile; nothing is lost.")
            % part["error"],
            _("Check that Redis or RabbitMQ runs and that REDIS_URL or RABBITMQ_URL is right."),
        )
    elif part["kind"] == "in-process":
        yield ok(_("None is set up; PostgreSQL wakes the workers."))
    else:
        yield ok(_("%(kind)s answers in %(time)s ms.") % {"kind": part["kind"], "time": part["milliseconds"]})


@check("cache", title=gettext_lazy("Cache"))
def look_at_cache(asked: Asked) -> Iterator[Finding]:
    part = asked.services["cache"]
    if part["status"] != "ok":
        yield error(
            _("Redis does not answer (%s). The site works without it; each process counts throttles separately.")
            % part.get("error", part["status"]),
            _("Check that Redis runs and that REDIS_URL is right: docs/runbooks/LifeosRedisDown.md."),
        )
    elif part["kind"] == "memory":
        yield ok(_("In memory, separately in each process (REDIS_URL is empty)."))
    else:
        yield ok(_("Redis answers in %s ms.") % part["milliseconds"])


@check("mail", title=gettext_lazy("Mail"))
def look_at_mail(asked: Asked) -> Iterator[Finding]:
    if asked.mail_to:
        try:
            server = mail.send_test(to=[asked.mail_to])
        except mail.MailNotSent as problem:
            yield error(str(problem), _("Check EMAIL_HOST and the related settings: docs/configuration.md."))
        else:
            yield ok(
                _("%(server)s accepted a mail to %(to)s. Check that it arrives.")
                % {"server": server, "to": asked.mail_to}
            )
    elif mail.destination() == "sent":
        yield skipped(
            _("Mails go through %s. No test mail was sent; send one to see whether mails get through.")
            % settings.EMAIL_HOST
        )
    else:
        yield notice(
            _("Mail is not set up: no invitation and no password reset is sent."),
            _("Set EMAIL_HOST and the related settings: docs/configuration.md."),
        )


@check("clock", title=gettext_lazy("Clock"))
def look_at_clock(asked: Asked) -> Iterator[Finding]:
    before = time.time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        (theirs,) = cursor.fetchone()
    after = time.time()
    # What the journey may account for is no difference.
    apart = max(0.0, theirs - after, before - theirs)
    if apart <= CLOCK_SECONDS:
        yield ok(_("This machine and the database agree."))
        return
    made = error if apart > CLOCK_SECONDS_TOO_MANY else notice
    yield made(
        _("This machine and the database are %.0f seconds apart.") % apart,
        _("Let both keep time by NTP: timedatectl set-ntp true."),
    )
