"""Addresses, and what may never happen on the way to them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3
from certifi import where
from urllib3 import HTTPConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import make_headers

from contracts.errors import CouldNotRunError, WithheldError
from contracts.target.system import (
    EndpointTransport,
    is_loopback,
    open_pool,
    parse_base_url,
    why,
)
from tests.unit.contracts.fake import FakeTime

NO_POOL = HTTPConnectionPool("sms.example")


@pytest.mark.parametrize(
    ("host", "found", "loopback"),
    [
        ("127.0.0.1", [], True),
        ("127.8.9.1", [], True),
        ("::1", [], True),
        ("localhost", ["127.0.0.1", "::1"], True),
        ("api.localhost", ["127.0.0.1"], True),
        ("localhost", ["192.0.2.1"], False),
        ("localhost", ["127.0.0.1", "192.0.2.1"], False),
        ("localhost", [], False),
        ("localhost.example", ["127.0.0.1"], False),
        ("sms.example", ["127.0.0.1"], False),
        ("127.0.0.1.example", ["127.0.0.1"], False),
        ("2130706433", ["127.0.0.1"], False),
        ("0x7f.1", ["127.0.0.1"], False),
        ("127.1", ["127.0.0.1"], False),
        ("0.0.0.0", [], False),
        ("::ffff:192.0.2.1", [], False),
        ("localhost.", ["127.0.0.1"], False),
        ("192.168.0.1", [], False),
    ],
    ids=str,
)
def test_only_this_machine_is_this_machine(host: str, found: list[str], loopback: bool) -> None:
    assert is_loopback(host, lambda name: found) is loopback


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://user:hunter2@sms.example/", "credentials"),
        ("https://hunter2@sms.example/", "credentials"),
        ("ftp://user:hunter2@sms.example", "credentials"),
        ("https://user:hunter2@sms.example:999999/", "credentials"),
        ("https://sms.example/?key=hunter2", "query"),
        ("https://sms.example/#hunter2", "query"),
        ("sms.example", "expected http://HOST"),
        ("ftp://sms.example", "expected http://HOST"),
        ("https://", "expected http://HOST"),
        ("https://sms.example:70000", "port below 65536"),
        ("https://sms.example\\@elsewhere.example", "credentials"),
        ("https://sms.example\\x", "expected http://HOST"),
    ],
)
def test_what_is_no_base_url_is_said_without_its_secrets(text: str, words: str) -> None:
    with pytest.raises(CouldNotRunError, match=words) as caught:
        parse_base_url(text, lambda host: [])
    assert "hunter2" not in str(caught.value)


@dataclass
class Sent:
    """What would have been on the wire."""

    method: str
    url: str
    headers: Mapping[str, str]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> list[Sent]:
    """The place behind the gate, where everything is answered with a redirect and a cookie."""
    sent: list[Sent] = []

    def urlopen(self: PoolManager, method: str, url: str, **words: Any) -> urllib3.HTTPResponse:
        assert words["redirect"] is False
        sent.append(Sent(method, url, words["headers"]))
        headers = {
            "Location": "https://elsewhere.example/api/v1/activity/sms/",
            "Set-Cookie": "session=1; Path=/",
        }
        return urllib3.HTTPResponse(io.BytesIO(), headers, 307, preload_content=False)

    monkeypatch.setattr(PoolManager, "urlopen", urlopen)
    return sent


def test_no_redirect_is_followed_and_no_cookie_kept(wire: list[Sent]) -> None:
    transport = EndpointTransport("https://sms.example", FakeTime().piece(), lambda *a: None)
    for method in ("GET", "POST", "PUT", "GET"):
        assert transport.send(method, "/api/v1/me/", {"Authorization": "x"}, b"").status == 307
    assert len(wire) == 4
    assert {request.url for request in wire} == {"https://sms.example/api/v1/me/"}
    assert not any("cookie" in map(str.lower, request.headers) for request in wire)


def test_the_gate_sees_what_is_about_to_be_on_the_wire(wire: list[Sent]) -> None:
    seen: list[tuple[Any, ...]] = []
    transport = EndpointTransport(
        "https://sms.example", FakeTime().piece(), lambda *found: seen.append(found)
    )
    transport.send("POST", "/api/v1/x/../activity/sms/?a=b c", {"X-A": "b"}, b"{}")
    [(method, target, headers, content)] = seen
    assert (method, f"https://sms.example{target}", content) == ("POST", wire[0].url, b"{}")
    assert target == "/api/v1/activity/sms/?a=b%20c"
    assert headers == wire[0].headers
    assert headers["X-A"] == "b"


def test_what_the_gate_withholds_is_never_on_the_wire(wire: list[Sent]) -> None:
    def gate(*found: Any) -> None:
        raise WithheldError("leave")

    transport = EndpointTransport("https://sms.example", FakeTime().piece(), gate)
    for method in ("GET", "POST"):
        with pytest.raises(WithheldError):
            transport.send(method, "/", {}, None)
    assert wire == []


@pytest.mark.parametrize("path", ["@elsewhere.example/", ":444/", ".example/"])
def test_no_path_leads_to_another_origin(wire: list[Sent], path: str) -> None:
    transport = EndpointTransport("https://sms.example", FakeTime().piece(), lambda *a: None)
    with pytest.raises(WithheldError, match="the target's own address"):
        transport.send("GET", path, {"Authorization": "x"}, None)
    assert wire == []


def test_proxies_and_trust_of_the_machine_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://proxy.example:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    pool = open_pool(None, None)
    assert pool.proxy is None
    assert pool.connection_pool_kw["ca_certs"] == where()


def test_a_proxy_that_is_named_gets_its_own_password_and_no_other(tmp_path: Path) -> None:
    pool = open_pool("http://user:p%40ss@proxy.example:3128", str(tmp_path))
    assert isinstance(pool, ProxyManager)
    assert pool.proxy is not None
    assert (pool.proxy.host, pool.proxy.port) == ("proxy.example", 3128)
    assert pool.proxy_headers == make_headers(proxy_basic_auth="user:p@ss")
    assert pool.connection_pool_kw["ca_cert_dir"] == str(tmp_path)


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (ProtocolError("Connection aborted"), {"GET": 3, "POST": 1}),
        (NewConnectionError(HTTPConnection("sms.example"), "refused"), {"GET": 3, "POST": 3}),
        (ReadTimeoutError(NO_POOL, "/", "timed out"), {"GET": 3, "POST": 1}),
        (ConnectTimeoutError("timed out"), {"GET": 3, "POST": 3}),
        (SSLError("certificate verify failed: expired (x)"), {"GET": 1}),
    ],
    ids=str,
)
def test_only_what_is_safe_to_repeat_is_repeated(
    monkeypatch: pytest.MonkeyPatch, error: Exception, tries: dict[str, int]
) -> None:
    for method, count in tries.items():
        sent = []

        def urlopen(*given: Any, sent: list[Any] = sent, **words: Any) -> Any:
            sent.append(given)
            raise error

        monkeypatch.setattr(PoolManager, "urlopen", urlopen)
        time = FakeTime()
        transport = EndpointTransport("https://sms.example", time.piece(), lambda *a: None)
        with pytest.raises(CouldNotRunError, match=r"https://sms\.example "):
            transport.send(method, "/", {}, None)
        assert len(sent) == count
        assert sum(time.slept) < 3


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            SSLError("[SSL] certificate verify failed: self-signed (_ssl.c:1)"),
            "certificate that is not trusted: self-signed",
        ),
        (SSLError("wrong version"), "does not speak TLS"),
        (ReadTimeoutError(NO_POOL, "/", "read timed out"), "did not answer"),
        (NameResolutionError("x", HTTPConnection("x"), OSError()), "does not resolve"),
        (NewConnectionError(HTTPConnection("x"), "[Errno 111] Connection refused"), "nothing lis"),
        (ProxyError("x", OSError("x")), "proxy"),
        (DecodeError("failed to decode gzip"), "not compressed as it says"),
        (ProtocolError("Remote end closed"), "dropped the connection"),
    ],
    ids=str,
)
def test_each_failure_of_the_way_has_its_words(error: Exception, words: str) -> None:
    assert words in why(error)
