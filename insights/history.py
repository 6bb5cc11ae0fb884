"""Rules over the past: what other thresholds would have raised, and backfills that can be stopped and continued."""

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from core.batches import in_batches
from core.clock import today_in
from finance import facts as books
from finance.periods import months_later
from insights import facts_loader, reconcile, services
from insights.models import Backfill
from insights.rules.catalogue import RULES, Rule, find_with
from insights.rules.facts import Facts
from insights.rules.findings import Finding
from insights.rules.thresholds import Thresholds
from insights.switches import switches_of

# Payees whose histories are in memory together.
PAYEES_AT_ONCE = 500
# The coming balance of the past is looked at once a week.
OUTLOOK_STEP = datetime.timedelta(days=7)
SHOWN_FINDINGS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What thresholds would have raised: how many now and as set, and the newest of the former."""

    months: int
    count: int
    count_as_set: int
    findings: Sequence[Finding]


def preview(*, book_id: int, kind: str, thresholds: Mapping[str, Any], on: datetime.date, months: int = 12) -> Preview:
    """What the rule would have raised in the last months with these thresholds. Writes nothing.

    Raises ThresholdsInvalid.
    """
    rule = RULES[kind]
    tried, as_set = rule.settings.read(thresholds), switches_of(book_id=book_id)[kind].thresholds
    since = months_later(on, -months)
    found: dict[str, Finding] = {}
    as_set_keys: set[str] = set()
    for facts in facts_between(book_id=book_id, rule=rule, since=since, until=on, on=on):
        found.update((finding.dedup_key, finding) for finding in find_with(rule, facts, tried))
        as_set_keys.update(finding.dedup_key for finding in find_with(rule, facts, as_set))
    newest = sorted(found.values(), key=lambda each: (each.subject_date, each.dedup_key), reverse=True)
    return Preview(months=months, count=len(found), count_as_set=len(as_set_keys), findings=newest[:SHOWN_FINDINGS])


def facts_between(
    *, book_id: int, rule: Rule, since: datetime.date, until: datetime.date, on: datetime.date
) -> Iterator[Facts]:
    """All that the rule looks at in a stretch of the past, in portions that fit into memory."""
    accounts = books.accounts(book_id=book_id)
    whole = facts_loader.everything(accounts, payee_keys=())
    if rule.looks_at == "payees":
        keys = books.payees_between(book_id=book_id, since=since, until=until)
        for batch in in_batches(keys, size=PAYEES_AT_ONCE):
            portion = [key for key in batch if key.strip()]
            payees = facts_loader.payees(
                book_id=book_id, accounts=accounts, payee_keys=portion, since=since, until=until
            )
            yield Facts(on=on, since=since, until=until, payees=payees)
    elif rule.looks_at == "categories":
        categories = facts_loader.categories(
            book_id=book_id, accounts=accounts, category_ids=whole.category_ids, since=since, until=until
        )
        yield Facts(on=on, since=since, until=until, categories=categories)
    else:
        # A day of each week, and the last day.
        last = min(until, on)
        weeks = range((last - since) // OUTLOOK_STEP + 1)
        days = sorted({*(since + week * OUTLOOK_STEP for week in weeks), last}) if weeks else []
        outlooks = facts_loader.outlooks(
            book_id=book_id, accounts=accounts, account_ids=whole.account_ids, days=days, today=on
        )
        yield Facts(on=on, since=since, until=until, accounts=outlooks)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillStep:
    """A month of a backfill that is done (or would be, in a dry run)."""

    kind: str
    month: datetime.date
    found: Sequence[Finding]
    raised: int


def steps_of(*, since: datetime.date, until: datetime.date) -> list[tuple[datetime.date, datetime.date]]:
    """The months from `since` to `until`, the first and last as far as they belong."""
    steps, start = [], since
    while start <= until:
        end = min(months_later(start.replace(day=1), 1) - datetime.timedelta(days=1), until)
        steps.append((start, end))
        start = end + datetime.timedelta(days=1)
    return steps


def backfill(
    *,
    book_id: int,
    kind: str,
    since: datetime.date,
    until: datetime.date,
    clock: Callable[[], datetime.datetime],
    dry_run: bool = False,
) -> Iterator[BackfillStep]:
    """Run one rule over the past, month by month, each month a transaction of its own.

    A stopped run continues at its first unfinished month; months done twice change nothing. What is older than
    a season of the books is kept as passed. A dry run writes nothing, not even how far it came.
    """
    run = None
    if not dry_run:
        run, _created = Backfill.objects.get_or_create(
            book_id=book_id,
            kind=kind,
            since=since,
            until=until,
            finished_at=None,
            defaults={"position": since, "started_at": clock()},
        )
    for first, last in steps_of(since=run.position if run else since, until=until):
        if run is None:
            found = _find(book_id=book_id, kind=kind, since=first, until=last, now=clock())[0]
            yield BackfillStep(kind=kind, month=first, found=found, raised=0)
        else:
            yield _backfill_month(run, since=first, until=last, now=clock())
    if run is not None:
        run.finished_at = clock()
        run.save(update_fields=["finished_at"])


def remaining_steps(*, book_id: int, kind: str, since: datetime.date, until: datetime.date) -> int:
    """Months that a backfill with these limits still has to do."""
    run = Backfill.objects.filter(book_id=book_id, kind=kind, since=since, until=until, finished_at=None).first()
    return len(steps_of(since=run.position if run else since, until=until))


@transaction.atomic
def _backfill_month(
    run: Backfill, *, since: datetime.date, until: datetime.date, now: datetime.datetime
) -> BackfillStep:
    reconcile.hold_book(book_id=run.book_id)
    found, thresholds, occasion = _find(book_id=run.book_id, kind=run.kind, since=since, until=until, now=now)
    raised = reconcile.raise_findings(found, book_id=run.book_id, thresholds={run.kind: thresholds}, occasion=occasion)
    looks_ahead = RULES[run.kind].looks_at == "accounts"
    if not looks_ahead or until >= occasion.on:
        reconcile.resolve_others(
            book_id=run.book_id,
            kinds=[run.kind],
            scopes=None,
            # What was ahead on a day of the past is no reason to keep an insight of today.
            keep=[each.dedup_key for each in found if not looks_ahead or occasion.is_news(each)],
            since=since,
            until=until,
            now=now,
        )
    run.position = until + datetime.timedelta(days=1)
    run.raised += raised
    run.save(update_fields=["position", "raised"])
    return BackfillStep(kind=run.kind, month=since, found=found, raised=raised)


def _find(
    *, book_id: int, kind: str, since: datetime.date, until: datetime.date, now: datetime.datetime
) -> tuple[list[Finding], Thresholds, reconcile.Occasion]:
    switch = switches_of(book_id=book_id)[kind]
    on = today_in(books.books(book_ids=[book_id])[book_id], now=now)
    occasion = reconcile.Occasion(now=now, on=on, news_since=services.news_since(book_id=book_id, on=on), events={})
    found: dict[str, Finding] = {}
    for facts in facts_between(book_id=book_id, rule=switch.rule, since=since, until=until, on=on):
        found.update((each.dedup_key, each) for each in find_with(switch.rule, facts, switch.thresholds))
    return reconcile.without_muted(found.values(), book_id=book_id), switch.thresholds, occasion
