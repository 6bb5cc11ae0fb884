"""What README and documentation tell people to type is typed here, on the demonstration's books."""

import contextlib
import datetime
import io
import json
import re
import shlex

import pytest
from django.conf import settings
from django.core.management import call_command

from finance.models import Account, Book
from identity.models import User
from platform_outbox import testing
from platform_outbox.operations.models import OperationRun

ROOT = settings.BASE_DIR
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
# What is tested with servers, roles or files of its own, in the tests of its subject.
ELSEWHERE = {
    "backup", "restore", "migrate", "grant_app_role", "seed_demo", "outbox_worker", "run_local", "createsuperuser",
    "replay_events", "requeue_outbox", "prune_outbox", "unlock_user", "grant_operator", "rotate_secret",
    "doctor", "sendtestemail",
}  # fmt: skip
# It speaks only when there is something.
QUIET = {"axes_list_attempts"}
# Of today, so that no opening balance of the demonstration is newer.
CSV = f"Date,Description,Amount\n{datetime.datetime.now(tz=datetime.UTC).date()},Corner shop,-12.50\n"
OFX = (
    "OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\nSECURITY:NONE\r\nENCODING:USASCII\r\nCHARSET:1252\r\n"
    "COMPRESSION:NONE\r\nOLDFILEUID:NONE\r\nNEWFILEUID:NONE\r\n\r\n<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO"
    "</STATUS><DTSERVER>20260401<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0"
    "<SEVERITY>INFO</STATUS><STMTRS><CURDEF>EUR<BANKACCTFROM><BANKID>9<ACCTID>1<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST>"
    "<DTSTART>20260301<DTEND>20260331<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260305<TRNAMT>-10.00<FITID>A1<NAME>Shop</STMTTRN>"
    "</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
)

HLEDGER = json.dumps(
    [
        {
            "tdate": "2026-03-01",
            "tdescription": "Shop",
            "tpostings": [
                {
                    "paccount": name,
                    "ptype": "RegularPosting",
                    "pamount": [
                        {"acommodity": "EUR", "aquantity": {"decimalMantissa": amount, "decimalPlaces": 2}},
                    ],
                }
                for name, amount in (("expenses:food", 100), ("assets:cash", -100))
            ],
        }
    ]
)


def lines_of(page):
    """The manage.py commands of the page's blocks, each as words: what stands between pipes and after && as well."""
    for block in re.findall(r"^```[a-z]*\n(.*?)^```", page.read_text(), flags=re.S | re.M):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r" \| | && ", re.sub(r"\s+# .*", "", line)):
                words = re.match(
                    r"^(?:\$ )?(?:docker.compose (?:exec|run --rm --no-deps) \S+ )?(?:python )?(?:\./)?manage\.py (.+)",
                    part.strip(),
                )
                if words and not re.search(r"[…<>\[]", words[1]):
                    yield shlex.split(words[1])


def typed(words):
    """What the command prints; a run that is watched finds its worker here."""
    out = io.StringIO()
    watched = words[:2] == ["operation", "start"] and "--watch" in words
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        call_command(words[0], *(word for word in words[1:] if word != "--watch"))
        if watched:
            testing.drain()
            call_command("operation", "watch", str(OperationRun.objects.latest("pk").pk))
    return out.getvalue()


@pytest.fixture
def demonstration(db, tmp_path, monkeypatch):
    """The documentation speaks of book 1 and of account 12; here they have other numbers."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("statement.csv", CSV), ("march.csv", CSV), ("march.ofx", OFX), ("books.json", HLEDGER)):
        (tmp_path / name).write_text(text)
    call_command("seed_demo", months=3, seed=1, verbosity=0)
    User.objects.create_user("olga@example.org", "correct horse battery")
    book = Book.objects.latest("pk")
    account = Account.objects.get(book=book, name="Checking account")
    return {"book": str(book.pk), "account": str(account.pk)}


def numbered(words, numbers):
    """The words with the numbers of this database: after --book and --account, and in book=1."""
    found = []
    for before, word in zip(["", *words], words, strict=False):
        name, _, value = word.partition("=")
        if before.removeprefix("--") in numbers and word.isdecimal():
            found.append(numbers[before.removeprefix("--")])
        elif name in numbers and value:
            found.append(f"{name}={numbers[name]}")
        else:
            found.append(word)
    return found


def test_the_commands_that_people_are_told_to_type_work(demonstration, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    ran = []
    for page in PAGES:
        for words in lines_of(page):
            if words[0] in ELSEWHERE:
                continue
            told = typed(numbered(words, demonstration))
            assert told or "--output" in words or words[0] in QUIET, (
                f"{page.name}: manage.py {shlex.join(words)} printed nothing"
            )
            ran.append(words[0])
    assert {"verify_ledger", "trial_balance", "export_book", "import_statement", "import_book", "operation"} <= set(ran)
    assert (tmp_path / "home.json").exists()
