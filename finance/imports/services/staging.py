"""Turns a file into staged rows: store, read, judge."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from itertools import chain as concatenated
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils.translation import get_language, gettext

from core.batches import in_batches
from core.copying import copy_rows
from finance import money
from finance.errors import AccountClosedError, AmountInvalid, Conflict, Invalid
from finance.events.records import ImportReceived, ImportStaged
from finance.imports.content import write_content
from finance.imports.matching import IncomingRow, RowStatus, normalise_text
from finance.imports.models import ImportBatch, ImportProfile, ImportRow, ImportStatement
from finance.imports.parsers.child import Limits, read_in_child
from finance.imports.parsers.profile import CsvProfile, check_text_settings
from finance.imports.parsers.question import Question
from finance.imports.parsers.statement import ParsedFile, ParsedRow, ParsedStatement, RowState
from finance.imports.parsers.words import bare_number
from finance.imports.services.matching import Matcher, judge_rows
from finance.imports.services.proposing import PROPOSED_FIELDS, Moved, Proposer, keep_log
from finance.imports.staged import StagedRow
from finance.ledger.models import Account, AccountKind, AccountType, Book
from finance.rules.models import RuleLog
from identity.models import User
from platform_outbox.emit import emit

Progress = Callable[[int, int], None]

# Rows written per statement; also how often progress is told.
CHUNK = 2000
# Of an account; files of more shapes than that are detected again.
MOST_SAVED_PROFILES = 100
# What banks put for the digits that they do not show.
_MASKED = re.compile(r"[*•xX]{2,}")
_MONEY_ACCOUNTS = (AccountType.ASSET, AccountType.LIABILITY)


def stage_import(
    *,
    book: Book,
    account: Account,
    actor: User | None,
    data: bytes,
    file_name: str,
    profile: CsvProfile | None = None,
    on_progress: Progress | None = None,
) -> ImportBatch:
    """Store a bank file and stage its rows for the account, each with its status and the reason for it.

    Reads at once, in a child process: for commands and workers, not for web requests. A CSV file is read with
    `profile`, else with the profile saved for files of its shape on this account, else with the one detected.
    Raises StatementUnreadable, Invalid (wrong account or currency), AccountClosedError; nothing is kept then.
    """
    _check_account(book=book, account=account)
    with transaction.atomic():
        batch = _stored(book=book, account=account, actor=actor, data=data, file_name=file_name)
        parsed = parse(data=data, account=account, question={"profile": profile.to_dict() if profile else None})
        del data  # a caller that does not hold it either has its room for the rows
        fill(batch, parsed, hold=nobody_else, on_progress=on_progress)
    return batch


@transaction.atomic
def receive_file(
    *,
    book: Book,
    account: Account,
    actor: User | None,
    data: bytes,
    file_name: str,
    profile: CsvProfile | None = None,
) -> ImportBatch:
    """Store the file and have a worker read it. Raises Invalid, AccountClosedError."""
    _check_account(book=book, account=account)
    batch = _stored(book=book, account=account, actor=actor, data=data, file_name=file_name)
    _ask(batch, {"profile": profile.to_dict() if profile else None})
    return batch


def _stored(*, book: Book, account: Account, actor: User | None, data: bytes, file_name: str) -> ImportBatch:
    sha256 = hashlib.sha256(data).hexdigest()
    # A note when this very file is in the books already; its rows will show as already imported.
    earlier = ImportBatch.objects.without_content().filter(
        book=book, account=account, sha256=sha256, state=ImportBatch.State.CONFIRMED
    )
    first = earlier.order_by("pk").first()
    notes = []
    if first is not None and first.confirmed_at is not None:
        notes = [gettext("This file was already imported on %(day)s.") % {"day": f"{first.confirmed_at:%Y-%m-%d}"}]
    batch = ImportBatch.objects.create(
        book=book,
        account=account,
        file_name=file_name.rsplit("/", 1)[-1][-255:] or "statement",
        sha256=sha256,
        content=b"",
        size=len(data),
        notes=notes,
        created_by=actor,
    )
    write_content(batch, data)
    del batch.content  # read_content gets it for those who need it
    return batch


def _ask(batch: ImportBatch, question: dict[str, Any]) -> None:
    # What is written about the rows is in the language of the one who asked.
    question["language"] = get_language() or ""
    batch.state, batch.question, batch.refusal, batch.problem = ImportBatch.State.RECEIVED, question, None, ""
    batch.reading_at, batch.reader = None, ""
    batch.save(update_fields=["state", "question", "refusal", "problem", "reading_at", "reader"])
    emit(ImportReceived(import_id=batch.pk))


@transaction.atomic
def change_profile(*, batch: ImportBatch, actor: User | None, changes: Mapping[str, object]) -> ImportBatch:
    """Have a staged CSV file or sheet read again with some settings corrected, and remember them for files of this shape.

    A worker does it. Until then, and where it cannot be done, the import stays staged as it was, with the `refusal`.
    Raises Conflict unless the batch is staged, Invalid with the fields that make no sense.
    """
    batch = locked_batch(batch)
    if batch.profile is None:
        raise Conflict(reason=gettext("Only CSV files and sheets have columns to correct."))
    CsvProfile.from_dict(batch.profile).corrected(changes)
    _ask(batch, {"profile": batch.profile, "changes": dict(changes), "by": actor.pk if actor else None})
    return batch


@transaction.atomic
def assign_statement(*, statement: ImportStatement, actor: User | None, account: Account) -> ImportStatement:
    """Say which account of the book a statement of a file belongs to. Raises Conflict, Invalid, AccountClosedError."""
    batch = locked_batch(statement.batch)
    _check_account(book=batch.book, account=account)
    _check_currency(account, statement.currency)
    statement.account = account
    statement.save(update_fields=["account"])
    rows = list(statement.rows.order_by("pk"))
    for row in rows:
        row.account = account
    judge_rows(rows=rows, account=account, batch=batch)
    proposer = Proposer(account=account, batch=batch)
    proposer.look_for_refunds(
        Moved(row.number, row.date, row.amount, row.payee)
        for row in rows
        if row.fate == ImportRow.Status.NEW and row.date is not None and row.amount is not None
    )
    log = proposer.propose(rows)
    ImportRow.objects.bulk_update(rows, [*JUDGED_FIELDS, *PROPOSED_FIELDS, "account"], batch_size=CHUNK)
    RuleLog.objects.filter(row__statement=statement).delete()
    keep_log(log)
    return statement


@transaction.atomic
def read_again(*, batch: ImportBatch, account: Account, encoding: str = "", delimiter: str = "") -> ImportBatch:
    """Have a file that could not be read tried once more, for this account and with what is known of its text.

    Raises Conflict unless the file is kept because it could not be read, Invalid, AccountClosedError.
    """
    _check_account(book=batch.book, account=account)
    batch = ImportBatch.objects.locked().select_related("book", "account").get(pk=batch.pk)
    if batch.state != ImportBatch.State.REFUSED:
        raise Conflict(
            reason=gettext("This import is no longer to be read: it is %(state)s.")
            % {"state": batch.get_state_display()}
        )
    check_text_settings(encoding=encoding, delimiter=delimiter)
    batch.account = account
    batch.save(update_fields=["account"])
    _ask(batch, {"encoding": encoding, "delimiter": delimiter})
    return batch


JUDGED_FIELDS = ("identity", "occurrence", "fate", "reason", "matched_entry")


def locked_batch(batch: ImportBatch) -> ImportBatch:
    """The batch, held until the transaction ends, if it may still be changed. Raises Conflict."""
    batch = ImportBatch.objects.locked().select_related("book", "account").get(pk=batch.pk)
    if not batch.is_open:
        raise Conflict(
            reason=gettext("This import is no longer open: it is %(state)s.") % {"state": batch.get_state_display()}
        )
    return batch


def _check_account(*, book: Book, account: Account) -> None:
    if account.book_id != book.pk:
        raise Invalid(field="account", reason=gettext("The account belongs to another book."))
    if account.closed_on is not None:
        raise AccountClosedError(field="account", name=account.name)
    if account.type not in _MONEY_ACCOUNTS or account.kind == AccountKind.GROUP:
        raise Invalid(
            field="account",
            reason=gettext("Choose an account that holds money or a card; %(name)s does not.") % {"name": account.name},
        )


def _check_currency(account: Account, currency: str) -> None:
    if currency and currency != account.currency:
        reason = gettext(
            "The file is in %(file)s, but the account “%(account)s” is kept in %(kept)s. "
            "Choose an account in %(file)s, or open one."
        )
        raise Invalid(
            field="account", reason=reason % {"file": currency, "account": account.name, "kept": account.currency}
        )


def parse(
    *, data: bytes, account: Account, question: Mapping[str, Any], goes_on: Callable[[], bool] = lambda: True
) -> ParsedFile:
    """Read the bytes in a child process, with the settings saved for the account where the question names none."""
    saved = ImportProfile.objects.filter(account=account).order_by("-updated_at").values_list("signature", "reading")
    statements = ImportStatement.objects.filter(book=account.book_id, account__isnull=False).exclude(
        external_account=""
    )
    known = statements.order_by("external_account").values_list("external_account", flat=True).distinct()
    asked = Question(
        currency=account.currency,
        card=account.type == AccountType.LIABILITY,
        profile=question.get("profile"),
        encoding=question.get("encoding", ""),
        delimiter=question.get("delimiter", ""),
        changes=question.get("changes"),
        own_accounts=tuple(known[:MOST_SAVED_PROFILES]),
        saved={} if question.get("profile") else dict(saved[:MOST_SAVED_PROFILES]),
    )
    limits = Limits(seconds=settings.IMPORT_READING_SECONDS, megabytes=settings.IMPORT_READING_MEMORY_MB)
    return read_in_child(data, asked, limits=limits, goes_on=goes_on)


def is_same_number(one: str, other: str) -> bool:
    """Whether two spellings may be of one bank account: an IBAN holds its account number, and parts may be masked."""
    masked = _MASKED.search(one) or _MASKED.search(other)
    short, long = sorted((bare_number(_MASKED.sub("", text)) for text in (one, other)), key=len)
    return short in long or (masked is not None and long.endswith(short[-4:]))


def nobody_else() -> None:
    """The batch was made in this very transaction: nobody else can write to it."""


def fill(
    batch: ImportBatch, parsed: ParsedFile, *, hold: Callable[[], None], on_progress: Progress | None = None
) -> None:
    """Write statements and rows and open the batch for decisions; `hold` is called first in each transaction."""
    batch.format = parsed.format
    batch.profile = parsed.profile.to_dict() if parsed.profile else None
    batch.head, batch.encodings = parsed.head, [list(pair) for pair in parsed.encodings]
    batch.notes = [*batch.notes, *parsed.notes]
    batch.rows_total = sum(len(statement.rows) for statement in parsed.statements)
    batch.rows_done = 0
    accounts = _accounts_for(batch, parsed.statements)
    with transaction.atomic():
        hold()
        batch.save(update_fields=["format", "profile", "head", "encodings", "notes", "rows_total", "rows_done"])
    # Lines that are no transactions stand with the statement that they name, or else with the first.
    homes = {(s.account, s.currency): place for place, s in reversed(list(enumerate(parsed.statements)))}
    left_out: dict[int, list[ParsedRow]] = defaultdict(list)
    for row in parsed.left_out:
        left_out[homes.get((row.account, row.currency), 0)].append(row)
    for position, (statement, account) in enumerate(zip(parsed.statements, accounts, strict=True)):
        more = left_out[position]
        _save_statement(batch, position, statement, account, left_out=more, hold=hold, on_progress=on_progress)
    with transaction.atomic():
        hold()
        batch.state, batch.rows_done = ImportBatch.State.STAGED, batch.rows_total
        batch.save(update_fields=["state", "rows_done"])
        emit(ImportStaged(book_id=batch.book_id, import_id=batch.pk))


def _accounts_for(batch: ImportBatch, statements: Sequence[ParsedStatement]) -> list[Account | None]:
    """The chosen account for the first statement that fits; others where they were imported to before, or nowhere."""
    # Which accounts the bank's account numbers were imported into, latest first. One number may have several currencies.
    numbers = {statement.account for statement in statements} - {""}
    confirmed = ImportStatement.objects.filter(book=batch.book, batch__state=ImportBatch.State.CONFIRMED)
    earlier = confirmed.filter(external_account__in=numbers).exclude(account=None).select_related("account")
    remembered = {(found.external_account, found.currency): found.account for found in earlier.order_by("pk")}
    fitting = [s for s in statements if not s.currency or s.currency == batch.account.currency]
    if not fitting:
        _check_currency(batch.account, statements[0].currency)

    def known(statement: ParsedStatement) -> Account | None:
        return remembered.get((statement.account, statement.currency or batch.account.currency))

    own = [s for s in fitting if known(s) in (None, batch.account)]
    best = next((s for s in own if known(s) == batch.account), None)
    chosen = best or next((s for s in own if s.rows), next(iter(own), None))
    if chosen is None:
        # Somebody has most likely chosen the wrong account; nothing is guessed either way.
        text = gettext(
            "The file is of the account %(number)s, which was imported into “%(known)s” before. Choose its account."
        )
        first = known(fitting[0])
        batch.notes = [*batch.notes, text % {"number": fitting[0].account, "known": first.name if first else ""}]
        return [None] * len(statements)
    elif best is None and chosen.account:
        mine = (
            confirmed.filter(account=batch.account)
            .exclude(external_account="")
            .values_list("external_account", flat=True)
        )
        if (before := mine.order_by("-pk").first()) and not is_same_number(before, chosen.account):
            text = gettext(
                "Earlier files of “%(account)s” have the number %(before)s, this one has %(number)s. Choose its account."
            )
            batch.notes = [
                *batch.notes,
                text % {"account": batch.account.name, "before": before, "number": chosen.account},
            ]
            chosen = None
    found: list[Account | None] = []
    for statement in statements:
        other = known(statement)
        if statement is chosen:
            other = batch.account
        elif (
            other == batch.account
            or (other and other.closed_on)
            or (other and statement.currency not in ("", other.currency))
        ):
            other = None
        found.append(other)
    return found


def _save_statement(
    batch: ImportBatch,
    position: int,
    parsed: ParsedStatement,
    account: Account | None,
    *,
    left_out: Sequence[ParsedRow],
    hold: Callable[[], None],
    on_progress: Progress | None,
) -> None:
    currency = parsed.currency or (account or batch.account).currency
    statement = ImportStatement(
        book=batch.book,
        batch=batch,
        position=position,
        external_account=parsed.account,
        label=parsed.label,
        currency=currency,
        account=account,
        start=parsed.start,
        end=parsed.end,
        stated_opening=_stated(parsed.opening, currency),
        stated_closing=_stated(parsed.closing, currency),
        closing_on=parsed.closing_on,
        balance_break=parsed.balance_break,
    )
    with transaction.atomic():
        hold()
        statement.save(force_insert=True)

    def lines() -> Iterator[tuple[ParsedRow, _Alone]]:
        # What is made of a row is heavy: it is made again instead of being kept, whatever the file holds.
        return ((row, _alone(row, statement, batch.format)) for row in concatenated(parsed.rows, left_out))

    matcher = proposer = None
    if account is not None:
        account.book = batch.book
        matcher, proposer = Matcher(account=account, batch=batch), Proposer(account=account, batch=batch)
        # Many rows share their day and their other side: each of these is kept once.
        once: dict[Any, Any] = {}
        incoming = [
            IncomingRow(
                position=position,
                date=once.setdefault(row.date, row.date),
                amount=found.amount,
                text=found.text,
                bank_id=row.bank_id[:120],
                balance=found.balance,
                counterparty=once.setdefault(other := bare_number(row.counterparty_account[:64]), other),
            )
            for position, (row, found) in enumerate(lines())
            if found.fate is RowStatus.NEW and row.date is not None and found.amount is not None
        ]
        matcher.look(incoming)
        fresh = {row.position: row.amount for row in incoming if matcher.is_new(row.position)}
        del incoming, once
        proposer.look_for_refunds(
            Moved(row.number, row.date, fresh[position], row.payee[:200])
            for position, row in enumerate(concatenated(parsed.rows, left_out))
            if position in fresh and row.date is not None
        )
        del fresh
    made = lines()
    for positions in in_batches(range(len(parsed.rows) + len(left_out)), size=CHUNK):
        rows = []
        for position, (line, found) in zip(positions, made, strict=False):
            row = _row(line, found, batch=batch, statement=statement)
            if matcher is not None:
                matcher.judge(position, row)
            elif found.fate is RowStatus.NEW:
                row.reason = gettext("Choose the account of this statement first.")
            rows.append(row)
        log = proposer.propose(rows) if proposer is not None else []
        with transaction.atomic():
            hold()
            copy_rows(rows, model=ImportRow)
            keep_log(log)
        batch.rows_done += sum(not row.left_out for row in rows)
        if on_progress is not None:
            on_progress(batch.rows_done, batch.rows_total)


def _stated(value: Decimal | None, currency: str) -> int | None:
    """The balance in minor units; None also for one that is larger than any that can be kept."""
    if value is None:
        return None
    try:
        return money.to_minor_units(value, currency=currency)
    except AmountInvalid:
        pass
    try:
        return _rounded(value, currency)
    except AmountInvalid:
        return None


def _rounded(value: Decimal, currency: str) -> int:
    places = Decimal(1).scaleb(-money.exponent(currency))
    if abs(value) > money.MAX_MINOR_UNITS:
        raise AmountInvalid(field="amount", reason=gettext("is too large"))
    return money.to_minor_units(value.quantize(places, rounding=ROUND_HALF_UP), currency=currency)


class _Alone(NamedTuple):
    """What the file alone says of a row; NEW is for the books to judge. Amount and balance in minor units."""

    amount: int | None
    balance: int | None
    text: str
    fate: RowStatus
    reason: str
    note: str


def _alone(parsed: ParsedRow, statement: ImportStatement, file_format: str) -> _Alone:
    amount, problem, note = _amount(parsed, statement.currency, file_format)
    fate, reason = (RowStatus.ERROR if problem else RowStatus.NEW), problem
    if parsed.state is RowState.LEFT_OUT:
        fate, reason = RowStatus.LEFT_OUT, " ".join(filter(None, [parsed.note, problem]))
    elif parsed.state is not RowState.BOOKED:
        fate, reason = RowStatus.PENDING, parsed.note
    elif parsed.note:
        note = f"{parsed.note} {note}".rstrip()
    balance = _stated(parsed.balance, statement.currency)
    text = normalise_text(parsed.payee[:200], parsed.description[:500])
    return _Alone(amount, balance, text, fate, reason, note)


def _row(parsed: ParsedRow, alone: _Alone, *, batch: ImportBatch, statement: ImportStatement) -> StagedRow:
    return StagedRow(
        book_id=batch.book_id,
        batch_id=batch.pk,
        statement_id=statement.pk,
        account_id=statement.account_id,
        number=parsed.number,
        date=parsed.date,
        raw_date=parsed.raw_date[:64],
        amount=alone.amount,
        balance=alone.balance,
        payee=parsed.payee[:200],
        description=parsed.description[:500],
        text=alone.text,
        bank_id=parsed.bank_id[:120],
        counterparty_account=parsed.counterparty_account[:64],
        counterparty_bank=parsed.counterparty_bank[:64],
        left_out=alone.reason[:300] if alone.fate is RowStatus.LEFT_OUT else "",
        booked=parsed.state is RowState.BOOKED,
        fate=alone.fate.value,
        reason=alone.reason[:300],
        note=alone.note[:200],
    )


def _amount(parsed: ParsedRow, currency: str, file_format: str) -> tuple[int | None, str, str]:
    """Minor units, a problem, a note."""
    if parsed.problem or parsed.amount is None:
        return None, parsed.problem or "", ""
    if parsed.currency and parsed.currency != currency:
        return (
            None,
            gettext("The amount is in %(row)s, the statement in %(statement)s.")
            % {"row": parsed.currency, "statement": currency},
            "",
        )
    try:
        return money.to_minor_units(parsed.amount, currency=currency), "", ""
    except AmountInvalid as error:
        # OFX files of some brokers carry more decimals than the currency has; elsewhere that means a wrong reading.
        if file_format != ImportBatch.Format.OFX:
            return None, error.detail, ""
    try:
        amount = _rounded(parsed.amount, currency)
    except AmountInvalid as error:
        return None, error.detail, ""
    value = parsed.amount.normalize() if parsed.amount else parsed.amount
    note = gettext("The file says %(value)s; rounded to %(shown)s %(currency)s.")
    shown = money.format_amount(amount, currency=currency)
    return amount, "", note % {"value": value, "shown": shown, "currency": currency}
