"""What users and integrators can rely on, one line for each item, without the prose around it."""

import json
import re
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator

from django.conf import settings
from django.core.management import BaseCommand, get_commands, load_command_class
from django.urls import URLResolver, get_resolver
from django_prometheus.middleware import Metrics
from drf_spectacular.generators import SchemaGenerator
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from lifeos_project.management import settings_docs
from lifeos_project.monitoring import metrics_docs
from lifeos_project.variables import env
from platform_outbox.events import type_names
from platform_outbox.management.commands.events_docs import released_events

OUR_APPS = ("lifeos_project", "identity", "platform_outbox", "finance", "insights")

# Keywords of OpenAPI that tell people what something is, and those under which members have names of their own.
PROSE = {"description", "summary", "example", "examples", "title", "x-spec-enum-id"}
NAMED_MEMBERS = {"properties", "responses", "content", "headers"}


def urls() -> Iterator[str]:
    """Address pattern and name of every page, in the order in which they are tried."""
    yield from _urls(get_resolver("lifeos_project.urls"), route="", namespace="")


def _urls(resolver: URLResolver, *, route: str, namespace: str) -> Iterator[str]:
    for entry in resolver.url_patterns:
        address = f"{route}{entry.pattern}"
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from _urls(entry, route=address, namespace=inner)
        else:
            yield f"/{address} {namespace}{entry.name}"


def api() -> Iterator[str]:
    """Every operation with its parameters, bodies and answers, and every member of every schema."""
    document = SchemaGenerator().get_schema(request=None, public=True)
    for path, operations in sorted(document["paths"].items()):
        for method, operation in operations.items():
            head = f"{method.upper()} {path}"
            yield f"{head} {operation['operationId']} {_compact(operation.get('security', []))}"
            for parameter in operation.get("parameters", ()):
                required = "!" if parameter.get("required") else ""
                yield f"{head} {parameter['in']}.{parameter['name']}{required} {_compact(parameter['schema'])}"
            if "requestBody" in operation:
                yield f"{head} body {_compact(operation['requestBody'])}"
            for code, answer in operation["responses"].items():
                yield f"{head} {code} {_compact(answer)}"
    for kind, components in document["components"].items():
        for name, component in components.items():
            for member, schema in component.get("properties", {}).items():
                required = "!" if member in component.get("required", ()) else ""
                yield f"{kind}.{name}.{member}{required} {_compact(schema)}"
            rest = {key: value for key, value in component.items() if key not in ("properties", "required")}
            yield f"{kind}.{name} {_compact(rest)}"


def _compact(node: object) -> str:
    return json.dumps(_without_prose(node, named=False), sort_keys=True)


def _without_prose(node: object, *, named: bool) -> object:
    if isinstance(node, dict):
        kept = {str(key): value for key, value in node.items() if named or key not in PROSE}
        return {key: _without_prose(value, named=not named and key in NAMED_MEMBERS) for key, value in kept.items()}
    return [_without_prose(item, named=False) for item in node] if isinstance(node, list | tuple) else node


def metrics() -> Iterator[str]:
    """Name, type and labels: ours as the page about metrics tells them, then those of django-prometheus."""
    for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", metrics_docs.page(), re.M):
        yield f"{name} {kind} {labels.replace('`', '')}".removesuffix(" —")
    Metrics.get_instance()  # makes its counters
    for metric in {each for each in REGISTRY._collector_to_names if isinstance(each, MetricWrapperBase)}:
        if metric._name.startswith("django_"):
            yield f"{metric._name} {metric._type} {', '.join(metric._labelnames)}".rstrip()


def environment() -> Iterator[str]:
    """Every variable with its kind and default, then those that only the compose files read."""
    for variable in env.declared.values():
        yield f"{variable.name} ({variable.kind}) = {variable.default}".rstrip()
    for name, default in settings_docs.container_variables(settings.BASE_DIR).items():
        yield f"compose: {name} = {default}".rstrip()


def commands() -> Iterator[str]:
    """Our commands with every argument that is not Django's own."""
    for name, package in get_commands().items():
        if package.partition(".")[0] in OUR_APPS and ".tests" not in package:
            yield from _arguments(name, load_command_class(package, name).create_parser("manage.py", name))


def _arguments(command: str, parser: ArgumentParser) -> Iterator[str]:
    yield command
    common = {"help", *(action.dest for action in BaseCommand().create_parser("manage.py", "any")._actions)}
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for name, inner in action.choices.items():
                yield from _arguments(f"{command} {name}", inner)
        elif action.dest not in common:
            said = " ".join(action.option_strings) or action.dest
            more = {"nargs": action.nargs, "default": action.default, "choices": action.choices}
            told = [f"{key}={value!r}" for key, value in more.items() if value is not None]
            yield " ".join([command, said, *told, *(["required"] if action.option_strings and action.required else [])])


def events() -> Iterator[str]:
    """Every field of every event that was released, with its version."""
    for event in released_events():
        yield f"{event.name} v{event.version}"
        for field, kind in type_names(event).items():
            yield f"{event.name} v{event.version} {field}: {kind}"


SURFACE = {
    "urls": urls,
    "api": api,
    "metrics": metrics,
    "environment": environment,
    "commands": commands,
    "events": events,
}


def lines(part: str) -> list[str]:
    """One part of the surface as its snapshot has it. Only the order of addresses means something."""
    found = list(SURFACE[part]())
    return found if part == "urls" else sorted(found)
