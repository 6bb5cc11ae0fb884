"""The report as JSON and as text: what came, what did not, and the proof account by account."""

import dataclasses
from typing import Any

from finance.book_import.services import BookReport


def as_dict(report: BookReport) -> dict[str, Any]:
    """JSON values; amounts are decimal texts."""
    proof = [
        {
            "account": row.account,
            "currency": row.currency,
            "on": row.on.isoformat() if row.on else None,
            "source": f"{row.source:f}",
            "lifeos": f"{row.ours:f}",
            "difference": f"{row.ours - row.source:f}",
            "basis": "stated" if row.stated else "summed",
            "holds": row.holds,
        }
        for row in report.proof
    ]
    return {
        "format": report.format,
        "book": report.book,
        "name": report.name,
        "base_currency": report.base_currency,
        "time_zone": report.time_zone,
        "accounts": report.accounts,
        "entries": report.entries,
        "lines": report.lines,
        "schedules": report.schedules,
        "budgets": report.budgets,
        "goals": report.goals,
        "rules": report.rules,
        "first": report.first.isoformat() if report.first else None,
        "last": report.last.isoformat() if report.last else None,
        "left_out": [dataclasses.asdict(left) | {"examples": list(left.examples)} for left in report.left_out],
        "notes": list(report.notes),
        "proof": proof,
        "differences": len(report.differences),
    }


def as_text(report: BookReport) -> str:
    """For a terminal; all differences, and of the balances that hold only the final ones."""
    told = as_dict(report)
    period = f", {told['first']} to {told['last']}" if report.first else ""
    state = f"book {report.book}" if report.book else "dry run, nothing was created"
    lines = [
        f"{report.name}: {report.accounts} accounts, {report.entries} entries with {report.lines} lines{period} ({state})."
    ]
    if report.schedules or report.budgets or report.goals or report.rules:
        lines.append(
            f"Also: {report.schedules} schedules, {report.budgets} budgets, {report.goals} goals, {report.rules} rules."
        )
    if report.left_out:
        lines.append("Left out or changed:")
    for left in report.left_out:
        examples = f" ({'; '.join(left.examples)})" if left.examples else ""
        lines.append(f"  {left.count} × {left.kind}: {left.why}{examples}")
    lines += [f"Note: {note}" for note in report.notes]
    held = sum(row["holds"] for row in told["proof"])
    lines.append(f"Proof: {held} of {len(told['proof'])} balances are the same as in the file.")
    for row in told["proof"]:
        if row["holds"] and row["on"]:
            continue
        sign = "=" if row["holds"] else "≠"
        on = f" on {row['on']}" if row["on"] else ""
        lines.append(f"  {row['account']}{on}: {row['source']} {sign} {row['lifeos']} {row['currency']}")
    return "\n".join(lines)
