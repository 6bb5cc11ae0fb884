"""Rules over the rows of a bank file: what they propose, who goes before them, what the log keeps."""

import pytest

from finance.errors import Invalid
from finance.imports.models import ImportRow
from finance.imports.selectors import counts_of
from finance.imports.services import assign_statement, decide_rows
from finance.imports.services.proposing import subject_of
from finance.ledger.models import JournalEntry, JournalLine
from finance.ledger.register_sums import register_sums
from finance.ledger.registers import Filters, register_page
from finance.ledger.selectors import balance_of
from finance.ledger.services import close_account, open_account
from finance.rules import services
from finance.rules.history import dry_run
from finance.rules.models import RuleLog
from finance.rules.selectors import engine_of
from finance.tags.selectors import tags_of_entries
from finance.tests.conftest import TODAY
from finance.tests.reports.conftest import report  # noqa: F401

pytestmark = pytest.mark.usefixtures("nothing_suggested")


def row(batch, number):
    return ImportRow.objects.get(batch=batch, number=number)


def lines(entry):
    return [
        (line.account.name, line.amount, line.memo)
        for line in JournalLine.objects.filter(entry=entry).select_related("account").order_by("position")
    ]


def test_rules_decide_and_the_row_says_which(stage, confirm, save, accounts):
    save("Rewe", actions=[{"do": "payee", "value": "REWE supermarket"}, {"do": "note", "value": "weekly"}])
    save(
        "Groceries",
        [{"field": "payee", "test": "equals", "value": "rewe supermarket"}],
        [{"do": "category", "account": accounts.groceries.pk}],
    )
    save("Coffee", [{"field": "any", "test": "contains", "value": "coffee"}], [{"do": "ignore"}])
    batch = stage()
    rewe, coffee = row(batch, 3), row(batch, 4)
    assert (rewe.payee, rewe.new_payee, rewe.counter_account_id, rewe.memo) == (
        "Rewe",
        "REWE supermarket",
        accounts.groceries.pk,
        "weekly",
    )
    assert (rewe.suggestion, coffee.decision, coffee.suggestion) == ("Rule “Groceries”", "ignore", "Rule “Coffee”")
    log = RuleLog.objects.filter(row=rewe).order_by("step").values_list("rule__name", "version", "changes")
    assert list(log) == [
        ("Rewe", 1, {"payee": ["Rewe", "REWE supermarket"], "note": ["", "weekly"]}),
        ("Groceries", 1, {"category_id": [None, accounts.groceries.pk]}),
    ]
    confirm(batch)
    entry = row(batch, 3).posted_entry
    assert (entry.payee, entry.description) == ("REWE supermarket", "Groceries")
    assert lines(entry) == [("Checking account", -3550, ""), ("Groceries", 3550, "weekly")]
    assert (row(batch, 4).outcome, row(batch, 4).posted_entry) == ("ignored", None)


def test_a_split_is_posted_to_the_cent(stage, confirm, save, accounts):
    parts = [
        {"account": accounts.rent.pk, "amount": "0.01", "note": "deposit"},
        {"account": accounts.groceries.pk, "percent": "50", "of": "rest"},
        {"account": accounts.restaurants.pk, "rest": True},
    ]
    save("Split", [{"field": "payee", "test": "words", "value": "rewe"}], [{"do": "split", "parts": parts}])
    batch = stage()
    assert counts_of(batch=batch).uncategorised == 3
    confirm(batch)
    assert lines(row(batch, 3).posted_entry) == [
        ("Checking account", -3550, ""), ("Rent", 1, "deposit"), ("Groceries", 1775, ""), ("Restaurants", 1774, ""),
    ]  # fmt: skip


def test_people_go_before_rules(stage, confirm, save, accounts, owner):
    parts = [
        {"account": accounts.rent.pk, "percent": "50", "of": "total"},
        {"account": accounts.groceries.pk, "rest": True},
    ]
    save(
        "Split",
        [{"field": "payee", "test": "words", "value": "rewe"}],
        [{"do": "split", "parts": parts}, {"do": "payee", "value": "X"}],
    )
    save("Coffee", [{"field": "any", "test": "contains", "value": "coffee"}], [{"do": "ignore"}])
    batch = stage()
    decide_rows(batch=batch, actor=owner, row_ids=[row(batch, 3).pk], counter_account=accounts.restaurants, payee="")
    decide_rows(batch=batch, actor=owner, row_ids=[row(batch, 4).pk], decision="")
    with pytest.raises(Invalid):
        decide_rows(batch=batch, actor=owner, row_ids=[row(batch, 4).pk], payee="x" * 201)
    # Rules run once more over what nobody has decided, and leave the rest.
    assign_statement(statement=batch.statements.get(), actor=owner, account=accounts.checking)
    assert (row(batch, 3).split, row(batch, 3).new_payee, row(batch, 4).decision, row(batch, 5).decision) == (
        [],
        "",
        "",
        "ignore",
    )
    assert RuleLog.objects.filter(row__batch=batch).count() == 1
    confirm(batch)
    assert lines(row(batch, 3).posted_entry)[1:] == [("Restaurants", 3550, "")]
    assert row(batch, 3).posted_entry.payee == "Rewe"
    assert row(batch, 4).outcome == "posted"


def test_what_a_rule_cannot_do_is_told_on_the_row(stage, save, accounts, owner):
    parts = [{"account": accounts.rent.pk, "amount": "100"}, {"account": accounts.groceries.pk, "rest": True}]
    save("Split", [{"field": "payee", "test": "words", "value": "rewe"}], [{"do": "split", "parts": parts}])
    save(
        "Fun",
        [{"field": "payee", "test": "words", "value": "kiosk"}],
        [{"do": "category", "account": accounts.restaurants.pk}],
    )
    close_account(account=accounts.restaurants, actor=owner, on=TODAY)
    batch = stage()
    assert (row(batch, 3).suggestion, row(batch, 3).split) == (
        "Rule “Split” was not carried out: 35.50 EUR is too little for part 1.", [],
    )  # fmt: skip
    assert row(batch, 4).suggestion == "Rule “Fun” was not carried out: an account that it names is closed."
    assert RuleLog.objects.get(row=row(batch, 3)).problem == "35.50 EUR is too little for part 1"


def test_rules_that_are_off_do_nothing(stage, save):
    rule = save()
    services.switch_rule(rule=rule, active=False)
    other = save("Other", group=services.add_group(book=rule.book, name="More"))
    services.change_group(group=other.group, active=False)
    assert not RuleLog.objects.filter(row__batch=stage()).exists()


def test_a_file_is_staged_with_as_many_queries_whatever_its_length(stage, save, django_assert_max_num_queries):
    save("Rewe", actions=[{"do": "payee", "value": "REWE"}])
    head = "Date,Payee,Amount\n"
    with django_assert_max_num_queries(60):
        stage(head + "".join(f"2026-03-{day:02},Rewe {day},-{day}.00\n" for day in range(1, 29)))


def test_the_other_sides_account_number_counts_in_imports_and_in_the_past(stage, confirm, save, accounts, book):
    batch = stage()
    ImportRow.objects.filter(batch=batch, number=3).update(counterparty_account="DE12 3456 7890")
    rule = save(
        conditions=[{"field": "counterparty", "test": "equals", "value": "de1234567890"}],
        actions=[{"do": "category", "account": accounts.groceries.pk}],
    )
    engine = engine_of(book=book, rule=rule)
    assert engine.matches(subject_of(row(batch, 3), accounts.checking))
    assert not engine.matches(subject_of(row(batch, 4), accounts.checking))
    confirm(batch)
    assert [change.entry.payee for change in dry_run(book=book, engine=engine).changes] == ["Rewe"]


def test_tags_of_rules_are_put_on_what_is_posted(stage, confirm, save, book, accounts):
    save(actions=[{"do": "tags", "value": ["Food", "weekly "]}])
    save(name="More", actions=[{"do": "tags", "value": ["FOOD", "Market"]}])
    batch = stage("Date,Payee,Amount\n2026-03-02,Rewe Markt,-5.00\n2026-03-03,Other,-6.00\n")
    row = ImportRow.objects.filter(batch=batch).order_by("pk").first()
    assert (row.tags, row.suggestion) == (["Food", "weekly", "Market"], "Rule “More”")
    confirm(batch)
    tagged = tags_of_entries(book=book, entry_ids=JournalEntry.objects.values_list("pk", flat=True))
    row.refresh_from_db()
    assert {pk: [tag.name for tag in tags] for pk, tags in tagged.items()} == {
        row.posted_entry_id: ["Food", "Market", "weekly"]
    }


def test_rows_of_a_loan_count_in_their_category_and_are_seen_there(
    stage,
    confirm,
    save,
    accounts,
    book,
    owner,
    report,  # noqa: F811
):
    """RUL-10: a rule by the payee gives a category to rows of a loan. No account is outside the books here."""
    save(actions=[{"do": "category", "account": accounts.groceries.pk}])
    loan = open_account(book=book, actor=owner, name="Loan", type="liability", kind="loan", currency="EUR")
    confirm(stage(account=loan))
    (row,) = register_page(accounts=[accounts.groceries]).rows
    assert (row.amount, [line.name for line in row.counter_lines]) == (35_50, ["Loan"])
    assert register_sums(accounts=[accounts.groceries], filters=Filters()).totals()["EUR"].net == row.amount
    assert balance_of(account=accounts.groceries) == row.amount
    spending = report("spending", period="2026-03")
    assert ("Groceries", row.amount) in [(each.label, each.cells[0].amount) for each in spending.sections[0].rows]
