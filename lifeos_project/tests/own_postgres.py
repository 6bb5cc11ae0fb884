"""A PostgreSQL that a test may stop, crash and fill up."""

import contextlib
import os
import signal
import subprocess
import time

from django.db import connection, connections

from lifeos_project.local import embedded_postgres, embedded_postgres_user
from lifeos_project.tests.services import wait_until

_OURS = """
    SELECT string_agg(format('%I', relname), ', ') FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
      AND relname ~ '^(platform_|outbox_probe_)'
"""


class Server:
    """A cluster of its own with the test database's tables; synchronous commits, so that a crash loses none."""

    def __init__(self, directory):
        self.directory = directory  # its user may pass here
        self.cluster = embedded_postgres.Cluster(directory=directory / "pg")
        self.cluster.ensure_running()

    @property
    def address(self):
        return {
            "HOST": str(self.cluster.socket_directory),
            "PORT": embedded_postgres.PORT,
            "USER": embedded_postgres.USER,
            "PASSWORD": "",
            "NAME": embedded_postgres.DATABASE,
        }

    def copy_tables(self):
        """Without migrating: the tables as they are in the database of this run."""
        there = connection.settings_dict
        dump = [
            *(embedded_postgres.program("pg_dump"), "--schema-only", "--no-owner", "-d", there["NAME"]),
            *("-h", there["HOST"], "-p", str(there["PORT"] or 5432), "-U", there["USER"]),
        ]
        environment = {**os.environ, "PGPASSWORD": there["PASSWORD"] or ""}
        tables = subprocess.run(dump, check=True, capture_output=True, env=environment).stdout
        self.psql(tables)
        # What counts here is the order of commits and crashes, not a power cut.
        self.psql(b"ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")

    def psql(self, text):
        address = self.address
        command = [embedded_postgres.program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", address["NAME"]]
        command += ["-h", address["HOST"], "-p", address["PORT"], "-U", address["USER"]]
        done = subprocess.run(command, input=text, check=False, capture_output=True)
        assert not done.returncode, done.stderr.decode()

    def stop(self, number=signal.SIGINT):
        """SIGINT cuts the sessions and shuts down; SIGQUIT drops everything, as a crash does."""
        pid = int((self.cluster.directory / "postmaster.pid").read_text().split()[0])
        os.kill(pid, number)
        wait_until(lambda: not _exists(pid), seconds=60, what="the server's end")

    def start(self):
        self.cluster.ensure_running()

    @contextlib.contextmanager
    def in_use(self, **changes):
        """Django's connection leads here for the length of the block; the tables are empty at its beginning."""
        original = dict(connection.settings_dict)
        connections.close_all()
        connection.settings_dict.update(self.address | changes)
        try:
            with connection.cursor() as cursor:
                cursor.execute(_OURS)
                cursor.execute(f"TRUNCATE {cursor.fetchone()[0]} RESTART IDENTITY")
            yield self
        finally:
            connections.close_all()
            connection.settings_dict.update(original)

    @contextlib.contextmanager
    def tiny_disk(self, *, megabytes):
        """Directory of a file system of that size for the server's use; OSError where mounting is not allowed."""
        directory = self.directory / "disk"
        directory.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "lifeos-tiny", str(directory)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            raise OSError("this machine does not let us mount a small file system")
        try:
            embedded_postgres_user.hand_over(directory)
            yield directory
        finally:
            for _ in range(50):
                if not subprocess.run(["umount", str(directory)], capture_output=True, check=False).returncode:
                    break
                time.sleep(0.1)


def _exists(pid):
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
