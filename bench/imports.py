"""Reading and importing bank files: rows a second and peak memory for each format, beside other readers of the same files.

python bench/imports.py                     1,000, 10,000 and 100,000 rows
python bench/imports.py --quick             1,000 and 10,000
python bench/imports.py --only "csv|ofx"    only these formats
python bench/imports.py --no-peers          without ofxparse, mt-940, quiffen, beangulp, openpyxl and Actual

The peers live in environments of their own, made at the first run: var/bench-venv from requirements/bench.txt and, where npm
is at hand, var/bench-node with @actual-app/api. Each file is read in a process of its own. "Imported" is the whole way in a
scratch database: read in the child process, staged, matched, confirmed and sealed into the ledger.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import harness
from imports_app.files import FILES, SUFFIXES
from peers import ENVIRONMENT, peers_python

from finance.imports.services import confirm_import, stage_import
from finance.ledger import services
from finance.ledger.models import Account
from identity.models import User

ROOT = harness.ROOT
NODE = ROOT / "var" / "bench-node"
SIZES = (1_000, 10_000, 100_000)
# Who reads what beside us.
PEERS = {"csv": ["beangulp"], "xlsx": ["openpyxl"], "ofx": ["ofxparse"], "mt940": ["mt-940"], "qif": ["quiffen"]}
ACTUAL = {"csv", "ofx", "camt", "qif"}
PATIENCE = 600  # seconds


def read(who: str, path: Path, warm: Path) -> dict[str, Any] | None:
    """What a reader took for the file; None when it failed or took too long."""
    python = ENVIRONMENT / "bin" / "python" if who != "LifeOS" else Path(sys.executable)
    command = [str(python), "-m", "imports_app.readers", who, str(path), str(warm)]
    surroundings = {**os.environ, "PYTHONPATH": f"{ROOT / 'bench'}:{ROOT}"}
    if who == "Actual":
        command = ["node", str(ROOT / "bench" / "imports_app" / "actual.js"), str(path)]
        surroundings["NODE_PATH"] = str(NODE / "node_modules")
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=True, env=surroundings, cwd=ROOT)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        print(f"{who} did not read {path.name}: {str(error.stderr or b'')[-300:]}", file=sys.stderr)
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def imported(data: bytes, name: str, account: Account, owner: User) -> tuple[float, float]:
    """Rows a second until the file is staged, and until it is confirmed."""
    rows = 0

    def stage() -> None:
        nonlocal rows
        batch = stage_import(book=account.book, account=account, actor=owner, data=data, file_name=name)
        rows = batch.rows_total
        batches.append(batch)

    batches: list[Any] = []
    staged = 1 / harness.rate(1, stage)
    confirmed = 1 / harness.rate(1, lambda: confirm_import(batch=batches[0], actor=owner, older_rows="import"))
    return rows / staged, rows / (staged + confirmed)


def with_actual() -> bool:
    """Whether Actual's parser can be measured; installs it at the first run."""
    if (NODE / "node_modules" / "@actual-app" / "api").exists():
        return True
    if shutil.which("npm") is None:
        return False
    NODE.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--prefix", str(NODE), "--no-audit", "--no-fund", "--silent", "@actual-app/api"]
    return subprocess.run(command, check=False).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="only formats that match")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--json", type=Path, default=ROOT / "bench" / "results" / "imports.json")
    options = parser.parse_args()
    peers = not options.no_peers and peers_python() is not None
    actual = not options.no_peers and with_actual()
    sizes = SIZES[:2] if options.quick else SIZES
    figures: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, harness.scratch_database():
        owner = User.objects.create_user("bench@example.org", None)
        for kind in [kind for kind in FILES if re.search(options.only, kind)]:
            warm = Path(folder) / f"warm.{SUFFIXES.get(kind, kind)}"
            warm.write_bytes(FILES[kind](20))
            readers = [
                "LifeOS",
                *(PEERS.get(kind, []) if peers else []),
                *(["Actual"] if actual and kind in ACTUAL else []),
            ]
            for size in sizes:
                path = Path(folder) / f"{size}.{SUFFIXES.get(kind, kind)}"
                path.write_bytes(FILES[kind](size))
                for who in readers:
                    if (took := read(who, path, warm)) is not None:
                        figures.append({"format": kind, "size": size, "who": who, "bytes": path.stat().st_size, **took})
                        print(_line(figures[-1]), flush=True)
                book = services.create_book(
                    owner=owner,
                    name=f"{kind} {size}",
                    base_currency="EUR",
                    time_zone="Europe/Berlin",
                    template="household",
                )
                account = Account.objects.select_related("book").get(book=book, name="Checking account")
                staged, confirmed = imported(path.read_bytes(), path.name, account, owner)
                figures.append(
                    {"format": kind, "size": size, "who": "imported", "staged": staged, "confirmed": confirmed}
                )
                print(
                    f"{kind:6} {size:>8,}  imported    {staged:>10,.0f} rows/s staged, {confirmed:,.0f} confirmed",
                    flush=True,
                )
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(figures, indent=1) + "\n")


def _line(figure: dict[str, Any]) -> str:
    wrong = "" if figure["rows"] == figure["size"] else f"  read {figure['rows']:,} rows"
    return (
        f"{figure['format']:6} {figure['size']:>8,}  {figure['who']:10}  {figure['rows'] / figure['seconds']:>10,.0f} rows/s"
        f"  {figure['megabytes']:>6,.0f} MB{wrong}"
    )


if __name__ == "__main__":
    main()
