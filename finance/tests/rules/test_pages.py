# ruff: noqa: E501
"""The pages of rules, for everybody; forms that work without scripts."""

import datetime
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from finance.imports.models import ImportRow
from finance.imports.services import decide_rows
from finance.rules import services
from finance.rules.models import Rule, RuleApplication, RuleGroup
from finance.tests.web.conftest import _today  # noqa: F401
from platform_outbox.operations.services import carry_out

READING = ["rules/", "rules/{rule}/", "rules/dry-run/", "rules/applications/{application}/", "rules/export/"]
WRITING = ["rules/new/", "rules/import/", "rules/{rule}/edit/"]
FORM = {
    "name": "Food", "match": "all", "conditions-count": "2", "parts-count": "0",
    "c0-what": "payee:words", "c0-value": "rewe markt", "c1-what": "direction:out",
}  # fmt: skip


@pytest.fixture
def names(save, book, owner, accounts):
    rule = save(actions=[{"do": "category", "account": accounts.groceries.pk}])
    application = services.apply_to_past(book=book, actor=owner)
    services.apply_step(application_id=application.pk)
    return {"rule": rule.pk, "group": rule.group_id, "application": application.pk}


def text(answer):
    return " ".join(answer.content.decode().split())


@pytest.mark.parametrize(
    ("person", "expected"), [(None, 302), ("stranger", 404), ("viewer", 200), ("editor", 200), ("owner", 200)]
)
def test_pages_open_for_members(page, names, person, expected):
    paths = [path.format(**names) for path in READING]
    assert {path: page(person, path).status_code for path in paths} == dict.fromkeys(paths, expected)


@pytest.mark.parametrize(
    ("person", "expected"), [(None, 302), ("stranger", 404), ("viewer", 403), ("editor", 200), ("owner", 200)]
)
def test_pages_for_writing_open_for_editors(page, names, person, expected):
    paths = [path.format(**names) for path in WRITING]
    assert {path: page(person, path).status_code for path in paths} == dict.fromkeys(paths, expected)


@pytest.mark.parametrize(("person", "expected"), [(None, 302), ("stranger", 404), ("viewer", 403), ("editor", 302)])
def test_forms_change_for_editors_only(send, names, accounts, person, expected):
    before = list(Rule.objects.values())
    forms = {
        "rules/new/": {**FORM, "account": accounts.groceries.pk},
        "rules/{rule}/edit/": {**FORM, "name": "Other", "account": accounts.groceries.pk},
        "rules/{rule}/move/": {"to": "up"},
        "rules/{rule}/switch/": {"active": "off"},
        "rules/groups/new/": {"name": "More"},
        "rules/groups/{group}/": {"do": "off"},
        "rules/apply/": {"rule": "", "since": "", "until": ""},
        "rules/applications/{application}/change/": {"do": "cancel"},
        "rules/{rule}/remove/": {},
    }
    answers = {path: send(person, path.format(**names), data).status_code for path, data in forms.items()}
    assert answers == dict.fromkeys(forms, expected)
    assert (list(Rule.objects.values()) == before) == (expected != 302 or person is None)


def test_a_rule_is_written_shown_and_changed_without_a_script(send, page, book, accounts):
    data = {**FORM, "conditions-count": "4", "c2-what": "amount:between", "c2-value": "5,50", "c2-to": "80", "c3-what": "weekday:is", "c3-value": "6 7",
            "c2-bracket": "a", "c3-bracket": "a", "payee": "REWE", "stop": "on", "account": accounts.groceries.pk}  # fmt: skip
    send("editor", "rules/new/", data)
    rule = Rule.objects.get()
    assert rule.definition == {
        "match": "all",
        "conditions": [
            {"field": "payee", "test": "words", "value": "rewe markt"},
            {"field": "direction", "test": "is", "value": "out"},
            {"match": "any", "conditions": [
                {"field": "amount", "test": "between", "value": {"from": "5.50", "to": "80"}},
                {"field": "weekday", "test": "is", "value": [6, 7]},
            ]},
        ],
        "actions": [{"do": "payee", "value": "REWE"}, {"do": "category", "account": accounts.groceries.pk}],
    }  # fmt: skip
    assert (rule.stop, rule.override) == (True, False)
    listed = text(page("viewer", "rules/"))
    assert (
        "If Payee has the words “rewe markt” and Money goes out and (Amount from 5.50 to 80 or On weekdays (1 = Monday) 6, 7)"
        in listed
    )
    assert "payee “REWE”, Food › Groceries" in listed
    form = page("editor", f"rules/{rule.pk}/edit/").context["form"]
    again = {name: str(form[name].value() or "") for name in form.fields if form[name].value()}
    send("editor", f"rules/{rule.pk}/edit/", {**again, "conditions-count": "5", "parts-count": "0"})
    rule.refresh_from_db()
    assert rule.version == 1  # the form says what the rule said


def test_a_split_and_a_transfer(send, accounts):
    parts = {"parts-count": "3", "p0-account": accounts.rent.pk, "p0-how": "amount", "p0-number": "20", "p1-account": accounts.groceries.pk,
             "p1-how": "of_rest", "p1-number": "50 %", "p2-account": accounts.restaurants.pk, "p2-how": "rest", "p2-note": "n"}  # fmt: skip
    send("owner", "rules/new/", {**FORM, **parts})
    send("owner", "rules/new/", {**FORM, "name": "Save", "account": accounts.savings.pk})
    split, transfer = Rule.objects.order_by("pk")
    assert split.definition["actions"] == [{"do": "split", "parts": [
        {"account": accounts.rent.pk, "amount": "20"},
        {"account": accounts.groceries.pk, "percent": "50", "of": "rest"},
        {"account": accounts.restaurants.pk, "rest": True, "note": "n"},
    ]}]  # fmt: skip
    assert transfer.definition["actions"] == [{"do": "transfer", "account": accounts.savings.pk}]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": ""}, "This field is required"),
        ({"c0-what": "payee:matches", "c0-value": "("}, "This regular expression cannot be read"),
        ({"c0-what": "amount:is", "c0-value": "-5"}, "direction is a condition of its own"),
        ({"c0-what": "account:is", "c0-value": "Yacht"}, "There is no account or category “Yacht”"),
        ({"c0-what": "day:is", "c0-value": "32"}, "Enter a day of the month"),
        ({"c0-what": "weekday:is", "c0-value": "sunday"}, "Choose weekdays"),
        ({"c0-what": "date:between", "c0-value": "2026-01-01", "c0-to": "soon"}, "Enter a day such as"),
        ({"c0-what": ""}, "Choose what the value is compared with"),
        ({"payee": ""}, "A rule needs at least one action"),
        ({"parts-count": "2", "p0-number": "5"}, "Choose a category for this part"),
    ],
)
def test_a_refusal_stands_at_its_field_and_keeps_what_was_typed(send, change, sentence):
    answer = send("owner", "rules/new/", {**FORM, "payee": "Kept", **change})
    assert answer.status_code == 400
    assert sentence in text(answer)
    assert 'value="Kept"' in text(answer) or not change.get("payee", "x")
    assert not Rule.objects.exists()


def test_more_rows_keep_what_was_typed(send):
    answer = send("owner", "rules/new/", {**FORM, "more-conditions": "1", "payee": "Kept"})
    assert (answer.status_code, len(answer.context["form"].conditions)) == (200, 4)
    assert 'value="rewe markt"' in text(answer)
    parts = send("owner", "rules/new/", {**FORM, "more-parts": "1"})
    assert len(parts.context["form"].parts) == 3


def test_past_matches_are_counted_before_saving(send, spend, accounts):
    spend(1_00, payee="Rewe Markt 77")
    spend(1_00, payee="Aldi")
    data = {**FORM, "account": accounts.groceries.pk, "check": "1"}
    assert "1 of the latest 2 entries matches." in text(send("owner", "rules/new/", data))
    part = send("owner", "rules/new/", data, headers={"HX-Request": "true"})
    assert text(part) == "1 of the latest 2 entries matches."
    assert not Rule.objects.exists()


def test_always_do_this_starts_from_a_row_or_an_entry(stage, page, spend, accounts, owner):
    batch = stage()
    row = ImportRow.objects.get(batch=batch, number=3)
    decide_rows(batch=batch, actor=owner, row_ids=[row.pk], counter_account=accounts.groceries)
    assert f"rules/new/?import={batch.pk}&amp;row={row.pk}" in text(page("owner", f"imports/{batch.pk}/"))
    form = page("owner", "rules/new/", **{"import": batch.pk, "row": row.pk}).context["form"]
    assert (form["c0-what"].value(), form["c0-value"].value(), form["c1-what"].value(), form["account"].value()) == (
        "payee:words", "rewe", "direction:out", accounts.groceries.pk,
    )  # fmt: skip
    entry = spend(5_00, payee="Kiosk 12", category=accounts.restaurants)
    form = page("owner", "rules/new/", entry=entry.uid).context["form"]
    assert (form["name"].value(), form["c0-value"].value(), form["account"].value()) == (
        "Kiosk 12",
        "kiosk",
        accounts.restaurants.pk,
    )
    assert page("owner", "rules/new/", entry="nonsense").status_code == 404
    assert page("owner", "rules/new/", **{"import": 10**9, "row": 1}).status_code == 404
    assert "Always do this" in text(page("owner", f"entries/{entry.uid}/"))


def test_rules_and_groups_change_places_by_buttons(send, save, book):
    one, two = save("One"), save("Two")
    send("owner", f"rules/{two.pk}/move/", {"to": "up"})
    assert [rule.name for rule in Rule.objects.in_order()] == ["Two", "One"]
    send("owner", "rules/groups/new/", {"name": "Late"})
    late = RuleGroup.objects.get(name="Late")
    send("owner", f"rules/groups/{late.pk}/", {"do": "up"})
    assert [group.name for group in RuleGroup.objects.order_by("position")] == ["Late", one.group.name]
    send("owner", f"rules/groups/{late.pk}/", {"do": "remove"})
    assert RuleGroup.objects.count() == 1


def test_a_dry_run_shows_each_side_and_applying_corrects(send, page, save, spend, accounts, book, editor):
    nowhere = book.accounts.get(name="Uncategorised", type="expense")
    spend(12_34, payee="Rewe", category=nowhere, on=datetime.date(2026, 3, 1))
    save(actions=[{"do": "category", "account": accounts.groceries.pk}])
    shown = text(page("viewer", "rules/dry-run/", rule=Rule.objects.get().pk, since="2026-01-01"))
    assert "<del>Uncategorised</del> → <ins>Food › Groceries</ins>" in shown
    assert "Correct these entries" not in shown
    answer = send("editor", "rules/apply/", {"rule": "", "since": "2026-01-01", "until": ""})
    application = RuleApplication.objects.get()
    assert (application.created_by, str(application.since)) == (editor, "2026-01-01")
    carry_out(run_id=application.run_id, goes_on=lambda: True)
    assert "1 entry looked at, 1 corrected" in text(page("viewer", answer["Location"].partition(f"/b/{book.pk}/")[2]))
    assert page("owner", "rules/dry-run/", since="2026-03-01", until="2026-02-01").status_code == 400
    assert page("owner", "rules/dry-run/", after="junk").status_code == 404


def test_lists_cost_the_same_queries_however_long(as_, book, save, django_assert_num_queries):
    client = as_("viewer")
    save("a")
    with CaptureQueriesContext(connection) as few:
        client.get(f"/b/{book.pk}/rules/")
    for name in "bcdefghi":
        save(name)
    with django_assert_num_queries(len(few)):
        client.get(f"/b/{book.pk}/rules/")
    assert len(few) < 15


def test_one_click_gives_rows_like_it_the_same_category(send, stage, accounts, book):
    batch = stage(
        "Date,Payee,Amount\n2026-03-01,Kiosk 1,-9.00\n2026-03-02,KIOSK 22,-8.00\n2026-03-02,Kiosk 3,8.00\n2026-03-03,Shop,-1.00\n"
    )
    first = ImportRow.objects.get(batch=batch, number=2)
    answer = send(
        "editor",
        f"imports/{batch.pk}/rows/{first.pk}/",
        {"category": "Groceries", "decision": ""},
        headers={"HX-Request": "true"},
    )
    assert "and 1 more like this" in text(answer)
    assert send("viewer", f"imports/{batch.pk}/rows/{first.pk}/like/", {}).status_code == 403
    send("editor", f"imports/{batch.pk}/rows/{first.pk}/like/", {})
    found = ImportRow.objects.filter(batch=batch).order_by("pk").values_list("counter_account__name", flat=True)
    assert list(found) == ["Groceries", "Groceries", None, None]


def test_the_review_shows_what_rules_did_and_takes_another_payee(send, page, stage, save, accounts):
    save(
        actions=[
            {"do": "payee", "value": "REWE store"},
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
    row = ImportRow.objects.get(batch=batch, number=3)
    shown = text(page("owner", f"imports/{batch.pk}/"))
    assert '<span class="payee">REWE store</span><span class="memo">Rewe</span>' in shown
    assert "Housing › Rent" in shown
    assert "Rule “Groceries”" in shown
    send("editor", f"imports/{batch.pk}/rows/{row.pk}/", {"category": "", "decision": "", "payee": "Corner shop"})
    row.refresh_from_db()
    assert (row.new_payee, len(row.split)) == ("Corner shop", 2)
    send("editor", f"imports/{batch.pk}/rows/{row.pk}/", {"category": "Restaurants", "decision": "", "payee": ""})
    row.refresh_from_db()
    assert (row.new_payee, row.split, row.counter_account) == ("", [], accounts.restaurants)


def test_rules_travel_by_file_and_wrong_files_are_told(send, page, names, book, accounts):
    answer = page("viewer", "rules/export/")
    assert answer["Content-Disposition"].startswith("attachment")
    document = answer.content
    rule = Rule.objects.get()
    services.remove_rule(rule=rule)

    def upload(content, name="rules.json"):
        return send("editor", "rules/import/", {"file": SimpleUploadedFile(name, content)})

    assert upload(document).status_code == 302
    assert Rule.objects.get(removed_at=None).definition == rule.definition
    for wrong, said in (
        (b"[1", "The file is not JSON."),
        (b"[]", "no export of rules"),
        (b"{}", "its format must be"),
        (b"[" * 100_000, "The file is not JSON."),
        (document.replace(b"Groceries", b"Nowhere"), "Nowhere"),
    ):
        answer = upload(wrong)
        assert answer.status_code == 400, wrong[:20]
        assert said in text(answer), text(answer)
    assert Rule.objects.filter(removed_at=None).count() == 1


def test_many_rules_come_in_pages_in_their_order(page, save, book, accounts, monkeypatch):
    monkeypatch.setattr("finance.web.rules.PER_PAGE", 2)
    for n in range(5):
        save(name=f"Rule {n}", actions=[{"do": "category", "account": accounts.groceries.pk}])
    services.add_group(book=book, name="Empty")
    seen, path = [], "rules/"
    while path:
        shown = text(page("viewer", path))
        seen += re.findall(r'rule-name" href="[^"]*/rules/\d+/">(Rule \d)', shown)
        assert ("Empty" in shown) == (path == "rules/")
        following = re.search(r'href="\?after=(\d+)"', shown)
        path = f"rules/?after={following[1]}" if following else ""
    assert seen == [f"Rule {n}" for n in range(5)]
    assert page("viewer", "rules/?after=999999999").status_code == 404
    assert page("viewer", "rules/?after=x").status_code == 404
