"""Insights, muted payees and the rules' settings in an export of the whole book, and back.

A finding is known again by a key that is made of what it says and of the number of its account. In the new book the
account has another number, so the key is computed again: what was dismissed stays dismissed when its entries are evaluated.
"""

import datetime
import uuid
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from finance import facts, money
from finance.book_archive.parts import Arrival, Book, BookUnreadable, Part, User, add_part
from finance.errors import FinanceError
from insights.models import Insight, InsightEvidence, Kind, MutedPayee, RuleSetting
from insights.rules.catalogue import RULES
from insights.rules.findings import account_scope, dedup_key
from insights.rules.thresholds import ThresholdsInvalid

VERSION = 1
_AT_ONCE = 1000
# What an insight says that means the same in any book.
_AS_THEY_ARE = (
    *("kind", "rule_version", "severity", "template", "params", "thresholds", "payee", "payee_key", "state"),
    "dedup_key",
)
_DAYS = ("subject_date", "expires_on", "snoozed_until")
_MOMENTS = ("raised_at", "last_raised_at", "state_changed_at")


def give(book: Book, reader: User | None = None) -> dict[str, Any]:
    """Every insight with its evidence, muted payees, and the settings that the book has of its own.

    Evidence names entries by uid; its amounts are decimals. `own`: the reader changed its state last.
    """
    evidence: dict[int, list[InsightEvidence]] = defaultdict(list)
    for each in InsightEvidence.objects.filter(book=book).select_related("entry").order_by("insight_id", "position"):
        evidence[each.insight_id].append(each)
    cited = {each.entry_id for rows in evidence.values() for each in rows if each.entry_id is not None}
    touched = {
        entry.id: [line.account_id for line in entry.lines] for entry in facts.entries(book_id=book.pk, entry_ids=cited)
    }
    muted = MutedPayee.objects.filter(book=book).order_by("pk")
    settings = RuleSetting.objects.filter(book=book).order_by("kind")
    return {
        "version": VERSION,
        "insights": [
            _told(insight, evidence[insight.pk], touched, reader)
            for insight in Insight.objects.filter(book=book).order_by("pk")
        ],
        "muted": [
            {
                **{name: getattr(each, name) for name in ("kind", "payee", "payee_key")},
                "muted_at": each.muted_at.isoformat(),
                "own": reader is not None and each.muted_by_id == reader.pk,
            }
            for each in muted
        ],
        "settings": [{"kind": each.kind, "enabled": each.enabled, "thresholds": each.thresholds} for each in settings],
    }


def _told(
    insight: Insight, evidence: list[InsightEvidence], touched: Mapping[int, list[int]], reader: User | None
) -> dict[str, Any]:
    told: dict[str, Any] = {name: getattr(insight, name) for name in _AS_THEY_ARE}
    for name in (*_DAYS, *_MOMENTS):
        value = getattr(insight, name)
        told[name] = value.isoformat() if value else None
    told["own"] = reader is not None and insight.state_changed_by_id == reader.pk
    told["evidence"] = [
        {
            "entry": str(each.entry.uid) if each.entry else None,
            "date": each.date.isoformat() if each.date else None,
            "role": each.role,
            "amount": money.format_amount(each.amount, currency=each.currency),
            "currency": each.currency,
            "expected_on": each.expected_on.isoformat() if each.expected_on else None,
        }
        for each in evidence
    ]
    told["account"] = None
    if insight.scope.startswith("account:"):
        told["account"] = int(insight.scope.partition(":")[2])
    elif insight.kind != Kind.SUBSCRIPTION_PRICE_RISE:
        # Only the key names the account of the finding: it is one of the accounts of its entries.
        candidates = {account for each in evidence for account in touched.get(each.entry_id or 0, ())}
        fitting = (account for account in sorted(candidates) if _key(told, account=account) == insight.dedup_key)
        told["account"] = next(fitting, None)
    return told


def _key(told: Mapping[str, Any], *, account: int) -> str:
    """The key of the finding if it is about this account, as its rule makes it. Raises as a damaged part does."""
    params, evidence, kind = told["params"], told["evidence"], Kind(told["kind"])

    def minor(given: Mapping[str, str]) -> int:
        return money.parse_amount(given["amount"], currency=given["currency"])

    match kind:
        case Kind.UNUSUAL_AMOUNT:
            return dedup_key(kind, told["payee_key"], account, told["subject_date"], minor(evidence[0]))
        case Kind.POSSIBLE_DUPLICATE:
            first, times = params["first_date"]["day"], params["times"]
            return dedup_key(kind, told["payee_key"], account, minor(evidence[-1]), first, times)
        case Kind.CATEGORY_ABOVE_USUAL:
            multiple = minor(params["amount"]) // minor(params["usual"])
            return dedup_key(kind, account, f"{params['month']['month']}-01", multiple)
        case Kind.LOW_BALANCE_AHEAD:
            return dedup_key(kind, account, datetime.date.fromisoformat(params["date"]["day"]).replace(day=1))
    # Its key names no account.
    return str(told["dedup_key"])


def take(arrival: Arrival, document: Any) -> list[str]:
    """Write them into the new book; returns a sentence for each that is not understood here. Raises BookUnreadable."""
    left: list[str] = []
    try:
        if document["version"] != VERSION:
            reason = _("Insights of version %(version)s are not known here.") % {
                "version": str(document["version"])[:20]
            }
            raise BookUnreadable(reason=reason)
        known = {kind.value for kind in Kind}
        kinds = {each["kind"] for name in ("insights", "muted", "settings") for each in document[name]}
        text = _("Insights of the kind “%(kind)s” are not known here.")
        left += [text % {"kind": kind[:40]} for kind in sorted(kinds - known)]
        unknown = _take_insights(arrival, [each for each in document["insights"] if each["kind"] in known])
        if unknown:
            text = ngettext(
                "%(n)s insight may come up again: the export does not say which account it is about.",
                "%(n)s insights may come up again: the export does not say which account they are about.",
                unknown,
            )
            left.append(text % {"n": unknown})
        MutedPayee.objects.bulk_create(
            [
                MutedPayee(
                    book=arrival.book,
                    **{name: str(each[name]) for name in ("kind", "payee", "payee_key")},
                    muted_at=datetime.datetime.fromisoformat(each["muted_at"]),
                    muted_by=arrival.owner if each["own"] is True else None,
                )
                for each in document["muted"]
                if each["kind"] in known
            ]
        )
        for each in document["settings"]:
            if each["kind"] not in known:
                continue
            try:
                RULES[each["kind"]].settings.read(each["thresholds"])
            except ThresholdsInvalid as error:
                text = _("The thresholds of “%(rule)s” were not imported: %(why)s")
                left.append(text % {"rule": Kind(each["kind"]).label, "why": error})
                continue
            enabled = each["enabled"] if isinstance(each["enabled"], bool) else None
            RuleSetting.objects.create(
                book=arrival.book, kind=each["kind"], enabled=enabled, thresholds=each["thresholds"]
            )
    except FinanceError as error:
        reason = _("The insights of the export are damaged: %(error)s") % {"error": error.detail}
        raise BookUnreadable(reason=reason) from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError) as error:
        reason = _("The insights of the export are damaged: %(error)s.") % {"error": str(error)[:100]}
        raise BookUnreadable(reason=reason) from error
    return left


def _take_insights(arrival: Arrival, given: list[Any]) -> int:
    """Insights with their evidence, by the accounts and entries of the new book; returns how many miss their account."""
    entries = arrival.entries(uuid.UUID(row["entry"]) for each in given for row in each["evidence"] if row["entry"])
    made = []
    for told in given:
        insight = Insight(book=arrival.book, **{name: told[name] for name in _AS_THEY_ARE})
        insight.state, insight.severity = Insight.State(told["state"]), Insight.Severity(told["severity"])
        for name in _DAYS:
            setattr(insight, name, datetime.date.fromisoformat(told[name]) if told[name] else None)
        for name in _MOMENTS:
            setattr(insight, name, datetime.datetime.fromisoformat(told[name]))
        insight.scope = f"payee:{told['payee_key']}"
        if told["account"] is not None:
            account = arrival.account(told["account"]).pk
            insight.dedup_key = _key(told, account=account)
            if not told["payee_key"]:
                insight.scope = account_scope(account)
        insight.state_changed_by = arrival.owner if told["own"] is True else None
        made.append(insight)
    Insight.objects.bulk_create(made, batch_size=_AT_ONCE)
    InsightEvidence.objects.bulk_create(
        [
            InsightEvidence(
                book=arrival.book,
                insight=insight,
                position=position,
                entry_id=entries[uuid.UUID(row["entry"])] if row["entry"] else None,
                date=datetime.date.fromisoformat(row["date"]) if row["date"] else None,
                role=InsightEvidence.Role(row["role"]),
                amount=money.parse_amount(row["amount"], currency=row["currency"]),
                currency=row["currency"],
                expected_on=datetime.date.fromisoformat(row["expected_on"]) if row["expected_on"] else None,
            )
            for insight, told in zip(made, given, strict=True)
            for position, row in enumerate(told["evidence"], start=1)
        ],
        batch_size=_AT_ONCE,
    )
    return sum(told["account"] is None and told["kind"] != Kind.SUBSCRIPTION_PRICE_RISE for told in given)


add_part(Part(name="insights", give=give, take=take))
