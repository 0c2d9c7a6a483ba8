"""The pytest plugin: `mock_server`, `mock_clock` and `mock_state`, fresh in every test.

Nothing of the server is imported before a test asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mock_server.testing import MockClock, MockServer, MockState, RemoteServer
    from mock_server.testing.remote import Elsewhere, RemoteClock, RemoteState
    from mock_server.testing.stub import Stub

# name of the setting -> how it is told to pytest
WORDS = {
    "document": "OpenAPI document to serve",
    "overlay": "OpenAPI overlay to lay over the document; repeatable",
    "seed": "seed file; repeat it for more accounts",
    "rules": "ID=POLICY: enforce, warn or off for one rule; repeatable",
    "url": "a mock server that runs already; each test has an account of its own there",
}
SINGLE = ("document", "url")
MARK = (
    "mock_server(document=None, overlay=None, seed=None, rules=None): another document, other seed files or "
    "policies of rules for the mock server of this test"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mock server", "mock server (over the environment and pyproject.toml)")
    for name, means in WORDS.items():
        listed = name not in SINGLE
        group.addoption(
            option_of(name),
            dest=f"mock_server_{name}",
            action="append" if listed else "store",
            help=means,
        )
        kind: Any = "linelist" if listed else "string"
        parser.addini(f"mock_server_{name}", means, type=kind)


def option_of(name: str) -> str:
    return f"--mock-server-{name.removesuffix('s')}"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARK)


def told(config: pytest.Config, name: str) -> Any:
    """What the command line or pytest's own configuration says."""
    return config.getoption(f"mock_server_{name}") or config.getini(f"mock_server_{name}")


def address(config: pytest.Config) -> str | None:
    """Where the server is that runs already: as told, or as whoever runs the tests has started it.

    `mock-server exec` and `contracts blindspots` put it into the environment, which counts before
    the project's own configuration, as with every setting.
    """
    name = "mock_server_url"
    return (
        config.getoption(name) or os.environ.get("MOCK_SERVER_ORIGIN") or config.getini(name)
    ) or None


def chosen(config: pytest.Config, marks: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a server in this process."""
    found = {name: told(config, name) for name in WORDS if name != "url"}
    return {**{name: value for name, value in found.items() if value}, **marks}


class Stubs:
    """The stubs of one test run: one for each set of settings, compiled when it is first needed."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.known: dict[str, Stub] = {}
        self.there: Elsewhere | None = None

    def elsewhere(self) -> Elsewhere | None:
        """The server that runs already, where one is meant."""
        url = address(self.config)
        if url and self.there is None:
            from mock_server.settings import read_settings
            from mock_server.testing.remote import Elsewhere

            settings = read_settings(self.config.rootpath, os.environ, {})
            self.there = Elsewhere(url, settings.control_token)
        return self.there

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
        if self.there is not None:
            self.there.close()


@pytest.fixture(scope="session")
def mock_server_stubs(pytestconfig: pytest.Config) -> Iterator[Stubs]:
    """Compiled documents that the tests of a run share; their records they do not."""
    stubs = Stubs(pytestconfig)
    yield stubs
    stubs.close()


@pytest.fixture
def mock_server(
    request: pytest.FixtureRequest, mock_server_stubs: Stubs
) -> Iterator[MockServer | RemoteServer]:
    """A mock server for this test alone: `url`, `key`, `client`, `clock`, `state`, `requests`."""
    from mock_server.testing import MockServer, RemoteServer

    marks: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("mock_server"))):
        marks |= mark.kwargs
    # A mark asks for what the server elsewhere does not serve, so such a test keeps one of its own.
    there = None if marks else mock_server_stubs.elsewhere()
    server = (
        MockServer(stub=mock_server_stubs.find(marks)) if there is None else RemoteServer(there)
    )
    with server:
        yield server


@pytest.fixture
def mock_clock(mock_server: MockServer | RemoteServer) -> MockClock | RemoteClock:
    """The time of this test's mock server: freeze, set, advance."""
    return mock_server.clock


@pytest.fixture
def mock_state(mock_server: MockServer | RemoteServer) -> MockState | RemoteState:
    """The records of this test's mock server: read, add, change, remove, reset."""
    return mock_server.state


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what it asked the mock server, and which rules refused it why."""
    report = yield
    server: Any = getattr(item, "funcargs", {}).get("mock_server")
    if report.when == "call" and report.failed and server is not None:
        said = log_of(server)
        if said:
            report.sections.append(("mock server", said))
    return report


def log_of(server: MockServer | RemoteServer) -> str:
    """What a server was asked, or why one elsewhere does not tell it."""
    from mock_server.errors import MockServerError

    try:
        return server.log()
    except MockServerError as error:
        return str(error)
