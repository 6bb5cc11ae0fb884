"""Saving, ordering, removing, and rules as JSON."""

import json

import pytest
from django.core.management import CommandError, call_command

from finance.errors import Conflict, Invalid
from finance.ledger.services import create_book, open_account
from finance.rules import services
from finance.rules.models import Rule, RuleGroup, RuleVersion
from finance.rules.selectors import groups_of
from platform_outbox.models import OutboxMessage


def events():
    return list(
        OutboxMessage.objects.filter(event_type__startswith="finance.rule")
        .order_by("pk")
        .values_list("event_type", flat=True)
    )


def test_each_save_is_a_version(save, owner, accounts):
    rule = save()
    assert (rule.version, rule.group.name) == (1, "Rules")
    again = save(rule=rule)
    assert again.version == 1
    changed = save(name="Food", actions=[{"do": "category", "account": accounts.groceries.pk}], rule=rule)
    assert (changed.pk, changed.version) == (rule.pk, 2)
    versions = RuleVersion.objects.filter(rule=rule).order_by("number").values_list("number", "name", "saved_by")
    assert list(versions) == [(1, "Groceries", owner.pk), (2, "Food", owner.pk)]
    services.remove_rule(rule=changed)
    services.remove_rule(rule=changed)
    assert events() == ["finance.rule.saved", "finance.rule.saved", "finance.rule.removed"]
    assert (Rule.objects.in_order().count(), Rule.objects.count()) == (0, 1)
    # Its name is free again.
    assert save(name="Food").pk != rule.pk


def test_what_cannot_be_saved_is_named(save, book, accounts, stranger):
    other = create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    foreign = open_account(book=other, actor=stranger, name="Food", type="expense", kind="category", currency="EUR")
    dollars = open_account(book=book, actor=None, name="Dollars", type="expense", kind="category", currency="USD")
    with pytest.raises(Invalid) as refusal:
        save(actions=[{"do": "category", "account": foreign.pk}])
    assert refusal.value.fields == {"definition.actions.0.account": "This book has no such account."}
    with pytest.raises(Invalid) as refusal:
        save(actions=[{"do": "category", "account": accounts.expenses.pk}])
    assert "takes no such postings" in refusal.value.fields["definition.actions.0.account"]
    with pytest.raises(Invalid) as refusal:
        save(actions=[{"do": "transfer", "account": accounts.groceries.pk}])
    assert "holds money" in refusal.value.fields["definition.actions.0.account"]
    parts = [{"account": accounts.groceries.pk, "amount": "1"}, {"account": dollars.pk, "rest": True}]
    with pytest.raises(Invalid) as refusal:
        save(actions=[{"do": "split", "parts": parts}])
    assert "one currency" in refusal.value.fields["definition.actions.0.parts"]
    with pytest.raises(Invalid) as refusal:
        save(conditions=[{"field": "payee", "test": "matches", "value": "("}])
    assert list(refusal.value.fields) == ["definition.conditions.0.value"]
    for name in ("", " ", "x" * 81, "a\x00"):
        with pytest.raises(Invalid):
            save(name=name)
    save()
    with pytest.raises(Invalid) as refusal:
        save()
    assert "already" in refusal.value.fields["name"]


def test_order_of_rules_and_groups(save, book):
    first, second = save("One"), save("Two")
    group = services.add_group(book=book, name="Late")
    third = save("Three", group=group)
    services.move_rule(rule=second, up=True)
    services.move_rule(rule=second, up=True)
    assert [rule.name for rule in Rule.objects.in_order()] == ["Two", "One", "Three"]
    services.move_group(group=group, up=True)
    assert [rule.name for rule in Rule.objects.in_order()] == ["Three", "Two", "One"]
    with pytest.raises(Conflict):
        services.remove_group(group=group)
    save("Three", rule=third, group=first.group)
    services.remove_group(group=group)
    assert [(each.name, [rule.name for rule in each.listed]) for each in groups_of(book=book)] == [
        ("Rules", ["Two", "One", "Three"])
    ]
    with pytest.raises(Invalid):
        services.add_group(book=book, name="Rules")


def test_rules_travel_as_json(save, book, accounts, owner, stranger):
    parts = [
        {"account": accounts.rent.pk, "percent": "50", "of": "total"},
        {"account": accounts.groceries.pk, "rest": True},
    ]
    nested = {"match": "any", "conditions": [{"field": "account", "test": "is", "value": accounts.checking.pk}]}
    save(
        "Split",
        [{"field": "payee", "test": "words", "value": "rewe"}, nested],
        [{"do": "split", "parts": parts}],
        stop=True,
    )
    services.switch_rule(rule=save("Off"), active=False)
    document = services.export_rules(book=book)
    rule = document["groups"][0]["rules"][0]
    assert rule["definition"]["conditions"][1]["conditions"][0]["value"] == "Assets:Checking account"
    assert [part["account"] for part in rule["definition"]["actions"][0]["parts"]] == [
        "Expenses:Housing:Rent",
        "Expenses:Food:Groceries",
    ]
    other = create_book(owner=stranger, name="Other", base_currency="EUR", time_zone="UTC")
    saved = services.import_rules(book=other, actor=stranger, document=document)
    assert [(rule.name, rule.active, rule.stop, rule.book_id) for rule in saved] == [
        ("Split", True, True, other.pk),
        ("Off", False, False, other.pk),
    ]
    assert services.export_rules(book=other) == document
    # The same again makes neither rules nor versions.
    assert [rule.version for rule in services.import_rules(book=other, actor=stranger, document=document)] == [1, 1]
    assert Rule.objects.filter(book=other).count() == 2


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], "format"),
        ({"format": "firefly"}, "format"),
        ({"format": "lifeos-rules-1", "groups": [{"name": "A"}]}, "groups.0"),
        ({"format": "lifeos-rules-1", "groups": [{"name": "A", "rules": [3]}]}, "groups.0.rules.0"),
        (
            {"format": "lifeos-rules-1", "groups": [{"name": "A", "rules": [{"name": "R", "definition": {
                "conditions": [{"field": "note", "test": "empty"}], "actions": [{"do": "category", "account": "Expenses:Yacht"}]}}]}]},
            "groups.0.rules.0.definition.actions.0.account",
        ),
        (
            {"format": "lifeos-rules-1", "groups": [{"name": "A", "rules": [{"name": "R", "definition": {}}]}]},
            "groups.0.rules.0.definition.conditions",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_named_and_nothing_is_kept(book, owner, document, path):
    with pytest.raises(Invalid) as refusal:
        services.import_rules(book=book, actor=owner, document=document)
    assert path in refusal.value.fields
    assert not RuleGroup.objects.filter(book=book).exists()


def test_commands_carry_rules_from_book_to_book(save, book, tmp_path, capsys):
    save()
    target = tmp_path / "rules.json"
    call_command("export_rules", book=book.pk, output=target)
    call_command("export_rules", book=book.pk)
    assert json.loads(capsys.readouterr().out) == json.loads(target.read_text())
    Rule.objects.all().delete()
    call_command("import_rules", str(target), book=book.pk)
    assert (capsys.readouterr().out, Rule.objects.get().name) == ("1 rules imported.\n", "Groceries")
    for content, said in (("{", "is not JSON"), ("{}", "format: This is no export")):
        target.write_text(content)
        with pytest.raises(CommandError, match=said):
            call_command("import_rules", str(target), book=book.pk)
