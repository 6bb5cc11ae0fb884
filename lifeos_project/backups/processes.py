"""Runs PostgreSQL's programs: quiet when they work, one sentence when they fail, ended when we end."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import structlog

from lifeos_project.backups.errors import BackupError

log = structlog.stdlib.get_logger("lifeos.backup")
STOP_SECONDS = 10


@contextlib.contextmanager
def running(
    command: Sequence[str], *, environment: Mapping[str, str], good: Sequence[int] = (0,), **streams: Any
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that must have ended with a good code when the block ends, and is ended when the block fails."""
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(command, env=dict(environment), stderr=told, **streams)
        try:
            yield process
            code = process.wait()
        except BaseException:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            raise
        finally:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    # What could not be passed on to a program that has ended is told by its exit code.
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
        if code:
            log.warning("program ended", program=_name(command), code=code, told=_told(told)[-4000:])
        if code not in good:
            # The first line that names an error; what follows it are consequences.
            lines = _told(told).splitlines()
            wrong = [line for line in lines if "error" in line.lower() or "fatal" in line.lower()]
            reason = (wrong or lines[-1:] or [""])[0][:500]
            raise BackupError(f"{_name(command)} failed: {reason or f'exit code {code}'}")


def run(command: Sequence[str], *, environment: Mapping[str, str], good: Sequence[int] = (0,)) -> bytes:
    """The standard output of a process that worked."""
    with tempfile.TemporaryFile() as output:
        with running(command, environment=environment, good=good, stdin=subprocess.DEVNULL, stdout=output):
            pass
        output.seek(0)
        return output.read()


def _told(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace").strip()


def _name(command: Sequence[str]) -> str:
    words = [word.rpartition("/")[2] for word in command]
    return " ".join(words[1:3]) if words[1:2] == ["manage.py"] else words[0]
