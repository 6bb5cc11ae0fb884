import dataclasses
import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.clock import today_in
from finance import facts as books
from insights import history, services
from insights.rules.catalogue import RULES
from platform_outbox.operations.registry import operation, parameter
from platform_outbox.operations.runs import Run


class BackfillRefused(Exception):
    """There is nothing to do; the message says why."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BackfillParameters:
    book: int = parameter(gettext_lazy("Book"), help_text=gettext_lazy("Number of the book."))
    rule: str = parameter(
        gettext_lazy("Rule"), help_text=gettext_lazy("Empty: all rules."), choices=sorted(RULES), default=""
    )
    since: datetime.date | None = parameter(
        gettext_lazy("From"), help_text=gettext_lazy("Empty: the book's first entry."), default=None
    )
    until: datetime.date | None = parameter(gettext_lazy("To"), help_text=gettext_lazy("Empty: today."), default=None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecomputeParameters:
    book: int = parameter(gettext_lazy("Book"), help_text=gettext_lazy("Number of the book."))


@operation(
    "insights.backfill",
    title=gettext_lazy("Backfill insights"),
    help_text=gettext_lazy(
        "Runs rules over the past of a book, month by month. A second run changes nothing; a dry run shows what would be found."
    ),
    parameters=BackfillParameters,
    permission="insights.add_backfill",
    scope=lambda parameters: f"book:{parameters.book}",
    dry_run=True,
)
def backfill(parameters: BackfillParameters, run: Run) -> dict[str, Any]:
    """Each month of each rule is a step and a transaction; a stopped run continues at its first unfinished month."""
    book = _book(parameters.book)
    until = parameters.until or today_in(book)
    since = parameters.since or books.first_entry_date(book_id=book.pk) or until
    if since > until:
        raise BackfillRefused(
            _("The first day (%(since)s) is after the last (%(until)s).") % {"since": since, "until": until}
        )
    return _over(book.pk, [parameters.rule] if parameters.rule else sorted(RULES), since, until, run)


@operation(
    "insights.recompute",
    title=gettext_lazy("Recompute insights"),
    help_text=gettext_lazy(
        "Checks the newest months of a book again: raises missing insights and resolves those that no longer hold."
    ),
    parameters=RecomputeParameters,
    permission="insights.add_backfill",
    scope=lambda parameters: f"book:{parameters.book}",
)
def recompute(parameters: RecomputeParameters, run: Run) -> dict[str, Any]:
    """All rules over the last months, as a backfill."""
    book = _book(parameters.book)
    on = today_in(book)
    return _over(book.pk, sorted(RULES), services.news_since(book_id=book.pk, on=on), on, run)


def _book(book_id: int) -> books.Book:
    if not settings.ENABLE_INSIGHTS:
        raise BackfillRefused(_("Insights are switched off (ENABLE_INSIGHTS=false)."))
    book = books.books(book_ids=[book_id]).get(book_id)
    if book is None:
        raise BackfillRefused(_("There is no book %s.") % book_id)
    return book


def _over(book_id: int, kinds: list[str], since: datetime.date, until: datetime.date, run: Run) -> dict[str, Any]:
    """Found and raised of each rule; the rules that an earlier part of the run has finished are passed over."""
    figures: dict[str, str] = dict(run.kept.get("figures", {}))
    run.expect(len(kinds) * len(history.steps_of(since=since, until=until)), unit="months")
    for kind in kinds:
        if kind in figures:
            continue
        found: set[str] = set()
        raised = 0
        steps = history.backfill(
            book_id=book_id, kind=kind, since=since, until=until, clock=timezone.now, dry_run=run.dry_run
        )
        for step in steps:
            found.update(each.dedup_key for each in step.found)
            raised += step.raised
            run.advance()
        figures[kind] = _("%(found)d found, %(raised)d new") % {"found": len(found), "raised": raised}
        run.keep(figures=figures)
    return figures
