"""How long it takes to prove a backup: a book of many entries and reversals, dumped, restored beside it and verified.

python bench/recovery.py                       100,000 entries, 3,000 of them reversed
python bench/recovery.py --entries 1000000     a million, 30,000 reversed
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import harness
from django.db import connection
from ledger import Household

from finance.ledger import services
from finance.ledger.models import JournalEntry
from lifeos_project.backups import archive, evidence, loading, programs, servers
from lifeos_project.backups.proof import load_and_prove

# Written past the guards, which are measured elsewhere: what is verified here is the result.
FILL = """
SET LOCAL session_replication_role = replica;
WITH entry AS (
    INSERT INTO finance_journalentry (book_id, uid, date, payee, description, source, line_count, created_at)
    SELECT {book}, gen_random_uuid(), date '2016-01-01' + number * 7 % 3652, 'Shop ' || number % 300, '', 'import', 2, now()
      FROM generate_series(1, {entries}) AS number RETURNING id, date
), reversal AS (
    INSERT INTO finance_journalentry (book_id, uid, date, payee, description, source, line_count, reverses_id, created_at)
    SELECT {book}, gen_random_uuid(), date, 'Shop', '', 'reversal', 2, id, now()
      FROM entry WHERE id % 32 = 0 LIMIT {reversals} RETURNING id, date, reverses_id
)
INSERT INTO finance_journalline (book_id, entry_id, account_id, date, currency, amount, position, memo)
SELECT {book}, id, CASE position WHEN 1 THEN {category} ELSE {checking} END, date, 'EUR',
       CASE WHEN (position = 1) = forth THEN cents ELSE -cents END, position, ''
  FROM (SELECT id, date, 100 + id % 900 AS cents, true AS forth FROM entry
        UNION ALL SELECT id, date, 100 + reverses_id % 900, false FROM reversal) AS posted
 CROSS JOIN generate_series(1, 2) AS position;
SET LOCAL session_replication_role = origin;
"""


def fill(household: Household, entries: int) -> None:
    reversals = entries * 3 // 100
    values = {
        "book": household.book.pk,
        "entries": entries - reversals,
        "reversals": reversals,
        "category": household.categories[0],
        "checking": household.checking.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute("BEGIN;" + FILL.format(**values) + "COMMIT")
    services.rebuild_months(book=household.book, by="bench")
    services.seal_missed()
    assert JournalEntry.objects.filter(reverses__isnull=False).count() == reversals


def prove_a_copy(work: Path) -> dict[str, float]:
    """Seconds of each step, from the dump to the proof."""
    source = servers.configured().named(connection.settings_dict["NAME"])
    took, since, stage = {}, time.perf_counter(), "Counting"

    def step(name: str) -> None:
        nonlocal since, stage
        took[stage] = time.perf_counter() - since
        print(f"{stage}: {took[stage]:.1f} s, load {os.getloadavg()[0]:.1f}", flush=True)
        since, stage = time.perf_counter(), name

    with source.connect() as server:
        tools = programs.fitting(server_major=servers.major(server))
        with server.transaction():
            server.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            manifest = {
                "pg_dump": tools.major,
                "migrations": evidence.migrations(server),
                "evidence": evidence.gathered(server),
            }
            step("Dumping")
            (snapshot,) = server.execute("SELECT pg_export_snapshot()").fetchone()
            loading.dump(database=source, snapshot=snapshot, into=work / archive.DUMP, tools=tools)
    copy = source.named(f"{source.name}_copy")
    servers.create(copy)
    try:
        load_and_prove(parts=work, manifest=manifest, into=copy, with_owners=True, progress=step)
        step("Done")
    finally:
        servers.drop(copy)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000)
    options = parser.parse_args()
    with harness.scratch_database(), tempfile.TemporaryDirectory() as work:
        household = Household(seed=1)
        started = time.perf_counter()
        fill(household, options.entries)
        print(f"filled and sealed in {time.perf_counter() - started:.1f} s", flush=True)
        took = prove_a_copy(Path(work))
        proving = "Proving the ledger of the copy"
        whole = harness.Figure("restore and prove", "s", [sum(took.values())])
        proof = harness.Figure(proving, "s", [took[proving]])
        harness.report(
            title=f"recovery-{options.entries}",
            figures={whole.name: whole, proof.name: proof},
            ratios=[harness.Limit(whole.name, 180 * max(options.entries, 100_000) / 1_000_000)],
        )


if __name__ == "__main__":
    main()
    raise SystemExit(harness.status())
