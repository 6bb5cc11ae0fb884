"""The chain recomputed by the program that docs/proof.md gives to auditors, with nothing of LifeOS."""

import json
import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import call_command

from finance.ledger import chain, services
from finance.ledger.models import JournalEntry, JournalLine
from finance.tests.exports.test_export_book import exported
from finance.tests.ledger.test_integrity import drift

pytestmark = pytest.mark.django_db


@pytest.fixture
def auditor(tmp_path):
    """Runs the documented program on an export; returns its exit code and what it said."""
    text = (settings.BASE_DIR / "docs" / "proof.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    path = tmp_path / "audit.py"
    path.write_text(program)

    def audit(export):
        file = tmp_path / "proof.jsonl"
        file.write_text(export, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-I", path, file], capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, (done.stdout + done.stderr).strip()

    return audit


def test_an_auditor_comes_to_the_same_head(weird_book, auditor):
    services.seal_missed()
    head = chain.head_of(book=weird_book)
    count = JournalEntry.objects.filter(book=weird_book).count()
    assert head.seals == count
    assert auditor(exported(weird_book, "proof")) == (
        0,
        f"{count} entries fit their seals; the head is {head.hash}.",
    )
    assert json.loads(exported(weird_book, "json"))["chain"] == {
        "seals": count, "head": head.hash, "entry": head.entry_uid,
    }  # fmt: skip


def test_an_auditor_sees_what_was_changed_taken_away_or_swapped(book, spend, auditor):
    entries = [spend(amount) for amount in (1_00, 2_00, 3_00)]
    services.seal_missed()
    sound = exported(book, "proof")
    lines = sound.splitlines(keepends=True)
    assert auditor(sound)[0] == 0
    for changed in (
        sound.replace('"Market"', '"Bazaar"', 1),
        sound.replace(",100,", ",1000,"),
        "".join(lines[:2] + lines[3:]),
        "".join([lines[0], lines[2], lines[1], lines[3]]),
    ):
        assert "does not fit" in auditor(changed)[1]
    assert auditor("".join(lines[:-1])) == (1, "The chain does not end at the head.")

    drift("DELETE FROM finance_journalline WHERE entry_id = %s", entries[1].pk)
    assert auditor(exported(book, "proof"))[1].startswith("Seal 2 does not fit")
    drift("DELETE FROM finance_journalentry WHERE id = %s", entries[1].pk)
    assert auditor(exported(book, "proof")) == (1, "Seal 2 does not fit: null")
    assert JournalLine.objects.count() == 4


def test_a_book_without_seals_is_a_chain_of_none(book, spend, auditor):
    spend(1_00)
    assert auditor(exported(book, "proof")) == (0, f"0 entries fit their seals; the head is {'00' * 32}.")
    assert json.loads(exported(book, "json"))["chain"] is None


def test_the_command_seals_and_tells_the_heads(book, spend, capsys):
    entry = spend(1_00)
    call_command("seal_ledger", verbosity=0)
    head = chain.head_of(book=book).hash
    assert capsys.readouterr().out.splitlines() == [
        "1 entries sealed now.",
        f"book {book.pk}: {head} is seal 1, of entry {entry.uid}",
    ]
    call_command("seal_ledger", book=book.pk, format="json", verbosity=0)
    told = json.loads(capsys.readouterr().out)
    assert (told["sealed_now"], told["heads"][0]["hash"], told["heads"][0]["seals"]) == (0, head, 1)
