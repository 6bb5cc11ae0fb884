"""People, shared bills, settlements and invoices over the API: who may, and the field cases as strangers try them."""

import datetime
from decimal import Decimal

import pytest
from django.db import transaction

from finance.api import urls
from finance.ledger import services as ledger
from finance.models import Claim, CostGroup, InvoicePayment
from finance.receivables import services
from finance.receivables.splitting import ME
from finance.tests.receivables.conftest import DAY

READ, EDIT = "read", "edit"
BILL = {
    "date": "2026-03-10", "description": "Dinner", "total": "30.00", "paid_by": "me", "account": "Assets:Checking account",
    "category": "Expenses:Food:Restaurants",
}  # fmt: skip
ROUTES = [
    ("api-people", "get", READ, None),
    ("api-people", "post", EDIT, {"name": "Dora"}),
    ("api-person", "get", READ, None),
    ("api-person", "patch", EDIT, {"note": "x", "archived": True}),
    ("api-person", "delete", EDIT, None),
    ("api-person-lines", "get", READ, None),
    ("api-person-movements", "post", EDIT, {"kind": "lent", "date": "2026-03-02", "amount": "5", "account": "Assets:Cash"}),
    ("api-person-accounts", "post", EDIT, {"account": "Uncle"}),
    ("api-claims", "get", READ, None),
    ("api-claims", "post", EDIT, {"person": "ben", "due_on": "2026-05-01", "amount": "5.00"}),
    ("api-claim", "delete", EDIT, None),
    ("api-cost-groups", "get", READ, None),
    ("api-cost-groups", "post", EDIT, {"name": "Trip", "people": ["ben"]}),
    ("api-cost-group", "get", READ, None),
    ("api-cost-group", "patch", EDIT, {"simplify": True}),
    ("api-cost-group", "delete", EDIT, None),
    ("api-cost-group-pass-on", "post", EDIT, None),
    ("api-cost-group-splitwise", "get", READ, None),
    (
        "api-cost-group-splitwise", "post", EDIT,
        {"csv": "Date,Description,Category,Cost,Currency,A,B\n", "me": "A", "account": "Assets:Cash", "category": "Expenses:Food"},
    ),
    ("api-shared-bills", "get", READ, None),
    ("api-shared-bills", "post", EDIT, {**BILL, "shares": [{"person": "me"}, {"person": "ben"}]}),
    ("api-shared-bill-preview", "post", EDIT, {**BILL, "shares": [{"person": "me"}, {"person": "ben"}]}),
    ("api-shared-bill", "get", READ, None),
    ("api-shared-bill", "patch", EDIT, {"total": "31.00"}),
    ("api-shared-bill", "delete", EDIT, None),
    ("api-shared-bill-refunds", "post", EDIT, {"date": "2026-03-20", "amount": "3.00", "account": "Assets:Cash"}),
    ("api-settlements", "get", READ, None),
    ("api-settlements", "post", EDIT, {"date": "2026-03-20", "payer": "ben", "payee": "me", "amount": "1.00", "account": "Assets:Cash"}),
    ("api-settlement-exchange", "post", EDIT, {"person": "ben", "date": "2026-03-20", "currency": "EUR", "against": "USD", "rate": "0.9"}),
    ("api-settlement", "get", READ, None),
    ("api-settlement", "delete", EDIT, None),
    ("api-settle-up", "get", READ, None),
    ("api-invoices", "get", READ, None),
    ("api-invoices", "post", EDIT, {"person": "ben", "income": "Income:Salary", "lines": [{"text": "Work", "price": "10.00"}]}),
    ("api-invoice-ageing", "get", READ, None),
    ("api-invoice", "get", READ, None),
    ("api-invoice", "patch", EDIT, {"note": "thanks"}),
    ("api-invoice", "delete", EDIT, None),
    ("api-invoice-send", "post", EDIT, {"issued_on": "2026-03-10"}),
    ("api-invoice-cancel", "post", EDIT, None),
    ("api-invoice-write-off", "post", EDIT, {"category": "Expenses:Housing:Rent"}),
    ("api-invoice-reminders", "post", EDIT, None),
    ("api-invoice-payments", "get", READ, None),
    ("api-invoice-payments", "post", EDIT, {"amount": "1.00", "account": "Assets:Cash"}),
    ("api-invoice-payment", "delete", EDIT, None),
    ("api-invoice-proposals", "get", READ, None),
    ("api-invoice-pdf", "get", READ, None),
    ("api-recurring-invoices", "get", READ, None),
    ("api-recurring-invoices", "post", EDIT, {
        "person": "ben", "income": "Income:Salary", "lines": [{"text": "Work", "price": "10.00"}], "first": "2030-01-31",
    }),
    ("api-recurring-invoice", "get", READ, None),
    ("api-recurring-invoice", "patch", EDIT, {"every": 2}),
    ("api-recurring-invoice", "delete", EDIT, None),
]  # fmt: skip
MINE = (
    "api-people",
    "api-person",
    "api-claim",
    "api-cost-group",
    "api-shared-bill",
    "api-settle",
    "api-invoice",
    "api-recurring-invoice",
)
SENT_ONLY = ("cancel", "write-off", "reminders", "payments", "payment")


@pytest.fixture
def ids(book, owner, ben, cleo, share, settle, invoice, repeat):
    ledger.open_account(book=book, actor=owner, name="Uncle", type="liability", kind="loan", currency="EUR")
    group = services.save_group(book=book, name="Flat", people=[cleo.pk])
    bill = share(30_00, {ME: 30_00}, [ME, ben.pk])
    sent = services.save_draft(
        book=book, actor=owner, changes={"person": ben, "income": invoice.income, "tax_account": invoice.tax_account, "lines": [
            services.LineGiven(text="Work", quantity=Decimal(1), price=10_00, rate=Decimal(0))
        ]},
    )  # fmt: skip
    sent = services.send(invoice=sent, actor=owner, on=DAY, due_on=None, today=DAY)
    paid = services.save_draft(book=book, actor=owner, changes={"person": ben, "income": invoice.income, "lines": [
        services.LineGiven(text="Work", quantity=Decimal(1), price=10_00, rate=Decimal(0))
    ]})  # fmt: skip
    paid = services.send(invoice=paid, actor=owner, on=DAY, due_on=None, today=DAY)
    payment = services.pay(invoice=paid, actor=owner, date=DAY, amount=1_00, account=settle(ben.pk, ME, 5_00).account)
    claim = services.save_claim(person=ben, actor=owner, due_on=DAY, amount=1)
    return {
        "book_id": book.pk, "person_id": ben.pk, "claim_id": claim.pk, "cost_group_id": group.pk, "bill_id": bill.pk,
        "settlement_id": settle(ben.pk, ME, 1_00).pk, "invoice_id": invoice.pk, "payment_id": payment.pk,
        "recurring_invoice_id": repeat(first=datetime.date(2030, 1, 31)).pk, "sent": sent.pk, "paid": paid.pk, "cleo": cleo.pk,
    }  # fmt: skip


def ask(client, route, method, body, ids):
    ids = dict(ids)
    if route.startswith("api-invoice-") and route.rpartition("api-invoice-")[2] in SENT_ONLY:
        ids["invoice_id"] = ids["paid" if route == "api-invoice-payment" else "sent"]
    if (route, method) == ("api-person", "delete"):
        ids["person_id"] = ids["cleo"] if ids["person_id"] < 10**8 else ids["person_id"]
    address = str(next(each for each in urls.urlpatterns if each.name == route).pattern)
    for name, value in ids.items():
        address = address.replace(f"<int:{name}>", str(value))
    text = {"ben": ids["person_id"]}
    if body:
        body = {name: text.get(value, value) if isinstance(value, str) else value for name, value in body.items()}
        body = {
            name: [
                text.get(each, each) if isinstance(each, str) else {k: text.get(v, v) for k, v in each.items()} for each in value
            ] if isinstance(value, list) else value
            for name, value in body.items()
        }  # fmt: skip
    return getattr(client, method)(f"/api/v1/{address}", body, format="json")


def test_the_table_names_every_route():
    assert {route for route, *_rest in ROUTES} == {each.name for each in urls.urlpatterns if each.name.startswith(MINE)}


def test_each_route_serves_whom_it_should(clients, ids, foreign):
    refusals = {"anonymous": 401, "stranger": 404, "viewer": 403}
    for route, method, takes, body in ROUTES:
        for person, client in clients.items():
            allowed = person in ("editor", "owner") or (takes == READ and person == "viewer")
            with transaction.atomic():
                answer = ask(client, route, method, body, ids)
                good = answer.status_code in (200, 201, 204) if allowed else answer.status_code == refusals[person]
                assert good, (route, method, person, answer.content)
                transaction.set_rollback(True)
        assert ask(clients["owner"], route, method, body, {**ids, "book_id": foreign[0].pk}).status_code == 404
        pattern = str(next(each for each in urls.urlpatterns if each.name == route).pattern)
        for name in [name for name in ids if f"<int:{name}>" in pattern and name != "book_id"]:
            gone = {**ids, name: 10**9, "sent": 10**9, "paid": 10**9}
            assert ask(clients["owner"], route, method, body, gone).status_code == 404, (route, name)


@pytest.fixture
def post(api, url):
    def send(path, body, status=201):
        answer = api.post(url(path), body, format="json")
        assert answer.status_code == status, answer.content
        return answer.json()

    return send


@pytest.fixture
def people(post):
    return [post("people/", {"name": name})["id"] for name in ("A", "B", "C")]


def amounts(bill):
    return [row["amount"] for row in bill["shares"]]


def test_rcv_01_and_04_over_the_api(post, people):
    three = [{"person": each} for each in people]
    wanted = {"10.00": ["3.34", "3.33", "3.33"], "0.01": ["0.01", "0.00", "0.00"], "50.00": ["16.67", "16.67", "16.66"]}
    for total, shares in wanted.items():
        body = {"date": "2026-03-10", "description": "x", "total": total, "paid_by": people[0], "shares": three}
        assert amounts(post("shared-bills/preview/", body, 200)) == shares


def test_rcv_02_and_08_over_the_api(api, url, post, people):
    group = post("cost-groups/", {"name": "Trip", "people": people})["id"]
    three = [{"person": each} for each in people]
    a, b, c = people

    def bill(total, payer, shares):
        body = {
            "date": "2026-03-10",
            "description": "x",
            "total": total,
            "paid_by": payer,
            "shares": shares,
            "group": group,
        }
        return post("shared-bills/", body)

    assert [amounts(bill(total, a, three)) for total in ("5.00", "10.00")] == [
        ["1.67", "1.67", "1.66"], ["3.33", "3.33", "3.34"],
    ]  # fmt: skip
    up = api.get(url("settle-up/"), {"group": group, "as_of": "2026-03-31"}).json()
    assert {row["person"]: row["balance"] for row in up["balances"]} == {a: "10.00", b: "-5.00", c: "-5.00"}
    group = post("cost-groups/", {"name": "Other", "people": people, "simplify": True})["id"]
    bill("120.00", a, three)
    assert bill("50.00", b, three[1:])["entry"] is None
    for mode, wanted in {
        "pairwise": {(b, a): "40.00", (c, a): "40.00", (c, b): "25.00"},
        "simplified": {(b, a): "15.00", (c, a): "65.00"},
    }.items():
        up = api.get(url("settle-up/"), {"group": group, "as_of": "2026-03-31", "mode": mode}).json()
        assert {(each["debtor"], each["creditor"]): each["amount"] for each in up["debts"]} == wanted
    assert len(post(f"cost-groups/{group}/pass-on/", {}, 200)["settlements"]) == 3
    up = api.get(url("settle-up/"), {"group": group, "as_of": "2199-03-31", "mode": "pairwise"}).json()
    assert {(each["debtor"], each["creditor"]): each["amount"] for each in up["debts"]} == {
        (b, a): "15.00",
        (c, a): "65.00",
    }


def test_rcv_03_over_the_api(post, people):
    values = ["110.11", "209.74", "104.87", "89.14", "10.49"]
    names = ["me", *people, post("people/", {"name": "D"})["id"]]
    shares = [{"person": who, "amount": value} for who, value in zip(names, values, strict=True)]
    body = {**BILL, "total": "524.34", "method": "exact", "shares": shares}
    said = post("shared-bills/", body, 400)["fields"]["shares"]
    assert "0.01 over: 524.35 of 524.34" in str(said)
    assert "10.48" in str(said)


def test_rcv_13_over_the_api(api, url, post, people):
    friend = people[0]
    shares = [{"person": "me", "amount": "100.00"}, {"person": friend, "amount": "100.00"}]
    post("shared-bills/", {**BILL, "date": "2026-03-02", "total": "200.00", "method": "exact", "shares": shares})
    for day, amount in (("2026-03-20", "60.00"), ("2026-04-05", "40.00")):
        body = {"date": day, "payer": friend, "payee": "me", "amount": amount, "account": "Assets:Checking account"}
        post("settlements/", body)

    def balance(day):
        return [row["balance"] for row in api.get(url(f"people/{friend}/"), {"as_of": day}).json()["balances"]]

    assert [balance(day) for day in ("2026-03-02", "2026-03-31")] == [["100.00"], ["40.00"]]
    assert balance("2026-04-05") == []
    lines = api.get(url(f"people/{friend}/lines/")).json()["results"]
    assert [(row["amount"], row["balance"]) for row in lines] == [
        ("-40.00", "0.00"), ("-60.00", "40.00"), ("100.00", "100.00"),
    ]  # fmt: skip


def test_rcv_10_over_the_api(post, people, book, owner, dollars):
    ledger.open_account(book=book, actor=owner, name="Yen", type="asset", kind="cash", currency="JPY")
    for kind, amount, account in (("lent", "100.00", "Dollar account"), ("borrowed", "10000", "Yen")):
        post(
            f"people/{people[0]}/movements/", {"kind": kind, "date": "2026-03-02", "amount": amount, "account": account}
        )
    body = {"person": people[0], "date": "2026-03-20", "currency": "JPY", "against": "USD", "rate": "146"}
    done = post("settlements/exchange/", body)
    assert (done["amount"], done["against_amount"], done["rate"], done["kind"]) == (
        "10000",
        "68.49",
        "146",
        "exchanged",
    )


def test_a_bill_is_changed_by_what_is_named(api, url, post, people):
    bill = post("shared-bills/", {**BILL, "shares": [{"person": "me"}, {"person": people[0]}]})
    changed = api.patch(
        url(f"shared-bills/{bill['id']}/"), {"total": "31.00", "description": "Supper"}, format="json"
    ).json()
    assert (changed["total"], changed["description"], amounts(changed)) == ("31.00", "Supper", ["15.50", "15.50"])
    by = {"method": "percent", "shares": [{"person": "me", "percent": "75"}, {"person": people[0], "percent": "25"}]}
    changed = api.patch(url(f"shared-bills/{bill['id']}/"), by, format="json").json()
    assert amounts(changed) == ["23.25", "7.75"]
    changed = api.patch(url(f"shared-bills/{bill['id']}/"), {"total": "40.00"}, format="json").json()
    assert amounts(changed) == ["30.00", "10.00"]
    refused = api.patch(url(f"shared-bills/{bill['id']}/"), {"shares": [{"person": "me"}]}, format="json").json()
    assert list(refused["fields"]) == ["shares.0.percent"]


def test_an_invoice_over_the_api(api, url, post, people, book, owner):
    ledger.open_account(book=book, actor=owner, name="VAT", type="liability", kind="tax", currency="EUR")
    line = {"text": "Consulting", "quantity": "2", "price": "50.00", "tax_rate": "19"}
    made = post("invoices/", {"person": people[0], "income": "Income:Salary", "lines": [line]})
    assert (made["status"], made["number"], made["gross"], made["taxes"]) == (
        "draft", "", "119.00", [{"rate": "19", "net": "100.00", "tax": "19.00"}],
    )  # fmt: skip
    place = f"invoices/{made['id']}/"
    assert list(post(f"{place}send/", {}, 400)["fields"]) == ["tax_account"]
    api.patch(url(place), {"tax_account": "VAT"}, format="json")
    sent = post(f"{place}send/", {"issued_on": "2026-03-10"}, 200)
    assert (sent["number"], sent["status"], sent["due_on"], sent["open"]) == (
        "2026-0001",
        "sent",
        "2026-03-24",
        "119.00",
    )
    assert api.patch(url(place), {"note": "x"}, format="json").status_code == 409
    part = post(f"{place}payments/", {"date": "2026-03-20", "amount": "19.00", "account": "Assets:Checking account"})
    assert api.get(url(place)).json()["status"] == "partly_paid"
    assert [row["id"] for row in api.get(url("invoices/"), {"status": "partly_paid"}).json()["results"]] == [made["id"]]
    assert api.get(url("invoices/ageing/")).json()["results"][0]["total"] == "100.00"
    assert api.delete(url(f"{place}payments/{part['id']}/")).status_code == 204
    assert api.get(url(place)).json()["open"] == "119.00"
    assert not InvoicePayment.objects.exists()


def test_splitwise_over_the_api(api, url, post):
    text = "Date,Description,Category,Cost,Currency,Olga,Ben\n2026-03-01,Dinner,Dining,10.00,EUR,5.00,-5.00\n2026-03-02,Odd,x,1,EUR,1,1\n"
    group = post("cost-groups/", {"name": "Trip"})["id"]
    body = {"csv": text, "me": "Olga", "account": "Assets:Checking account", "category": "Expenses:Food:Restaurants"}
    taken = post(f"cost-groups/{group}/splitwise/", body)
    assert (taken["bills"], taken["added"], taken["refused"][0]["line"]) == (1, ["Ben"], 3)
    assert "Dinner,General,10.00,EUR,5.00,-5.00" in api.get(url(f"cost-groups/{group}/splitwise/")).json()["csv"]
    assert CostGroup.objects.get().members.count() == 1


def test_a_list_of_people_asks_the_same_few_queries_however_many_there_are(
    api, url, book, owner, ben, cleo, accounts, django_assert_max_num_queries
):
    for person in (ben, cleo):
        services.move(person=person, actor=owner, kind="lent", date=DAY, amount=1, account=accounts.cash)
    Claim.objects.all().delete()
    with django_assert_max_num_queries(7):
        assert len(api.get(url("people/")).json()["results"]) == 2
