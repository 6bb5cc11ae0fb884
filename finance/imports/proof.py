"""The statement as a proof: opening + rows = closing, inside the file and against the books. One formula, here."""

import datetime
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, Sum
from django.utils.translation import gettext, ngettext

from core.formatting import date_text
from finance.figures import money_text
from finance.imports.models import STUCK, ImportRow, ImportStatement
from finance.imports.selectors import unvouched_lines
from finance.ledger.models import AccountKind, JournalLine
from finance.ledger.selectors import balance_of

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A balance that an empty account would have to start with, and the day for it."""

    amount: int
    on: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Older:
    """Rows to be posted on or before the day of the account's opening balance, which holds them already.

    Amounts in minor units: `opening` is the balance posted on `opening_on`, `moved` what the rows add to every later
    balance, today's too.
    """

    count: int
    moved: int
    first: datetime.date
    opening: int
    opening_on: datetime.date
    entry_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """All amounts in minor units of `currency`; None where the file does not say.

    Statement: `opening` + `rows_sum` = `computed`, against the stated `closing`; `difference` = closing − computed. The
    opening is the file's or, where the file states only a closing balance, that of the books (`opening_source`).
    Books: `books_closing` is the account's balance at the end of `closing_on` with the rows that will be posted;
    `books_difference` = closing − books_closing. `holds` is None where the file states nothing to check against, where
    a row could not be read, and where what is missing is the opening balance an empty account still lacks (`opening_needed`).
    `left_out` lines of the file were not taken for transactions; `left_out_readable` of them have a date and an amount.
    """

    currency: str
    start: datetime.date | None
    end: datetime.date | None
    closing_on: datetime.date | None
    opening: int | None
    opening_source: str
    rows_sum: int
    rows_count: int
    computed: int | None
    closing: int | None
    difference: int | None
    balance_break: int | None
    books_opening: int | None
    books_closing: int | None
    books_difference: int | None
    opening_needed: Opening | None
    holds: bool | None
    older: Older | None = None
    left_out: int = 0
    left_out_readable: int = 0
    sentences: list[str] = field(default_factory=list)

    @property
    def left_out_told(self) -> str:
        """What the sum does not hold because it was not taken for transactions; "" for nothing."""
        if not self.left_out:
            return ""
        text = ngettext(
            "%(count)d line of the file was not taken for a transaction.",
            "%(count)d lines of the file were not taken for transactions.",
            self.left_out,
        ) % {"count": self.left_out}
        if not self.left_out_readable:
            return text
        more = ngettext(
            "%(count)d of them has a date and an amount and can be taken in.",
            "%(count)d of them have a date and an amount and can be taken in.",
            self.left_out_readable,
        )
        return f"{text} {more % {'count': self.left_out_readable}}"


def proof_of(statement: ImportStatement) -> Proof:
    """The proof of one statement, as things stand; a fixed number of queries."""
    sums = _sums(statement)
    closing = statement.stated_closing
    books_opening, books_closing = _books(statement, sums)
    from_file = statement.stated_opening is not None
    opening = statement.stated_opening if from_file else books_opening if closing is not None else None
    moved = sums["moved"] if from_file else sums["until_closing"]
    computed = opening + moved if opening is not None else None
    difference = closing - computed if closing is not None and computed is not None else None
    books_difference = closing - books_closing if closing is not None and books_closing is not None else None
    needed = opening_needed(statement) if books_difference else None
    holds: bool | None = statement.balance_break is None and not difference
    if statement.balance_break is None and (difference is None or (needed and not from_file)):
        holds = None
    elif holds and sums["unreadable"]:
        # A sum that misses a row proves nothing, however well it ends: the last balance may be missing with the row.
        holds = None
    proof = Proof(
        currency=statement.currency,
        start=statement.start,
        end=statement.end,
        closing_on=statement.closing_on,
        opening=opening,
        opening_source="" if opening is None else "file" if from_file else "books",
        rows_sum=moved,
        rows_count=sums["count"],
        computed=computed,
        closing=closing,
        difference=difference,
        balance_break=statement.balance_break,
        books_opening=books_opening,
        books_closing=books_closing,
        books_difference=books_difference,
        opening_needed=needed,
        holds=holds,
        older=older_rows(statement) if statement.batch.is_open else None,
        left_out=sums["lines"],
        left_out_readable=sums["like_rows"],
    )
    proof.sentences.extend(_sentences(statement, proof, sums))
    return proof


def opening_needed(statement: ImportStatement) -> Opening | None:
    """What the account would have to start with, if nothing was ever posted to it and the bank states a balance."""
    if statement.account_id is None or (statement.start or statement.closing_on) is None:
        return None
    if JournalLine.objects.filter(account_id=statement.account_id).exists():
        return None
    sums = _sums(statement)
    amount = statement.stated_opening
    if amount is None and statement.stated_closing is not None:
        amount = statement.stated_closing - sums["until_closing"]
    first = min(filter(None, [_begins(statement), sums["first"]]))
    return Opening(amount=amount, on=first - _DAY) if amount else None


def _begins(statement: ImportStatement) -> datetime.date | None:
    """The first day of the statement; one that only states a balance begins the day after it."""
    if statement.start is None and statement.closing_on is not None:
        return statement.closing_on + _DAY
    return statement.start


def _sums(statement: ImportStatement) -> dict[str, Any]:
    """Sums over the statement's rows; `planned` is what confirming will add to the account."""
    rows = ImportRow.objects.filter(statement=statement, booked=True)
    readable = Q(amount__isnull=False)
    until = Q(date__lte=statement.closing_on) if statement.closing_on else Q()
    status = ImportRow.Status
    posts = Q(decision="post") | Q(decision="", fate=status.NEW)
    planned = posts & ~Q(fate__in=STUCK)
    found = rows.aggregate(
        moved=Sum("amount", filter=readable),
        count=Count("pk", filter=readable),
        unreadable=Count("pk", filter=~readable),
        left_out=Count("pk", filter=Q(decision__in=["ignore", "leave"]) | Q(fate=status.ERROR, amount__isnull=False)),
        unanswered=Count("pk", filter=Q(decision="", fate=status.QUESTION, outcome="")),
        until_closing=Sum("amount", filter=readable & until),
        planned=Sum("amount", filter=planned & until),
    )
    sums = {name: int(value or 0) for name, value in found.items()}
    first = rows.filter(date__isnull=False).order_by("date").values_list("date", flat=True).first()
    lines = ImportRow.objects.filter(statement=statement, fate=status.LEFT_OUT)
    no_rows = lines.aggregate(lines=Count("pk"), like_rows=Count("amount", filter=Q(date__isnull=False)))
    return {**sums, **no_rows, "first": first}


def _books(statement: ImportStatement, sums: dict[str, Any]) -> tuple[int | None, int | None]:
    """The account's balance in the books before the first row, and at the closing date with the planned rows."""
    if statement.account is None or statement.closing_on is None:
        return None, None
    first = _begins(statement) or statement.closing_on
    opening = balance_of(account=statement.account, as_of=first - _DAY)
    held = balance_of(account=statement.account, as_of=statement.closing_on)
    return opening, held + (sums["planned"] if statement.batch.is_open else 0)


def older_rows(statement: ImportStatement) -> Older | None:
    """The rows that will be posted into a time that the account's opening balance sums up; None without any."""
    line = opening_line(statement.account_id) if statement.account_id is not None else None
    if line is None:
        return None
    # Those that confirming will post.
    status = ImportRow.Status
    posts = Q(decision="post") | Q(decision="", fate=status.NEW)
    found = (
        ImportRow.objects.filter(statement=statement, booked=True, date__lte=line.date)
        .filter(posts)
        .exclude(fate__in=STUCK)
        .exclude(amount=None)
        .exclude(amount=0)
        .aggregate(count=Count("pk"), moved=Sum("amount"), first=Min("date"))
    )
    if not found["count"]:
        return None
    return Older(
        count=found["count"],
        moved=int(found["moved"]),
        first=found["first"],
        opening=line.amount,
        opening_on=line.date,
        entry_id=line.entry_id,
    )


def opening_line(account_id: int) -> JournalLine | None:
    """The account's line of its latest opening balance that nobody took back."""
    openings = JournalLine.objects.filter(account__kind=AccountKind.OPENING, entry=OuterRef("entry"))
    lines = JournalLine.objects.filter(account_id=account_id, entry__reverses=None, entry__reversed_by=None)
    return lines.filter(Exists(openings)).select_related("entry").order_by("-date", "-entry_id").first()


def told_older(older: Older, *, currency: str) -> str:
    """What importing the rows will do, with figures."""
    text = ngettext(
        "%(count)d row is not newer than the opening balance of %(opening)s on %(day)s, which already includes it. "
        "Importing it changes today's balance by %(moved)s.",
        "%(count)d rows are not newer than the opening balance of %(opening)s on %(day)s, which already includes "
        "them. Importing them changes today's balance by %(moved)s.",
        older.count,
    )
    opening, moved = (money_text(amount, currency=currency) for amount in (older.opening, older.moved))
    return text % {"count": older.count, "opening": opening, "day": date_text(older.opening_on), "moved": moved}


def _sentences(statement: ImportStatement, proof: Proof, sums: dict[str, Any]) -> list[str]:
    found = []
    if proof.older is not None:
        found.append(told_older(proof.older, currency=proof.currency))
    if proof.holds is None and proof.opening_needed is None and proof.difference is None:
        if proof.opening is None:
            found.append(gettext("The file states no balances, so there is nothing to check the rows against."))
        else:
            text = gettext(
                "The file states %(amount)s before its first row and no balance after the last to check against."
            )
            found.append(text % {"amount": _told(proof.opening, proof)})
    if proof.balance_break is not None:
        text = gettext("The balance column stops adding up at line %(line)d: a row may be missing before it.")
        found.append(text % {"line": proof.balance_break})
    if proof.difference and (proof.opening_needed is None or proof.opening_source == "file"):
        found.append(
            gettext("Opening balance and rows differ from the closing balance by %(amount)s.")
            % {"amount": _told(proof.difference, proof)}
        )
    if sums["unreadable"]:
        text = ngettext(
            "%(count)d row could not be read, so its amount is missing in the sum.",
            "%(count)d rows could not be read, so their amounts are missing in the sum.",
            sums["unreadable"],
        )
        found.append(text % {"count": sums["unreadable"]})
    if sums["unanswered"]:
        text = ngettext(
            "%(count)d row needs your answer and is left out until then.",
            "%(count)d rows need your answer and are left out until then.",
            sums["unanswered"],
        )
        found.append(text % {"count": sums["unanswered"]})
    if proof.books_difference:
        found += _why_books_differ(statement, proof, sums)
    return found


def _why_books_differ(statement: ImportStatement, proof: Proof, sums: dict[str, Any]) -> list[str]:
    """Where the difference between bank and books may come from, with figures."""
    assert proof.closing_on is not None, "books and bank are compared at the end of a day"
    head = gettext(
        "The books will show %(books)s on %(day)s, the bank states %(bank)s: a difference of %(difference)s."
    )
    found = [
        head
        % {
            "books": _told(proof.books_closing or 0, proof),
            "day": date_text(proof.closing_on),
            "bank": _told(proof.closing or 0, proof),
            "difference": _told(proof.books_difference or 0, proof),
        }
    ]
    if proof.opening_needed is not None:
        needed = proof.opening_needed
        rest = (proof.books_difference or 0) - needed.amount
        text = gettext("The account has no postings yet; an opening balance of %(amount)s on %(day)s explains it.")
        if rest:
            text = gettext(
                "The account has no postings yet; with an opening balance of %(amount)s on %(day)s, %(rest)s still differ."
            )
        found.append(
            text % {"amount": _told(needed.amount, proof), "day": date_text(needed.on), "rest": _told(rest, proof)}
        )
        if not rest:
            return found
    elif proof.opening is not None and proof.books_opening is not None and proof.opening != proof.books_opening:
        text = gettext("Before the first row the books already held %(books)s and the bank %(bank)s.")
        found.append(text % {"books": _told(proof.books_opening, proof), "bank": _told(proof.opening, proof)})
    if sums["left_out"]:
        text = ngettext(
            "%(count)d row of the file is not posted.", "%(count)d rows of the file are not posted.", sums["left_out"]
        )
        found.append(text % {"count": sums["left_out"]})
    if statement.account is None or statement.start is None:
        return found
    lines = unvouched_lines(account=statement.account, first=statement.start, last=proof.closing_on)
    matched = set(statement.rows.exclude(matched_entry=None).values_list("matched_entry_id", flat=True))
    free = [amount for entry_id, amount in lines.items() if entry_id not in matched]
    if free:
        text = ngettext(
            "%(count)d entry in this period, of %(amount)s, is in the books but not in the file.",
            "%(count)d entries in this period, together %(amount)s, are in the books but not in the file.",
            len(free),
        )
        found.append(text % {"count": len(free), "amount": _told(sum(free), proof)})
    return found


def _told(amount: int, proof: Proof) -> str:
    return money_text(amount, currency=proof.currency)
