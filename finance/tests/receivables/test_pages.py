"""The pages of people, shared bills, settling up and invoices: who may, what they show, and that their forms work."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from finance.models import CostGroup, Invoice, Person, Settlement, SharedBill
from finance.receivables import services
from finance.receivables.splitting import ME
from finance.tests.receivables.test_pure import SPLITWISE


@pytest.fixture
def places(book, owner, ben, cleo, share, settle, invoice):
    group = services.save_group(book=book, name="Flat", people=[ben.pk, cleo.pk])
    bill = share(120_00, {ME: 120_00}, [ME, ben.pk, cleo.pk], group=group)
    share(50_00, {ben.pk: 50_00}, [ben.pk, cleo.pk], group=group)
    paid = settle(ben.pk, ME, 10_00)
    read = [
        "people/", f"people/{ben.pk}/", "people/bills/", f"people/bills/{bill.pk}/", "people/settle/",
        f"people/groups/{group.pk}/", f"people/groups/{group.pk}/splitwise.csv", "invoices/", f"invoices/{invoice.pk}/",
        f"invoices/{invoice.pk}/pdf/",
    ]  # fmt: skip
    write = ["people/bills/new/", "people/groups/new/", "invoices/new/", f"invoices/{invoice.pk}/edit/"]
    return {"read": read, "write": write, "paid": paid, "group": group, "bill": bill}


def test_who_opens_and_changes_what(page, send, places):
    refusals = {None: 302, "stranger": 404}
    for person in (None, "stranger", "viewer", "editor", "owner"):
        may = {"viewer": 403}.get(person, 200)
        for path in places["read"]:
            assert page(person, path).status_code == refusals.get(person, 200), (person, path)
            reads_only = path.endswith(("pdf/", ".csv", "bills/", "invoices/"))
            if not reads_only and person not in ("editor", "owner"):
                assert send(person, path, {"do": "x"}).status_code == refusals.get(person, may), (person, path)
        for path in places["write"]:
            assert page(person, path).status_code == refusals.get(person, may), (person, path)
        if person not in ("editor", "owner"):
            remove = f"people/settlements/{places['paid'].pk}/remove/"
            assert send(person, remove, {}).status_code == refusals.get(person, may)
    assert Settlement.objects.exists()


def test_the_pages_say_who_owes_what(page, places, ben, cleo):
    text = page("viewer", "people/").content.decode()
    assert "owes us €30.00" in text
    person = page("viewer", f"people/{ben.pk}/").content.decode()
    assert "+€40.00" in person
    assert "−€10.00" in person
    up = page("viewer", "people/settle/", mode="simplified").content.decode()
    assert "Cleo → Us" in up
    assert "from other pairs" in up
    assert "€65.00" in page("viewer", f"people/groups/{places['group'].pk}/").content.decode()
    assert "€40.00" in page("viewer", f"people/bills/{places['bill'].pk}/").content.decode()


def test_a_bill_is_shared_changed_and_removed_by_its_form(send, book, ben, cleo, accounts):
    form = {
        "description": "Dinner", "total": "10+5", "currency": "EUR", "date": "2026-03-10", "paid_by": "0", "method": "equal",
        "account": accounts.checking.pk, "category": accounts.restaurants.pk, "in_0": "on", f"in_{ben.pk}": "on",
    }  # fmt: skip
    refused = send("editor", "people/bills/new/", {**form, "category": ""})
    assert refused.status_code == 400
    assert "Say which category" in refused.content.decode()
    assert send("editor", "people/bills/new/", form).status_code == 302
    bill = SharedBill.objects.get()
    exact = {**form, "method": "exact", "value_0": "5.00", f"value_{ben.pk}": "10.01"}
    refused = send("editor", f"people/bills/{bill.pk}/", exact)
    assert "0.01 over: 15.01 of 15.00" in refused.content.decode()
    assert send("editor", f"people/bills/{bill.pk}/", {**exact, f"value_{ben.pk}": "10.00"}).status_code == 302
    assert [share.owed for share in bill.shares.order_by("position")] == [5_00, 10_00]
    assert send("editor", f"people/bills/{bill.pk}/", {"do": "remove"}).status_code == 302
    assert not SharedBill.objects.exists()


def test_people_groups_and_payments_by_their_forms(send, book, accounts, page):
    assert send("editor", "people/", {"name": "Dora"}).status_code == 302
    dora = Person.objects.get(name="Dora")
    path = f"people/{dora.pk}/"
    moved = {"do": "move", "kind": "lent", "amount": "20", "date": "2026-03-02", "account": accounts.cash.pk}
    assert send("editor", path, moved).status_code == 302
    assert send("editor", path, {**moved, "amount": "nothing"}).status_code == 400
    assert "owes us €20.00" in page("editor", "people/").content.decode()
    assert send("editor", path, {"do": "remove"}).status_code == 302
    paid = {"payer": dora.pk, "payee": "0", "amount": "20", "currency": "EUR", "date": "2026-03-12", "account": ""}
    assert "Say which account" in send("editor", "people/settle/", paid).content.decode()
    assert send("editor", "people/settle/", {**paid, "account": accounts.cash.pk}).status_code == 302
    settlement = Settlement.objects.get()
    assert send("editor", f"people/settlements/{settlement.pk}/remove/", {}).status_code == 302
    assert send("editor", path, {"do": "archive"}).status_code == 302
    assert "Dora" in page("editor", "people/", archived="1").content.decode()
    assert send("editor", path, {"do": "use"}).status_code == 302
    assert send("editor", "people/groups/new/", {"name": "Trip", "people": [dora.pk]}).status_code == 302
    group = CostGroup.objects.get()
    form = {
        "do": "splitwise", "me": "Olga", "splitwise_account": accounts.cash.pk, "splitwise_category": accounts.groceries.pk,
        "file": SimpleUploadedFile("trip.csv", SPLITWISE.encode()),
    }  # fmt: skip
    assert send("editor", f"people/groups/{group.pk}/", form).status_code == 302
    assert SharedBill.objects.count() == 2
    assert send("editor", f"people/groups/{group.pk}/", {"do": "pass_on"}).status_code == 302
    assert "2026-03-01,Dinner" in page("viewer", f"people/groups/{group.pk}/splitwise.csv").content.decode()


def test_an_invoice_from_its_form_to_its_payment(send, page, invoice, accounts, ben):
    form = {
        "person": ben.pk, "currency": "EUR", "income": accounts.salary.pk, "money_account": accounts.checking.pk,
        "tax_account": invoice.tax_account_id, "text_0": "Work", "price_0": "40", "rate_0": "19", "quantity_0": "2.5",
    }  # fmt: skip
    assert send("editor", "invoices/new/", {**form, "price_0": "x"}).status_code == 400
    assert send("editor", "invoices/new/", form).status_code == 302
    made = Invoice.objects.latest("pk")
    assert (made.net, made.gross) == (100_00, 119_00)
    path = f"invoices/{made.pk}/"
    assert send("editor", f"{path}edit/", {**form, "quantity_0": "5"}).status_code == 302
    assert send("editor", path, {"do": "send"}).status_code == 302
    made.refresh_from_db()
    assert (made.number, made.gross) == ("2026-0001", 238_00)
    paid = {"do": "pay", "amount": "38", "date": "2026-03-14", "account": accounts.checking.pk}
    assert send("editor", path, {**paid, "amount": "500"}).status_code == 400
    assert send("editor", path, paid).status_code == 302
    text = page("viewer", path).content.decode()
    assert "partly paid" in text
    assert "€200.00 open" in text
    assert "€200.00" in page("viewer", "invoices/", open="1").content.decode()
    paper = page("viewer", f"{path}pdf/")
    assert paper["Content-Disposition"] == 'attachment; filename="2026-0001.pdf"'
    assert paper.content.startswith(b"%PDF-")
    assert send("editor", path, {"do": "remind"}).status_code == 302
    assert send("editor", path, {"do": "unlink", "payment": made.payments.get().pk}).status_code == 302
    assert send("editor", path, {"do": "cancel"}).status_code == 302
    made.refresh_from_db()
    assert made.status == "cancelled"
