"""Tokens name the key that signed them, so that the key can be changed while tokens of the old one are still out."""

import hashlib
from typing import Any, Self

import jwt
from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend


def key_id(key: str) -> str:
    """A key's name in the header of its tokens; tells nothing about the key."""
    return hashlib.sha256(f"lifeos jwt key {key}".encode()).hexdigest()[:12]


class RotatingTokenBackend(TokenBackend):
    """Signs with JWT_SECRET_KEY and accepts that and JWT_SECRET_KEY_FALLBACKS."""

    @classmethod
    def of(cls, plain: TokenBackend) -> Self:
        """The same settings as simplejwt's own backend."""
        return cls(
            plain.algorithm,
            plain.signing_key,
            plain.verifying_key,
            plain.audience,
            plain.issuer,
            None,
            plain.leeway,
            plain.json_encoder,
        )

    def encode(self, payload: dict[str, Any]) -> str:
        return jwt.encode(
            dict(payload),
            self.signing_key or "",
            algorithm=self.algorithm,
            headers={"kid": key_id(self.signing_key or "")},
            json_encoder=self.json_encoder,
        )

    def get_verifying_key(self, token: Any) -> Any:
        """The key that the token names, if it is one of ours; else the current one, which will not fit."""
        current = self.signing_key or ""
        try:
            named = jwt.get_unverified_header(token).get("kid")
        except jwt.InvalidTokenError:
            return current
        keys = {key_id(key): key for key in (current, *settings.JWT_SECRET_KEY_FALLBACKS)}
        return keys.get(str(named), current)
