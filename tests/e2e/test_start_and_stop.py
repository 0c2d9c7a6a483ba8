"""How the process begins and ends: the port file, signals, requests under way."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

BODY = b'{"status": "draft", "text": "slowly"}'
HEAD = (
    "POST /api/v1/activity/sms/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    f"Authorization: Bearer api_test_key\r\nContent-Length: {len(BODY)}\r\n"
    "Expect: 100-continue\r\n\r\n"
).encode()


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The server, once its port file is there; the file's text is its port."""
    file = folder / "port"
    process = subprocess.Popen(
        [sys.executable, "-m", "mock_server", "-p", "0", "--port-file", str(file), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
    )
    try:
        assert process.stdout is not None
        for _ in range(4):
            process.stdout.readline()
        wait_for(file)
        yield process, int(file.read_text())
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(file: Path) -> None:
    patience = iter(range(500))
    while not file.exists():
        assert next(patience, None) is not None, "no port file"
        time.sleep(0.01)


def test_the_port_file_says_where_and_goes_with_the_server(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("1\n")  # of a server that was killed
    with started(tmp_path) as (process, port):
        health = requests.get(f"http://127.0.0.1:{port}/__mock/health", timeout=10)
        assert health.json()["status"] == "ok"
        assert [one.name for one in tmp_path.iterdir()] == ["port"]
        process.terminate()
        process.communicate(timeout=20)
    assert list(tmp_path.iterdir()) == []


def test_a_port_file_that_cannot_be_is_said_before_the_start(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mock_server", "-p", "0", "--port-file", "no/such/port"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 2
    assert "expected a file in a folder that exists" in done.stderr


@pytest.fixture
def hangups_heard() -> Iterator[None]:
    """A server that is started ignoring hang-ups keeps to that, and tests may be run by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangups_heard")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_a_request_under_way_is_answered_before_the_end(
    tmp_path: Path, number: signal.Signals
) -> None:
    with started(tmp_path) as (process, port):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as half:
            send_half(half)
            process.send_signal(number)
            wait_until_refused(port)
            half.sendall(BODY[10:])
            answer = half.recv(65_536)
        assert b"slowly" in answer
        process.communicate(timeout=20)
        assert process.returncode == 0


def send_half(half: socket.socket) -> None:
    """A request that has begun: the server has asked for its body, and got a part of it."""
    half.sendall(HEAD)
    assert b"100 Continue" in half.recv(1_000)
    half.sendall(BODY[:10])


def wait_until_refused(port: int) -> None:
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.01)
    raise AssertionError("it takes connections still")


def test_told_twice_it_leaves_at_once(tmp_path: Path) -> None:
    with started(tmp_path) as (process, port):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as half:
            send_half(half)
            process.terminate()
            wait_until_refused(port)
            process.terminate()
            process.communicate(timeout=5)
        assert process.returncode == 130
