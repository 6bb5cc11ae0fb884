"""Our reader and its peers: each reads one file, in a process of its own (`python -m imports_app.readers WHO FILE`)."""

import datetime
import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path


def _ours(path: Path) -> int:
    from finance.imports.parsers.reading import Question, read_file

    parsed = read_file(path.read_bytes(), Question(currency="EUR"))
    assert not any(row.problem for statement in parsed.statements for row in statement.rows)
    return sum(len(statement.rows) for statement in parsed.statements)


def _ofxparse(path: Path) -> int:
    from ofxparse import OfxParser

    return len(OfxParser.parse(io.BytesIO(path.read_bytes())).account.statement.transactions)


def _mt940(path: Path) -> int:
    import mt940

    return sum(len(statement) for statement in mt940.parse_statements(path.read_text()))


def _quiffen(path: Path) -> int:
    from quiffen import Qif

    parsed = Qif.parse_string(path.read_text(), day_first=False)
    return sum(len(listed) for account in parsed.accounts.values() for listed in account.transactions.values())


def _beangulp(path: Path) -> int:
    from beangulp.importers import csvbase

    class Importer(csvbase.Importer):
        date = csvbase.Date("Date", "%Y-%m-%d")
        payee = csvbase.Column("Payee")
        narration = csvbase.Column("Description")
        amount = csvbase.Amount("Amount")

        def identify(self, _path: str) -> bool:
            return True

    return len(Importer("Assets:Checking", "EUR").extract(str(path), []))


def _openpyxl(path: Path) -> int:
    from openpyxl import load_workbook

    rows = load_workbook(path, read_only=True, data_only=True).active.iter_rows(min_row=2, values_only=True)
    return sum(isinstance(row[0], datetime.datetime) for row in rows)


READERS: dict[str, Callable[[Path], int]] = {
    "LifeOS": _ours, "ofxparse": _ofxparse, "mt-940": _mt940, "quiffen": _quiffen, "beangulp": _beangulp, "openpyxl": _openpyxl,
}  # fmt: skip


def main() -> None:
    """Read the file once; what it takes to load the library counts for memory, not for time."""
    who, path = sys.argv[1], Path(sys.argv[2])
    # A few rows first, so that every module is there before the clock starts.
    READERS[who](Path(sys.argv[3]))
    began = time.perf_counter()
    rows = READERS[who](path)
    seconds = time.perf_counter() - began
    # Of this process alone: getrusage would count the one that started it, too.
    status = Path("/proc/self/status").read_text()
    megabytes = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"rows": rows, "seconds": seconds, "megabytes": megabytes}))


if __name__ == "__main__":
    main()
