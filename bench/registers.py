"""Pages in a book of a million lines: server time of registers with each filter, and of the other pages; the filters of
the API's journal, there and in a book of ten thousand lines; the search of a register by itself.

python bench/registers.py             440,000 entries (about a million lines), some minutes
python bench/registers.py --quick     20,000 entries
"""

import argparse
import datetime

import harness
from django.db import connection
from django.test import Client
from ledger import Household, post_in_bulk
from rest_framework.test import APIClient

from finance.ledger import services
from finance.ledger.models import Account, JournalEntry
from finance.ledger.registers import Filters, register_page
from finance.ledger.selectors import accounts_of

# Milliseconds: of a page, of a filter of the API, and of a search without its page.
LIMIT, API_LIMIT, SEARCH_LIMIT = 140, 60, 40
# What a filter may cost in the large book, compared with the small one.
GROWTH = 1.5
SMALL = 4_400
API_FILTERS = {
    "in effect": "current=true",
    "not in effect": "current=false",
    "text": "text=Shop+17",
    "text that nothing has": "text=xyzzy",
    "from an amount": "min_amount=50",
    "from an amount that nothing has": "min_amount=9999",
}
# One entry in this many is reversed on its own day.
CORRECTED = 200


def build(entries: int, *, seed: int = 1) -> Household:
    """A household of sixty accounts, whose groups hold thirty and more, over ten years."""
    household = Household(seed)
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


def api_runs(household: Household, size: str) -> dict:
    """Each filter of the journal by its name."""
    client = APIClient(SERVER_NAME="localhost")
    client.force_authenticate(household.owner)

    def get(query: str) -> None:
        response = client.get(f"/api/v1/books/{household.book.pk}/entries/?{query}")
        assert response.status_code == 200, response.status_code

    return {
        f"API, {size}: {name}": ("ms", lambda query=query: harness.milliseconds(lambda: get(query), times=7))
        for name, query in API_FILTERS.items()
    }


def search_runs(household: Household) -> dict:
    accounts = {
        "account": [household.checking],
        "group": [each for each in accounts_of(book=household.book) if each.pk in household.categories],
    }
    return {
        f"search of a register, {name}": (
            "ms",
            lambda found=found: harness.milliseconds(
                lambda: register_page(accounts=found, filters=Filters(search="xyzzy")), times=7
            ),
        )
        for name, found in accounts.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=440_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="20,000 entries")
    options = parser.parse_args()
    with harness.scratch_database():
        household, small = build(20_000 if options.quick else options.entries), build(SMALL, seed=2)
        pages, searches = runs(household), search_runs(household)
        large, little = api_runs(household, "large book"), api_runs(small, "small book")
        figures = harness.interleaved(pages | searches | large | little, repetitions=options.repetitions)
        limits = [(pages, LIMIT), (searches, SEARCH_LIMIT), (large, API_LIMIT)]
        growth = [harness.Ratio(ours, anchor, GROWTH, at_most=True) for ours, anchor in zip(large, little, strict=True)]
        harness.report(
            title="registers",
            figures=figures,
            ratios=[*(harness.Limit(name, limit) for names, limit in limits for name in names), *growth],
        )


if __name__ == "__main__":
    main()
    raise SystemExit(harness.status())
