"""Random secrets always pass production's checks, and what people make up does not."""

import base64
import secrets

import pytest

from lifeos_project.checks.system_checks import FEWEST_BITS, FEWEST_BITS_OF_PASSWORDS, _weakness
from lifeos_project.security.secret_strength import bits


@pytest.mark.parametrize(
    "weak",
    [
        "passwordpasswordpassword1",
        "passwordpasswordpassword1passwordpassword",
        "PasswordPasswordPasswordPassword1234567890",
        "x" * 40,
        "0123456789" * 4,
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "zyxwvutsrqponmlkjihgfedcba9876543210",
        "qwertyuiopasdfghjklzxcvbnm1234567890",
        "correcthorsecorrecthorsecorrecthorse",
        "lifeoslifeoslifeoslifeoslifeoslifeos2026",
        "abababababababababababababababababab",
        "letmeinletmeinsunshinemonkeydragonfootball",
        "iloveyouprincessadminwelcomebaseballmaster",
        "my-secretmy-secretmy-secretmy-secret",
    ],
)
def test_what_people_make_up_is_told(weak):
    assert bits(weak) < FEWEST_BITS
    assert _weakness(weak) != ""


@pytest.mark.parametrize(
    ("made_by", "make"),
    [
        ("openssl rand -base64 32", lambda: base64.b64encode(secrets.token_bytes(32)).decode()),
        ("openssl rand -hex 32", lambda: secrets.token_hex(32)),
        ("openssl rand -base64 48", lambda: base64.b64encode(secrets.token_bytes(48)).decode()),
        ("openssl rand -hex 16", lambda: secrets.token_hex(16)),
    ],
)
def test_what_openssl_makes_always_passes(made_by, make):
    refused = [secret for secret in (make() for _each in range(2_500)) if _weakness(secret)]
    assert refused == [], made_by


def test_shorter_passwords_of_services_pass_when_they_are_random():
    assert min(bits(secrets.token_urlsafe(16)) for _each in range(2_500)) > FEWEST_BITS_OF_PASSWORDS
    assert max(bits(weak) for weak in ("lifeos", "postgres", "minioadmin", "long", "guest")) < FEWEST_BITS_OF_PASSWORDS
