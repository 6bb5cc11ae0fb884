"""Strict reading of environment variables, and a record of what was read.

Every variable is declared where it is read, with its meaning; `docs/configuration.md` is written from these
declarations, so the page cannot drift from the code.
"""

import ipaddress
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar, cast

from django.core.exceptions import ImproperlyConfigured

Value = TypeVar("Value")
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One environment variable as an operator sees it."""

    name: str
    section: str
    kind: str
    default: str
    meaning: str


@dataclass(slots=True, kw_only=True)
class Environment:
    """Reads variables strictly; an unset or empty one takes its default.

    With `isolated`, every variable but those of `let_through` takes its default: a developer's shell must
    not decide what the tests see.
    """

    isolated: bool = False
    let_through: Sequence[str] = ()
    declared: dict[str, Variable] = field(default_factory=dict)
    file_names: Sequence[str] = ()
    _section: str = ""

    def load_file(self, path: Path) -> None:
        """Take variables from a `.env` file; what the process already has wins."""
        if path.is_file() and not self.isolated:
            from dotenv import dotenv_values, load_dotenv

            load_dotenv(path)
            self.file_names = list(dotenv_values(path))

    def names_present(self) -> set[str]:
        """Every variable that the process or its `.env` has, known or not."""
        return {*os.environ, *self.file_names}

    @contextmanager
    def section(self, title: str) -> Iterator[None]:
        self._section = title
        yield
        self._section = ""

    def text(
        self,
        name: str,
        default: str = "",
        *,
        meaning: str,
        choices: Sequence[str] = (),
        secret: bool = False,
    ) -> str:
        kind = " / ".join(f"`{choice}`" for choice in choices) or ("secret" if secret else "text")
        value: str = self._read(name, str, default, kind=kind, meaning=meaning)
        if secret:
            value = self._from_file(name) or value
        if choices and value not in choices:
            raise ImproperlyConfigured(f"{name} is “{value}”, but must be one of: {', '.join(choices)}.")
        return value

    def flag(self, name: str, default: bool, *, meaning: str, shown: str = "") -> bool:
        text = shown or ("true" if default else "false")
        wanted = "true or false"
        return self._read(name, bool, default, kind="true / false", meaning=meaning, shown=text, wanted=wanted)

    def whole(self, name: str, default: int, *, meaning: str, minimum: int = 0) -> int:
        value = self._read(name, int, default, kind="whole number", meaning=meaning)
        if value < minimum:
            raise ImproperlyConfigured(f"{name} is {value}, but must be at least {minimum}.")
        return value

    def number(self, name: str, default: float, *, meaning: str, minimum: float = 0) -> float:
        value = self._read(name, float, default, kind="number", meaning=meaning)
        # Written this way round so that NaN is refused too.
        if not value >= minimum:
            raise ImproperlyConfigured(f"{name} is {value:g}, but must be at least {minimum:g}.")
        return value

    def names(self, name: str, default: Sequence[str] = (), *, meaning: str, secret: bool = False) -> list[str]:
        text = ",".join(default)
        kind = "secrets, comma-separated" if secret else "comma-separated"
        values = self._read(name, list, list(default), kind=kind, meaning=meaning, shown=text)
        if secret:
            values = self._from_file(name).split(",") if self._from_file(name) else values
        return [value.strip() for value in values if value.strip()]

    def known_names(self) -> set[str]:
        """Every variable that is read: the declared ones, and for secrets the file that may hold them."""
        files = {f"{name}_FILE" for name, variable in self.declared.items() if variable.kind.startswith("secret")}
        return {*self.declared, *files}

    def _from_file(self, name: str) -> str:
        """The content of the file that `NAME_FILE` names, as orchestrators hand out secrets; empty without one."""
        path = self.file_of(name)
        if not path:
            return ""
        if os.environ.get(name, "").strip():
            raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; keep one of them.")
        try:
            return Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ImproperlyConfigured(f"{name}_FILE names {path}, which cannot be read: {reason}.") from None

    def file_of(self, name: str) -> str:
        """Path of the file that holds a secret, for what reads it again while the process runs; empty without one."""
        return "" if self.isolated else os.environ.get(f"{name}_FILE", "").strip()

    def networks(self, name: str, *, meaning: str) -> tuple[Network, ...]:
        """Comma-separated networks in CIDR notation; one with bits behind its mask is refused as a likely mistake."""
        values = self.names(name, meaning=meaning)
        try:
            return tuple(ipaddress.ip_network(value) for value in values)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} holds something that is not a network: {error}.") from None

    def _read(
        self,
        name: str,
        wanted_type: type,
        default: Value,
        *,
        kind: str,
        meaning: str,
        shown: str | None = None,
        wanted: str = "",
    ) -> Value:
        self.declared[name] = Variable(
            name=name,
            section=self._section,
            kind=kind,
            default=str(default) if shown is None else shown,
            meaning=meaning,
        )
        text = os.environ.get(name, "")
        if not text.strip() or (self.isolated and name not in self.let_through):
            return default
        if wanted_type is str:
            return cast(Value, text)
        # Imported where something is to be parsed: it takes longer than reading all variables.
        from environs import Env, EnvError

        parse: Callable[[str], Value] = getattr(Env(), wanted_type.__name__)
        try:
            return parse(name)
        except EnvError:
            raise ImproperlyConfigured(f"{name} is “{text}”, but must be {wanted or 'a ' + kind}.") from None
