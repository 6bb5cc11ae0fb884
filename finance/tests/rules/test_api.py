"""Rules over the API: every route for everybody, and what the answers hold."""

import pytest
from django.db import transaction

from finance.api import urls
from finance.ledger import services as ledger
from finance.rules import services
from finance.rules.models import Rule, RuleApplication
from platform_outbox.operations.services import carry_out

CONDITIONS = [{"field": "payee", "test": "words", "value": "rewe"}]
NEW = {"name": "New", "definition": {"conditions": CONDITIONS, "actions": [{"do": "ignore"}]}}
READ, EDIT = "read", "edit"
ROUTES = [
    ("api-rules", "get", READ, None),
    ("api-rules", "post", EDIT, NEW),
    ("api-rules-matches", "post", EDIT, {"definition": NEW["definition"]}),
    ("api-rules-dry-run", "get", READ, None),
    ("api-rules-document", "get", READ, None),
    ("api-rules-document", "post", EDIT, {"format": "lifeos-rules-1", "groups": []}),
    ("api-rule", "get", READ, None),
    ("api-rule", "patch", EDIT, {"active": False}),
    ("api-rule", "delete", EDIT, None),
    ("api-rule-move", "post", EDIT, {"to": "up"}),
    ("api-rule-versions", "get", READ, None),
    ("api-rule-log", "get", READ, None),
    ("api-rule-groups", "get", READ, None),
    ("api-rule-groups", "post", EDIT, {"name": "More"}),
    ("api-rule-group", "get", READ, None),
    ("api-rule-group", "patch", EDIT, {"active": False}),
    ("api-rule-group", "delete", EDIT, None),
    ("api-rule-group-move", "post", EDIT, {"to": "down"}),
    ("api-rule-applications", "get", READ, None),
    ("api-rule-applications", "post", EDIT, {}),
    ("api-rule-application", "get", READ, None),
    ("api-rule-application-cancel", "post", EDIT, {}),
    ("api-rule-application-resume", "post", EDIT, {}),
]
REFUSALS = {"anonymous": 401, "stranger": 404, "viewer": 403}


@pytest.fixture
def ids(save, book, owner):
    rule = save()
    empty = services.add_group(book=book, name="Empty")
    application = services.apply_to_past(book=book, actor=owner)
    services.apply_step(application_id=application.pk)
    return {"rule_id": rule.pk, "group_id": empty.pk, "application_id": application.pk, "book_id": book.pk}


def ask(client, route, method, body, ids):
    address = str(next(each for each in urls.urlpatterns if each.name == route).pattern)
    for name, value in ids.items():
        address = address.replace(f"<int:{name}>", str(value))
    return (
        getattr(client, method)(f"/api/v1/{address}", body, format="json")
        if body is not None
        else getattr(client, method)(f"/api/v1/{address}")
    )


def test_the_table_names_every_route():
    assert {route for route, *_rest in ROUTES} == {
        each.name for each in urls.urlpatterns if each.name.startswith("api-rule")
    }


@pytest.mark.parametrize(("route", "method", "takes", "body"), ROUTES, ids=[f"{r[1]}-{r[0]}" for r in ROUTES])
def test_each_route_serves_whom_it_should(clients, ids, foreign, route, method, takes, body):
    if "cancel" in route or "resume" in route:
        RuleApplication.objects.update(state="running")
    if "resume" in route:
        services.cancel_application(application=RuleApplication.objects.get())
    for person, client in clients.items():
        allowed = person in ("editor", "owner") or (takes == READ and person == "viewer")
        with transaction.atomic():
            answer = ask(client, route, method, body, ids)
            assert (answer.status_code in (200, 201, 204)) if allowed else answer.status_code == REFUSALS[person], (
                person,
                answer.content,
            )
            transaction.set_rollback(True)
    assert ask(clients["owner"], route, method, body, {**ids, "book_id": foreign[0].pk}).status_code == 404
    for name in ("rule_id", "group_id", "application_id"):
        if name in str(next(each for each in urls.urlpatterns if each.name == route).pattern):
            assert ask(clients["owner"], route, method, body, {**ids, name: 10**9}).status_code == 404


def test_a_rule_of_another_book_leads_nowhere(api, ids, stranger, url):
    other = ledger.create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    rule = services.save_rule(book=other, actor=stranger, name="X", definition=NEW["definition"])
    assert api.get(url(f"rules/{rule.pk}/")).status_code == 404
    assert api.post(url("rule-applications/"), {"rule": rule.pk}, format="json").status_code == 404
    assert api.get(url(f"rules/dry-run/?rule={rule.pk}")).status_code == 404
    assert api.post(url("rules/"), {**NEW, "group": rule.group_id}, format="json").status_code == 404


def test_a_rule_is_made_changed_and_removed(api, url, accounts):
    made = api.post(url("rules/"), NEW, format="json").json()
    assert (made["version"], made["active"], made["definition"]) == (1, True, NEW["definition"])
    definition = {"conditions": CONDITIONS, "actions": [{"do": "category", "account": accounts.groceries.pk}]}
    changed = api.patch(url(f"rules/{made['id']}/"), {"definition": definition, "active": False}, format="json").json()
    assert (changed["version"], changed["active"]) == (2, False)
    versions = api.get(url(f"rules/{made['id']}/versions/")).json()["results"]
    assert [(each["number"], each["saved_by"]) for each in versions] == [
        (2, "olga@example.org"),
        (1, "olga@example.org"),
    ]
    assert api.delete(url(f"rules/{made['id']}/")).status_code == 204
    assert api.get(url("rules/")).json()["results"] == []
    assert api.get(url(f"rules/{made['id']}/")).status_code == 404
    assert len(api.get(url(f"rules/{made['id']}/versions/")).json()["results"]) == 2


def test_a_refusal_names_the_place(api, url):
    bad = {
        "name": "N",
        "definition": {
            "conditions": [{"field": "payee", "test": "matches", "value": "("}],
            "actions": [{"do": "category", "account": 10**9}],
        },
    }
    answer = api.post(url("rules/"), bad, format="json")
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["definition.conditions.0.value"]
    bad["definition"]["conditions"] = CONDITIONS
    assert api.post(url("rules/"), bad, format="json").json()["fields"] == {
        "definition.actions.0.account": ["This book has no such account."]
    }


def test_the_log_names_rows_and_versions(api, url, save, stage):
    rule = save()
    stage()
    (entry,) = api.get(url(f"rules/{rule.pk}/log/")).json()["results"]
    assert (entry["version"], entry["changes"], entry["entry"]) == (1, {"ignored": [False, True]}, None)


def test_dry_run_and_application(api, url, save, spend, accounts, book):
    entry = spend(12_34, payee="Rewe", category=book.accounts.get(name="Uncategorised", type="expense"))
    spend(1_00, payee="Rewe", category=accounts.restaurants)
    rule = save(actions=[{"do": "category", "account": accounts.groceries.pk}])
    found = api.get(url(f"rules/dry-run/?rule={rule.pk}&since=2026-01-01")).json()
    assert (found["looked"], found["kept"], found["next"]) == (2, 1, None)
    (change,) = found["results"]
    assert (change["entry"], change["rules"], change["closed"]) == (str(entry.uid), [rule.pk], False)
    assert {"account": accounts.groceries.pk, "amount": "12.34", "memo": ""} in change["new_lines"]
    started = api.post(url("rule-applications/"), {"rule": rule.pk}, format="json").json()
    assert started["state"] == "waiting"
    assert api.post(url("rule-applications/"), {}, format="json").status_code == 409
    carry_out(run_id=RuleApplication.objects.get().run_id, goes_on=lambda: True)
    done = api.get(url(f"rule-applications/{started['id']}/")).json()
    assert (done["state"], done["looked"], done["changed"]) == ("done", 2, 1)


def test_matches_of_a_draft(api, url, spend):
    spend(1_00, payee="Rewe")
    answer = api.post(url("rules/matches/"), {"definition": NEW["definition"]}, format="json")
    assert answer.json() == {"matched": 1, "looked": 1}


def test_rules_travel(api, url, save):
    save()
    document = api.get(url("rules/document/")).json()
    Rule.objects.update(removed_at="2026-03-01T00:00:00Z")
    answer = api.post(url("rules/document/"), document, format="json")
    assert [rule["name"] for rule in answer.json()["rules"]] == ["Groceries"]
    assert api.post(url("rules/document/"), {**document, "format": "x"}, format="json").json()["fields"]["format"]


def test_rows_show_what_rules_did(api, url, save, stage, accounts):
    save(
        actions=[
            {"do": "payee", "value": "REWE"},
            {
                "do": "split",
                "parts": [
                    {"account": accounts.rent.pk, "amount": "5"},
                    {"account": accounts.groceries.pk, "rest": True},
                ],
            },
        ]
    )
    batch = stage()
    row = next(each for each in api.get(url(f"imports/{batch.pk}/rows/")).json()["results"] if each["payee"] == "Rewe")
    assert (row["new_payee"], row["split"][0]) == ("REWE", {"account": accounts.rent.pk, "amount": "-5.00", "note": ""})
    api.post(url(f"imports/{batch.pk}/decide/"), {"rows": [row["id"]], "payee": "Mine"}, format="json")
    row = next(each for each in api.get(url(f"imports/{batch.pk}/rows/")).json()["results"] if each["payee"] == "Rewe")
    assert row["new_payee"] == "Mine"


def test_lists_cost_the_same_queries_however_long(api, url, save, django_assert_max_num_queries):
    for name in "abcdef":
        save(name)
    with django_assert_max_num_queries(5):
        api.get(url("rules/"))
    with django_assert_max_num_queries(6):
        api.get(url("rules/dry-run/"))
