class BackupError(Exception):
    """A backup cannot be made or restored; the message tells an operator why and what to do."""


class BackupRefused(BackupError):
    """Nothing was started, because the request would destroy something or cannot work."""
