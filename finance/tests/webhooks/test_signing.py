"""Signatures are those of the Standard Webhooks specification."""

import base64
import subprocess

import pytest

from finance.webhooks.signing import new_secret, signature, signed_headers

# The vector that the specification's reference libraries are tested with.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = {"message_id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "timestamp": 1614265330, "body": b'{"test": 2432232314}'}
EXPECTED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_vector_gives_the_published_signature():
    assert signature(secret=SECRET, **MESSAGE) == EXPECTED


def test_the_signature_is_what_openssl_computes():
    secret = new_secret()
    body = '{"type":"finance.journal.posted","data":{"payee":"Zoë"}}'.encode()
    key = base64.b64decode(secret.removeprefix("whsec_")).hex()
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key}", "-binary"],
        input=b"msg_1.1700000000." + body,
        capture_output=True,
        check=True,
    )
    expected = f"v1,{base64.b64encode(done.stdout).decode()}"
    assert signature(secret=secret, message_id="msg_1", timestamp=1_700_000_000, body=body) == expected


def test_during_a_rotation_both_secrets_sign_separated_by_a_space():
    other = "whsec_" + base64.b64encode(b"x" * 24).decode()
    headers = signed_headers(secrets=[other, SECRET], **MESSAGE)
    assert headers["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == f"{signature(secret=other, **MESSAGE)} {EXPECTED}"


def test_secrets_are_long_random_and_written_as_the_specification_says():
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    for secret in secrets:
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32


def test_what_is_no_base64_is_refused_without_being_repeated():
    with pytest.raises(ValueError) as refusal:
        signature(secret="whsec_not*base64", **MESSAGE)
    assert "not*base64" not in str(refusal.value)
