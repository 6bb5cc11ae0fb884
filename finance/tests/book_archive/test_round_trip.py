"""A whole book leaves as an archive and comes back equal: entries, balances, rules, statements, marks."""

import csv
import hashlib
import io
import json
import zipfile
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.utils import timezone

from finance.attachments import carrying as receipts_part
from finance.attachments.selectors import attachments_in, content_of
from finance.attachments.services import attach
from finance.book_archive.parts import PARTS
from finance.book_archive.writing import as_archive
from finance.book_import.model import Question
from finance.book_import.reading import read_book
from finance.book_import.services import import_book
from finance.demo.services import seed_household
from finance.errors import BookUnreadable
from finance.exports.digest import digest_of
from finance.exports.spreadsheet import as_csv
from finance.ledger import services as ledger
from finance.ledger.integrity import verify_ledger
from finance.ledger.models import Account, Book, JournalEntry, JournalLine
from finance.ledger.selectors import account_paths, balances
from finance.reconciliation import services as reconciliation
from finance.reconciliation.carrying import give
from finance.reconciliation.models import AccountStatement
from finance.reconciliation.selectors import view_of
from finance.rules import carrying as rules_part
from finance.rules.services import export_rules, import_rules, save_rule
from finance.tags import carrying as tags_part
from finance.tags.models import EntryTag, Tag
from finance.tests.exports.conftest import TODAY
from finance.tests.exports.conftest import weird_book as weird_book  # a fixture
from finance.valuation import carrying as values_part
from finance.valuation.models import AssetPlan, AssetValue, ExchangeRate, ValuationChoice

pytestmark = pytest.mark.django_db
RECEIPT = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
MATCHES = [{"field": "payee", "test": "words", "value": "rewe"}]


@pytest.fixture
def full_book(owner):
    """The demonstration household with a rule, a reconciled statement, an open one, and a row cleared by hand."""
    book = seed_household(owner=owner, months=6, seed=1, today=TODAY)
    groceries = Account.objects.get(book=book, name="Groceries")
    definition = {"conditions": MATCHES, "actions": [{"do": "category", "account": groceries.pk}]}
    save_rule(book=book, actor=owner, name="Groceries", definition=definition)
    checking = Account.objects.select_related("book").get(book=book, name="Checking account")
    lines = JournalLine.objects.filter(account=checking, entry__reverses=None, entry__reversed_by=None)
    first, second, third, *_rest = lines.order_by("date", "pk")[:4]
    for line, finish in ((first, True), (second, False)):
        statement = reconciliation.add_statement(
            book=book, account=checking, actor=owner, start=line.date, end=TODAY if finish else line.date,
            opening=0, closing=line.amount,
        )  # fmt: skip
        reconciliation.tick(statement=statement, actor=owner, line_ids=[line.pk])
        if finish:
            reconciliation.reconcile(statement=statement, actor=owner)
    reconciliation.mark_cleared(account=checking, actor=owner, line_ids=[third.pk], cleared=True)
    tag = Tag.objects.create(book=book, name="Holiday", colour="teal")
    EntryTag.objects.create(book=book, entry=first.entry, tag=tag)
    attach(entry=first.entry, actor=owner, data=RECEIPT, file_name="bill.pdf")
    attach(entry=second.entry, actor=owner, data=RECEIPT, file_name="the same.pdf")
    ExchangeRate.objects.create(
        book=book, base="USD", quote="EUR", date=TODAY, rate=Decimal("0.925500000000000001"), source="hand"
    )
    ValuationChoice.objects.create(book=book, reference=False)
    AssetPlan.objects.create(book=book, account=checking, method="straight", months=36, residual=5_00)
    AssetValue.objects.create(
        book=book, account=checking, date=TODAY, kind="appraisal", value=7_00, note="as new", entry=second.entry
    )
    return book


def archived(book):
    return b"".join(as_archive(book))


def come_back(data, owner, **options):
    source = read_book(data, Question(format="lifeos"))
    return import_book(owner=owner, source=source, **options)


def by_path(book):
    paths = account_paths(book=book)
    return {paths[pk]: amount for pk, amount in balances(book=book).items()}


def statements_of(book):
    """Statements and marks without the numbers that a database gives."""
    paths, told = account_paths(book=book), give(book)
    names = {each["id"]: index for index, each in enumerate(told["statements"])}
    for each in told["statements"]:
        each["account"] = paths[each["account"]]
        del each["id"]
    return told["statements"], sorted([uid, place, names.get(number)] for uid, place, number in told["marks"])


def parts_of(book):
    """Tags and values, with accounts by their paths and without the numbers that a database gives."""
    paths, tags, values = account_paths(book=book), tags_part.give(book), values_part.give(book)
    names = {tag.pop("id"): tag["name"] for tag in tags["tags"]}
    tags["entries"] = [[uid, names[number]] for uid, number in tags["entries"]]
    for each in (*values["plans"], *values["values"]):
        each["account"] = paths[each["account"]]
    return tags, values


def rebuilt(data, change):
    """The archive with its members changed, and a manifest that fits them unless `change` says otherwise."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def signed(members):
    manifest = json.loads(members["manifest.json"])
    manifest["members"] = {
        name: hashlib.sha256(content).hexdigest() for name, content in members.items() if name != "manifest.json"
    }
    members["manifest.json"] = json.dumps(manifest).encode()


def test_the_whole_book_comes_back_equal(full_book, owner):
    report = come_back(archived(full_book), owner)
    there = Book.objects.get(pk=report.book)
    assert (report.differences, by_path(there)) == ([], by_path(full_book))
    assert digest_of(book=there) == digest_of(book=full_book)
    assert digest_of(book=there) in report.notes[-1]
    assert export_rules(book=there) == export_rules(book=full_book)
    assert statements_of(there) == statements_of(full_book)
    assert [len(part) for part in statements_of(there)] == [2, 3]
    assert parts_of(there) == parts_of(full_book)
    assert receipts_part.give(there) == receipts_part.give(full_book)
    assert [content_of(attachment=each) for each in attachments_in(book=there)] == [RECEIPT, RECEIPT]
    assert [len(part) for part in parts_of(there)[1].values() if isinstance(part, list)] == [1, 1, 1]
    assert verify_ledger(book=there, now=timezone.now()).sound
    reconciled = AccountStatement.objects.get(book=there, state="reconciled")
    assert view_of(reconciled).difference == 0


def test_what_people_call_things_does_no_harm(weird_book, owner):
    report = come_back(archived(weird_book), owner)
    assert digest_of(book=Book.objects.get(pk=report.book)) == digest_of(book=weird_book)


def test_the_archive_says_what_is_in_it(full_book):
    with zipfile.ZipFile(io.BytesIO(archived(full_book))) as archive:
        assert archive.testzip() is None
        members = [name for name in archive.namelist() if not name.startswith("files/")]
        assert members == ["book.json", *(f"parts/{part.name}.json" for part in PARTS), "manifest.json"]
        # Two entries show one file.
        assert [archive.read(name) for name in archive.namelist() if name not in members] == [RECEIPT]
        assert len(json.loads(archive.read("book.json"))["entries"]) == JournalEntry.objects.count()


def test_a_reconciled_row_is_guarded_in_the_new_book(full_book, owner):
    there = Book.objects.get(pk=come_back(archived(full_book), owner).book)
    line = JournalLine.objects.get(book=there, marks__statement__state="reconciled")
    with pytest.raises(Exception, match="reconciled statement"):
        ledger.reverse_entry(entry=line.entry, actor=owner, on=TODAY)


def test_a_changed_entry_is_found_by_the_digest(full_book, owner):
    def change(members):
        book = json.loads(members["book.json"])
        book["entries"][3]["payee"] = "Somebody else"
        members["book.json"] = json.dumps(book).encode()
        signed(members)

    with pytest.raises(BookUnreadable, match="not those of the archive"):
        come_back(rebuilt(archived(full_book), change), owner)
    assert Book.objects.count() == 1


def twice_the_rates(members):
    part = json.loads(members["parts/values.json"])
    part["rates"] *= 2
    members["parts/values.json"] = json.dumps(part).encode()
    signed(members)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update({"book.json": m["book.json"] + b" "}), "book.json is not what its manifest says"),
        (lambda m: m.pop("parts/rules.json"), "parts/rules.json is missing"),
        (lambda m: m.update({"manifest.json": b"{}"}), "not an archive of LifeOS"),
        (lambda m: (m.update({"parts/statements.json": b"[]"}), signed(m)), "statements of the export are damaged"),
        (lambda m: (m.update({"parts/rules.json": b"7"}), signed(m)), "rules of the export"),
        (lambda m: (m.update({"parts/tags.json": b'{"version":1,"tags":0}'}), signed(m)), "tags of the export"),
        (lambda m: (m.update({"parts/values.json": b'{"version":1,"rates":[[]]}'}), signed(m)), "values of the"),
        (twice_the_rates, "“values” of the export contradicts itself"),
        (lambda m: (m.update({"parts/tags.json": b"[" * 100_000}), signed(m)), "“tags” of the export is damaged"),
    ],
    ids=["altered", "missing", "no archive", "no statements", "no rules", "no tags", "no values", "twice", "deep"],
)
def test_a_damaged_archive_is_refused_and_nothing_is_created(full_book, owner, change, message):
    with pytest.raises(BookUnreadable, match=message):
        come_back(rebuilt(archived(full_book), change), owner)
    assert Book.objects.count() == 1


def test_marks_of_what_they_cannot_list_are_refused(full_book, owner):
    def change(members):
        part = json.loads(members["parts/statements.json"])
        salary = JournalLine.objects.filter(account__name="Salary").first()
        part["marks"].append([str(salary.entry.uid), salary.position, part["statements"][0]["id"]])
        members["parts/statements.json"] = json.dumps(part).encode()
        signed(members)

    with pytest.raises(BookUnreadable, match="which they cannot list"):
        come_back(rebuilt(archived(full_book), change), owner)


def test_a_part_of_a_newer_lifeos_is_named_and_the_rest_comes(full_book, owner):
    def change(members):
        members["parts/dreams.json"] = b"{}"
        signed(members)

    report = come_back(rebuilt(archived(full_book), change), owner)
    assert "“dreams” of the export is not known here" in report.notes[0]


def test_rules_whose_account_is_gone_stay_behind_by_name(full_book, owner, monkeypatch):
    tried = []
    monkeypatch.setattr(rules_part, "import_rules", lambda **given: tried.append(1) or import_rules(**given))

    def change(members):
        part = json.loads(members["parts/rules.json"])
        lost = {**part["groups"][0]["rules"][0], "name": "Lost"}
        lost["definition"] = {"conditions": MATCHES, "actions": [{"do": "category", "account": "Expenses:Nowhere"}]}
        part["groups"][0]["rules"] = [lost, *part["groups"][0]["rules"], {**lost, "name": "Lost too"}]
        members["parts/rules.json"] = json.dumps(part).encode()
        signed(members)

    report = come_back(rebuilt(archived(full_book), change), owner)
    assert "The rule “Lost” was not imported: This book has no account" in report.notes[0]
    assert "The rule “Lost too” was not imported" in report.notes[1]
    assert len(tried) == 2
    assert export_rules(book=Book.objects.get(pk=report.book)) == export_rules(book=full_book)


def test_rows_of_csv_add_up_to_the_balances_and_no_text_is_a_formula(full_book, owner):
    groceries = Account.objects.select_related("book").get(book=full_book, name="Groceries")
    ledger.rename_account(account=groceries, actor=owner, name="=1+1")
    rows = list(csv.DictReader(io.StringIO("".join(as_csv(full_book)))))
    assert len(rows) == JournalLine.objects.count()
    sums = {}
    for row in rows:
        sums[row["account"]] = sums.get(row["account"], 0) + int(Decimal(row["amount"]).scaleb(2))
    assert sums == {path: amount for path, amount in by_path(full_book).items() if path in sums}
    assert not any(value.startswith(("=", "@")) for row in rows for value in row.values())


def test_the_command_writes_an_archive_and_reads_it(full_book, owner, tmp_path, capsys):
    target = tmp_path / "home.zip"
    call_command("export_book", book=full_book.pk, format="archive", output=target)
    assert zipfile.is_zipfile(target)
    call_command("import_book", str(target), format="lifeos", owner=owner.email, name="Again")
    assert Book.objects.filter(name="Again").exists()
