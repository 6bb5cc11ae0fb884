"""Suggestions: what is learned of a book's entries, how sure it is, and that it knows when to say nothing."""

import datetime
import json
import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from core.words import plain
from finance.imports.models import ImportRow, LearnedBook, LearnedEntry, PayeeName, WordCount
from finance.imports.services import decide_rows, learn, learn_book, learn_missed
from finance.imports.suggestions import prior
from finance.imports.suggestions.model import Calibration, Counts, class_of, rank
from finance.imports.suggestions.reader import Asked, Suggestions
from finance.imports.suggestions.words import features
from finance.ledger import plans
from finance.ledger import services as ledger
from finance.ledger.posting import EntryDraft, LineDraft
from finance.tests.conftest import TODAY
from platform_outbox.testing import drain

LEARNED = ("finance_learnedbook", "finance_learnedentry", "finance_wordcount", "finance_payeename")
MARCH = datetime.date(2026, 3, 1)


def row(batch, number):
    return ImportRow.objects.get(batch=batch, number=number)


def asked(account, payee, amount=-10_00, description=""):
    (found,) = Suggestions(account=account).for_rows([Asked(payee=payee, description=description, amount=amount)])
    return found


def counted():
    return sorted(
        WordCount.objects.exclude(entries=0, weight=0).values_list(
            "word", "outgoing", "account_id", "entries", "weight"
        )
    )


@pytest.fixture
def taught(book, spend):
    """taught(n, payee=…, category=…): n purchases that the worker has learned."""

    def run(number, **options):
        for day in range(number):
            spend(10_00 + day, on=MARCH - datetime.timedelta(days=day), **options)
        drain()

    return run


def test_a_payee_seen_twenty_times_is_suggested_with_near_certainty(taught, accounts):
    """LRN-01"""
    for category, payee in (
        (accounts.groceries, "REWE Markt"),
        (accounts.restaurants, "Pizzeria Roma"),
        (accounts.rent, "Hausverwaltung"),
    ):
        taught(20, payee=payee, category=category)
    found = asked(accounts.checking, "REWE Markt 4711 Köln")
    assert found.chosen.account_id == accounts.groceries.pk
    assert found.chosen.chance >= 95
    assert found.chosen.why == "because of “rewe”, “markt”: 20 of 20 times Groceries"


def test_the_rows_own_account_is_never_suggested(book, owner, accounts, stage, taught):
    """LRN-03: learned from both sides of a transfer, each account sees the other."""
    for day in range(1, 6):
        ledger.post_entry(
            book=book, actor=owner, date=datetime.date(2026, 2, day), payee="Card settlement",
            lines=[LineDraft(account_id=accounts.card.pk, amount=100_00), LineDraft(account_id=accounts.checking.pk, amount=-100_00)],
        )  # fmt: skip
    drain()
    for own, other, amount in ((accounts.checking, accounts.card, -100_00), (accounts.card, accounts.checking, 100_00)):
        found = asked(own, "Card settlement", amount=amount)
        assert found.chosen.account_id == other.pk
        assert own.pk not in {offer.account_id for offer in found.offers}
    assert asked(accounts.savings, "Card settlement", amount=100_00).chosen.account_id == accounts.checking.pk


def test_accounts_that_are_closed_or_of_another_currency_are_not_suggested(taught, accounts, book, owner):
    taught(5, payee="Yoga", category=accounts.restaurants)
    dollars = ledger.open_account(book=book, actor=owner, name="Dollars", type="asset", kind="checking", currency="USD")
    assert asked(dollars, "Yoga").offers == ()
    ledger.close_account(account=accounts.restaurants, actor=owner, on=TODAY)
    assert asked(accounts.checking, "Yoga").offers == ()


def test_a_divided_history_offers_and_does_not_choose(taught, accounts):
    taught(4, payee="Kiosk", category=accounts.groceries)
    taught(4, payee="Kiosk", category=accounts.restaurants)
    found = asked(accounts.checking, "Kiosk")
    assert found.chosen is None
    assert {offer.account_id for offer in found.offers} == {accounts.groceries.pk, accounts.restaurants.pk}
    assert sum(offer.chance for offer in found.offers) <= 101
    assert asked(accounts.checking, "Kiosk", amount=5_00).offers == ()  # money in is another matter
    assert asked(accounts.checking, "Something else").offers == ()


def test_the_exact_amount_tells_two_things_of_one_payee_apart(book, spend, accounts):
    for month in range(1, 7):
        spend(12_99, payee="PayPal", on=datetime.date(2025, month, 3), category=accounts.restaurants)
        spend(40_00 + month, payee="PayPal", on=datetime.date(2025, month, 9), category=accounts.groceries)
    drain()
    best = [asked(accounts.checking, "PayPal", amount=amount).offers[0].account_id for amount in (-12_99, -47_11)]
    assert best == [accounts.restaurants.pk, accounts.groceries.pk]


def test_what_is_corrected_weighs_more_than_what_was_accepted(stage, confirm, spend, accounts, owner, taught):
    batch = stage("Date,Payee,Amount\n" + "".join(f"2026-02-{day:02},Bistro,-{day}.00\n" for day in range(1, 6)))
    decide_rows(batch=batch, actor=owner, fate="new", counter_account=accounts.groceries)
    ImportRow.objects.filter(batch=batch).update(decided_at=None)  # as if all had been suggested
    confirm(batch)
    drain()
    entries = [found.posted_entry for found in ImportRow.objects.filter(batch=batch).order_by("pk")[:2]]
    for entry in entries:
        ledger.correct_entry(
            entry=entry, actor=owner, date=entry.date, payee="Bistro", description="", on=TODAY,
            lines=[LineDraft(account_id=accounts.restaurants.pk, amount=5_00), LineDraft(account_id=accounts.checking.pk, amount=-5_00)],
        )  # fmt: skip
    drain()
    found = WordCount.objects.filter(word="bistro", entries__gt=0).order_by("account__name")
    assert [(each.account_id, each.entries, each.weight) for each in found] == [
        (accounts.groceries.pk, 3, 3),
        (accounts.restaurants.pk, 2, 8),
    ]
    assert asked(accounts.checking, "Bistro").offers[0].account_id == accounts.restaurants.pk


def test_each_entry_is_counted_once_and_taken_out_when_reversed(book, spend, accounts, owner):
    entry = spend(10_00, payee="Rewe Markt")
    drain()
    once = counted()
    assert learn(book_id=book.pk, posted=[entry.pk, entry.pk]) == 0
    assert learn_book(book=book) == 0
    assert counted() == once
    assert ("rewe", True, accounts.groceries.pk, 1, 2) in once
    reversal = ledger.reverse_entry(entry=entry, actor=owner, on=TODAY)
    drain()
    assert counted() == []
    assert learn(book_id=book.pk, posted=[entry.pk, reversal.pk], taken_back=[entry.pk]) == 0
    assert not LearnedEntry.objects.exists()


def test_a_backfill_comes_to_the_same_as_the_events(book, spend, accounts, owner, settings):
    for day in range(1, 8):
        spend(day * 100, payee=f"Shop {'abc'[day % 3]}x", on=datetime.date(2026, 2, day))
    gone = spend(1_00, payee="Gone")
    ledger.reverse_entry(entry=gone, actor=owner, on=TODAY)
    drain()
    by_events = counted()
    for model in (WordCount, LearnedEntry, PayeeName, LearnedBook):
        model.objects.all().delete()
    call_command("learn_suggestions", book=book.pk)
    assert counted() == by_events
    assert LearnedBook.objects.get().complete_at is not None
    assert learn_missed() == 0


def test_learning_looks_at_each_entry_once_whatever_the_statistics_say(book, owner, accounts):
    """With those of an empty journal 2,000 entries took half a minute, and a worker's batch waited behind the backfill."""
    lines = [LineDraft(account_id=account.pk, amount=amount) for account, amount in
             ((accounts.groceries, 10_00), (accounts.checking, -10_00))]  # fmt: skip
    drafts = [EntryDraft(date=MARCH, payee=f"Shop {number}", lines=lines) for number in range(300)]
    with connection.cursor() as cursor:
        with transaction.atomic():  # dead rows
            ledger.post_entries(book=book, actor=owner, drafts=drafts, source="import")
            learn_book(book=book)
            transaction.set_rollback(True)
        cursor.execute("ANALYZE")
        ledger.post_entries(book=book, actor=owner, drafts=drafts, source="import")
        with CaptureQueriesContext(connection) as asked_for:
            assert learn_book(book=book) == 300
        reads = [
            each["sql"] for each in asked_for if "finance_journalentry" in each["sql"] and "DELETE" not in each["sql"]
        ]
        assert len(reads) >= 3  # which are missing, which of them count, what they say
        LearnedEntry.objects.all().delete()
        cursor.execute("SET LOCAL enable_indexscan = off")  # bitmaps of two indexes cost the same where both look empty
        for sql in reads:
            with plans.by_index():
                cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql)
            ((explained,),) = cursor.fetchall()
            # A few dozen for each entry are dead rows that other tests left; all of the book's are 600.
            assert _rows_looked_at(explained[0]["Plan"]) < 300 * 150, json.dumps(explained, indent=1)


def test_a_category_of_an_entry_is_not_looked_for_in_all_lines(book, owner, accounts):
    """Where dead rows fill an index that is believed to be empty, all of it may seem cheaper than a descent."""
    lines = [LineDraft(account_id=account.pk, amount=amount) for account, amount in
             ((accounts.groceries, 10_00), (accounts.checking, -10_00))]  # fmt: skip
    with transaction.atomic():  # dead rows
        drafts = [EntryDraft(date=MARCH, payee="Shop", lines=lines)] * 300
        ledger.post_entries(book=book, actor=owner, drafts=drafts, source="import")
        transaction.set_rollback(True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE finance_journalline")
        ledger.post_entry(book=book, actor=owner, date=MARCH, lines=lines, source="import")
        with CaptureQueriesContext(connection) as asked_for:
            assert learn_book(book=book) == 1
        (look_up,) = {
            found[0]
            for each in asked_for
            if (found := re.search(r"SELECT account_id FROM finance_journalline[^)]*?OFFSET 0", each["sql"]))
        }
        cursor.execute("SET LOCAL enable_indexscan = off")
        with plans.by_index():
            cursor.execute("EXPLAIN " + look_up.replace("entry.id", "1"))
        plan = "\n".join(row[0] for row in cursor.fetchall())
        assert "Index Cond: (entry_id = 1)" in plan
        assert "finance_line_register" not in plan


def _rows_looked_at(plan):
    here = plan["Actual Rows"] + sum(number for name, number in plan.items() if name.startswith("Rows Removed"))
    return here * plan["Actual Loops"] + sum(map(_rows_looked_at, plan.get("Plans", ())))


def test_a_backfill_that_waited_for_a_batch_does_not_learn_the_same_again(book, spend):
    spend(10_00, payee="REWE Markt")
    drain()
    ids = list(LearnedEntry.objects.values_list("entry_id", flat=True))
    with CaptureQueriesContext(connection) as asked_for:
        learn(book_id=book.pk, posted=ids)
    assert len(ids) == 1
    assert not [each for each in asked_for if "finance_importrow" in each["sql"]]


def test_what_was_reversed_while_learning_was_off_is_forgotten(book, spend, owner, settings):
    entry = spend(1_00, payee="Gone")
    drain()
    settings.ENABLE_ML = False
    ledger.reverse_entry(entry=entry, actor=owner, on=TODAY)
    drain()
    assert counted() != []
    with pytest.raises(CommandError):
        call_command("learn_suggestions")
    settings.ENABLE_ML = True
    learn_book(book=book)
    assert counted() == []


def test_off_means_off(book, stage, spend, settings, confirm, owner):
    """No table of what was learned is read or written."""
    settings.ENABLE_ML = False
    with CaptureQueriesContext(connection) as asked_of:
        spend(1_00, payee="Rewe")
        batch = stage()
        confirm(batch)
        drain()
        learn_book(book=book)
        learn_missed()
    assert [query["sql"] for query in asked_of if any(table in query["sql"] for table in LEARNED)] == []
    assert row(batch, 3).suggestions == []


def test_what_has_no_category_teaches_nothing(book, spend, stage, confirm):
    spend(1_00, payee="Rewe", category=book.accounts.get(name="Uncategorised", type="expense"))
    confirm(stage("Date,Payee,Amount\n2026-03-01,Nobody knows,-9.00\n"))
    drain()
    assert counted() == []


def test_the_name_that_people_gave_is_taken_for_the_banks_text(stage, confirm, owner, accounts):
    text = "Date,Payee,Amount\n2026-0{0}-01,AMZN Mktp DE*{1},-9.00\n2026-0{0}-02,AMZN Mktp DE*Q9{1},-7.00\n"
    for month in (1, 2):
        batch = stage(text.format(month, month * 17))
        decide_rows(batch=batch, actor=owner, fate="new", payee="Amazon", counter_account=accounts.groceries)
        confirm(batch)
    drain()
    third = stage("Date,Payee,Amount\n2026-03-01,AMZN Mktp DE*99,-9.00\n2026-03-02,Rewe 12,-1.00\n")
    assert (row(third, 2).new_payee, row(third, 2).payee, row(third, 3).new_payee) == ("Amazon", "AMZN Mktp DE*99", "")


def test_a_text_that_nobody_changed_names_nothing(stage, confirm, owner, accounts):
    batch = stage("Date,Payee,Amount\n" + "".join(f"2026-01-0{day},Rewe 77,-{day}.00\n" for day in range(1, 6)))
    decide_rows(batch=batch, actor=owner, fate="new", counter_account=accounts.groceries)
    confirm(batch)
    drain()
    assert row(stage("Date,Payee,Amount\n2026-03-01,Rewe 78,-9.00\n"), 2).new_payee == ""


def test_an_entry_by_hand_learns_the_banks_text_when_its_row_is_linked(stage, confirm, spend, accounts):
    spend(35_50, payee="Corner shop", on=datetime.date(2026, 3, 2))
    drain()
    batch = stage()
    assert row(batch, 3).fate == "probable_match"
    confirm(batch)
    drain()
    assert PayeeName.objects.get(key="rewe").name == "Corner shop"
    assert WordCount.objects.filter(word="rewe", entries=1).exists()
    assert not WordCount.objects.filter(word="corner", entries__gt=0).exists()


def test_before_anything_was_learned_shipped_words_speak(accounts, book):
    found = asked(accounts.checking, "ALDI SUED 1234")
    assert (found.chosen.account_id, found.chosen.why) == (
        accounts.groceries.pk,
        "because “aldi” usually means Groceries",
    )
    assert asked(accounts.checking, "ALDI", amount=5_00).offers == ()
    ledger.rename_account(account=accounts.groceries, actor=None, name="Things to eat")
    assert asked(accounts.checking, "ALDI").offers == ()  # no account by any of the names
    ledger.rename_account(account=accounts.groceries, actor=None, name="Lebensmittel")
    assert asked(accounts.checking, "ALDI").chosen.account_id == accounts.groceries.pk


def test_a_payee_of_whom_nothing_is_known_is_judged_by_the_others(book, spend, accounts, django_assert_num_queries):
    for number in range(10):
        category = accounts.groceries if number < 8 else accounts.rent
        spend(1_00 + number, payee=f"Qzx{'abcdefghij'[number]}", category=category)
    unknown = Asked(payee="Wvyu", description="", amount=-5_00)
    drain()
    suggestions = Suggestions(account=accounts.checking)
    with django_assert_num_queries(3 + 1):  # the aliases of payees as well
        many = suggestions.for_rows([unknown] * 5 + [Asked(payee="Wvyu", description="", amount=5_00)])
    assert many[-1].offers == ()
    first, second = many[0].offers
    assert (first.account_id, first.chance, second.account_id) == (accounts.groceries.pk, 80, accounts.rent.pk)
    assert first.why == "no word of it is known; of 10 payees 8 are Groceries"
    # However often that would be right, nobody chose it for such a payee before.
    assert many[0].chosen is None


def test_what_the_book_teaches_goes_before_shipped_words(taught, accounts):
    taught(4, payee="Aldi", category=accounts.restaurants)
    assert asked(accounts.checking, "ALDI SUED").chosen.account_id == accounts.restaurants.pk


def test_the_shipped_words_are_plain_and_mean_one_thing():
    seen = {}
    for name, category in json.loads(Path(prior.__file__).with_name("prior.json").read_text()).items():
        assert category["type"] in ("income", "expense")
        for word in (word for words in category["words"].values() for word in words):
            assert plain(word) == word, word
            assert seen.setdefault((word, category["type"]), name) == name, word
    assert len(seen) > 200


def test_a_file_costs_the_same_queries_however_many_rows(stage, taught, accounts):
    taught(3, payee="Rewe", category=accounts.groceries)
    head = "Date,Payee,Amount\n"
    numbers = []
    for count in (2, 25):
        with CaptureQueriesContext(connection) as asked_of:
            stage(head + "".join(f"2026-03-{day:02},Rewe {day},-{day}.0{count % 10}\n" for day in range(1, count + 1)))
        numbers.append(len([query for query in asked_of if any(table in query["sql"] for table in LEARNED)]))
    assert numbers == [3, 3]


def test_the_review_offers_up_to_three(stage, taught, accounts):
    taught(4, payee="Kiosk", category=accounts.groceries)
    taught(4, payee="Kiosk", category=accounts.restaurants)
    found = row(stage(), 4)
    assert found.counter_account is None
    assert {each["account"] for each in found.suggestions} == {accounts.groceries.pk, accounts.restaurants.pk}
    assert all(0 < each["chance"] < 75 for each in found.suggestions)


def test_a_stated_probability_is_what_it_was_worth_before():
    calibration = Calibration()
    assert calibration.chances()[class_of(0.995)] > 0.95
    for n in range(200):
        calibration.record(0.995, right=n % 2 == 0)
        calibration.record(0.85, right=n % 4 != 0)
    chances = calibration.chances()
    assert chances == sorted(chances)
    assert 0.5 < chances[class_of(0.995)] < 0.7  # together with the lower class that was better
    assert chances[class_of(0.3)] < 0.4  # never tried: as stated


def test_a_word_that_says_nothing_changes_nothing():
    counts = Counts()
    for payee, account in [("rewe gmbh", 1), ("bistro gmbh", 2)] * 5:
        counts.add(
            features(payee=payee, description="", amount=-5, currency="EUR", account_id=9),
            outgoing=True,
            account_id=account,
            weight=1,
        )
    best = rank(("gmbh", "rewe"), outgoing=True, counts=counts)[0]
    assert (best.account_id, best.features, best.times, best.total) == (1, ("rewe",), 5, 5)
    alone = rank(("gmbh",), outgoing=True, counts=counts)
    assert abs(alone[0].stated - alone[1].stated) < 0.01
    assert rank(("unknown", "#EUR5", "@9"), outgoing=True, counts=counts) == []
