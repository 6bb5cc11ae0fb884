"""What a rule returns: a sentence's name and figures, and the evidence from which every figure can be computed again."""

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from finance import money
from insights.rules.facts import Movement

# Payments that one is compared with at most, so that the evidence of a busy payee stays bounded.
MAX_COMPARED = 200
# Figures that a finding can cite. What cannot be cited whole is not said.
MAX_EVIDENCE = 5000


class Severity(StrEnum):
    """How much it asks for attention."""

    INFO = "info"
    NOTICE = "notice"
    WARNING = "warning"


class EvidenceRole(StrEnum):
    """Why something is cited."""

    SUBJECT = "subject"  # an entry that the sentence is about
    COMPARED = "compared"  # an earlier entry that it was compared with, or that an expected one is told from
    EXPECTED = "expected"  # the last time of something that is about to come again
    MONTH = "month"  # a whole month of a category
    BALANCE = "balance"  # what an account held at the end of a day


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One figure that a sentence was computed from, in minor units, and what it is the figure of.

    That is an entry (what was paid by it; negative where money came in), or by its `date` a month of a category (its
    first day; what was spent) or a balance (what was held at the end of that day).
    """

    role: EvidenceRole
    amount: int
    currency: str
    entry_id: int | None = None
    date: datetime.date | None = None
    expected_on: datetime.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something worth a look.

    `template` names the sentence, `params` holds its figures ready for JSON; each of them can be computed from
    `evidence`. `scope` is what was looked at ("payee:…", "account:…"): when it is looked at again and the finding does
    not come up, it has resolved itself. Two findings with one `dedup_key` are the same finding. After `expires_on` it is
    no longer news.
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


def cite(movement: Movement, role: EvidenceRole, *, expected_on: datetime.date | None = None) -> Evidence:
    """The entry of a movement, with what was paid by it."""
    return Evidence(
        role=role,
        amount=movement.paid,
        currency=movement.currency,
        entry_id=movement.entry_id,
        expected_on=expected_on,
    )


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
