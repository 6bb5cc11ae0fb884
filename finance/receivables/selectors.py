"""Reading what people owe: by account and day, line by line, by pair, and what is open of claims and invoices."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from django.db import connection
from django.db.models import Q, QuerySet, Sum

from finance.errors import NotFound
from finance.ledger.models import Account, Book, JournalEntry, JournalLine
from finance.ledger.selectors import balances_of
from finance.planning.upcoming import Layer, Upcoming
from finance.receivables import ageing
from finance.receivables.invoicing import names_number
from finance.receivables.models import (
    BillShare,
    Claim,
    CostGroup,
    Invoice,
    InvoicePayment,
    Person,
    PersonAccount,
    RecurringInvoice,
    Settlement,
    SharedBill,
)
from finance.receivables.settling import Debt, debts_of_bill, net_balances, pairwise, payment, reassigned, simplified
from finance.receivables.splitting import ME

# Lines shown under a pair; older ones are one sum.
MOST_LINES = 50


def people_of(*, book: Book, archived: bool = False) -> QuerySet[Person]:
    """The book's people in use, or the archived ones."""
    return Person.objects.filter(book=book, archived_at__isnull=not archived)


def person_for(*, book: Book, person_id: int, field: str | None = None) -> Person:
    """The book's person. Raises NotFound, which names `field`."""
    person = Person.objects.filter(book=book, pk=person_id).first()
    if person is None:
        raise NotFound(thing="person", field=field)
    person.book = book
    return person


def group_for(*, book: Book, group_id: int, field: str | None = None) -> CostGroup:
    """The book's cost group. Raises NotFound, which names `field`."""
    group = CostGroup.objects.filter(book=book, pk=group_id).first()
    if group is None:
        raise NotFound(thing="cost group", field=field)
    group.book = book
    return group


def bills_of(*, book: Book) -> QuerySet[SharedBill]:
    """The book's shared bills, with their shares."""
    return SharedBill.objects.filter(book=book).select_related("group", "entry").prefetch_related("shares")


def bill_for(*, book: Book, bill_id: int) -> SharedBill:
    """The book's shared bill. Raises NotFound."""
    bill = bills_of(book=book).filter(pk=bill_id).first()
    if bill is None:
        raise NotFound(thing="shared bill")
    bill.book = book
    return bill


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareShown:
    """What one party (a person's id, or ME) paid of a bill, and its share; both negative in a refund."""

    party: int
    paid: int
    owed: int


def shares_shown(bill: SharedBill) -> list[ShareShown]:
    """The shares of a bill or refund as people read them, in order. The shares are read along (bills_of)."""
    rows = sorted(bill.shares.all(), key=lambda share: share.position)
    if bill.refund_of_id is None:
        return [ShareShown(party=row.person_id or ME, paid=row.paid, owed=row.owed) for row in rows]
    return [ShareShown(party=row.person_id or ME, paid=-row.owed, owed=-row.paid) for row in rows]


def left_of(bill: SharedBill) -> dict[int, int]:
    """Party → what of its share was not given back yet; those who have a share. One query beside the bill's shares."""
    left = {share.person_id or ME: share.owed for share in bill.shares.all() if share.owed}
    given = BillShare.objects.filter(book=bill.book, bill__refund_of=bill).values_list("person_id", "paid")
    for person_id, paid in given:
        if paid:
            left[person_id or ME] -= paid
    return left


def refunds_of(bill: SharedBill) -> QuerySet[SharedBill]:
    """What was given back of a bill, newest first."""
    return bills_of(book=bill.book).filter(refund_of=bill).order_by("-date", "-pk")


def settlements_of(*, book: Book) -> QuerySet[Settlement]:
    """The book's settlements."""
    return Settlement.objects.filter(book=book).select_related("entry")


def settlement_for(*, book: Book, settlement_id: int) -> Settlement:
    """The book's settlement. Raises NotFound."""
    settlement = settlements_of(book=book).filter(pk=settlement_id).first()
    if settlement is None:
        raise NotFound(thing="settlement")
    settlement.book = book
    return settlement


def invoices_of(*, book: Book) -> QuerySet[Invoice]:
    """The book's invoices with their clients."""
    return Invoice.objects.filter(book=book).select_related("person", "entry")


def invoice_for(*, book: Book, invoice_id: int) -> Invoice:
    """The book's invoice. Raises NotFound."""
    invoice = invoices_of(book=book).filter(pk=invoice_id).first()
    if invoice is None:
        raise NotFound(thing="invoice")
    invoice.book = invoice.person.book = book
    return invoice


def recurring_of(*, book: Book) -> QuerySet[RecurringInvoice]:
    """The book's recurring invoices with their clients."""
    return RecurringInvoice.objects.filter(book=book).select_related("person")


def recurring_for(*, book: Book, recurring_id: int) -> RecurringInvoice:
    """The book's recurring invoice. Raises NotFound."""
    recurring = recurring_of(book=book).filter(pk=recurring_id).first()
    if recurring is None:
        raise NotFound(thing="recurring invoice")
    recurring.book = recurring.person.book = book
    return recurring


def claim_for(*, book: Book, claim_id: int) -> Claim:
    """The book's dated claim. Raises NotFound."""
    claim = Claim.objects.filter(book=book, pk=claim_id).select_related("account", "person").first()
    if claim is None:
        raise NotFound(thing="claim")
    claim.book = book
    return claim


def claim_accounts(*, book: Book, person_ids: Collection[int] | None = None) -> dict[int, list[Account]]:
    """Person → the accounts of what is owed, the first added first; of all people without `person_ids`."""
    links = PersonAccount.objects.filter(book=book).select_related("account").order_by("pk")
    if person_ids is not None:
        links = links.filter(person_id__in=person_ids)
    found: dict[int, list[Account]] = defaultdict(list)
    for link in links:
        found[link.person_id].append(link.account)
    return dict(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What a person owes the book in one currency (negative: is owed), at the end of a day and with all later entries."""

    currency: str
    balance: int
    later: int

    @property
    def size(self) -> int:
        """The balance without its sign."""
        return abs(self.balance)


def owed_by(*, book: Book, as_of: datetime.date, person_ids: Collection[int] | None = None) -> dict[int, list[Owed]]:
    """Person → balances by currency. Those that are even now and later are left out. Three queries for all people."""
    accounts = claim_accounts(book=book, person_ids=person_ids)
    ids = [account.pk for each in accounts.values() for account in each]
    now, later = balances_of(account_ids=ids, as_of=as_of), balances_of(account_ids=ids, as_of=None)
    found: dict[int, list[Owed]] = {}
    for person_id, own in accounts.items():
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for account in own:
            sums[account.currency][0] += now.get(account.pk, 0)
            sums[account.currency][1] += later.get(account.pk, 0)
        found[person_id] = [
            Owed(currency=currency, balance=balance, later=after)
            for currency, (balance, after) in sorted(sums.items())
            if balance or after
        ]
    return found


def lines_of_person(*, person: Person) -> QuerySet[JournalLine]:
    """The lines on the person's accounts, each with its entry. An entry that was taken back is not among them, nor what took it back."""
    ids = PersonAccount.objects.filter(book=person.book, person=person).values_list("account_id", flat=True)
    lines = JournalLine.objects.filter(book=person.book, account_id__in=list(ids))
    return lines.filter(entry__reverses=None, entry__reversed_by=None).select_related("entry", "account")


def with_balances(*, person: Person, lines: Sequence[JournalLine]) -> list[tuple[JournalLine, int]]:
    """Lines of a page (newest first), each with the balance of its currency after it; the lines add up to it."""
    running: dict[str, int] = {}
    found = []
    for line in lines:
        if line.currency not in running:
            through = Q(date__lt=line.date) | Q(date=line.date, pk__lte=line.pk)
            own = lines_of_person(person=person).filter(through, currency=line.currency)
            running[line.currency] = own.aggregate(sum=Sum("amount"))["sum"] or 0
        found.append((line, running[line.currency]))
        running[line.currency] -= line.amount
    return found


_BEHIND = """
SELECT coalesce(share.person_id, 0), bill.weight_total,
       sum(bill.total::numeric * share.weight * CASE WHEN bill.refund_of_id IS NULL THEN 1 ELSE -1 END),
       sum(CASE WHEN bill.refund_of_id IS NULL THEN share.owed ELSE -share.paid END)
  FROM finance_sharedbill AS bill
  JOIN finance_billshare AS share ON share.bill_id = bill.id AND share.book_id = bill.book_id
 WHERE bill.book_id = %s AND bill.scope = %s AND bill.currency = %s AND bill.weight_total > 0 AND bill.id <> %s
 GROUP BY 1, 2
"""


def behind(*, book: Book, scope: str, currency: str, but: int = 0) -> dict[int, Fraction]:
    """How far each party is behind its exact total of the bills of a scope (negative: ahead), without the bill `but`."""
    found: dict[int, Fraction] = defaultdict(Fraction)
    with connection.cursor() as cursor:
        cursor.execute(_BEHIND, [book.pk, scope, currency, but])
        for party, whole, weighted, given in cursor.fetchall():
            found[party] += Fraction(int(weighted), int(whole)) - int(given)
    return dict(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairLine:
    """What one bill, settlement or entry did to the debt of a pair; negative lowers it."""

    date: datetime.date | None
    text: str
    amount: int
    bill_id: int | None = None
    settlement_id: int | None = None


@dataclass(slots=True, kw_only=True)
class Pair:
    """Who owes whom how much, and the lines that add up to exactly that, newest first."""

    debtor: int
    creditor: int
    currency: str
    amount: int
    lines: list[PairLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleUp:
    """Balances by currency (party → owed to it, positive) and the pairs of the mode asked for."""

    nets: dict[str, dict[int, int]]
    pairs: list[Pair]
    simplified: bool


Sourced = tuple[Debt, PairLine]


def settle_up(*, book: Book, as_of: datetime.date, group: CostGroup | None = None, simplify: bool = False) -> SettleUp:
    """Who owes whom at the end of `as_of`: in a group by its bills and settlements, else in the whole book.

    In the whole book, what a person and the household owe each other is the balance of the person's accounts.
    """
    sourced = _debts(book=book, as_of=as_of, group=group)
    if group is None:
        for person_id, owed in owed_by(book=book, as_of=as_of).items():
            for each in owed:
                if each.balance:
                    low, high = (person_id, ME) if each.balance > 0 else (ME, person_id)
                    debt = Debt(debtor=low, creditor=high, amount=each.size)
                    line = PairLine(date=None, text="", amount=each.size)
                    sourced[each.currency].append((debt, line))
    nets, pairs = {}, []
    for currency, found in sorted(sourced.items()):
        debts = [debt for debt, _line in found]
        nets[currency] = dict(sorted(net_balances(debts).items()))
        now = pairwise(debts)
        wanted = simplified(nets[currency]) if simplify else now
        pairs += [_pair(debt, currency, found, moved=simplify) for debt in wanted]
    return SettleUp(nets=nets, pairs=pairs, simplified=simplify)


def debts_to_pass_on(*, group: CostGroup, as_of: datetime.date) -> dict[str, list[Debt]]:
    """By currency, what has to be passed on so that the group's pairs become the fewest; nobody's balance changes."""
    found = {}
    for currency, sourced in sorted(_debts(book=group.book, as_of=as_of, group=group).items()):
        now = pairwise(debt for debt, _line in sourced)
        moves = reassigned(now=now, wanted=simplified(net_balances(now)))
        if moves:
            found[currency] = moves
    return found


def _debts(*, book: Book, as_of: datetime.date, group: CostGroup | None) -> dict[str, list[Sourced]]:
    """By currency, what each bill and settlement did; without a group only what is between others than the household."""
    bills, settlements = bills_of(book=book).filter(date__lte=as_of), settlements_of(book=book).filter(date__lte=as_of)
    if group is not None:
        bills, settlements = bills.filter(group=group), settlements.filter(group=group)
    else:
        settlements = settlements.filter(payer__isnull=False, payee__isnull=False)
    found: dict[str, list[Sourced]] = defaultdict(list)
    for bill in bills.order_by("-date", "-pk"):
        shares = sorted(bill.shares.all(), key=lambda share: share.position)
        debts = debts_of_bill(
            paid={share.person_id or ME: share.paid for share in shares},
            owed={share.person_id or ME: share.owed for share in shares},
        )
        for debt in debts:
            if group is not None or ME not in (debt.debtor, debt.creditor):
                line = PairLine(date=bill.date, text=bill.description, amount=debt.amount, bill_id=bill.pk)
                found[bill.currency].append((debt, line))
    for each in settlements.order_by("-date", "-pk"):
        debt = payment(payer=each.payer_id or ME, payee=each.payee_id or ME, amount=each.amount)
        text = each.note or str(each.get_kind_display())
        found[each.currency].append(
            (debt, PairLine(date=each.date, text=text, amount=each.amount, settlement_id=each.pk))
        )
    return found


def _pair(debt: Debt, currency: str, sourced: Iterable[Sourced], *, moved: bool) -> Pair:
    """The pair with its lines; older than the latest, and what came from other pairs, are one line each."""
    lines = []
    for each, line in sourced:
        if {each.debtor, each.creditor} == {debt.debtor, debt.creditor}:
            sign = 1 if each.debtor == debt.debtor else -1
            lines.append(
                PairLine(
                    date=line.date, text=line.text, amount=sign * line.amount, bill_id=line.bill_id,
                    settlement_id=line.settlement_id,
                )
            )  # fmt: skip
    lines.sort(key=lambda line: line.date or datetime.date.max, reverse=True)
    older = sum(line.amount for line in lines[MOST_LINES:])
    del lines[MOST_LINES:]
    if older:
        lines.append(PairLine(date=None, text="earlier", amount=older))
    if moved and (rest := debt.amount - sum(line.amount for line in lines)):
        lines.append(PairLine(date=None, text="from other pairs", amount=rest))
    return Pair(debtor=debt.debtor, creditor=debt.creditor, currency=currency, amount=debt.amount, lines=lines)


def open_claims(*, book: Book, as_of: datetime.date | None, person: Person | None = None) -> list[tuple[Claim, int]]:
    """Claims by due day, each with what is still open (sign as the claim's); paid back covers the oldest first.

    `as_of` None takes all entries into account, as the forecast does.
    """
    claims = Claim.objects.filter(book=book).select_related("account", "person").order_by("due_on", "pk")
    if person is not None:
        claims = claims.filter(person=person)
    by_side: dict[tuple[int, bool], list[Claim]] = defaultdict(list)
    for claim in claims:
        by_side[claim.account_id, claim.amount > 0].append(claim)
    held = balances_of(account_ids=[account for account, _side in by_side], as_of=as_of)
    # What invoices claim on the same account is not what these claims are about.
    invoiced = Invoice.objects.open().filter(book=book, claim_account__in=[account for account, _side in by_side])
    for account_id, gross, paid in invoiced.values_list("claim_account_id", "gross", "paid"):
        held[account_id] = held.get(account_id, 0) - (gross - paid)
    still: dict[int, int] = {}
    for (account_id, mine), each in by_side.items():
        dues = [ageing.Due(key=claim.pk, due=claim.due_on, amount=abs(claim.amount)) for claim in each]
        balance = held.get(account_id, 0) if mine else -held.get(account_id, 0)
        still |= ageing.still_open(dues=dues, balance=balance)
    return [(claim, still[claim.pk] if claim.amount > 0 else -still[claim.pk]) for claim in claims]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ageing:
    """Open invoices of one currency by days overdue."""

    currency: str
    buckets: Mapping[ageing.Bucket, int]

    @property
    def total(self) -> int:
        """All that is open."""
        return sum(self.buckets.values())


def invoices_by_age(*, book: Book, today: datetime.date) -> list[Ageing]:
    """Ageing of the book's open invoices, by currency. One query."""
    open_ones: dict[str, list[tuple[datetime.date, int]]] = defaultdict(list)
    rows = Invoice.objects.open().filter(book=book).values_list("currency", "due_on", "gross", "paid")
    for currency, due, gross, paid in rows:
        open_ones[currency].append((due or today, gross - paid))
    return [
        Ageing(currency=currency, buckets=ageing.aged(open_amounts=found, today=today))
        for currency, found in sorted(open_ones.items())
    ]


def open_invoices(*, book: Book, currency: str) -> QuerySet[Invoice]:
    """The book's open invoices in a currency, with their clients, the oldest due day first."""
    found = Invoice.objects.open().filter(book=book, currency=currency)
    return found.select_related("person").order_by("due_on", "pk")


def payments_of(*, invoice: Invoice) -> QuerySet[InvoicePayment]:
    """The payments that are linked to the invoice, oldest first."""
    return InvoicePayment.objects.filter(book=invoice.book, invoice=invoice).select_related("entry").order_by("pk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An entry that looks like a payment of an invoice, and why."""

    entry: JournalEntry
    amount: int
    why: str  # "number", "amount and name"


# Entries looked at for payments of one invoice.
_MOST_LOOKED_AT = 500
_LONGEST_WAIT = datetime.timedelta(days=400)


def proposed_payments(*, invoice: Invoice) -> list[Proposal]:
    """Entries since the invoice that brought in money and name its number, or its open amount and its client."""
    if not invoice.open or invoice.issued_on is None:
        return []
    linked = InvoicePayment.objects.filter(book=invoice.book).values("entry_id")
    own = JournalLine.objects.filter(
        book=invoice.book, date__gte=invoice.issued_on, date__lte=invoice.issued_on + _LONGEST_WAIT, amount__gt=0,
        currency=invoice.currency, account__type__in=["asset", "liability"], entry__reverses=None,
        entry__reversed_by=None,
    )  # fmt: skip
    named = Q(entry__payee__icontains=invoice.number) | Q(entry__description__icontains=invoice.number)
    same = Q(amount=invoice.open, entry__payee__icontains=invoice.person.name)
    lines = own.exclude(account__in=PersonAccount.objects.filter(book=invoice.book).values("account_id"))
    lines = lines.filter(named | same | Q(memo__icontains=invoice.number)).exclude(entry__in=linked)
    found = {}
    for line in lines.select_related("entry").order_by("date", "pk")[:_MOST_LOOKED_AT]:
        text = f"{line.entry.payee} {line.entry.description} {line.memo}"
        if (is_named := names_number(text, invoice.number)) or line.amount == invoice.open:
            why = "number" if is_named else "amount and name"
            found[line.entry_id] = Proposal(entry=line.entry, amount=line.amount, why=why)
    return list(found.values())


def upcoming(*, book: Book, first: datetime.date, last: datetime.date, today: datetime.date) -> list[Upcoming]:
    """Open invoices and dated claims from `first` to `last`, on the accounts where their money is expected.

    What is overdue is expected today. Those without such an account are left out: nothing says which one it would be.
    """
    found = []
    invoices = Invoice.objects.open().filter(book=book, money_account__isnull=False, due_on__lte=last)
    for invoice in invoices.select_related("person").order_by("due_on", "pk"):
        if invoice.due_on is not None and invoice.money_account_id is not None:
            label = f"{invoice.number} {invoice.person.name}"
            found.append(
                Upcoming(
                    date=max(invoice.due_on, today), nominal=invoice.due_on, account_id=invoice.money_account_id,
                    amount=invoice.gross - invoice.paid, currency=invoice.currency, layer=Layer.RECEIVABLE, label=label,
                    source_id=invoice.pk,
                )
            )  # fmt: skip
    for claim, still in open_claims(book=book, as_of=None):
        if still and claim.money_account_id is not None and claim.due_on <= last:
            label = claim.note or claim.person.name
            found.append(
                Upcoming(
                    date=max(claim.due_on, today), nominal=claim.due_on, account_id=claim.money_account_id,
                    amount=still, currency=claim.account.currency, layer=Layer.RECEIVABLE, label=label,
                    source_id=claim.pk,
                )
            )  # fmt: skip
    return sorted((each for each in found if first <= each.date <= last), key=lambda each: (each.date, each.label))
