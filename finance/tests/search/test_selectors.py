"""What a query finds in a book, by every way in."""

import datetime
from dataclasses import replace

import pytest
from django.db import connection

from finance.attachments import services as attachments
from finance.errors import Invalid
from finance.ledger import services as ledger
from finance.ledger.posting import LineDraft
from finance.search import selectors
from finance.search.conditions import _quickly, _said, world_of
from finance.search.query import parse_query
from finance.search.selectors import Total, find_accounts, find_entries
from finance.tags import services as tags
from finance.tests.attachments.conftest import PDF
from finance.tests.conftest import TODAY

day = datetime.date


@pytest.fixture(params=["indexes", "journal"])
def way(request, monkeypatch):
    """Every search is made both ways: into an index, and along the journal."""
    if request.param == "journal":
        monkeypatch.setattr(selectors, "MOST_FOUND", -1)
        monkeypatch.setattr(selectors, "_way_in", lambda conditions, parameters: None)
    return request.param


@pytest.fixture
def found(book, way):
    def run(text, **options):
        return [hit.payee for hit in find_entries(book=book, terms=parse_query(text), **options).entries]

    return run


@pytest.fixture
def post(book, owner, accounts):
    def run(payee, amount, *, note="", memo="", on=TODAY, category=None, account=None):
        lines = [
            LineDraft(account_id=(category or accounts.groceries).pk, amount=amount, memo=memo),
            LineDraft(account_id=(account or accounts.checking).pk, amount=-amount),
        ]
        return ledger.post_entry(book=book, actor=owner, date=on, payee=payee, description=note, lines=lines)

    return run


@pytest.fixture
def journal(book, owner, accounts, post):
    """A small journal; returns its entries by payee."""
    made = {
        "Café Zürich": post("Café Zürich", 4_50, note="two espressi", category=accounts.restaurants),
        "REWE-Markt": post("REWE-Markt", 1234_50, memo="birthday cake", on=day(2026, 3, 1)),
        "Amazon.de": post("Amazon.de", 12_34, note="SEPA/LASTSCHRIFT order 2024", on=day(2026, 2, 3)),
        "Landlord": post("Landlord", 900_00, category=accounts.rent, on=day(2025, 12, 31)),
        "Employer": post("Employer", -3000_00, category=accounts.salary, on=day(2026, 1, 30)),
    }
    (holiday,) = tags.tags_named(book=book, names=["Summer holiday"])
    tags.tag_entries(book=book, actor=owner, entry_ids=[made["Café Zürich"].pk], add=[holiday])
    attachments.attach(entry=made["Landlord"], actor=owner, data=PDF, file_name="contract_flat.pdf")
    return made


EVERYTHING = ["Café Zürich", "REWE-Markt", "Amazon.de", "Employer", "Landlord"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rewe", ["REWE-Markt"]),
        ("markt", ["REWE-Markt"]),
        ("RE", ["Café Zürich", "REWE-Markt", "Landlord"]),  # restaurants and rent, too
        ("ewe", []),
        ("cafe zurich", ["Café Zürich"]),
        ("CAFÉ", ["Café Zürich"]),
        ("amazon", ["Amazon.de"]),
        ("lastschrift", ["Amazon.de"]),
        ("espressi", ["Café Zürich"]),
        ("birthday", ["REWE-Markt"]),
        ('"birthday cake"', ["REWE-Markt"]),
        ('"cake birthday"', []),
        ("cake birthday", ["REWE-Markt"]),
        ("groceries", ["REWE-Markt", "Amazon.de"]),
        ("holiday", ["Café Zürich"]),
        ("contract", ["Landlord"]),
        ("groceries -amazon", ["REWE-Markt"]),
        ("-groceries", ["Café Zürich", "Employer", "Landlord"]),
        ("***", []),
        ("-***", EVERYTHING),
        ("payee:amazon", ["Amazon.de"]),
        ("payee:order", []),
        ("note:order", ["Amazon.de"]),
        ("note:birthday", ["REWE-Markt"]),
        ("note:amazon", []),
        ("category:food", ["Café Zürich", "REWE-Markt", "Amazon.de"]),
        ("category:checking", []),
        ("account:checking", EVERYTHING),
        ('account:"checking account"', EVERYTHING),
        ("account:nowhere", []),
        ("-category:food", ["Employer", "Landlord"]),
        ("tag:summer", ["Café Zürich"]),
        ('tag:"summer holiday"', ["Café Zürich"]),
        ('tag:"summer"', []),
        ("tag:nothing", []),
        ("has:receipt", ["Landlord"]),
        ("has:tag", ["Café Zürich"]),
        ("has:note", ["Café Zürich", "Amazon.de"]),
        ("-has:receipt -has:tag", ["REWE-Markt", "Amazon.de", "Employer"]),
        ("date:2025", ["Landlord"]),
        ("february 2026", ["Amazon.de"]),
        (">2026-02-03", ["Café Zürich", "REWE-Markt"]),
        ("<2026", ["Café Zürich", "REWE-Markt", "Amazon.de", "Landlord"]),  # no day's shape: an amount
        ("amount:>1000", ["REWE-Markt", "Employer"]),
        ("amount:>=1234.50", ["REWE-Markt", "Employer"]),
        ("amount:>1234.50", ["Employer"]),
        ("amount:4,50..12,34", ["Café Zürich", "Amazon.de"]),
        ("2024", ["Amazon.de"]),
        ("payee:rewe date:2026-02", []),
    ],
)
def test_a_query_finds(found, journal, text, expected):
    assert found(text) == expected


@pytest.mark.parametrize("text", ["1234.5", "1234.50", "1.234,50", "1,234.50", "-1234.5", "amount:1234,5"])
def test_src_01_an_amount_on_screen_is_found_in_any_notation(found, journal, text):
    assert found(text) == ["REWE-Markt"]


def test_src_01_also_as_the_foreign_amount(book, owner, accounts, found):
    dollars = ledger.open_account(book=book, actor=owner, name="USD", type="asset", kind="checking", currency="USD")
    yen = ledger.open_account(book=book, actor=owner, name="JPY", type="asset", kind="checking", currency="JPY")
    for account, amount in ((dollars, 1234_50), (yen, 1234)):
        ledger.exchange(
            book=book, actor=owner, date=TODAY, source_account=accounts.checking, source_amount=1100_00,
            target_account=account, target_amount=amount, payee=account.name,
        )  # fmt: skip
    assert found("1.234,50") == ["USD"]
    assert found("1234") == ["JPY"]
    assert set(found("1100")) == {"USD", "JPY"}


def test_only_what_counts_is_found_with_what_hangs_on_it(book, owner, accounts, journal, found):
    ledger.reverse_entry(entry=journal["Amazon.de"], actor=owner, on=TODAY)
    assert found("amazon") == []
    for old, text in (("Café Zürich", "tag:summer"), ("Landlord", "contract")):
        entry = journal[old]
        lines = [
            LineDraft(account_id=accounts.rent.pk, amount=7_00),
            LineDraft(account_id=accounts.cash.pk, amount=-7_00),
        ]
        ledger.correct_entry(
            entry=entry, actor=owner, date=entry.date, lines=lines, payee=f"{old} 2", description="", on=TODAY
        )
        assert found(text) == [f"{old} 2"]


def test_totals_are_of_everything_that_was_found_on_every_page(book, owner, accounts, journal, spend):
    transfer = [
        LineDraft(account_id=accounts.savings.pk, amount=50_00),
        LineDraft(account_id=accounts.checking.pk, amount=-50_00),
    ]
    ledger.post_entry(book=book, actor=owner, date=TODAY, payee="Moved", lines=transfer)
    everything = parse_query("date:2025..2026")
    page = find_entries(book=book, terms=everything, limit=2)
    assert page.count == 6
    assert page.totals == [Total(currency="EUR", came_in=3000_00, went_out=2151_34)]
    again = find_entries(book=book, terms=everything, limit=2, after=page.next_cursor)
    assert (again.count, again.totals) == (page.count, page.totals)


def test_pages_join_without_gap_both_ways(book, found, spend, way):
    for number in range(7):
        spend(100 + number, payee=f"Shop {number}", on=day(2026, 1, 1 + number // 3))
    seen, after = [], None
    while True:
        page = find_entries(book=book, terms=parse_query("shop"), limit=3, after=after)
        seen += [hit.payee for hit in page.entries]
        after = page.next_cursor
        if after is None:
            break
    assert seen == [f"Shop {number}" for number in (6, 5, 4, 3, 2, 1, 0)]


def test_a_search_of_much_walks_the_journal_in_windows(book, spend, monkeypatch):
    monkeypatch.setattr(selectors, "MOST_FOUND", 3)
    monkeypatch.setattr(selectors, "WINDOW", 4)
    for number in range(9):
        spend(100, payee="Rare shop" if number == 0 else "Shop", on=day(2026, 1, 1 + number))
    rare = parse_query("-amount:>100 shop")
    page = find_entries(book=book, terms=rare, limit=30)
    assert ([hit.payee for hit in page.entries], page.count, page.totals) == (["Shop"] * 4, None, [])
    assert page.searched_to == day(2026, 1, 6)
    page = find_entries(book=book, terms=rare, limit=30, after=page.next_cursor)
    page = find_entries(book=book, terms=rare, limit=30, after=page.next_cursor)
    assert ([hit.payee for hit in page.entries], page.next_cursor) == (["Rare shop"], None)


def test_frequent_words_that_meet_seldom_are_found_together_with_totals(book, owner, post, spend, monkeypatch):
    """Words are found in any place; a single word would find too much."""
    monkeypatch.setattr(selectors, "MOST_FOUND", 4)
    for number in range(5):
        post("Red", 1_00, note=f"n{number}")
        post("Blue", 1_00)
    post("Red and blue", 2_00)
    post("Red", 3_00, memo="something blue")
    post("Something", 4_00, note="blue", memo="red")
    (tag,) = tags.tags_named(book=book, names=["Red"])
    tags.tag_entries(book=book, actor=owner, entry_ids=[post("Blue", 5_00).pk], add=[tag])
    page = find_entries(book=book, terms=parse_query("red blue"))
    assert (page.count, page.totals) == (4, [Total(currency="EUR", came_in=0, went_out=14_00)])
    page = find_entries(book=book, terms=parse_query("payee:red note:blue"))
    assert (page.count, [hit.payee for hit in page.entries]) == (1, ["Red"])
    monkeypatch.setattr(selectors, "MOST_MERGED", -1)
    page = find_entries(book=book, terms=parse_query("red blue"))
    assert (page.count, len(page.entries)) == (None, 4)


def test_what_the_statistics_say_is_frequent_is_not_even_tried(book, journal, monkeypatch):
    monkeypatch.setattr(selectors, "MOST_EXPECTED", -1)
    page = find_entries(book=book, terms=parse_query("rewe"))
    assert (page.count, [hit.payee for hit in page.entries]) == (None, ["REWE-Markt"])


def test_passing_over_texts_by_their_letters_loses_none(book):
    """Every query over every text: with the letters asked first, the answer is that of the words alone."""
    texts = [
        "Café Zürich", "Cafe Zurich", "CAFE", "AMZN Mktp*2K4", "a.b-c_d/e:f@g", "+49 170 123", "-12.50", "1,234.50",
        "1e5", "Ali’s & Söhne", "<b>bold</b>", "100%", "x\\y", "İstanbul", "STRASSE Straße", "", "w1x w2x",
    ]  # fmt: skip
    terms = [replace(parse_query("x")[0], text=said) for said in [*texts, "caf", "zur", "straß", "amzn mk", "%", "_"]]
    world = world_of(book=book, terms=terms)
    differing = """
        SELECT said, query, text FROM unnest(%(texts)s::text[]) AS text, {queries}
         WHERE coalesce({words}, false) IS DISTINCT FROM coalesce({quickly}, false)"""
    words = "finance_search_words(%(book)s, text) @@ %(q_words)s::tsquery"
    with connection.cursor() as cursor:
        for term in terms:
            parameters = {"texts": texts, "book": book.pk, "said": term.text, **_said(term, "q", world)}
            statement = differing.format(
                queries="(SELECT %(said)s AS said, %(q_words)s AS query) AS asked", words=words,
                quickly=_quickly(words, "text", "q"),
            )  # fmt: skip
            cursor.execute(statement, parameters)
            assert cursor.fetchall() == []
            cursor.execute(f"SELECT count(*) FROM unnest(%(texts)s::text[]) AS text WHERE {words}", parameters)
            assert cursor.fetchone()[0] or term.text in ("", "<b>bold</b>", "%", "_")  # it finds something at all


def test_another_book_is_not_searched(book, found, journal, stranger):
    other = ledger.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    for text in ("rewe", "1234.50", "date:2026", "has:receipt", "tag:summer"):
        assert find_entries(book=other, terms=parse_query(text)).entries == []


def test_a_cursor_that_is_none_is_refused(book, db):
    with pytest.raises(Invalid):
        find_entries(book=book, terms=parse_query("a"), after="yesterday")


def test_accounts_are_found_by_plain_words(book, accounts):
    assert [path for _account, path in find_accounts(book=book, terms=parse_query("food groc"))] == [
        "Expenses › Food › Groceries"
    ]
    assert find_accounts(book=book, terms=parse_query("groceries amount:5")) == []


def test_the_indexes_are_used(book, journal, django_assert_max_num_queries):
    """Whatever the planner thinks of small tables: the expressions are those of the indexes."""
    from django.db import transaction

    from finance.search.conditions import ENTRY_WORDS, MEMO_WORDS

    query = f"finance_search_query({book.pk}, 'x', false)"
    statements = {
        "finance_entry_words": f"SELECT id FROM finance_journalentry AS entry WHERE {ENTRY_WORDS} @@ {query}",
        "finance_line_words": f"SELECT id FROM finance_journalline AS line WHERE memo <> '' AND {MEMO_WORDS} @@ {query}",
        "finance_line_size": f"SELECT id FROM finance_journalline WHERE book_id = {book.pk} AND abs(amount) = 5",
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for index, statement in statements.items():
            cursor.execute(f"EXPLAIN {statement}")
            assert index in str(cursor.fetchall())
    with django_assert_max_num_queries(15):
        find_entries(book=book, terms=parse_query("rewe date:2026 1234.50"))
