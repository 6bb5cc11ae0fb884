"""Large bank files through the shipped nginx: it lets them pass wherever the application takes them, and only there."""

import json
import os
import re
import secrets
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from finance.ledger import services as ledger
from finance.models import Account
from lifeos_project.tests.services import free_port, running
from lifeos_project.tests.stack.running import make_certificate, render

TEMPLATES = Path(settings.BASE_DIR) / "compose" / "nginx" / "templates"
# As root nginx would write bodies as nobody, who may not enter the test's directory.
AS_ROOT = " user root;" if os.geteuid() == 0 else ""
# Told by its first bytes, so that reading it takes no time.
PICTURE = b"\x89PNG" + b"\x00" * (40 * 1024 * 1024)


def locations():
    """(kind, pattern, body) of the site's locations, in the file's order."""
    text = (TEMPLATES / "lifeos" / "site.conf.template").read_text()
    return re.findall(r"^location (?:(~|=) )?(\S+) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)


def location_of(path):
    """nginx's choice: the exact one, else the first regular expression, else the longest beginning."""
    exact = [found for found in locations() if found[0] == "=" and found[1] == path]
    matching = [found for found in locations() if found[0] == "~" and re.search(found[1], path)]
    prefix = [found for found in locations() if found[0] == "" and path.startswith(found[1])]
    return (exact + matching + sorted(prefix, key=lambda found: -len(found[1])))[0]


@pytest.mark.parametrize(
    ("path", "large"),
    [
        (reverse("web:import_new", args=[12]), True),
        (reverse("api-imports", args=[12]), True),
        (reverse("admin:platform_operation_start", args=["books.import"]), True),
        (reverse("web:imports", args=[12]), True),
        (reverse("web:move_in"), True),
        (reverse("web:book_new"), False),
        (reverse("web:home"), False),
        (reverse("api-books"), False),
        (reverse("admin:login"), False),
        (reverse("token-obtain"), False),
    ],
)
def test_large_bodies_pass_where_files_are_taken(path, large):
    assert ("client_max_body_size 52m;" in location_of(path)[2]) is large


@pytest.mark.parametrize("name", ["login", "signup", "password_reset", "admin:login", "token-obtain", "api-signup"])
def test_passwords_are_tried_at_a_low_rate(name):
    assert "zone=sign_in" in location_of(reverse(name))[2]


def test_every_location_answers_for_a_path_of_the_application():
    paths = [
        reverse(name, args=args)
        for name, args in [
            ("web:home", []),
            ("login", []),
            ("web:import_new", [1]),
            ("web:move_in", []),
            ("admin:platform_operation_start", ["books.import"]),
            ("metrics", []),
        ]
    ] + ["/static/lifeos/imports.css"]
    named = [found for found in locations() if not found[1].startswith("@")]
    assert {location_of(path)[1] for path in paths} == {found[1] for found in named}


@pytest.fixture
def site(live_server, nginx_path, tmp_path):
    """The address of nginx in front of this process."""
    make_certificate(tmp_path)
    local = f"127.0.0.1:{free_port()}"
    variables = {
        "NGINX_UPSTREAM": f"server {live_server.thread.host}:{live_server.thread.port};",
        "NGINX_RUN_DIR": str(tmp_path),
        "NGINX_ACCESS_LOG": "/dev/stdout",
        "NGINX_LOCAL_LISTEN": local,
        "NGINX_HTTP_LISTEN": f"127.0.0.1:{free_port()}",
        "NGINX_HTTPS_LISTEN": f"127.0.0.1:{free_port()}",
        "NGINX_TLS_DIR": str(tmp_path),
        "NGINX_STATIC_ROOT": str(tmp_path),
        "NGINX_ACME_ROOT": str(tmp_path),
        "NGINX_TRUSTED_PROXY": "127.0.0.1/32",
        "NGINX_HSTS_SECONDS": "0",
        "NGINX_RATE": "100r/s",
        "NGINX_SIGN_IN_RATE": "30r/m",
    }
    render(TEMPLATES, tmp_path, variables=variables)
    command = [nginx_path, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-g", f"daemon off;{AS_ROOT}"]
    with running(command, log=tmp_path / "nginx.log"):
        address = f"http://{local}"
        wait_for_answer(address)
        yield address


def wait_for_answer(address):
    for _ in range(100):
        try:
            urllib.request.urlopen(f"{address}/health/live", timeout=5)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError("nginx does not answer")


@pytest.fixture
def owner(transactional_db):
    return get_user_model().objects.create_user("olga@example.org", "correct horse battery")


@pytest.fixture
def book(owner):
    return ledger.create_book(owner=owner, name="Home", base_currency="EUR", time_zone="Europe/Berlin")


def sent(url, content, *, fields, headers):
    """The status, the content type and the body of the answer to a form with a file, where it leads to."""
    edge = secrets.token_hex(8)
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()
    ]
    parts.append(f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'.encode())
    body = b"".join([*parts, content, f"\r\n--{edge}--\r\n".encode()])
    headers = {"Content-Type": f"multipart/form-data; boundary={edge}", **headers}
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=120)
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, answer.headers["Content-Type"], answer.read().decode()


@pytest.mark.nginx
@pytest.mark.django_db(transaction=True)
def test_forty_megabytes_reach_the_pages_and_the_api(site, book, owner):
    account = Account.objects.get(book=book, name="Checking account")
    visitor = Client()
    visitor.force_login(owner)
    secret = "a" * 32
    cookies = f"{settings.SESSION_COOKIE_NAME}={visitor.cookies[settings.SESSION_COOKIE_NAME].value}; {settings.CSRF_COOKIE_NAME}={secret}"
    headers = {"Cookie": cookies, "X-CSRFToken": secret}
    status, kind, body = sent(
        site + reverse("web:import_new", args=[book.pk]), PICTURE, fields={"account": account.pk}, headers=headers
    )
    assert (status, kind.split(";")[0], "This is a picture." in body) == (200, "text/html", True)

    credentials = json.dumps({"email": owner.email, "password": "correct horse battery"}).encode()
    asked = urllib.request.Request(site + reverse("token-obtain"), credentials, {"Content-Type": "application/json"})
    token = json.load(urllib.request.urlopen(asked, timeout=30))["access"]
    status, kind, body = sent(
        site + reverse("api-imports", args=[book.pk]),
        PICTURE,
        fields={"account": account.pk},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert (status, json.loads(body)["code"]) == (400, "statement_unreadable")

    too_large = sent(site + reverse("login"), PICTURE[: 2 * 1024 * 1024], fields={}, headers={})
    assert too_large[0] == 413
