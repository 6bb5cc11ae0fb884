import threading
from datetime import timedelta

import jwt
import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from identity import passwords, tokens
from identity.models import AuditRecord, User
from identity.tests.conftest import PASSWORD

OBTAIN, REFRESH = "/api/v1/auth/token/", "/api/v1/auth/token/refresh/"
VERIFY, BLACKLIST, ME = "/api/v1/auth/token/verify/", "/api/v1/auth/token/blacklist/", "/api/v1/auth/me/"


@pytest.fixture
def api():
    return APIClient()


@pytest.fixture
def pair(api, anna):
    return api.post(OBTAIN, {"email": "Anna@Example.org", "password": PASSWORD}, format="json").json()


def refresh(api, token):
    return api.post(REFRESH, {"refresh": token}, format="json")


def me(api, access):
    return api.get(ME, HTTP_AUTHORIZATION=f"Bearer {access}")


def test_a_password_gives_tokens_and_the_access_token_says_who_one_is(api, pair, anna):
    answer = me(api, pair["access"])
    assert answer.status_code == 200
    assert answer.json()["email"] == "anna@example.org"
    assert api.get(ME).status_code == 401


def test_tokens_are_signed_with_their_own_key(pair):
    claims = jwt.decode(pair["access"], django_settings.JWT_SECRET_KEY, algorithms=["HS256"])
    assert claims["token_type"] == "access"
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(pair["access"], django_settings.SECRET_KEY, algorithms=["HS256"])


def test_signing_in_by_token_is_remembered_like_any_sign_in(pair, anna):
    anna.refresh_from_db()
    assert anna.last_login is not None
    assert AuditRecord.objects.get(actor=anna, action="signed_in").facts == {"door": "api"}


def test_wrong_unknown_and_inactive_are_answered_alike(api, anna):
    User.objects.create_user("idle@example.org", PASSWORD, is_active=False)
    answers = [
        api.post(OBTAIN, {"email": email, "password": password}, format="json")
        for email, password in [
            ("anna@example.org", "wrong"),
            ("nobody@example.org", PASSWORD),
            ("idle@example.org", PASSWORD),
            ("not an address", PASSWORD),
        ]
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


def test_a_refresh_token_is_spent_by_its_use(api, pair):
    second = refresh(api, pair["refresh"]).json()
    assert me(api, second["access"]).status_code == 200
    assert second["refresh"] != pair["refresh"]
    assert refresh(api, pair["refresh"]).status_code == 401


def test_a_spent_token_that_comes_back_ends_the_chain_of_its_sign_in_only(api, pair, anna):
    elsewhere = api.post(OBTAIN, {"email": anna.email, "password": PASSWORD}, format="json").json()
    second = refresh(api, pair["refresh"]).json()
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        assert refresh(api, pair["refresh"]).status_code == 401
        assert refresh(api, second["refresh"]).status_code == 401
        assert refresh(api, elsewhere["refresh"]).status_code == 200
    assert AuditRecord.objects.get(action="token_reused").actor_id == anna.pk


def test_two_tabs_that_spend_one_token_at_once_do_not_sign_each_other_out(api, pair):
    second = refresh(api, pair["refresh"]).json()
    assert refresh(api, pair["refresh"]).status_code == 401
    assert refresh(api, second["refresh"]).status_code == 200
    assert not AuditRecord.objects.filter(action="token_reused").exists()


def test_signing_out_spends_the_refresh_token_and_may_be_repeated(api, pair):
    assert api.post(BLACKLIST, {"refresh": pair["refresh"]}, format="json").status_code == 204
    assert api.post(BLACKLIST, {"refresh": pair["refresh"]}, format="json").status_code == 204
    assert refresh(api, pair["refresh"]).status_code == 401
    assert api.post(VERIFY, {"token": pair["refresh"]}, format="json").status_code == 401


def test_verify_accepts_what_could_be_used_and_nothing_else(api, pair, anna):
    assert api.post(VERIFY, {"token": pair["access"]}, format="json").status_code == 204
    assert api.post(VERIFY, {"token": pair["refresh"]}, format="json").status_code == 204
    assert api.post(VERIFY, {"token": pair["access"][:-2] + "xx"}, format="json").status_code == 401
    assert api.post(VERIFY, {"token": "rubbish"}, format="json").status_code == 401
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        assert api.post(VERIFY, {"token": pair["access"]}, format="json").status_code == 401


def test_a_new_password_ends_tokens_of_the_old_one(api, pair, anna):
    passwords.set_password(user=anna, password="another good one", base_url="http://testserver", forgotten=False)
    assert me(api, pair["access"]).status_code == 401
    assert refresh(api, pair["refresh"]).status_code == 401
    assert api.post(VERIFY, {"token": pair["refresh"]}, format="json").status_code == 401


def test_a_deactivated_user_can_neither_refresh_nor_read(api, pair, anna):
    User.objects.filter(pk=anna.pk).update(is_active=False)
    assert refresh(api, pair["refresh"]).status_code == 401
    assert me(api, pair["access"]).status_code == 401


def test_a_deleted_user_is_refused_without_a_crash(api, pair, anna):
    anna.delete()
    assert refresh(api, pair["refresh"]).status_code == 401
    assert me(api, pair["access"]).status_code == 401
    assert api.post(BLACKLIST, {"refresh": pair["refresh"]}, format="json").status_code == 204


@pytest.mark.parametrize("token", ["", "rubbish", "a.b.c", None, 7, ["x"]])
def test_rubbish_is_refused_without_a_crash(api, db, token):
    assert refresh(api, token).status_code in (400, 401)


def test_an_access_token_refreshes_nothing(api, pair):
    assert refresh(api, pair["access"]).status_code == 401
    assert me(api, pair["refresh"]).status_code == 401


def test_a_forged_unsigned_token_is_refused(api, pair):
    claims = jwt.decode(pair["refresh"], options={"verify_signature": False})
    assert refresh(api, jwt.encode(claims, None, algorithm="none")).status_code == 401
    assert refresh(api, jwt.encode(claims, django_settings.SECRET_KEY, algorithm="HS256")).status_code == 401


def test_a_refresh_token_does_not_outlive_its_fortnight(api, pair):
    with time_machine.travel(timezone.now() + timedelta(days=14, seconds=1)):
        assert refresh(api, pair["refresh"]).status_code == 401


def test_the_database_keeps_no_usable_token(api, pair):
    refresh(api, pair["refresh"])
    kept = set(OutstandingToken.objects.values_list("token", flat=True))
    assert len(kept) == 1
    assert not any("." in text for text in kept)


def test_a_cookie_keeps_the_refresh_token_from_scripts(api, anna, settings):
    settings.JWT_COOKIE_SECURE = True
    answer = api.post(OBTAIN, {"email": anna.email, "password": PASSWORD, "cookie": True}, format="json")
    assert set(answer.json()) == {"access"}
    cookie = answer.cookies["lifeos_refresh"]
    assert cookie["httponly"]
    assert cookie["secure"]
    assert (cookie["samesite"], cookie["path"]) == ("Strict", "/api/v1/auth/token/")

    first = cookie.value
    again = api.post(REFRESH, {}, format="json")
    assert again.status_code == 200
    assert set(again.json()) == {"access"}
    assert again.cookies["lifeos_refresh"].value != first

    out = api.post(BLACKLIST, {}, format="json")
    assert out.status_code == 204
    assert out.cookies["lifeos_refresh"].value == ""
    assert refresh(APIClient(), again.cookies["lifeos_refresh"].value).status_code == 401


def test_the_cookie_is_not_taken_from_a_form_of_another_site(api, anna):
    api.post(OBTAIN, {"email": anna.email, "password": PASSWORD, "cookie": True}, format="json")
    for path in (REFRESH, BLACKLIST):
        assert api.post(path, {}, format="multipart").status_code == 415
        assert api.post(path, "", content_type="application/x-www-form-urlencoded").status_code == 403
    assert api.post(REFRESH, {}, format="json").status_code == 200


def test_the_cookie_flag_follows_the_setting(api, anna, settings):
    settings.JWT_COOKIE_SECURE = False
    answer = api.post(OBTAIN, {"email": anna.email, "password": PASSWORD, "cookie": True}, format="json")
    assert not answer.cookies["lifeos_refresh"]["secure"]


def test_without_token_and_cookie_the_refusal_says_so(api, db):
    assert api.post(REFRESH, {}, format="json").status_code == 401


def test_requests_are_throttled_per_address(api, anna, settings):
    settings.AUTH_THROTTLE_RATE = "3/min"
    codes = [api.post(VERIFY, {"token": "x"}, format="json").status_code for _attempt in range(4)]
    assert codes == [401, 401, 401, 429]
    refused = api.post(VERIFY, {"token": "x"}, format="json")
    assert 0 < int(refused["Retry-After"]) <= 60
    elsewhere = api.post(VERIFY, {"token": "x"}, format="json", REMOTE_ADDR="198.51.100.7")
    assert elsewhere.status_code == 401


@pytest.mark.django_db(transaction=True)
def test_of_two_uses_at_once_exactly_one_succeeds():
    anna = User.objects.create_user("anna@example.org", PASSWORD)
    first = str(tokens.StoredRefreshToken.issue(user=anna, sign_in="x"))
    outcomes, start = [], threading.Barrier(4)

    def use():
        start.wait()
        try:
            tokens.rotate(refresh=first, now=timezone.now())
            outcomes.append("spent")
        except tokens.TokenRefused:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=use) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "refused", "refused", "spent"]
