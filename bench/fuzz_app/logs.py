"""Where log lines go while requests are fuzzed: formatted, and thrown away but for the exceptions in them."""

import logging
import sys


class Recorder(logging.Handler):
    """Keeps the exceptions of error lines, and those of lines that cannot be written."""

    caught: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.format(record).encode()
        except Exception:
            self.handleError(record)
        error = record.exc_info[1] if record.exc_info else None
        if record.levelno >= logging.ERROR and error is not None:
            self.caught.append(error)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 -- logging's name
        error = sys.exc_info()[1]
        if error is not None:
            error.add_note(f"while the log line {record.msg!r} was written")
            self.caught.append(error)
