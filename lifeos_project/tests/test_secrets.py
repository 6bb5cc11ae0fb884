"""Secrets are changed without anybody noticing, read from files, told when they are old, and never told otherwise."""

import datetime

import jwt
import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt import state

from identity.models import User
from identity.token_keys import key_id
from lifeos_project.environment import Environment
from lifeos_project.models import SecretSighting
from lifeos_project.security import secret_age
from lifeos_project.tests.services import free_port
from lifeos_project.tests.test_checks import SAFE, outcome

PASSWORD = "correct horse battery"
NEXT = "Zq8-next-key-of-forty-characters-or-more-x1"


@pytest.fixture
def olga(db):
    return User.objects.create_user("olga@example.org", PASSWORD)


class TestSessions:
    def test_they_outlive_a_change_of_the_key(self, client, olga, settings):
        client.force_login(olga)
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEXT, [settings.SECRET_KEY]
        assert client.get("/api/v1/auth/me/").status_code == 200
        # The session now carries the new key's mark: the old one may be left out.
        settings.SECRET_KEY_FALLBACKS = []
        assert client.get("/api/v1/auth/me/").status_code == 200

    def test_they_end_with_a_key_that_is_left_out_at_once(self, client, olga, settings):
        client.force_login(olga)
        settings.SECRET_KEY = NEXT
        assert client.get("/api/v1/auth/me/").status_code in (401, 403)


class TestTokens:
    @pytest.fixture
    def tokens(self, olga):
        answer = APIClient().post("/api/v1/auth/token/", {"email": olga.email, "password": PASSWORD})
        return answer.json()

    @pytest.fixture
    def change_key(self, settings, monkeypatch):
        """Sign with the next key from now on, and accept the former ones that are named."""
        former = state.token_backend.signing_key

        def change(*, keep: bool):
            monkeypatch.setattr(state.token_backend, "signing_key", NEXT)
            settings.JWT_SECRET_KEY_FALLBACKS = [former] if keep else []

        return change

    def me(self, access: str) -> int:
        return APIClient(headers={"Authorization": f"Bearer {access}"}).get("/api/v1/auth/me/").status_code

    def refresh(self, refresh: str):
        return APIClient().post("/api/v1/auth/token/refresh/", {"refresh": refresh})

    def test_they_outlive_a_change_of_the_key_and_are_renewed_under_the_new_one(self, tokens, change_key):
        assert jwt.get_unverified_header(tokens["access"])["kid"] == key_id(state.token_backend.signing_key)
        change_key(keep=True)
        assert self.me(tokens["access"]) == 200
        renewed = self.refresh(tokens["refresh"])
        assert renewed.status_code == 200
        assert jwt.get_unverified_header(renewed.json()["access"])["kid"] == key_id(NEXT)
        assert self.me(renewed.json()["access"]) == 200

    def test_they_end_with_a_key_that_is_left_out(self, tokens, change_key):
        change_key(keep=False)
        assert self.me(tokens["access"]) == 401
        assert self.refresh(tokens["refresh"]).status_code == 401

    def test_a_process_that_still_signs_with_the_old_key_knows_the_coming_one(self, tokens, settings):
        """The first of two restarts: the new key is accepted everywhere before anybody signs with it."""
        claims = jwt.decode(tokens["access"], options={"verify_signature": False})
        coming = jwt.encode(claims, NEXT, algorithm="HS256", headers={"kid": key_id(NEXT)})
        assert self.me(coming) == 401
        settings.JWT_SECRET_KEY_FALLBACKS = [NEXT]
        assert self.me(coming) == 200

    @pytest.mark.parametrize("name", ["", "unknown", None, 7, ["list"]])
    def test_a_forged_key_name_opens_nothing(self, tokens, name):
        claims = jwt.decode(tokens["access"], options={"verify_signature": False})
        headers = {} if name is None or isinstance(name, (int, list)) else {"kid": name}
        assert self.me(jwt.encode(claims, "made-up-key-of-forty-characters-and-more", headers=headers)) == 401


class TestFiles:
    @pytest.fixture
    def env(self):
        return Environment()

    def test_a_secret_may_come_from_a_file(self, env, monkeypatch, tmp_path):
        (tmp_path / "key").write_text("from-the-file\n")
        monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
        assert env.text("SECRET_KEY", secret=True, meaning="") == "from-the-file"
        assert "SECRET_KEY_FILE" in env.known_names()

    def test_several_secrets_may_come_from_a_file(self, env, monkeypatch, tmp_path):
        (tmp_path / "keys").write_text("one, two\n")
        monkeypatch.setenv("OLD_KEYS_FILE", str(tmp_path / "keys"))
        assert env.names("OLD_KEYS", secret=True, meaning="") == ["one", "two"]

    def test_what_is_no_secret_comes_from_no_file(self, env, monkeypatch, tmp_path):
        monkeypatch.setenv("SITE_URL_FILE", str(tmp_path / "nothing"))
        assert env.text("SITE_URL", "https://here", meaning="") == "https://here"
        assert "SITE_URL_FILE" not in env.known_names()

    def test_two_sources_are_refused(self, env, monkeypatch, tmp_path):
        monkeypatch.setenv("SECRET_KEY", "one")
        monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
        with pytest.raises(ImproperlyConfigured, match="SECRET_KEY and SECRET_KEY_FILE are both set; keep one of them"):
            env.text("SECRET_KEY", secret=True, meaning="")

    def test_a_file_that_is_not_there_is_one_sentence(self, env, monkeypatch):
        monkeypatch.setenv("SECRET_KEY_FILE", "/nowhere/key")
        with pytest.raises(ImproperlyConfigured, match="names /nowhere/key, which cannot be read: No such file"):
            env.text("SECRET_KEY", secret=True, meaning="")


class TestAge:
    def test_what_is_used_for_more_than_ninety_days_is_named(self, db, settings):
        settings.PRODUCTION = True
        secret_age._known.clear()  # this process may have seen them in another test
        secret_age.first_seen()
        assert ages_told() == []
        secret_age._known.clear()
        long_ago = timezone.now() - datetime.timedelta(days=91)
        SecretSighting.objects.filter(name="JWT_SECRET_KEY").update(first_seen_at=long_ago)
        (told,) = ages_told()
        assert told == "JWT_SECRET_KEY has been in use for 91 days; change it every 90."
        secret_age._known.clear()


def ages_told() -> list[str]:
    return [found.msg for found in run_checks(tags=["database"], databases=["default"]) if found.id == "lifeos.W003"]


# Values that are only in the settings: a page that prints one has revealed a secret.
CANARIES = {
    "SECRET_KEY": "canary-secret-key-0Xq3mTz8RkW1vLp5",
    "JWT_SECRET_KEY": "canary-jwt-key-7Yd2nUb9SjV4wMo6aa",
    "SECRET_KEY_FALLBACKS": "canary-former-key-1Ze4oVc0TiX5xNq7",
    "JWT_SECRET_KEY_FALLBACKS": "canary-former-jwt-2Af5pWd1UhY6yOr8",
    "METRICS_TOKEN": "canary-metrics-token",
    "EMAIL_HOST_PASSWORD": "canary-mail-password",
    "BACKUP_S3_SECRET_ACCESS_KEY": "canary-s3-secret",
    "BACKUP_AGE_IDENTITY": "AGE-SECRET-KEY-1CANARY",
}


@pytest.mark.long
class TestSilence:
    def test_neither_commands_nor_their_failures_tell_a_secret(self, tmp_path):
        """Database and Redis refuse, which is when messages quote what they were given."""
        port = free_port()
        variables = {
            **SAFE, **CANARIES, "LIFEOS_VAR_DIR": str(tmp_path),
            "DATABASE_URL": f"postgresql://lifeos:canary-db-password@127.0.0.1:{port}/lifeos",
            "REDIS_URL": f"redis://:canary-redis-password@127.0.0.1:{port}/0",
            "BACKUP_DATABASE_URL": f"postgresql://lifeos:canary-other-password@127.0.0.1:{port}/lifeos",
        }  # fmt: skip
        for command, words in (
            (["preflight"], "The database cannot be used"),
            (["backup"], "cannot be reached"),
            (["migrate"], "refused"),
        ):
            code, told = outcome("manage.py", *command, **variables)
            assert code != 0
            assert words in told
            assert "canary" not in told.lower(), command

    def test_neither_metrics_nor_health_nor_errors_tell_a_secret(self, db, client, settings, monkeypatch, caplog):
        for name, value in CANARIES.items():
            many = name.endswith("FALLBACKS")
            monkeypatch.setattr(django_settings, name, [value] if many else value)
        client.raise_request_exception = False
        granted = {"Authorization": f"Bearer {CANARIES['METRICS_TOKEN']}"}
        pages = [client.get("/metrics", headers=granted), client.get("/health")]
        from lifeos_project.monitoring import health

        def broken() -> None:
            key = django_settings.SECRET_KEY
            raise RuntimeError(f"with a key of {len(key)} characters at hand")

        monkeypatch.setattr(health, "_database", broken)
        pages += [client.get("/health"), client.get("/no/such/page"), client.get("/metrics")]
        assert [page.status_code for page in pages] == [200, 200, 503, 404, 403]
        told = b"".join(page.content for page in pages).decode() + caplog.text
        assert "at hand" in caplog.text
        assert "canary" not in told.lower()
