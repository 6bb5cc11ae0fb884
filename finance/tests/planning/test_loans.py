"""Loans over the API: field cases LOA-*, payments and their split, changes, access, and what the forecast is told."""

import datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from finance.imports import services as imports
from finance.ledger.posting import LineDraft
from finance.ledger.selectors import balance_of
from finance.ledger.services import correct_entry, reverse_entry
from finance.models import JournalEntry, Loan, LoanPayment
from finance.planning.loans import selectors, services
from finance.planning.loans.linking import match_payments
from finance.planning.upcoming import Layer
from finance.tests.conftest import TODAY
from finance.tests.planning.conftest import refused
from platform_outbox.models import OutboxMessage

pytestmark = pytest.mark.django_db
D = datetime.date


@pytest.fixture
def mortgage(opened, accounts):
    """The body of a mortgage of 200,000.00 at 6 % over 30 years, paid from the current account since February."""
    account = opened("Mortgage", amount=-200_000_00, on=D(2026, 1, 1))

    def body(**more):
        return {
            "name": "House", "account": account.pk, "principal": "200000.00", "percent": "6", "start": "2026-01-01",
            "first_payment": "2026-02-01", "payments": 360, "pays_from": accounts.checking.pk,
            "interest_account": accounts.rent.pk, **more,
        }  # fmt: skip

    body.account = account
    return body


@pytest.fixture
def loan(api, url, mortgage, book):
    """The mortgage, added on the first day of the year."""
    with time_machine.travel(datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC), tick=False):
        answer = api.post(url("loans/"), mortgage(), format="json")
    assert answer.status_code == 201, answer.json()
    return selectors.loan_for(book=book, loan_id=answer.json()["id"])


def test_loa_06_a_loan_and_its_table(api, url, loan):
    shown = api.get(url(f"loans/{loan.pk}/")).json()
    assert (shown["level_payment"], shown["last_payment"]) == ("1199.10", "1200.14")
    assert (shown["total_interest"], shown["number_of_payments"], shown["ends"]) == ("231677.04", 360, "2056-01-01")
    # Today is 2026-03-15: the table has seen two payments, the books none.
    assert (shown["owed"], shown["owed_by_table"], shown["difference"]) == ("200000.00", "199600.80", "399.20")
    assert (shown["next"]["date"], shown["next"]["interest"]) == ("2026-02-01", "1000.00")
    rows, path = [], url(f"loans/{loan.pk}/table/?limit=200")
    while path:
        page = api.get(path).json()
        rows, path = rows + page["results"], page["next"]
    assert [row["number"] for row in rows] == list(range(1, 361))
    assert rows[-1]["balance"] == "0.00"
    assert api.get(url(f"loans/{loan.pk}/table/?cursor=x")).status_code == 400


def test_calculating_keeps_nothing(api, url):
    """LOA-07 and LOA-12 on the API."""
    terms = {"principal": "1000", "percent": "0", "start": "2025-01-15", "first_payment": "2025-02-15", "payments": 3}
    yen = api.post(url("loans/calculate/"), {**terms, "currency": "JPY"}, format="json").json()
    assert [row["payment"] for row in yen["rows"]] == ["333", "333", "334"]
    assert yen["total_interest"] == "0"
    year = {**terms, "first_payment": "2025-02-01", "payments": 12, "percent": "6", "day_count": "act/365"}
    found = api.post(url("loans/calculate/"), year, format="json").json()
    assert (found["number_of_payments"], found["ends"], found["rows"][0]["days"]) == (12, "2026-01-01", 17)
    assert found["day_count"] == "act/365"
    more = {
        "rates": [{"since": "2025-06-01", "percent": "3"}],
        "movements": [{"date": "2025-05-10", "kind": "extra", "amount": "100", "effect": "lower"}],
    }
    kinds = {row["kind"] for row in api.post(url("loans/calculate/"), {**year, **more}, format="json").json()["rows"]}
    assert kinds == {"payment", "extra"}
    assert not Loan.objects.exists()
    refused(api.post(url("loans/calculate/"), {**terms, "payments": 0}, format="json"), 400, "invalid", "payments")
    refused(api.post(url("loans/calculate/"), {**terms, "principal": "0"}, format="json"), 400, "invalid", "principal")
    refused(
        api.post(url("loans/calculate/"), {**terms, "currency": "XXY"}, format="json"),
        400,
        "currency_unknown",
        "currency",
    )


def test_a_payment_is_split_and_posted_as_one_entry(api, url, loan, mortgage, accounts, clients):
    split = clients["viewer"].get(url(f"loans/{loan.pk}/split/?date=2026-02-03")).json()
    assert (split["due"], split["principal"], split["interest"], split["amount"]) == (
        "2026-02-01", "199.10", "1000.00", "1199.10"
    )  # fmt: skip
    paid = api.post(url(f"loans/{loan.pk}/payments/"), {"date": "2026-02-03"}, format="json")
    assert paid.status_code == 201, paid.json()
    entry = api.get(url(f"entries/{paid.json()['entry']}/")).json()
    assert {line["account"]: line["amount"] for line in entry["lines"]} == {
        line["account"]: line["amount"] for line in split["lines"]
    }
    assert {line["amount"] for line in entry["lines"]} == {"199.10", "1000.00", "-1199.10"}
    assert balance_of(account=mortgage.account) == -199_800_90
    assert OutboxMessage.objects.filter(event_type="finance.loan.paid").count() == 1
    # The next one belongs to March; what is paid besides is principal.
    more = api.get(url(f"loans/{loan.pk}/split/?date=2026-02-03&amount=1500")).json()
    assert (more["due"], more["principal"], more["interest"]) == ("2026-03-01", "501.00", "999.00")
    assert api.get(url(f"loans/{loan.pk}/")).json()["next"]["date"] == "2026-03-01"
    refused(
        api.post(url(f"loans/{loan.pk}/payments/"), {"date": "2026-03-01", "amount": "10"}, format="json"),
        400, "invalid", "amount",
    )  # fmt: skip
    refused(api.post(url(f"loans/{loan.pk}/payments/"), {"due": "2026-02-01"}, format="json"), 400, "invalid", "due")


def test_an_entry_that_is_in_the_books_is_linked_corrected_and_deleted(api, url, loan, mortgage, accounts, post, owner):
    entry = post({mortgage.account: 199_10, accounts.rent: 1000_00, accounts.checking: -1199_10}, on=D(2026, 1, 30))
    linked = api.post(url(f"loans/{loan.pk}/payments/"), {"entry": str(entry.uid)}, format="json").json()
    assert (linked["due"], linked["date"]) == ("2026-02-01", "2026-01-30")
    again = api.post(url(f"loans/{loan.pk}/payments/"), {"entry": str(entry.uid)}, format="json")
    refused(again, 409, "conflict", "entry")
    other = post({accounts.rent: 5_00, accounts.checking: -5_00})
    answer = api.post(url(f"loans/{loan.pk}/payments/"), {"entry": str(other.uid)}, format="json")
    refused(answer, 400, "invalid", "entry")
    # Deleted, it is unpaid again, and can be paid anew.
    reverse_entry(entry=entry, actor=owner, on=TODAY)
    assert api.get(url(f"loans/{loan.pk}/payments/")).json()["results"][0]["entry"] is None
    assert api.get(url(f"loans/{loan.pk}/")).json()["next"]["date"] == "2026-02-01"
    paid = api.post(url(f"loans/{loan.pk}/payments/"), {"date": "2026-02-01"}, format="json").json()
    assert api.delete(url(f"loans/{loan.pk}/payments/{paid['id']}/")).status_code == 204
    assert not LoanPayment.objects.exists()
    assert JournalEntry.objects.filter(uid=paid["entry"]).exists()


def test_a_payment_from_a_bank_file_is_found_split_and_linked(api, url, loan, mortgage, accounts, post, page, send):
    """All of it was booked on the loan: proposed, and corrected into principal and interest when somebody says so."""
    whole = post({mortgage.account: 1199_10, accounts.checking: -1199_10}, on=D(2026, 2, 2), payee="BANK 4711")
    far = post({mortgage.account: 5_00, accounts.cash: -5_00}, on=D(2026, 1, 10))
    path = url(f"loans/{loan.pk}/")
    (found,) = api.get(f"{path}unlinked/").json()["results"]
    assert (found["entry"], found["due"], found["whole"]) == (str(whole.uid), "2026-02-01", True)
    assert "BANK 4711" in page("viewer", f"plan/loans/{loan.pk}/").content.decode()
    wrong = api.post(f"{path}payments/", {"split": True}, format="json")
    refused(wrong, 400, "invalid", "split")
    linked = api.post(f"{path}payments/", {"entry": str(whole.uid), "split": True}, format="json").json()
    entry = api.get(url(f"entries/{linked['entry']}/")).json()
    assert (entry["payee"], entry["date"]) == ("BANK 4711", "2026-02-02")
    assert sorted(line["amount"] for line in entry["lines"]) == ["-1199.10", "1000.00", "199.10"]
    assert api.get(f"{path}unlinked/").json()["results"] == []
    # The loan fell by the principal alone, and by what was paid long before its instalment.
    assert balance_of(account=mortgage.account) == -199_795_90
    again = api.post(f"{path}payments/", {"entry": linked["entry"], "split": True}, format="json")
    refused(again, 409, "conflict", "entry")
    # On the page the same by a button; what has no interest in it is only linked.
    later = post({mortgage.account: 200_10, accounts.checking: -200_10}, on=D(2026, 3, 2))
    (found,) = api.get(f"{path}unlinked/").json()["results"]
    assert not found["whole"]
    answer = send("viewer", f"plan/loans/{loan.pk}/link/{later.uid}/", {"do": "link"})
    assert answer.status_code == 403
    send("editor", f"plan/loans/{loan.pk}/link/{far.uid}/", {"do": "split"})
    assert LoanPayment.objects.count() == 1
    send("editor", f"plan/loans/{loan.pk}/link/{later.uid}/", {"do": "link"})
    assert LoanPayment.objects.count() == 2


def test_past_payments_are_linked_at_once(api, url, loan, mortgage, accounts, post, page, send, owner, book):
    for month, amount in ((2, 1199_10), (3, 1199_10)):
        post({mortgage.account: amount, accounts.checking: -amount}, on=D(2026, month, 2), payee="BANK 4711")
    # An extra payment of the same month is further from its day.
    post({mortgage.account: 500_00, accounts.checking: -500_00}, on=D(2026, 2, 10))
    assert "2 past payments look like it" in page("viewer", f"plan/loans/{loan.pk}/").content.decode()
    path = f"plan/loans/{loan.pk}/link/"
    for person, code in ((None, 302), ("stranger", 404), ("viewer", 403)):
        assert send(person, path, {"do": "split"}).status_code == code
    assert not LoanPayment.objects.exists()
    with time_machine.travel(datetime.datetime(2026, 3, 15, 12, tzinfo=datetime.UTC), tick=False):
        answer = api.post(url(f"loans/{loan.pk}/unlinked/"), {"split": True}, format="json")
    assert answer.json() == {"linked": 2}
    assert balance_of(account=mortgage.account) == -200_000_00 + 199_10 + 200_10 + 500_00
    send("editor", path, {"do": "link"})
    assert LoanPayment.objects.count() == 2


def test_rows_of_a_file_are_split_and_linked_when_they_are_posted(loan, accounts, book, owner, post, mortgage):
    text = "Date,Payee,Amount\n2026-01-30,BANK 4711,-1199.10\n2026-02-01,Shop,-1199.10\n2026-03-02,BANK 4711,-1199.10\n"
    batch = imports.stage_import(
        book=book, account=accounts.checking, actor=owner, data=text.encode(), file_name="march.csv"
    )
    first, second, third = batch.rows.order_by("number")
    interest, principal = accounts.rent.pk, mortgage.account.pk
    assert {part["account"]: part["amount"] for part in first.split} == {interest: -1000_00, principal: -199_10}
    assert "Instalment 1 of 360" in first.suggestion
    assert second.split == []
    assert {part["account"]: part["amount"] for part in third.split} == {interest: -999_00, principal: -200_10}
    imports.confirm_import(batch=batch, actor=owner)
    ids = list(JournalEntry.objects.filter(source="import").values_list("pk", flat=True))
    assert match_payments(book=book, entry_ids=ids) == 2
    assert match_payments(book=book, entry_ids=ids) == 0
    assert [str(each.due) for each in LoanPayment.objects.order_by("due")] == ["2026-02-01", "2026-03-01"]
    # The payee is known by now: another amount pays its instalment too, and the suggestion says what is principal.
    text = "Date,Payee,Amount\n2026-04-01,Bank 4711 loan,-1299.10\n2026-05-01,Somebody,-1299.10\n2026-06-01,BANK 4711,-500.00\n"
    with time_machine.travel(datetime.datetime(2026, 6, 2, 12, tzinfo=datetime.UTC), tick=False):
        batch = imports.stage_import(
            book=book, account=accounts.checking, actor=owner, data=text.encode(), file_name="april.csv"
        )
    more, stranger, too_little = batch.rows.order_by("number")
    assert {part["account"]: part["amount"] for part in more.split} == {interest: -998_00, principal: -301_10}
    assert "€100.00 more than agreed is principal" in more.suggestion
    assert (stranger.split, too_little.split) == ([], [])
    # What has no interest may be an extra payment: asked, not linked.
    extra = post({mortgage.account: 100_00, accounts.checking: -100_00}, on=D(2026, 4, 1))
    assert match_payments(book=book, entry_ids=[extra.pk]) == 0
    # As many queries for many.
    extras = [post({mortgage.account: 100_00, accounts.checking: -100_00}, on=D(2026, 4, day)) for day in (2, 3, 4)]
    counts = []
    for some in (extras[:1], extras):
        with CaptureQueriesContext(connection) as queries:
            assert match_payments(book=book, entry_ids=[each.pk for each in some]) == 0
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_loa_13_owed_after_a_payment_is_less_everywhere(api, url, opened, accounts, post, page):
    friend = opened("Owed to Ben", kind="payable", amount=-1000_00, on=D(2026, 3, 1))
    body = {
        "name": "Ben", "account": friend.pk, "principal": "1000.00", "percent": "0", "start": "2026-03-01",
        "first_payment": "2026-04-01", "payments": 10, "pays_from": accounts.checking.pk,
    }  # fmt: skip
    loan = api.post(url("loans/"), body, format="json").json()
    extra = {"date": "2026-03-10", "kind": "extra", "amount": "150.00", "money_account": accounts.checking.pk}
    assert api.post(url(f"loans/{loan['id']}/movements/"), extra, format="json").status_code == 201
    assert api.get(url("loans/")).json()["results"][0]["owed"] == "850.00"
    shown = api.get(url(f"loans/{loan['id']}/")).json()
    assert (shown["owed"], shown["owed_by_table"]) == ("850.00", "850.00")
    for path in ("plan/loans/", f"plan/loans/{loan['id']}/"):
        html = page("owner", path).content.decode()
        assert "€850.00" in html
        assert "€1,150.00" not in html


def test_loa_15_a_payment_lowers_and_charged_interest_raises(api, url, opened, accounts):
    account = opened("Student loan", amount=-64_441_83, on=D(2026, 1, 1))
    body = {
        "name": "Student loan", "account": account.pk, "principal": "64441.83", "percent": "3", "start": "2026-01-01",
        "first_payment": "2026-04-01", "payments": 240, "interest_account": accounts.rent.pk,
    }  # fmt: skip
    loan = api.post(url("loans/"), body, format="json").json()["id"]
    extra = {"date": "2026-03-10", "kind": "extra", "amount": "90.00", "money_account": accounts.checking.pk}
    api.post(url(f"loans/{loan}/movements/"), extra, format="json")
    assert api.get(url(f"loans/{loan}/")).json()["owed"] == "64351.83"
    charged = api.post(url(f"loans/{loan}/charges/"), {"date": "2026-03-11", "amount": "30.20"}, format="json")
    assert charged.json()["owed"] == "64382.03"
    assert balance_of(account=accounts.rent) == 30_20


def test_loa_16_lent_money_comes_back_to_another_account_without_income(api, url, opened, accounts, post):
    """Lent 100.00 on 03-02, paid back on 03-16: nothing is owed to us, nothing was earned or spent."""
    claim = opened("Owed by Ben", "asset", "receivable")
    post({claim: 100_00, accounts.checking: -100_00}, on=D(2026, 3, 2))
    body = {
        "name": "Ben", "account": claim.pk, "principal": "100.00", "percent": "0", "start": "2026-03-02",
        "first_payment": "2026-03-16", "payments": 1, "pays_from": accounts.savings.pk,
    }  # fmt: skip
    loan = api.post(url("loans/"), body, format="json").json()
    assert (loan["lent"], loan["owed"]) == (True, "100.00")
    with time_machine.travel(datetime.datetime(2026, 3, 16, 12, tzinfo=datetime.UTC), tick=False):
        assert api.post(url(f"loans/{loan['id']}/payments/"), {}, format="json").status_code == 201
        assert api.get(url(f"loans/{loan['id']}/")).json()["owed"] == "0.00"
    assert balance_of(account=accounts.savings) == 100_00
    entry = JournalEntry.objects.latest("pk")
    assert set(entry.lines.values_list("account__type", flat=True)) == {"asset"}


def test_loa_18_a_shared_mortgage(api, url, opened, accounts, mortgage, book, owner):
    """2,400.00 with 900.00 of interest, our share 55 %: loan −1,500.00, our interest 495.00, the partner owes 1,080.00."""
    shared = opened("Flat", amount=-180_000_00, on=D(2026, 1, 1))
    partner = opened("Owed by partner", "asset", "receivable")
    paid_in = opened("Paid in by partner", "equity", "other")
    body = mortgage(
        name="Flat", account=shared.pk, principal="180000.00", payments=None, payment="2400.00", share="55",
        partner_account=partner.pk, contribution_account=paid_in.pk,
    )  # fmt: skip
    loan = api.post(url("loans/"), body, format="json")
    assert loan.status_code == 201, loan.json()
    path = url(f"loans/{loan.json()['id']}/")
    split = api.get(f"{path}split/?due=2026-02-01").json()
    names = ("amount", "principal", "interest", "my_interest", "claim", "contribution")
    assert [split[name] for name in names] == ["2400.00", "1500.00", "900.00", "495.00", "1080.00", "675.00"]
    assert api.post(f"{path}payments/", {"date": "2026-02-01", "due": "2026-02-01"}, format="json").status_code == 201
    held = {
        account.name: balance_of(account=account)
        for account in (shared, accounts.rent, partner, paid_in, accounts.checking)
    }
    assert list(held.values()) == [-178_500_00, 495_00, 1080_00, -675_00, -2400_00]
    missing = mortgage(share="55", partner_account=partner.pk)
    refused(api.post(url("loans/"), missing, format="json"), 400, "invalid", "contribution_account")


def test_rates_and_planned_movements_change_the_table(api, url, loan):
    path = url(f"loans/{loan.pk}/")
    before = api.get(path).json()
    rate = api.post(f"{path}rates/", {"since": "2027-01-01", "percent": "3"}, format="json").json()
    assert (rate["percent"], rate["payment"]) == ("3", None)
    lower = api.get(path).json()
    assert float(lower["total_interest"]) < float(before["total_interest"])
    planned = {"date": "2028-01-15", "kind": "extra", "amount": "20000.00"}
    movement = api.post(f"{path}movements/", planned, format="json").json()
    assert (movement["entry"], movement["effect"]) == (None, "shorten")
    assert api.get(path).json()["ends"] < lower["ends"]
    late = api.post(f"{path}movements/", {**planned, "date": "2090-01-01"}, format="json")
    refused(late, 400, "invalid", "movements")
    assert api.delete(f"{path}movements/{movement['id']}/").status_code == 204
    assert api.delete(f"{path}rates/{rate['id']}/").status_code == 204
    assert api.get(path).json() == before
    assert api.patch(path, {"payments": 120}, format="json").json()["number_of_payments"] == 120
    refused(api.patch(path, {"percent": "-1"}, format="json"), 400, "invalid", "percent")
    refused(api.patch(path, {"account": 1}, format="json"), 400, "invalid", "account")
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404


def test_a_drawdown_is_posted_and_spread_over_what_is_left(api, url, loan, mortgage, accounts, owner):
    path = url(f"loans/{loan.pk}/")
    before = api.get(path).json()["level_payment"]
    drawn = {"date": "2026-02-15", "kind": "drawdown", "amount": "10000.00", "money_account": accounts.savings.pk}
    row = api.post(f"{path}movements/", drawn, format="json").json()
    assert balance_of(account=mortgage.account) == -210_000_00
    assert balance_of(account=accounts.savings) == 10_000_00
    rows = api.get(f"{path}table/?limit=5").json()["results"]
    assert [each["kind"] for each in rows] == ["payment", "drawdown", "payment", "payment", "payment"]
    assert (rows[0]["payment"], rows[1]["principal"]) == (before, "-10000.00")
    assert float(rows[3]["payment"]) > float(before)
    refused(api.delete(f"{path}movements/{row['id']}/"), 409, "conflict")
    # Corrected in the books, the table follows; deleted, it did not happen.
    entry = JournalEntry.objects.get(uid=row["entry"])
    sides = {mortgage.account: -4000_00, accounts.savings: 4000_00}
    drafts = [LineDraft(account_id=account.pk, amount=amount) for account, amount in sides.items()]
    corrected = correct_entry(
        entry=entry, actor=owner, date=D(2026, 3, 2), lines=drafts, payee="", description="", on=TODAY
    )
    rows = api.get(f"{path}table/?limit=3").json()["results"]
    assert [(each["kind"], each["date"]) for each in rows][2] == ("drawdown", "2026-03-02")
    assert rows[2]["principal"] == "-4000.00"
    reverse_entry(entry=corrected, actor=owner, on=TODAY)
    rows = api.get(f"{path}table/?limit=3").json()["results"]
    assert {each["kind"] for each in rows} == {"payment"}
    assert api.delete(f"{path}movements/{row['id']}/").status_code == 204


def test_what_the_forecast_is_told(book, loan, mortgage, accounts, owner):
    """Two movements for each open instalment; what is late is shown today, what is paid is not."""
    services.pay(loan=loan, actor=owner, date=D(2026, 2, 1))
    services.add_movement(loan=loan, actor=owner, date=D(2026, 5, 1), amount=500_00)
    states = selectors.states_of(book=book, loans=selectors.loans_of(book=book), today=TODAY)
    found = selectors.upcoming(states=states, first=TODAY, last=D(2026, 5, 31))
    bank = [(each.date, each.nominal, each.amount) for each in found if each.account_id == accounts.checking.pk]
    assert bank == [
        (TODAY, D(2026, 3, 1), -1199_10), (D(2026, 4, 1), D(2026, 4, 1), -1199_10),
        (D(2026, 5, 1), D(2026, 5, 1), -1199_10), (D(2026, 5, 1), D(2026, 5, 1), -500_00),
    ]  # fmt: skip
    debt = [each.amount for each in found if each.account_id == mortgage.account.pk]
    assert debt[:2] == [200_10, 201_10]
    assert {each.layer for each in found} == {Layer.LOAN}
    assert not selectors.upcoming(states=states, first=D(2026, 4, 2), last=D(2026, 4, 30))


def test_lists_cost_the_same_for_many_loans(api, url, opened, mortgage, django_assert_max_num_queries):
    for number in range(4):
        body = mortgage(account=opened(f"Loan {number}").pk)
        assert api.post(url("loans/"), body, format="json").status_code == 201
    with django_assert_max_num_queries(9):
        assert len(api.get(url("loans/")).json()["results"]) == 4
    first = api.get(url("loans/?limit=3")).json()
    assert len(api.get(first["next"]).json()["results"]) == 1


def test_strategies_are_compared(api, url, loan):
    own = api.post(url("loans/payoff/"), {"extra": "500.00"}, format="json").json()
    assert own["debts"][0]["minimum"] == "1199.10"
    assert [each["strategy"] for each in own["strategies"]] == ["minimum", "snowball", "avalanche"]
    assert own["strategies"][1]["months_saved"] > 0
    body = {
        "extra": "100", "order": [1, 0],
        "debts": [
            {"name": "Card", "balance": "3000", "percent": "20", "minimum": "90"},
            {"name": "Car", "balance": "1000", "percent": "5", "minimum": "50"},
        ],
    }  # fmt: skip
    found = {
        each["strategy"]: each for each in api.post(url("loans/payoff/"), body, format="json").json()["strategies"]
    }
    assert found["custom"]["interest"] == found["snowball"]["interest"]
    assert float(found["avalanche"]["interest_saved"]) > float(found["snowball"]["interest_saved"]) > 0
    assert len(found["avalanche"]["owed"]) == found["avalanche"]["months"]
    refused(api.post(url("loans/payoff/"), {**body, "order": [0]}, format="json"), 400, "invalid", "order")


def test_a_loan_that_cannot_be_says_why(api, url, mortgage, accounts, opened, foreign, loan):
    dollars = opened("Dollars", "asset", "checking", currency="USD")
    for field, changes in (
        ("account", {"account": accounts.card.pk}),
        ("account", {"account": accounts.rent.pk}),
        ("pays_from", {"pays_from": dollars.pk}),
        ("interest_account", {"interest_account": accounts.checking.pk}),
        ("name", {"name": " x".strip() and "\u00a0"}),
        ("first_payment", {"first_payment": "2026-01-01"}),
        ("payments", {"payments": None}),
    ):
        body = {**mortgage(account=opened(f"L {field}{len(str(changes))}{changes}"[:100]).pk), **changes}
        refused(api.post(url("loans/"), body, format="json"), 400, "invalid", field)
    refused(api.post(url("loans/"), mortgage(), format="json"), 409, "conflict", "account")
    theirs = api.post(url("loans/"), mortgage(account=foreign[1].pk), format="json")
    refused(theirs, 404, "not_found", "account")


@pytest.mark.parametrize(
    ("person", "read", "write"),
    [("owner", 200, 201), ("editor", 200, 201), ("viewer", 200, 403), ("stranger", 404, 404), ("anonymous", 401, 401)],
)
def test_access(clients, url, loan, person, read, write, foreign):
    client, path = clients[person], f"loans/{loan.pk}/"
    for tail in ("", "table/", "split/", "payments/", "rates/", "movements/"):
        assert client.get(url(path + tail)).status_code == read
    assert client.get(url("loans/")).status_code == read
    for tail, body in (
        ("payments/", {"due": "2026-02-01"}), ("rates/", {"since": "2027-01-01", "percent": "3"}),
        ("movements/", {"date": "2027-01-01", "kind": "extra", "amount": "1.00"}),
        ("charges/", {"date": "2026-02-01", "amount": "1.00"}),
    ):  # fmt: skip
        assert client.post(url(path + tail), body, format="json").status_code == write
    computed = client.post(url("loans/payoff/"), {}, format="json").status_code
    assert computed == (200 if read == 200 else read)
    deleted = client.delete(url(path)).status_code
    assert deleted == (204 if write == 201 else write)
    elsewhere = f"/api/v1/books/{foreign[0].pk}/{path}"
    assert clients["owner"].get(elsewhere).status_code == 404
