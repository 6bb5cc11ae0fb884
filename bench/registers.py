"""Pages in a book of a million lines: server time of registers with each filter, and of the other pages.

python bench/registers.py             440,000 entries (about a million lines), some minutes
python bench/registers.py --quick     20,000 entries
"""

import argparse
import datetime

import harness
from django.db import connection
from django.test import Client
from ledger import Household, post_in_bulk

from finance.ledger import services
from finance.ledger.models import Account, JournalEntry

LIMIT = 140  # milliseconds
# One entry in this many is reversed on its own day.
CORRECTED = 200


def build(entries: int) -> Household:
    """A household of sixty accounts, whose groups hold thirty and more, over ten years."""
    household = Household(seed=1)
    for start in range(0, entries, 20_000):
        post_in_bulk(household, min(20_000, entries - start))
    found = JournalEntry.objects.filter(book=household.book, reverses=None).order_by("date", "pk")
    for entry in list(found[::CORRECTED]):
        services.reverse_entry(entry=entry, actor=household.owner, on=datetime.date(2026, 11, 30))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")  # as autovacuum leaves a book at rest
    return household


def runs(household: Household) -> dict:
    """Each page by its name."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(household.owner)
    book = household.book
    group = Account.objects.get(book=book, name="Expenses")
    category = Account.objects.get(book=book, name="Extra 3")
    pages = {"account": household.checking.pk, "category": category.pk, "group": group.pk}
    filters = {
        "all": "",
        "last page but nine years": "?after=2016-12-20:99999999",
        "a quarter": "?period=2025-Q2",
        "a year": "?period=2024",
        "words": "?q=Shop+17",
        "words in a year": "?q=Shop+17&period=2024",
        "words that nothing has": "?q=xyzzy",
        "payee": "?payee=Shop+17",
        "amount": "?amount=50..51",
        "category": f"?category={Account.objects.get(book=book, name='Extra 4').pk}",
        "spent": "?kind=spent",
        "moved": "?kind=moved",
        "who": f"?who={household.owner.pk}",
        "source": "?source=import",
        "with history": "?all=on",
    }

    def page(address: str):
        def work() -> float:
            def get() -> None:
                response = client.get(address)
                assert response.status_code == 200, response.status_code

            return harness.milliseconds(get, times=7)

        return ("ms", work)

    found = {
        f"{name}, {words}": page(f"/b/{book.pk}/accounts/{pk}/{query}")
        for name, pk in pages.items()
        for words, query in filters.items()
    }
    found["all that is owned"] = page(f"/b/{book.pk}/register/")
    entry = JournalEntry.objects.filter(book=book).latest("pk")
    others = {
        "overview": "", "accounts": "accounts/", "an entry": f"entries/{entry.uid}/", "entry form": "entries/new/",
        "search": "search/?q=Shop+17", "changes": "changes/", "insights": "insights/", "imports": "imports/",
        "rules": "rules/", "payees": "payees/", "tags": "tags/", "reports": "reports/", "settings": "settings/",
        "statements": f"accounts/{household.checking.pk}/statements/", "spending": "reports/spending/",
        "balance sheet": "reports/balance-sheet/", "net worth": "reports/net-worth/",
    }  # fmt: skip
    return found | {f"page: {name}": page(f"/b/{book.pk}/{path}") for name, path in others.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=440_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="20,000 entries")
    options = parser.parse_args()
    with harness.scratch_database():
        household = build(20_000 if options.quick else options.entries)
        figures = harness.interleaved(runs(household), repetitions=options.repetitions)
        harness.report(title="registers", figures=figures, ratios=[harness.Limit(name, LIMIT) for name in figures])


if __name__ == "__main__":
    main()
