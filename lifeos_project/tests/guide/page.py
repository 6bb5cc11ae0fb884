"""docs/guide.md, written from the rows and from what their checks have found."""

from collections import Counter
from collections.abc import Mapping

from lifeos_project.tests.guide.rows import ROWS, SECTIONS, STATES, Row

HEAD = """# The operations guide, line by line

LifeOS follows an operations guide. For each command, port, variable, metric and expected state of the guide, by section
and line, this page says what to type or look at here and whether it works. Tests check every row; `make guide` writes
this page from `lifeos_project/tests/guide/rows.py` and the results of the checks.

"""


def page(states: Mapping[Row, str]) -> str:
    """The whole page; `states` says of each row what has become of it."""
    counted = Counter(states[row] for row in ROWS)
    parts = [HEAD, f"{len(ROWS)} rows:\n\n| state | rows |\n|---|---|\n"]
    parts += [f"| {words} | {counted[state]} |\n" for state, words in STATES.items() if counted[state]]
    if counted["false"]:
        parts.append(f"| **not true any more** | {counted['false']} |\n")
    for title, rows in SECTIONS.items():
        parts.append(f"\n## {title}\n\n| line | the guide | here | state |\n|---|---|---|---|\n")
        parts += [_row(row, states[row]) for row in rows]
    return "".join(parts)


def _row(row: Row, state: str) -> str:
    cells = [str(row.line), row.term, row.here, STATES.get(state, "**not true any more**")]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"
