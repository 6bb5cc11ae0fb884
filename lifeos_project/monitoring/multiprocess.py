"""The files in which several processes add up their metrics (prometheus_client's multiprocess mode).

A process that ends leaves its counts in files of its own. They are folded into one archive, because a site that
replaces its processes every few thousand requests would otherwise read a growing heap of files at each scrape.
"""

import atexit
import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Read here and not from settings, which import too much for this to come first.
BASE = Path(__file__).resolve().parent.parent.parent / os.environ.get("LIFEOS_VAR_DIR", "var") / "metrics"
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# Not a process id, so never confused with a living process.
ARCHIVE = "ended"
SUMMED_KINDS = ("counter", "histogram", "summary")


def choose_directory(*, owner: str) -> Path:
    """Use $PROMETHEUS_MULTIPROC_DIR as it is, else a fresh directory that goes away with this process.

    Must be called before prometheus_client is imported.
    """
    if os.environ.get(VARIABLE):
        directory = Path(os.environ[VARIABLE])
        directory.mkdir(parents=True, exist_ok=True)
        return directory
    made = _fresh(f"{owner}-{os.getpid()}")
    maker = os.getpid()

    def remove() -> None:
        if os.getpid() == maker:
            shutil.rmtree(made, ignore_errors=True)

    atexit.register(remove)
    os.environ[VARIABLE] = str(made)
    return made


def directory() -> Path | None:
    """Where the metrics of all processes meet, or None when this process counts alone."""
    value = os.environ.get(VARIABLE)
    return Path(value) if value else None


@contextlib.contextmanager
def consistent(*, exclusive: bool = False) -> Iterator[None]:
    """Keeps a scrape from seeing a half-done fold: a count seen twice, then once, looks like a restart."""
    found = directory()
    if found is None:
        yield
        return
    descriptor = os.open(found / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def forget_process(pid: int) -> None:
    """Fold the counts of an ended process into the archive and drop its gauges."""
    from prometheus_client import multiprocess
    from prometheus_client.mmap_dict import MmapedDict

    found = directory()
    if found is None:
        return
    with consistent(exclusive=True):
        multiprocess.mark_process_dead(pid, str(found))  # type: ignore[no-untyped-call]
        for kind in SUMMED_KINDS:
            file = found / f"{kind}_{pid}.db"
            if not file.exists():
                continue
            archive = MmapedDict(str(found / f"{kind}_{ARCHIVE}.db"))  # type: ignore[no-untyped-call]
            try:
                for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]
                    before, _ = archive.read_value(key)  # type: ignore[no-untyped-call]
                    archive.write_value(key, before + value, timestamp)  # type: ignore[no-untyped-call]
            finally:
                archive.close()  # type: ignore[no-untyped-call]
            file.unlink()


def _fresh(name: str) -> Path:
    with contextlib.suppress(OSError, ValueError):
        BASE.mkdir(parents=True, exist_ok=True)
        for left_over in BASE.iterdir():
            try:
                os.kill(int(left_over.name.rpartition("-")[2]), 0)
            except ProcessLookupError:
                shutil.rmtree(left_over, ignore_errors=True)
            except PermissionError:
                continue  # alive, as another user
        made = BASE / name
        made.mkdir(mode=0o700, exist_ok=True)
        return made
    # A container may have nothing writable but /tmp.
    return Path(tempfile.mkdtemp(prefix=f"lifeos-metrics-{name}-"))
