"""How long a command takes before it does anything, in seconds of the processor, and how much memory that leaves.

python bench/start.py        each five times, the least counts
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

from claims import claim, status

ROOT = Path(__file__).resolve().parent.parent
SECONDS, MEGABYTES = 0.5, 90
COMMANDS = ("diffsettings", "outbox_worker --help", "verify_ledger --help", "backup --help", "migrate --help")
# What no command needs before it begins: pages, and what writes sheets.
LATER = (
    "unfold.admin",
    "rest_framework.views",
    "finance.api",
    "finance.web.urls",
    "finance.ledger.services",
    "xlsxwriter",
)
_LOADED = "import django, sys; django.setup(); print(*sys.modules)"


def once(arguments: list[str]) -> tuple[float, str]:
    """Seconds of the processor that a process takes, and what it says. Raises CalledProcessError."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "lifeos_project.settings"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    said = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    ).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, said


def main() -> int:
    for command in COMMANDS:
        arguments = ["manage.py", *command.split()]
        once(arguments)  # writes bytecode
        seconds = min(once(arguments)[0] for _ in range(5))
        print(claim(name=f"start of manage.py {command}, processor", value=seconds, unit="s", at_most=SECONDS))
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(claim(name="memory of the largest of them", value=most, unit="MB", at_most=MEGABYTES))
    loaded = set(once(["-c", _LOADED])[1].split())
    early = [name for name in LATER if name in loaded]
    print(claim(name="modules imported before they are needed", value=len(early), at_most=0), *early)
    return status()


if __name__ == "__main__":
    sys.exit(main())
