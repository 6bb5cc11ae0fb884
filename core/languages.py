"""Texts in all of LifeOS's languages at once: names that one member of a household had made are read by others."""

from functools import cache

from django.conf import settings
from django.utils import translation


@cache
def translations_of(message: str) -> frozenset[str]:
    """The message in each language, English included: under which names a category such as "Bank fees" may stand."""
    said = {message}
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            said.add(translation.gettext(message))
    return frozenset(said)
