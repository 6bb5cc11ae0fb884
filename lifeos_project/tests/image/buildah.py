"""Images built without an engine: buildah as root in a chroot, on a base made by debootstrap.

The registry's base images cannot always be reached where this runs, so Debian's own packages stand in under their names:
the Dockerfile is taken as it is, and everything in it is carried out. What differs is the Python (Debian's, instead of
the version in the tag) and what the base itself contains.
"""

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from lifeos_project.tests.services import program

ROOT = Path(settings.BASE_DIR)
DOCKERFILE = ROOT / "compose" / "Dockerfile"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
MIRROR = "http://deb.debian.org/debian"


class Buildah:
    """A store of images of its own in `directory`; what took long to fetch stays in `kept`."""

    def __init__(self, directory: Path, *, kept: Path):
        self.kept = kept
        own = ["--root", str(directory / "store"), "--runroot", str(directory / "run"), "--storage-driver", "vfs"]
        self.command = [program("buildah", package="buildah"), *own]

    def run(self, *arguments: str, seconds: int = 1200) -> str:
        done = subprocess.run([*self.command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=seconds)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout.strip()

    def make_bases(self) -> None:
        """Give Debian's packages the names that the Dockerfile begins its stages with."""
        working = self.run("from", "scratch")
        self.run("add", "--quiet", working, str(_debian(self.kept)), "/")
        self.run("run", "--isolation", "chroot", working, "--", "ln", "-s", "/usr/bin/python3", "/usr/local/bin/python")
        mounted = Path(self.run("mount", working))
        # A company's proxy has its certificate in the machine's list; pip and uv have lists of their own.
        (mounted / CERTIFICATES.relative_to("/")).write_bytes(CERTIFICATES.read_bytes())
        (mounted / "etc" / "pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")
        (mounted / "etc" / "uv").mkdir()
        (mounted / "etc" / "uv" / "uv.toml").write_text("system-certs = true\n")
        self.run("umount", working)
        self.run("commit", "--quiet", "--rm", working, "localhost/debian-python")
        for name in bases():
            self.run("tag", "localhost/debian-python", f"docker.io/{name if '/' in name else f'library/{name}'}")

    def build(self, target: str) -> str:
        """The name of the image that the Dockerfile's stage `target` ends in."""
        name = f"localhost/lifeos-{target}:check"
        self.run(
            *("build", "--isolation", "chroot", "--pull=never", "--file", str(DOCKERFILE)),
            *("--target", target, "--tag", name, "."),
        )
        return name

    def configuration(self, image: str) -> dict:
        """What the image says of its own start: user, entry point, variables."""
        return json.loads(self.run("inspect", "--type", "image", image))["OCIv1"]["config"]

    @contextlib.contextmanager
    def container(self, image: str) -> Iterator[tuple[str, Path]]:
        """Name and root directory of a container of the image, for the length of the block."""
        name = self.run("from", "--pull-never", image)
        try:
            yield name, Path(self.run("mount", name))
        finally:
            self.run("umount", name)
            self.run("rm", name)

    def starting(self, container: str, *command: str, **variables: str) -> list[str]:
        """The command that runs something in a container, as its user and with its variables."""
        given = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
        return [*self.command, "run", "--isolation", "chroot", *given, container, "--", *command]


def bases() -> set[str]:
    """What the Dockerfile's stages begin with, but for its own stages."""
    text = DOCKERFILE.read_text()
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", text, flags=re.M))
    return set(re.findall(r"^FROM (\S+)", text, flags=re.M)) - stages


def _debian(directory: Path) -> Path:
    """A Debian with Python and nothing else, as an archive; made once."""
    made = directory / "debian.tar"
    if not made.exists():
        unfinished = directory / "debian.unfinished.tar"
        command = [program("debootstrap", package="debootstrap"), "--variant=minbase"]
        command += ["--include=python3,python3-venv,ca-certificates", "bookworm", str(directory / "debian"), MIRROR]
        subprocess.run(command, check=True, capture_output=True)
        cleared = ["--exclude=./var/cache/apt/archives/*.deb", "--exclude=./var/lib/apt/lists/*"]
        subprocess.run(["tar", "-C", str(directory / "debian"), *cleared, "-cf", str(unfinished), "."], check=True)
        subprocess.run(["rm", "-rf", str(directory / "debian")], check=True)
        unfinished.rename(made)
    return made
