"""Rules applied to the past: corrections of entries, made by a worker in steps that each commit whole."""

import contextlib
import datetime

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core.clock import today_in
from finance.errors import Conflict, FinanceError, Invalid
from finance.events.records import RulesApplied
from finance.ledger.models import Book, JournalEntry
from finance.ledger.services import correct_entry
from finance.rules.history import PastChange, current_entries, evaluate
from finance.rules.models import Rule, RuleApplication, RuleLog
from finance.rules.selectors import engine_of, is_stalled
from finance.tags.services import tag_entries, tags_named
from identity.models import User
from platform_outbox.emit import emit
from platform_outbox.operations.services import OperationRefused, cancel, start

OPERATION = "rules.apply"
# Entries looked at in one transaction.
STEP = 200
# Entries left as they are that are told by name.
MOST_TOLD = 100
State = RuleApplication.State
_OPEN = (State.WAITING, State.RUNNING)


@transaction.atomic
def apply_to_past(
    *,
    book: Book,
    actor: User | None,
    rule: Rule | None = None,
    since: datetime.date | None = None,
    until: datetime.date | None = None,
    closed_too: bool = False,
) -> RuleApplication:
    """Have a worker correct the entries that exist now, by one rule or by all that are active.

    Raises Conflict while another application is under way in the book, Invalid for a period that ends before it begins.
    """
    if since is not None and until is not None and since > until:
        raise Invalid(field="until", reason=_("The last day must not be before the first."))
    last = JournalEntry.objects.filter(book=book).aggregate(last=Max("pk"))["last"] or 0
    try:
        with transaction.atomic():
            application = RuleApplication.objects.create(
                book=book, rule=rule, since=since, until=until, closed_too=closed_too, created_by=actor, last_entry=last
            )
    except IntegrityError as error:
        raise Conflict(reason=_("Rules are being applied to this book already.")) from error
    return _begun(application, actor)


@transaction.atomic
def cancel_application(*, application: RuleApplication) -> RuleApplication:
    """Stop after the step that is under way; what was corrected stays corrected. Raises Conflict if it is over."""
    ended = RuleApplication.objects.filter(pk=application.pk, state__in=_OPEN)
    if not ended.update(state=State.CANCELLED, finished_at=timezone.now()):
        raise Conflict(reason=_("It is over already."))
    application.refresh_from_db()
    if application.run_id is not None:
        with contextlib.suppress(OperationRefused):  # it has just ended by itself
            cancel(run_id=application.run_id, by="the household")
    return application


@transaction.atomic
def resume_application(*, application: RuleApplication, actor: User | None) -> RuleApplication:
    """Continue an application that was cancelled, or whose run ended before it was done. Raises Conflict."""
    try:
        with transaction.atomic():
            stopped = RuleApplication.objects.filter(pk=application.pk, state__in=[State.CANCELLED, *_OPEN])
            current = stopped.select_for_update().first()
            if current is None or not (current.state == State.CANCELLED or is_stalled(application=current)):
                raise Conflict(reason=_("Only what was cancelled can be continued."))
            stopped.update(state=State.WAITING, finished_at=None)
    except IntegrityError as error:
        raise Conflict(reason=_("Rules are being applied to this book already.")) from error
    application.refresh_from_db()
    return _begun(application, actor)


def stop_application(*, application_id: int) -> None:
    """Note that the run has broken off, so that the application can be continued; what was corrected stays corrected."""
    broken = RuleApplication.objects.filter(pk=application_id, state__in=_OPEN)
    broken.update(state=State.CANCELLED, finished_at=timezone.now())


def _begun(application: RuleApplication, actor: User | None) -> RuleApplication:
    try:
        run = start(name=OPERATION, given={"application": application.pk}, by=actor.email if actor else "the system")
    except OperationRefused as error:
        raise Conflict(reason=_("The last run has not ended yet; try again in a moment.")) from error
    application.run_id = run.pk
    application.save(update_fields=["run_id"])
    return application


def entries_to_look_at(*, application: RuleApplication) -> int:
    """How many entries there are in all."""
    return int(_entries(application).count())


def _entries(application: RuleApplication) -> QuerySet[JournalEntry]:
    found = current_entries(book=application.book, since=application.since, until=application.until)
    return found.filter(pk__lte=application.last_entry)


@transaction.atomic
def apply_step(*, application_id: int, limit: int = STEP) -> int:
    """Look at the next entries and correct what the rules change; returns how many were looked at, 0 when it is over.

    Entries, log and place commit together: a worker that dies repeats nothing and leaves nothing out.
    """
    applications = RuleApplication.objects.select_for_update(of=("self",)).select_related("book", "rule", "created_by")
    application = applications.get(pk=application_id)
    if application.state not in _OPEN:
        return 0
    engine = engine_of(book=application.book, rule=application.rule)
    entries = list(_entries(application).filter(pk__gt=application.through_entry).order_by("pk")[:limit])
    for entry in entries:
        entry.book = application.book
    changes, _kept, problems = evaluate(book=application.book, engine=engine, entries=entries)
    for entry, why in problems:
        _leave(application, entry, why)
    for change in changes:
        if change.closed and change.changes_books and not application.closed_too:
            _leave(application, change.entry, _("Its period is closed."))
        else:
            _correct(application, change)
    application.looked += len(entries)
    application.state = State.RUNNING
    if entries:
        application.through_entry = entries[-1].pk
    if len(entries) < limit:
        application.state, application.finished_at = State.DONE, timezone.now()
        emit(RulesApplied(book_id=application.book_id, application_id=application.pk))
    application.save()
    return len(entries)


def _correct(application: RuleApplication, change: PastChange) -> None:
    """The ledger's own correction. In a closed period it takes today's date, as corrections by hand do."""
    entry, today, book, actor = change.entry, today_in(application.book), application.book, application.created_by
    try:
        with transaction.atomic():
            if change.changes_books:
                correct_entry(
                    entry=entry, actor=actor, date=today if change.closed else entry.date, lines=change.drafts(),
                    payee=change.payee, description=entry.description, on=today,
                )  # fmt: skip
            if change.new_tags:
                # On the first version, whose tags every correction has.
                tag_entries(
                    book=book, actor=actor, entry_ids=[entry.pk], add=tags_named(book=book, names=change.new_tags)
                )
    except FinanceError as error:
        _leave(application, entry, error.detail)
        return
    application.changed += 1
    RuleLog.objects.bulk_create(
        RuleLog(
            book=application.book, rule_id=step.rule_id, version=step.version, entry=entry, step=place,
            changes=step.changes, problem=step.problem[:200],
        )
        for place, step in enumerate(change.outcome.steps, 1)
    )  # fmt: skip


def _leave(application: RuleApplication, entry: JournalEntry, why: str) -> None:
    application.left_count += 1
    if len(application.left) < MOST_TOLD:
        application.left.append(
            {"entry": str(entry.uid), "date": entry.date.isoformat(), "payee": entry.payee, "why": why}
        )
