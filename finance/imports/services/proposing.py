"""What LifeOS proposes for new rows: first the book's rules, then what is certain, then what it has learned."""

import datetime
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.utils.translation import gettext

from core.formatting import date_text
from finance.figures import money_text
from finance.imports.expected import expected_on, paid_by
from finance.imports.models import ImportBatch, ImportRow
from finance.imports.parsers.words import bare_number
from finance.imports.refunds import Incoming, Purchase, purchases_given_back
from finance.imports.selectors import numbers_by_account
from finance.imports.services.refunds import purchases_of
from finance.imports.staged import StagedRow
from finance.imports.suggestions.reader import Asked, Suggested, Suggestions
from finance.ledger.models import Account
from finance.rules.engine import Outcome, Step, Subject, key_words
from finance.rules.models import RuleLog
from finance.rules.selectors import engine_of

# Set by `Proposer.propose`, beside what judging sets.
PROPOSED_FIELDS = (
    "counter_account",
    "suggestion",
    "suggestions",
    "new_payee",
    "memo",
    "split",
    "tags",
    "refund_of",
    "refund_of_line",
    "decision",
)
_SAID = 200
Proposable = ImportRow | StagedRow
# A row, what a rule did to it, and its place among those that did something.
Logged = tuple[Proposable, Step, int]


class Moved(NamedTuple):
    """A new row of the statement, as far as refunds are concerned: minor units, money out negative."""

    line: int
    date: datetime.date
    amount: int
    payee: str


class Proposer:
    """The rules and what was learned, for the rows of one account; asked chunk by chunk."""

    def __init__(self, *, account: Account, batch: ImportBatch) -> None:
        self._account = account
        self._engine = engine_of(book=batch.book)
        self._suggestions = Suggestions(account=account)
        self._own = _own_accounts(account)
        self._expected = expected_on(account)
        self._refunds: dict[int, Purchase] = {}

    def look_for_refunds(self, moved: Iterable[Moved]) -> None:
        """Find the purchases that new rows of the statement give back; all of its new rows are asked about at once."""
        moved = [row for row in moved if row.amount]
        coming = [
            Incoming(line=row.line, key=key, date=row.date, amount=row.amount)
            for row in moved
            if row.amount > 0 and (key := key_words(row.payee))
        ]
        if not coming:
            return
        keys, days = {row.key for row in coming}, [row.date for row in coming]
        own = [
            Purchase(key=key, date=row.date, amount=-row.amount, left=-row.amount, payee=row.payee, line=row.line)
            for row in moved
            if row.amount < 0 and (key := key_words(row.payee)) in keys
        ]
        known = purchases_of(account=self._account, keys=keys, first=min(days), last=max(days))
        self._refunds = purchases_given_back(coming, [*known, *own])

    def _give_back(self, row: Proposable) -> None:
        """Propose the category of the purchase that the row gives back, unless there is another one already."""
        purchase = self._refunds.get(row.number)
        if purchase is None or row.fate != ImportRow.Status.NEW or row.split:
            return
        if row.counter_account_id is not None and row.counter_account_id != purchase.category_id:
            return
        row.refund_of_id, row.refund_of_line = purchase.entry_id, purchase.line
        row.counter_account_id = row.counter_account_id or purchase.category_id
        amount = money_text(purchase.amount, currency=self._account.currency)
        said = gettext("Refund of “%(payee)s” of %(day)s, %(amount)s") % {
            "payee": purchase.payee[:60], "day": date_text(purchase.date), "amount": amount,
        }  # fmt: skip
        if purchase.line is not None:
            said += gettext(" in line %(line)d, whose category it takes") % {"line": purchase.line}
        row.suggestion = " · ".join(filter(None, [said, row.suggestion]))[:_SAID]

    def _pay(self, row: Proposable) -> None:
        """Propose what the row pays, such as an open invoice or an instalment, unless there is a category already."""
        if not self._expected or row.counter_account_id is not None or row.split or not row.amount or row.date is None:
            return
        paid = paid_by(
            self._expected, payee=row.payee, description=row.description, amount=row.amount, date=row.date
        )  # fmt: skip
        if paid is None:
            return
        parts, why = paid.parts, paid.why
        if row.amount != paid.amount and paid.other_parts is not None:
            parts, why = paid.other_parts(row.amount) or (parts, why)
        row.suggestion = why[:_SAID]
        if not parts:
            row.counter_account_id = paid.account_id
            return
        row.split = [{"account": account, "amount": amount, "note": ""} for account, amount in parts]
        # An instalment is paid once; another row of that amount is something else.
        self._expected.remove(paid)

    def propose(self, rows: Sequence[Proposable]) -> list[Logged]:
        """Set payee, category, split, note and decision of the rows where nobody has decided yet.

        Saves nothing; returns the log of what the rules did, for `keep_log` once the rows are saved.
        """
        log: list[Logged] = []
        left: list[tuple[Proposable, Asked]] = []
        for row in rows:
            if row.decided_at is not None or not row.booked or row.fate == ImportRow.Status.ERROR:
                continue
            if row.date is None or not row.amount:
                continue
            outcome = self._engine.run(subject_of(row, self._account)) if self._engine else None
            _take(row, outcome)
            # Money between the household's own accounts is a transfer, whatever such rows were booked to before.
            own = self._own.get(bare_number(row.counterparty_account)) if row.counterparty_account else None
            if own is not None and row.counter_account_id is None and not row.split:
                row.counter_account_id = own.pk
                row.suggestion = gettext("The other side is your account “%(name)s”.") % {"name": own.name[:80]}
            self._pay(row)
            if outcome is not None:
                log += [(row, step, place) for place, step in enumerate(outcome.steps, 1)]
            left.append((row, Asked(payee=row.payee, description=row.description, amount=row.amount)))
        for (row, _asked), found in zip(left, self._suggestions.for_rows([asked for _row, asked in left]), strict=True):
            _fill(row, found)
            if self._refunds:
                self._give_back(row)
        return log


def _own_accounts(account: Account) -> dict[str, Account]:
    """The book's other accounts of the same currency, by the numbers of their confirmed files."""
    numbers = numbers_by_account(book_id=account.book_id)
    others = Account.objects.open().filter(pk__in=numbers, currency=account.currency).exclude(pk=account.pk)
    return {number: own for own in others.order_by("pk") for number in numbers[own.pk]}


def _fill(row: Proposable, found: Suggested) -> None:
    """Take what was learned where no rule has decided."""
    row.new_payee = row.new_payee or found.name
    if row.counter_account_id is not None or row.split:
        return
    row.suggestions = [{"account": x.account_id, "chance": x.chance, "why": x.why} for x in found.offers]
    if found.chosen is not None:
        row.counter_account_id = found.chosen.account_id
        row.suggestion = " · ".join(filter(None, [row.suggestion, found.chosen.why]))[:_SAID]


def subject_of(row: Proposable, account: Account) -> Subject:
    """The row as rules see it."""
    if row.date is None or row.amount is None:
        raise ValueError("only rows with date and amount are seen by rules")
    return Subject(
        account_id=account.pk, amount=row.amount, currency=account.currency, date=row.date, payee=row.payee,
        description=row.description, original=row.payee, counterparty="".join(row.counterparty_account.split()),
    )  # fmt: skip


def _take(row: Proposable, outcome: Outcome | None) -> None:
    row.suggestions, row.suggestion, row.decision = [], "", ImportRow.Decision.NONE.value
    row.refund_of_id, row.refund_of_line = None, None
    row.counter_account_id, row.split, row.new_payee, row.memo, row.tags = None, [], "", "", []
    if outcome is None or not outcome.steps:
        return
    after = outcome.subject
    row.counter_account_id = after.category_id
    row.split = [{"account": each.account_id, "amount": each.amount, "note": each.note} for each in after.shares]
    row.new_payee = after.payee if after.payee != row.payee else ""
    row.memo, row.tags = after.note, list(after.tags)
    ignored = after.ignored and row.fate == ImportRow.Status.NEW
    if ignored:
        row.decision = ImportRow.Decision.IGNORE.value
    decider = outcome.decider("ignored") if ignored else outcome.decider("category_id", "shares")
    decider = decider or outcome.decider("payee", "note", "tags")
    said = [gettext("Rule “%(name)s”") % {"name": decider.name}] if decider else []
    said += [
        gettext("Rule “%(name)s” was not carried out: %(problem)s.") % {"name": step.name, "problem": step.problem}
        for step in outcome.steps
        if step.problem
    ]
    row.suggestion = " · ".join(said)[:_SAID]


def keep_log(log: Sequence[Logged]) -> None:
    """Write the log of rows that are saved by now."""
    RuleLog.objects.bulk_create(
        (
            RuleLog(
                book_id=row.book_id, rule_id=step.rule_id, version=step.version, row_id=row.pk, step=place,
                changes=step.changes, problem=step.problem[:_SAID],
            )
            for row, step, place in log
        ),
        batch_size=2000,
    )  # fmt: skip
