"""The version of LifeOS: the only place that names it, without asking git.

VERSION is changed by the commit that becomes the tag `v` + VERSION. Which build of it runs, the deploy or the image says:
in LIFEOS_RELEASE, or in the file RELEASE beside manage.py.
"""

from functools import cache

from django.conf import settings

VERSION = "1.0.0"


@cache
def release() -> str:
    """The name under which this code was deployed, such as `v1.0.0-3f2a91c04d11`; empty for a checkout."""
    if settings.LIFEOS_RELEASE:
        return str(settings.LIFEOS_RELEASE)
    try:
        return str((settings.BASE_DIR / "RELEASE").read_text().strip())
    except OSError:
        return ""


def described() -> str:
    """Version and, where there is one, release: for people."""
    return f"{VERSION} ({release()})" if release() else VERSION
