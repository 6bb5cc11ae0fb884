"""A cost group from and to the CSV of Splitwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext as _

from finance.errors import FinanceError, Invalid
from finance.ledger.models import Account
from finance.receivables import splitwise
from finance.receivables.models import CostGroup, GroupMember, Person, SplitMethod
from finance.receivables.selectors import bills_of, settlements_of
from finance.receivables.services.groups import save_group
from finance.receivables.services.people import save_person
from finance.receivables.services.settling_up import settle
from finance.receivables.services.sharing import Bill, save_bill
from finance.receivables.splitting import ME
from identity.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of a file: how many bills and payments, who was added, and rows that were refused, with the reason."""

    bills: int
    payments: int
    added: list[str] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)


@transaction.atomic
def take_splitwise(
    *, group: CostGroup, actor: User | None, text: str, me: str, account: Account, category: Account
) -> Taken:
    """Add the bills and payments of an export to the group; people are found by name, or added.

    `me` is the household's column. What it paid comes from `account`, its shares are spending of `category`. Rows that cannot
    be taken are listed, and all others are taken. Raises Invalid (csv, me).
    """
    book, file = group.book, splitwise.read(text)
    if me not in file.names:
        raise Invalid(
            field="me", reason=_("Choose one of the file's names: %(names)s.") % {"names": ", ".join(file.names)}
        )
    known = {person.name.casefold(): person for person in Person.objects.filter(book=book)}
    parties, added = {me: ME}, []
    for name in file.names:
        if name != me:
            person = known.get(name.casefold())
            if person is None:
                person = save_person(book=book, changes={"name": name})
                added.append(name)
            parties[name] = person.pk
    there = GroupMember.objects.filter(book=book, group=group).values_list("person_id", flat=True)
    save_group(book=book, group=group, people=sorted({*there, *(pk for pk in parties.values() if pk != ME)}))
    refused, counts = list(file.refused), {True: 0, False: 0}
    for row in file.rows:
        try:
            with transaction.atomic():
                _take_row(row, parties=parties, group=group, actor=actor, account=account, category=category)
            counts[row.is_payment] += 1
        except FinanceError as error:
            refused.append((row.line, error.detail))
    return Taken(bills=counts[False], payments=counts[True], added=added, refused=sorted(refused))


def _take_row(
    row: splitwise.Row,
    *,
    parties: Mapping[str, int],
    group: CostGroup,
    actor: User | None,
    account: Account,
    category: Account,
) -> None:
    payer = next(name for name, amount in row.nets.items() if amount > 0)
    if row.is_payment:
        payee = next(name for name in row.nets if name != payer)
        settle(
            book=group.book, actor=actor, date=row.date, payer=parties[payer], payee=parties[payee],
            currency=row.currency, amount=row.nets[payer], account=account, group=group, note=row.description,
        )  # fmt: skip
        return
    shares = {parties[name]: -amount for name, amount in row.nets.items() if amount < 0}
    own = row.cost - row.nets[payer]
    bill = Bill(
        date=row.date, description=row.description, currency=row.currency, total=row.cost,
        paid={parties[payer]: row.cost}, method=SplitMethod.EXACT,
        shares={**({parties[payer]: own} if own else {}), **shares}, group=group, account=account, category=category,
    )  # fmt: skip
    save_bill(book=group.book, actor=actor, bill=bill)


def give_splitwise(*, group: CostGroup) -> str:
    """The group's bills and settlements as Splitwise exports them; the household goes by the book's name."""
    book = group.book
    people = dict(Person.objects.filter(book=book, groups__group=group).order_by("pk").values_list("pk", "name"))
    names = {ME: book.name, **people}
    if book.name in people.values():
        names[ME] = f"{book.name} (2)"
    rows = []
    for bill in bills_of(book=book).filter(group=group).order_by("date", "pk"):
        nets = {names[share.person_id or ME]: share.paid - share.owed for share in bill.shares.all()}
        rows.append(
            splitwise.Row(
                line=0, date=bill.date, description=bill.description, category="General", currency=bill.currency,
                cost=bill.total, nets=nets,
            )
        )  # fmt: skip
    for each in settlements_of(book=book).filter(group=group).order_by("date", "pk"):
        nets = {names[each.payer_id or ME]: each.amount, names[each.payee_id or ME]: -each.amount}
        rows.append(
            splitwise.Row(
                line=0, date=each.date, description=each.note or str(each.get_kind_display()),
                category=splitwise.PAYMENT, currency=each.currency, cost=each.amount, nets=nets,
            )
        )  # fmt: skip
    return splitwise.write(names=list(names.values()), rows=sorted(rows, key=lambda row: row.date))
