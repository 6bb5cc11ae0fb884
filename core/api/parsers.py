"""Request bodies are JSON, read strictly: no duplicate names, no NaN, no silent rounding, nothing huge.

Everything here takes time in proportion to the length of the text: a body is read before anybody knows who sent it.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import IO, Any, NoReturn

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, MultiPartParser

from core.api.errors import PayloadTooLarge

MAX_DEPTH = 32
# Members and elements of all objects and arrays together. The largest body that an operation takes has about 100,000.
MAX_PARTS = 200_000
MAX_DIGITS = 100
# Whatever follows a quotation mark belongs to the string, also where it never ends: no character is looked at twice.
_STRING = re.compile(r'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")
_LONGEST_NAME = 80


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
            limit = self.limit()
            body = bytes(stream.read() if limit is None else stream.read(limit + 1))
            if limit is not None and len(body) > limit:
                raise PayloadTooLarge
            return read_json(body.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise ParseError(_("The request body is not UTF-8 text.")) from error

    def limit(self) -> int | None:
        """The most bytes that a body may have."""
        return settings.DATA_UPLOAD_MAX_MEMORY_SIZE


class ShortJSONParser(StrictJSONParser):
    """For endpoints open to everybody, whose bodies are an address, a password or a token."""

    def limit(self) -> int:
        return 64 * 1024


class StrictMultiPartParser(MultiPartParser):
    """A form whose parts may only name text encodings."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(*args, **kwargs)
        except LookupError as error:
            raise ParseError(_("A part of the form names an unknown encoding.")) from error


def read_json(text: str) -> Any:
    """The value of a JSON text. Raises ParseError, which says what is wrong with it."""
    # Depth and number of parts, counted in the text: what is too much is never built.
    bare = _STRING.sub("", text)
    if bare.count(",") + bare.count("[") + bare.count("{") > MAX_PARTS:
        raise ParseError(_("The request body has more than {count} members.").format(count=MAX_PARTS))
    depth = 0
    for bracket in _BRACKETS.finditer(bare):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_DEPTH:
            raise ParseError(_("The request body is nested too deeply."))
    try:
        parsed = json.loads(
            text,
            object_pairs_hook=_unique_members,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except ValueError as error:
        raise ParseError(_("The request body is not valid JSON: {reason}").format(reason=error)) from error
    if "\\ud" in text.lower():
        # A lone surrogate escape is text that can be neither stored nor answered.
        try:
            json.dumps(parsed, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ParseError(_("The request body holds half a character (a lone surrogate).")) from error
    return parsed


def _unique_members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    seen: set[str] = set()
    for name, _value in pairs if len(members) < len(pairs) else ():
        if name in seen:
            shown = json.dumps(name[:_LONGEST_NAME])
            raise ParseError(_("The request body names {name} twice in one object.").format(name=shown))
        seen.add(name)
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ParseError(_("The request body holds {name}, which is not a JSON value.").format(name=name))


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ParseError(_("The request body holds a number of more than {count} digits.").format(count=MAX_DIGITS))
    return int(digits)


def _float(digits: str) -> float:
    """JSON has no bounds for numbers; what would become infinite is refused."""
    value = float(digits) if len(digits) <= MAX_DIGITS else math.inf
    if math.isinf(value):
        raise ParseError(_("The request body holds a number that is too large or has too many digits."))
    return value
