import datetime
import re
import statistics
import time

import pytest
from django.contrib.auth import get_user
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlsafe_base64_encode

from identity import signup
from identity.models import AccessPolicy, AuditRecord, User
from identity.tests.conftest import PASSWORD
from platform_outbox import testing
from platform_outbox.models import OutboxMessage

SIGN_IN, SIGN_UP, FORGOTTEN = "/accounts/sign-in/", "/accounts/sign-up/", "/accounts/password/forgotten/"
PROFILE, CHANGE, ELSEWHERE = "/accounts/profile/", "/accounts/password/change/", "/accounts/profile/sign-out-elsewhere/"


def sign_in(client, email="anna@example.org", password=PASSWORD, **more):
    return client.post(SIGN_IN, {"username": email, "password": password, **more})


def link_in(mail):
    return re.search(r"https?://testserver(\S+)", mail.body)[1]


# Signing in and out


def test_the_right_password_signs_in_and_leads_home(client, anna):
    answer = sign_in(client, "  ANNA@example.org ")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert get_user(client) == anna


def test_wrong_unknown_and_inactive_are_answered_alike(client, anna):
    User.objects.create_user("idle@example.org", PASSWORD, is_active=False)
    pages = [
        sign_in(client, email, password)
        for email, password in [
            ("anna@example.org", "wrong"),
            ("nobody@example.org", PASSWORD),
            ("idle@example.org", PASSWORD),
        ]
    ]
    bare = [re.sub(r'value="[^"]*"|nonce="[^"]*"|"X-CSRFToken": "\w+"', "", page.content.decode()) for page in pages]
    assert {page.status_code for page in pages} == {200}
    assert bare[0] == bare[1] == bare[2]
    assert "Wrong e-mail address or password." in bare[0]


@pytest.mark.long
def test_refusing_an_unknown_address_takes_as_long_as_a_wrong_password(client, settings, db):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    settings.AXES_ENABLED = False
    User.objects.create_user("anna@example.org", PASSWORD)

    def seconds(email):
        started = time.process_time()  # other programs do not count
        sign_in(client, email, "wrong")
        return time.process_time() - started

    known, unknown = [], []
    for _round in range(5):
        known.append(seconds("anna@example.org"))
        unknown.append(seconds("nobody@example.org"))
    assert 0.5 < statistics.median(known) / statistics.median(unknown) < 2


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "http:evil.example"]
)
def test_nobody_is_led_to_another_site(client, anna, wanted, sent):
    assert sign_in(client, next=wanted)["Location"] == "/"
    assert client.get(SIGN_IN, {"next": wanted})["Location"] == "/"
    token = signup.signup_path(email="new@example.org", invited=False)
    made = Client().post(f"{token}?next={wanted}", {"name": "", "password": PASSWORD, "next": wanted})
    assert made["Location"] == "/"
    out = client.post("/accounts/sign-out/", {"next": wanted})
    assert out["Location"] == SIGN_IN


def test_one_is_led_where_one_wanted_to_go(client, anna):
    assert sign_in(client, next="/b/7/")["Location"] == "/b/7/"


def test_the_session_gets_a_new_key_at_sign_in(client, anna):
    client.get(SIGN_IN)
    session = client.session
    session["x"] = 1
    session.save()
    client.cookies["sessionid"] = before = session.session_key
    sign_in(client)
    assert client.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


def test_signing_out_takes_a_post_and_ends_the_session(client, anna):
    client.force_login(anna)
    assert client.get("/accounts/sign-out/").status_code == 405
    assert client.post("/accounts/sign-out/").status_code == 302
    assert not get_user(client).is_authenticated
    assert AuditRecord.objects.filter(actor=anna, action="signed_out").count() == 1


@pytest.mark.parametrize("path", [SIGN_IN, SIGN_UP, FORGOTTEN, "/accounts/sign-out/", PROFILE, CHANGE, ELSEWHERE])
def test_every_form_wants_its_csrf_token(path, anna):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(anna)
    if path in (SIGN_IN, SIGN_UP, FORGOTTEN):
        strict = Client(enforce_csrf_checks=True)
    assert strict.post(path, {"email": "x@example.org"}).status_code == 403


@pytest.mark.parametrize("path", [PROFILE, CHANGE])
def test_pages_of_the_account_are_for_the_signed_in(client, db, path):
    assert client.get(path)["Location"] == f"{SIGN_IN}?next={path}"


def test_fields_tell_password_managers_what_they_are(client, anna):
    page = client.get(SIGN_IN).content.decode()
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page
    client.force_login(anna)
    page = client.get(CHANGE).content.decode()
    assert page.count('autocomplete="new-password"') == 2
    assert "<script>" not in page
    assert "onclick" not in page


# Signing up


def test_a_new_person_signs_up_through_the_mailed_link(client, db, sent):
    with sent() as mails:
        asked = client.post(SIGN_UP, {"email": "New@Example.org", "next": "/b/3/"})
    assert asked["Location"] == "/accounts/sign-up/sent/"
    assert not User.objects.exists()
    assert mails[0].to == ["new@example.org"]

    page = client.get(link_in(mails[0]))
    assert "new@example.org" in page.content.decode()
    made = client.post(
        link_in(mails[0]), {"name": "New", "password": PASSWORD, "time_zone": "Europe/Berlin", "next": "/b/3/"}
    )
    user = User.objects.get()
    assert (user.email, user.name, user.time_zone) == ("new@example.org", "New", "Europe/Berlin")
    assert made["Location"] == "/b/3/"
    assert get_user(client) == user


def test_asking_with_a_known_address_is_answered_alike_and_tells_its_owner(client, anna, sent):
    with sent() as mails:
        known = client.post(SIGN_UP, {"email": "Anna@example.org"})
        new = client.post(SIGN_UP, {"email": "new@example.org"})
    assert (known.status_code, known["Location"], known.content) == (new.status_code, new["Location"], new.content)
    assert [mail.to for mail in sorted(mails, key=lambda mail: mail.to)] == [["anna@example.org"], ["new@example.org"]]
    to_anna = next(mail for mail in mails if mail.to == ["anna@example.org"])
    assert "There is one already" in to_anna.body
    assert User.objects.count() == 1


def test_a_link_makes_one_account_only(client, db, sent):
    with sent() as mails:
        client.post(SIGN_UP, {"email": "new@example.org"})
    link = link_in(mails[0])
    assert client.post(link, {"password": PASSWORD}).status_code == 302
    again = Client().post(link, {"password": "an entirely other one"})
    assert again["Location"].startswith(SIGN_IN)
    assert User.objects.get().check_password(PASSWORD)


@pytest.mark.parametrize("token", ["rubbish", "a:b:c"])
def test_a_forged_link_is_refused_in_words(client, db, token):
    page = client.post(f"/accounts/sign-up/{token}/", {"password": PASSWORD})
    assert page.status_code == 400
    assert "This link is not valid" in page.content.decode()
    assert not User.objects.exists()


def test_a_weak_password_makes_no_account(client, db):
    path = signup.signup_path(email="new@example.org", invited=False)
    for weak in ["short", "1234567890123", "password123", "new@example.org"]:
        page = client.post(path, {"name": "", "password": weak})
        assert page.status_code == 200
        assert "field-refused" in page.content.decode()
    assert not User.objects.exists()


@pytest.mark.parametrize("by", ["environment", "switch"])
def test_closed_sign_up_is_closed_also_for_links_sent_before(client, db, settings, sent, by):
    with sent() as mails:
        client.post(SIGN_UP, {"email": "new@example.org"})
    if by == "environment":
        settings.SIGNUP_ENABLED = False
    else:
        AccessPolicy.objects.create(signup_open=False)

    assert client.get(SIGN_UP).status_code == 403
    with sent() as later:
        assert client.post(SIGN_UP, {"email": "other@example.org"}).status_code == 403
    assert later == []
    assert client.post(link_in(mails[0]), {"password": PASSWORD}).status_code == 400
    assert not User.objects.exists()
    assert SIGN_UP not in client.get(SIGN_IN).content.decode()


def test_the_invited_sign_up_also_while_it_is_closed(client, db, settings):
    settings.SIGNUP_ENABLED = False
    made = client.post(signup.signup_path(email="new@example.org", invited=True), {"password": PASSWORD})
    assert made.status_code == 302
    assert User.objects.get().email == "new@example.org"


def test_one_address_gets_three_mails_an_hour_at_most(client, anna, sent):
    with sent() as mails:
        answers = [client.post(path, {"email": "anna@example.org"}) for path in [SIGN_UP, FORGOTTEN] * 5]
    assert {answer.status_code for answer in answers} == {302}
    assert len(mails) == 6


def test_one_network_causes_twenty_mails_an_hour_at_most(client, db, sent):
    with sent() as mails:
        codes = [client.post(SIGN_UP, {"email": f"n{number}@example.org"}).status_code for number in range(22)]
    assert codes == [302] * 20 + [429] * 2
    assert len(mails) == 20


# Passwords


def test_a_forgotten_password_is_set_through_the_mailed_link(client, anna, sent):
    elsewhere = Client()
    elsewhere.force_login(anna)
    with sent() as mails:
        client.post(FORGOTTEN, {"email": "ANNA@example.org"})
    page = client.get(link_in(mails[0]), follow=True)
    form = page.redirect_chain[-1][0]
    assert anna.email in page.content.decode()
    with sent() as later:
        done = client.post(form, {"new_password1": "brand new words", "new_password2": "brand new words"})
    assert done["Location"] == SIGN_IN
    assert "was changed" in later[-1].subject
    assert sign_in(client, password=PASSWORD).status_code == 200
    assert sign_in(client, password="brand new words").status_code == 302
    assert not get_user(elsewhere).is_authenticated

    again = Client().get(link_in(mails[0]), follow=True)
    assert "This link does not work" in again.content.decode()


def test_asking_for_a_reset_is_answered_alike_whoever_asks(client, anna, sent):
    User.objects.create_user("idle@example.org", PASSWORD, is_active=False)
    with sent() as mails:
        answers = [
            client.post(FORGOTTEN, {"email": email})
            for email in ["anna@example.org", "nobody@example.org", "idle@example.org"]
        ]
    assert len({(answer.status_code, answer["Location"], answer.content) for answer in answers}) == 1
    assert [mail.to for mail in mails] == [["anna@example.org"]]


def test_a_reset_by_mail_lifts_the_lock_out(client, anna, sent):
    for _attempt in range(5):
        sign_in(client, password="wrong")
    assert sign_in(client).status_code == 429
    with sent() as mails:
        client.post(FORGOTTEN, {"email": anna.email})
    form = client.get(link_in(mails[0]), follow=True).redirect_chain[-1][0]
    client.post(form, {"new_password1": "brand new words", "new_password2": "brand new words"})
    assert sign_in(client, password="brand new words").status_code == 302


def test_changing_the_password_signs_other_devices_out_and_not_this_one(client, anna, sent):
    elsewhere = Client()
    elsewhere.force_login(anna)
    client.force_login(anna)
    wrong = {"old_password": "no", "new_password1": "brand new words", "new_password2": "brand new words"}
    assert client.post(CHANGE, wrong).status_code == 200
    with sent() as mails:
        done = client.post(CHANGE, {**wrong, "old_password": PASSWORD})
    assert done["Location"] == PROFILE
    assert [mail.subject for mail in mails] == ["Your LifeOS password was changed"]
    assert get_user(client) == anna
    assert not get_user(elsewhere).is_authenticated
    assert AuditRecord.objects.filter(actor=anna, action="password_changed").count() == 1


def test_wrong_old_passwords_are_counted_recorded_and_locked_out(client, anna):
    """Somebody who finds an open session must not try passwords for ever."""
    client.force_login(anna)
    new = {"new_password1": "brand new words", "new_password2": "brand new words"}
    answers = [client.post(CHANGE, {**new, "old_password": f"guess {number}"}).status_code for number in range(5)]
    assert answers == [200, 200, 200, 200, 429]
    assert client.post(CHANGE, {**new, "old_password": PASSWORD}).status_code == 429
    anna.refresh_from_db()
    assert anna.check_password(PASSWORD)
    records = AuditRecord.objects.filter(target=anna.email).order_by("id")
    assert list(records.values_list("action", "facts__door")) == [
        *[("sign_in_failed", "password_change")] * 4,
        ("locked_out", "password_change"),
    ]
    assert sign_in(Client()).status_code == 429


def test_the_admins_password_page_leads_to_the_one_that_counts(client, operator):
    client.force_login(operator)
    tried = {"old_password": "guess", "new_password1": "brand new words", "new_password2": "brand new words"}
    assert client.post("/admin/password_change/", tried)["Location"] == CHANGE
    operator.refresh_from_db()
    assert operator.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("configured", "proxies", "asked", "leads_to"),
    [
        ({}, 0, {"HTTP_HOST": "testserver:9999"}, "http://testserver"),
        ({}, 0, {"HTTP_HOST": "testserver", "SERVER_PORT": "8123"}, "http://testserver:8123"),
        ({}, 0, {"HTTP_HOST": "testserver:9999", "SERVER_PORT": "8123"}, "http://testserver:8123"),
        ({}, 1, {"HTTP_HOST": "testserver:9999", "SERVER_PORT": "8000"}, "http://testserver"),
        ({}, 1, {"HTTP_HOST": "[::1]:9999"}, "http://[::1]"),
        ({}, 0, {"HTTP_HOST": "testserver", "HTTP_X_FORWARDED_HOST": "evil.example:1"}, "http://testserver"),
        ({"CSRF_TRUSTED_ORIGINS": ["https://testserver:8443"]}, 1, {"HTTP_HOST": "testserver:9999"}, "https://testserver:8443"),
        ({"SITE_URL": "https://books.example.org/"}, 1, {"HTTP_HOST": "testserver:9999"}, "https://books.example.org"),
    ],
)  # fmt: skip
def test_links_in_mails_do_not_take_the_port_that_a_caller_names(
    client, anna, settings, sent, configured, proxies, asked, leads_to
):
    settings.ALLOWED_HOSTS = ["testserver", "[::1]"]
    settings.TRUSTED_PROXY_COUNT = proxies
    for name, value in configured.items():
        setattr(settings, name, value)
    with sent() as mails:
        assert client.post(FORGOTTEN, {"email": anna.email}, **asked).status_code == 302
        client.post(SIGN_UP, {"email": "new@example.org"}, **asked)
        body = {"email": "other@example.org"}
        client.post("/api/v1/auth/signup/", body, content_type="application/json", **asked)
    links = [re.search(r"https?://[^/\s]+", mail.body)[0] for mail in mails]
    assert links == [leads_to] * 3


def test_a_host_that_is_not_ours_gets_no_mail_sent(client, anna, sent):
    with sent() as mails:
        assert client.post(FORGOTTEN, {"email": anna.email}, HTTP_HOST="evil.example").status_code == 400
    assert mails == []


def test_a_mail_server_that_fails_delays_the_mail_and_logs_no_link(client, anna, settings, sent, caplog):
    working, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "identity.tests.broken_mail.EmailBackend"
    with sent() as mails:
        answer = client.post(FORGOTTEN, {"email": anna.email})
    assert answer.status_code == 302
    assert mails == []
    row = OutboxMessage.objects.get(event_type="identity.password_reset.requested")
    assert row.status == "sending"
    assert row.error == "DestinationUnavailable: The mail server cannot be reached: ConnectionRefusedError"
    assert f"/forgotten/{urlsafe_base64_encode(str(anna.pk).encode())}/" not in caplog.text
    assert anna.email not in caplog.text
    settings.EMAIL_BACKEND = working
    with sent() as mails:
        testing.drain(now=timezone.now() + datetime.timedelta(hours=1))
    assert [mail.subject for mail in mails] == ["Choose a new LifeOS password"]


def test_tokens_of_links_are_not_logged(client, anna, caplog):
    caplog.set_level("INFO")
    path = signup.signup_path(email="new@example.org", invited=False)
    token = path.split("/")[3]
    assert client.get(path).status_code == 200
    assert token not in caplog.text
    assert "/accounts/sign-up/…/" in caplog.text


# Profile and devices


def test_the_profile_keeps_what_is_chosen(client, anna):
    client.force_login(anna)
    client.post(PROFILE, {"name": "Anna B.", "language": "en-gb", "time_zone": "Asia/Tokyo"})
    anna.refresh_from_db()
    assert (anna.name, anna.language, anna.time_zone) == ("Anna B.", "en-gb", "Asia/Tokyo")
    assert AuditRecord.objects.get(action="profile_changed").facts == {"fields": ["name", "language", "time_zone"]}


@pytest.mark.parametrize("choice", [{"time_zone": "Moon/Base"}, {"language": "xx"}])
def test_the_profile_refuses_what_does_not_exist(client, anna, choice):
    client.force_login(anna)
    assert client.post(PROFILE, {"name": "A", "language": "", "time_zone": "", **choice}).status_code == 200
    anna.refresh_from_db()
    assert anna.name == "Anna"


def test_moments_are_shown_in_the_chosen_zone_and_spelling(client, anna):
    User.objects.filter(pk=anna.pk).update(time_zone="Asia/Tokyo", language="en-gb")
    client.force_login(anna)
    record = AuditRecord.objects.create(
        action="signed_in", actor=anna, at="2026-01-31T20:00:00Z", address="198.51.100.7"
    )
    assert record.pk
    page = client.get(PROFILE).content.decode()
    assert "1 Feb 2026, 05:00" in page
    assert "198.51.100.7" in page


def test_signing_out_elsewhere_ends_other_sessions_and_tokens(client, anna):
    from identity import tokens

    elsewhere = Client()
    elsewhere.force_login(anna)
    refresh = str(tokens.StoredRefreshToken.issue(user=anna, sign_in="phone"))
    client.force_login(anna)
    assert client.get(ELSEWHERE).status_code == 405
    client.post(ELSEWHERE)
    assert get_user(client) == anna
    assert not get_user(elsewhere).is_authenticated
    with pytest.raises(tokens.TokenRefused):
        tokens.verify(token=refresh)


def test_a_deactivated_user_is_signed_out_at_once(client, anna):
    client.force_login(anna)
    User.objects.filter(pk=anna.pk).update(is_active=False)
    assert client.get(PROFILE).status_code == 302


def test_the_profile_page_asks_the_database_little(client, anna, django_assert_max_num_queries):
    client.force_login(anna)
    for _number in range(15):
        AuditRecord.objects.create(action="signed_in", actor=anna)
    with django_assert_max_num_queries(5):
        page = client.get(PROFILE)
    assert len(page.context["sign_ins"]) == 10
    assert reverse("password_change") in page.content.decode()
