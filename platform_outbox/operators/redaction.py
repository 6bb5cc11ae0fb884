"""Hiding secrets in what operators see: by the name of a field, by shape, and where the value is a secret of ours."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings

MASK = "••••••"
SHORTEST_SECRET = 8

_SECRET_NAME = re.compile(
    r"secret|passw|passphrase|token|api_?key|private_?key|signing_?key|credential|authorization|cookie|signature",
    re.IGNORECASE,
)
_SECRET_SETTING = re.compile(r"^[A-Z_]*(SECRET|PASSWORD|TOKEN|KEY)$")
_SECRET_SHAPE = (
    (re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"), MASK),  # user:password in a URL
    (re.compile(r"\b(Bearer|Basic)\s+[\w+/=.~-]{8,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"\bwhsec_[\w+/=-]+"), MASK),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), MASK),  # a JWT
    (re.compile(r"\b((?:password|passwd|secret|token|api_?key)\s*[=:]\s*)[^\s,;&'\"]+", re.IGNORECASE), rf"\1{MASK}"),
)

_ADDRESS = re.compile(r"[\w.%+'-]+@[\w-]+(?:\.[\w-]+)+")


def masked(value: Any, *, name: str = "") -> Any:
    """A copy of a JSON value in which secrets are masked; addresses stay, as people who may read payloads look for them."""
    if _SECRET_NAME.search(name) and value not in (None, "", [], {}):
        return MASK
    if isinstance(value, Mapping):
        return {key: masked(each, name=str(key)) for key, each in value.items()}
    if isinstance(value, list):
        return [masked(each) for each in value]
    return _without_secrets(value) if isinstance(value, str) else value


def masked_text(text: str) -> str:
    """An error message, a traceback or an ordering key in which secrets and e-mail addresses are masked."""
    return _ADDRESS.sub(MASK, _without_secrets(text))


def _without_secrets(text: str) -> str:
    for secret in _own_secrets():
        text = text.replace(secret, MASK)
    for pattern, stand_in in _SECRET_SHAPE:
        text = pattern.sub(stand_in, text)
    return text


def unmasked(edited: Any, *, original: Any) -> Any:
    """What an operator edited, with the secrets that were masked for him put back from the original."""
    if isinstance(edited, dict) and isinstance(original, Mapping):
        return {key: unmasked(value, original=original.get(key)) for key, value in edited.items()}
    if isinstance(edited, list) and isinstance(original, list):
        kept = original + [None] * (len(edited) - len(original))
        return [unmasked(value, original=kept[place]) for place, value in enumerate(edited)]
    return original if edited == masked(original) or edited == MASK else edited


@lru_cache(maxsize=1)
def _own_secrets() -> tuple[str, ...]:
    """Values of this installation's settings that must never be shown, longest first."""
    found = [getattr(settings, name) for name in dir(settings) if _SECRET_SETTING.search(name)]
    found += [database.get("PASSWORD") for database in settings.DATABASES.values()]
    texts = {value for value in found if isinstance(value, str) and len(value) >= SHORTEST_SECRET}
    return tuple(sorted(texts, key=len, reverse=True))
