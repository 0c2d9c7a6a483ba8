"""Results to report."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contracts.report.result import Result
from tests.unit.contracts.report.runs import judge_peer

Judged = Callable[..., Result]


@pytest.fixture(scope="session")
def judged() -> Judged:
    """`judged(defect, *rules)`: the result of a run."""
    return lambda defect, *rules, **more: judge_peer(defect, rules, **more)
