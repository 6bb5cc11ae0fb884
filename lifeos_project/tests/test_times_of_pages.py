"""One moment is shown with one day and one hour: those of the reader's time zone, on every page."""

import datetime
import re
import zoneinfo
from contextlib import ExitStack
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test import Client

from finance.imports.services import stage_import
from finance.ledger import chain, services
from finance.ledger.integrity import verify_ledger
from finance.ledger.posting import LineDraft
from finance.models import Account, Invitation, JournalEntry, LedgerCheck, Role
from identity.models import User
from lifeos_project.tests.documents import read_page

# In UTC, and what a reader's clock and calendar say of it.
LATE = datetime.datetime(2026, 3, 15, 3, 31, 12, tzinfo=datetime.UTC)
EARLY = datetime.datetime(2026, 3, 14, 15, 31, 12, tzinfo=datetime.UTC)
READERS = [
    pytest.param(LATE, "America/New_York", "2026-03-14", "23:31", id="the day before"),
    pytest.param(EARLY, "Asia/Tokyo", "2026-03-15", "00:31", id="the day after"),
    pytest.param(LATE, "", "2026-03-15", "03:31", id="no zone chosen"),
]


@pytest.fixture
def recorded(db):
    """recorded(moment, zone) → a book in which everything happened at the moment, and its owner, also an operator."""

    with ExitStack() as stack:

        def record(moment, zone):
            stack.enter_context(time_machine.travel(moment, tick=False))
            owner = User.objects.create_superuser("olga@example.org", "correct horse battery", time_zone=zone)
            book = services.create_book(owner=owner, name="Home", base_currency="EUR", time_zone="Europe/Berlin")
            account = {one.name: one for one in Account.objects.filter(book=book).exclude(type="income")}
            groceries, checking = account["Groceries"].pk, account["Checking account"].pk
            day = moment.date() - datetime.timedelta(days=30)
            sides = [LineDraft(account_id=groceries, amount=100), LineDraft(account_id=checking, amount=-100)]
            entry = services.post_entry(book=book, actor=owner, date=day, payee="Aldi", lines=sides)
            corrected = services.correct_entry(
                entry=entry, actor=owner, lines=sides, on=day, date=day, payee="Lidl", description=""
            )
            services.seal_entries(posted={book.pk: [entry.pk]})
            rows = b"Date,Payee,Amount\n2026-03-01,Aldi,-1.00\n"
            stage_import(book=book, account=account["Checking account"], actor=owner, data=rows, file_name="a.csv")
            services.invite_member(
                book=book,
                actor=owner,
                email="new@example.org",
                role=Role.VIEWER,
                now=moment,
                base_url="http://testserver",
            )
            verify_ledger(book=book, now=moment)
            # When an entry was recorded is said by the server's clock, which no test can move.
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL session_replication_role = replica")
                cursor.execute("UPDATE finance_journalentry SET created_at = %s WHERE book_id = %s", [moment, book.pk])
                cursor.execute("SET LOCAL session_replication_role = origin")
            corrected.refresh_from_db()
            return book, owner, corrected

        yield record


def shown(day, hour):
    """As a household's page writes it."""
    return f"{datetime.date.fromisoformat(day):%b} {int(day[-2:])}, 2026" + (f", {hour}" if hour else "")


@pytest.mark.parametrize(("moment", "zone", "day", "hour"), READERS)
def test_household_pages_show_day_and_hour_of_one_zone(recorded, moment, zone, day, hour):
    book, owner, entry = recorded(moment, zone)
    client = Client()
    client.force_login(owner)

    def told(path):
        return read_page(client.get(f"/b/{book.pk}/{path}").content.decode()).first("main")

    facts = [each.text for each in told(f"entries/{entry.uid}/").first("dl", cls="facts").all("dd")]
    assert shown(day, hour) in facts
    history = [each.text for each in told(f"entries/{entry.uid}/").all("p", cls="meta")]
    assert sum(each.endswith(shown(day, hour)) for each in history) >= 2
    # The database's own clock says when a seal was made.
    sealed = chain.head_of(book=book).sealed_at.astimezone(zoneinfo.ZoneInfo(zone or "UTC"))
    seal = [each.text for each in told("proof/").first("dl", cls="facts").all("dd")]
    assert seal[1:] == [shown(f"{sealed:%Y-%m-%d}", f"{sealed:%H:%M}")]
    assert told("imports/").first("tbody").first("tr").text.endswith(shown(day, ""))
    expires = Invitation.objects.get().expires_at - moment
    last = datetime.date.fromisoformat(day) + expires
    assert f"link works until {shown(last.isoformat(), '')}" in told("members/").text


@pytest.mark.parametrize(("moment", "zone", "day", "hour"), READERS)
def test_the_admin_shows_day_and_hour_of_one_zone(recorded, moment, zone, day, hour):
    book, owner, entry = recorded(moment, zone)
    client = Client()
    client.force_login(owner)
    written = {f"{day} {hour}", f"{day} {hour}:12"}
    read = datetime.date.fromisoformat(day)
    clock = datetime.time.fromisoformat(hour)
    # Django's own form of a moment in English: "March 14, 2026, 11:31 p.m."
    twelve = f"{(clock.hour - 1) % 12 + 1}:{clock.minute:02d} {'a.m.' if clock.hour < 12 else 'p.m.'}"
    written.add(f"{read:%B} {read.day}, 2026, {twelve}")
    check = LedgerCheck.objects.get()
    for path in (
        "finance/book/",
        f"finance/book/{book.pk}/change/",
        "finance/ledgercheck/",
        f"finance/ledgercheck/{check.pk}/change/",
        f"finance/journalentry/{entry.pk}/change/",
        "finance/importbatch/",
        "finance/membership/",
    ):
        page = read_page(client.get(f"/admin/{path}").content.decode()).text
        assert any(each in page for each in written), path
        for other in (-1, 1):  # the same hour beside a day that it was not
            wrong = read + datetime.timedelta(days=other)
            assert f"{wrong} {hour}" not in page, path
            assert f"{wrong:%B} {wrong.day}, 2026, {twelve}" not in page, path


@pytest.mark.parametrize(("moment", "zone", "day", "hour"), READERS)
def test_the_api_tells_the_moment_with_its_offset(recorded, moment, zone, day, hour):
    book, owner, entry = recorded(moment, zone)
    client = Client()
    client.force_login(owner)
    body = client.get(f"/api/v1/books/{book.pk}/entries/{entry.uid}/").json()
    assert datetime.datetime.fromisoformat(body["created_at"]) == moment
    assert body["date"] == JournalEntry.objects.get(pk=entry.pk).date.isoformat()


def test_no_template_takes_a_day_off_a_moment_by_itself():
    """`x_at.date` is the day in UTC, and two filters beside each other can differ in zone; `day` and `moment` do not."""
    templates = [path for root in settings.TEMPLATES[0]["DIRS"] for path in Path(root).rglob("*.html")]
    assert len(templates) > 60
    for path in templates:
        text = path.read_text()
        assert not re.search(r"_at\.date\b", text), path
        assert not re.search(r"\|day(:\S+)? *}}[^{]{0,3}{{[^}]*\|date:", text), path
