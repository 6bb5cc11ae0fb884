"""Balance, append-only, closed periods and month totals are guarded by triggers (migration 0003_guards).

In the database every key of a table of a book's data contains `book_id`, and a reference between two such tables is
`(book_id, x_id) → (book_id, id)` (migration 0002_keys). Django knows only `id`, which is why its own constraint on
these references is off.
"""

from typing import TYPE_CHECKING, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

if TYPE_CHECKING:
    from identity.models import User


class Role(models.TextChoices):
    OWNER = "owner", _("owner")
    EDITOR = "editor", _("editor")
    VIEWER = "viewer", _("viewer")

    @property
    def rank(self) -> int:
        return {Role.VIEWER: 0, Role.EDITOR: 1, Role.OWNER: 2}[self]


class BookQuerySet(models.QuerySet["Book"]):
    def in_use(self) -> Self:
        """Books that were not deleted."""
        return self.filter(deleted_at=None)

    def visible_to(self, user: "User") -> Self:
        """Books that the user is a member of, but for deleted ones; every tenant query starts here."""
        return self.in_use().filter(memberships__user=user)

    def restorable_by(self, user: "User") -> Self:
        """Deleted books that the user owns and can still restore."""
        mine = self.filter(memberships__user=user, memberships__role=Role.OWNER)
        return mine.filter(deleted_at__isnull=False, erase_at__gt=Now())

    def to_be_erased(self) -> Self:
        """Deleted books whose grace is over."""
        return self.filter(erase_at__lte=Now())


class Book(models.Model):
    """One set of accounts: a household, a freelancer, a club."""

    name = models.CharField(_("name"), max_length=120)
    base_currency = models.CharField(_("base currency"), max_length=8)
    time_zone = models.CharField(_("time zone"), max_length=64)
    # The region whose public holidays schedules keep off, such as "DE-BY" (finance.public_holidays); empty: weekends only.
    holidays = models.CharField(_("public holidays"), max_length=60, blank=True, default="", db_default="")
    # Nothing may be posted on or before this date; the database refuses it.
    closed_through = models.DateField(_("closed through"), null=True, blank=True)
    # When that was said; stamped by the database, so that verification can tell what came after.
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    # Filled by the demonstration, so that nobody misses it: erased without grace. Said when it is created or never.
    is_demo = models.BooleanField(_("demo"), default=False, db_default=False)
    # Deleted: hidden from everybody but its owners, who can restore it until `erase_at`. Guarded by the database.
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True, editable=False)
    erase_at = models.DateTimeField(_("erased from"), null=True, blank=True, editable=False)

    objects = BookQuerySet.as_manager()

    # Whom this instance was read for: the ids of the accounts that they see, None for all (finance.ledger.visibility).
    visible_ids: frozenset[int] | None = None

    class Meta:
        verbose_name = _("book")
        verbose_name_plural = _("books")
        # All that a household has written down: not every operator should be able to carry it away.
        permissions: ClassVar = [("export_book", "Can export a book")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(deleted_at=None, erase_at=None)
                | models.Q(deleted_at__isnull=False, erase_at__isnull=False),
                name="finance_book_deleted_until",
            )
        ]

    def __str__(self) -> str:
        return self.name


class BookDay(models.Model):
    """The day that the book is at, as far as it has been announced; kept apart, so that a posting never waits for it."""

    book = models.OneToOneField(Book, models.CASCADE, primary_key=True, related_name="+")
    date = models.DateField()

    def __str__(self) -> str:
        return f"{self.date} of book #{self.book_id}"


class Membership(models.Model):
    book = models.ForeignKey(Book, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role.choices)
    # Else only those of MemberAccount. Owners see all.
    sees_all = models.BooleanField(_("sees all accounts"), default=True, db_default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["book", "user"], name="finance_membership_unique"),
            models.CheckConstraint(
                condition=models.Q(sees_all=True) | ~models.Q(role=Role.OWNER), name="finance_owner_sees_all"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} #{self.user_id} of book #{self.book_id}"


class Invitation(models.Model):
    """A link by e-mail that makes its reader a member.

    Its token is made of the nonce and SECRET_KEY, and is found by its hash: who reads the table alone has no link.
    """

    book = models.ForeignKey(Book, models.CASCADE, related_name="invitations")
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(max_length=8, choices=Role.choices)
    # Ids of the accounts that the new member will see; None: all.
    account_ids = models.JSONField(_("accounts"), null=True, blank=True)
    nonce = models.CharField(max_length=64, default="", db_default="")
    token_hash = models.CharField(max_length=64)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # Also how an invitation is found.
            models.UniqueConstraint(fields=["token_hash", "book"], name="finance_invitation_token"),
            # One open invitation per address and book; inviting again replaces it.
            models.UniqueConstraint(
                "book",
                Lower("email"),
                condition=models.Q(accepted_at=None),
                name="finance_invitation_open_unique",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} to book #{self.book_id}"


class AccountType(models.TextChoices):
    ASSET = "asset", _("asset")
    LIABILITY = "liability", _("liability")
    EQUITY = "equity", _("equity")
    INCOME = "income", _("income")
    EXPENSE = "expense", _("expense")


class AccountKind(models.TextChoices):
    """What an account is used for; GROUP accounts only hold others and take no postings."""

    GROUP = "group", _("group")
    CASH = "cash", _("cash")
    CHECKING = "checking", _("checking")
    SAVINGS = "savings", _("savings")
    CARD = "card", _("card")
    LOAN = "loan", _("loan")
    RECEIVABLE = "receivable", _("receivable")
    PAYABLE = "payable", _("payable")
    INVESTMENT = "investment", _("investment")
    PROPERTY = "property", _("property")
    TAX = "tax", _("tax")
    CATEGORY = "category", _("category")
    OPENING = "opening", _("opening balances")
    TRADING = "trading", _("trading")
    VALUATION = "valuation", _("valuation")
    OTHER = "other", _("other")


class AccountQuerySet(models.QuerySet["Account"]):
    def open(self) -> Self:
        return self.filter(closed_on=None)

    def postable(self) -> Self:
        return self.open().exclude(kind=AccountKind.GROUP)


class Account(models.Model):
    """A node of the book's account tree, kept in one currency."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="accounts")
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", db_constraint=False
    )
    name = models.CharField(_("name"), max_length=120)
    type = models.CharField(_("type"), max_length=9, choices=AccountType.choices)
    kind = models.CharField(_("kind"), max_length=10, choices=AccountKind.choices)
    currency = models.CharField(_("currency"), max_length=8)
    closed_on = models.DateField(_("closed on"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            # Names are unique among siblings, also among roots.
            models.UniqueConstraint(
                fields=["book", "parent", "name"], nulls_distinct=False, name="finance_account_sibling_name"
            ),
            # Target of the lines' composite key: a line's book and currency are its account's.
            models.UniqueConstraint(fields=["id", "book", "currency"], name="finance_account_book_currency"),
            # Exactly one account per currency takes opening balances, and one takes exchanges.
            models.UniqueConstraint(
                fields=["book", "currency", "kind"],
                condition=models.Q(kind__in=["opening", "trading"]),
                name="finance_account_system_unique",
            ),
            # And one takes changes of value.
            models.UniqueConstraint(
                fields=["book", "currency"],
                condition=models.Q(kind="valuation"),
                name="finance_account_valuation_unique",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class JournalEntry(models.Model):
    """A posted transaction. Never changed: a correction is its reversal and a replacement."""

    class Source(models.TextChoices):
        MANUAL = "manual", _("entered by hand")
        IMPORT = "import", _("bank file")
        OPENING = "opening", _("opening balance")
        EXCHANGE = "exchange", _("currency exchange")
        REVERSAL = "reversal", _("reversal")
        CORRECTION = "correction", _("correction")
        API = "api", _("API")
        DEMO = "demo", _("demonstration")
        MOVED = "moved", _("another program")
        VALUATION = "valuation", _("change of value")

    book = models.ForeignKey(Book, models.PROTECT, related_name="entries", db_index=False)
    # Outside name, time-ordered; may be chosen by the client.
    uid = models.UUIDField(default=uuid7)
    date = models.DateField(_("date"))
    payee = models.CharField(_("payee"), max_length=200, blank=True)
    description = models.CharField(_("description"), max_length=500, blank=True)
    source = models.CharField(_("source"), max_length=12, choices=Source.choices, default=Source.MANUAL)
    # Declared by the header and enforced by the database: a full entry takes no further line.
    line_count = models.PositiveSmallIntegerField(_("lines"))
    # An entry is reversed at most once. The unique indexes of these two hold only the rows that have a value.
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="reversed_by", verbose_name=_("reverses"),
        db_constraint=False,
    )  # fmt: skip
    # The entry that this one replaces, in a chain of corrections.
    corrects = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="corrected_by", verbose_name=_("corrects"),
        db_constraint=False,
    )  # fmt: skip
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    # By the server's clock; anything else is refused (finance_check_period).
    created_at = models.DateTimeField(_("recorded"), db_default=TransactionNow(), editable=False)

    class Meta:
        verbose_name = _("journal entry")
        verbose_name_plural = _("journal entries")
        constraints = [
            # Also how an entry is found by its outside name.
            models.UniqueConstraint(fields=["uid", "book"], name="finance_entry_uid"),
            # Target of the lines' composite key: a line's book and date are its entry's.
            models.UniqueConstraint(fields=["id", "book", "date"], name="finance_entry_book_date"),
            models.CheckConstraint(condition=models.Q(line_count__gte=2), name="finance_entry_two_lines"),
        ]
        indexes = [
            # Journal of a book, newest first (API list, search, insights' windows).
            models.Index(fields=["book", "date", "id"], name="finance_entry_journal"),
            # What else was paid to this payee (suggestions, insights).
            models.Index("book", Lower("payee"), "date", name="finance_entry_payee"),
            # What was recorded since a moment: reports of what was known then.
            models.Index(fields=["book", "created_at"], name="finance_entry_recorded"),
            # Reversals of some days, which the sums of registers leave out together with what they reverse.
            models.Index(
                fields=["book", "date"], condition=models.Q(reverses__isnull=False), name="finance_entry_reversals"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.payee or self.description}"


class JournalLine(models.Model):
    """A posting: a signed amount of minor units on one account, debit +, credit −.

    Book, date and currency are copies kept equal by composite foreign keys.
    """

    book = models.ForeignKey(Book, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    entry = models.ForeignKey(JournalEntry, models.PROTECT, related_name="lines", db_index=False, db_constraint=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="lines", db_index=False, db_constraint=False)
    date = models.DateField()
    currency = models.CharField(max_length=8)
    amount = models.BigIntegerField()
    position = models.PositiveSmallIntegerField()
    memo = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~models.Q(amount=0), name="finance_line_amount_not_zero"),
            # Lines of an entry in their order; also the index behind entry → lines.
            models.UniqueConstraint(fields=["entry", "position", "book"], name="finance_line_position"),
        ]
        indexes = [
            # Registers and balances: keyset on (date, id) inside an account, without visiting the table.
            models.Index(fields=["account", "date", "id"], include=["amount", "entry"], name="finance_line_register"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} on account #{self.account_id}"


class AccountMonth(models.Model):
    """Totals of one account in one calendar month; written by the database's triggers only."""

    pk = models.CompositePrimaryKey("account_id", "month", "book_id")
    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, models.CASCADE, related_name="months", db_index=False, db_constraint=False)
    month = models.DateField()  # its first day
    debit = models.BigIntegerField()
    credit = models.BigIntegerField()  # as a positive number
    lines = models.BigIntegerField()

    def __str__(self) -> str:
        return f"account #{self.account_id} {self.month:%Y-%m}"


class MonthRebuild(models.Model):
    """A rebuild of a book's month totals from its lines. Inserting the row runs it, by a trigger."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+", verbose_name=_("book"))
    by = models.CharField(_("by"), max_length=254)
    at = models.DateTimeField(_("at"))
    removed = models.BigIntegerField(_("wrong or needless totals removed"), default=0)
    written = models.BigIntegerField(_("totals written"), default=0)

    class Meta:
        verbose_name = _("rebuild of month totals")
        verbose_name_plural = _("rebuilds of month totals")

    def __str__(self) -> str:
        return f"book #{self.book_id} {self.at:%Y-%m-%d %H:%M}"


class PeriodChange(models.Model):
    """A change of a book's closing date; written by the database's trigger only, and never removed.

    Without a foreign key, like a seal: it outlives its book.
    """

    book = models.ForeignKey(Book, models.DO_NOTHING, related_name="+", db_constraint=False, verbose_name=_("book"))
    at = models.DateTimeField(_("at"))
    transaction_at = models.DateTimeField(_("beginning of the transaction"))
    # All that the database knows of who did it; the person is in the event beside it.
    role = models.CharField(_("database role"), max_length=63)
    closed_before = models.DateField(_("closed through, before"), null=True)
    closed_after = models.DateField(_("closed through, after"), null=True)

    class Meta:
        verbose_name = _("change of a closing date")
        verbose_name_plural = _("changes of closing dates")

    def __str__(self) -> str:
        return f"{self.closed_before} to {self.closed_after}, book #{self.book_id}"


class Seal(models.Model):
    """A link of a book's chain: SHA-256 over the seal before and one entry (chain.py). Never changed, never removed.

    Its entry is named without a foreign key: a seal outlives the entry that somebody took away, and says so.
    """

    pk = models.CompositePrimaryKey("book_id", "seq")
    book = models.ForeignKey(Book, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    seq = models.BigIntegerField()  # 1, 2, 3, … within the book, in the order of sealing
    entry = models.OneToOneField(JournalEntry, models.DO_NOTHING, related_name="seal", db_constraint=False)
    hash = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField(_("sealed"))

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(seq__gte=1), name="finance_seal_from_one"),
        ]

    def __str__(self) -> str:
        return f"seal {self.seq} of book #{self.book_id}"


class ChainHead(models.Model):
    """Where a book's chain ends; written by the database's trigger only."""

    book = models.OneToOneField(Book, models.PROTECT, primary_key=True, related_name="chain")
    seals = models.BigIntegerField(_("sealed entries"))
    hash = models.BinaryField(max_length=32)
    entry = models.ForeignKey(
        JournalEntry, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )  # the one sealed last
    sealed_at = models.DateTimeField(_("sealed"))

    def __str__(self) -> str:
        return f"{self.seals} seals of book #{self.book_id}"


class NotedHead(models.Model):
    """Where a book's chain ended when the book was last verified; it only moves on."""

    book = models.OneToOneField(Book, models.PROTECT, primary_key=True, related_name="noted_head")
    seals = models.BigIntegerField(_("sealed entries"))
    hash = models.BinaryField(max_length=32)
    noted_at = models.DateTimeField(_("noted"))

    def __str__(self) -> str:
        return f"{self.seals} seals of book #{self.book_id}, {self.noted_at:%Y-%m-%d %H:%M}"


class LedgerCheck(models.Model):
    """The result of one verification, of a book or of all of them.

    It stays on the server that verified: not a book's data, hence without a key to the book (docs/adr/0008).
    """

    book = models.ForeignKey(Book, models.CASCADE, null=True, blank=True, related_name="checks", db_constraint=False)
    checked_at = models.DateTimeField(_("checked"))
    entries = models.BigIntegerField(_("entries"))
    lines = models.BigIntegerField(_("lines"))
    # What was found: code, promise, count and examples of each problem; empty means proven.
    problems = models.JSONField(_("problems"), default=list)
    # The same of what workers have yet to do. Older code, which an upgrade runs beside newer, does not write it.
    warnings = models.JSONField(_("warnings"), default=list, db_default=[])

    class Meta:
        verbose_name = _("ledger check")
        verbose_name_plural = _("ledger checks")
        # The latest check of a book, and of everything (operator's pages).
        indexes = [models.Index(fields=["book", "-checked_at"], name="finance_check_latest")]

    def __str__(self) -> str:
        return f"{self.checked_at:%Y-%m-%d %H:%M} {'sound' if not self.problems else 'problems'}"
