"""Request bodies are JSON read without mercy: no duplicate names, no NaN, no silent rounding, no giant."""

import json
from collections.abc import Mapping, Sequence
from typing import IO, Any, NoReturn

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from identity.drf.errors import PayloadTooLarge


class StrictJSONParser(BaseParser):
    """JSON of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes whose objects name each member once."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            text = _read(stream).decode("utf-8")
            parsed = json.loads(text, object_pairs_hook=_unique_members, parse_constant=_refuse_constant)
        except UnicodeDecodeError as error:
            raise ParseError(_("The request body is not UTF-8 text.")) from error
        except RecursionError as error:
            raise ParseError(_("The request body is nested too deeply.")) from error
        except ValueError as error:
            raise ParseError(_("The request body is not valid JSON: {reason}").format(reason=error)) from error
        if "\\ud" in text.lower():
            _refuse_half_characters(parsed)
        return parsed


def _refuse_half_characters(parsed: Any) -> None:
    """A lone surrogate escape is text that can be neither stored nor answered."""
    try:
        json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ParseError(_("The request body holds half a character (a lone surrogate).")) from error


def _read(stream: IO[Any]) -> bytes:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if limit is None:
        return bytes(stream.read())
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise PayloadTooLarge
    return bytes(body)


def _unique_members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ParseError(_("The request body names {name} twice in one object.").format(name=json.dumps(twice)))
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ParseError(_("The request body holds {name}, which is not a JSON value.").format(name=name))
