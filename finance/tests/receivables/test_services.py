"""What is lent, shared, settled and invoiced, in the books."""

import datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from finance.errors import Conflict, Invalid, NotFound
from finance.ledger import services as ledger
from finance.ledger.posting import EntryDraft, LineDraft
from finance.ledger.selectors import balance_of, balances
from finance.models import Account, Claim, Invoice, InvoicePayment, JournalEntry, Settlement
from finance.receivables import selectors, services
from finance.receivables.splitting import ME
from finance.tests.receivables.conftest import DAY
from finance.tests.receivables.test_pure import SPLITWISE
from platform_outbox.testing import drain

LATER = datetime.date(2026, 4, 20)
TODAY = datetime.date(2026, 3, 15)


def owed(person, as_of=DAY):
    found = selectors.owed_by(book=person.book, as_of=as_of)
    return {each.currency: each.balance for each in found.get(person.pk, [])}


def moved(book, *types, as_of=None):
    held = balances(book=book, as_of=as_of)
    return sum(held.get(pk, 0) for pk in Account.objects.filter(book=book, type__in=types).values_list("pk", flat=True))


def lend(person, owner, account, kind, amount, date=DAY, **more):
    return services.move(person=person, actor=owner, kind=kind, date=date, amount=amount, account=account, **more)


def test_loa_15_a_payment_lowers_a_debt_and_interest_raises_it(book, owner, accounts, ben):
    loan = ledger.open_account(
        book=book, actor=owner, name="Uncle", type="liability", kind="loan", currency="EUR", opening_balance=-64_441_83,
        opened_on=datetime.date(2026, 1, 1),
    )  # fmt: skip
    services.link_account(person=ben, account=loan)
    lend(ben, owner, accounts.checking, "repaid_by_us", 90_00)
    assert owed(ben) == {"EUR": -64_351_83}
    lend(ben, owner, accounts.rent, "interest_owed", 30_20)
    assert owed(ben) == {"EUR": -64_382_03}


def test_loa_16_money_lent_and_paid_back_is_no_income_and_no_expense(book, owner, accounts, ben):
    lend(ben, owner, accounts.checking, "lent", 100_00, datetime.date(2026, 3, 2), due_on=datetime.date(2026, 3, 31))
    assert owed(ben) == {"EUR": 100_00}
    ((claim, still),) = selectors.open_claims(book=book, as_of=DAY)
    assert (claim.due_on, still) == (datetime.date(2026, 3, 31), 100_00)
    lend(ben, owner, accounts.savings, "repaid_to_us", 100_00, datetime.date(2026, 3, 16))
    assert owed(ben, LATER) == {}
    assert moved(book, "income", "expense") == 0
    assert selectors.open_claims(book=book, as_of=LATER) == [(claim, 0)]


def test_a_movement_is_refused_by_field(book, owner, accounts, ben):
    for wanted, changes in {
        "kind": {"kind": "stolen"},
        "amount": {"amount": 0},
        "account": {"account": accounts.groceries},
        "claim_account": {"claim_account": accounts.savings},
        "due_on": {"kind": "repaid_to_us", "due_on": LATER},
    }.items():
        given = {"kind": "lent", "amount": 1, "account": accounts.checking} | changes
        with pytest.raises(Invalid) as caught:
            services.move(person=ben, actor=owner, date=DAY, **given)
        assert set(caught.value.fields) == {wanted}


def test_rcv_02_the_leftover_cent_goes_to_who_is_furthest_behind(book, share, ben, cleo):
    three = [ME, ben.pk, cleo.pk]
    share(5_00, {ME: 5_00}, three)
    share(10_00, {ME: 10_00}, three)
    assert (owed(ben), owed(cleo)) == ({"EUR": 5_00}, {"EUR": 5_00})
    assert moved(book, "expense") == 5_00


def test_rcv_06_a_settled_member_stays_settled(share, settle, ben):
    share(224_00, {ME: 224_00}, [ME, ben.pk])
    settle(ben.pk, ME, 112_00)
    assert owed(ben) == {}


@pytest.fixture
def flat(book, ben, cleo):
    return services.save_group(book=book, name="Flat", people=[ben.pk, cleo.pk])


def pairs(book, group, **more):
    found = selectors.settle_up(book=book, as_of=LATER, group=group, **more)
    assert all(sum(line.amount for line in pair.lines) == pair.amount for pair in found.pairs)
    return {(pair.debtor, pair.creditor): pair.amount for pair in found.pairs}, found.nets.get("EUR")


def test_rcv_08_pairwise_and_simplified(book, owner, share, flat, ben, cleo):
    share(120_00, {ME: 120_00}, [ME, ben.pk, cleo.pk], group=flat)
    outside = share(50_00, {ben.pk: 50_00}, [ben.pk, cleo.pk], group=flat)
    assert outside.entry is None
    nets = {ME: 80_00, ben.pk: -15_00, cleo.pk: -65_00}
    wanted = {(ben.pk, ME): 40_00, (cleo.pk, ME): 40_00, (cleo.pk, ben.pk): 25_00}
    fewest = {(ben.pk, ME): 15_00, (cleo.pk, ME): 65_00}
    for group in (flat, None):
        assert pairs(book, group) == (wanted, nets)
        assert pairs(book, group, simplify=True) == (fewest, nets)
    # Debts can be passed on, and then the ledger says the same.
    assert len(services.pass_on_debts(group=flat, actor=owner, date=DAY)) == 3
    assert (owed(ben), owed(cleo)) == ({"EUR": 15_00}, {"EUR": 65_00})
    assert pairs(book, flat) == (fewest, nets)
    assert services.pass_on_debts(group=flat, actor=owner, date=DAY) == []


def test_rcv_10_one_currency_settled_with_another(book, owner, accounts, ben):
    yen = ledger.open_account(book=book, actor=owner, name="Yen", type="asset", kind="cash", currency="JPY")
    usd = ledger.open_account(book=book, actor=owner, name="Dollars", type="asset", kind="cash", currency="USD")
    lend(ben, owner, usd, "lent", 100_00)
    lend(ben, owner, yen, "borrowed", 10_000)
    done = services.settle_across(
        person=ben, actor=owner, date=DAY, currency="JPY", against="USD", rate=Decimal(146)
    )  # fmt: skip
    assert owed(ben) == {"USD": 31_51}
    assert (done.amount, done.against_amount, done.rate, done.entry.source) == (10_000, 68_49, 146, "exchange")
    with pytest.raises(Invalid, match="Nothing is owed"):
        services.settle_across(person=ben, actor=owner, date=DAY, currency="JPY", against="USD", rate=Decimal(146))


def test_rcv_11_a_bill_of_next_month_is_not_owed_today(book, share, ben):
    share(90_00, {ME: 90_00}, [ME, ben.pk], date=LATER)
    (now,) = selectors.owed_by(book=book, as_of=DAY)[ben.pk]
    assert (now.balance, now.later) == (0, 45_00)
    assert owed(ben, LATER) == {"EUR": 45_00}


def test_rcv_13_half_of_a_bill_is_a_friends(book, share, settle, ben, accounts):
    share(200_00, {ME: 200_00}, {ME: 100_00, ben.pk: 100_00}, date=datetime.date(2026, 3, 2))
    assert (moved(book, "expense"), owed(ben)) == (100_00, {"EUR": 100_00})
    settle(ben.pk, ME, 60_00, date=datetime.date(2026, 3, 20))
    assert owed(ben, datetime.date(2026, 3, 31)) == {"EUR": 40_00}
    settle(ben.pk, ME, 40_00, date=LATER)
    assert owed(ben, LATER) == {}
    assert (moved(book, "expense"), moved(book, "income")) == (100_00, 0)
    assert moved(book, "expense", as_of=datetime.date(2026, 3, 2)) == 100_00


def test_rcv_15_shares_as_they_were(share, book, ben, cleo):
    bill = share(15_00, {cleo.pk: 15_00}, {ME: 5_00, ben.pk: 10_00})
    assert owed(cleo) == {"EUR": -5_00}
    assert [(row.person_id, row.owed) for row in bill.shares.order_by("position")][:2] == [
        (None, 5_00),
        (ben.pk, 10_00),
    ]


def test_rcv_17_the_balance_is_the_sum_of_the_lines(share, ben):
    bills = [share(4_01, {ME: 4_01}, [ME, ben.pk]) for _ in range(7)]
    shares = [bill.shares.get(person=ben).owed for bill in bills]
    assert set(shares) == {2_00, 2_01}
    assert owed(ben) == {"EUR": sum(shares)}
    lines = selectors.with_balances(
        person=ben, lines=list(selectors.lines_of_person(person=ben).order_by("-date", "-pk"))
    )
    assert lines[0][1] == sum(line.amount for line, _balance in lines) == sum(shares)
    assert lines[-1][1] == lines[-1][0].amount


def test_a_bill_is_changed_and_removed_with_its_entry(book, owner, share, ben, cleo):
    bill = share(30_00, {ME: 30_00}, [ME, ben.pk, cleo.pk])
    share(40_00, {ben.pk: 40_00}, [ME, ben.pk], saved=bill)
    assert (owed(ben), owed(cleo), moved(book, "expense")) == ({"EUR": -20_00}, {}, 20_00)
    share(40_00, {ben.pk: 40_00}, [ben.pk, cleo.pk], saved=bill)
    bill.refresh_from_db()
    assert (bill.entry, owed(ben), moved(book, "expense")) == (None, {}, 0)
    share(30_00, {ME: 30_00}, [ME, ben.pk, cleo.pk], saved=bill)
    services.remove_bill(bill=selectors.bill_for(book=book, bill_id=bill.pk), actor=owner, today=TODAY)
    assert (owed(ben), moved(book, "expense")) == ({}, 0)


def test_entries_of_bills_stay_as_the_bill_says(book, owner, share, ben, accounts):
    bill = share(30_00, {ME: 30_00}, [ME, ben.pk])
    entry = bill.entry
    with pytest.raises(Conflict, match="belongs to a shared bill"):
        ledger.delete_entries(book=book, actor=owner, entry_ids=[entry.pk], today=TODAY)
    lines = [LineDraft(account_id=line.account_id, amount=line.amount) for line in entry.lines.order_by("position")]
    changed = [
        LineDraft(
            account_id=accounts.groceries.pk if line.account_id == accounts.restaurants.pk else line.account_id,
            amount=line.amount,
        )
        for line in lines
    ]
    draft = EntryDraft(date=DAY, payee="Other", lines=changed)
    ledger.replace_entry(entry=entry, actor=owner, draft=draft, today=TODAY)
    assert balance_of(account=accounts.groceries) == 15_00
    # And the bill can still be changed.
    share(50_00, {ME: 50_00}, [ME, ben.pk], saved=bill)
    assert owed(ben) == {"EUR": 25_00}


def test_what_is_wrong_with_a_bill_is_said_by_field(book, share, ben, cleo, flat):
    dora = services.save_person(book=book, changes={"name": "Dora"})
    for field, (paid, shares) in {
        "paid": ({ME: 9}, [ME, ben.pk]),
        "shares": ({ME: 10}, {ME: 5, ben.pk: 6}),
    }.items():
        with pytest.raises(Invalid) as caught:
            share(10, paid, shares)
        assert set(caught.value.fields) == {field}
    with pytest.raises(Invalid, match="Only members of the group"):
        share(10, {ME: 10}, [ME, dora.pk], group=flat)
    share(10, {ME: 10}, [ME, ben.pk], group=flat)
    with pytest.raises(Conflict):
        services.save_group(book=book, group=flat, people=[cleo.pk])


def test_an_own_share_in_another_currency_is_booked_at_what_it_came_to(book, owner, accounts, ben):
    usd = ledger.open_account(book=book, actor=owner, name="Dollars", type="asset", kind="cash", currency="USD")
    given = {
        "date": DAY, "description": "Motel", "currency": "USD", "total": 100_00, "paid": {ME: 100_00}, "method": "equal",
        "shares": {ME: None, ben.pk: None}, "account": usd, "category": accounts.restaurants,
    }  # fmt: skip
    with pytest.raises(Invalid) as caught:
        services.save_bill(book=book, actor=owner, bill=services.Bill(**given))
    assert set(caught.value.fields) == {"booked"}
    services.save_bill(book=book, actor=owner, bill=services.Bill(**given, booked=46_20))
    assert (balance_of(account=accounts.restaurants), owed(ben)) == (46_20, {"USD": 50_00})


# Invoices


def send(invoice, owner, on=DAY, **more):
    return services.send(invoice=invoice, actor=owner, on=on, due_on=None, today=TODAY, **more)


def test_numbers_of_a_year_have_no_gaps(book, owner, invoice, ben, accounts):
    def another(on):
        lines = [services.LineGiven(text="Work", quantity=Decimal(1), price=10_00, rate=Decimal(0))]
        given = {"person": ben, "income": accounts.salary, "lines": lines}
        return send(services.save_draft(book=book, actor=owner, changes=given), owner, on)

    dropped = another(DAY)
    assert dropped.number == "2026-0001"
    services.cancel(invoice=dropped, actor=owner, today=TODAY)
    assert [another(DAY).number, another(datetime.date(2027, 1, 2)).number, another(DAY).number] == [
        "2026-0002", "2027-0001", "2026-0003",
    ]  # fmt: skip
    with pytest.raises(Conflict, match="number stays"):
        services.remove_draft(invoice=dropped)
    services.remove_draft(invoice=invoice)
    assert owed(ben)["EUR"] == 20_00


def test_an_invoice_is_posted_paid_in_parts_and_done(book, owner, invoice, ben, accounts):
    sent = send(invoice, owner)
    assert (sent.gross, sent.status, sent.due_on) == (119_00, "sent", datetime.date(2026, 3, 24))
    assert (owed(ben), balance_of(account=accounts.salary)) == ({"EUR": 119_00}, -100_00)
    services.pay(invoice=sent, actor=owner, date=DAY, amount=19_00, account=accounts.checking)
    sent.refresh_from_db()
    assert (sent.status, sent.open) == ("partly_paid", 100_00)
    with pytest.raises(Invalid, match=r"100\.00 is open"):
        services.pay(invoice=sent, actor=owner, date=DAY, amount=100_01, account=accounts.checking)
    (age,) = selectors.invoices_by_age(book=book, today=datetime.date(2026, 4, 30))
    assert (age.buckets["31-60"], age.total) == (100_00, 100_00)
    last = services.pay(invoice=sent, actor=owner, date=DAY, amount=100_00, account=accounts.checking)
    sent.refresh_from_db()
    assert (sent.status, owed(ben), selectors.invoices_by_age(book=book, today=DAY)) == ("paid", {}, [])
    # A payment that is deleted is no longer one.
    ledger.delete_entries(book=book, actor=owner, entry_ids=[last.entry_id], today=TODAY)
    sent.refresh_from_db()
    assert (sent.status, sent.paid) == ("partly_paid", 19_00)


def test_money_that_was_booked_as_income_pays_the_invoice_instead(book, owner, invoice, ben, accounts, spend):
    sent = send(invoice, owner)
    lines = [
        LineDraft(account_id=accounts.checking.pk, amount=119_00),
        LineDraft(account_id=accounts.salary.pk, amount=-119_00),
    ]
    entry = ledger.post_entry(book=book, actor=owner, date=LATER, payee="BEN GmbH", lines=lines)
    spend(119_00, payee="Ben")
    (found,) = selectors.proposed_payments(invoice=sent)
    assert (found.entry, found.why) == (entry, "amount and name")
    services.link(invoice=sent, actor=owner, entry=entry, amount=None, today=TODAY)
    sent.refresh_from_db()
    assert (sent.status, owed(ben, LATER), balance_of(account=accounts.salary)) == ("paid", {}, -100_00)
    assert selectors.proposed_payments(invoice=sent) == []


def test_new_entries_are_matched_by_number_or_by_the_only_amount(book, owner, invoice, ben, accounts):
    sent = send(invoice, owner)
    claim = sent.claim_account

    def come_in(amount, text="", matching=True):
        lines = [
            LineDraft(account_id=accounts.checking.pk, amount=amount),
            LineDraft(account_id=claim.pk, amount=-amount),
        ]
        entry = ledger.post_entry(book=book, actor=owner, date=LATER, payee="Ben", description=text, lines=lines)
        return services.match_payments(book=book, entry_ids=[entry.pk]) if matching else 0, entry

    assert come_in(5_00)[0] == 0
    # As many queries for many.
    others = [come_in(5_00, matching=False)[1].pk for _each in range(3)]
    counts = []
    for some in (others[:1], others):
        with CaptureQueriesContext(connection) as queries:
            assert services.match_payments(book=book, entry_ids=some) == 0
        counts.append(len(queries))
    assert counts[0] == counts[1]
    made, entry = come_in(19_00, "thanks 2026-0001")
    assert made == 1
    assert services.match_payments(book=book, entry_ids=[entry.pk]) == 0
    assert come_in(100_00)[0] == 1
    sent.refresh_from_db()
    assert (sent.status, InvoicePayment.objects.filter(matched=True).count()) == ("paid", 2)


def test_what_is_never_paid_is_written_off(book, owner, invoice, ben, accounts):
    sent = send(invoice, owner)
    services.pay(invoice=sent, actor=owner, date=DAY, amount=59_50, account=accounts.checking)
    given = {"actor": owner, "date": LATER, "category": accounts.rent, "with_tax": True}
    payment = selectors.payments_of(invoice=sent).select_related("invoice").get()
    done = services.write_off(invoice=sent, **given)
    with pytest.raises(Conflict):
        services.unlink_payment(payment=payment)
    assert (done.status, owed(ben, LATER), balance_of(account=accounts.rent)) == ("written_off", {}, 50_00)
    assert balance_of(account=invoice.tax_account) == -9_50
    with pytest.raises(Conflict):
        services.write_off(invoice=done, **given)


def test_a_reminder_goes_by_mail_once_a_day(book, owner, invoice, ben, mailoutbox, accounts):
    with pytest.raises(Conflict, match="Nothing"):
        services.remind(invoice=invoice, actor=owner, today=TODAY)
    sent = send(invoice, owner)
    assert services.remind(invoice=sent, actor=owner, today=LATER).reminders == 1
    with pytest.raises(Conflict, match="last day"):
        services.remind(invoice=sent, actor=owner, today=LATER)
    drain()
    [message] = mailoutbox
    [(name, content, kind)] = message.attachments
    assert (message.to, name, kind) == ([ben.email], f"{sent.number}.pdf", "application/pdf")
    assert "119.00" in message.body
    assert content.startswith(b"%PDF-")
    # What was paid before the mail left is not reminded of.
    Invoice.objects.update(reminded_at=None)
    services.remind(invoice=sent, actor=owner, today=LATER)
    services.pay(invoice=sent, actor=owner, date=DAY, amount=119_00, account=accounts.checking)
    drain()
    assert len(mailoutbox) == 1


def test_a_client_without_an_address_is_not_reminded(book, owner, invoice, ben):
    sent = send(invoice, owner)
    services.save_person(book=book, person=ben, changes={"email": ""})
    with pytest.raises(Conflict, match="no e-mail address"):
        services.remind(invoice=sent, actor=owner, today=LATER)


def test_the_forecast_hears_of_open_invoices_and_dated_claims(book, owner, invoice, ben, accounts):
    sent = send(invoice, owner)
    claim = services.save_claim(
        person=ben, actor=owner, due_on=datetime.date(2026, 3, 20), amount=40_00, money_account=accounts.savings
    )
    span = {"book": book, "first": TODAY, "last": LATER, "today": TODAY}
    # What is owed is the invoice's: nothing is left for the claim.
    assert [(each.date, each.amount, each.account_id) for each in selectors.upcoming(**span)] == [
        (datetime.date(2026, 3, 24), 119_00, accounts.checking.pk)
    ]
    lend(ben, owner, accounts.checking, "lent", 100_00)
    services.pay(invoice=sent, actor=owner, date=DAY, amount=19_00, account=accounts.checking)
    assert [(each.amount, each.source_id) for each in selectors.upcoming(**span)] == [
        (40_00, claim.pk),
        (100_00, sent.pk),
    ]
    late = {**span, "today": LATER, "first": LATER}
    assert {each.date for each in selectors.upcoming(**late)} == {LATER}


def test_splitwise_comes_in_and_goes_out(book, owner, accounts):
    group = services.save_group(book=book, name="Trip")
    given = {"group": group, "actor": owner, "account": accounts.checking, "category": accounts.restaurants}
    with pytest.raises(Invalid):
        services.take_splitwise(text=SPLITWISE, me="Nobody", **given)
    taken = services.take_splitwise(text=SPLITWISE, me="Olga", **given)
    assert (taken.bills, taken.payments, taken.added) == (2, 1, ["Ben", "Cleo"])
    assert [line for line, _reason in taken.refused] == [5, 6]
    nets = selectors.settle_up(book=book, as_of=LATER, group=group).nets["EUR"]
    assert list(nets.values()) == [40_00, 25_00, -65_00]
    assert moved(book, "expense") == 40_00
    out = services.give_splitwise(group=group)
    assert "2026-03-01,Dinner,General,120.00,EUR,80.00,-40.00,-40.00" in out
    assert "2026-03-03,Total balance, , ,EUR,40.00,25.00,-65.00" in out


def test_people_are_removed_only_while_nothing_is_owed(book, owner, share, settle, ben, cleo):
    with pytest.raises(Invalid, match="already a person"):
        services.save_person(book=book, changes={"name": "ben"})
    services.remove_person(person=cleo)
    share(10_00, {ME: 10_00}, [ME, ben.pk])
    settle(ben.pk, ME, 5_00)
    with pytest.raises(Conflict, match="archive"):
        services.remove_person(person=ben)
    assert services.save_person(book=book, person=ben, changes={"archived": True}).archived_at
    assert not selectors.people_of(book=book).exists()
    (paid,) = Settlement.objects.all()
    services.remove_settlement(
        settlement=selectors.settlement_for(book=book, settlement_id=paid.pk), actor=owner, today=TODAY
    )
    assert owed(ben) == {"EUR": 5_00}
    assert JournalEntry.objects.filter(source="reversal").count() == 1
    assert not Claim.objects.exists()


def test_changes_of_two_people_to_a_draft_are_both_kept(book, owner, invoice):
    read_before = selectors.invoice_for(book=book, invoice_id=invoice.pk)
    services.save_draft(book=book, actor=owner, invoice=invoice, changes={"note": "Thank you"})
    saved = services.save_draft(book=book, actor=owner, invoice=read_before, changes={"sender": "Olga"})
    saved.refresh_from_db()
    assert (saved.note, saved.sender) == ("Thank you", "Olga")
    services.remove_draft(invoice=saved)
    with pytest.raises(NotFound):
        services.remove_draft(invoice=read_before)
