"""The environment of the benches' peers, var/bench-venv: made from requirements/bench.txt at the first run."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / "var" / "bench-venv"


def peers_python() -> Path | None:
    """The interpreter that has the peers; None when they cannot be installed."""
    wanted, python = ROOT / "requirements" / "bench.txt", ENVIRONMENT / "bin" / "python"
    stamp = ENVIRONMENT / ".installed"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        uv = ROOT / ".venv" / "bin" / "uv"
        try:
            subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, ENVIRONMENT], check=True)
            subprocess.run([uv, "pip", "install", "-q", "--python", python, "-r", wanted], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            shutil.rmtree(ENVIRONMENT, ignore_errors=True)
            print(f"The peers cannot be installed, measuring without them: {error}")
            return None
        stamp.write_text(digest)
    return python
