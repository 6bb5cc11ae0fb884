"""Everything that changes insights: evaluating the books, and what people do with what was noticed."""

import datetime
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from core.clock import today_in
from finance import facts as books
from finance.errors import Conflict, Invalid
from identity.models import User
from insights import facts_loader, reconcile
from insights.models import Insight, MutedPayee, RuleSetting
from insights.rules.catalogue import RULES, find_with
from insights.rules.facts import Facts
from insights.rules.findings import Finding, account_scope, payee_scope
from insights.switches import Switch, switches_of

# Insights are news for a season of the books; what is older belongs to a backfill.
NEWS_DAYS = 92
# Payments written down for a later day are looked at as far as this.
FUTURE_DAYS = 366


@transaction.atomic
def evaluate(
    *,
    book_id: int,
    entry_ids: Collection[int],
    now: datetime.datetime,
    events: Mapping[int, int] | None = None,
    event_id: int | None = None,
) -> int:
    """Look again at everything that these entries are about; returns how many insights are new.

    The answer depends on the books and the day alone: twice the same events, or in another order, change nothing.
    `events` tells the outbox message of each entry, `event_id` the one of the call. The number of queries does not
    depend on the number of entries.
    """
    reconcile.hold_book(book_id=book_id)
    book = books.books(book_ids=[book_id]).get(book_id)
    if book is None:
        return 0
    on = today_in(book, now=now)
    occasion = reconcile.Occasion(
        now=now, on=on, news_since=news_since(book_id=book_id, on=on), events=events or {}, event_id=event_id
    )
    accounts = books.accounts(book_id=book_id)
    touched = facts_loader.touched_by(books.entries(book_id=book_id, entry_ids=entry_ids), accounts)
    return _look_at(touched, accounts, book_id=book_id, occasion=occasion)


@transaction.atomic
def evaluate_day(*, book_id: int, now: datetime.datetime, event_id: int | None = None) -> int:
    """Look again at what changes by time alone, the coming days of the accounts; returns how many insights are new."""
    reconcile.hold_book(book_id=book_id)
    book = books.books(book_ids=[book_id]).get(book_id)
    accounts = books.accounts(book_id=book_id) if book else {}
    watched = frozenset(each.id for each in accounts.values() if facts_loader.is_watched(each))
    if book is None or not watched:
        return 0
    on = today_in(book, now=now)
    occasion = reconcile.Occasion(
        now=now, on=on, news_since=news_since(book_id=book_id, on=on), events={}, event_id=event_id
    )
    touched = facts_loader.Touched(payee_keys=frozenset(), category_ids=frozenset(), account_ids=watched)
    return _look_at(touched, accounts, book_id=book_id, occasion=occasion)


def news_since(*, book_id: int, on: datetime.date) -> datetime.date:
    """First day of the season that is news: counted back from the newest entry, so that old books have news as well."""
    newest = books.newest_entry_date(book_id=book_id, until=on) or on
    return newest - datetime.timedelta(days=NEWS_DAYS)


def _look_at(
    touched: facts_loader.Touched,
    accounts: Mapping[int, books.AccountFact],
    *,
    book_id: int,
    occasion: reconcile.Occasion,
) -> int:
    switches = {kind: switch for kind, switch in switches_of(book_id=book_id).items() if switch.enabled}
    facts = facts_of(
        touched,
        accounts,
        book_id=book_id,
        occasion=occasion,
        looks_at={each.rule.looks_at for each in switches.values()},
    )
    findings = reconcile.without_muted(find_all(switches.values(), facts), book_id=book_id)
    reconcile.let_pass(book_id=book_id, news_since=occasion.news_since, on=occasion.on, now=occasion.now)
    raised = reconcile.raise_findings(
        findings,
        book_id=book_id,
        thresholds={kind: switch.thresholds for kind, switch in switches.items()},
        occasion=occasion,
    )
    reconcile.resolve_others(
        book_id=book_id,
        kinds=switches,
        scopes=[
            *(payee_scope(key) for key in touched.payee_keys),
            *(account_scope(each) for each in touched.category_ids | touched.account_ids),
        ],
        keep=[finding.dedup_key for finding in findings],
        since=facts.since,
        until=facts.until,
        now=occasion.now,
    )
    return raised


def facts_of(
    touched: facts_loader.Touched,
    accounts: Mapping[int, books.AccountFact],
    *,
    book_id: int,
    occasion: reconcile.Occasion,
    looks_at: Collection[str],
) -> Facts:
    """The facts about what was touched, for the season that is news."""
    since, until = occasion.news_since, occasion.on + datetime.timedelta(days=FUTURE_DAYS)
    return Facts(
        on=occasion.on,
        since=since,
        until=until,
        payees=facts_loader.payees(
            book_id=book_id, accounts=accounts, payee_keys=touched.payee_keys, since=since, until=until
        )
        if "payees" in looks_at and touched.payee_keys
        else {},
        categories=facts_loader.categories(
            book_id=book_id, accounts=accounts, category_ids=touched.category_ids, since=since, until=until
        )
        if "categories" in looks_at and touched.category_ids
        else (),
        accounts=facts_loader.outlooks(
            book_id=book_id,
            accounts=accounts,
            account_ids=touched.account_ids,
            days=[occasion.on],
            today=occasion.on,
        )
        if "accounts" in looks_at
        else (),
    )


def find_all(switches: Iterable[Switch], facts: Facts) -> list[Finding]:
    """What all the rules find."""
    return [finding for switch in switches for finding in find_with(switch.rule, facts, switch.thresholds)]


@transaction.atomic
def evaluate_account(*, book_id: int, account_id: int, now: datetime.datetime) -> int:
    """An account was closed: what was said of it no longer matters. Returns how many insights resolved."""
    reconcile.hold_book(book_id=book_id)
    open_ones = Insight.objects.open().filter(book_id=book_id, scope=account_scope(account_id))
    return open_ones.update(state=Insight.State.RESOLVED, state_changed_at=now, state_changed_by=None)


@transaction.atomic
def mark_seen(*, insight: Insight, actor: User, now: datetime.datetime) -> Insight:
    """New becomes seen; anything else stays."""
    return _change(insight, Insight.State.SEEN, of=[Insight.State.NEW], actor=actor, now=now)


@transaction.atomic
def dismiss(*, insight: Insight, actor: User, now: datetime.datetime) -> Insight:
    """The household has dealt with it; it does not come back."""
    return _change(insight, Insight.State.DISMISSED, of=Insight.OPEN_STATES, actor=actor, now=now)


@transaction.atomic
def reopen(*, insight: Insight, actor: User, now: datetime.datetime) -> Insight:
    """Take a dismissal back."""
    return _change(insight, Insight.State.SEEN, of=[Insight.State.DISMISSED], actor=actor, now=now)


@transaction.atomic
def snooze(
    *, insight: Insight, actor: User, until: datetime.date, on: datetime.date, now: datetime.datetime
) -> Insight:
    """Out of sight until that day. Raises Invalid for a day that is not ahead, Conflict for what is not open."""
    if until <= on:
        raise Invalid(field="until", reason=_("Choose a day after today."))
    changed = Insight.objects.open().filter(pk=insight.pk)
    if not changed.update(snoozed_until=until, state=Insight.State.SEEN, state_changed_at=now, state_changed_by=actor):
        raise Conflict(reason=_("Only an open insight can be snoozed."))
    insight.refresh_from_db()
    return insight


@transaction.atomic
def wake(*, insight: Insight, actor: User, now: datetime.datetime) -> Insight:
    """Back into sight before its day; what is not snoozed stays as it is."""
    Insight.objects.open().filter(pk=insight.pk).exclude(snoozed_until=None).update(
        snoozed_until=None, state_changed_at=now, state_changed_by=actor
    )
    insight.refresh_from_db()
    return insight


@transaction.atomic
def mute_payee(*, insight: Insight, actor: User, now: datetime.datetime) -> MutedPayee:
    """No more insights of this kind about the payee; the open ones are dismissed.

    Raises Invalid where the insight is not about a payee.
    """
    if not insight.payee_key:
        raise Invalid(reason=_("This insight is not about a payee."))
    reconcile.hold_book(book_id=insight.book_id)
    muted, _created = MutedPayee.objects.get_or_create(
        book_id=insight.book_id,
        kind=insight.kind,
        payee_key=insight.payee_key,
        defaults={"payee": insight.payee, "muted_by": actor, "muted_at": now},
    )
    about = Insight.objects.open().filter(book_id=insight.book_id, kind=insight.kind, payee_key=insight.payee_key)
    about.update(state=Insight.State.DISMISSED, state_changed_at=now, state_changed_by=actor)
    return muted


@transaction.atomic
def unmute_payee(*, muted: MutedPayee) -> None:
    """Let insights about the payee come up again, from the next posting on."""
    muted.delete()


@transaction.atomic
def set_rule(*, book_id: int, kind: str, enabled: bool, thresholds: Mapping[str, Any]) -> Switch:
    """Switch a rule on or off for the book and set its thresholds (JSON as `Thresholds.read` takes it; all or some).

    Values equal to the installation's are not stored, so that a later change of those still reaches the book. The change
    applies from the next posting on; insights raised before stay. Raises KeyError for an unknown kind, ThresholdsInvalid.
    """
    rule = RULES[kind]
    reconcile.hold_book(book_id=book_id)
    own = switches_of(book_id=book_id)[kind]
    wanted = rule.settings.read({**own.thresholds.as_json(), **thresholds}).as_json()
    inherited = switches_of(book_id=None)[kind]
    usual = inherited.thresholds.as_json()
    other = {name: value for name, value in wanted.items() if value != usual[name]}
    if other or enabled != inherited.enabled:
        RuleSetting.objects.update_or_create(
            book_id=book_id,
            kind=kind,
            defaults={"enabled": None if enabled == inherited.enabled else enabled, "thresholds": other},
        )
    else:
        RuleSetting.objects.filter(book_id=book_id, kind=kind).delete()
    return switches_of(book_id=book_id)[kind]


def _change(insight: Insight, state: str, *, of: Collection[str], actor: User, now: datetime.datetime) -> Insight:
    """Compare and set, so that a handler that resolves it meanwhile wins."""
    Insight.objects.filter(pk=insight.pk, state__in=list(of)).update(
        state=state, state_changed_at=now, state_changed_by=actor
    )
    insight.refresh_from_db()
    return insight
