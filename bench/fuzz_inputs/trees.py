"""JSON bodies: made valid from a schema, broken in a random place, and written with what JSON forbids."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from fuzz_inputs import hostile


@dataclass(frozen=True, slots=True)
class Raw:
    """What is written as it stands, whether or not it is JSON."""

    token: str


@dataclass(slots=True)
class Twice:
    """An object that names one member a second time."""

    members: dict[str, Any]
    name: str
    value: Any


class Values(Protocol):
    """The values that a member of that name may hold in the world that requests are made for."""

    def value_for(self, name: str, schema: Mapping[str, Any], chance: random.Random) -> Any: ...


def written(value: Any) -> str:
    """JSON, but for what is Raw or Twice."""
    match value:
        case Raw():
            return value.token
        case Twice():
            members = [*value.members.items(), (value.name, value.value)]
        case dict():
            members = list(value.items())
        case list():
            return f"[{','.join(map(written, value))}]"
        case _:
            return json.dumps(value)
    return "{" + ",".join(f"{json.dumps(name)}:{written(member)}" for name, member in members) + "}"


@dataclass(slots=True)
class Sampler:
    """Valid values for the schemas of an OpenAPI document."""

    components: Mapping[str, Any]
    values: Values
    chance: random.Random

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            schema = self.components[schema["$ref"].rpartition("/")[2]]
        return self.resolved(schema["allOf"][0]) if "allOf" in schema else schema

    def value(self, schema: Mapping[str, Any], *, name: str = "") -> Any:
        schema = self.resolved(schema)
        known = self.values.value_for(name, schema, self.chance)
        if known is not None and schema.get("type") not in ("array", "object"):
            return known
        if "oneOf" in schema:
            return self.value(self.chance.choice(schema["oneOf"]), name=name)
        if "enum" in schema:
            return self.chance.choice(schema["enum"])
        return self._of_type(schema, name)

    def _of_type(self, schema: Mapping[str, Any], name: str) -> Any:
        match schema.get("type"):
            case "object":
                return self.members(schema)
            case "array":
                count = max(schema.get("minItems", 0), self.chance.randrange(1, 3))
                return [self.value(schema["items"], name=name) for _ in range(count)]
            case "integer":
                return self.chance.randrange(schema.get("minimum", 0), min(schema.get("maximum", 9), 9) + 1)
            case "boolean":
                return self.chance.random() < 0.5
            case _:
                return f"{name or 'text'} {self.chance.randrange(1000)}"[: schema.get("maxLength", 60)]

    def members(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The required members and some of the others; lines of an entry balance."""
        wanted = set(schema.get("required", ()))
        members = {
            name: self.value(each, name=name)
            for name, each in schema.get("properties", {}).items()
            if name in wanted or self.chance.random() < 0.4
        }
        lines = members.get("lines")
        if isinstance(lines, list) and len(lines) > 1 and all(isinstance(line, dict) for line in lines):
            amount = f"{self.chance.randrange(1, 10_000) / 100:.2f}"
            members["lines"] = [{**lines[0], "amount": amount}, {**lines[1], "amount": f"-{amount}"}]
        return members


def broken(tree: Any, chance: random.Random) -> Any:
    """The tree with one to three faults in random places."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        places = list(_places(tree))
        if not places or chance.random() < 0.05:
            return _odd_value(chance, None)
        holder, key = chance.choice(places)
        _break(holder, key, chance)
    return tree


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(tree, dict):
        items: Any = list(tree.items())
    elif isinstance(tree, list):
        items = list(enumerate(tree))
    else:
        return
    for key, value in items:
        yield tree, key
        yield from _places(value)


def _break(holder: Any, key: Any, chance: random.Random) -> None:
    dice = chance.random()
    if dice < 0.65:
        holder[key] = _odd_value(chance, holder[key])
    elif dice < 0.75:
        del holder[key]
    elif dice < 0.85 and isinstance(holder, dict):
        holder[chance.choice(("id", "book", "is_staff", "__class__", "", "\x00", "\ud800", "a" * 5000))] = 1
    elif dice < 0.92 and isinstance(holder[key], dict) and holder[key]:
        name = chance.choice(list(holder[key]))
        holder[key] = Twice(holder[key], name, holder[key][name])
    elif isinstance(holder, list):
        # Lists within a list that is long already would be as many again.
        holder *= chance.choice((2, 5, 600)) if len(holder) < 20 else 2
    else:
        holder[key] = [holder[key]]


def _odd_value(chance: random.Random, value: Any) -> Any:
    """Another value of the same kind mostly, else of any kind."""
    dice = chance.random()
    if isinstance(value, str) and dice < 0.3:
        return chance.choice((value + "\x00", f" {value} ", value * 200, value.upper(), value[:-1], value + "\ud83d"))
    if dice < 0.55:
        return hostile.text(chance)
    if dice < 0.75:
        return Raw(chance.choice(hostile.NUMBERS))
    if dice < 0.8:
        deep = chance.choice((50, 900, 3000, 100_000))
        return Raw("[" * deep + "]" * deep if chance.random() < 0.5 else '{"a":' * deep + "1" + "}" * deep)
    return chance.choice(
        (None, True, False, [], {}, [[]], [None], {"": None}, {"id": 1}, ["a"] * 1001, Raw(""), Raw("'"))
    )
