import csv
import datetime
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from finance import money
from finance.ledger.selectors import TrialBalance, TrialBalanceRow, trial_balance
from finance.management.books import book_named


class Command(BaseCommand):
    requires_system_checks = ("lifeos",)
    help = "Balances of all accounts of a book at the end of a day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", type=int, required=True, help="number of the book")
        parser.add_argument("--as-of", type=datetime.date.fromisoformat, help="YYYY-MM-DD (default: all postings)")
        parser.add_argument("--format", choices=["text", "csv", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        book = book_named(options["book"])
        balance = trial_balance(book=book, as_of=options["as_of"])
        match options["format"]:
            case "csv":
                writer = csv.writer(self.stdout, lineterminator="\n")
                writer.writerow(["account_id", "account", "type", "currency", "debit", "credit"])
                for row in balance.rows:
                    writer.writerow([row.account_id, row.path, row.type, row.currency, *_sides(row)])
            case "json":
                self.stdout.write(json.dumps(_document(book.pk, balance), ensure_ascii=False, indent=1))
            case _:
                head = ("Account", "", "Debit", "Credit")
                rows = [(row.path, row.currency, *_sides(row)) for row in balance.rows]
                totals = [
                    (f"Total {currency}", currency, *(money.format_amount(side, currency=currency) for side in sides))
                    for currency, sides in balance.totals.items()
                ]
                widths = [max(len(row[column]) for row in [head, *rows, *totals]) for column in range(4)]
                rule = "-" * (sum(widths) + 6)
                self.stdout.write(f"{book.name}, {balance.as_of or 'all postings'}\n")
                self.stdout.write(_aligned(head, widths))
                for part in (rows, totals):
                    self.stdout.write("\n".join([rule, *(_aligned(row, widths) for row in part)]))


def _sides(row: TrialBalanceRow) -> tuple[str, str]:
    """Debit and credit as decimal text, nothing on the empty side."""
    return (
        money.format_amount(row.debit, currency=row.currency) if row.debit else "",
        money.format_amount(row.credit, currency=row.currency) if row.credit else "",
    )


def _document(book_id: int, balance: TrialBalance) -> dict[str, object]:
    return {
        "book": book_id,
        "as_of": balance.as_of.isoformat() if balance.as_of else None,
        "rows": [
            {
                "account_id": row.account_id,
                "account": row.path,
                "type": row.type,
                "currency": row.currency,
                "debit": money.format_amount(row.debit, currency=row.currency),
                "credit": money.format_amount(row.credit, currency=row.currency),
            }
            for row in balance.rows
        ],
        "totals": {
            currency: {
                "debit": money.format_amount(debit, currency=currency),
                "credit": money.format_amount(credit, currency=currency),
            }
            for currency, (debit, credit) in balance.totals.items()
        },
    }


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    name, currency, debit, credit = row
    cells = (name.ljust(widths[0]), currency.ljust(widths[1]), debit.rjust(widths[2]), credit.rjust(widths[3]))
    return "  ".join(cells).rstrip()
