"""Commands of a bare machine that a test must not run for real: apt-get, useradd, systemctl, certbot.

Called as `commands.py DIRECTORY NAME ARGUMENT…` with the directory of a BareMachine. Each call is written down in
DIRECTORY/asked. Whatever is asked of them that they do not know is refused, as the real ones refuse it.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(sys.argv[1])
# Written by BareMachine: packages, units, running_as, challenges.
KNOWN = json.loads((HERE / "known.json").read_text())


def apt_get(*arguments: str) -> None:
    """A package's programs are on PATH once it is installed, and not before."""
    if arguments == ("update",):
        return
    verb, *words = arguments
    if verb != "install" or "-y" not in words:
        sys.exit(f"E: apt-get {' '.join(arguments)} asks, or is not known here")
    for name in words:
        if name == "-y":
            continue
        if name not in KNOWN["packages"]:
            sys.exit(f"E: Unable to locate package {name}")
        for command, path in KNOWN["packages"][name].items():
            stub = HERE / "packaged" / command
            link = HERE / "bin" / command
            link.unlink(missing_ok=True)
            link.symlink_to(stub if stub.exists() else path)


def useradd(*arguments: str) -> None:
    if arguments != ("--system", "--home-dir", f"{HERE}/srv/lifeos", "--shell", "/usr/sbin/nologin", "lifeos"):
        sys.exit(f"useradd: {' '.join(arguments)}")


def systemctl(*arguments: str) -> None:
    """The units of /etc/systemd/system, without their confinement. A unit is known after a daemon-reload."""
    verb, *words = arguments
    loaded = HERE / "units"
    if verb == "daemon-reload":
        shutil.rmtree(loaded, ignore_errors=True)
        shutil.copytree(KNOWN["units"], loaded)
        return
    *options, unit = words
    kind, _, instance = unit.removesuffix(".service").partition("@")
    template = loaded / f"{kind}@.service"
    if not template.exists():
        sys.exit(f"Failed to {verb} {unit}: Unit {unit} not found.")
    file = HERE / f"{unit}.pid"
    if (verb, options) == ("is-active", ["--quiet"]):
        sys.exit(0 if _runs(file) else 3)
    elif (verb, options) == ("show", ["--property", "MainPID", "--value"]):
        sys.stdout.write(file.read_text() if _runs(file) else "0")
    elif (verb, options) == ("enable", ["--quiet", "--now"]):
        if not _runs(file):
            _start(file, text=template.read_text().replace("%i", instance))
    elif (verb, options) == ("stop", []):
        _stop(file)
    else:
        sys.exit(f"Unknown: systemctl {' '.join(arguments)}")


def _start(file: Path, *, text: str) -> None:
    settings = dict(re.findall(r"^(\w+)=(.*)$", text, re.M))
    lines = Path(settings["EnvironmentFile"]).read_text().splitlines()
    given = [line for line in [settings["Environment"], *lines] if line and not line.startswith("#")]
    # Nothing of the shell that asks, as systemd has it.
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        **dict(line.split("=", 1) for line in given),
    }
    with Path(f"{file}.log").open("ab") as log:
        process = subprocess.Popen(
            shlex.split(settings["ExecStart"]), cwd=settings["WorkingDirectory"], env=environment, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True, user=settings["User"] if os.geteuid() == 0 else None,
        )  # fmt: skip
    file.write_text(str(process.pid))


def _stop(file: Path) -> None:
    if not _runs(file):
        return
    pid, deadline = int(file.read_text()), time.monotonic() + 35
    os.kill(pid, signal.SIGTERM)
    while _runs(file) and time.monotonic() < deadline:
        time.sleep(0.05)
    if _runs(file):
        os.killpg(pid, signal.SIGKILL)


def _runs(file: Path) -> bool:
    """Not so for a process that is not there, or only its parent's to bury."""
    try:
        return Path(f"/proc/{file.read_text()}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def certbot(*arguments: str) -> None:
    """`certonly` as Debian's 2.1 does it: a challenge in the web root, then the hook; none of renewal-hooks."""
    options = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    if arguments[:2] != ("certonly", "--webroot") or set(options) != {"-w", "-d", "--deploy-hook"}:
        sys.exit(f"certbot: {' '.join(arguments)}")
    hook, host, root = options["--deploy-hook"], options["-d"], Path(options["-w"])
    if shutil.which(hook.split(None, 1)[0]) is None:
        sys.exit(f"Unable to find deploy-hook command {hook.split(None, 1)[0]} in the PATH.")
    if not root.is_dir():
        sys.exit(f"{root} does not exist or is not a directory")
    if KNOWN["challenges"]:
        _challenge(root, host=host)
    lineage = HERE / "etc" / "letsencrypt" / "live" / host
    lineage.mkdir(parents=True, exist_ok=True)
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", f"/CN={host}/O=Issued", "-keyout", lineage / "privkey.pem", "-out", lineage / "fullchain.pem"]
    subprocess.run(command, check=True, capture_output=True)
    done = subprocess.run(hook, shell=True, env={**os.environ, "RENEWED_LINEAGE": str(lineage)})
    sys.exit(done.returncode)


def _challenge(root: Path, *, host: str) -> None:
    place = root / ".well-known" / "acme-challenge"
    place.mkdir(parents=True, exist_ok=True)
    (place / "token").write_text("proof")
    question = urllib.request.Request(f"{KNOWN['challenges']}/.well-known/acme-challenge/token", headers={"Host": host})
    with urllib.request.urlopen(question, timeout=60) as answer:
        assert answer.read() == b"proof"
    (place / "token").unlink()


def main() -> None:
    name, arguments = sys.argv[2], sys.argv[3:]
    with (HERE / "asked").open("a") as log:
        log.write(f"{shlex.join([name, *arguments])}\n")
    {"apt-get": apt_get, "useradd": useradd, "systemctl": systemctl, "certbot": certbot}[name](*arguments)


if __name__ == "__main__":
    main()
