"""What is cited is what was computed: every figure of every insight follows from its evidence alone."""

import datetime
import random
import re
from html import unescape

import pytest
import time_machine
from django.utils import translation
from hypothesis import example, given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from finance import money
from finance.demo.services import seed_household
from finance.ledger.models import JournalLine
from finance.planning.recurrence import CADENCES, Recurrence, Unit
from identity.models import User
from insights.models import Insight, InsightEvidence, Kind
from insights.rules.catalogue import RULES, find_with
from insights.rules.facts import AccountOutlook, CategoryHistory, Facts, Movement, Spending
from insights.selectors import evidence_page
from insights.sentences import sentence
from insights.services import evaluate
from insights.tests.conftest import NOW
from insights.tests.recompute import Row, recomputed
from platform_outbox import testing

ON = NOW.date()
ROW = re.compile(r'<tr data-role="(\w+)".*?</tr>', re.DOTALL)


def _api_rows(client, url):
    """All rows of the paged list; the first ones are those of the insight itself."""
    insight = client.get(url).json()
    rows, following = [], f"{url}evidence/?limit=7"
    while following:
        answer = client.get(following).json()
        rows, following = rows + answer["results"], answer["next"]
    assert insight["evidence"] == rows[:500]
    assert insight["evidence_count"] == len(rows)
    return insight, [
        Row(
            role=row["role"],
            date=datetime.date.fromisoformat(row["date"]),
            amount=money.parse_amount(row["amount"], currency=row["currency"]),
            currency=row["currency"],
            name=row["payee"] or row["description"],
            expected_on=row["expected_on"] and datetime.date.fromisoformat(row["expected_on"]),
        )
        for row in rows
    ]


def _page_rows(page):
    return [_page_row(row.group(1), row.group(0)) for row in ROW.finditer(page)]


def _page_row(role, text):
    """A row as a person reads it (in English, in euros)."""
    [date] = re.findall(r'<time datetime="([\d-]+)">', text)
    [name] = re.findall(r'<th scope="row">(?:<a [^>]*>)?([^<]*)', text)
    [amount] = re.findall(r'<td class="num">(?:<a [^>]*>)?([^<]*)', text)
    date = datetime.date.fromisoformat(f"{date}-01" if role == "month" else date)
    again = re.findall(r"expected again on (\w+ \d+, \d{4})", text)
    expected_on = datetime.datetime.strptime(again[0], "%b %d, %Y").date() if again else None  # noqa: DTZ007
    return Row(
        role=role,
        date=date,
        amount=money.parse_amount(amount.replace("€", "").replace(",", ""), currency="EUR"),
        currency="EUR",
        name=unescape(name).strip(),
        expected_on=date if "already entered for this day" in text else expected_on,
    )


def _check(insight, rows, *, said, floor=0):
    """`said` are the figures of the sentence; all of them come out of the rows."""
    found = recomputed(insight["kind"], Insight.objects.get(pk=insight["id"]).template, rows, floor=floor)
    # From which account two charges came is no figure.
    told = {name: value for name, value in said.items() if (insight["kind"], name) != ("possible_duplicate", "account")}
    assert found == told
    return sentence(Insight.objects.get(pk=insight["id"]).template, {**said, **found})


def _check_all(book, reader, client):
    """Every insight of the book, through the API and on its page; returns their kinds."""
    api = APIClient()
    api.force_authenticate(reader)
    client.force_login(reader)
    kinds = set()
    for pk in Insight.objects.filter(book=book).values_list("pk", flat=True):
        insight, rows = _api_rows(api, f"/api/v1/books/{book.pk}/insights/{pk}/")
        with translation.override("en"):
            computed = _check(insight, rows, said=insight["figures"])
        assert computed == insight["sentence"]

        page = client.get(f"/b/{book.pk}/insights/{pk}/").content.decode()
        assert _page_rows(page) == rows
        assert f"<h1>{computed}</h1>" in unescape(page)
        kinds.add(insight["kind"])
    return kinds


@pytest.mark.django_db
@time_machine.travel(datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC))
def test_the_figures_of_the_demonstration_follow_from_their_evidence(client):
    owner = User.objects.create_user("demo@example.org", "correct horse battery")
    book = seed_household(owner=owner, months=24, seed=1, today=datetime.date(2026, 11, 23))
    testing.drain()
    assert _check_all(book, owner, client) == set(Kind.values)
    unusual = Insight.objects.get(book=book, kind="unusual_amount")
    assert unusual.params["payments"] == unusual.evidence.filter(role="compared").count() == 13


def _history(accounts, seed):
    """Entries of a household with something for each rule, as (date, payee, amount, category, account)."""
    chance = random.Random(seed)
    made = []

    def pay(date, payee, amount, category=accounts.groceries, account=accounts.cash):
        made.append((date, payee, amount, category, account))

    back = lambda days: ON - datetime.timedelta(days=days)  # noqa: E731
    # Unusual: many payments, an even or odd number of them.
    for _ in range(chance.randint(6, 60)):
        pay(back(chance.randint(20, 500)), "Power", chance.randint(70_00, 90_00), account=accounts.savings)
    pay(back(3), "Power", chance.randint(400_00, 900_00), account=accounts.savings)
    # Duplicates: a run of up to twenty.
    for number in range(chance.randint(2, 20)):
        pay(back(40 - chance.choice([0, 1, 2]) * (number > 0) - number), "Gym", 49_90, account=accounts.savings)
    # Price rise in some rhythm.
    cadence = chance.choice([each for each in CADENCES if each.name not in ("day", "year", "two_years", "half_year")])
    days = (3, 18) if cadence.twice else ()
    length = 5 if cadence.gap[0] > 100 else chance.randint(5, 9)
    rule = Recurrence(anchor=datetime.date(2023, 1, 3), unit=cadence.unit, every=cadence.every, days=days)
    series = rule.occurrences(rule.anchor, back(1))[-length:]
    for date in series:
        pay(date, "Stream", 13_49 if date == series[-1] else 12_99, account=accounts.savings)
    # Category: seven months and a feast, with a refund.
    for month in range(chance.randint(3, 8)):
        pay(
            back(45 + 30 * month), f"Inn {month}", chance.randint(80_00, 120_00), accounts.restaurants, accounts.savings
        )
    for number in range(chance.randint(2, 30)):
        pay(ON.replace(day=1 + number % 14), f"Feast {number}", chance.randint(300_00, 400_00), accounts.restaurants,
            accounts.savings)  # fmt: skip
    pay(ON.replace(day=9), "Feast 0", -chance.randint(1_00, 50_00), accounts.restaurants, accounts.savings)
    # Low balance: bills in rhythms, one of them written down for a later day.
    for bill in range(chance.randint(1, 7)):
        first = datetime.date(2025, 9, chance.randint(16, 31 - 1))
        monthly = Recurrence(anchor=first, unit=Unit.MONTH)
        for date in monthly.occurrences(first, ON):
            pay(date, f"Bill {bill}", 100_00 + bill, accounts.rent, accounts.checking)
    for week in range(6):
        pay(back(5 + 7 * week), "Box", 20_00, account=accounts.checking)
    pay(ON + datetime.timedelta(days=chance.randint(1, 20)), "Roof", 400_00, accounts.rent, accounts.checking)
    held = sum(
        amount for date, _payee, amount, _category, account in made if account == accounts.checking and date <= ON
    )
    pay(ON, "Gift", -held - chance.randint(0, 450_00), accounts.salary, accounts.checking)
    return made


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_the_figures_of_any_household_follow_from_their_evidence(
    seed, book, owner, viewer, accounts, ledger, clock, client
):
    drafts = [
        ledger.EntryDraft(
            date=date,
            payee=payee,
            lines=[
                ledger.LineDraft(account_id=category.pk, amount=amount),
                ledger.LineDraft(account_id=account.pk, amount=-amount),
            ],
        )
        for date, payee, amount, category, account in _history(accounts, seed)
    ]
    ids = ledger.post_entries(book=book, actor=owner, drafts=drafts, source="import")
    evaluate(book_id=book.pk, entry_ids=ids, now=NOW)

    assert _check_all(book, viewer, client) == set(Kind.values)
    _check_months(book)


def _check_months(book):
    """A month that is cited is what the ledger has for it."""
    for row in InsightEvidence.objects.filter(insight__book=book, role="month").select_related("insight"):
        category = int(row.insight.scope.removeprefix("account:"))
        lines = JournalLine.objects.filter(
            account_id=category, date__year=row.date.year, date__month=row.date.month
        ).values_list("amount", flat=True)
        assert sum(lines) == row.amount


# The same for generated histories, from the findings of the pure rules.


def _rows(finding, dates, names):
    return [
        Row(
            role=str(each.role),
            date=each.date or dates[each.entry_id],
            amount=each.amount,
            currency=each.currency,
            name=names.get(each.entry_id, finding.params.get("category") or finding.params.get("account", "")),
            expected_on=each.expected_on,
        )
        for each in finding.evidence
    ]


def _movement(number, date, amount, payee="P", transfer=False):
    return Movement(
        entry_id=number, date=date, payee=payee, payee_key=payee.lower(), account_id=1, account="Checking",
        currency="CAD", amount=-amount, transfer=transfer,
    )  # fmt: skip


def _check_findings(kind, facts, movements):
    rule = RULES[kind]
    dates = {each.entry_id: each.date for each in movements}
    names = {each.entry_id: each.payee for each in movements if hasattr(each, "payee")}
    for finding in find_with(rule, facts, rule.settings()):
        found = recomputed(kind, finding.template, _rows(finding, dates, names))
        assert found == {name: finding.params[name] for name in found}
        assert finding.params.keys() - found.keys() <= {"account"}


PAYMENTS = st.lists(
    st.tuples(st.integers(0, 800), st.sampled_from([10_00, 10_50, 11_00, 50_00, 51_00, 400_00])), max_size=60
)


@given(payments=PAYMENTS, every=st.sampled_from([1, 7, 14, 28, 30, 61, 91]), rise=st.integers(0, 30_00))
def test_figures_about_payees_follow_from_their_evidence(payments, every, rise):
    first = datetime.date(2024, 1, 1)
    steady = [(every * number, 30_00 + (rise if number == 8 else 0)) for number in range(9) if every * number < 800]
    movements = [
        _movement(number, first + datetime.timedelta(days=day), amount)
        for number, (day, amount) in enumerate([*payments, *steady], start=1)
    ]
    ordered = sorted(movements, key=lambda each: each.order)
    facts = Facts(on=first, since=first, until=datetime.date(2027, 1, 1), payees={"p": ordered})
    for kind in ("unusual_amount", "possible_duplicate", "subscription_price_rise"):
        _check_findings(kind, facts, movements)


@given(
    months=st.lists(st.integers(0, 300_00), min_size=3, max_size=13),
    spent=st.lists(st.integers(-50_00, 600_00).filter(bool), min_size=1, max_size=30),
)
def test_figures_about_categories_follow_from_their_evidence(months, spent):
    numbers = {datetime.date(2026, 6, 1): sum(spent)}
    for back, amount in enumerate(months, start=1):
        index = 2026 * 12 + 5 - back
        numbers[datetime.date(index // 12, index % 12 + 1, 1)] = amount
    entries = [
        Spending(entry_id=number, date=datetime.date(2026, 6, 1 + number % 28), amount=amount)
        for number, amount in enumerate(spent, start=1)
    ]
    history = CategoryHistory(
        account_id=7, name="Inns", currency="CAD", months=numbers, entries={datetime.date(2026, 6, 1): entries}
    )
    facts = Facts(
        on=datetime.date(2026, 6, 28),
        since=datetime.date(2026, 1, 1),
        until=datetime.date(2026, 7, 1),
        categories=[history],
    )
    _check_findings("category_above_usual", facts, entries)


@given(
    streams=st.lists(
        st.tuples(
            st.sampled_from([7, 14, 28, 30]),
            st.integers(0, 29),
            st.lists(st.integers(-200_00, 300_00).filter(bool), min_size=1, max_size=1),
        ),
        min_size=1,
        max_size=6,
    ),
    later=st.lists(st.tuples(st.integers(1, 29), st.integers(-100_00, 300_00).filter(bool)), max_size=3),
    balance=st.integers(0, 500_00),
)
@example(streams=[(28, 7, [641]), (7, 0, [641])], later=[], balance=1282)
def test_figures_about_balances_follow_from_their_evidence(streams, later, balance):
    on = datetime.date(2026, 6, 15)
    movements = []
    for stream, (every, offset, [amount]) in enumerate(streams):
        for number in range(6):
            date = on - datetime.timedelta(days=offset % every + every * number)
            movements.append(_movement(len(movements) + 1, date, amount, f"Payee {stream}"))
    for number, (days, amount) in enumerate(later):
        date = on + datetime.timedelta(days=days)
        movements.append(_movement(len(movements) + 1, date, amount, f"Later {number}"))
    outlook = AccountOutlook(
        account_id=1, name="Checking", currency="CAD", on=on, balance=balance,
        movements=sorted(movements, key=lambda each: each.order),
    )  # fmt: skip
    facts = Facts(on=on, since=on, until=on, accounts=[outlook])
    _check_findings("low_balance_ahead", facts, movements)


# Long and old evidence.


@pytest.mark.django_db
def test_long_evidence_is_stored_whole_and_shown_folded_and_paged(insight, client, owner):
    template = insight.evidence.get(position=2)
    InsightEvidence.objects.bulk_create(
        InsightEvidence(
            book_id=insight.book_id,
            insight=insight,
            entry_id=template.entry_id,
            role="compared",
            position=position,
            amount=position,
            currency="EUR",
        )
        for position in range(8, 613)
    )
    client.force_login(owner)
    url = f"/b/{insight.book_id}/insights/{insight.pk}/"
    page = client.get(url).content.decode()
    shown, _fold, folded = page.partition('<details class="fold section-gap">')
    assert (len(_page_rows(shown)), len(_page_rows(folded))) == (15, 485)
    assert "Show 485 more rows" in page
    [after] = re.findall(r'href="\?after=(\d+)#evidence"', page)
    rest = client.get(url, {"after": after}).content.decode()
    assert len(_page_rows(rest)) == 112
    assert "Next page" not in rest
    assert len(_page_rows(client.get(url, {"after": "x"}).content.decode())) == 500
    assert len(client.get(f"/api/v1/books/{insight.book_id}/insights/{insight.pk}/").json()["evidence"]) == 500


@pytest.mark.django_db
def test_the_list_of_evidence_is_for_members(insight, viewer, stranger):
    url = f"/api/v1/books/{insight.book_id}/insights/{insight.pk}/evidence/"
    answers = []
    for who in (None, stranger, viewer):
        api = APIClient()
        if who:
            api.force_authenticate(who)
        answers.append(api.get(url))
    assert [answer.status_code for answer in answers] == [401, 404, 200]
    assert "results" not in answers[1].json()
    assert len(answers[2].json()["results"]) == 7


@pytest.mark.django_db
def test_evidence_of_an_older_shape_is_shown_as_it_is(insight, client, owner):
    """Before, an insight cited at most its twelve nearest entries; its sentence still has all its figures."""
    insight.evidence.filter(position__gt=4).delete()
    Insight.objects.filter(pk=insight.pk).update(rule_version=1)
    client.force_login(owner)
    page = client.get(f"/b/{insight.book_id}/insights/{insight.pk}/").content.decode()
    assert len(_page_rows(page)) == 4
    assert "usually about €80 (median of 6 payments)" in page


@pytest.mark.django_db
def test_a_month_leaves_out_what_was_taken_back_in_another_month(book, owner, accounts, ledger, spend, clock):
    """February is closed when its wrong entry is taken back, so the reversal is dated in March."""
    for month in (10, 11, 12):
        spend(100_00, payee="Inn", on=datetime.date(2025, month, 8), category=accounts.restaurants)
    for month in (1, 2):
        spend(100_00, payee="Inn", on=datetime.date(2026, month, 8), category=accounts.restaurants)
    wrong = spend(900_00, payee="Typo", on=datetime.date(2026, 2, 9), category=accounts.restaurants)
    ledger.close_period(book=book, actor=owner, through=datetime.date(2026, 2, 28))
    ledger.reverse_entry(entry=wrong, actor=owner, on=ON)
    feast = spend(450_00, payee="Feast", on=datetime.date(2026, 3, 10), category=accounts.restaurants)
    evaluate(book_id=book.pk, entry_ids=[wrong.pk, feast.pk], now=NOW)

    found = Insight.objects.get(kind="category_above_usual")
    assert found.params["amount"] == {"amount": "450.00", "currency": "EUR"}
    rows = evidence_page(insight=found).rows
    assert [(row.role, row.amount) for row in rows] == [("subject", 450_00), *[("month", 100_00)] * 5]
