"""The pytest plugin: `mock_server`, `mock_clock` and `mock_state`, fresh in every test.

Nothing of the server is imported before a test asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mock_server.testing import MockClock, MockServer, MockState
    from mock_server.testing.stub import Stub

# name of the setting -> how it is told to pytest
WORDS = {
    "document": "OpenAPI document to serve",
    "overlay": "OpenAPI overlay to lay over the document; repeatable",
    "seed": "seed file; repeat it for more accounts",
    "rules": "ID=POLICY: enforce, warn or off for one rule; repeatable",
}
MARK = (
    "mock_server(document=None, overlay=None, seed=None, rules=None): another document, other seed files or "
    "policies of rules for the mock server of this test"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mock server", "mock server (over the environment and pyproject.toml)")
    for name, means in WORDS.items():
        option = "--mock-server-rule" if name == "rules" else f"--mock-server-{name}"
        listed = name != "document"
        group.addoption(
            option, dest=f"mock_server_{name}", action="append" if listed else "store", help=means
        )
        kind: Any = "linelist" if listed else "string"
        parser.addini(f"mock_server_{name}", means, type=kind)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARK)


def chosen(config: pytest.Config, marks: Mapping[str, Any]) -> dict[str, Any]:
    """What the marks, the command line and pytest's own configuration say about the server."""
    found: dict[str, Any] = {}
    for name in WORDS:
        value = config.getoption(f"mock_server_{name}") or config.getini(f"mock_server_{name}")
        if value:
            found[name] = value
    return {**found, **marks}


class Stubs:
    """The stubs of one test run: one for each set of settings, compiled when it is first needed."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.known: dict[str, Stub] = {}

    def find(self, marks: Mapping[str, Any]) -> Stub:
        name = repr(sorted(marks.items()))
        if name not in self.known:
            self.known[name] = self.open(marks)
        return self.known[name]

    def open(self, marks: Mapping[str, Any]) -> Stub:
        from mock_server.settings import read_settings
        from mock_server.testing.stub import Stub

        settings = read_settings(self.config.rootpath, os.environ, chosen(self.config, marks))
        here = self.config.rootpath
        return Stub(
            here / settings.document if settings.document else None,
            [here / name for name in settings.seed],
            settings.rules,
            settings.random_seed,
            [here / name for name in settings.overlay],
        )

    def close(self) -> None:
        for stub in self.known.values():
            stub.close()


@pytest.fixture(scope="session")
def mock_server_stubs(pytestconfig: pytest.Config) -> Iterator[Stubs]:
    """Compiled documents that the tests of a run share; their records they do not."""
    stubs = Stubs(pytestconfig)
    yield stubs
    stubs.close()


@pytest.fixture
def mock_server(request: pytest.FixtureRequest, mock_server_stubs: Stubs) -> Iterator[MockServer]:
    """A mock server for this test alone: `url`, `key`, `client`, `clock`, `state`, `requests`."""
    from mock_server.testing import MockServer

    marks: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("mock_server"))):
        marks |= mark.kwargs
    with MockServer(stub=mock_server_stubs.find(marks)) as server:
        yield server


@pytest.fixture
def mock_clock(mock_server: MockServer) -> MockClock:
    """The time of this test's mock server: freeze, set, advance."""
    return mock_server.clock


@pytest.fixture
def mock_state(mock_server: MockServer) -> MockState:
    """The records of this test's mock server: read, add, change, remove, reset."""
    return mock_server.state


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what it asked the mock server, and which rules refused it why."""
    report = yield
    server: Any = getattr(item, "funcargs", {}).get("mock_server")
    if report.when == "call" and report.failed and server is not None and server.log():
        report.sections.append(("mock server", server.log()))
    return report
