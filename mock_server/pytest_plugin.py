"""The pytest plugin: `mock_server`, `mock_clock` and `mock_state`, fresh in every test.

Nothing of the server is imported before a test asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mock_server.settings import Settings
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
MARKER = "mock_server"
MARKED = tuple(name for name in WORDS if name != "url")
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A mark that says what none may say stops the run before a test is made."""
    for item in items:
        marks_of(item)


def address(config: pytest.Config) -> str | None:
    """Where the server is that runs already: as told, or as whoever runs the tests has started it.

    `mock-server exec` and `contracts blindspots` put it into the environment, which counts before
    the project's own configuration, as with every setting.
    """
    name = "mock_server_url"
    return (
        config.getoption(name) or os.environ.get("MOCK_SERVER_ORIGIN") or config.getini(name)
    ) or None


def settings_of(config: pytest.Config, marks: Mapping[str, Any]) -> Settings:
    """The settings of a server in this process; raises SettingsError that names where each stands."""
    from mock_server.errors import SettingsError
    from mock_server.settings import apply, read_settings

    faults: list[str] = []
    settings = read_settings(config.rootpath, os.environ, {}, faults=faults)
    for name in MARKED:
        option, line = config.getoption(f"mock_server_{name}"), f"mock_server_{name}"
        place = option_of(name) if option else f"pytest's configuration ({line})"
        value = option or config.getini(line)
        if value and name not in marks:
            settings = apply(settings, {name: value}, place, faults)
    settings = apply(settings, marks, told(marks), faults)
    if faults:
        raise SettingsError(*faults)
    return settings


def marks_of(item: pytest.Item) -> dict[str, Any]:
    """What the marks of a test say, the nearest last; raises UsageError for what none may say."""
    marks: dict[str, Any] = {}
    for mark in reversed(list(item.iter_markers(MARKER))):
        wrong = [repr(one) for one in mark.args]
        wrong += [f"{name}=" for name in mark.kwargs if name not in MARKED]
        if wrong:
            raise pytest.UsageError(
                f"{item.nodeid}: @pytest.mark.{MARKER}: found {', '.join(wrong)}; "
                f"expected {', '.join(f'{name}=' for name in MARKED)}"
            )
        marks |= mark.kwargs
    return marks


class Stubs:
    """The stubs of one test run: one for each set of settings, compiled when it is first needed."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.known: dict[str, Stub] = {}
        self.wrong: dict[str, str] = {}  # why there is none
        self.there: Elsewhere | None = None

    def elsewhere(self) -> Elsewhere | None:
        """The server that runs already, where one is meant."""
        url = address(self.config)
        if url and self.there is None:
            from mock_server.errors import MockServerError
            from mock_server.settings import read_settings
            from mock_server.testing.remote import Elsewhere

            wrong = ""
            try:
                settings = read_settings(self.config.rootpath, os.environ, {})
                self.there = Elsewhere(url, settings.control_token)
            except MockServerError as error:
                wrong = str(error)
            if wrong:
                pytest.fail(wrong, pytrace=False)
        return self.there

    def find(self, marks: Mapping[str, Any]) -> Stub:
        from mock_server.errors import MockServerError, SettingsError

        name = repr(sorted(marks.items()))
        if name not in self.known and name not in self.wrong:
            try:
                self.known[name] = self.open(marks)
            except SettingsError as error:  # it names where each one stands
                self.wrong[name] = str(error)
            except MockServerError as error:
                self.wrong[name] = f"{told(marks)}: {error}" if marks else str(error)
        if name in self.wrong:
            pytest.fail(self.wrong[name], pytrace=False)
        return self.known[name]

    def open(self, marks: Mapping[str, Any]) -> Stub:
        from mock_server.testing.stub import Stub

        settings = settings_of(self.config, marks)
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


def told(marks: Mapping[str, Any]) -> str:
    """The mark as it is written."""
    written = ", ".join(f"{name}={value!r}" for name, value in marks.items())
    return f"@pytest.mark.{MARKER}({written})"


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

    marks = marks_of(request.node)
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
