"""django-hordak beside our ledger: a process of its own, `hordak_peer.py CONNINFO`, in a database of its own.

Prints "ready"; then each line of standard input, "one N" or "bulk N", is answered with entries per second: N entries of two
and three legs, one transaction each, or all with `bulk_create` in one.
"""

import random
import sys
import time

import django
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

given = conninfo_to_dict(sys.argv[1])
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": given["dbname"],
            "HOST": given.get("host", ""),
            "PORT": given.get("port", ""),
            "USER": given.get("user", ""),
            "PASSWORD": given.get("password", ""),
        }
    },
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "djmoney", "hordak"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    SECRET_KEY="of this run only",
    USE_TZ=True,
    HORDAK_CURRENCIES=["EUR"],
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402
from hordak.models import Account, AccountType, Leg, Transaction  # noqa: E402
from moneyed import Money  # noqa: E402


def entries(chance: random.Random, own: list[Account], categories: list[Account], count: int):
    """Of each its legs as (account, euros, is debit), as those of our benchmark."""
    for _ in range(count):
        parts = [chance.randrange(100, 20_000) for _ in range(1 if chance.random() < 0.7 else 2)]
        legs = [(chance.choice(categories), Money(part, "EUR") / 100, True) for part in parts]
        yield [*legs, (chance.choice(own), Money(sum(parts), "EUR") / 100, False)]


def leg(entry: Transaction, account: Account, amount: Money, is_debit: bool) -> Leg:
    return Leg(transaction=entry, account=account, **{"debit" if is_debit else "credit": amount})


def one_by_one(drafts) -> None:
    for draft in drafts:
        with transaction.atomic():
            entry = Transaction.objects.create(description="Shop")
            for each in draft:
                leg(entry, *each).save()


def in_bulk(drafts) -> None:
    with transaction.atomic():
        made = Transaction.objects.bulk_create([Transaction(description="Shop") for _ in drafts])
        Leg.objects.bulk_create(
            [leg(entry, *each) for entry, draft in zip(made, drafts, strict=True) for each in draft]
        )


def main() -> None:
    call_command("migrate", verbosity=0)
    own = [Account.objects.create(name=f"Own {n}", type=AccountType.asset, currencies=["EUR"]) for n in range(2)]
    categories = [
        Account.objects.create(name=f"Category {n}", type=AccountType.expense, currencies=["EUR"]) for n in range(40)
    ]
    chance = random.Random(1)
    print("ready", flush=True)
    for line in sys.stdin:
        way, count = line.split()
        drafts = list(entries(chance, own, categories, int(count)))
        begun = time.perf_counter()
        {"one": one_by_one, "bulk": in_bulk}[way](drafts)
        print(int(count) / (time.perf_counter() - begun), flush=True)


if __name__ == "__main__":
    main()
