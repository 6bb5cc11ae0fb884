"""When two failures are the same error: same class, same place, same words apart from numbers and names in them."""

import hashlib
import re
import traceback
from pathlib import PurePath

# Each is what differs between two events that fail for one reason.
_VARIABLE = (
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "<address>"),
    (re.compile(r"=\([^)]*\)"), "=(…)"),  # PostgreSQL: Key (id)=(5) already exists
    (re.compile(r"'[^']*'"), "'…'"),  # Python quotes values so; PostgreSQL's names stand in double quotes and stay
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "#"),
    (re.compile(r"\d+"), "#"),
)
LONGEST = 400


def fingerprint_of(error: BaseException) -> str:
    """16 hexadecimal digits, equal for failures that an operator would call the same error."""
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    text = "\n".join([name, _place(error), normalised(str(error))])
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def normalised(message: str) -> str:
    """The message without what differs from event to event."""
    text = message.strip().split("\n")[0][:LONGEST]
    for pattern, stand_in in _VARIABLE:
        text = pattern.sub(stand_in, text)
    return text


def _place(error: BaseException) -> str:
    """File and function of the innermost frame that is not a library's; line numbers move with every release."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename] or list(frames)
    return f"{'/'.join(PurePath(own[-1].filename).parts[-3:])}:{own[-1].name}" if own else ""


def first_line_of(error: BaseException) -> str:
    """What an error says, short enough for a line of the log."""
    return str(error).strip().split("\n")[0]
