"""Who owes whom: pairs, net balances, and the fewest payments. Pure: parties are numbers, amounts minor units of one currency."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """`debtor` owes `creditor` a positive amount."""

    debtor: int
    creditor: int
    amount: int


def debts_of_bill(*, paid: Mapping[int, int], owed: Mapping[int, int]) -> list[Debt]:
    """Who owes whom by one bill: those who paid less than their share owe those who paid more, in the order given.

    With one payer everyone owes the payer the own share. Both mappings sum to the bill.
    """
    over = [[party, paid.get(party, 0) - owed.get(party, 0)] for party in dict.fromkeys([*paid, *owed])]
    creditors = [each for each in over if each[1] > 0]
    debts = []
    for debtor, rest in [(party, -amount) for party, amount in over if amount < 0]:
        left = rest
        while left:
            part = min(left, creditors[0][1])
            debts.append(Debt(debtor=debtor, creditor=creditors[0][0], amount=part))
            left -= part
            creditors[0][1] -= part
            if not creditors[0][1]:
                creditors.pop(0)
    return debts


def payment(*, payer: int, payee: int, amount: int) -> Debt:
    """What a payment does to the debts: as if who was paid owed it."""
    return Debt(debtor=payee, creditor=payer, amount=amount)


def pairwise(debts: Iterable[Debt]) -> list[Debt]:
    """One debt for each pair that is not even, all of its debts netted."""
    sums: dict[tuple[int, int], int] = defaultdict(int)
    for debt in debts:
        low, high = sorted((debt.debtor, debt.creditor))
        sums[low, high] += debt.amount if debt.debtor == low else -debt.amount
    return [
        Debt(debtor=low, creditor=high, amount=amount)
        if amount > 0
        else Debt(debtor=high, creditor=low, amount=-amount)
        for (low, high), amount in sorted(sums.items())
        if amount
    ]


def net_balances(debts: Iterable[Debt]) -> dict[int, int]:
    """What each party is owed (positive) or owes; they sum to zero."""
    nets: dict[int, int] = defaultdict(int)
    for debt in debts:
        nets[debt.creditor] += debt.amount
        nets[debt.debtor] -= debt.amount
    return dict(nets)


def simplified(nets: Mapping[int, int]) -> list[Debt]:
    """Payments that settle the balances, fewer than there are parties: the largest debtor pays the largest creditor first."""
    creditors = {party: amount for party, amount in nets.items() if amount > 0}
    debtors = {party: -amount for party, amount in nets.items() if amount < 0}
    found = []
    while creditors and debtors:
        creditor = min(creditors, key=lambda each: (-creditors[each], each))
        debtor = min(debtors, key=lambda each: (-debtors[each], each))
        amount = min(creditors[creditor], debtors[debtor])
        found.append(Debt(debtor=debtor, creditor=creditor, amount=amount))
        for side, party in ((creditors, creditor), (debtors, debtor)):
            side[party] -= amount
            if not side[party]:
                del side[party]
    return sorted(found, key=lambda debt: (debt.creditor, debt.debtor))


def reassigned(*, now: Iterable[Debt], wanted: Iterable[Debt]) -> list[Debt]:
    """The debts that have to be added to `now` for its pairs to become those of `wanted`; nobody's balance changes."""
    back = [Debt(debtor=debt.creditor, creditor=debt.debtor, amount=debt.amount) for debt in now]
    return pairwise([*wanted, *back])
