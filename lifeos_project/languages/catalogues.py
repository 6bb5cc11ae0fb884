"""The translations, `locale/<code>/LC_MESSAGES/django.po`: written for translators, checked, and compiled without gettext."""

import datetime
import io
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from core.texts import CATALOGUES
from lifeos_project.languages.extraction import Message

# Beside English, in which the code is written.
TRANSLATED = ("de", "es", "fr")
_PLACEHOLDER = re.compile(r"%\(\w+\)[sdrf]|%%|%[sd]|\{\w*(?:[!:][^}]*)?\}")
_TAG = re.compile(r"</?\w+[^>]*>")
_FIRST = datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC)
# What Babel adds, and would change with its version.
_CHANGING = (b'"Generated-By', b'"Report-Msgid-Bugs-To')
_HEADER = "# LifeOS. Change translations here; `make messages` keeps the list of messages as the code has it."

Texts = tuple[str, ...]


def path_of(code: str) -> Path:
    """Where the language's translations are."""
    return CATALOGUES / code / "LC_MESSAGES" / "django.po"


def read(code: str) -> dict[Message, Texts]:
    """What the catalogue holds: one text, or one for each form of a plural; empty where nothing is translated."""
    path = path_of(code)
    if not path.exists():
        return {}
    with path.open("rb") as file:
        catalogue = read_po(file, locale=code)
    found: dict[Message, Texts] = {}
    for entry in catalogue:
        ids, texts = _tuple(entry.id), _tuple(entry.string)
        if ids[0] and not entry.fuzzy:
            found[Message(ids[0], "".join(ids[1:]), entry.context or "")] = texts
    return found


def _tuple(said: object) -> Texts:
    return tuple(str(each) for each in said) if isinstance(said, tuple | list) else (str(said or ""),)


def write(code: str, messages: Mapping[Message, Sequence[str]], texts: Mapping[Message, Texts]) -> None:
    """Write the catalogue: these messages with their places, in a lasting order, and the texts that there are."""
    catalogue = Catalog(
        locale=code, domain="django", project="LifeOS", version="1", header_comment=_HEADER, charset="utf-8",
        creation_date=_FIRST, revision_date=_FIRST, last_translator="LifeOS", language_team=code, fuzzy=False,
        copyright_holder="LifeOS",
    )  # fmt: skip
    for message, places in sorted(messages.items(), key=lambda each: (each[1][0], each[0].text, each[0].context)):
        ids = (message.text, message.plural) if message.plural else message.text
        said = texts.get(message, ())
        catalogue.add(
            ids,
            (said or ("", "")) if message.plural else "".join(said[:1]),
            locations=[(place, 0) for place in places],
            context=message.context or None,
        )
    path_of(code).parent.mkdir(parents=True, exist_ok=True)
    written = io.BytesIO()
    write_po(written, catalogue, width=120, include_lineno=False)
    lines = written.getvalue().splitlines(keepends=True)
    path_of(code).write_bytes(b"".join(line for line in lines if not line.startswith(_CHANGING)))


def compile_all() -> list[Path]:
    """Make the files that gettext reads (`.mo`) of those that people write, where they are older or missing."""
    made = []
    for source in sorted(CATALOGUES.glob("*/LC_MESSAGES/django.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as file:
            catalogue = read_po(file, locale=source.parent.parent.name)
        draft = target.with_suffix(f".{os.getpid()}")
        with draft.open("wb") as file:
            write_mo(file, catalogue)
        draft.replace(target)
        made.append(target)
    return made


def faults(messages: Mapping[Message, Sequence[str]], texts: Mapping[Message, Texts]) -> Iterator[str]:
    """What is wrong with a language's texts, a sentence each: missing, no longer in the code, or another placeholder."""
    for message in messages:
        given = texts.get(message, ())
        if len(given) != (2 if message.plural else 1) or not all(given):
            yield f"Not translated: “{message.text}” ({messages[message][0]})"
        else:
            yield from _differences(message, given)
    yield from (f"Not in the code: “{message.text}”" for message in texts if message not in messages)


def _differences(message: Message, given: Texts) -> Iterator[str]:
    for form, text in enumerate(given):
        original = message.plural if form else message.text
        wanted, found = Counter(_PLACEHOLDER.findall(original)), Counter(_PLACEHOLDER.findall(text))
        # The first of two forms may leave out its number, or name it where English does not.
        loose = message.plural and set(found) <= set(_PLACEHOLDER.findall(message.plural))
        if wanted != found and not loose:
            yield f"Other placeholders: “{original}” → “{text}”"
        if Counter(_TAG.findall(original)) != Counter(_TAG.findall(text)):
            yield f"Other tags: “{original}” → “{text}”"
        if any(original[side].isspace() != text[side].isspace() for side in (0, -1)):
            yield f"Another blank at the start or end: “{original}” → “{text}”"


if __name__ == "__main__":
    compile_all()
