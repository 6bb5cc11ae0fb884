"""Every page of the admin, and who may open it."""

# ruff: noqa: F811 (a fixture that asks for another is named as it is)

import datetime
import os
import subprocess
import sys
from decimal import Decimal

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import URLResolver, reverse
from django.utils import timezone

from finance.attachments.services import attach
from finance.events.books import BookRenamed
from finance.imports.models import ImportBatch, Refund
from finance.ledger.services import open_account
from finance.models import (
    Account,
    AccountStatement,
    AssetPlan,
    AssetValue,
    BookDeletion,
    BudgetShare,
    CalendarFeed,
    Change,
    Claim,
    CostGroup,
    Dashboard,
    EntryTemplate,
    ExchangeRate,
    Forecast,
    ForecastAccount,
    ForecastPoint,
    GoalMove,
    Invitation,
    Invoice,
    JournalEntry,
    LedgerCheck,
    Membership,
    PayPeriod,
    RecurringFinding,
    RecurringInvoice,
    ReferenceFetch,
    ReferenceRate,
    RuleApplication,
    SavedReport,
    SavedView,
    Schedule,
    ScheduleOccurrence,
    Settlement,
    SharedBill,
    TransferFee,
    WebhookDelivery,
)
from finance.payees.services import save_payee
from finance.planning.budgets import services as budgets
from finance.planning.cards.services import add_card
from finance.planning.goals.services import create_goal
from finance.planning.loans import services as loans
from finance.planning.scenarios.services import save_scenario, save_step
from finance.receivables.services import save_person
from finance.rules.services import save_rule
from finance.tags.services import save_tag
from finance.tests.conftest import accounts, book, ledger, owner, spend  # noqa: F401 (fixtures)
from finance.webhooks import services as webhooks
from finance.webhooks.bodies import Happened
from identity.models import AccessPolicy, AuditRecord, User
from insights.models import Insight, MutedPayee, RuleSetting
from insights.tests.conftest import clock, every_month, insight  # noqa: F401 (fixtures)
from lifeos_project.backups.models import BackupRun
from platform_outbox.models import OutboxMessage, Periodic, Worker
from platform_outbox.operations.models import OperationRun

pytestmark = pytest.mark.long

PERSONAS = ("anonymous", "household", "staff", "viewer", "everything", "superuser")
# viewer: may view the model of that page and nothing else; everything: has each permission and is no superuser.
# L: sent to sign in; F: 403; O: the page; R: sent to another page; N: 404.
LOOK = "LLFOOO"
NOBODY = "LLFFFF"
ACT = "LLFFOO"
SUPERUSER = "LLFFFO"
ANY_STAFF = "LLOOOO"

RULE = {"conditions": [{"field": "note", "test": "empty"}], "actions": [{"do": "ignore"}]}
READ_ONLY = {"changelist": LOOK, "change": LOOK, "history": LOOK, "add": NOBODY, "delete": NOBODY}
MODELS = {
    "identity_user": {**READ_ONLY, "add": ACT},
    "auth_group": {**READ_ONLY, "add": SUPERUSER, "delete": SUPERUSER},
    "identity_auditrecord": READ_ONLY,
    "axes_accessattempt": READ_ONLY,
    # One row: its list leads to its form.
    "identity_accesspolicy": {**READ_ONLY, "changelist": "LLFRRR"},
    "platform_outbox_outboxmessage": READ_ONLY,
    "platform_outbox_periodic": READ_ONLY,
    "platform_outbox_worker": READ_ONLY,
    # Runs of other operations than one may start are not found.
    "platform_operation_operationrun": {**READ_ONLY, "history": "LLROOO"},
    "finance_account": READ_ONLY,
    "finance_book": READ_ONLY,
    "finance_bookdeletion": READ_ONLY,
    "finance_membership": READ_ONLY,
    "finance_invitation": READ_ONLY,
    "finance_ledgercheck": READ_ONLY,
    "finance_journalentry": READ_ONLY,
    "finance_assetplan": READ_ONLY,
    "finance_assetvalue": READ_ONLY,
    "finance_exchangerate": READ_ONLY,
    "finance_referencerate": READ_ONLY,
    "finance_referencefetch": READ_ONLY,
    "finance_forecast": READ_ONLY,
    "finance_forecastpoint": READ_ONLY,
    "finance_forecastaccount": READ_ONLY,
    "finance_goal": READ_ONLY,
    "finance_goalmove": READ_ONLY,
    "finance_scenario": READ_ONLY,
    "finance_scenariostep": READ_ONLY,
    "finance_refund": READ_ONLY,
    "finance_loan": READ_ONLY,
    "finance_loanrate": READ_ONLY,
    "finance_loanmovement": READ_ONLY,
    "finance_loanpayment": READ_ONLY,
    "finance_cardterms": READ_ONLY,
    "finance_payperiod": READ_ONLY,
    "finance_savedview": READ_ONLY,
    "finance_savedreport": READ_ONLY,
    "finance_dashboard": READ_ONLY,
    "finance_change": READ_ONLY,
    "finance_entrytemplate": READ_ONLY,
    "finance_transferfee": READ_ONLY,
    "finance_importbatch": READ_ONLY,
    "finance_attachment": READ_ONLY,
    "finance_payee": READ_ONLY,
    "finance_person": READ_ONLY,
    "finance_costgroup": READ_ONLY,
    "finance_sharedbill": READ_ONLY,
    "finance_settlement": READ_ONLY,
    "finance_claim": READ_ONLY,
    "finance_invoice": READ_ONLY,
    "finance_recurringinvoice": READ_ONLY,
    "finance_schedule": READ_ONLY,
    "finance_scheduleoccurrence": READ_ONLY,
    "finance_recurringfinding": READ_ONLY,
    "finance_calendarfeed": READ_ONLY,
    "finance_accountstatement": READ_ONLY,
    "finance_rule": READ_ONLY,
    "finance_tag": READ_ONLY,
    "finance_budget": READ_ONLY,
    "finance_budgetline": READ_ONLY,
    "finance_budgetshare": READ_ONLY,
    "finance_assignment": READ_ONLY,
    "finance_ruleapplication": READ_ONLY,
    "finance_webhookendpoint": READ_ONLY,
    "finance_webhookdelivery": READ_ONLY,
    "insights_insight": READ_ONLY,
    "insights_mutedpayee": {**READ_ONLY, "delete": ACT},
    "insights_rulesetting": {**READ_ONLY, "add": ACT, "delete": ACT},
    "backups_backuprun": READ_ONLY,
}
# Name → (the model whose view permission "viewer" has, the arguments or a key of the world, outcome).
EVENT, RUN, BOOK = "platform_outbox_outboxmessage", "platform_operation_operationrun", "finance_book"
OWN_PAGES = {
    "index": (None, [], ANY_STAFF),
    "login": (None, [], "OORRRR"),
    "logout": (None, [], "RRLLLL"),
    "search": (None, [], ANY_STAFF),
    "jsi18n": (None, [], ANY_STAFF),
    "autocomplete": (None, [], "LLFFFF"),  # asked without saying for which field
    "view_on_site": (None, [1, 1], "LLNNNN"),
    "password_change": (None, [], "RRRRRR"),
    "password_change_done": (None, [], "LLOOOO"),
    "app_list": (None, ["finance"], "LLNNOO"),
    "auth_user_password_change": ("identity_user", ["identity_user"], ACT),
    "platform_outbox_console": (EVENT, [], LOOK),
    "platform_outbox_live": (EVENT, [], LOOK),
    "platform_outbox_errors": (EVENT, [], LOOK),
    "platform_outbox_error": (EVENT, ["none"], LOOK),
    "platform_outbox_act": (EVENT, ["discard"], ACT),
    "platform_outbox_act_on_chosen": (EVENT, ["discard"], ACT),
    "platform_outbox_take_back": (EVENT, [], "LLFFNN"),
    "platform_outbox_pause": (EVENT, [], "LLFFRR"),
    "platform_outbox_resume": (EVENT, [], "LLFFRR"),
    "platform_outbox_break_open": (EVENT, [], ACT),
    "platform_outbox_reset_breaker": (EVENT, [], "LLFFRR"),
    "platform_outbox_stop_replay": (EVENT, [1], "LLFFNN"),
    "platform_outbox_resume_replay": (EVENT, [1], "LLFFNN"),
    "platform_outbox_edit": (EVENT, [EVENT], SUPERUSER),
    "platform_outbox_outboxmessage_requeue": (EVENT, [EVENT], ACT),
    "platform_outbox_outboxmessage_discard": (EVENT, [EVENT], ACT),
    "platform_outbox_outboxmessage_restore": (EVENT, [EVENT], NOBODY),  # it is not discarded
    "platform_outbox_outboxmessage_edit": (EVENT, [EVENT], "LLFFFR"),
    "platform_operation_start": (RUN, ["ledger.verify"], ACT),
    "platform_operation_progress": (RUN, [RUN], LOOK),
    "platform_operation_cancel": (RUN, [RUN], "LLFFRR"),
    "platform_operation_resume": (RUN, [RUN], "LLFFRR"),
    "platform_operation_file": (RUN, [RUN, "none.zip"], "LLFFNN"),
    "finance_book_verify_one": (BOOK, [BOOK], ACT),
    "finance_book_close": (BOOK, [BOOK], ACT),
    "finance_book_reopen": (BOOK, [BOOK], ACT),
    "finance_journalentry_reverse": ("finance_journalentry", ["finance_journalentry"], ACT),
    "finance_webhookendpoint_switch_off": ("finance_webhookendpoint", ["finance_webhookendpoint"], ACT),
    "finance_webhookendpoint_switch_on": ("finance_webhookendpoint", ["finance_webhookendpoint"], ACT),
    "finance_webhookdelivery_replay": ("finance_webhookdelivery", ["finance_webhookdelivery"], ACT),
    "insights_rulesetting_preview": ("insights_rulesetting", [], ACT),
}  # fmt: skip
BY_POST = {"logout", "platform_operation_cancel", "platform_operation_resume"}


def names_of(patterns):
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from names_of(pattern.url_patterns)
        elif pattern.name:
            yield pattern.name


def table():
    rows = dict(OWN_PAGES)
    for model, kinds in MODELS.items():
        for kind, outcome in kinds.items():
            rows[f"{model}_{kind}"] = (model, [] if kind in ("changelist", "add") else [model], outcome)
    return rows


def test_every_page_of_the_admin_has_a_line():
    assert sorted(set(names_of(admin.site.urls[0]))) == sorted(table())


def people_of(book, owner):
    """One of each that people are about."""
    person, today = save_person(book=book, changes={"name": "Ben"}), datetime.date(2026, 3, 15)
    account = Account.objects.filter(book=book).first()
    given = {"book": book, "date": today, "currency": "EUR"}
    return {
        "finance_person": person,
        "finance_costgroup": CostGroup.objects.create(book=book, name="Flat"),
        "finance_sharedbill": SharedBill.objects.create(**given, description="Dinner", total=1, method="equal"),
        "finance_settlement": Settlement.objects.create(**given, payer=person, amount=1),
        "finance_claim": Claim.objects.create(book=book, person=person, account=account, due_on=today, amount=1),
        "finance_invoice": Invoice.objects.create(book=book, person=person, currency="EUR", income=account),
        "finance_recurringinvoice": RecurringInvoice.objects.create(
            book=book, person=person, currency="EUR", income=account, first=today, unit="month"
        ),
    }


def _of_the_plan(book, owner):
    account = Account.objects.filter(book=book, kind="checking").first()
    forecast = Forecast.objects.create(book=book, made_on="2026-03-15")
    goal = create_goal(book=book, actor=owner, account=account, name="Boat", today=datetime.date(2026, 3, 15))
    moved = {"kind": "in", "date": "2026-03-15", "amount": 1}
    scenario = save_scenario(book=book, actor=owner, name="New flat")
    day = datetime.date(2026, 4, 1)
    figures = {"date": day, "start": 0, "planned": 0, "habitual": 0, "expected": 0, "horizon": 7}
    return {
        "finance_forecast": forecast,
        "finance_forecastpoint": ForecastPoint.objects.create(book=book, forecast=forecast, account=account, **figures),
        "finance_forecastaccount": ForecastAccount.objects.create(book=book, account=account, floor=0),
        "finance_goal": goal,
        "finance_goalmove": GoalMove.objects.create(book=book, goal=goal, account=account, **moved),
        "finance_scenario": scenario,
        "finance_scenariostep": save_step(
            scenario=scenario, actor=owner, kind="one_off", first=day, account=account, amount=1
        ),
    }


@pytest.fixture
def world(book, owner, insight):
    """An object of each model, by the name of its pages."""
    now = timezone.now()
    webhooks.add_endpoint(book=book, actor=owner, url="https://hooks.example.org/x")
    happened = Happened(event=BookRenamed(book_id=book.pk), event_id=1, at=now)
    webhooks.queue_deliveries(happened=[happened])
    anna = User.objects.create_user("anna@example.org", "correct horse battery")
    digest = "0" * 64
    attempt = AccessAttempt.objects.create(username=anna.email, failures_since_start=1)
    # axes has a clock of its own, and forgets what is old when somebody signs in.
    AccessAttempt.objects.update(attempt_time=datetime.datetime.now(datetime.UTC))
    budget = budgets.save_budget(book=book, actor=owner, name="Household", kind="envelope")
    line = budgets.add_line(budget=budget, actor=owner, account=Account.objects.get(book=book, name="Groceries"))
    given = [budgets.Given(line=line, amount=5_00)]
    (assigned,) = budgets.assign(budget=budget, actor=owner, day=now.date(), given=given)
    return {
        "identity_user": anna,
        "auth_group": Group.objects.create(name="Clerks"),
        "identity_auditrecord": AuditRecord.objects.create(action="signed_in", actor=anna),
        "axes_accessattempt": attempt,
        "identity_accesspolicy": AccessPolicy.objects.create(),
        EVENT: OutboxMessage.objects.create(
            event_type="identity.mail.wanted", ordering_key="mail:anna@example.org", shard=1, status="dead",
            payload={"to": "anna@example.org", "text": "Your secretary wrote"}, created_at=now, available_at=now,
        ),
        "platform_outbox_periodic": Periodic.objects.create(name="finance.day", seconds=60, due_at=now),
        "platform_outbox_worker": Worker.objects.create(name="w1", broker="stub", started_at=now, heartbeat_at=now),
        RUN: OperationRun.objects.create(operation="ledger.verify", parameters={}, dry_run=False, requested_at=now),
        "finance_account": Account.objects.filter(book=book).first(),
        BOOK: book,
        "finance_membership": Membership.objects.get(book=book),
        "finance_invitation": Invitation.objects.create(
            book=book, email="new@example.org", role="viewer", invited_by=owner, token_hash=digest,
            expires_at=now + datetime.timedelta(days=7),
        ),
        "finance_bookdeletion": BookDeletion.objects.create(
            book_number=99, name="Old flat", is_demo=False, deleted_at=now, deleted_by="olga@example.org", erase_at=now
        ),
        "finance_ledgercheck": LedgerCheck.objects.create(book=book, checked_at=now, entries=1, lines=2),
        "finance_journalentry": JournalEntry.objects.filter(book=book).first(),
        "finance_assetplan": AssetPlan.objects.create(
            book=book, account=Account.objects.filter(book=book).first(), method="percent", percent="2"
        ),
        "finance_assetvalue": AssetValue.objects.create(
            book=book, account=Account.objects.filter(book=book).first(), date=now, kind="appraisal", value=1
        ),
        "finance_exchangerate": ExchangeRate.objects.create(
            book=book, base="USD", quote="EUR", date=now, rate="0.9", source="hand"
        ),
        "finance_referencerate": ReferenceRate.objects.create(
            source="ecb", base="EUR", quote="USD", date=now, rate="1.1"
        ),
        "finance_referencefetch": ReferenceFetch.objects.create(source="ecb", succeeded=True, said="3 rates"),
        "finance_refund": Refund.objects.create(
            book=book, refund=JournalEntry.objects.filter(book=book).first(),
            purchase=JournalEntry.objects.filter(book=book).last(),
        ),
        **loans_and_cards(book, owner),
        **_of_the_plan(book, owner),
        "finance_payperiod": PayPeriod.objects.create(book=book, day=25),
        "finance_savedview": SavedView.objects.create(book=book, owner=owner, name="All"),
        "finance_savedreport": SavedReport.objects.create(book=book, name="Spending", kind="spending", saved_by=owner),
        "finance_dashboard": Dashboard.objects.create(book=book, user=owner, cards=["look"]),
        "finance_change": Change.objects.create(book=book, action="edit", entry_count=1),
        "finance_entrytemplate": EntryTemplate.objects.create(book=book, name="Rent", lines=[]),
        "finance_transferfee": TransferFee.objects.create(
            book=book, account=Account.objects.filter(book=book).first(), fixed=1,
            category=Account.objects.filter(book=book).last(),
        ),
        "finance_importbatch": ImportBatch.objects.create(
            book=book, account=Account.objects.filter(book=book).first(), created_by=owner,
            file_name="a.csv", content=b"", sha256=digest, size=0,
        ),
        "finance_attachment": attach(
            entry=JournalEntry.objects.filter(book=book).first(), actor=owner, data=b"%PDF-1.7", file_name="bill.pdf"
        ),
        "finance_payee": save_payee(book=book, name="Rewe"),
        **people_of(book, owner),
        "finance_schedule": (schedule := schedule_of(book)),
        "finance_scheduleoccurrence": ScheduleOccurrence.objects.create(book=book, schedule=schedule, nominal=now),
        "finance_budget": line.budget,
        "finance_budgetline": line,
        "finance_budgetshare": BudgetShare.objects.create(book=book, budget=line.budget, user=owner, weight=10_000),
        "finance_assignment": assigned,
        "finance_recurringfinding": finding_of(book),
        "finance_calendarfeed": CalendarFeed.objects.create(book=book, user=owner, token_hash="x"),
        "finance_tag": save_tag(book=book, name="Holiday"),
        "finance_accountstatement": AccountStatement.objects.create(
            book=book, account=Account.objects.filter(book=book).first(), start=now, end=now, opening=0, closing=0
        ),
        "finance_rule": save_rule(book=book, actor=owner, name="Groceries", definition=RULE),
        "finance_ruleapplication": RuleApplication.objects.create(book=book, created_by=owner),
        "finance_webhookendpoint": WebhookDelivery.objects.get().endpoint,
        "finance_webhookdelivery": WebhookDelivery.objects.get(),
        "insights_insight": Insight.objects.first(),
        "insights_mutedpayee": MutedPayee.objects.create(
            book=book, kind="unusual_amount", payee="Stadtwerke", payee_key="stadtwerke", muted_by=owner, muted_at=now
        ),
        "insights_rulesetting": RuleSetting.objects.create(kind="unusual_amount", changed_at=now),
        "backups_backuprun": BackupRun.objects.create(kind="backup", state="good", started_at=now),
    }  # fmt: skip


def loans_and_cards(book, owner):
    """A loan with all that belongs to it, and a card."""
    debt = open_account(book=book, actor=owner, name="Loan", type="liability", kind="loan", currency="EUR")
    cash, card = Account.objects.get(book=book, name="Cash"), Account.objects.get(book=book, kind="card")
    loan = loans.add_loan(
        book=book, actor=owner, account=debt, name="Car", principal=9000_00, percent=Decimal(0), payments=24,
        start=datetime.date(2026, 1, 1), first_payment=datetime.date(2026, 2, 1), pays_from=cash,
    )  # fmt: skip
    day = datetime.date(2026, 1, 20)
    return {
        "finance_loan": loan,
        "finance_loanrate": loans.set_rate(loan=loan, actor=owner, since=day, percent=Decimal(0)),
        "finance_loanmovement": loans.add_movement(loan=loan, actor=owner, date=day, amount=100_00),
        "finance_loanpayment": loans.pay(loan=loan, actor=owner, date=day),
        "finance_cardterms": add_card(book=book, actor=owner, account=card, closing_day=15, due_day=30),
    }


def schedule_of(book):
    account = Account.objects.get(book=book, kind="checking")
    return Schedule.objects.create(
        book=book, name="Phone", account=account, amount=-1, lines=[], first="2026-01-01", unit="month",
        asked_from="2026-01-01",
    )  # fmt: skip


def finding_of(book):
    account = Account.objects.get(book=book, kind="checking")
    days = dict.fromkeys(("next_due", "lasts_until", "began", "latest"), "2026-01-01")
    counts = dict.fromkeys(("confidence", "hits", "misses", "extras"), 4)
    amounts = dict.fromkeys(("amount", "least", "most", "per_year"), -1)
    return RecurringFinding.objects.create(
        book=book, group="phone", account=account, rhythm="month", unit="month", every=1, shift="none",
        amount_kind="fixed", **days, **counts, **amounts,
    )  # fmt: skip


@pytest.fixture
def people(db):
    made = {name: User.objects.create_user(f"{name}@example.org", "x", is_staff=True) for name in PERSONAS[2:]}
    made["everything"].user_permissions.set(Permission.objects.all())
    User.objects.filter(pk=made["superuser"].pk).update(is_superuser=True)
    return {**made, "household": User.objects.create_user("household@example.org", "x"), "anonymous": None}


def view_permission(model):
    found = next(each for each in admin.site._registry if each._meta.label_lower.replace(".", "_") == model)
    codename = f"view_{found._meta.model_name}"
    return Permission.objects.get(content_type=ContentType.objects.get_for_model(found), codename=codename)


def outcome(response):
    if response.status_code in (301, 302):
        return "L" if "login" in response["Location"] or "sign-in" in response["Location"] else "R"
    return {200: "O", 403: "F", 404: "N"}.get(response.status_code, str(response.status_code))


@pytest.mark.django_db
@pytest.mark.parametrize("persona", PERSONAS)
def test_who_opens_which_page(world, people, persona):
    expected, found, told = {}, {}, []
    for name, (model, arguments, outcomes) in table().items():
        client = Client()
        if people[persona] is not None:
            client.force_login(people[persona])
        if persona == "viewer":
            people["viewer"].user_permissions.set([view_permission(model)] if model else [])
        address = reverse(f"admin:{name}", args=[world[each].pk if each in world else each for each in arguments])
        response = client.post(address) if name in BY_POST else client.get(address)
        expected[name], found[name] = outcomes[PERSONAS.index(persona)], outcome(response)
        if not response.streaming and "Your secretary wrote" in response.content.decode():
            told.append(name)
    wrong = {name: (found[name], expected[name]) for name in found if found[name] != expected[name]}
    assert wrong == {}
    may_read = persona in ("everything", "superuser")
    allowed = {"platform_outbox_outboxmessage_change", "platform_outbox_edit"} if may_read else set()
    assert set(told) <= allowed
    assert ("platform_outbox_outboxmessage_change" in told) is may_read


def test_no_list_can_be_filtered_by_what_it_does_not_show(rf):
    """Otherwise a secret is told letter by letter: ?token_hash__startswith=a."""
    request = rf.get("/")
    for model, model_admin in admin.site._registry.items():
        fieldsets = model_admin.fieldsets or [(None, {"fields": model_admin.fields or ()})]
        shown = {field for _title, options in fieldsets for field in options["fields"]} - {"password"}
        shown |= {*model_admin.list_display, "id", "name", model._meta.pk.name}
        filters = [each[0] if isinstance(each, tuple) else each for each in model_admin.list_filter]
        shown |= {each if isinstance(each, str) else each.parameter_name for each in filters}
        for field in model._meta.concrete_fields:
            if field.name not in shown and field.name != "session_epoch":
                lookup = f"{field.name}__startswith"
                assert not model_admin.lookup_allowed(lookup, "a", request), (model, lookup)


@pytest.mark.parametrize("module", ["identity.admin", "platform_outbox.admin"])
def test_an_admin_may_be_imported_before_those_of_the_libraries_that_it_changes(module):
    """The admin is looked for when it is first needed, so nothing says which module comes first."""
    program = (
        f"import django; django.setup(); import {module}; from django.contrib.admin import autodiscover; autodiscover()"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "lifeos_project.test_settings"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], cwd=settings.BASE_DIR, env=environment, check=True)
