"""What people decide about rows before an import is confirmed."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from finance.errors import AccountClosedError, Invalid
from finance.imports.models import ImportBatch, ImportRow
from finance.imports.services.matching import judge_rows
from finance.imports.services.proposing import PROPOSED_FIELDS, Logged, Proposer, keep_log
from finance.imports.services.staging import CHUNK, JUDGED_FIELDS, locked_batch
from finance.ledger.models import Account, AccountKind
from finance.rules.engine import key_words
from finance.rules.models import RuleLog
from identity.models import User

_NO_REFUND = {"refund_of": None, "refund_of_line": None}


@transaction.atomic
def decide_rows(
    *,
    batch: ImportBatch,
    actor: User | None,
    row_ids: Sequence[int] | None = None,
    fate: str | None = None,
    decision: str | None = None,
    counter_account: Account | None = None,
    payee: str | None = None,
) -> int:
    """Decide on chosen rows, or on all of a status; returns how many rows were meant.

    `decision` is "post" (also a row that seems to be known), "match", "ignore" (for good), "leave" (out of this import)
    or "" (as suggested again); None leaves it as it is. "post" takes a line in that was left out as no transaction, if it
    has a date and an amount: it then gets the status that any row would get. "leave" puts it back. `counter_account` is
    the category or the other account of a transfer, `payee` what is posted instead of the bank's text ("" for that text
    again); both go before rules and suggestions. Raises Conflict when the import is not open, Invalid for what cannot be
    done with one of the rows.
    """
    batch = locked_batch(batch)
    rows = _chosen(batch, row_ids, fate)
    changes: dict[str, Any] = {"decided_by": actor, "decided_at": timezone.now()}
    if decision is not None:
        _check_decision(rows, decision)
        changes["decision"] = decision
    if counter_account is not None:
        _check_counter(batch, rows, counter_account)
        changes |= {"counter_account": counter_account, "suggestion": "", "split": []} | _NO_REFUND
    if payee is not None:
        if len(payee) > 200 or "\x00" in payee:
            reason = gettext("The payee has at most 200 characters, and no null character.")
            raise Invalid(field="payee", reason=reason)
        changes["new_payee"] = " ".join(payee.split())
    if len(changes) == 2:
        raise Invalid(field="decision", reason=gettext("Choose a decision, a category or a payee for the rows."))
    moved = []
    if decision == ImportRow.Decision.POST:
        moved = _take_in(batch, list(rows.filter(fate=ImportRow.Status.LEFT_OUT)))
    elif decision == ImportRow.Decision.LEAVE:
        moved = _put_back(list(rows.exclude(left_out="")))
    # Those have a new status, which decides until somebody else does.
    others = rows.exclude(pk__in=moved).update(**changes)
    return others + ImportRow.objects.filter(pk__in=moved).update(**changes | {"decision": ""})


def _chosen(batch: ImportBatch, row_ids: Sequence[int] | None, fate: str | None) -> QuerySet[ImportRow]:
    rows = ImportRow.objects.filter(batch=batch)
    if row_ids is None and fate is None:
        raise Invalid(field="rows", reason=gettext("Choose rows, or a status."))
    if fate is not None:
        if fate not in ImportRow.Status.values:
            raise Invalid(
                field="fate",
                reason=gettext("%(fate)s is none of %(names)s.")
                % {"fate": fate, "names": ", ".join(ImportRow.Status.values)},
            )
        rows = rows.filter(fate=fate)
    if row_ids is not None:
        rows = rows.filter(pk__in=row_ids)
        if fate is None and rows.count() != len(set(row_ids)):
            raise Invalid(field="rows", reason=gettext("Some of these rows are not in this import."))
    return rows


def _take_in(batch: ImportBatch, rows: list[ImportRow]) -> list[int]:
    """Judge lines that were left out like any row, beside the rows of the same amount, with which they might be mixed up."""
    log: list[Logged] = []
    for account in {row.account for row in rows if row.account is not None}:
        account.book = batch.book
        own = {row.pk: row for row in rows if row.account_id == account.pk}
        amounts = {row.amount for row in own.values()}
        twins = ImportRow.objects.filter(batch=batch, account=account, booked=True, amount__in=amounts)
        for row in own.values():
            row.booked, row.fate = True, ImportRow.Status.NEW
        judge_rows(rows=[*twins.order_by("pk"), *own.values()], account=account, batch=batch)
        log += Proposer(account=account, batch=batch).propose(list(own.values()))
    ImportRow.objects.bulk_update(rows, [*JUDGED_FIELDS, *PROPOSED_FIELDS, "booked"], batch_size=CHUNK)
    RuleLog.objects.filter(row__in=rows).delete()
    keep_log(log)
    return [row.pk for row in rows]


def _put_back(rows: list[ImportRow]) -> list[int]:
    """Lines that were taken in become what they were."""
    for row in rows:
        row.booked, row.fate, row.reason = False, ImportRow.Status.LEFT_OUT, row.left_out
        row.identity, row.occurrence, row.matched_entry = "", 1, None
    ImportRow.objects.bulk_update(rows, [*JUDGED_FIELDS, "booked"], batch_size=CHUNK)
    return [row.pk for row in rows]


def _check_decision(rows: QuerySet[ImportRow], decision: str) -> None:
    if decision not in ImportRow.Decision.values:
        raise Invalid(
            field="decision",
            reason=gettext("%(decision)s is none of %(names)s.")
            % {"decision": decision, "names": ", ".join(filter(None, ImportRow.Decision.values))},
        )
    if decision == ImportRow.Decision.POST:
        stuck = rows.filter(fate__in=[ImportRow.Status.PENDING, ImportRow.Status.ERROR]).first()
        if stuck is not None:
            reason = gettext("Line %(number)d cannot be posted: %(why)s")
            raise Invalid(field="decision", reason=reason % {"number": stuck.number, "why": stuck.reason})
        left_out = rows.filter(fate=ImportRow.Status.LEFT_OUT)
        bare = left_out.filter(Q(date=None) | Q(amount=None)).first()
        if bare is not None:
            reason = gettext("Line %(number)d cannot be taken in: no date and amount can be read in it.")
            raise Invalid(field="decision", reason=reason % {"number": bare.number})
        if left_out.filter(account=None).exists():
            raise Invalid(field="decision", reason=gettext("Choose the account of this statement first."))
    if decision == ImportRow.Decision.MATCH:
        alone = rows.filter(matched_entry=None).first()
        if alone is not None:
            reason = gettext("Line %(number)d has no matching entry.")
            raise Invalid(field="decision", reason=reason % {"number": alone.number})


# Rows that one category is offered for at once, and how many are looked at to find them.
MOST_ALIKE, LOOK_AT = 1000, 20_000


def rows_like(*, row: ImportRow) -> list[int]:
    """Ids of the import's other rows that will be posted, with the same words as payee and in the same direction, that
    nobody has given a category; at most a thousand."""
    key = key_words(row.payee)
    if not key or row.amount is None:
        return []
    others = ImportRow.objects.filter(
        batch_id=row.batch_id, statement_id=row.statement_id, decided_at=None, fate=ImportRow.Status.NEW,
        decision="", **{"amount__lt" if row.amount < 0 else "amount__gt": 0},
    ).exclude(pk=row.pk)  # fmt: skip
    alike = others.order_by("pk").values_list("pk", "payee", "counter_account_id")[:LOOK_AT]
    return [
        pk
        for pk, payee, counter_id in alike
        if (counter_id is None or counter_id != row.counter_account_id) and key_words(payee) == key
    ][:MOST_ALIKE]


def _check_counter(batch: ImportBatch, rows: QuerySet[ImportRow], account: Account) -> None:
    if account.book_id != batch.book_id:
        raise Invalid(field="counter_account", reason=gettext("The account belongs to another book."))
    if account.closed_on is not None:
        raise AccountClosedError(field="counter_account", name=account.name)
    if account.kind == AccountKind.GROUP:
        raise Invalid(
            field="counter_account", reason=gettext("%(name)s only groups other accounts.") % {"name": account.name}
        )
    if rows.filter(account=account).exists():
        raise Invalid(field="counter_account", reason=gettext("That is the account of the statement itself."))
    if rows.exclude(statement__currency=account.currency).exists():
        reason = gettext("%(name)s is kept in %(currency)s; post the row first and enter the exchange afterwards.")
        raise Invalid(field="counter_account", reason=reason % {"name": account.name, "currency": account.currency})
