"""Every answer of the API that a test gets is held against docs/openapi.yaml."""

import functools
import json
import re

import jsonschema
import yaml
from django.conf import settings

# Answers of any address, which the document does not repeat for each operation.
ANYWHERE = {"405", "406"}
PREFIX = "/api/v1/"


@functools.cache
def document():
    return yaml.load((settings.BASE_DIR / "docs" / "openapi.yaml").read_text(), Loader=yaml.CSafeLoader)


@functools.cache
def operations():
    """(method, path with its parameters in braces) → the operation."""
    return {(method.upper(), path): each for path, item in document()["paths"].items() for method, each in item.items()}


@functools.cache
def _patterns():
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + r"\Z"), path) for path in document()["paths"]]


def operation_of(method, path):
    """The name of the operation that answers, or None. Addresses without parameters win."""
    found = sorted((each for pattern, each in _patterns() if pattern.match(path)), key=lambda each: each.count("{"))
    return (method, found[0]) if found and (method, found[0]) in operations() else None


def check(method, path, response):
    """Raise AssertionError for a status that is not in the document, or for a body of another shape."""
    name = operation_of("GET" if method == "HEAD" else method, path)
    status = str(response.status_code)
    if name is None or status in ANYWHERE or method == "HEAD":
        return
    documented = operations()[name]["responses"]
    assert status in documented, f"{name} answered {status}, which docs/openapi.yaml does not name"
    content = documented[status].get("content", {})
    if content and "application/json" not in content:  # a file
        told = response["Content-Type"].partition(";")[0] if response.status_code != 304 else None
        assert "application/octet-stream" in content or told in content, f"{name} answered with {told}"
        return
    validator = _validator(*name, status)
    if validator is None:
        assert not response.content, f"{name} answered {status} with a body that docs/openapi.yaml does not name"
        return
    if response["Content-Type"] != "application/json":
        return
    error = jsonschema.exceptions.best_match(validator.iter_errors(json.loads(response.content)))
    assert error is None, f"{name} answered {status}: {error.json_path}: {error.message[:500]}"


@functools.cache
def _validator(method, path, status):
    answer = operations()[method, path]["responses"][status]
    if "$ref" in answer:
        answer = document()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    if "content" not in answer:
        return None
    schema = _as_json_schema(answer["content"]["application/json"]["schema"])
    return jsonschema.Draft202012Validator({**schema, "components": {"schemas": _components()}})


@functools.cache
def _components():
    return {name: _as_json_schema(each) for name, each in document()["components"]["schemas"].items()}


def _as_json_schema(node):
    """OpenAPI 3.0 says `nullable`; and an answer has no member that the document does not name."""
    if isinstance(node, list):
        return [_as_json_schema(each) for each in node]
    if not isinstance(node, dict):
        return node
    schema = {name: _as_json_schema(each) for name, each in node.items() if name not in ("nullable", "example")}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        schema.setdefault("additionalProperties", False)
    return {"anyOf": [schema, {"type": "null"}]} if node.get("nullable") is True else schema
