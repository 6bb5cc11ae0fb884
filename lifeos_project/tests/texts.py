"""Comparing long texts: what pytest makes of two that differ takes hours for ten thousand lines."""

from difflib import unified_diff
from itertools import islice


def differences(committed: str, current: str, *, most: int = 100) -> str:
    """The lines that differ as a diff, at most so many of it; nothing where the texts are the same."""
    if committed == current:
        return ""
    lines = unified_diff(committed.splitlines(), current.splitlines(), "committed", "current", n=1, lineterm="")
    return "\n".join(islice(lines, most)) or "they differ in the ends of lines"
