"""An archive holds everything of a book: every table with a book's data is carried, or named here with a reason.

A table or a column that is new fails here until it is in one of the lists.
"""

import datetime
import json
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from django.apps import apps
from django.db import transaction
from django.db.models import ForeignKey
from django.http import QueryDict

from finance.attachments.services import attach
from finance.book_archive.parts import Arrival, all_parts, take_parts
from finance.book_archive.writing import as_archive, reader_of
from finance.book_import.model import Question
from finance.book_import.reading import read_book
from finance.book_import.services import import_book
from finance.errors import BookUnreadable
from finance.imports.parsers.profile import CsvProfile
from finance.imports.services.refunds import link_refund
from finance.ledger import services as ledger
from finance.ledger.change_models import Change
from finance.ledger.models import Book, JournalEntry, JournalLine
from finance.ledger.posting import LineDraft
from finance.ledger.revising import Edit
from finance.ledger.selectors import account_paths
from finance.ledger.transfer_fees import FeeRule
from finance.models import Budget, ImportProfile, RecurringFinding
from finance.payees.services import merge_payees, rename_payee, save_payee
from finance.periods import PayRule, WeekendShift
from finance.planning.budgets import services as budgets
from finance.planning.cards.services import add_card
from finance.planning.detection import services as detection
from finance.planning.forecast.services import change_account
from finance.planning.goals.models import GoalMove
from finance.planning.goals.services import create_goal
from finance.planning.loans import services as loans
from finance.planning.recurrence import Unit
from finance.planning.scenarios.services import save_scenario, save_step
from finance.planning.schedules import services as schedules
from finance.planning.schedules.definition import CounterLine
from finance.planning.schedules.definition import Definition as ScheduleDefinition
from finance.preferences import carrying as preferences_part
from finance.preferences.models import SavedView
from finance.preferences.services import save_view, set_pay_period
from finance.receivables import services as receivables
from finance.reconciliation import services as reconciliation
from finance.reports.definition import Definition, Kind
from finance.reports.models import SavedReport
from finance.reports.services import save_report, set_cards
from finance.rules.services import export_rules, save_rule
from finance.tags.services import change_tags, tags_named
from finance.tests.conftest import TODAY, accounts, book, owner, spend, viewer
from finance.valuation.models import AssetPlan, AssetValue, ExchangeRate, ValuationChoice
from insights import services as insights
from insights.models import Insight

__all__ = ["accounts", "book", "owner", "spend", "viewer"]
pytestmark = pytest.mark.django_db

NOW = datetime.datetime(2026, 3, 15, 12, tzinfo=datetime.UTC)
RECEIPT = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"

CARRIED = {
    "finance.Account", "finance.JournalEntry", "finance.JournalLine",
    "finance.Tag", "finance.EntryTag",
    "finance.Attachment", "finance.AttachmentContent",
    "finance.ExchangeRate", "finance.ValuationChoice", "finance.AssetPlan", "finance.AssetValue",
    "finance.RuleGroup", "finance.Rule",
    "finance.AccountStatement", "finance.LineMark",
    "finance.Payee", "finance.PayeeAlias",
    "finance.ImportProfile", "finance.Refund",
    "finance.Person", "finance.PersonAccount", "finance.CostGroup", "finance.GroupMember", "finance.SharedBill",
    "finance.BillShare", "finance.Settlement", "finance.Claim", "finance.Invoice", "finance.InvoicePayment",
    "finance.RecurringInvoice",
    "finance.Change", "finance.ChangedEntry", "finance.EntryTemplate", "finance.TransferFee",
    "finance.Loan", "finance.LoanRate", "finance.LoanMovement", "finance.LoanPayment", "finance.CardTerms",
    "finance.PayPeriod", "finance.SavedView",
    "finance.Schedule", "finance.ScheduleOccurrence", "finance.SchedulePayment",
    "finance.SavedReport", "finance.Dashboard",
    "finance.Budget", "finance.BudgetAccount", "finance.BudgetLine", "finance.LineCarry", "finance.Assignment",
    "finance.Goal", "finance.GoalMove", "finance.Scenario", "finance.ScenarioStep", "finance.ForecastAccount",
    "finance.RecurringFinding",
    "insights.Insight", "insights.InsightEvidence", "insights.MutedPayee", "insights.RuleSetting",
}  # fmt: skip
_BANK_FILES = "bank files stay behind; the entries that were posted from them come"
_LEARNED = "learned again from the entries, when they are imported"
_CHAIN = "the new book starts a chain of its own; the old one is proven by the format “proof”"
_SECRETS = "webhooks hold secrets and addresses of others; they have to be set up again"
NOT_CARRIED = {
    "finance.BookDay": "the day that this server has announced",
    "finance.Membership": "the book belongs to the person who imports it",
    "finance.Invitation": "the book belongs to the person who imports it",
    "finance.MemberAccount": "the book belongs to the person who imports it",
    "finance.LeftOutAccount": "the book belongs to the person who imports it",
    "finance.AccountMonth": "computed by the database from the lines",
    "finance.MonthRebuild": "what was done in the old database",
    "finance.PeriodChange": "what was done in the old database",
    "finance.LedgerCheck": "what was done in the old database",
    "finance.Seal": _CHAIN,
    "finance.ChainHead": _CHAIN,
    "finance.NotedHead": _CHAIN,
    "finance.ImportBatch": _BANK_FILES,
    "finance.ImportStatement": _BANK_FILES,
    "finance.ImportRow": _BANK_FILES,
    "finance.LearnedBook": _LEARNED,
    "finance.LearnedEntry": _LEARNED,
    "finance.WordCount": _LEARNED,
    "finance.PayeeName": _LEARNED,
    "finance.RuleVersion": "rules come as they are now; their log names rows of bank files",
    "finance.RuleLog": "rules come as they are now; their log names rows of bank files",
    "finance.RuleApplication": "rules come as they are now; their log names rows of bank files",
    "finance.BudgetShare": "members stay behind, and so do their shares; the import says so",
    "finance.Forecast": "made anew each day; scores are of what this server forecast",
    "finance.ForecastPoint": "made anew each day; scores are of what this server forecast",
    "finance.WebhookEndpoint": _SECRETS,
    "finance.WebhookSecret": _SECRETS,
    "finance.WebhookDelivery": _SECRETS,
    "finance.WebhookAttempt": _SECRETS,
    "insights.Backfill": "how far a job has come",
    "finance.RecurringCheck": "when this server looked",
    "finance.CalendarFeed": "a secret address of this server; it has to be made again",
    "identity.IdempotencyRecord": "answers to requests, kept for a short time",
}
# Columns: when something was written into this database, by whom where the person stays behind, and what is made again.
NOT_KEPT = {
    *("created_at", "saved_at", "linked_at", "tagged_at", "added_at", "marked_at", "updated_at", "changed_at"),
    *("linked_by", "tagged_by", "added_by", "marked_by", "updated_by", "reconciled_by", "reconciled_at"),
    *("removed_by", "removed_at", "has_thumbnail", "thumbnail", "set_at", "made_at"),
    "Book.closed_at", "AccountStatement.version", "AccountStatement.imported", "AccountStatement.created_by",
    "Budget.shared_by", "Goal.created_by", "GoalMove.created_by", "Scenario.created_by", "Scenario.promoted_by",
    "JournalEntry.created_by", "ExchangeRate.saved_by", "AssetValue.saved_by", "Rule.version", "Insight.event_id",
    # Who wrote it, and who is a member, are users of one installation; bills kept even with each other are found again.
    "Person.user", "SharedBill.created_by", "SharedBill.scope", "Settlement.created_by", "Claim.created_by",
    "Invoice.created_by", "InvoicePayment.created_by", "RecurringInvoice.saved_by",
    "RecurringFinding.found_at",
    "Schedule.created_by", "ScheduleOccurrence.changed_by",
    # Made of the number of an account; the test of dismissed insights shows that it fits the new one.
    "Insight.dedup_key",
    # Compared by `export_rules`, which names accounts by path.
    "Rule.definition",
}  # fmt: skip


def tables():
    return {
        model._meta.label: model
        for model in apps.get_models()
        if {"book", "book_id"} & {field.name for field in model._meta.concrete_fields}
        and not model.__module__.startswith(("platform_outbox.tests", "bench"))
    }


def test_every_table_of_a_book_is_carried_or_left_behind_for_a_reason():
    assert CARRIED | set(NOT_CARRIED) == set(tables())
    assert not CARRIED & set(NOT_CARRIED)


def test_every_column_of_json_is_known():
    """It may hold numbers of other rows, which are others in the new book."""
    found = {
        f"{model.__name__}.{field.name}"
        for model in (tables()[label] for label in CARRIED)
        for field in model._meta.concrete_fields
        if field.get_internal_type() == "JSONField"
    }
    assert found == {
        "RecurringFinding.days", "RecurringFinding.weekdays", "RecurringFinding.evidence",
        "Change.asked", "Change.beside", "Change.left", "EntryTemplate.lines", "ImportProfile.reading", "SavedReport.parameters",
        "Schedule.lines", "Schedule.days", "Schedule.weekdays", "Schedule.tag_ids", "ScheduleOccurrence.refused",
        "Dashboard.cards", "Rule.definition", "Insight.params", "Insight.thresholds", "RuleSetting.thresholds",
        "Invoice.lines", "RecurringInvoice.lines",
    }  # fmt: skip


class Portrait:
    """The rows of a book without the numbers that a database gives: accounts by path, entries by uid, others by order."""

    def __init__(self, book, me):
        self.book, self.me = book, me
        self.paths = account_paths(book=book)
        self.uids = dict(JournalEntry.objects.filter(book=book).values_list("pk", "uid"))
        lines = JournalLine.objects.filter(book=book).values_list("pk", "entry_id", "position")
        self.lines = {pk: (self.uids[entry], position) for pk, entry, position in lines}
        self.orders = {}

    def of(self, model):
        rows = model.objects.filter(book=self.book).order_by("pk")
        fields = [
            field
            for field in model._meta.concrete_fields
            if not {field.name, f"{model.__name__}.{field.name}"} & NOT_KEPT and field.name not in ("id", "book", "pk")
        ]
        return sorted(
            ([(field.name, self.value(row, field)) for field in fields if field.concrete] for row in rows), key=repr
        )

    def value(self, row, field):
        value = getattr(row, field.attname)
        if isinstance(field, ForeignKey) and value is not None:
            return self.referred(field.related_model, value)
        if isinstance(value, memoryview):
            return bytes(value)
        return getattr(self, f"{type(row).__name__}_{field.name}".lower(), lambda each: each)(value)

    def referred(self, model, pk):
        name = model.__name__
        if name in ("User", "Account", "JournalEntry", "JournalLine"):
            known = {"Account": self.paths, "JournalEntry": self.uids, "JournalLine": self.lines}
            return pk == self.me.pk if name == "User" else known[name][pk]
        if name not in self.orders:
            self.orders[name] = list(model.objects.filter(book=self.book).order_by("pk").values_list("pk", flat=True))
        return self.orders[name].index(pk)

    # Columns that hold numbers of other rows.
    def change_asked(self, asked):
        return {**asked, "account": self.paths[asked["account"]]} if "account" in asked else asked

    def change_beside(self, beside):
        def numbers(kind, pk):
            return self.referred(apps.get_model(f"finance.{kind}"), int(pk)) if pk else None

        told = json.loads(json.dumps(beside or {}))
        for done, links in told.get("tags", {}).items():
            told["tags"][done] = {
                numbers("Tag", pk): [str(self.uids[each]) for each in entries] for pk, entries in links.items()
            }
        if renamed := told.get("payees", {}).get("renamed"):
            renamed["payee"] = numbers("Payee", renamed["payee"])
        joined = told.get("payees", {}).get("joined", {})
        for each in [joined, *joined.get("payees", ())]:
            each |= {"account": self.paths.get(each.get("account")), "into": numbers("Payee", each.get("into"))}
        return told

    def entrytemplate_lines(self, lines):
        return [{**line, "account": self.paths[line["account"]]} for line in lines]

    def schedule_lines(self, lines):
        return self.entrytemplate_lines(lines)

    def schedule_tag_ids(self, numbers):
        return [self.referred(apps.get_model("finance.Tag"), number) for number in numbers]

    def recurringfinding_evidence(self, entries):
        return self.scheduleoccurrence_refused(entries)

    def scheduleoccurrence_refused(self, entries):
        return [str(self.uids[pk]) for pk in entries]

    def savedview_query(self, query):
        asked = QueryDict(query, mutable=True)
        for name in {"account", "accounts", "category"} & set(asked):
            asked[name] = ",".join(self.paths[int(number)] for number in asked[name].split(","))
        if "tag" in asked:
            asked["tag"] = f"tag {self.referred(apps.get_model('finance.Tag'), int(asked['tag']))}"
        return asked.dict()

    def savedreport_parameters(self, texts):
        return {**texts, "account": self.paths[int(texts["account"])]} if "account" in texts else texts

    def dashboard_cards(self, cards):
        return [
            f"report {self.referred(SavedReport, int(card.partition('-')[2]))}" if card.startswith("report-") else card
            for card in cards
        ]

    def insight_scope(self, scope):
        kind, _colon, rest = scope.partition(":")
        return f"account:{self.paths[int(rest)]}" if kind == "account" else scope


def come_back(book, owner):
    data = b"".join(as_archive(book, reader=owner))
    report = import_book(owner=owner, source=read_book(data, Question(format="lifeos")))
    return Book.objects.get(pk=report.book), report.notes


@pytest.fixture
def entries(book, owner, accounts, spend):
    """Purchases of half a year, one of them unusual."""
    months = ["2025-09", "2025-10", "2025-11", "2025-12", "2026-01", "2026-02"]
    usual = [
        spend(80_00, payee="Stadtwerke", on=datetime.date.fromisoformat(f"{month}-03"), category=accounts.rent)
        for month in months
    ]
    bill = spend(320_00, payee="Stadtwerke", on=datetime.date(2026, 3, 10), category=accounts.rent)
    twice = [spend(12_34, payee="Cinema", on=datetime.date(2026, 3, day)) for day in (11, 12)]
    insights.evaluate(book_id=book.pk, entry_ids=[each.pk for each in (*usual, bill, *twice)], now=NOW)
    return [*usual, bill, *twice]


@pytest.fixture
def whole_book(book, owner, accounts, entries):
    """A book with something in every table that an archive carries."""
    definition = {
        "conditions": [{"field": "payee", "test": "words", "value": "rewe"}],
        "actions": [{"do": "category", "account": accounts.groceries.pk}],
    }
    save_rule(book=book, actor=owner, name="Groceries", definition=definition)
    (tag,) = tags_named(book=book, names=["Holiday"])
    change_tags(book=book, actor=owner, entry_ids=[entries[0].pk], add=[tag])
    attach(entry=entries[0], actor=owner, data=RECEIPT, file_name="bill.pdf")
    ExchangeRate.objects.create(book=book, base="USD", quote="EUR", date=TODAY, rate=Decimal("0.9255"), source="hand")
    ValuationChoice.objects.create(book=book, reference=False)
    AssetPlan.objects.create(book=book, account=accounts.savings, method="straight", months=36, residual=5_00)
    AssetValue.objects.create(book=book, account=accounts.savings, date=TODAY, kind="appraisal", value=7_00)
    statement = reconciliation.add_statement(
        book=book, account=accounts.checking, actor=owner, start=entries[1].date, end=entries[1].date, opening=0,
        closing=-80_00,
    )  # fmt: skip
    line = JournalLine.objects.get(entry=entries[1], account=accounts.checking)
    reconciliation.tick(statement=statement, actor=owner, line_ids=[line.pk])
    save_payee(book=book, name="City power", default_account=accounts.rent, aliases=["Stadtwerke"])
    save_payee(book=book, name="Film house", aliases=["Odeon"])
    merge_payees(book=book, actor=owner, names=["Film house"], into="City power", correct_past=False, today=TODAY)
    water = save_payee(book=book, name="Water")
    rename_payee(payee=water, actor=owner, name="City water", correct_past=False, today=TODAY)
    profile = CsvProfile(header=("Date", "Amount"), amount_column=1)
    ImportProfile.objects.create(
        book=book, account=accounts.checking, signature=profile.signature, reading=profile.to_dict()
    )
    link_refund(entry=entries[3], purchase=entries[2], actor=owner)
    edit = Edit(account=accounts.groceries)
    changed = ledger.change_entries(
        book=book, actor=owner, targets={entries[4].pk: ()}, edit=edit, today=TODAY
    ).change  # fmt: skip
    ledger.undo_change(change=changed, actor=owner, today=TODAY)
    ledger.delete_entries(book=book, actor=None, entry_ids=[entries[5].pk], today=TODAY)
    draft = [LineDraft(account_id=accounts.rent.pk, amount=9_50), LineDraft(account_id=accounts.cash.pk, amount=-9_50)]
    ledger.save_template(book=book, actor=owner, name="Rent", payee="Landlord", lines=draft)
    add_card(book=book, actor=owner, account=accounts.card, closing_day=15, due_day=30, pays_from=accounts.checking)
    debt = ledger.open_account(book=book, actor=owner, name="Loan", type="liability", kind="loan", currency="EUR")
    loan = loans.add_loan(
        book=book, actor=owner, account=debt, name="Car", principal=9000_00, percent=Decimal(5), payments=24,
        start=datetime.date(2026, 1, 1), first_payment=datetime.date(2026, 2, 1), pays_from=accounts.checking,
        interest_account=accounts.rent, fee_account=accounts.rent, fee=1_00, share=Decimal(50),
        partner_account=accounts.savings, contribution_account=accounts.salary,
    )  # fmt: skip
    loans.set_rate(loan=loan, actor=owner, since=datetime.date(2026, 12, 1), percent=Decimal(4), payment=450_00)
    loans.add_movement(
        loan=loan, actor=owner, date=datetime.date(2026, 1, 20), amount=100_00, against=accounts.checking
    )
    loans.pay(loan=loan, actor=owner, date=datetime.date(2026, 2, 1))
    rule = FeeRule(fixed=1_00, fixed_up_to=100_00, share=10_000, maximum=5_00)
    ledger.save_transfer_fee(account=accounts.cash, actor=owner, category=accounts.rent, rule=rule)
    set_pay_period(book=book, actor=owner, rule=PayRule(day=25))
    query = f"category={accounts.rent.pk}&tag={tag.pk}&accounts={accounts.checking.pk}%2C{accounts.cash.pk}"
    save_view(book=book, actor=owner, name="Rent", query=query, shared=True)
    save_view(book=book, actor=owner, name="Cash", query="q=power", account=accounts.cash)
    report = save_report(
        book=book, actor=owner, name="Food", definition=Definition(kind=Kind.SPENDING, account=accounts.groceries.pk)
    )
    scenario = save_scenario(book=book, actor=owner, name="New flat")
    step = {"amount": -5_00, "unit": "week", "label": "Gym", "category": accounts.rent}
    save_step(scenario=scenario, actor=owner, kind="add", first=TODAY, account=accounts.checking, **step)
    change_account(account=accounts.checking, actor=owner, floor=-500_00)
    set_cards(book=book, user=owner, cards=["spending", f"report-{report.pk}"])
    power = ScheduleDefinition(
        name="Power", account_id=accounts.checking.pk, amount=-80_00, first=datetime.date(2025, 9, 3), unit=Unit.MONTH,
        lines=(CounterLine(account_id=accounts.rent.pk, memo="flat"),), tag_ids=(tag.pk,), days=(3, 17), total=9_000_00,
    )  # fmt: skip
    schedules.change_holidays(book=book, actor=owner, region="DE-BY")
    lessons = replace(power, name="Lessons", unit=Unit.WEEK, days=(), weekdays=(0, 3), shift=WeekendShift.AFTER)
    schedules.create_schedule(book=book, actor=owner, definition=lessons, today=TODAY)
    schedule = schedules.create_schedule(book=book, actor=owner, definition=replace(power, holidays="IL"), today=TODAY)
    day = {"nominal": datetime.date(2025, 9, 3), "actor": owner}
    schedules.link_entry(schedule=schedule, entry=entries[0], **day)
    schedules.refuse_entry(schedule=schedule, entry=entries[1], **day)
    pocket = schedules.create_schedule(
        book=book, actor=owner, definition=replace(power, name="Pocket money", amount=8_00, total=None), today=TODAY
    )  # fmt: skip
    goal = create_goal(
        book=book, actor=owner, account=accounts.checking, name="Boat", today=TODAY, target=9_00,
        by=datetime.date(2027, 1, 31), schedule=pocket, fed_amount=5_00,
    )  # fmt: skip
    GoalMove.objects.create(
        book=book, goal=goal, account=accounts.checking, kind="in", date=TODAY, amount=4_00, entry=entries[0]
    )
    dearer = replace(schedule.definition, amount=-90_00)
    schedules.change_schedule(schedule=schedule, actor=owner, definition=dearer, from_date=datetime.date(2026, 4, 1))
    budget = budgets.save_budget(
        book=book, actor=owner, name="Household", kind="envelope", day=25, shift="before", pays_from=accounts.checking,
        accounts=[accounts.checking, accounts.cash], starts_on=TODAY,
    )  # fmt: skip
    target = budgets.Target(kind=budgets.TargetKind.SINKING, amount=60_00, due=TODAY, every=12)
    line = budgets.add_line(budget=budget, actor=owner, account=accounts.rent, target=target, note="yearly")
    budgets.add_line(budget=budget, actor=None, tag=tag, carry=budgets.Carry.SURPLUS)
    budgets.change_line(line=line, actor=owner, carry=budgets.Carry.NONE, carry_from=TODAY)
    budgets.assign(budget=budget, actor=owner, day=TODAY, given=[budgets.Given(line=line, amount=5_00)], note="first")
    days = dict.fromkeys(("next_due", "lasts_until", "began", "latest"), TODAY)
    counts = dict.fromkeys(("confidence", "hits", "misses", "extras"), 4)
    amounts = dict.fromkeys(("amount", "least", "most", "per_year"), -80_00)
    found = RecurringFinding.objects.create(
        book=book, group="stadtwerke", payee="Stadtwerke", account=accounts.checking, counter=accounts.rent,
        weekday_number=2, weekday=1,
        rhythm="month", unit="month", every=1, shift="none", amount_kind="fixed", evidence=[entries[0].pk],
        **days, **counts, **amounts,
    )  # fmt: skip
    detection.dismiss(finding=found, actor=owner)
    insights.set_rule(book_id=book.pk, kind="possible_duplicate", enabled=False, thresholds={})
    unusual = Insight.objects.get(book=book, kind="unusual_amount")
    insights.dismiss(insight=unusual, actor=owner, now=NOW)
    insights.snooze(
        insight=Insight.objects.get(book=book, kind="possible_duplicate"), actor=owner, on=TODAY, now=NOW,
        until=datetime.date(2026, 4, 1),
    )  # fmt: skip
    insights.mute_payee(insight=unusual, actor=owner, now=NOW)
    people_and_invoices(book, owner, accounts)
    return book


def people_and_invoices(book, owner, accounts):
    """A person with a bill, a payment, a due day, and an invoice that is paid in part."""
    ben = receivables.save_person(book=book, changes={"name": "Ben", "archived": True})
    group = receivables.save_group(book=book, name="Flat", people=[ben.pk])
    given = {
        "date": TODAY,
        "description": "Dinner",
        "currency": "EUR",
        "total": 9_01,
        "paid": {0: 9_01},
        "method": "equal",
    }
    given |= {"shares": {0: None, ben.pk: None}, "account": accounts.cash, "category": accounts.groceries}
    for total, each in ((9_01, None), (41_20, group)):
        given |= {"total": total, "paid": {0: total}, "group": each}
        bill = receivables.save_bill(book=book, actor=owner, bill=receivables.Bill(**given))
    receivables.refund_bill(bill=bill, actor=owner, date=TODAY, amount=4_00, receiver=0, account=accounts.cash)
    receivables.settle(
        book=book, actor=owner, date=TODAY, payer=ben.pk, payee=0, currency="EUR", amount=1_00, account=accounts.cash,
        group=group,
    )  # fmt: skip
    receivables.save_claim(person=ben, actor=owner, due_on=TODAY, amount=2_00, money_account=accounts.cash)
    line = receivables.LineGiven(text="Work", quantity=Decimal("1.5"), price=10_00, rate=Decimal(0))
    changes = {"person": ben, "income": accounts.salary, "lines": [line], "money_account": accounts.cash}
    receivables.save_recurring(
        book=book, actor=owner, changes={**changes, "first": TODAY, "until": datetime.date(2030, 1, 1)}, today=TODAY
    )
    draft = receivables.save_draft(book=book, actor=owner, changes=changes)
    sent = receivables.send(invoice=draft, actor=owner, on=TODAY, due_on=None, today=TODAY)
    receivables.pay(invoice=sent, actor=owner, date=TODAY, amount=5_00, account=accounts.cash)


def test_every_row_and_column_comes_back(whole_book, owner):
    there, notes = come_back(whole_book, owner)
    assert len(notes) == 1
    assert "Every entry is as in the archive" in notes[0]
    here, back = Portrait(whole_book, owner), Portrait(there, owner)
    for label in sorted(CARRIED):
        rows = here.of(tables()[label])
        assert rows, f"{label} is empty: the test shows nothing about it"
        assert back.of(tables()[label]) == rows, label
    fields = [field.name for field in Book._meta.concrete_fields if field.name not in ("id", "created_at", "closed_at")]
    assert [getattr(there, name) for name in fields] == [getattr(whole_book, name) for name in fields]
    assert export_rules(book=there) == export_rules(book=whole_book)


def test_an_insight_that_was_dismissed_or_snoozed_does_not_come_up_again(whole_book, owner):
    there, _notes = come_back(whole_book, owner)
    before = list(Insight.objects.filter(book=there).order_by("pk").values_list("kind", "state", "snoozed_until"))
    insights.set_rule(book_id=there.pk, kind="possible_duplicate", enabled=True, thresholds={})
    apps.get_model("insights.MutedPayee").objects.filter(book=there).delete()
    ids = JournalEntry.objects.filter(book=there).values_list("pk", flat=True)
    assert insights.evaluate(book_id=there.pk, entry_ids=list(ids), now=NOW) == 0
    assert {"unusual_amount", "possible_duplicate", "category_above_usual"} <= {kind for kind, *_rest in before}
    assert (
        list(Insight.objects.filter(book=there).order_by("pk").values_list("kind", "state", "snoozed_until")) == before
    )


def test_a_change_can_be_undone_in_the_new_book(whole_book, owner):
    there, _notes = come_back(whole_book, owner)
    deleted = Change.objects.get(book=there, action="delete")
    assert deleted.made_by is None
    ledger.undo_change(change=deleted, actor=owner, today=TODAY)
    assert JournalEntry.objects.filter(book=there, date="2026-02-03", reverses=None, reversed_by=None).count() == 1


def test_tags_and_merged_payees_are_undone_in_the_new_book(whole_book, owner):
    there, _notes = come_back(whole_book, owner)
    for action in ("tag", "merge_payees", "rename_payee"):
        ledger.undo_change(change=Change.objects.get(book=there, action=action), actor=owner, today=TODAY)
    assert not apps.get_model("finance.EntryTag").objects.filter(book=there).exists()
    payees = apps.get_model("finance.Payee").objects.filter(book=there)
    assert sorted(payees.values_list("name", flat=True)) == ["City power", "Film house", "Water"]


def test_what_is_private_of_others_stays_behind(whole_book, owner, viewer):
    save_view(book=whole_book, actor=viewer, name="Mine", query="q=secret")
    set_cards(book=whole_book, user=viewer, cards=["worth"])
    assert [view["name"] for view in preferences_part.give(whole_book, owner)["views"]] == ["Rent", "Cash"]
    assert [view["name"] for view in preferences_part.give(whole_book, viewer)["views"]] == ["Rent", "Mine"]
    parts = {part.name: part.give(whole_book, viewer) for part in all_parts()}
    assert parts["reports"]["cards"] == ["worth"]
    assert not any(change["own"] for change in parts["changes"]["changes"])
    assert reader_of(book=whole_book, username=viewer.email) == viewer
    assert reader_of(book=whole_book, username="operator") == owner


def test_what_would_show_something_else_is_left_out_by_name(whole_book, owner, viewer):
    save_view(book=whole_book, actor=owner, name="Vera's", query=f"who={viewer.pk}")
    SavedView.objects.create(book=whole_book, owner=owner, name="Lost", query="tag=999999")
    SavedView.objects.create(book=whole_book, owner=viewer, name="Rent", query="q=x", shared=True)
    moment = Definition(kind=Kind.BALANCE_SHEET, known_at=NOW)
    save_report(book=whole_book, actor=owner, name="As known", definition=moment)
    household = Budget.objects.get(book=whole_book, name="Household")
    budgets.share_budget(
        budget=household, actor=owner, shared_by=Budget.SharedBy.SHARES, shares={owner.pk: Decimal(1)}
    )  # fmt: skip
    there, notes = come_back(whole_book, owner)
    assert sorted(SavedView.objects.filter(book=there).values_list("name", flat=True)) == ["Cash", "Rent", "Rent (2)"]
    told = "\n".join(notes)
    assert "The view “Vera's” was not imported: It filters by who entered something" in told
    assert "The view “Lost” was not imported: It filters by an account or a tag that no longer exists" in told
    assert "Who bears what of the budget “Household” was not imported" in told
    assert "The report “As known” was not imported: It shows what was known at a moment" in told


NONSENSE = (None, 7, "x\x00", [7], [[]], [{}], {"a": 1})


def damaged(document, place=0):
    """The document with one value replaced by nonsense or left out, at any depth of the first of each list."""
    yield NONSENSE[place % len(NONSENSE)]
    if isinstance(document, dict):
        for number, (name, value) in enumerate(document.items()):
            if number % 3 == place % 3:
                yield {key: each for key, each in document.items() if key != name}
            for changed in damaged(value, place + number + 1):
                yield {**document, name: changed}
    if isinstance(document, list) and document:
        for changed in damaged(document[0], place + 1):
            yield [changed, *document[1:]]


def test_a_damaged_part_is_refused_with_a_sentence_and_never_a_fault(whole_book, owner):
    there = ledger.create_book(owner=owner, name="New", base_currency="EUR", time_zone="Europe/Berlin", template=None)
    known = {str(account.pk): account for account in whole_book.accounts.select_related("book")}
    refused = []
    for part in all_parts():
        for document in damaged(json.loads(json.dumps(part.give(whole_book, owner)))):
            arrival = Arrival(book=there, owner=owner, accounts=known, files={}, numbers={"tag": {}})
            try:
                with transaction.atomic():
                    told = take_parts(arrival, [(part.name, json.dumps(document))])
                    transaction.set_rollback(True)
            except BookUnreadable as error:
                refused.append(error.detail)
            else:
                assert all(isinstance(sentence, str) for sentence in told)
    assert len(refused) > 100
    assert not [
        detail for detail in refused if not re.search("(of|in) the (export|archive)|are not known here", detail)
    ]
