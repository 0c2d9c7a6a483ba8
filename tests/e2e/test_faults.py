"""Faults as clients on a socket meet them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

KEY = ("api_test_key", "")


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "mock_server", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert process.stdout is not None
    found = re.search(r"http://[^/\s]+", process.stdout.readline())
    assert found is not None
    yield found[0]
    process.terminate()
    _, errors = process.communicate(timeout=20)
    assert "Traceback" not in errors
    assert process.returncode == 0


def ask(origin: str, path: str = "/api/v1/me/", **more: Any) -> requests.Response:
    return requests.get(origin + path, auth=KEY, timeout=10, **more)


def fault(origin: str, **wish: Any) -> None:
    assert requests.delete(f"{origin}/__mock/faults", auth=KEY, timeout=10).status_code == 204
    answer = requests.post(f"{origin}/__mock/faults", json=wish, auth=KEY, timeout=10)
    assert answer.status_code == 201


def test_a_dropped_connection_has_no_answer(origin: str) -> None:
    fault(origin, does="drop", times=1)
    with pytest.raises(requests.ConnectionError) as caught:
        ask(origin)
    assert "Remote end closed connection without response" in str(caught.value)
    assert ask(origin).status_code == 200


def test_half_an_answer_breaks_off(origin: str) -> None:
    fault(origin, does="half", times=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask(origin)
    assert ask(origin).status_code == 200


def test_noise_is_no_json(origin: str) -> None:
    fault(origin, does="garbage", times=1)
    answer = ask(origin)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    with pytest.raises(ValueError, match=r"Expecting|decode"):
        answer.json()
    assert ask(origin).json()["first_name"] == "Ada"


def test_who_waits_keeps_nobody_waiting(origin: str) -> None:
    fault(origin, does="latency", seconds=3, match={"operation": "listLeads"})
    ended: list[float] = []

    def wait() -> None:
        ask(origin, "/api/v1/lead/")
        ended.append(time.monotonic())

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    answers = [ask(origin).status_code for _ in range(5)]
    assert answers == [200] * 5
    assert not ended  # all of them while nobody's wait was over
    for thread in threads:
        thread.join()
    assert max(ended) - min(ended) < 2.5  # they waited beside each other


def test_a_preference_is_waited_for(origin: str) -> None:
    began = time.monotonic()
    answer = ask(origin, headers={"Prefer": "code=404, wait=0.2"})
    assert answer.status_code == 404
    assert answer.headers["Preference-Applied"] == "code=404, wait=0.2"
    assert time.monotonic() - began >= 0.2
