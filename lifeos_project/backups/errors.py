class BackupError(Exception):
    """A backup cannot be made or restored; the message says why and what helps, for an operator."""


class BackupRefused(BackupError):
    """Nothing was begun, because what was asked for would destroy something or cannot work."""
