"""Bank files and their rows. The file itself is kept, so that every row can be shown in its source."""

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from finance.imports.matching import RowStatus
from finance.ledger.models import Account, Book, JournalEntry

if TYPE_CHECKING:
    from identity.models import User


class ImportProfile(models.Model):
    """How CSV files of one shape are read for one account: what people corrected once stays corrected."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, models.CASCADE, related_name="import_profiles", db_constraint=False)
    signature = models.CharField(max_length=64)  # of the header; see CsvProfile.signature
    reading = models.JSONField(_("how the columns are read"))
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("import profile")
        verbose_name_plural = _("import profiles")
        constraints = [
            models.UniqueConstraint(fields=["account", "signature", "book"], name="finance_importprofile_unique")
        ]

    def __str__(self) -> str:
        return f"profile of account #{self.account_id}"


class ImportBatchQuerySet(models.QuerySet["ImportBatch"]):
    def visible_to(self, user: "User") -> Self:
        return self.filter(book__in=Book.objects.visible_to(user))

    def without_content(self) -> Self:
        """For lists: the file may be megabytes long."""
        return self.defer("content", "head")

    def locked(self) -> Self:
        """Held until the transaction ends, without the bytes of the file."""
        return self.without_content().select_for_update(of=("self",))


class ImportBatch(models.Model):
    """One bank file on its way into the books."""

    class State(models.TextChoices):
        RECEIVED = "received", _("being read")
        STAGED = "staged", _("waiting for confirmation")
        CONFIRMED = "confirmed", _("confirmed")
        UNDONE = "undone", _("undone")
        DISCARDED = "discarded", _("discarded")
        REFUSED = "refused", _("not readable")

    UNCONFIRMED = (State.RECEIVED, State.STAGED, State.REFUSED)

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        OFX = "ofx", "OFX"
        CAMT = "camt", "CAMT"
        MT940 = "mt940", "MT940"
        QIF = "qif", "QIF"
        XLSX = "xlsx", "Excel (XLSX)"
        XLS = "xls", "Excel (XLS)"
        ODS = "ods", "OpenDocument (ODS)"

    book = models.ForeignKey(Book, models.PROTECT, related_name="imports")
    # The account that was chosen on upload; the statements of the file carry their own.
    account = models.ForeignKey(
        Account, models.PROTECT, related_name="imports", verbose_name=_("account"), db_constraint=False
    )
    file_name = models.CharField(_("file"), max_length=255)
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField(_("content"))
    size = models.PositiveIntegerField(_("size in bytes"))
    format = models.CharField(_("format"), max_length=8, choices=Format.choices, blank=True)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.RECEIVED)
    profile = models.JSONField(_("how the columns are read"), null=True, blank=True)
    # For the page of columns, as the reader found them: the beginning of a workbook's sheet as comma-separated text, and
    # the words that each encoding makes of a text file: [[encoding, words]].
    head = models.BinaryField(default=b"", db_default=b"")
    encodings = models.JSONField(default=list, db_default=[])
    notes = models.JSONField(_("notes"), default=list)
    problem = models.TextField(_("problem"), blank=True)
    rows_total = models.PositiveIntegerField(_("rows"), default=0)
    rows_done = models.PositiveIntegerField(_("rows read"), default=0)
    reading_at = models.DateTimeField(null=True, blank=True)  # last sign of life of the reader
    # How the file is to be read: {"profile", "changes", "by", "language"}; and who reads it, so that nobody else writes rows.
    question = models.JSONField(default=dict, db_default={})
    reader = models.CharField(max_length=32, blank=True, default="", db_default="")
    # Why the last reading failed: {"code", "detail", "fields"}. A file that was staged before stays staged as it was.
    refusal = models.JSONField(null=True, blank=True)
    opening_entry = models.ForeignKey(
        JournalEntry, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("opening balance"),
        db_constraint=False,
    )  # fmt: skip
    # Opening balances that were replaced by earlier ones: [{"entry", "by"}], ids of entries.
    moved_openings = models.JSONField(default=list, db_default=[])
    # What undoing left alone: [{"entry_id", "uid", "date", "payee", "why"}].
    kept = models.JSONField(_("entries kept"), default=list, encoder=DjangoJSONEncoder)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("uploaded"), auto_now_add=True)
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True)

    objects = ImportBatchQuerySet.as_manager()

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        indexes = [
            # List of a book's imports, newest first.
            models.Index(fields=["book", "-id"], name="finance_importbatch_list"),
            # "This very file was imported before."
            models.Index(fields=["book", "sha256"], name="finance_importbatch_file"),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_unconfirmed(self) -> bool:
        """Whether the file can be discarded: none of its rows are posted."""
        return self.state in self.UNCONFIRMED

    @property
    def is_open(self) -> bool:
        """Whether rows may still be decided on."""
        return self.state == self.State.STAGED


class ImportStatement(models.Model):
    """One account of a file, with the balances that the bank states (minor units of its currency)."""

    book = models.ForeignKey(Book, models.PROTECT, related_name="+")
    batch = models.ForeignKey(ImportBatch, models.CASCADE, related_name="statements", db_constraint=False)
    position = models.PositiveSmallIntegerField()
    # The bank's number of the account; remembered to recognise it in the next file.
    external_account = models.CharField(_("number at the bank"), max_length=64, blank=True)
    label = models.CharField(max_length=64, blank=True)
    currency = models.CharField(_("currency"), max_length=8)
    account = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("account"), db_constraint=False
    )
    start = models.DateField(_("from"), null=True, blank=True)
    end = models.DateField(_("to"), null=True, blank=True)
    stated_opening = models.BigIntegerField(null=True, blank=True)
    stated_closing = models.BigIntegerField(null=True, blank=True)
    closing_on = models.DateField(null=True, blank=True)
    balance_break = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "position", "book"], name="finance_importstatement_position")
        ]
        indexes = [models.Index(fields=["book", "external_account"], name="finance_importstatement_ext")]

    def __str__(self) -> str:
        return self.external_account or self.label or f"statement {self.position}"


# Statuses that nothing is posted from: a line that was left out gets another one when it is taken in.
STUCK = (RowStatus.PENDING.value, RowStatus.ERROR.value, RowStatus.LEFT_OUT.value)


class ImportRow(models.Model):
    """One line of the file and its status. `active` rows hold their identity: the same row never comes in twice."""

    class Status(models.TextChoices):
        NEW = RowStatus.NEW.value, _("new")
        ALREADY_IMPORTED = RowStatus.ALREADY_IMPORTED.value, _("already imported")
        PROBABLE_MATCH = RowStatus.PROBABLE_MATCH.value, _("probable match")
        QUESTION = RowStatus.QUESTION.value, _("needs your answer")
        PENDING = RowStatus.PENDING.value, _("not booked by the bank")
        ERROR = RowStatus.ERROR.value, _("error")
        LEFT_OUT = RowStatus.LEFT_OUT.value, _("not a transaction")

    class Decision(models.TextChoices):
        """What people decided; empty means what the status suggests."""

        NONE = "", _("as suggested")
        POST = "post", _("post")
        MATCH = "match", _("accept the match")
        IGNORE = "ignore", _("ignore")
        LEAVE = "leave", _("leave out")

    class Outcome(models.TextChoices):
        NONE = "", "—"
        POSTED = "posted", _("posted")
        LINKED = "linked", _("linked to an entry")
        IGNORED = "ignored", _("ignored")
        LEFT = "left", _("left out")

    book = models.ForeignKey(Book, models.PROTECT, related_name="+")
    batch = models.ForeignKey(ImportBatch, models.CASCADE, related_name="rows", db_index=False, db_constraint=False)
    statement = models.ForeignKey(ImportStatement, models.CASCADE, related_name="rows", db_constraint=False)
    account = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="+", db_index=False, db_constraint=False
    )
    number = models.PositiveIntegerField(_("line"))
    date = models.DateField(_("date"), null=True, blank=True)
    raw_date = models.CharField(_("date as written by the bank"), max_length=64, blank=True)
    amount = models.BigIntegerField(_("amount"), null=True, blank=True)
    balance = models.BigIntegerField(_("balance"), null=True, blank=True)
    payee = models.CharField(_("payee"), max_length=200, blank=True)
    description = models.CharField(_("description"), max_length=500, blank=True)
    text = models.CharField(max_length=400, blank=True)
    bank_id = models.CharField(_("bank's id"), max_length=120, blank=True)
    # The other side's account (IBAN or number) and bank (BIC or code), as the bank writes them.
    counterparty_account = models.CharField(
        _("counterparty's account"), max_length=64, blank=True, default="", db_default=""
    )
    counterparty_bank = models.CharField(_("counterparty's bank"), max_length=64, blank=True, default="", db_default="")
    # The bank's own word about the row.
    booked = models.BooleanField(default=True)
    # Why the line was taken for no transaction; stays when somebody takes it in all the same.
    left_out = models.CharField(max_length=300, blank=True, default="", db_default="")
    identity = models.CharField(max_length=48, blank=True)
    occurrence = models.PositiveIntegerField(default=1)
    fate = models.CharField(_("fate"), max_length=16, choices=Status.choices)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    note = models.CharField(max_length=200, blank=True)
    decision = models.CharField(_("decision"), max_length=6, choices=Decision.choices, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    # The category or other account that the row is posted against; empty means uncategorised.
    counter_account = models.ForeignKey(
        Account,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("category"),
        db_constraint=False,
    )
    suggestion = models.CharField(max_length=200, blank=True)  # why this category was proposed
    # Up to three: [{"account", "chance" in percent, "why"}], the likeliest first; also where none is likely enough.
    suggestions = models.JSONField(default=list, db_default=[])
    # The payee to post instead of what the bank wrote; empty means as the bank wrote it.
    new_payee = models.CharField(_("payee to post"), max_length=200, blank=True, default="", db_default="")
    memo = models.CharField(_("note"), max_length=200, blank=True, default="", db_default="")
    # Instead of one category: [{"account", "amount" in minor units with the row's sign, "note"}].
    split = models.JSONField(_("split"), default=list, db_default=[])
    # Names of tags that rules put on the entry.
    tags = models.JSONField(_("tags"), default=list, db_default=[])
    # The purchase that this row gives back: an entry of the books, or another line of the same statement.
    refund_of = models.ForeignKey(
        JournalEntry, models.PROTECT, null=True, blank=True, related_name="+", db_index=False, db_constraint=False
    )
    refund_of_line = models.PositiveIntegerField(null=True, blank=True)
    matched_entry = models.ForeignKey(
        JournalEntry, models.PROTECT, null=True, blank=True, related_name="+", db_index=False, db_constraint=False
    )
    posted_entry = models.ForeignKey(
        JournalEntry, models.PROTECT, null=True, blank=True, related_name="import_rows", verbose_name=_("entry"),
        db_constraint=False,
    )  # fmt: skip
    outcome = models.CharField(_("outcome"), max_length=8, choices=Outcome.choices, blank=True)
    active = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("imported row")
        verbose_name_plural = _("imported rows")
        constraints = [
            # A row of the bank enters an account once, however many files and confirmations race for it.
            models.UniqueConstraint(
                fields=["account", "identity", "occurrence", "book"],
                condition=models.Q(active=True),
                name="finance_importrow_identity",
            ),
            models.CheckConstraint(
                condition=models.Q(active=False) | ~models.Q(identity="") & models.Q(account__isnull=False),
                name="finance_importrow_active_known",
            ),
        ]
        indexes = [
            # Rows of a batch, problems first or by fate, keyset on (id).
            models.Index(fields=["batch", "fate", "id"], name="finance_importrow_batch"),
            # What is known of an account in a period (matching).
            models.Index(fields=["account", "date"], name="finance_importrow_known", condition=models.Q(active=True)),
            # Few rows have these, and an index of all rows is written twice for each that is imported.
            models.Index(
                fields=["decided_by"], name="finance_importrow_decider", condition=models.Q(decided_by__isnull=False)
            ),
            models.Index(
                fields=["matched_entry"],
                name="finance_importrow_match",
                condition=models.Q(matched_entry__isnull=False),
            ),
            models.Index(
                fields=["refund_of"], name="finance_importrow_refund", condition=models.Q(refund_of__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"line {self.number}"

    @property
    def plan(self) -> str:
        """What confirming will do: a Decision, or "" for leaving the row out."""
        return planned(fate=self.fate, decision=self.decision)


_SUGGESTED = {
    ImportRow.Status.NEW.value: ImportRow.Decision.POST.value,
    ImportRow.Status.PROBABLE_MATCH.value: ImportRow.Decision.MATCH.value,
}


def planned(*, fate: str, decision: str) -> str:
    """What confirming does with a row of this status: its decision, or what the status suggests; "" leaves it out."""
    return decision or _SUGGESTED.get(fate, "")


class Refund(models.Model):
    """An entry gives back (part of) what another one spent. Both are named by their roots, so that corrections keep it."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    refund = models.ForeignKey(JournalEntry, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    purchase = models.ForeignKey(JournalEntry, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    linked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    linked_at = models.DateTimeField(_("linked"), auto_now_add=True)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [models.UniqueConstraint(fields=["refund", "book"], name="finance_refund_once")]
        # The refunds of a purchase.
        indexes = [models.Index(fields=["purchase"], name="finance_refund_purchase")]

    def __str__(self) -> str:
        return f"entry #{self.refund_id} gives back entry #{self.purchase_id}"


class LearnedBook(models.Model):
    """What suggestions know of a book as a whole; its row is locked while the book's counts change."""

    book = models.OneToOneField(Book, models.CASCADE, primary_key=True, related_name="+")
    # When all entries of before were learned; empty while only those that came as events are.
    complete_at = models.DateTimeField(null=True, blank=True)
    # By tenths of stated probability: how often a suggestion was put to the test, and how often it was right.
    tried = models.JSONField(default=list)
    right = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"learned of book #{self.book_id}"


class LearnedEntry(models.Model):
    """An entry whose words are counted, so that each is counted once and can be taken out again."""

    pk = models.CompositePrimaryKey("entry_id", "book_id")
    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    entry = models.ForeignKey(JournalEntry, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    # Exactly what was counted, to be taken out again: [{"words", "out", "to", "weight", "key", "name"}].
    counted = models.JSONField()

    def __str__(self) -> str:
        return f"learned entry #{self.entry_id}"


class WordCount(models.Model):
    """How often a word stood on money that went out to (or came in from) an account. The empty word counts all of it."""

    pk = models.CompositePrimaryKey("book_id", "word", "outgoing", "account_id")
    book = models.ForeignKey(Book, models.CASCADE, related_name="+", db_index=False)
    word = models.CharField(max_length=64)
    outgoing = models.BooleanField()
    account = models.ForeignKey(Account, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    entries = models.IntegerField()
    weight = models.IntegerField()  # what people chose or corrected counts more than once

    def __str__(self) -> str:
        return f"{self.word}: {self.entries}"


class PayeeName(models.Model):
    """How often entries from a bank's text (its words, as `key_words` has them) bear a name in the books."""

    pk = models.CompositePrimaryKey("book_id", "key", "name")
    book = models.ForeignKey(Book, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    weight = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.key}: {self.name}"
