"""The database refuses what the services would never do: raw SQL as the application's own role, and as the owner."""

import datetime

import psycopg
import pytest
from django.db import connection

from finance.ledger import services
from finance.ledger.grants import grant_application_rights
from finance.ledger.models import AccountMonth, ChainHead, JournalEntry, JournalLine, Seal
from finance.ledger.selectors import balances
from finance.tests.ledger.roles import REFUSALS, connect, insert_entry, insert_line, made_role

pytestmark = [pytest.mark.ledger_guards, pytest.mark.django_db(transaction=True)]

DAY = datetime.date(2026, 3, 10)


@pytest.fixture
def application(db):
    """Connections as a role that has the application's rights and nothing else."""
    with made_role(lambda name: grant_application_rights(role=name)) as connected:
        yield connected


@pytest.fixture
def owner_connection(db):
    settings = connection.settings_dict
    return lambda: connect(user=settings["USER"], password=settings["PASSWORD"])


def test_raw_sql_may_post_a_balanced_entry_and_the_months_follow(application, book, accounts):
    with application() as raw:
        entry_id = insert_entry(raw, book, lines=3)
        insert_line(raw, book, entry_id, accounts.groceries, 700)
        insert_line(raw, book, entry_id, accounts.restaurants, 300, position=2)
        insert_line(raw, book, entry_id, accounts.checking, -1000, position=3)

    month = AccountMonth.objects.get(account=accounts.checking)
    assert (month.month, month.debit, month.credit, month.lines, month.book_id) == (
        datetime.date(2026, 3, 1), 0, 1000, 1, book.pk,
    )  # fmt: skip


def _unbalanced(raw, book, accounts):
    entry_id = insert_entry(raw, book, lines=2)
    insert_line(raw, book, entry_id, accounts.groceries, 1000)
    insert_line(raw, book, entry_id, accounts.checking, -999, position=2)


def _without_lines(raw, book, accounts):
    insert_entry(raw, book, lines=2)


def _one_line_less_than_declared(raw, book, accounts):
    entry_id = insert_entry(raw, book, lines=3)
    insert_line(raw, book, entry_id, accounts.groceries, 1000)
    insert_line(raw, book, entry_id, accounts.checking, -1000, position=2)


def _one_line_more_than_declared(raw, book, accounts):
    entry_id = insert_entry(raw, book, lines=2)
    insert_line(raw, book, entry_id, accounts.groceries, 1000)
    insert_line(raw, book, entry_id, accounts.groceries, 500, position=2)
    insert_line(raw, book, entry_id, accounts.checking, -1500, position=3)


def _a_line_beyond_the_declared_number(raw, book, accounts):
    entry_id = insert_entry(raw, book, lines=2)
    insert_line(raw, book, entry_id, accounts.groceries, 1000)
    insert_line(raw, book, entry_id, accounts.checking, -1000, position=3)


def _a_line_before_the_first(raw, book, accounts):
    entry_id = insert_entry(raw, book, lines=2)
    insert_line(raw, book, entry_id, accounts.groceries, 1000, position=0)
    insert_line(raw, book, entry_id, accounts.checking, -1000, position=1)


def _single_line(raw, book, accounts):
    entry_id = insert_entry(raw, book, lines=1)
    insert_line(raw, book, entry_id, accounts.groceries, 1000)


def _zero_amount(raw, book, accounts):
    entry_id = insert_entry(raw, book, lines=2)
    insert_line(raw, book, entry_id, accounts.groceries, 0)
    insert_line(raw, book, entry_id, accounts.checking, 0, position=2)


def _currencies_that_cancel_in_number_only(raw, book, accounts):
    entry_id = insert_entry(raw, book, lines=2)
    insert_line(raw, book, entry_id, accounts.dollars, 1000)
    insert_line(raw, book, entry_id, accounts.checking, -1000, position=2)


def _currency_that_is_not_the_accounts(raw, book, accounts):
    entry_id = insert_entry(raw, book, lines=2)
    insert_line(raw, book, entry_id, accounts.dollars, 1000, currency="EUR")
    insert_line(raw, book, entry_id, accounts.checking, -1000, position=2)


def _account_of_another_book(raw, book, accounts):
    entry_id = insert_entry(raw, book, lines=2)
    insert_line(raw, book, entry_id, accounts.foreign, 1000)
    insert_line(raw, book, entry_id, accounts.checking, -1000, position=2)


def _date_that_is_not_the_entrys(raw, book, accounts):
    entry_id = insert_entry(raw, book, lines=2)
    insert_line(raw, book, entry_id, accounts.groceries, 1000, date=DAY - datetime.timedelta(days=400))
    insert_line(raw, book, entry_id, accounts.checking, -1000, position=2)


def _copied_unbalanced(raw, book, accounts):
    entry_id = insert_entry(raw, book, lines=2)
    with raw.cursor().copy(
        "COPY finance_journalline (book_id, entry_id, account_id, date, currency, amount, position, memo) FROM STDIN"
    ) as copy:
        copy.write_row((book.pk, entry_id, accounts.groceries.pk, DAY, "EUR", 1000, 1, ""))
        copy.write_row((book.pk, entry_id, accounts.checking.pk, DAY, "EUR", -1001, 2, ""))


def _closed_day(raw, book, accounts):
    entry_id = insert_entry(raw, book, lines=2, date=datetime.date(2026, 1, 31))
    insert_line(raw, book, entry_id, accounts.groceries, 1000, date=datetime.date(2026, 1, 31))
    insert_line(raw, book, entry_id, accounts.checking, -1000, date=datetime.date(2026, 1, 31), position=2)


def _temporary_table_in_the_guards_way(raw, book, accounts):
    raw.execute("CREATE TEMPORARY TABLE finance_journalline (entry_id bigint, currency text, amount bigint)")
    entry_id = insert_entry(raw, book, lines=2)
    raw.execute("INSERT INTO pg_temp.finance_journalline VALUES (%s, 'EUR', 5), (%s, 'EUR', -5)", [entry_id, entry_id])


def _balanced_by_deferring_for_ever(raw, book, accounts):
    raw.execute("SET CONSTRAINTS ALL DEFERRED")
    _unbalanced(raw, book, accounts)


ATTACKS = [
    _unbalanced,
    _without_lines,
    _one_line_less_than_declared,
    _one_line_more_than_declared,
    _a_line_beyond_the_declared_number,
    _a_line_before_the_first,
    _single_line,
    _zero_amount,
    _currencies_that_cancel_in_number_only,
    _currency_that_is_not_the_accounts,
    _account_of_another_book,
    _date_that_is_not_the_entrys,
    _copied_unbalanced,
    _closed_day,
    _temporary_table_in_the_guards_way,
    _balanced_by_deferring_for_ever,
]


@pytest.fixture
def targets(book, owner, stranger, accounts):
    other = services.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    accounts.foreign = other.accounts.get(name="Groceries")
    accounts.dollars = services.open_account(
        book=book, actor=owner, name="Dollars", type="asset", kind="checking", currency="USD"
    )
    services.close_period(book=book, actor=owner, through=datetime.date(2026, 1, 31))
    return accounts


@pytest.mark.parametrize("role", ["application", "owner_connection"])
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__.strip("_"))
def test_an_entry_that_is_none_is_refused(request, role, attack, book, targets):
    # The application cannot even make the temporary table of one of them.
    with pytest.raises(REFUSALS), request.getfixturevalue(role)() as raw:
        attack(raw, book, targets)

    assert not JournalEntry.objects.exists()
    assert not JournalLine.objects.exists()
    assert not AccountMonth.objects.exists()


REWRITES = [
    "UPDATE finance_journalline SET amount = amount * 2",
    "UPDATE finance_journalline SET account_id = account_id",
    "UPDATE finance_journalline SET entry_id = (SELECT max(id) FROM finance_journalentry) WHERE position = 1",
    "UPDATE finance_journalentry SET date = date - 1",
    "UPDATE finance_journalentry SET payee = 'somebody else'",
    "DELETE FROM finance_journalline",
    "DELETE FROM finance_journalentry",
    "TRUNCATE finance_journalline CASCADE",
    "TRUNCATE finance_journalentry CASCADE",
    "UPDATE finance_accountmonth SET debit = 0",
    "DELETE FROM finance_accountmonth",
    "TRUNCATE finance_accountmonth",
    "INSERT INTO finance_accountmonth (book_id, account_id, month, debit, credit, lines)"
    " SELECT book_id, account_id, '1999-01-01', 1, 1, 1 FROM finance_accountmonth",
    "INSERT INTO finance_journalline (book_id, entry_id, account_id, date, currency, amount, position, memo)"
    " SELECT book_id, entry_id, account_id, date, currency, amount, position, memo FROM finance_journalline"
    " ON CONFLICT (entry_id, position, book_id) DO UPDATE SET amount = 1",
    "UPDATE finance_account SET currency = 'USD' WHERE id IN (SELECT account_id FROM finance_journalline)",
    "UPDATE finance_account SET type = 'income' WHERE id IN (SELECT account_id FROM finance_journalline)",
    "DELETE FROM finance_account WHERE id IN (SELECT account_id FROM finance_journalline)",
]


@pytest.mark.parametrize("role", ["application", "owner_connection"])
@pytest.mark.parametrize("statement", REWRITES)
def test_what_is_posted_is_not_rewritten(request, role, statement, book, accounts, spend):
    spend(10_00, on=DAY)
    spend(20_00, on=DAY)
    before = _contents()

    with pytest.raises(REFUSALS), request.getfixturevalue(role)() as raw:
        raw.execute(statement)

    assert _contents() == before


SEALS = [
    "UPDATE finance_seal SET hash = sha256('x')",
    "DELETE FROM finance_seal",
    "TRUNCATE finance_seal",
    "UPDATE finance_chainhead SET seals = 1",
    "DELETE FROM finance_chainhead",
    "TRUNCATE finance_chainhead",
    "INSERT INTO finance_chainhead (book_id, seals, hash, entry_id, sealed_at)"
    " SELECT id, 1, sha256('x'), 1, now() FROM finance_book ON CONFLICT (book_id) DO UPDATE SET seals = 7",
    "INSERT INTO finance_seal (book_id, seq, entry_id, hash, sealed_at)"
    " SELECT book_id, seals + 2, 999999, sha256('x'), now() FROM finance_chainhead",
    "INSERT INTO finance_seal (book_id, seq, entry_id, hash, sealed_at)"
    " SELECT book_id, seq, entry_id, hash, sealed_at FROM finance_seal"
    " ON CONFLICT (entry_id, book_id) DO UPDATE SET hash = sha256('x')",
]


@pytest.mark.parametrize("role", ["application", "owner_connection"])
def test_seals_are_neither_changed_nor_removed(request, role, book, spend):
    services.seal_entries(posted={book.pk: [spend(10_00, on=DAY).pk, spend(20_00, on=DAY).pk]})
    before = [list(model.objects.order_by("pk").values()) for model in (Seal, ChainHead)]
    assert len(before[0]) == 2

    connected = request.getfixturevalue(role)
    for statement in SEALS:
        with pytest.raises(REFUSALS), connected() as raw:
            raw.execute(statement)

    assert [list(model.objects.order_by("pk").values()) for model in (Seal, ChainHead)] == before


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE finance_journalline DISABLE TRIGGER ALL",
        "ALTER TABLE finance_seal DISABLE TRIGGER finance_seal_append_only",
        "ALTER TABLE finance_journalentry DISABLE TRIGGER finance_entry_balanced",
        "DROP TRIGGER finance_line_post ON finance_journalline",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION finance_check_entry() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "DROP TABLE finance_accountmonth CASCADE",
    ],
)
def test_the_application_cannot_switch_the_guards_off(application, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege), application() as raw:
        raw.execute(statement)


@pytest.mark.parametrize("positions", [(3, 4), (0, 3), (1, 2)])
@pytest.mark.parametrize("role", ["application", "owner_connection"])
def test_a_posted_entry_takes_no_further_lines(request, role, positions, book, accounts, spend):
    old = spend(10_00, on=DAY)
    before = _contents()

    with pytest.raises(psycopg.errors.IntegrityError), request.getfixturevalue(role)() as raw:
        raw.execute(
            "INSERT INTO finance_journalline (book_id, entry_id, account_id, date, currency, amount, position, memo)"
            " VALUES (%(book)s, %(entry)s, %(a)s, %(day)s, 'EUR', 5, %(first)s, ''),"
            " (%(book)s, %(entry)s, %(b)s, %(day)s, 'EUR', -5, %(second)s, '')",
            {
                "book": book.pk,
                "entry": old.pk,
                "day": DAY,
                "a": accounts.rent.pk,
                "b": accounts.cash.pk,
                "first": positions[0],
                "second": positions[1],
            },
        )

    assert _contents() == before


def test_lines_split_over_statements_and_savepoints_are_one_entry(application, book, accounts):
    with application() as raw:
        entry_id = insert_entry(raw, book, lines=2)
        with raw.transaction():
            insert_line(raw, book, entry_id, accounts.groceries, 1000)
        with raw.transaction():
            insert_line(raw, book, entry_id, accounts.checking, -1000, position=2)

    assert balances(book=book)[accounts.checking.pk] == -1000


def test_the_application_has_months_made_anew_but_does_not_write_them(application, book, accounts, spend):
    spend(10_00, on=DAY)
    sound = _contents()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE finance_accountmonth SET credit = 1 WHERE account_id = %s", [accounts.checking.pk])
        cursor.execute("SET session_replication_role = origin")

    with application() as raw:
        mended = raw.execute(
            "INSERT INTO finance_monthrebuild (book_id, by, at, removed, written) VALUES (%s, 'x', now(), 77, 77)"
            " RETURNING removed, written",
            [book.pk],
        ).fetchone()

    assert mended == (1, 1)
    assert _contents() == sound


def _contents():
    return (
        sorted(JournalEntry.objects.values_list("pk", "date", "payee")),
        sorted(JournalLine.objects.values_list("pk", "entry_id", "account_id", "amount")),
        sorted(AccountMonth.objects.values_list("account_id", "month", "debit", "credit", "lines")),
    )
