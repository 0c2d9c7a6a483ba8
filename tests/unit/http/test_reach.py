"""Where anything may be sent: loopback, and what is allowed by name."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from mock_server.errors import BlockedError
from mock_server.http import reach


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("http://localhost:9/hook", ("127.0.0.1", "::1")),
        ("https://LOCALHOST/hook", ("127.0.0.1", "::1")),
        ("http://127.0.0.1/", ("127.0.0.1",)),
        ("http://127.9.8.7:1/a?b=c", ("127.9.8.7",)),
        ("http://[::1]:9/", ("::1",)),
    ],
)
def test_loopback_is_reached(url: str, addresses: tuple[str, ...]) -> None:
    assert reach.find_target(url).addresses == addresses


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://localhost.example.com/",
        "http://localhost./",
        "http://127.0.0.1.nip.io/",
        "http://127.1/",
        "http://127.0.0.01/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/",
        "http://localhost@example.com/",
        "http://user:secret@localhost/",
        "http://example.com#@localhost/",
        "http://\uff11\uff12\uff17.0.0.1/",
        "file:///etc/hosts",
        "ftp://localhost/",
        "//localhost/",
        "http:///hook",
        "http://localhost:99999/",
        "nonsense",
    ],
)
def test_tricks_with_names_are_refused_and_no_name_is_looked_up(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(*_: Any, **__: Any) -> Any:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(BlockedError):
        reach.find_target(url)


def test_a_host_that_is_allowed_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)
    for allowed in ("hooks.example", "hooks.example:80"):
        assert reach.find_target("http://hooks.example/", [allowed]).addresses == ("10.0.0.7",)
    with pytest.raises(BlockedError, match="not allowed"):
        reach.find_target("http://other.example/", ["hooks.example"])


@pytest.mark.parametrize("address", ["169.254.169.254", "0.0.0.0", "224.0.0.1"])
def test_a_host_that_is_allowed_leads_to_no_strange_place(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)
    with pytest.raises(BlockedError, match=address):
        reach.find_target("http://hooks.example/", ["hooks.example"])
