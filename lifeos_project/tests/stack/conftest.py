"""One running stack for all tests of this directory."""

import pytest

from lifeos_project.tests.stack import network
from lifeos_project.tests.stack.monitoring import monitoring
from lifeos_project.tests.stack.running import Stack, stack


@pytest.fixture(scope="session")
def running_stack() -> "Stack":
    directory = network.own_directory("stack")
    try:
        with stack(directory) as found:
            yield found
    finally:
        network.remove(directory)


@pytest.fixture(scope="session")
def running_monitoring(running_stack):
    with monitoring(running_stack) as found:
        yield found
