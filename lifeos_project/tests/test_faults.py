"""A fault of ours is answered with the id under which the log has it, and with nothing else about it."""

import json
import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import include, path
from rest_framework.views import APIView

from identity.models import User
from lifeos_project.tests.test_logging import production_lines  # noqa: F401  # a fixture

SECRET = "secret words"
REQUEST = "0123456789abcdef"


class Broken(APIView):
    permission_classes = ()

    def get(self, request):
        raise RuntimeError(SECRET)


def broken(request):
    raise RuntimeError(SECRET)


urlpatterns = [
    path("api/v1/broken/", Broken.as_view()),
    path("broken/", broken),
    path("admin/broken/", admin.site.admin_view(broken)),
    path("admin/", admin.site.urls),
    path("accounts/", include("identity.urls")),
    path("", include("finance.web.urls")),
]
handler500 = "lifeos_project.api.errors.server_error"

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


@pytest.fixture
def client():
    operator = User.objects.create_user("operator@example.org", "correct horse battery", is_staff=True)
    client = Client(raise_request_exception=False)
    client.force_login(operator)
    return client


@pytest.mark.parametrize("address", ["/api/v1/broken/", "/broken/", "/admin/broken/"])
def test_a_fault_is_answered_and_logged_under_the_same_id(client, address, production_lines):  # noqa: F811
    answer = client.get(address, headers={"X-Request-ID": REQUEST})

    assert (answer.status_code, answer["X-Request-ID"]) == (500, REQUEST)
    assert SECRET not in answer.content.decode()
    lines = production_lines()
    (told,) = [line for line in lines if SECRET in line.get("exception", "")]
    (request,) = [line for line in lines if line["event"] == "request"]
    assert (told["request_id"], told["level"]) == (REQUEST, "error")
    assert (request["request_id"], request["status"]) == (REQUEST, 500)
    if address.startswith("/api/"):
        assert answer["Content-Type"] == "application/json"
        assert answer.json() == {
            "code": "server_error",
            "detail": f"Something went wrong on our side. It was recorded as {REQUEST}.",
            "fields": {},
        }
    else:
        assert f"<code>{REQUEST}</code>" in answer.content.decode()


def test_a_request_without_an_id_gets_one_that_it_is_told(client):
    answer = client.get("/api/v1/broken/")
    assert re.fullmatch("[0-9a-f]{32}", answer["X-Request-ID"])
    assert answer["X-Request-ID"] in json.loads(answer.content)["detail"]


def test_the_page_of_a_fault_needs_neither_session_nor_database(monkeypatch):
    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", broken)
    answer = Client(raise_request_exception=False).get("/broken/", headers={"X-Request-ID": REQUEST})
    assert answer.status_code == 500
    assert f"<code>{REQUEST}</code>" in answer.content.decode()
