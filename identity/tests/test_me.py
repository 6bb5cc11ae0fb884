import pytest
from rest_framework.test import APIClient

from identity import signup
from identity.models import AuditRecord, User
from identity.tests.conftest import PASSWORD

ME, SIGNUP, CONFIRM = "/api/v1/auth/me/", "/api/v1/auth/signup/", "/api/v1/auth/signup/confirm/"


@pytest.fixture
def api(anna):
    client = APIClient()
    client.force_authenticate(anna)
    return client


def token_of(path):
    return path.split("/")[3]


def test_me_is_the_signed_in_user_only(api, anna):
    assert api.get(ME).json()["email"] == anna.email
    assert APIClient().get(ME).status_code == 401
    assert "password" not in api.get(ME).json()


def test_preferences_are_changed_and_audited(api, anna):
    answer = api.patch(ME, {"name": "A", "language": "en-gb", "time_zone": "Asia/Tokyo"})
    assert answer.status_code == 200
    anna.refresh_from_db()
    assert (anna.name, anna.language, anna.time_zone) == ("A", "en-gb", "Asia/Tokyo")
    assert AuditRecord.objects.filter(action="profile_changed").count() == 1


@pytest.mark.parametrize(
    "change", [{"language": "xx"}, {"time_zone": "Moon/Base"}, {"name": "x" * 151}, {"name": "a\0b"}]
)
def test_what_does_not_exist_is_refused_at_its_field(api, anna, change):
    answer = api.patch(ME, change)
    assert answer.status_code == 400
    assert set(answer.json()["fields"]) == set(change)
    anna.refresh_from_db()
    assert anna.name == "Anna"


def test_nobody_promotes_themselves(api, anna):
    api.patch(ME, {"is_staff": True, "is_superuser": True, "email": "op@example.org", "id": 99})
    after = User.objects.get()
    assert (after.pk, after.email, after.is_staff, after.is_superuser) == (anna.pk, "anna@example.org", False, False)


def test_signing_up_by_the_api_answers_alike_and_ends_in_an_account(anna, sent):
    client = APIClient()
    with sent() as mails:
        answers = [client.post(SIGNUP, {"email": email}) for email in ["ANNA@example.org", "new@example.org"]]
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, b"")}
    assert len(mails) == 2
    token = token_of(signup.signup_path(email="new@example.org", invited=False))
    made = client.post(CONFIRM, {"token": token, "name": "New", "password": PASSWORD})
    assert (made.status_code, made.json()["email"]) == (201, "new@example.org")
    assert client.post(CONFIRM, {"token": token, "password": PASSWORD}).status_code == 409


def test_weak_passwords_and_bad_links_are_refused(db):
    client = APIClient()
    token = token_of(signup.signup_path(email="new@example.org", invited=False))
    for password in ["short", "new@example.org"]:
        weak = client.post(CONFIRM, {"token": token, "password": password})
        assert (weak.status_code, list(weak.json()["fields"])) == (400, ["password"])
    bad = client.post(CONFIRM, {"token": "rubbish", "password": PASSWORD})
    assert (bad.status_code, bad.json()["code"]) == (400, "link_invalid")
    assert not User.objects.exists()


def test_closed_sign_up_is_closed_at_the_api(db, settings, sent):
    settings.SIGNUP_ENABLED = False
    with sent() as mails:
        refused = APIClient().post(SIGNUP, {"email": "new@example.org"})
    assert (refused.status_code, refused.json()["code"]) == (403, "signup_closed")
    assert mails == []


def test_the_session_cookie_follows_the_settings(client, anna, settings):
    settings.SESSION_COOKIE_SECURE = True
    settings.SESSION_COOKIE_SAMESITE = "Strict"
    client.post("/accounts/sign-in/", {"username": anna.email, "password": PASSWORD})
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"]
    assert (cookie["secure"], cookie["samesite"]) == (True, "Strict")


def test_tokens_are_not_cached(anna):
    answer = APIClient().post("/api/v1/auth/token/", {"email": anna.email, "password": PASSWORD})
    assert answer["Cache-Control"] == "no-store"
