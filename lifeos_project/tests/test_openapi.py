"""The OpenAPI document is complete, committed, and served with its pages from here."""

import re

import pytest
import yaml
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client

from lifeos_project.api import openapi
from lifeos_project.tests.texts import differences

COMMITTED = settings.BASE_DIR / "docs" / "openapi.yaml"
ERROR = {"$ref": "#/components/schemas/Error"}


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """Generated as the command line does it, with warnings as errors and against OpenAPI's own schema."""
    target = tmp_path_factory.mktemp("openapi") / "openapi.yaml"
    call_command("spectacular", "--fail-on-warn", "--validate", "--file", str(target))
    return target.read_text()


@pytest.fixture(scope="module")
def operations(document):
    paths = yaml.safe_load(document)["paths"]
    return {(method, path): each for path, item in paths.items() for method, each in item.items()}


def test_the_committed_document_is_the_current_one(document):
    changed = differences(COMMITTED.read_text(), document)
    assert not changed, f"run: python manage.py spectacular --file docs/openapi.yaml\n{changed}"


def test_every_operation_says_what_it_is_and_how_it_fails(operations):
    assert len(operations) > 20
    for name, operation in operations.items():
        assert operation.get("summary") or operation.get("description"), name
        assert operation["tags"], name
        failures = {code for code in operation["responses"] if code >= "400"}
        assert {"429", "500", "503"} <= failures, name
        if {} not in operation.get("security", [{}]):
            assert {"401", "403"} <= failures, name
        if "requestBody" in operation:
            assert {"400", "413", "415"} <= failures, name
        for code in failures:
            answer = operation["responses"][code]
            if "$ref" in answer:
                assert answer["$ref"].rpartition("/")[2] in openapi.FAILURES
            else:
                assert answer["content"]["application/json"]["schema"] == ERROR, (name, code)


def test_every_operation_id_is_its_own(operations):
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(ids) == len(set(ids))


def test_changes_of_the_books_document_their_key(operations):
    keyed = {name for name, each in operations.items() if "Idempotency-Key" in str(each.get("parameters"))}
    for tail in ("entries/", "entries/bulk/", "exchanges/", "accounts/", "close-period/"):
        assert ("post", f"/api/v1/books/{{book_id}}/{tail}") in keyed


def test_both_ways_to_sign_in_are_described(document):
    schemes = yaml.safe_load(document)["components"]["securitySchemes"]
    assert schemes["jwtAuth"]["scheme"] == "bearer"
    assert schemes["cookieAuth"]["in"] == "cookie"


def test_the_document_is_served_to_everybody(db):
    answer = Client().get("/api/schema/")
    assert answer.status_code == 200
    assert "LifeOS API" in answer.content.decode()


@pytest.mark.parametrize("page", ["/api/docs/", "/api/redoc/", "/api/docs/?script="])
def test_the_pages_name_no_other_host(page, db):
    answer = Client().get(page)
    assert answer.status_code == 200
    assert "unsafe-eval" not in answer["Content-Security-Policy"]
    assert "script-src" not in answer["Content-Security-Policy"]  # so default-src 'self' holds
    assert "https://" not in answer.content.decode().replace("https://json-schema.org", "")


@pytest.mark.parametrize("page", ["/api/docs/", "/api/redoc/"])
def test_the_files_of_the_pages_are_served_from_here(page, db):
    body = Client().get(page).content.decode()
    files = re.findall(r'(?:src|href)="/static/([^"]+)"', body)
    assert files
    for file in files:
        assert finders.find(file), file


def test_no_inline_script_is_needed(db):
    for page in ("/api/docs/", "/api/redoc/"):
        scripts = re.findall(r"<script([^>]*)>", Client().get(page).content.decode())
        assert scripts
        assert all("src=" in attributes for attributes in scripts)


def test_bodies_are_described_as_strictly_as_they_are_read(document):
    schemas = yaml.safe_load(document)["components"]["schemas"]
    entry = schemas["EntryBodyRequest"]
    assert entry["additionalProperties"] is False
    assert entry["required"] == ["date", "lines"]
    assert (entry["properties"]["lines"]["minItems"], entry["properties"]["lines"]["maxItems"]) == (2, 1000)
    assert schemas["AccountNameRequest"]["required"] == ["name"]
    assert schemas["AccountNameRequest"]["additionalProperties"] is False
    assert "description" not in schemas["AccountNameRequest"]
    assert schemas["NewAccountRequest"]["properties"]["name"]["minLength"] == 1
