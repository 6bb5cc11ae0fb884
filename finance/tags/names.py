"""What a tag may be called."""

import re

from core.texts import gettext as _
from finance.errors import Invalid

LONGEST_NAME = 60


def checked_name(name: str) -> str:
    """The name with single spaces. A comma would end it where names are typed in a row. Raises Invalid."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or any(sign in name for sign in '\x00,"'):
        reason = _("Name a tag with 1 to %(longest)d characters, without commas and quotation marks.")
        raise Invalid(field="name", reason=reason % {"longest": LONGEST_NAME})
    return name


def tag_name(text: str) -> str:
    """The text as a name that a tag may have, without the signs it may not have; "" where nothing is left."""
    bare = " ".join(re.sub('[\x00,"]', " ", text.strip().removeprefix("#")).split())
    return bare[:LONGEST_NAME].strip()
