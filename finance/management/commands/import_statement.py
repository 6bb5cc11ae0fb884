"""Import a bank file from the command line, in the same steps as on the web pages."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from finance import money
from finance.errors import FinanceError
from finance.imports.models import ImportBatch
from finance.imports.parsers.profile import CsvProfile
from finance.imports.proof import proof_of
from finance.imports.selectors import counts_of, statements_of
from finance.imports.services import OlderRows, confirm_import, stage_import
from finance.ledger.models import Account
from finance.ledger.selectors import account_paths
from finance.management.books import book_named, bytes_of, progress_bar, refuse

DOUBTFUL = 3
MOST_LEFT_OUT = 50


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = (
        "Stage and confirm a bank file: CSV, Excel, OFX, QFX, CAMT, MT940 or QIF. Exit code 0: imported (or, with --dry-run, readable); "
        "2: refused, with the reason; 3: imported, but balances do not add up, or a statement's account is not known."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the bank file, or - for standard input")
        parser.add_argument("--book", required=True, type=int, help="id of the book")
        parser.add_argument("--account", required=True, help="id of the account, or its path such as Assets:Checking")
        parser.add_argument("--dry-run", action="store_true", help="show what would happen and keep nothing")
        parser.add_argument(
            "--opening-balance", action="store_true", help="start an empty account with the stated balance"
        )
        parser.add_argument(
            "--profile", help="JSON, or a file with JSON, saying how the columns of a CSV file are read"
        )
        parser.add_argument(
            "--older-rows",
            choices=[value for value in OlderRows.values if value],
            default="",
            help="what to do with rows that are not newer than the account's opening balance; without it they are refused",
        )
        parser.add_argument(
            "--leave-undecided",
            action="store_true",
            help="leave out rows that may be known already; without it a file with such rows is refused",
        )
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = self._run(options)
        except FinanceError as error:
            refuse(self, error, as_json=options["json"])
        else:
            self.stdout.write(json.dumps(result, indent=2, ensure_ascii=False) if options["json"] else _told(result))
            if any(proof["holds"] is False or proof["account"] is None for proof in result["statements"]):
                sys.exit(DOUBTFUL)

    def _run(self, options: dict[str, Any]) -> dict[str, Any]:
        book = book_named(options["book"])
        paths = account_paths(book=book)
        asked, name = options["account"], options["file"]
        found = [pk for pk, path in paths.items() if asked in (str(pk), path)]
        if not found:
            raise CommandError(f"There is no account {asked} in this book. There are: {', '.join(paths.values())}")
        account = Account.objects.select_related("book").get(pk=found[0])
        data = bytes_of(name)
        profile = None
        if text := options["profile"]:
            try:
                values = json.loads(text if text.lstrip().startswith("{") else Path(text).read_text())
            except (OSError, ValueError) as error:
                raise CommandError(f"The profile is not JSON: {error}") from error
            profile = CsvProfile.from_dict(values)
        with transaction.atomic(), progress_bar(unit="row", hidden=options["json"] or None) as progress:
            batch = stage_import(
                book=book,
                account=account,
                actor=None,
                data=data,
                file_name=name if name != "-" else "stdin",
                profile=profile,
                on_progress=progress,
            )
            if not options["dry_run"]:
                confirm_import(
                    batch=batch,
                    actor=None,
                    opening_balance=options["opening_balance"],
                    older_rows=options["older_rows"],
                    leave_undecided=options["leave_undecided"],
                )
            result = _result(batch, dry_run=options["dry_run"])
            transaction.set_rollback(options["dry_run"])
        return result


def _result(batch: ImportBatch, *, dry_run: bool) -> dict[str, Any]:
    counts = counts_of(batch=batch)
    problems = batch.rows.filter(fate="error").order_by("pk")[:20]
    left_out = []
    for row in batch.rows.exclude(left_out="").select_related("statement").order_by("number")[:MOST_LEFT_OUT]:
        amount = None if row.amount is None else money.format_amount(row.amount, currency=row.statement.currency)
        text = " ".join(filter(None, [row.raw_date, row.payee[:80], row.description[:80], amount]))
        taken = row.amount is not None
        left_out.append({"line": row.number, "text": text, "reason": row.left_out, "can_be_taken_in": taken})
    fresh = ImportBatch.objects.without_content().get(pk=batch.pk)
    names = ("opening", "rows_sum", "computed", "closing", "difference", "books_closing", "books_difference")
    statements = []
    for statement in statements_of(batch=fresh):
        proof = proof_of(statement)
        amounts = {name: getattr(proof, name) for name in names}
        statements.append(
            {
                "account_at_bank": statement.external_account,
                "account": statement.account.name if statement.account else None,
                "currency": proof.currency,
                **{
                    name: None if amount is None else money.format_amount(amount, currency=proof.currency)
                    for name, amount in amounts.items()
                },
                "balance_break": proof.balance_break,
                "holds": proof.holds,
                "explanation": [*proof.sentences, *filter(None, [proof.left_out_told])],
            }
        )
    return {
        "import": None if dry_run else batch.pk,
        "state": "dry run" if dry_run else fresh.state,
        "file": batch.file_name,
        "format": batch.format,
        "profile": batch.profile,
        "notes": batch.notes,
        "rows": counts.total,
        "fates": counts.fates,
        "outcomes": counts.outcomes,
        "errors": [{"line": row.number, "reason": row.reason} for row in problems],
        "left_out": left_out,
        "statements": statements,
    }


def _told(result: dict[str, Any]) -> str:
    lines = [f"{result['file']}: {result['rows']} rows, {result['state']}."]
    lines += [f"  {fate.replace('_', ' ')}: {number}" for fate, number in result["fates"].items() if number]
    lines += [f"  line {problem['line']}: {problem['reason']}" for problem in result["errors"]]
    lines += [f"  line {row['line']} “{row['text']}” is no transaction: {row['reason']}" for row in result["left_out"]]
    for statement in result["statements"]:
        name = statement["account"] or f"{statement['account_at_bank']} (not assigned to an account)"
        if statement["computed"] is None or statement["closing"] is None:
            lines.append(f"{name}: rows {statement['rows_sum']} {statement['currency']}.")
        else:
            sign = {True: "=", False: "≠", None: "?"}[statement["holds"]]
            lines.append(
                f"{name}: {statement['opening']} + {statement['rows_sum']} = {statement['computed']} "
                f"{sign} {statement['closing']} {statement['currency']}"
            )
        lines += [f"  {sentence}" for sentence in statement["explanation"]]
    return "\n".join(lines + [f"Note: {note}" for note in result["notes"]])
