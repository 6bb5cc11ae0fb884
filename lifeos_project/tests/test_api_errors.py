"""Whatever goes wrong below /api/, the answer has one shape."""

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404
from django.template.loader import render_to_string
from django.test import Client
from django.urls import include, path
from rest_framework import exceptions
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from finance import errors
from identity.api.idempotency import KeyUsedBefore
from lifeos_project.api import errors as api_errors

FAILURES = {
    "not-found": errors.NotFound(thing="account"),
    "forbidden": errors.Forbidden(),
    "unbalanced": errors.EntryUnbalanced(field="lines", imbalance="its lines sum to 1.00 EUR"),
    "closed": errors.PeriodClosedError(field="date", closed_through="2026-06-30", date="2026-06-01"),
    "mismatch": KeyUsedBefore(),
    "http404": Http404("secret words"),
    "denied": PermissionDenied("secret words"),
    "suspicious": SuspiciousOperation("secret words"),
    "deadlock": OperationalError("deadlock detected"),
    "drf": exceptions.NotAcceptable(),
    "fault": RuntimeError("secret words"),
}


class Failing(APIView):
    permission_classes = [AllowAny]

    def get(self, request, name):
        raise FAILURES[name]

    def post(self, request, name):
        return Response({"received": request.data})


class Private(APIView):
    def get(self, request):
        return Response()


class Wait(BaseThrottle):
    def allow_request(self, request, view):
        return False

    def wait(self):
        return 11.2


class Throttled(Failing):
    throttle_classes = [Wait]


urlpatterns = [
    path("api/fail/<str:name>/", Failing.as_view()),
    path("api/private/", Private.as_view()),
    path("api/throttled/<str:name>/", Throttled.as_view()),
    path("api/v1/", include("lifeos_project.api.urls")),
]
handler400 = "lifeos_project.api.errors.bad_request"
handler403 = "lifeos_project.api.errors.permission_denied"
handler404 = "lifeos_project.api.errors.page_not_found"
handler500 = "lifeos_project.api.errors.server_error"

pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def api():
    return APIClient(raise_request_exception=False)


def assert_error(response, status, code):
    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    body = response.json()
    assert set(body) == {"code", "detail", "fields"}
    assert body["code"] == code
    assert isinstance(body["detail"], str)
    assert body["detail"]
    assert "secret words" not in body["detail"]
    for messages in body["fields"].values():
        assert isinstance(messages, list)
    return body


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("not-found", 404, "not_found"),
        ("forbidden", 403, "forbidden"),
        ("unbalanced", 400, "entry_unbalanced"),
        ("closed", 409, "period_closed"),
        ("mismatch", 409, "idempotency_mismatch"),
        ("http404", 404, "not_found"),
        ("denied", 403, "forbidden"),
        ("suspicious", 400, "invalid"),
        ("deadlock", 503, "unavailable"),
        ("drf", 406, "not_acceptable"),
        ("fault", 500, "server_error"),
    ],
)
def test_every_failure_has_the_one_shape(api, name, status, code):
    assert_error(api.get(f"/api/fail/{name}/"), status, code)


def test_a_domain_error_tells_its_field(api):
    body = assert_error(api.get("/api/fail/unbalanced/"), 400, "entry_unbalanced")
    assert body["fields"] == {"lines": ["The entry does not balance: its lines sum to 1.00 EUR."]}
    assert body["detail"] == "The entry does not balance: its lines sum to 1.00 EUR."


def test_a_busy_database_says_when_to_come_back(api):
    assert api.get("/api/fail/deadlock/")["Retry-After"] == "2"


def test_a_throttled_request_says_when_to_come_back(api):
    response = api.get("/api/throttled/fault/")
    assert_error(response, 429, "throttled")
    assert response["Retry-After"] == "12"


def test_a_wrong_method_is_refused_in_the_shape(api):
    assert_error(api.delete("/api/fail/fault/"), 405, "method_not_allowed")


def test_a_wrong_body_is_refused_in_the_shape(api):
    post = Client(raise_request_exception=False).post
    assert_error(post("/api/fail/fault/", "{", content_type="application/json"), 400, "invalid")
    assert_error(post("/api/fail/fault/", "a=1", content_type="text/plain"), 415, "unsupported_media_type")
    large = b'"' + b"x" * 3_000_000 + b'"'
    assert_error(post("/api/fail/fault/", large, content_type="application/json"), 413, "payload_too_large")


def test_missing_and_wrong_credentials_are_told_apart(api):
    response = api.get("/api/private/")
    assert_error(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")
    api.credentials(HTTP_AUTHORIZATION="Bearer nonsense")
    assert_error(api.get("/api/private/"), 401, "token_not_valid")


def test_an_address_without_a_view_is_answered_in_the_shape_below_api_only(api):
    assert_error(api.get("/api/v1/nothing/here/"), 404, "not_found")
    assert api.get("/nothing/here/")["Content-Type"].startswith("text/html")


def test_a_foreign_host_is_refused_in_the_shape(api):
    assert_error(api.get("/api/private/", headers={"host": "evil.example"}), 400, "invalid")


def _all_subclasses(cls):
    for sub in cls.__subclasses__():
        yield sub
        yield from _all_subclasses(sub)


def test_every_domain_error_has_a_status_by_more_than_its_root():
    codes = set(api_errors.STATUS_OF_CODE) - {"finance_error"}
    known = [cls for cls in _all_subclasses(errors.FinanceError) if cls.__module__.startswith("finance")]
    assert known
    for cls in known:
        assert any(getattr(base, "code", None) in codes for base in cls.__mro__), cls


BROKEN_FORMS = {
    "no boundary": "multipart/form-data",
    "long boundary": "multipart/form-data; boundary=" + "b" * 300,
}


@pytest.mark.parametrize("content_type", BROKEN_FORMS.values(), ids=BROKEN_FORMS)
def test_a_form_that_cannot_be_read_is_not_read_again_for_the_page_that_says_so(content_type):
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    strict.cookies["csrftoken"] = "f" * 32
    for path_, status in (("/no/such/page/", 404), ("/api/no/such/thing/", 404)):
        answer = strict.generic("POST", path_, b"", content_type=content_type)
        assert answer.status_code == status


def test_a_page_of_an_error_that_fails_is_logged_as_what_it_is(monkeypatch, caplog):
    def broken(*args, **options):
        if args[0] == "404.html":
            raise RuntimeError("This template is broken.")
        return render_to_string(*args, **options)

    monkeypatch.setattr(api_errors, "render_to_string", broken)
    answer = Client(raise_request_exception=False).get("/no/such/page/")
    assert answer.status_code == 500
    (logged,) = [record for record in caplog.records if record.name == api_errors.logger.name]
    assert str(logged.exc_info[1]) == "This template is broken."
