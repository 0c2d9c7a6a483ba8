"""Fixtures of the tests that start something real."""

from __future__ import annotations

import pytest

from tests.e2e.browser import start_chrome

chrome = pytest.fixture(scope="module")(start_chrome)
