"""Builders for the rules' input: a payment is a line, a history is a few of them."""

import datetime
from itertools import count

import pytest

from insights.rules.facts import Facts, Movement

ON = datetime.date(2026, 6, 15)


def day(text: str) -> datetime.date:
    """ "06-03" is 3 June 2026; "2025-06-03" is what it says."""
    return datetime.date.fromisoformat(text if len(text) == 10 else f"2026-{text}")


@pytest.fixture
def pay():
    """pay("06-03", 12_00, "Netflix") → a payment of €12.00 from the checking account; ids count from 1."""
    ids = count(1)

    def build(date, paid, payee="Netflix", *, account="Checking", currency="EUR", transfer=False, counter=(90,)):
        return Movement(
            entry_id=next(ids),
            date=day(date),
            payee=payee,
            payee_key=payee.lower(),
            account_id={"Checking": 1, "Card": 2}[account],
            account=account,
            currency=currency,
            amount=-paid,
            transfer=transfer,
            counter=counter,
        )

    return build


def facts_of(*movements, on=ON, since=datetime.date(2026, 3, 15), until=datetime.date(2027, 6, 15), **other) -> Facts:
    payees: dict[str, list[Movement]] = {}
    for movement in sorted(movements, key=lambda each: each.order):
        payees.setdefault(movement.payee_key, []).append(movement)
    return Facts(on=on, since=since, until=until, payees=payees, **other)
