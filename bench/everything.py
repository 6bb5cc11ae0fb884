"""All benchmarks one after the other, and what they claim as one table.

python bench/everything.py            as long as it takes; nothing else should run on the machine
python bench/everything.py --quick    small sizes, at most five minutes
python bench/everything.py --only ledger outbox

The table goes to bench/results/table.md. Exits with 1 when a target is missed or a benchmark fails.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).resolve().parent
RESULTS = BENCH / "results"
# Name -> what a whole run is asked for, and what a quick one (None: left out).
RUNS: dict[str, tuple[list[str], list[str] | None]] = {
    "start": ([], []),
    "per_request": ([], []),
    "ledger": ([], ["--quick"]),
    "proof": ([], ["--quick"]),
    "imports": (["--large"], ["--quick", "--no-peers"]),
    "registers": ([], ["--quick"]),
    "search": ([], ["--quick"]),
    "reports": ([], ["--quick"]),
    "planning": ([], ["--quick"]),
    "planning_forecast": ([], ["--quick"]),
    "planning_detection": ([], ["--quick"]),
    "suggestions": ([], None),
    "recovery": (["--entries", "1000000"], None),
    "outbox": ([], ["--quick", "--no-peers"]),
    "scaling": ([], None),
}


@dataclass(slots=True, kw_only=True)
class Outcome:
    """How one benchmark ended: its claims as it printed them, its exit code, and how long it took."""

    name: str
    claims: list[str] = field(default_factory=list)
    code: int
    seconds: float


def run(name: str, arguments: list[str]) -> Outcome:
    """Run a benchmark, passing on what it prints."""
    command, begun = [sys.executable, str(BENCH / f"{name}.py"), *arguments], time.monotonic()
    print(f"\n== {name} {' '.join(arguments)}", flush=True)
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip())
    claims = [line for line in lines if re.search(r"\(target [≥≤]", line)]
    return Outcome(name=name, claims=claims, code=process.returncode, seconds=time.monotonic() - begun)


def table(outcomes: list[Outcome]) -> str:
    """The claims as Markdown, with the machine that they were measured on."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    for file in RESULTS.glob("ledger-*.json"):
        machine = json.loads(file.read_text())["machine"]
    rows = [
        f"Measured on {time.strftime('%Y-%m-%d')}: {machine}.",
        "",
        "| figure | measured | target |",
        "|---|--:|--:|",
    ]
    for outcome in outcomes:
        for claim in outcome.claims:
            what, _, rest = claim.rpartition(": ")
            found = re.fullmatch(r"(.+?) \(target (.+)\) (met|MISSED)", rest)
            if found:
                value, target, verdict = found.groups()
                rows.append(f"| {what} | {value} | {target}{'' if verdict == 'met' else ', **missed**'} |")
    return "\n".join(rows) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, at most five minutes")
    parser.add_argument("--only", nargs="+", choices=sorted(RUNS), help="these benchmarks only")
    options = parser.parse_args()
    outcomes = []
    for name, (whole, quick) in RUNS.items():
        arguments = quick if options.quick else whole
        if arguments is not None and (not options.only or name in options.only):
            outcomes.append(run(name, arguments))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "table.md").write_text(table(outcomes))
    print()
    for outcome in outcomes:
        missed = sum(claim.endswith("MISSED") for claim in outcome.claims)
        told = f"{len(outcome.claims)} claims, {missed} missed" if outcome.claims else "no claims"
        print(f"{outcome.name:<20}{outcome.seconds:>7.0f} s  {told}, exit code {outcome.code}")
    return 1 if any(outcome.code for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
