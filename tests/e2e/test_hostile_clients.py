"""The served process under clients that are slow, large, broken, or gone."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

SMS = "/api/v1/activity/sms/"
CREDENTIALS = "Authorization: Basic " + b64encode(b"api_test_key:").decode()
LIMIT = 5 * 1024 * 1024


class Server:
    """The stub as a process, and plain connections to it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mock_server", "--port", "0", "--log-level", "critical"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "NO_COLOR": "1"},
        )
        assert self.process.stdout is not None
        found = re.search(r"http://[^/]+:(\d+)", self.process.stdout.readline())
        assert found is not None
        self.origin, self.port = found[0], int(found[1])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def send(self, *lines: str, body: bytes = b"", method: str = "POST") -> socket.socket:
        connection = self.connect()
        head = [f"{method} {SMS} HTTP/1.1", "Host: stub", "Connection: close", *lines, "", ""]
        connection.sendall("\r\n".join(head).encode("latin-1") + body)
        return connection


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    if server.process.poll() is None:
        server.process.kill()
    server.process.communicate()


def status(connection: socket.socket) -> int:
    with closing(connection):
        answer = b""
        while data := connection.recv(65_536):
            answer += data
    return int(answer.split()[1])


JSON = "Content-Type: application/json"


def test_a_client_that_stops_in_its_body_keeps_nobody_waiting(server: Server) -> None:
    slow = [server.send(CREDENTIALS, JSON, "Content-Length: 500", body=b"{") for _ in range(3)]
    began = time.monotonic()
    answer = requests.get(f"{server.origin}{SMS}", auth=("api_test_key", ""), timeout=10)
    assert answer.status_code == 200
    assert time.monotonic() - began < 5
    for connection in slow:
        connection.close()


def test_a_client_that_stops_in_its_body_does_not_hold_up_the_stop(server: Server) -> None:
    other = Server()
    held = []
    for one, number in ((server, signal.SIGINT), (other, signal.SIGTERM)):
        held += [one.connect(), one.send(CREDENTIALS, JSON, "Content-Length: 500", body=b"{")]
        requests.get(f"{one.origin}{SMS}", auth=("api_test_key", ""), timeout=10)
        one.process.send_signal(number)
    try:
        # Each waits for its client as long as it may; both do so at once.
        assert [one.process.wait(timeout=30) for one in (server, other)] == [0, 0]
    finally:
        other.process.kill()
        other.process.communicate()
    for connection in held:
        connection.close()


@pytest.mark.parametrize("key", ["api_test_key", "unknown"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_answered_all_the_same(
    server: Server, key: str, chunked: bool
) -> None:
    body = b'{"text": "' + b"x" * LIMIT + b'"}'
    data = iter([body[:1000], body[1000:]]) if chunked else body
    headers = {"Content-Type": "application/json"}
    answer = requests.post(
        f"{server.origin}{SMS}", data=data, headers=headers, auth=(key, ""), timeout=20
    )
    assert answer.status_code == (413 if key == "api_test_key" else 401)
    assert answer.json().keys() == {"error"}
    assert requests.get(f"{server.origin}/__mock/health", timeout=10).status_code == 200


def test_a_body_that_is_only_announced_is_not_waited_for(server: Server) -> None:
    assert status(server.send(CREDENTIALS, JSON, "Content-Length: 99999999999")) == 413


def test_a_client_that_asks_first_sends_nothing_in_vain(server: Server) -> None:
    asked = server.send(CREDENTIALS, JSON, f"Content-Length: {LIMIT * 2}", "Expect: 100-continue")
    assert status(asked) == 413


def test_chunks_are_read_as_a_body(server: Server) -> None:
    chunks = b'5\r\n{"sta\r\nd\r\ntus":"draft"}\r\n0\r\n\r\n'
    assert status(server.send(CREDENTIALS, JSON, "Transfer-Encoding: chunked", body=chunks)) == 200


def test_a_client_that_goes_away_takes_nothing_along(server: Server) -> None:
    before = requests.get(f"{server.origin}{SMS}", auth=("api_test_key", ""), timeout=10).json()
    for body in (b"", b"{", b'{"status": "draft"'):
        server.send(CREDENTIALS, JSON, "Content-Length: 500", body=body).close()
    with closing(server.connect()) as garbage:
        garbage.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
    answer = requests.get(f"{server.origin}{SMS}", auth=("api_test_key", ""), timeout=10)
    assert (answer.status_code, answer.json()) == (200, before)


def test_a_log_that_nobody_reads_any_longer_is_no_requests_fault() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mock_server", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        found = re.search(r"http://[^/]+", process.stdout.readline())
        assert found is not None
        process.stderr.close()
        for _ in range(3):
            answer = requests.get(f"{found[0]}{SMS}", auth=("api_test_key", ""), timeout=10)
            assert answer.status_code == 200
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0
        assert process.stdout is not None
        process.stdout.close()


def test_an_output_that_is_full_is_said_in_words() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "mock_server", "rules"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "mock-server: No space left on device\n")
