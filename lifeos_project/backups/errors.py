class BackupError(Exception):
    """A backup cannot be made or restored; the message tells an operator why and what to do."""


class BackupRefused(BackupError):
    """Nothing was started, because the request would destroy something or cannot work."""


class TablesLocked(BackupError):
    """A table cannot be read, because a change of its structure holds it or waits for it."""
