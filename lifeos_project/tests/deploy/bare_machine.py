"""A bare Debian in a fresh directory, on which the shell blocks of a page are typed as they stand, but for SUBSTITUTED.

On its PATH are the programs of Debian's base and those of packages that the page has had installed, and no others.
"""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from lifeos_project.tests.deploy.machine import IGNORED
from lifeos_project.tests.services import program

ROOT = Path(settings.BASE_DIR)
AUTHOR = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
# What the page's packages bring, as far as it is used; a service, so that its package is not forgotten.
PACKAGES = {
    "certbot": ["certbot"],
    "curl": ["curl"],
    "docker-compose": ["docker-compose"],
    "docker.io": ["docker"],
    "git": ["git"],
    "make": ["make"],
    "nginx-light": ["nginx"],
    "openssl": ["openssl"],
    "postgresql": ["psql", "pg_dump", "pg_restore"],
    "python3-venv": ["python3"],
    "redis-server": ["redis-server"],
}
# In the place of programs of Debian's base, and of programs that packages bring.
STUBS = {"apt-get": "stubs", "useradd": "stubs", "systemctl": "stubs", "certbot": "packaged"}
PLACES = (
    "/opt/lifeos", "/etc/lifeos", "/srv/lifeos", "/etc/nginx", "/etc/systemd/system", "/etc/letsencrypt", "/var/log/nginx",
    "/var/www/lifeos-acme",
)  # fmt: skip


@dataclass(kw_only=True)
class BareMachine:
    directory: Path
    # Pattern, replacement, reason: in the page's blocks and in the checkout's deploy/.
    substituted: list[tuple[str, str, str]]
    # Where certbot's challenges are asked for, or nowhere.
    challenges: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    cwd: Path = field(init=False)
    # Patterns of `substituted` that have been found somewhere.
    found: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.directory.chmod(0o755)
        self.cwd = self.directory
        places = "|".join(PLACES)
        self.substituted = [
            (rf"(?<![\w.])({places})\b", rf"{self.directory}\1", "the places of a real machine belong to it"),
            ("<repository>", f"file://{self.directory}/repository", "this checkout, as a repository of its own"),
            *self.substituted,
        ]
        for name in ("bin", "stubs", "packaged", "opt", "srv", "etc/systemd/system", "var/log/nginx", "var/www"):
            (self.directory / name).mkdir(parents=True)
        self._know_programs()
        self._make_repository()

    def _know_programs(self) -> None:
        packages = {
            package: {name: "" if name in STUBS else program(name, package=package) for name in names}
            for package, names in PACKAGES.items()
        }
        # Debian's own, where its package is installed: it has what Debian gives it.
        debians = Path("/usr/bin/python3")
        if debians.exists() and not subprocess.call(
            [debians, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL
        ):
            packages["python3-venv"]["python3"] = str(debians)
        known = {
            "packages": packages, "units": str(self.directory / "etc/systemd/system"), "challenges": self.challenges,
        }  # fmt: skip
        (self.directory / "known.json").write_text(json.dumps(known))
        for path in _base():
            (self.directory / "bin" / path.name).symlink_to(path)
        for name, place in STUBS.items():
            call = f"{sys.executable} -ISE {Path(__file__).parent}/commands.py {self.directory} {name}"
            self.stub(name, f'exec {call} "$@"', place=place)
        if os.geteuid() != 0:
            self.stub("chown", ":")

    def stub(self, name: str, line: str, *, place: str = "stubs") -> None:
        """A command in the place of the real one: at once, or (`packaged`) when its package is installed."""
        file = self.directory / place / name
        file.write_text(f"#!/bin/sh\n{line}\n")
        file.chmod(0o755)

    def _make_repository(self) -> None:
        repository = self.directory / "repository"
        shutil.copytree(ROOT, repository, ignore=IGNORED)
        for file in (repository / "deploy").rglob("*"):
            if file.is_file():
                file.write_text(self.here(file.read_text()))
        for arguments in (
            ("init", "--quiet", "--initial-branch=main"), ("add", "--all"), ("commit", "--quiet", "--message", "all"),
        ):  # fmt: skip
            subprocess.run(["git", *AUTHOR, *arguments], cwd=repository, check=True, capture_output=True)

    def here(self, text: str) -> str:
        for pattern, replacement, _ in self.substituted:
            text, times = re.subn(pattern, replacement, text)
            if times:
                self.found.add(pattern)
        return text

    def needless(self) -> list[str]:
        """Patterns that stand nowhere any more, so that what they kept away from the real machine may reach it."""
        return [pattern for pattern, _, _ in self.substituted if pattern not in self.found]

    def environment(self) -> dict[str, str]:
        path = f"{self.directory}/stubs:{self.directory}/bin"
        # The cache of downloads, and where certificates of the network's proxy are.
        kept = {
            name: value for name, value in os.environ.items() if re.match(r"HOME$|(PIP|UV|SSL)_|https?_proxy$", name)
        }
        return {**kept, "LANG": "C.UTF-8", "PATH": path, **self.variables}

    def type(self, block: str, *, answers: dict[str, str] | None = None, seconds: float = 240) -> str:
        """What is on the screen after a block was typed; each line must end well. `answers` to what is asked for."""
        # As `umask` is on a fresh machine; and the next block begins where this one ended.
        script = f"set -eu -o pipefail; umask 022\n{self.here(block)}\npwd > {self.directory}/cwd"
        keyboard, terminal = pty.openpty()
        with subprocess.Popen(
            ["bash", "-c", script], cwd=self.cwd, env=self.environment(), stdin=terminal, stdout=terminal, stderr=terminal,
            start_new_session=True,
        ) as shell:  # fmt: skip
            os.close(terminal)
            try:
                screen = _read(keyboard, answers=answers or {}, until=time.monotonic() + seconds)
            finally:
                os.close(keyboard)
                if shell.poll() is None:
                    try:
                        shell.wait(10)
                    except subprocess.TimeoutExpired:
                        shell.kill()
        assert shell.returncode == 0, f"{block}\n{screen}"
        self.cwd = Path((self.directory / "cwd").read_text().strip())
        return screen

    def asked(self) -> list[str]:
        """What the stubs were asked for, in its order."""
        return (self.directory / "asked").read_text().replace(str(self.directory), "").splitlines()


def _read(keyboard: int, *, answers: dict[str, str], until: float) -> str:
    """Everything that is shown, up to the end of the last process; a question is answered once it stands there."""
    shown = seen = ""
    while time.monotonic() < until:
        if not select.select([keyboard], [], [], 0.5)[0]:
            continue
        try:
            data = os.read(keyboard, 65536)
        except OSError:
            return shown
        if not data:
            return shown
        text = data.decode(errors="replace").replace("\r", "")
        shown, seen = shown + text, seen + text
        for question, answer in answers.items():
            if question in seen:
                seen = seen.rpartition(question)[2]
                # getpass throws away what is typed before it listens.
                time.sleep(0.3)
                os.write(keyboard, f"{answer}\n".encode())
    raise AssertionError(f"Not at an end: {shown}")


def _base() -> list[Path]:
    """The programs of a Debian without anything installed."""
    query = [program("dpkg-query", package="dpkg"), "--show", "--showformat=${Package} ${Priority} ${Essential}\n"]
    told = subprocess.run(query, check=True, capture_output=True, text=True).stdout
    base = [line.split()[0] for line in told.splitlines() if re.search(r" (required|important) | yes$", line)]
    files = subprocess.run([query[0], "--listfiles", *base], check=True, capture_output=True, text=True).stdout
    programs = {Path(line).name: Path(line) for line in files.splitlines() if re.match(r"(/usr)?/s?bin/[^/]+$", line)}
    # Alternatives stand in no package's list.
    programs |= {name: Path(program(name, package="mawk")) for name in ("awk",)}
    return [path for path in programs.values() if path.exists()]
