"""What LifeOS proposes for new rows: first the book's rules, then what is certain, then what it has learned."""

from collections.abc import Sequence

from django.utils.translation import gettext

from finance.imports.models import ImportBatch, ImportRow, ImportStatement
from finance.imports.parsers.words import bare_number
from finance.imports.suggestions.reader import Asked, Suggested, Suggestions
from finance.ledger.models import Account
from finance.rules.engine import Outcome, Subject
from finance.rules.models import RuleLog
from finance.rules.selectors import engine_of

# Set by `Proposer.propose`, beside what judging sets.
PROPOSED_FIELDS = ("counter_account", "suggestion", "suggestions", "new_payee", "memo", "split", "decision")
_SAID = 200
# Shorter numbers of accounts may be anybody's.
_SHORTEST_NUMBER = 6


class Proposer:
    """The rules and what was learned, for the rows of one account; asked chunk by chunk."""

    def __init__(self, *, account: Account, batch: ImportBatch) -> None:
        self._account = account
        self._engine = engine_of(book=batch.book)
        self._suggestions = Suggestions(account=account)
        self._own = _own_accounts(account)

    def propose(self, rows: Sequence[ImportRow]) -> list[RuleLog]:
        """Set payee, category, split, note and decision of the rows where nobody has decided yet.

        Saves nothing; returns the log of what the rules did, for `keep_log` once the rows are saved.
        """
        log: list[RuleLog] = []
        left: list[tuple[ImportRow, Asked]] = []
        for row in rows:
            if row.decided_at is not None or not row.booked or row.fate == ImportRow.Status.ERROR:
                continue
            if row.date is None or not row.amount:
                continue
            outcome = self._engine.run(subject_of(row, self._account))
            _take(row, outcome)
            # Money between the household's own accounts is a transfer, whatever such rows were booked to before.
            own = self._own.get(bare_number(row.counterparty_account)) if row.counterparty_account else None
            if own is not None and row.counter_account_id is None and not row.split:
                row.counter_account_id = own.pk
                row.suggestion = gettext("The other side is your account “%(name)s”.") % {"name": own.name[:80]}
            log += [
                RuleLog(
                    book_id=row.book_id, rule_id=step.rule_id, version=step.version, row=row, step=place,
                    changes=step.changes, problem=step.problem[:_SAID],
                )
                for place, step in enumerate(outcome.steps, 1)
            ]  # fmt: skip
            left.append((row, Asked(payee=row.payee, description=row.description, amount=row.amount)))
        for (row, _asked), found in zip(left, self._suggestions.for_rows([asked for _row, asked in left]), strict=True):
            _fill(row, found)
        return log


def _own_accounts(account: Account) -> dict[str, Account]:
    """The book's other accounts of the same currency, by the numbers that their confirmed files bear."""
    statements = ImportStatement.objects.filter(
        book=account.book_id,
        batch__state=ImportBatch.State.CONFIRMED,
        currency=account.currency,
        account__closed_on=None,
    )
    numbered = statements.exclude(external_account="").exclude(account=None).order_by("pk").select_related("account")
    found = {bare_number(each.external_account): each.account for each in numbered}
    return {
        number: own
        for number, own in found.items()
        if own is not None and own.pk != account.pk and len(number) >= _SHORTEST_NUMBER
    }


def _fill(row: ImportRow, found: Suggested) -> None:
    """Take what was learned where no rule has decided."""
    row.new_payee = row.new_payee or found.name
    if row.counter_account_id is not None or row.split:
        return
    row.suggestions = [{"account": x.account_id, "chance": x.chance, "why": x.why} for x in found.offers]
    if found.chosen is not None:
        row.counter_account_id = found.chosen.account_id
        row.suggestion = " · ".join(filter(None, [row.suggestion, found.chosen.why]))[:_SAID]


def subject_of(row: ImportRow, account: Account) -> Subject:
    """The row as rules see it."""
    if row.date is None or row.amount is None:
        raise ValueError("only rows with date and amount are seen by rules")
    return Subject(
        account_id=account.pk, amount=row.amount, currency=account.currency, date=row.date, payee=row.payee,
        description=row.description, original=row.payee, counterparty="".join(row.counterparty_account.split()),
    )  # fmt: skip


def _take(row: ImportRow, outcome: Outcome) -> None:
    after = outcome.subject
    row.counter_account_id = after.category_id
    row.split = [{"account": each.account_id, "amount": each.amount, "note": each.note} for each in after.shares]
    row.new_payee = after.payee if after.payee != row.payee else ""
    row.memo = after.note
    row.suggestions = []
    ignored = after.ignored and row.fate == ImportRow.Status.NEW
    row.decision = ImportRow.Decision.IGNORE if ignored else ImportRow.Decision.NONE
    decider = outcome.decider("ignored") if ignored else outcome.decider("category_id", "shares")
    decider = decider or outcome.decider("payee", "note")
    said = [f"Rule “{decider.name}”"] if decider else []
    said += [f"Rule “{step.name}” was not carried out: {step.problem}." for step in outcome.steps if step.problem]
    row.suggestion = " · ".join(said)[:_SAID]


def keep_log(log: Sequence[RuleLog]) -> None:
    """Write the log of rows that are saved by now."""
    for entry in log:
        entry.row_id = entry.row.pk if entry.row else None
    RuleLog.objects.bulk_create(log, batch_size=2000)
