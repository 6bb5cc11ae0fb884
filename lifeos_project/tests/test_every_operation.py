"""Walks all operations of the API, as the OpenAPI document names them: hostile input, strictness, keys.

An operation that is new has to be added to BODIES, or the walk fails.
"""

# ruff: noqa: F811 (a fixture that asks for another is named as it is)

import io
import json
import re
from contextlib import contextmanager
from itertools import product

import pytest
from django.conf import settings
from django.db import transaction
from rest_framework.test import APIClient

from finance.models import Loan, RecurringFinding, RuleApplication
from finance.tests.imports.conftest import CSV
from identity.models import IdempotencyRecord
from insights.models import Insight
from lifeos_project.middleware.requests import TolerantRequest
from lifeos_project.tests import contract
from lifeos_project.tests.one_of_everything import RULE, clock, one_of_everything, owner, world  # noqa: F401  # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.long]

NAMES = sorted(contract.operations())
CHANGES = [name for name in NAMES if name[0] != "GET"]
BOOK = "/api/v1/books/{book_id}/"
OCCURRENCE = BOOK + "schedules/{schedule_id}/occurrences/{nominal}/"
URL = "https://hooks.example.org/lifeos"
WITH_FILE = {("POST", BOOK + "imports/"), ("POST", BOOK + "entries/{uid}/attachments/")}
# Why these take no Idempotency-Key; docs/api.md says so, too.
WITHOUT_KEY = {
    ("POST", "/api/v1/auth/token/"): "nobody is signed in whose key it could be",
    ("POST", "/api/v1/auth/token/refresh/"): "nobody is signed in whose key it could be",
    ("POST", "/api/v1/auth/token/verify/"): "nobody is signed in whose key it could be",
    ("POST", "/api/v1/auth/token/blacklist/"): "nobody is signed in whose key it could be",
    ("POST", "/api/v1/auth/signup/"): "nobody is signed in whose key it could be",
    ("POST", "/api/v1/auth/signup/confirm/"): "nobody is signed in whose key it could be",
}


def bodies(world):
    """Operation → a body with which it succeeds in this world; None for an action without a body."""
    groceries = {
        "date": "2026-03-14",
        "payee": "Corner shop",
        "description": "cheese",
        "lines": [
            {"account": world["accounts"].groceries.pk, "amount": "23.90", "memo": "brie"},
            {"account": "Assets:Checking account", "amount": "-23.90"},
        ],
    }
    return {
        ("POST", "/api/v1/auth/token/"): {"email": "olga@example.org", "password": "correct horse battery"},
        ("POST", "/api/v1/auth/token/refresh/"): {"refresh": "x"},
        ("POST", "/api/v1/auth/token/verify/"): {"token": "x"},
        ("POST", "/api/v1/auth/token/blacklist/"): {"refresh": "x"},
        ("POST", "/api/v1/auth/signup/"): {"email": "nina@example.org"},
        ("POST", "/api/v1/auth/signup/confirm/"): {"token": "x", "name": "Nina", "password": "correct horse battery"},
        ("PATCH", "/api/v1/auth/me/"): {"name": "Olga", "language": "", "time_zone": "Europe/Berlin"},
        ("POST", "/api/v1/books/"): {
            "name": "Flat",
            "base_currency": "EUR",
            "time_zone": "Europe/Berlin",
            "template": "household",
        },
        ("PATCH", BOOK): {"name": "House"},
        ("DELETE", BOOK): None,
        ("POST", BOOK + "restore/"): None,
        ("POST", "/api/v1/books/demo/"): None,
        ("POST", BOOK + "close-period/"): {"through": "2025-12-31"},
        ("POST", BOOK + "reopen-period/"): {"through": None},
        ("POST", BOOK + "accounts/"): {
            "name": "Purse",
            "type": "asset",
            "kind": "cash",
            "currency": "EUR",
            "parent": "Assets",
            "opening_balance": "5.00",
            "opened_on": "2026-01-01",
        },
        ("PATCH", BOOK + "accounts/{account_id}/"): {"name": "Giro"},
        ("POST", BOOK + "accounts/{account_id}/move/"): {"parent": None},
        ("POST", BOOK + "accounts/{account_id}/opening-balance/"): {"amount": "5.00", "on": "2026-01-01"},
        ("POST", BOOK + "accounts/{account_id}/close/"): {"on": "2026-06-30"},
        ("POST", BOOK + "entries/"): groceries,
        ("POST", BOOK + "entries/bulk/"): {"entries": [groceries]},
        ("POST", BOOK + "entries/{uid}/correct/"): groceries,
        ("POST", BOOK + "entries/{uid}/reverse/"): {"on": "2026-03-15", "description": "wrong"},
        ("PATCH", BOOK + "forecast/accounts/{account_id}/"): {"floor": "-500.00"},
        ("POST", BOOK + "forecast/kept/"): None,
        ("POST", BOOK + "goals/"): {"name": "Bicycle", "account": "Assets:Savings account", "target": "900.00"},
        ("PATCH", BOOK + "goals/{goal_id}/"): {"name": "Canoe"},
        ("DELETE", BOOK + "goals/{goal_id}/"): None,
        ("POST", BOOK + "goals/{goal_id}/moves/"): {"amount": "1.00"},
        ("POST", BOOK + "goals/{goal_id}/entries/"): {"entry": str(world["saving"])},
        ("POST", BOOK + "scenarios/"): {"name": "Half pay"},
        ("POST", BOOK + "scenarios/repayment/"): {"name": "Sooner", "strategy": "snowball", "extra": "50.00"},
        ("PATCH", BOOK + "scenarios/{scenario_id}/"): {"name": "Flat"},
        ("DELETE", BOOK + "scenarios/{scenario_id}/"): None,
        ("POST", BOOK + "scenarios/{scenario_id}/copy/"): {"name": "Again"},
        ("POST", BOOK + "scenarios/{scenario_id}/promote/"): None,
        ("POST", BOOK + "scenarios/{scenario_id}/steps/"): {
            "kind": "shock",
            "from": "2026-05-01",
            "flow": "income",
            "percent": 75,
        },
        ("PUT", BOOK + "scenarios/{scenario_id}/steps/{step_id}/"): {
            "kind": "one_off",
            "from": "2026-05-01",
            "account": "Assets:Checking account",
            "amount": "-900.00",
        },
        ("DELETE", BOOK + "scenarios/{scenario_id}/steps/{step_id}/"): None,
        ("POST", BOOK + "exchanges/"): {
            "date": "2026-03-14",
            "source_account": "Assets:Checking account",
            "source_amount": "100.00",
            "target_account": world["dollars"],
            "target_amount": "108.35",
            "payee": "Bank",
            "description": "for the trip",
        },
        ("POST", BOOK + "transfers/"): {
            "date": "2026-03-14",
            "source_account": "Assets:Checking account",
            "target_account": world["dollars"],
            "amount": "100.00",
            "target_amount": "108.35",
            "fee": "1.50",
            "fee_category": "Expenses:Food:Restaurants",
            "payee": "Bank",
            "description": "for the trip",
        },
        ("POST", BOOK + "transfer-fees/"): {
            "account": world["accounts"].savings.pk,
            "category": "Expenses:Food:Restaurants",
            "fixed": "1.00",
            "fixed_up_to": "100.00",
            "percent": "1",
            "minimum": "1.00",
            "maximum": "5.00",
        },
        ("PATCH", BOOK + "transfer-fees/{fee_id}/"): {"fixed": "2.00"},
        ("DELETE", BOOK + "transfer-fees/{fee_id}/"): None,
        ("PUT", BOOK + "entries/{uid}/refund/"): {"purchase": str(world["purchase"].uid)},
        ("DELETE", BOOK + "entries/{uid}/refund/"): None,
        ("POST", BOOK + "entries/changes/"): {
            "entries": [{"entry": str(world["ids"]["uid"])}],
            "account": "Expenses:Food:Restaurants",
        },
        ("POST", BOOK + "entries/merge-payees/"): {"names": ["Market"], "into": "Corner shop"},
        ("POST", BOOK + "changes/{change_id}/undo/"): {"skip_changed": True},
        ("POST", BOOK + "entry-templates/"): {"name": "Weekly shop", "lines": groceries["lines"]},
        ("DELETE", BOOK + "entry-templates/{template_id}/"): None,
        ("PUT", BOOK + "pay-period/"): {"day": 25, "shift": "before", "anchor": None, "weeks": None},
        ("DELETE", BOOK + "pay-period/"): None,
        ("POST", BOOK + "views/"): {"name": "Food", "query": "period=this-month", "shared": True},
        ("PATCH", BOOK + "views/{view_id}/"): {"name": "Eating out"},
        ("DELETE", BOOK + "views/{view_id}/"): None,
        ("POST", BOOK + "reports/{kind}/"): None,
        ("POST", BOOK + "saved-reports/"): {
            "name": "Our year",
            "kind": "spending",
            "parameters": {"period": "this-year"},
        },
        ("PATCH", BOOK + "saved-reports/{report_id}/"): {"name": "Spent"},
        ("DELETE", BOOK + "saved-reports/{report_id}/"): None,
        ("PUT", BOOK + "dashboard/"): {"cards": ["spending", "look"]},
        ("DELETE", BOOK + "dashboard/"): None,
        ("POST", BOOK + "exports/"): {"format": "archive"},
        ("POST", BOOK + "accounts/{account_id}/statements/"): {
            "start": "2026-03-01",
            "end": "2026-03-31",
            "opening": "0.00",
            "closing": "5.00",
        },
        ("POST", BOOK + "accounts/{account_id}/cleared/"): {"lines": [world["line"]], "cleared": True},
        ("PATCH", BOOK + "statements/{statement_id}/"): {"closing": "7.00"},
        ("DELETE", BOOK + "statements/{statement_id}/"): None,
        ("POST", BOOK + "statements/{statement_id}/tick/"): {"all_of": "period"},
        ("POST", BOOK + "statements/{statement_id}/untick/"): {"lines": [world["line"]]},
        ("POST", BOOK + "statements/{statement_id}/reconcile/"): {"version": 1},
        ("POST", BOOK + "statements/{statement_id}/reopen/"): None,
        ("POST", BOOK + "statements/{statement_id}/post-difference/"): {"account": "Expenses:Food:Restaurants"},
        ("PATCH", BOOK + "members/{membership_id}/"): {"role": "viewer", "accounts": [world["accounts"].cash.pk]},
        ("PUT", BOOK + "own-figures/"): {"left_out": [world["accounts"].savings.pk]},
        ("DELETE", BOOK + "members/{membership_id}/"): None,
        ("POST", BOOK + "invitations/"): {
            "email": "ben@example.org",
            "role": "viewer",
            "accounts": [world["accounts"].cash.pk],
        },
        ("DELETE", BOOK + "invitations/{invitation_id}/"): None,
        ("POST", "/api/v1/invitations/accept/"): {"token": world["token"]},
        ("POST", BOOK + "imports/"): {"account": str(world["accounts"].savings.pk), "profile": ""},
        ("POST", BOOK + "imports/{import_id}/decide/"): {
            "rows": [world["row"]],
            "decision": "ignore",
            "counter_account": "Expenses:Food:Groceries",
        },
        ("POST", BOOK + "imports/{import_id}/profile/"): {"date_order": "ymd", "delimiter": ",", "encoding": "utf-8"},
        ("POST", BOOK + "imports/{import_id}/statements/{statement_id}/assign/"): {
            "account": world["accounts"].savings.pk
        },
        ("POST", BOOK + "imports/{import_id}/confirm/"): {"opening_balance": False},
        ("POST", BOOK + "imports/{import_id}/undo/"): None,
        ("POST", BOOK + "imports/{import_id}/discard/"): None,
        ("POST", BOOK + "insights/{insight_id}/seen/"): None,
        ("POST", BOOK + "insights/{insight_id}/dismiss/"): None,
        ("POST", BOOK + "insights/{insight_id}/reopen/"): None,
        ("POST", BOOK + "insights/{insight_id}/mute-payee/"): None,
        ("PATCH", BOOK + "insights/rules/{kind}/"): {"enabled": False},
        ("POST", BOOK + "insights/{insight_id}/snooze/"): {"until": "2999-01-01"},
        ("POST", BOOK + "insights/{insight_id}/wake/"): None,
        ("POST", BOOK + "rules/"): {"name": "Late", "definition": RULE, "stop": True, "override": False},
        ("PATCH", BOOK + "rules/{rule_id}/"): {"name": "Other", "active": False, "stop": True},
        ("DELETE", BOOK + "rules/{rule_id}/"): None,
        ("POST", BOOK + "rules/{rule_id}/move/"): {"to": "up"},
        ("POST", BOOK + "rules/matches/"): {"definition": RULE},
        ("POST", BOOK + "rules/document/"): {"format": "lifeos-rules-1", "groups": []},
        ("POST", BOOK + "rule-groups/"): {"name": "More"},
        ("PATCH", BOOK + "rule-groups/{group_id}/"): {"name": "Later", "active": False},
        ("DELETE", BOOK + "rule-groups/{group_id}/"): None,
        ("POST", BOOK + "rule-groups/{group_id}/move/"): {"to": "up"},
        ("POST", BOOK + "rule-applications/"): {"since": "2026-01-01", "closed_too": False},
        ("POST", BOOK + "rule-applications/{application_id}/cancel/"): None,
        ("POST", BOOK + "rule-applications/{application_id}/resume/"): None,
        ("POST", BOOK + "rates/"): {"base": "USD", "quote": "EUR", "date": "2026-03-13", "rate": "0.9249"},
        ("PATCH", BOOK + "rates/{rate_id}/"): {"base": "GBP", "quote": "EUR", "date": "2026-03-12", "rate": "1.17"},
        ("DELETE", BOOK + "rates/{rate_id}/"): None,
        ("POST", BOOK + "rates/import/"): {"csv": "date,from,to,rate\n2026-03-13,USD,EUR,0.9249\n"},
        ("PATCH", BOOK + "rates/choice/"): {"own_exchanges": False, "reference": True, "crossing": False},
        ("POST", BOOK + "assets/{asset_id}/values/"): {"date": "2026-03-13", "value": "4500.00", "note": "dealer"},
        ("DELETE", BOOK + "assets/{asset_id}/values/{value_id}/"): None,
        ("POST", BOOK + "assets/{asset_id}/post-values/"): None,
        ("PUT", BOOK + "assets/{asset_id}/depreciation/"): {"months": 48, "residual": "1000.00"},
        ("DELETE", BOOK + "assets/{asset_id}/depreciation/"): None,
        ("POST", BOOK + "tags/"): {"name": "Trip", "colour": "teal"},
        ("PATCH", BOOK + "tags/{tag_id}/"): {"name": "Trips", "colour": "red"},
        ("DELETE", BOOK + "tags/{tag_id}/"): None,
        ("POST", BOOK + "tags/{tag_id}/merge/"): {"into": world["other_tag"]},
        ("PUT", BOOK + "entries/{uid}/tags/"): {"tags": ["Holiday"]},
        ("POST", BOOK + "entries/tags/"): {
            "entries": [str(world["ids"]["uid"])],
            "add": ["Trip"],
            "remove": ["Holiday"],
        },
        ("POST", BOOK + "entries/{uid}/attachments/"): {},
        ("DELETE", BOOK + "attachments/{attachment_id}/"): None,
        ("POST", BOOK + "budgets/"): {"name": "Limits", "kind": "tracking", "calendar": {"unit": "month", "day": 25}},
        ("PATCH", BOOK + "budgets/{budget_id}/"): {"name": "Ours"},
        ("DELETE", BOOK + "budgets/{budget_id}/"): None,
        ("PUT", BOOK + "budgets/{budget_id}/shares/"): {
            "shared_by": "percent",
            "shares": [{"member": world["owner"].pk, "share": "100"}],
        },
        ("POST", BOOK + "budgets/{budget_id}/lines/"): {
            "account": "Expenses:Food:Restaurants",
            "target": {"kind": "by_date", "amount": "5.00", "due": "2026-06-30"},
        },
        ("PATCH", BOOK + "budgets/{budget_id}/lines/{line_id}/"): {"carry": "none", "note": "less"},
        ("DELETE", BOOK + "budgets/{budget_id}/lines/{line_id}/"): None,
        ("POST", BOOK + "budgets/{budget_id}/assignments/"): {
            "line": world["ids"]["line_id"],
            "period": "2026-03-01",
            "amount": "5.00",
        },
        ("POST", BOOK + "budgets/{budget_id}/move/"): {
            "source": world["ids"]["line_id"],
            "target": world["other_line"],
            "period": "2026-03-01",
            "amount": "5.00",
        },
        ("POST", BOOK + "budgets/{budget_id}/copy/"): {"period": "2026-03-01", "source": "last"},
        ("POST", BOOK + "budgets/{budget_id}/fund/"): {"period": "2026-03-01"},
        ("POST", BOOK + "payees/"): {
            "name": "Aldi",
            "default_category": "Expenses:Food:Groceries",
            "aliases": ["ALDI"],
        },
        ("PATCH", BOOK + "payees/{payee_id}/"): {"aliases": ["REWE"]},
        ("DELETE", BOOK + "payees/{payee_id}/"): None,
        ("POST", BOOK + "payees/{payee_id}/rename/"): {"name": "Shop", "past": "alias"},
        ("POST", BOOK + "payees/{payee_id}/merge/"): {"into": world["other_payee"], "past": "alias"},
        ("POST", BOOK + "loans/"): {
            "name": "Studies",
            "account": world["debt"],
            "principal": "5000.00",
            "percent": "3.5",
            "start": "2026-01-01",
            "first_payment": "2026-02-01",
            "payments": 60,
        },
        ("PATCH", BOOK + "loans/{loan_id}/"): {"name": "Our car", "fee": "1.50"},
        ("DELETE", BOOK + "loans/{loan_id}/"): None,
        ("POST", BOOK + "loans/{loan_id}/payments/"): {"date": "2026-03-01", "amount": "400.00"},
        ("DELETE", BOOK + "loans/{loan_id}/payments/{loan_payment_id}/"): None,
        ("POST", BOOK + "loans/{loan_id}/charges/"): {"date": "2026-03-01", "amount": "3.00"},
        ("POST", BOOK + "loans/{loan_id}/rates/"): {"since": "2027-01-01", "percent": "4.25"},
        ("DELETE", BOOK + "loans/{loan_id}/rates/{loan_rate_id}/"): None,
        ("POST", BOOK + "loans/{loan_id}/movements/"): {"date": "2027-01-01", "kind": "extra", "amount": "50.00"},
        ("DELETE", BOOK + "loans/{loan_id}/movements/{loan_movement_id}/"): None,
        ("POST", BOOK + "loans/calculate/"): {
            "principal": "5000.00",
            "percent": "3.5",
            "start": "2026-01-01",
            "first_payment": "2026-02-01",
            "payments": 6,
        },
        ("POST", BOOK + "loans/payoff/"): {
            "extra": "10.00",
            "debts": [{"name": "Card", "balance": "500.00", "percent": "18", "minimum": "50.00"}],
        },
        ("POST", BOOK + "cards/"): {"account": world["accounts"].card.pk, "closing_day": 15, "due_day": 30},
        ("PATCH", BOOK + "cards/{card_id}/"): {"due_day": 28},
        ("DELETE", BOOK + "cards/{card_id}/"): None,
        **_people(world),
        ("POST", BOOK + "schedules/"): {
            "name": "Rent",
            "account": "Assets:Checking account",
            "amount": "-700.00",
            "lines": [{"account": world["accounts"].rent.pk, "amount": "700.00", "memo": "flat"}],
            "payee": "Landlord",
            "tags": ["Holiday"],
            "first": "2026-01-31",
            "unit": "month",
            "every": 1,
            "days": [15, 31],
            "shift": "before",
            "total": "8400.00",
        },
        ("PATCH", BOOK + "schedules/{schedule_id}/"): {"amount": "-15.00", "effective_from": "2026-05-01"},
        ("DELETE", BOOK + "schedules/{schedule_id}/"): None,
        ("POST", BOOK + "schedules/{schedule_id}/end/"): {"last": "2026-12-31"},
        ("POST", OCCURRENCE + "skip/"): None,
        ("POST", OCCURRENCE + "reopen/"): None,
        ("POST", OCCURRENCE + "move/"): {"to": "2026-03-25"},
        ("POST", OCCURRENCE + "pay/"): {"date": "2026-03-15", "amount": "-5.00", "complete": False},
        ("POST", OCCURRENCE + "link/"): {"entry": str(world["ids"]["uid"]), "complete": True},
        ("POST", OCCURRENCE + "unlink/"): {"entry": str(world["ids"]["uid"])},
        ("POST", OCCURRENCE + "refuse/"): {"entry": str(world["ids"]["uid"])},
        ("POST", BOOK + "schedules/from-calendar/"): {
            "ics": "BEGIN:VEVENT\nSUMMARY:Pay\nDTSTART:20260131\nRRULE:FREQ=DAILY\nEND:VEVENT",
            "account": "Assets:Checking account",
            "amount": "-7.00",
            "lines": [{"account": world["accounts"].rent.pk}],
        },
        ("POST", BOOK + "loans/{loan_id}/unlinked/"): {"split": True},
        ("POST", BOOK + "schedules/from-calendar/preview/"): {
            "ics": "BEGIN:VEVENT\nSUMMARY:Pay\nDTSTART:20260131\nRRULE:FREQ=DAILY\nEND:VEVENT"
        },
        ("POST", BOOK + "recurring/{finding_id}/schedule/"): {"amount": "-15.00", "tags": ["Holiday"]},
        ("POST", BOOK + "recurring/{finding_id}/dismiss/"): None,
        ("POST", BOOK + "recurring/{finding_id}/offer/"): None,
        ("POST", BOOK + "calendar-feed/"): {"with_amounts": True},
        ("PATCH", BOOK + "calendar-feed/"): {"with_amounts": True},
        ("DELETE", BOOK + "calendar-feed/"): None,
        ("POST", BOOK + "webhooks/"): {"url": URL, "description": "Robot", "event_types": ["finance.book.renamed"]},
        ("PATCH", BOOK + "webhooks/{webhook_id}/"): {"description": "Other", "active": True, "event_types": []},
        ("DELETE", BOOK + "webhooks/{webhook_id}/"): None,
        ("POST", BOOK + "webhooks/{webhook_id}/rotate-secret/"): {"overlap_hours": 1},
        ("POST", BOOK + "webhooks/{webhook_id}/test/"): None,
        ("POST", BOOK + "webhooks/{webhook_id}/replay/"): {"since": "2026-03-01T00:00:00Z"},
        ("POST", BOOK + "webhooks/{webhook_id}/deliveries/{delivery_id}/replay/"): None,
    }


def _people(world):
    """What people share, owe and are invoiced."""
    ben, invoice = world["ben"], BOOK + "invoices/{invoice_id}/"
    bill = {
        "date": "2026-03-10", "description": "Supper", "currency": "EUR", "total": "10.00", "paid_by": "me", "method": "equal",
        "shares": [{"person": "me"}, {"person": ben}], "account": "Assets:Cash", "category": "Expenses:Food:Groceries",
    }  # fmt: skip
    line = {"text": "Work", "quantity": "1.5", "price": "40.00", "tax_rate": "0"}
    return {
        ("POST", BOOK + "people/"): {"name": "Dora", "email": "dora@example.org", "address": "", "note": "", "archived": False},
        ("PATCH", BOOK + "people/{person_id}/"): {"note": "x", "member": world["owner"].pk},
        ("DELETE", BOOK + "people/{person_id}/"): None,
        ("POST", BOOK + "people/{person_id}/movements/"): {
            "kind": "lent", "date": "2026-03-02", "amount": "5.00", "account": "Assets:Cash", "due_on": "2026-04-01", "note": "",
        },
        ("POST", BOOK + "people/{person_id}/accounts/"): {"account": world["uncle"]},
        ("POST", BOOK + "claims/"): {
            "person": ben, "due_on": "2026-05-01", "amount": "5.00", "currency": "EUR", "money_account": "Assets:Cash", "note": "",
        },
        ("DELETE", BOOK + "claims/{claim_id}/"): None,
        ("POST", BOOK + "cost-groups/"): {"name": "Trip", "people": [ben], "simplify": True, "archived": False},
        ("PATCH", BOOK + "cost-groups/{cost_group_id}/"): {"name": "House", "people": [ben]},
        ("DELETE", BOOK + "cost-groups/{cost_group_id}/"): None,
        ("POST", BOOK + "cost-groups/{cost_group_id}/pass-on/"): None,
        ("POST", BOOK + "cost-groups/{cost_group_id}/splitwise/"): {
            "csv": "Date,Description,Category,Cost,Currency,Olga,Ben\n2026-03-01,Dinner,x,10.00,EUR,5.00,-5.00\n", "me": "Olga",
            "account": "Assets:Cash", "category": "Expenses:Food:Groceries",
        },
        ("POST", BOOK + "shared-bills/"): bill,
        ("POST", BOOK + "shared-bills/preview/"): bill,
        ("PATCH", BOOK + "shared-bills/{bill_id}/"): {"total": "31.00", "description": "Lunch"},
        ("DELETE", BOOK + "shared-bills/{bill_id}/"): None,
        ("POST", BOOK + "shared-bills/{bill_id}/refunds/"): {
            "date": "2026-03-20", "amount": "3.00", "received_by": "me", "account": "Assets:Cash",
        },
        ("POST", BOOK + "settlements/"): {
            "date": "2026-03-20", "payer": ben, "payee": "me", "amount": "1.00", "currency": "EUR", "account": "Assets:Cash",
            "note": "",
        },
        ("POST", BOOK + "settlements/exchange/"): {
            "person": ben, "date": "2026-03-20", "currency": "EUR", "against": "USD", "rate": "0.9", "amount": "1.00",
        },
        ("DELETE", BOOK + "settlements/{settlement_id}/"): None,
        ("POST", BOOK + "invoices/"): {
            "person": ben, "currency": "EUR", "issued_on": "2026-03-10", "due_on": "2026-04-01", "lines": [line],
            "income": "Income:Salary", "money_account": "Assets:Cash", "sender": "", "note": "",
        },
        ("POST", BOOK + "recurring-invoices/"): {
            "person": ben, "currency": "EUR", "lines": [line], "income": "Income:Salary", "first": "2030-01-31", "unit": "month",
            "every": 1, "until": None, "term": 14, "money_account": "Assets:Cash", "sender": "", "note": "",
        },
        ("PATCH", BOOK + "recurring-invoices/{recurring_invoice_id}/"): {"every": 2, "until": "2031-01-01"},
        ("DELETE", BOOK + "recurring-invoices/{recurring_invoice_id}/"): None,
        ("PATCH", invoice): {"note": "thanks", "lines": [line]},
        ("DELETE", invoice): None,
        ("POST", invoice + "send/"): {"issued_on": "2026-03-10", "due_on": "2026-04-01"},
        ("POST", invoice + "cancel/"): None,
        ("POST", invoice + "write-off/"): {"category": "Expenses:Food:Groceries", "date": "2026-03-20", "with_tax": False},
        ("POST", invoice + "reminders/"): None,
        ("POST", invoice + "payments/"): {"date": "2026-03-20", "amount": "1.00", "account": "Assets:Cash"},
        ("DELETE", invoice + "payments/{payment_id}/"): None,
    }  # fmt: skip


@pytest.fixture(autouse=True)
def _as_the_server_reads(monkeypatch):
    """Requests are made as the web processes make them, and nothing is throttled but what is tested elsewhere."""
    monkeypatch.setattr("django.test.client.WSGIRequest", TolerantRequest)
    monkeypatch.setattr("rest_framework.throttling.SimpleRateThrottle.allow_request", lambda *_: True)
    monkeypatch.setattr("finance.api.members.may_invite", lambda **_: True)
    monkeypatch.setattr("finance.webhooks.services.may_test", lambda **_: True)


# What only an account that holds money has.
OF_HOLDINGS = tuple(
    f"{{account_id}}/{each}/" for each in ("statements", "cleared", "statements/offered", "opening-balance")
)


def address(path, ids, **instead):
    """The operation's path with ids of the world, or with those given instead."""
    if "imports/" not in path:
        # Statements of accounts, and the accounts that have them.
        ids = ids | {"statement_id": ids["even_id" if path.endswith("reconcile/") else "account_statement_id"]}
    if "reports/{kind}/" in path:
        ids = ids | {"kind": "spending"}
    if path.endswith((*OF_HOLDINGS, "forecast/accounts/{account_id}/")):
        ids = ids | {"account_id": ids["savings_id"]}
    if path.endswith(("/cancel/", "/write-off/", "/reminders/", "/payments/")) and "invoice_id" in path:
        ids = ids | {"invoice_id": ids["sent_invoice"]}
    if path.endswith("{payment_id}/"):
        ids = ids | {"invoice_id": ids["paid_invoice"]}
    ids = ids | instead
    return re.sub(r"\{(\w+)\}", lambda found: str(ids[found[1]]), path)


def ask(world, name, body=None, *, path=None, **headers):
    """Call the operation; a dict is sent as it should be, bytes as they are."""
    method, template = name
    path = path or address(template, world["ids"])
    if name in WITH_FILE and isinstance(body, dict):
        file = io.BytesIO(CSV.replace(b"2026", b"2025") if name[1].endswith("imports/") else b"%PDF-1.4")
        file.name = "other.csv"
        return world["client"].post(path, {"file": file, **body}, format="multipart", headers=headers)
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return world["client"].generic(method, path, content, content_type="application/json", headers=headers)


def prepare(world, name):
    """What an action needs that the world does not have in common."""
    if name[1].endswith("/{import_id}/undo/"):
        assert ask(world, ("POST", BOOK + "imports/{import_id}/confirm/"), {}).status_code == 200
    if name == ("DELETE", BOOK + "entries/{uid}/refund/"):
        given = ("PUT", name[1])
        assert ask(world, given, bodies(world)[given]).status_code == 200
    if name[1].endswith("/unlink/"):
        given = ("POST", OCCURRENCE + "link/")
        assert ask(world, given, bodies(world)[given]).status_code == 200
    if name[1].endswith("/scenarios/repayment/"):
        debt = Loan.objects.get(pk=world["ids"]["loan_id"]).account_id
        lines = [
            {"account": debt, "amount": "-9000.00"},
            {"account": world["accounts"].checking.pk, "amount": "9000.00"},
        ]
        given = ("POST", BOOK + "entries/")
        assert ask(world, given, {"date": "2026-01-01", "payee": "Bank", "lines": lines}).status_code == 201
    if name[1].endswith("/restore/"):
        assert ask(world, ("DELETE", BOOK)).status_code == 202
    if name[1].endswith("/reopen-period/"):
        assert ask(world, ("POST", BOOK + "close-period/"), {"through": "2025-12-31"}).status_code == 200
    for ending, model, state in (
        ("/offer/", RecurringFinding, "dismissed"),
        ("/{application_id}/cancel/", RuleApplication, "running"),
        ("/{application_id}/resume/", RuleApplication, "cancelled"),
    ):
        if name[1].endswith(ending):
            model.objects.update(state=state)
    if name[1].endswith("/reopen/"):
        Insight.objects.filter(pk=world["insight"].pk).update(state="dismissed")


@contextmanager
def undone():
    """What one operation changes is not missed by the next."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def told(response):
    assert response.status_code < 500, response.content[:300]
    return response


def test_the_walk_knows_a_body_for_every_change(world):
    assert set(bodies(world)) == set(CHANGES)


# --- Idempotency-Key -------------------------------------------------------------------------------------------------


def test_every_change_takes_a_key_or_says_why_not():
    keyed = {name for name in CHANGES if "Idempotency-Key" in str(contract.operations()[name].get("parameters"))}
    assert keyed | set(WITHOUT_KEY) == set(CHANGES)
    assert not keyed & set(WITHOUT_KEY)
    documented = (settings.BASE_DIR / "docs" / "api.md").read_text()
    assert all(f"| `{method} {path}` |" in documented for method, path in WITHOUT_KEY)


@pytest.mark.parametrize("name", [name for name in CHANGES if name not in WITHOUT_KEY], ids=" ".join)
def test_a_change_happens_once_per_key(world, name):
    prepare(world, name)
    body = bodies(world)[name]
    key = {"idempotency-key": "once"}
    first = ask(world, name, body, **key)
    assert first.status_code in (200, 201, 202, 204), first.content
    assert "Idempotent-Replayed" not in first
    again = ask(world, name, body, **key)
    assert (again.status_code, again.get("Idempotent-Replayed")) == (first.status_code, "true")
    if first.content:
        once = ("link", "secret", "url") if "calendar-feed" in name[1] else ("link", "secret")
        secrets = {member for member in once if member in first.json()}
        assert all(first.json()[member] and again.json()[member] is None for member in secrets)
        assert {**again.json(), **{member: first.json()[member] for member in secrets}} == first.json()
        kept = IdempotencyRecord.objects.get(key="once").answer
        assert all(str(first.json()[member]) not in json.dumps(kept) for member in secrets)
    else:
        assert again.content == b""
    other = ask(world, name, {"other": 1} if name not in WITH_FILE else {"account": "1"}, **key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")


# --- Strictness ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHANGES, ids=" ".join)
def test_a_member_that_is_not_known_is_refused_by_name(world, name):
    prepare(world, name)
    answer = ask(world, name, {**(bodies(world)[name] or {}), "unheard_of": "1"})
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["fields"]) == ["unheard_of"]


def places(body, path=()):
    """Every value of a body by its path; of a list its first item only."""
    for key, value in body.items() if isinstance(body, dict) else enumerate(body[:1]):
        yield (*path, key), value
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def with_value(body, path, value):
    if not path:
        return value
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[path[0]] = with_value(body[path[0]], path[1:], value)
    return copy


def of_another_type(value):
    match value:
        case bool():
            return ["true", "yes", 1, 0, [], {}]
        case int():
            return [True, f"{value}x", 1.5, [], {}]
        case str():
            return [0, True, 1.5, [], {}]
        case list():
            return ["x", 0, {}, True]
        case dict():
            return ["x", 0, [1], True]
    return []


NAMES_OF_ACCOUNTS = ("account", "parent", "counter_account", "source_account", "target_account", "default_category")
IN_JSON = [name for name in CHANGES if name not in WITH_FILE]


@pytest.mark.parametrize("name", IN_JSON, ids=" ".join)
def test_a_value_of_another_type_is_refused_at_its_place(world, name):
    body = bodies(world)[name]
    for path, value in places(body or {}):
        for wrong in of_another_type(value):
            if type(wrong) in (int, str) and path[-1] in NAMES_OF_ACCOUNTS:
                continue  # an account is named by its id or its path
            answer = ask(world, name, with_value(body, path, wrong))
            place = ".".join(map(str, path))
            assert answer.status_code == 400, (path, wrong, answer.content)
            fields = answer.json()["fields"]
            assert fields == {} or any(place.startswith(each) or each.startswith(place) for each in fields), fields


# --- No input is a fault ---------------------------------------------------------------------------------------------

HOSTILE = [
    *("\x00", "a\x00b", "x" * 5000, "ä" * 254, "0001-01-01", "9999-12-31", "9999-12-31T23:59:59Z", "10000-01-01"),
    *("0001-01-01T00:00:00+14:00", "zip", "hex", "rot13", "EUR\x00", "1e999", "-0", "٣", "", " ", "\u202e", "..", "%"),
    *(0, -1, 2**63, 2**70, 1e308, True, None, [], {}, [[]], [None], {"": None}, ["\x00"]),
    *("a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".example", "ﷺ" * 100 + "@example.org", "x@" + "ü" * 60 + ".org"),
]


AT_EACH_PLACE = ("\x00", "x" * 5000, "9999-12-31", "0001-01-01", 2**70, [None], None)


@pytest.mark.parametrize("name", IN_JSON, ids=" ".join)
def test_no_body_is_a_fault(world, name):
    body = bodies(world)[name]
    for value in HOSTILE:
        told(ask(world, name, dict.fromkeys(body or {}, value)))
    for number, (path, _value) in enumerate(places(body or {})):
        # Half of the values at each place, in turn; every place of a body passes through the same few readers.
        for value in AT_EACH_PLACE[number % 2 :: 2]:
            told(ask(world, name, with_value(body, path, value)))
        told(ask(world, name, json.dumps(with_value(body, path, "?")).replace('"?"', r'"\ud800"').encode()))
    for raw in (b"", b"{", b"[]", b"null", b"\xff", b'"x"', b"[" * 5000, b"9" * 100_000, b'{"\\ud800": 1}'):
        told(ask(world, name, raw))


PROFILE_PATH = BOOK + "imports/"


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"encoding": encoding}
            for encoding in ("zip", "hex", "rot13", "base64", "bz2", "a\x00", "\ud800", "", "idna")
        ),
        *({"encoding": encoding} for encoding in ("undefined", "unicode_escape", "punycode", "mbcs", "x" * 5000)),
        *(
            {"currency": "E\x00"},
            {"currency": "x" * 5000},
            {"header": ["\x00"]},
            {"header": [1]},
            {"delimiter": "\x00"},
        ),
        *({"date_column": 2**70}, {"payee_columns": [True]}, {"unheard_of": 1}),
    ],
)
def test_a_profile_is_refused_by_field_at_both_doors(world, change):
    base = {"date_column": 0, "amount_column": 3, "delimiter": ",", "date_order": "ymd"}
    name = ("POST", BOOK + "imports/{import_id}/profile/")
    answers = [
        told(ask(world, name, change)),
        told(
            ask(
                world,
                ("POST", PROFILE_PATH),
                {"account": str(world["accounts"].savings.pk), "profile": json.dumps({**base, **change})},
            )
        ),
    ]
    if change != {"encoding": ""}:
        assert [answer.status_code for answer in answers] == [400, 400]
    assert world["batch"].statements.exists()


def test_a_long_profile_that_is_no_json_is_refused(world):
    for text in ("[" * 100_000, "9" * 100_000, '{"a": 1, "a": 2}', "null", "{", '{"encoding": "\\ud800"}'):
        answer = ask(world, ("POST", PROFILE_PATH), {"account": str(world["accounts"].savings.pk), "profile": text})
        assert answer.status_code == 400, text[:20]


# gunicorn takes 4,094 bytes of a request line.
LONGEST = "9" * 3900
QUERIES = [
    *("%00", "%ff", "%ed%a0%80", "%", "%zz", "a%00b", LONGEST, "-1", "0", "1.5", "1e400", "NaN", "Infinity", "%2b1"),
    *(
        "9" * 19,
        "9" * 30,
        "0001-01-01",
        "9999-12-31",
        "10000-01-01",
        "true",
        "a" * 5000,
        "a:b:c",
        "%F0%9F%8D%8E",
        "1%2f0",
    ),
]


def test_no_query_is_a_fault(world):
    """Each value comes to every third parameter; parameters of one name are read by one field."""
    for place, name in enumerate(NAMES):
        method, template = name
        names = {each["name"] for each in contract.operations()[name].get("parameters", []) if each["in"] == "query"}
        path = address(template, world["ids"])
        if method != "GET":
            with undone():
                told(world["client"].generic(method, f"{path}?%ff=%00&x=%ed%a0%80"))
            continue
        asked = list(product(sorted(names), QUERIES))[place % 3 :: 3]
        for parameter, value in (*asked, ("x", "1"), ("x", "%ff"), ("%00", "%00")):
            told(world["client"].get(f"{path}?{parameter}={value}"))
        for parameter in sorted(names):
            answer = world["client"].get(f"{path}?{parameter}=")
            assert (answer.status_code, list(answer.json().get("fields", ()))) == (400, [parameter]), name


def test_no_id_in_an_address_is_a_fault(world):
    for place, name in enumerate(NAMES):
        for parameter in re.findall(r"\{(\w+)\}", name[1]):
            values = (
                "0",
                "9" * 18,
                "9" * 19,
                "9" * 30,
                LONGEST,
                "-1",
                "%00",
                "%ff",
                "%ed%a0%80",
                "%D9%A3",
                "x",
            )
            for value in values[place % 2 :: 2]:
                path = address(name[1], world["ids"], **{parameter: value})
                with undone():
                    answer = told(ask(world, name, {}, path=path))
                assert answer.status_code in (400, 404, 405), (path[:80], answer.status_code)


def test_no_header_is_a_fault(world):
    """Headers are read before an operation is chosen: each comes to a part of the operations, all to each method."""
    for place, name in enumerate(NAMES):
        path = address(name[1], world["ids"])
        anonymous = APIClient(raise_request_exception=False)
        kinds = (
            *("application/json; charset=zip", "application/json; charset=unheard", "application/json; x*=zip''%41"),
            *(
                "multipart/form-data; boundary=x; charset=zip",
                "multipart/form-data",
                "application/x-www-form-urlencoded; charset=hex",
            ),
            *("", ";", "a", "*/*", "multipart/form-data; boundary=\xff", "multipart/form-data; boundary=" + "x" * 300),
        )
        for kind in kinds[place % 4 :: 4]:
            with undone():
                told(world["client"].generic(name[0], path, b"--x\r\n\r\n--x--", content_type=kind))
            told(anonymous.generic(name[0], path, b"--x\r\n\r\n--x--", content_type=kind))
        for accepted in ("text/html; q*=zip''%41", "\xff", ";", "*", "a/b; charset=zip")[place % 5 :][:1]:
            told(anonymous.generic(name[0], path, headers={"accept": accepted}))
        wrong = (
            "Bearer",
            "Bearer x y",
            "Bearer \xff",
            "Bearer " + "W" * 8000 + ".e30.x",
            "Basic eA==",
            "Bearer ..",
            DEEP,
        )
        for credentials in wrong[place % 7 :][:1]:
            answer = told(anonymous.generic(name[0], path, headers={"authorization": credentials}))
            assert answer.status_code in (400, 401, 406, 415), answer.content


# A header of brackets only, thousands deep.
DEEP = "Bearer " + "W1tb" * 2000 + ".e30.x"


@pytest.mark.parametrize("method", ["TRACE", "FOO", "CONNECT", "PROPFIND", "PUT"])
def test_methods_that_no_operation_has_are_refused_with_those_that_it_has(world, method):
    for name in NAMES:
        if (method, name[1]) in NAMES:
            continue
        answer = world["client"].generic(method, address(name[1], world["ids"]))
        assert answer.status_code == 405, (method, name)
        assert name[0] in answer["Allow"]
        assert answer.json()["code"] == "method_not_allowed"


def test_a_stranger_is_refused_before_the_body_is_read(world, monkeypatch):
    def read(*args):
        raise AssertionError("the body was read")

    monkeypatch.setattr("core.api.parsers.read_json", read)
    anonymous = APIClient(raise_request_exception=False)
    for name in IN_JSON:
        if name not in WITHOUT_KEY:
            answer = anonymous.generic(name[0], address(name[1], world["ids"]), b"{}", content_type="application/json")
            assert answer.status_code == 401, name


def test_an_open_door_takes_a_short_body_only(world):
    body = b'{"email": "' + b"x" * 65_536 + b'"}'
    for name in WITHOUT_KEY:
        assert ask(world, name, body).status_code == 413, name
