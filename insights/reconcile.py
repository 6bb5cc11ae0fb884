"""Findings become rows: new ones are raised, known ones brought up to date, those that no longer hold resolve.

All functions run inside the caller's transaction, which holds the book's lock.
"""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from insights.models import Insight, InsightEvidence, MutedPayee
from insights.rules.findings import Evidence, Finding
from insights.rules.thresholds import Thresholds

# Any number that no other advisory lock uses; the book's id is added to it.
_LOCKS = 7_310_582_000_000_000

# What a finding says; the life of the row is not among them.
_SAID = (
    "rule_version",
    "severity",
    "template",
    "params",
    "thresholds",
    "scope",
    "payee",
    "payee_key",
    "subject_date",
    "expires_on",
)
# What a row of evidence says.
_CITED = ("entry_id", "date", "role", "amount", "currency", "expected_on")
# Rows of one INSERT: a statement has room for 65,535 parameters.
EVIDENCE_AT_ONCE = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When findings come in: the present moment and day, the first day that is still news, and the events by entry."""

    now: datetime.datetime
    on: datetime.date
    news_since: datetime.date
    events: Mapping[int, int]
    event_id: int | None = None

    def event_of(self, finding: Finding) -> int | None:
        """The outbox message that brought the newest entry of the finding; else the one that is being handled."""
        cited = [each.entry_id for each in finding.evidence if each.entry_id is not None]
        known = [self.events[entry_id] for entry_id in cited if entry_id in self.events]
        return max(known, default=self.event_id)

    def is_news(self, finding: Finding) -> bool:
        """Whether the finding still asks for attention, or only belongs to the past.

        What is said of coming days (it expires) holds only as seen from today.
        """
        if finding.expires_on is not None:
            return finding.subject_date == self.on
        return finding.subject_date >= self.news_since


def hold_book(*, book_id: int) -> None:
    """Wait until nobody else raises insights of the book, until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCKS + book_id])


def without_muted(findings: Iterable[Finding], *, book_id: int) -> list[Finding]:
    """The findings that the household wants to hear of."""
    muted = set(MutedPayee.objects.filter(book_id=book_id).values_list("kind", "payee_key"))
    return [finding for finding in findings if (finding.kind, finding.payee_key) not in muted]


def raise_findings(
    findings: Sequence[Finding], *, book_id: int, thresholds: Mapping[str, Thresholds], occasion: Occasion
) -> int:
    """Write the findings; returns how many are new to the household. Dismissed ones stay as they are."""
    there = {
        insight.dedup_key: insight
        for insight in Insight.objects.filter(book_id=book_id, dedup_key__in=[each.dedup_key for each in findings])
    }
    stored = {key: thresholds_of.as_json() for key, thresholds_of in thresholds.items()}
    fresh = [
        Insight(
            book_id=book_id,
            kind=finding.kind,
            dedup_key=finding.dedup_key,
            event_id=occasion.event_of(finding),
            raised_at=occasion.now,
            last_raised_at=occasion.now,
            state=Insight.State.NEW if occasion.is_news(finding) else Insight.State.EXPIRED,
            state_changed_at=occasion.now,
            **_said(finding, stored),
        )
        for finding in findings
        if finding.dedup_key not in there
    ]
    Insight.objects.bulk_create(fresh)
    known = [
        (there[finding.dedup_key], finding)
        for finding in findings
        if finding.dedup_key in there and there[finding.dedup_key].state != Insight.State.DISMISSED
    ]
    awakened = _bring_up_to_date(known, stored, occasion)
    rows = {insight.dedup_key: insight for insight in [*fresh, *(insight for insight, _ in known)]}
    cited = {rows[each.dedup_key].pk: each.evidence for each in findings if each.dedup_key in rows}
    _write_evidence(cited, book_id=book_id)
    return sum(insight.state == Insight.State.NEW for insight in fresh) + awakened


def _said(finding: Finding, thresholds: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    return {
        "rule_version": finding.rule_version,
        "severity": str(finding.severity),
        "template": finding.template,
        "params": dict(finding.params),
        "thresholds": thresholds[finding.kind],
        "scope": finding.scope,
        "payee": finding.payee,
        "payee_key": finding.payee_key,
        "subject_date": finding.subject_date,
        "expires_on": finding.expires_on,
    }


def _bring_up_to_date(
    known: Sequence[tuple[Insight, Finding]], thresholds: Mapping[str, Mapping[str, object]], occasion: Occasion
) -> int:
    """Rows take over what is said now. What had resolved or passed and holds again is new again; returns how many."""
    changed, awakened = [], 0
    for insight, finding in known:
        said = _said(finding, thresholds)
        awakes = not insight.is_open and occasion.is_news(finding)
        if not awakes and all(getattr(insight, name) == value for name, value in said.items()):
            continue
        for name, value in said.items():
            setattr(insight, name, value)
        insight.last_raised_at = occasion.now
        if awakes:
            insight.state, insight.snoozed_until = Insight.State.NEW, None
            insight.state_changed_at, insight.state_changed_by = occasion.now, None
            awakened += 1
        changed.append(insight)
    if changed:
        life = ["last_raised_at", "state", "snoozed_until", "state_changed_at", "state_changed_by"]
        Insight.objects.bulk_update(changed, [*_SAID, *life], batch_size=500)
    return awakened


def _write_evidence(wanted: Mapping[int, Sequence[Evidence]], *, book_id: int) -> None:
    """Replace the evidence of those insights where it changed."""
    there: dict[int, list[tuple[object, ...]]] = defaultdict(list)
    rows = InsightEvidence.objects.filter(insight_id__in=list(wanted)).order_by("insight_id", "position")
    for row in rows:
        there[row.insight_id].append(tuple(getattr(row, name) for name in _CITED))
    changed = {
        insight_id: evidence
        for insight_id, evidence in wanted.items()
        if there.get(insight_id, []) != [tuple(getattr(each, name) for name in _CITED) for each in evidence]
    }
    if not changed:
        return
    InsightEvidence.objects.filter(insight_id__in=[each for each in changed if each in there]).delete()
    InsightEvidence.objects.bulk_create(
        (
            InsightEvidence(
                book_id=book_id,
                insight_id=insight_id,
                position=position,
                **{name: getattr(each, name) for name in _CITED},
            )
            for insight_id, evidence in changed.items()
            for position, each in enumerate(evidence, start=1)
        ),
        batch_size=EVIDENCE_AT_ONCE,
    )


def resolve_others(
    *,
    book_id: int,
    kinds: Collection[str],
    scopes: Collection[str] | None,
    keep: Collection[str],
    since: datetime.date,
    until: datetime.date,
    now: datetime.datetime,
) -> int:
    """Open insights of what was looked at (None: everything) that did not come up again have resolved themselves."""
    looked_at = Insight.objects.open().filter(
        book_id=book_id, kind__in=list(kinds), subject_date__gte=since, subject_date__lte=until
    )
    if scopes is not None:
        looked_at = looked_at.filter(scope__in=list(scopes))
    gone = looked_at.exclude(dedup_key__in=list(keep))
    return gone.update(state=Insight.State.RESOLVED, state_changed_at=now, state_changed_by=None)


def let_pass(*, book_id: int, news_since: datetime.date, on: datetime.date, now: datetime.datetime) -> int:
    """Open insights that time has passed by are over."""
    passed = Q(subject_date__lt=news_since) | Q(expires_on__lt=on)
    return (
        Insight.objects.open()
        .filter(passed, book_id=book_id)
        .update(state=Insight.State.EXPIRED, state_changed_at=now, state_changed_by=None)
    )
