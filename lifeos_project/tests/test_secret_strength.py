"""Random secrets pass production's checks, and what people make up does not."""

import base64
import random

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
        ("openssl rand -base64 32", lambda chance: base64.b64encode(chance.randbytes(32)).decode()),
        ("openssl rand -hex 32", lambda chance: chance.randbytes(32).hex()),
        ("openssl rand -base64 48", lambda chance: base64.b64encode(chance.randbytes(48)).decode()),
        ("openssl rand -hex 16", lambda chance: chance.randbytes(16).hex()),
    ],
)
def test_what_openssl_makes_passes(made_by, make):
    """The same numbers in each run: very rarely sixteen bytes have too few different digits, and are refused."""
    chance = random.Random(20261130)
    refused = [secret for secret in (make(chance) for _each in range(2_500)) if _weakness(secret)]
    assert refused == [], made_by


def test_shorter_passwords_of_services_pass_when_they_are_random():
    chance = random.Random(20261130)
    made = (base64.urlsafe_b64encode(chance.randbytes(16)).decode().rstrip("=") for _each in range(2_500))
    assert min(map(bits, made)) > FEWEST_BITS_OF_PASSWORDS
    assert max(bits(weak) for weak in ("lifeos", "postgres", "minioadmin", "long", "guest")) < FEWEST_BITS_OF_PASSWORDS
