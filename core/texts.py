"""Texts in the reader's language for modules that also run without Django: readers of foreign files, and errors.

Where Django is set up its active language decides. A child process that reads a stranger's file sees no settings; it
opens the compiled catalogue itself, in the language that `speak` names.
"""

import gettext as catalogues
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError

CATALOGUES = Path(__file__).resolve().parent.parent / "locale"

_own: catalogues.NullTranslations | None = None
_own_language = "en"


def speak(language: str) -> None:
    """In a process without Django: texts are in this language (a code such as "de" or "en-gb") from now on."""
    global _own, _own_language
    _own_language = language
    names = [language.replace("-", "_"), language.partition("-")[0]]
    _own = catalogues.translation("django", CATALOGUES, names, fallback=True)


def _django() -> Any:
    """Django's module of translations where Django is set up, else None; a process without it does not load it."""
    conf = sys.modules.get("django.conf")
    return sys.modules.get("django.utils.translation") if conf is not None and conf.settings.configured else None


def language() -> str:
    """The code of the language that texts are in here, such as "de" or "en-gb"."""
    django = None if _own else _django()
    return (django.get_language() or "en") if django else _own_language


def gettext(message: str) -> str:
    """The message in the reader's language; itself where there is no translation."""
    if _own:
        return _own.gettext(message)
    django = _django()
    return str(django.gettext(message)) if django else message


def ngettext(one: str, many: str, number: int) -> str:
    """As `gettext`, in the form that the number asks for."""
    if _own:
        return _own.ngettext(one, many, number)
    django = _django()
    return str(django.ngettext(one, many, number)) if django else one if number == 1 else many


def gettext_noop(message: str) -> str:
    """Marks a constant for translators; the caller that shows it calls `gettext`."""
    return message


def number(value: int | Decimal) -> str:
    """All digits with the language's marks: "50,000.25" (English), "50.000,25" (German)."""
    try:
        locale = Locale.parse(language(), sep="-")
    except (UnknownLocaleError, ValueError):
        locale = Locale("en")
    symbols = locale.number_symbols["latn"]
    text = f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
    return text.translate({ord(","): symbols["group"], ord("."): symbols["decimal"]})
