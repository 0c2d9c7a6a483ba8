"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest
from hypothesis import settings

from mock_server.http.app import MockServer, create_app
from mock_server.spec import Document, default_document_path, load_document

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("home", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "home")

# What the tests print is no message to whoever runs them.
for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(name, None)

START = 1_900_000_000_000_000  # an instant of no meaning, in microseconds


@pytest.fixture(autouse=True)
def looked_at(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Coverage looks away from whole runs, here and in processes, which it makes twice as long."""
    tracing = coverage.Coverage.current()
    if tracing is None or request.node.get_closest_marker("whole_run") is None:
        yield
        return
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    tracing.stop()
    yield
    tracing.start()


@pytest.fixture(scope="session")
def document() -> Document:
    """The document that comes with the package, compiled once."""
    return load_document(default_document_path())


@pytest.fixture(scope="session")
def lockers() -> Document:
    """A document of another API."""
    return load_document(Path(__file__).parent / "documents" / "lockers.yaml")


@pytest.fixture
def app(document: Document) -> MockServer:
    """A stub of its own, on a clock that stands still until it is moved."""
    return create_app(document, time_source=lambda: START, random_seed=1)
