"""Other programs to measure beside ours, installed into an environment of their own that `make run` never sees."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / "var" / "bench-venv"


def enter() -> None:
    """Start over under an interpreter that has the peers; continue without them if they cannot be installed."""
    if Path(sys.prefix) == ENVIRONMENT or "--no-peers" in sys.argv:
        return
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
            return
        stamp.write_text(digest)
    os.execv(python, [str(python), *sys.argv])


def has(module: str) -> bool:
    """Whether a peer's package is there."""
    return importlib.util.find_spec(module) is not None


def npm(directory: Path, package: str, *, rebuild: str = "") -> bool:
    """Install a package of the npm registry into the directory; False where that cannot be done."""
    if (directory / "node_modules" / package).exists():
        return True
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "package.json").write_text('{"private": true}')
    try:
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", package], cwd=directory, check=True, stdout=subprocess.DEVNULL
        )
        if rebuild:
            # npm 11 runs no script of a package before somebody has approved of it; older ones know no such command.
            subprocess.run(
                ["npm", "install-scripts", "approve", rebuild], cwd=directory, check=False, capture_output=True
            )
            subprocess.run(["npm", "rebuild", rebuild], cwd=directory, check=True, stdout=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(directory, ignore_errors=True)
        print(f"{package} cannot be installed, measuring without it: {error}")
        return False
    return True
