import logging
from datetime import timedelta

import pytest
import time_machine
from axes.models import AccessAttempt
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from identity import lockout
from identity.models import AuditRecord
from identity.tests.conftest import PASSWORD

WRONG = "not the password"


def through_the_form(client, email, password, **extra):
    return client.post(reverse("login"), {"username": email, "password": password}, **extra)


def through_the_admin(client, email, password, **extra):
    return client.post(reverse("admin:login"), {"username": email, "password": password}, **extra)


def through_the_api(client, email, password, **extra):
    return APIClient().post("/api/v1/auth/token/", {"email": email, "password": password}, format="json", **extra)


DOORS = [through_the_form, through_the_admin, through_the_api]


@pytest.mark.parametrize("door", DOORS)
def test_five_failures_lock_the_account_at_every_door_whichever_was_used(door, client, operator):
    for _attempt in range(4):
        assert door(client, operator.email, WRONG).status_code in (200, 401)
    assert door(client, operator.email, WRONG).status_code == 429

    for other in DOORS:
        refused = other(client, operator.email, PASSWORD)
        assert refused.status_code == 429
        assert 0 < int(refused["Retry-After"]) <= 15 * 60
    assert "_auth_user_id" not in client.session


def test_the_lock_is_told_in_words_and_in_the_apis_shape(client, anna):
    for _attempt in range(5):
        page = through_the_form(client, anna.email, WRONG)
    assert "Please try again in 15 minutes." in page.content.decode()

    answer = through_the_api(client, anna.email, PASSWORD).json()
    assert answer["code"] == "locked_out"
    assert answer["detail"].startswith("There were too many failed attempts.")


def test_an_unknown_address_is_locked_like_a_known_one(client, anna):
    known = [through_the_form(client, anna.email, WRONG).status_code for _attempt in range(6)]
    unknown = [through_the_form(client, "nobody@example.org", WRONG).status_code for _attempt in range(6)]
    assert known == unknown == [200, 200, 200, 200, 429, 429]


def test_capitals_and_blanks_do_not_give_further_attempts(client, anna):
    for spelling in [
        "anna@example.org",
        "ANNA@example.org",
        " anna@example.org",
        "Anna@Example.org ",
        "anna@EXAMPLE.ORG",
    ]:
        refused = through_the_api(client, spelling, WRONG)
    assert refused.status_code == 429


def test_the_lock_ends_by_itself_and_is_not_prolonged_by_trying(client, anna):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _attempt in range(5):
            through_the_form(client, anna.email, WRONG)
        clock.shift(timedelta(minutes=14))
        assert through_the_form(client, anna.email, PASSWORD).status_code == 429
        clock.shift(timedelta(minutes=1, seconds=1))
        assert through_the_form(client, anna.email, PASSWORD).status_code == 302


def test_a_success_forgets_the_failures_at_the_form_and_at_the_api(client, anna):
    for door in (through_the_form, through_the_api):
        for _attempt in range(4):
            door(client, anna.email, WRONG)
        door(client, anna.email, PASSWORD)
        assert not AccessAttempt.objects.exists()


def test_one_address_trying_many_accounts_is_locked(client, settings, anna):
    settings.LOGIN_FAILURE_LIMIT_WIDE = 10
    for number in range(10):
        through_the_form(client, f"guess{number}@example.org", WRONG)
    assert through_the_form(client, anna.email, PASSWORD).status_code == 429
    assert through_the_form(client, anna.email, PASSWORD, REMOTE_ADDR="198.51.100.7").status_code == 302


def test_one_account_tried_from_many_addresses_is_locked(client, settings, anna):
    settings.LOGIN_FAILURE_LIMIT_WIDE = 10
    for number in range(10):
        through_the_form(client, anna.email, WRONG, REMOTE_ADDR=f"198.51.100.{number}")
    assert through_the_form(client, anna.email, PASSWORD, REMOTE_ADDR="203.0.113.1").status_code == 429


def test_a_neighbours_failures_do_not_lock_the_account(client, anna):
    for _attempt in range(6):
        through_the_form(client, anna.email, WRONG, REMOTE_ADDR="198.51.100.7")
    assert through_the_form(client, anna.email, PASSWORD, REMOTE_ADDR="203.0.113.1").status_code == 302


def test_a_forged_header_does_not_move_the_attacker(client, settings, anna):
    settings.TRUSTED_PROXY_COUNT = 1
    for number in range(6):
        refused = through_the_form(
            client, anna.email, WRONG, HTTP_X_FORWARDED_FOR=f"10.9.8.{number}, 198.51.100.7", REMOTE_ADDR="127.0.0.1"
        )
    assert refused.status_code == 429
    assert set(AccessAttempt.objects.values_list("ip_address", flat=True)) == {"198.51.100.7"}


def test_addresses_of_one_ipv6_network_count_as_one(client, settings, anna):
    settings.LOGIN_FAILURE_LIMIT_WIDE = 10
    for number in range(10):
        through_the_form(client, f"guess{number}@example.org", WRONG, REMOTE_ADDR=f"2001:db8::{number + 1}")
    assert through_the_form(client, anna.email, PASSWORD, REMOTE_ADDR="2001:db8::ffff").status_code == 429


def test_no_password_reaches_the_table_or_the_log(client, anna, caplog):
    caplog.set_level(logging.DEBUG)
    secret = "hunter2-hunter2"
    through_the_form(client, anna.email, secret)
    through_the_form(client, secret, secret)
    through_the_admin(client, anna.email, secret)
    APIClient().post("/api/v1/auth/token/", {"email": anna.email, "password": secret}, format="multipart")
    through_the_api(client, secret, secret)

    assert AccessAttempt.objects.count() >= 2
    for row in AccessAttempt.objects.values():
        assert secret not in str(row)
    for row in AuditRecord.objects.values():
        assert secret not in str(row)
    assert secret not in caplog.text


@pytest.mark.parametrize("door", DOORS)
def test_a_null_character_is_refused_without_a_crash(door, client, anna):
    assert door(client, "an\0na@example.org", WRONG).status_code in (200, 400, 401)


def test_an_operator_unlocks_by_command(client, anna):
    for _attempt in range(5):
        through_the_form(client, anna.email, WRONG)
    call_command("unlock_user", "Anna@example.org")
    assert through_the_form(client, anna.email, PASSWORD).status_code == 302
    assert AuditRecord.objects.filter(action="unlocked", target=anna.email).count() == 1


def test_failures_and_the_lock_are_in_the_audit_trail_once(client, anna):
    for _attempt in range(8):
        through_the_form(client, anna.email, WRONG)
    actions = list(AuditRecord.objects.order_by("id").values_list("action", "target", "facts__door"))
    assert actions == [("sign_in_failed", anna.email, "web")] * 4 + [("locked_out", anna.email, "web")]


def test_what_is_not_an_address_is_counted_but_not_kept(rf):
    assert lockout.counted_username(rf.post("/"), {"username": "my secret"}) == "(not an e-mail address)"
