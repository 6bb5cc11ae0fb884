"""What a rule returns: a sentence's name and figures, and the entries that prove it."""

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from finance import money

# More entries than a person reads; the sentence carries the totals.
MAX_EVIDENCE = 12


class Severity(StrEnum):
    """How much it asks for attention."""

    INFO = "info"
    NOTICE = "notice"
    WARNING = "warning"


class EvidenceRole(StrEnum):
    """Why an entry is cited."""

    SUBJECT = "subject"  # what the sentence is about
    COMPARED = "compared"  # what it was compared with
    EXPECTED = "expected"  # the last time of something that is about to come again


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One entry and its figure: minor units paid (money that came in is negative)."""

    entry_id: int
    role: EvidenceRole
    amount: int
    currency: str
    expected_on: datetime.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something worth a look.

    `template` names the sentence, `params` holds its figures ready for JSON. `scope` is what was looked at
    ("payee:…", "account:…"): when it is looked at again and the finding does not come up, it has resolved itself.
    Two findings with one `dedup_key` are the same finding. After `expires_on` it is no longer news.
    """

    kind: str
    rule_version: int
    severity: Severity
    template: str
    params: Mapping[str, Any]
    evidence: Sequence[Evidence]
    scope: str
    dedup_key: str
    subject_date: datetime.date
    payee: str = ""
    payee_key: str = ""
    expires_on: datetime.date | None = None


def dedup_key(kind: str, *parts: object) -> str:
    """A short name of the finding that survives corrections of its entries: built from what it says, not from ids."""
    text = "\x1f".join(str(part) for part in parts)
    return f"{kind}:{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


def payee_scope(payee_key: str) -> str:
    return f"payee:{payee_key}"


def account_scope(account_id: int) -> str:
    return f"account:{account_id}"


def figure(minor_units: int, currency: str) -> dict[str, str]:
    """An amount as a sentence's figure: decimal text and currency."""
    return {"amount": money.format_amount(minor_units, currency=currency), "currency": currency}


def day(date: datetime.date) -> dict[str, str]:
    """A day as a sentence's figure."""
    return {"day": date.isoformat()}


def month(date: datetime.date) -> dict[str, str]:
    """A month as a sentence's figure."""
    return {"month": date.strftime("%Y-%m")}
