"""The category that a payee's money usually goes to; none if the history is mixed."""

import datetime
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext

from finance.imports.parsers.words import plain
from finance.ledger.models import Account
from finance.ledger.uncategorised import uncategorised_accounts

_LOOK_BACK = datetime.timedelta(days=730)
# Share of a payee's entries that must agree.
_AGREEMENT = 0.6

# What each payee's two-line entries were booked against: categories of the whole book, and other accounts of the
# household where the other line is on this one. Entries taken back do not count.
_HISTORY = """
SELECT entry.payee, line.account_id, line.amount > 0 AS spent, count(*), max(entry.date)
  FROM finance_journalentry AS entry
  JOIN finance_journalline AS line ON line.entry_id = entry.id
  JOIN finance_account AS account ON account.id = line.account_id
 WHERE entry.book_id = %(book)s AND entry.date >= %(since)s AND entry.payee <> ''
   AND entry.line_count = 2 AND entry.reverses_id IS NULL
   AND account.currency = %(currency)s AND account.closed_on IS NULL AND account.id <> %(account)s
   AND account.id <> ALL(%(excluded)s::bigint[])
   AND (account.type IN ('income', 'expense')
        OR EXISTS (SELECT FROM finance_journalline AS own WHERE own.entry_id = entry.id AND own.account_id = %(account)s))
   AND NOT EXISTS (SELECT FROM finance_journalentry AS taken WHERE taken.reverses_id = entry.id)
 GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """An account to post against, and the reason as a sentence."""

    account_id: int
    reason: str


def payee_key(payee: str) -> str:
    """The words of a payee without branch numbers, card numbers and dates."""
    words = [word for word in plain(payee).split() if len(word) > 1 and not any(c.isdigit() for c in word)]
    return " ".join(words)


class Suggestions:
    """The history of one account's book, read once and asked per row without further queries.

    It is empty where the operator switched learning off (ENABLE_ML).
    """

    def __init__(self, *, account: Account, until: datetime.date) -> None:
        self._votes: dict[tuple[str, bool], dict[int, tuple[int, datetime.date]]] = defaultdict(dict)
        if not settings.ENABLE_ML:
            return
        excluded = list(uncategorised_accounts(account=account).values_list("pk", flat=True))
        first_day = datetime.date(1, 1, 1)
        parameters: dict[str, Any] = {
            "book": account.book_id,
            "since": max(until - _LOOK_BACK, first_day) if until.year > 2 else first_day,
            "currency": account.currency,
            "account": account.pk,
            "excluded": excluded,
        }
        with connection.cursor() as cursor:
            cursor.execute(_HISTORY, parameters)
            history = cursor.fetchall()
        for payee, account_id, spent, count, last in history:
            votes = self._votes[payee_key(payee), spent]
            before, latest = votes.get(account_id, (0, last))
            votes[account_id] = before + count, max(latest, last)

    def for_payee(self, payee: str, *, amount: int) -> Suggestion | None:
        """The category for money out (amount < 0) or in, or None when there is no history or it is mixed."""
        votes = self._votes.get((payee_key(payee), amount < 0))
        if not votes or not payee_key(payee):
            return None
        account_id, (count, _last) = max(votes.items(), key=lambda item: item[1])
        total = sum(number for number, _day in votes.values())
        if count < _AGREEMENT * total:
            return None
        reason = gettext("%(count)d of %(total)d earlier entries of this payee went here.")
        return Suggestion(account_id=account_id, reason=reason % {"count": count, "total": total})
