"""The outbox's statements by name.

The `.sql` files beside this module hold them:

    -- name: lock_shard
    -- What it is for, in a line.
    SELECT ...

`QUERIES["lock_shard"]` is its text. Words in braces are filled in by the code that uses it.
"""

import re
from pathlib import Path


def load(directory: Path) -> dict[str, str]:
    """The statements of all files in the directory, without their comments."""
    found: dict[str, str] = {}
    for path in sorted(directory.glob("*.sql")):
        for named in path.read_text().split("-- name: ")[1:]:
            name, _, text = named.partition("\n")
            if name in found:
                raise ValueError(f"Two statements are called {name}.")
            found[name] = re.sub(r"^ *--.*\n", "", text, flags=re.MULTILINE).strip()
    return found


QUERIES = load(Path(__file__).parent)
