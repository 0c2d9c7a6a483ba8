"""Budget, rate and rate limits, in a time that passes only when something waits."""

from __future__ import annotations

from email.utils import formatdate
from itertools import pairwise
from typing import Any

import pytest

from contracts.errors import EndedError
from contracts.target.limits import pause_of, spent_pause
from contracts.target.pace import Pace, Stop
from contracts.target.wire import Answer
from tests.unit.contracts.fake import FakeTime

NOW = 1_790_000_000.0


def answer(body: Any = None, **headers: str) -> Answer:
    return Answer(429, {n.replace("_", "-"): v for n, v in headers.items()}, b"", body)


def test_a_rate_neither_drifts_nor_bursts() -> None:
    time = FakeTime()
    pace = Pace(time.piece(), rate=4)
    left = []
    for number in range(41):
        pace.take()
        left.append(time.seconds)
        time.seconds += 0.2 if number % 5 else 0.0  # answers take their time
    assert left[-1] - left[0] == pytest.approx(40 / 4, abs=0.05)
    gaps = [later - earlier for earlier, later in pairwise(left)]
    assert min(gaps) > 0.2
    time.seconds += 100  # a long pause saves nothing up
    pace.take()
    before = time.seconds
    pace.take()
    assert time.seconds - before == pytest.approx(0.25, abs=0.01)


def test_a_budget_of_requests_ends_the_run_and_every_request_after() -> None:
    pace = Pace(FakeTime().piece(), max_requests=3)
    for _ in range(3):
        pace.take()
    for _ in range(2):
        with pytest.raises(EndedError, match="--max-requests 3"):
            pace.take()
    assert pace.count == 3


def test_cleaning_up_has_a_budget_of_its_own() -> None:
    pace = Pace(FakeTime().piece(), max_requests=1, max_seconds=1)
    pace.take()
    with pytest.raises(EndedError):
        pace.take()
    pace.reserve(1)
    for _ in range(50):
        pace.take()
    with pytest.raises(EndedError):
        pace.take()


def test_a_wait_is_cut_short_by_the_end_of_the_time() -> None:
    time = FakeTime()
    pace = Pace(time.piece(), max_seconds=10)
    with pytest.raises(EndedError, match="--max-seconds 10"):
        pace.sleep(1_000)
    assert sum(time.slept) <= 10


def test_a_stop_ends_the_run_but_not_its_cleaning_up() -> None:
    stop = Stop()
    pace = Pace(FakeTime().piece(), stop=stop)
    pace.take()
    stop.reason = "stopped by SIGINT"
    with pytest.raises(EndedError, match="SIGINT"):
        pace.take()
    pace.reserve(1)
    pace.take()
    stop.at_once = True
    with pytest.raises(EndedError):
        pace.take()


def test_the_end_of_a_run_is_no_exception_that_others_catch() -> None:
    assert not issubclass(EndedError, Exception)


@pytest.mark.parametrize(
    ("limited", "seconds"),
    [
        (answer(retry_after="7"), 7),
        (answer(retry_after="0"), 0),
        (answer(retry_after=formatdate(NOW + 9, usegmt=True)), 9),
        (answer(retry_after=formatdate(NOW - 9, usegmt=True)), 0),
        (answer(ratelimit="limit=100, remaining=0, reset=4.5"), 4.5),
        (answer(ratelimit='"default";r=0;t=6'), 6),
        (answer(ratelimit_reset="3"), 3),
        (answer(x_ratelimit_reset=str(int(NOW) + 12)), 12),
        (answer(x_ratelimit_reset=str((int(NOW) + 12) * 1000)), 12),
        (answer(x_rate_limit_reset="2.5"), 2.5),
        (answer({"rate_reset": "0.595956"}), 0.595956),
        (answer({"rate_reset": 1.5}), 1.5),
        (answer({"rate_reset": None}), 1),
        (answer(retry_after="soon", x_rate_limit_reset="2"), 2),
        (answer(retry_after="-3"), 1),
        (answer(retry_after="nan"), 1),
        (answer(), 1),
    ],
    ids=str,
)
def test_every_way_in_which_a_limit_says_how_long_is_understood(
    limited: Answer, seconds: float
) -> None:
    assert pause_of(limited, NOW) == pytest.approx(seconds, abs=0.01)


def test_a_limit_that_is_used_up_is_waited_for_before_it_refuses() -> None:
    assert spent_pause(answer(ratelimit="limit=100, remaining=0, reset=4"), NOW) == 4
    assert spent_pause(answer(ratelimit="limit=100, remaining=1, reset=4"), NOW) == 0
    assert spent_pause(answer(x_rate_limit_remaining="0", x_rate_limit_reset="3"), NOW) == 3
    assert spent_pause(answer(x_rate_limit_reset="3"), NOW) == 0
