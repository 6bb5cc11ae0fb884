"""Long operations for the tests: one that counts, and can be told to fail, to wait and to be cancelled half-way."""

import dataclasses
import os
import time
from typing import Any

from platform_outbox.operations.registry import operation, parameter
from platform_outbox.operations.runs import Run
from platform_outbox.tests.probe.models import Effect, Fault


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CountParameters:
    key: str = parameter("Key", help_text="What is counted.")
    to: int = parameter("Count to", default=5)
    pause: int = parameter("Milliseconds between steps", default=0)


@operation(
    "probe.count",
    title="Count",
    help_text="Writes one effect for each number.",
    parameters=CountParameters,
    permission="outbox_probe.add_effect",
    scope=lambda parameters: parameters.key,
    dry_run=True,
)
def count(parameters: CountParameters, run: Run) -> dict[str, Any]:
    run.expect(parameters.to, unit="numbers")
    for number in range(run.kept.get("through", 0) + 1, parameters.to + 1):
        if Fault.objects.filter(handler="probe.count", key=parameters.key, number=number).exists():
            raise ValueError(f"{number} is not liked")
        if not run.dry_run:
            Effect.objects.create(handler="probe.count", key=parameters.key, number=number, worker_pid=os.getpid())
            run.keep(through=number)
        time.sleep(parameters.pause / 1000)
        run.advance()
    run.say("Counted.")
    return {"numbers": parameters.to}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EchoParameters:
    file: str = parameter("File", file=True)


@operation(
    "probe.echo",
    title="Echo",
    help_text="Gives a file back in capitals.",
    parameters=EchoParameters,
    permission="outbox_probe.add_effect",
    cancel=False,
)
def echo(parameters: EchoParameters, run: Run) -> dict[str, Any]:
    return {"file": run.write("echo.txt", [run.read(parameters.file).decode().upper()])}
