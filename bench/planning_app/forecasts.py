"""The part of bench/planning.py about forecasts: the page in a book of a million lines, and the forecasts of many books."""

import datetime
import random
import sys
from collections.abc import Callable
from io import StringIO

import harness
from django.core.management import call_command
from django.db import connection
from django.test import Client
from tqdm import tqdm

from core.clock import today_in
from finance.forecasts import make_forecast
from finance.ledger import services as ledger
from finance.ledger.models import Account
from finance.ledger.posting import EntryDraft, LineDraft
from finance.models import Forecast
from finance.planning.recurrence import Unit
from finance.planning.schedules.definition import CounterLine, Definition
from finance.planning.schedules.services import create_schedule
from identity.models import User

ONE_DAY = datetime.timedelta(days=1)
# Tables that a page of one book must not read whole: the others hold a handful of rows here, and are one page to read.
LARGE = ("finance_journalline", "finance_journalentry", "finance_accountmonth")
PAGE_LIMIT, MAKE_LIMIT = 300, 2000  # milliseconds
# A book of a year and a half, five entries a week.
ENTRIES = 400


def scans() -> dict[str, int]:
    """How often each large table was read whole so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = ANY(%s)", [list(LARGE)])
        return dict(cursor.fetchall())


def of_one(owner: User, book_id: int) -> dict[str, tuple[str, Callable[[], float]]]:
    """The forecast of a large book: recomputed from its history, and its page."""
    book = ledger_book(owner, book_id)
    client = Client(SERVER_NAME="localhost")
    client.force_login(owner)
    move_to_today(book_id)
    address = f"/b/{book_id}/plan/forecast/"

    def make() -> float:
        return harness.milliseconds(lambda: make_forecast(book=book, today=today_in(book)), times=3)

    def page(query: str) -> Callable[[], float]:
        def get() -> None:
            answer = client.get(address + query)
            assert answer.status_code == 200, answer.status_code

        return lambda: harness.milliseconds(get, times=7)

    def scanned() -> float:
        before = scans()
        make_forecast(book=book, today=today_in(book))
        client.get(address)
        client.get(f"{address}?days=400")
        read = {name: count - before[name] for name, count in scans().items() if count > before[name]}
        print(f"read whole: {read or 'none'}", file=sys.stderr)
        return float(sum(read.values()))

    return {
        "forecast: recomputed": ("ms", make),
        "forecast: page of 90 days": ("ms", page("")),
        "forecast: page of 400 days": ("ms", page("?days=400")),
        "forecast: large tables read whole": ("scans", scanned),
    }


def ledger_book(owner: User, book_id: int):
    from finance.ledger.selectors import book_for

    return book_for(user=owner, book_id=book_id)


def move_to_today(book_id: int) -> None:
    """Some months of everyday spending up to today, so that there is a past to learn from."""
    book = ledger_book(User.objects.get(email="bench1@example.org"), book_id)
    checking = Account.objects.get(book=book, name="Checking account")
    categories = list(Account.objects.filter(book=book, type="expense").postable().values_list("pk", flat=True))
    ledger.post_entries(
        book=book, actor=None, source="import", drafts=drafts(checking.pk, categories, today_in(book), 5_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def drafts(checking: int, categories: list[int], today: datetime.date, count: int) -> list[EntryDraft]:
    """Spending of the last year and a half."""
    chance = random.Random(checking)
    found = []
    for _number in range(count):
        amount = chance.randrange(100, 20_000)
        lines = [
            LineDraft(account_id=chance.choice(categories), amount=amount),
            LineDraft(account_id=checking, amount=-amount),
        ]
        day = today - chance.randrange(1, 548) * ONE_DAY
        found.append(EntryDraft(date=day, payee=f"Shop {chance.randrange(40)}", lines=lines))
    return found


def build_many(count: int) -> None:
    """Books of 400 entries and three schedules each."""
    owner = User.objects.create_user("many@example.org", None)
    for number in tqdm(range(count), unit="book", desc="books"):
        book = ledger.create_book(
            owner=owner, name=f"Book {number}", base_currency="EUR", time_zone="UTC", template="household"
        )
        accounts = {each.name: each for each in Account.objects.filter(book=book)}
        checking, today = accounts["Checking account"].pk, today_in(book)
        categories = [each.pk for each in accounts.values() if each.type == "expense" and each.kind == "category"]
        ledger.post_entries(book=book, actor=None, source="import", drafts=drafts(checking, categories, today, ENTRIES))
        for name, amount, unit in (
            ("Rent", -900_00, Unit.MONTH),
            ("Lunch", -40_00, Unit.WEEK),
            ("Fees", -9, Unit.MONTH),
        ):
            definition = Definition(
                name=name, account_id=checking, amount=amount, first=today + 3 * ONE_DAY, unit=unit,
                lines=(CounterLine(account_id=categories[0]),),
            )  # fmt: skip
            create_schedule(book=book, actor=owner, definition=definition, today=today)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def of_many(count: int) -> dict[str, tuple[str, Callable[[], float]]]:
    """All forecasts of many books by the command, in one process and in two."""
    build_many(count)

    def run(processes: int) -> Callable[[], float]:
        def work() -> float:
            Forecast.objects.all().delete()
            out = StringIO()
            rate = harness.rate(
                count, lambda: call_command("recompute_forecasts", processes=processes, stdout=out, verbosity=1)
            )
            assert Forecast.objects.count() == count, out.getvalue()
            return rate

        return work

    return {
        f"forecasts of {count:,} books, one process": ("books/s", run(1)),
        f"forecasts of {count:,} books, two processes": ("books/s", run(2)),
    }


def limits(names: list[str]) -> list[harness.Limit | harness.Yardstick]:
    """What is claimed of them."""
    claims: list[harness.Limit | harness.Yardstick] = []
    for name in names:
        if name.startswith("forecast: page"):
            claims.append(harness.Limit(name, PAGE_LIMIT))
        elif name == "forecast: recomputed":
            claims.append(harness.Limit(name, MAKE_LIMIT))
        elif "read whole" in name:
            claims.append(harness.Limit(name, 0))
        elif "two processes" in name:
            claims.append(harness.Yardstick(name, name.replace("two processes", "one process")))
    return claims
