"""Fixtures of the tests that start something real."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.browser import start_chrome
from tests.e2e.served import served

chrome = pytest.fixture(scope="module")(start_chrome)


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Where a stub with the default document answers, shared by a module's tests."""
    with served() as found:
        yield found
