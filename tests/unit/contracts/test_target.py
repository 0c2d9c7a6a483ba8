"""Addresses, and what may never happen on the way to them."""

from __future__ import annotations

import io
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter

from contracts.errors import CouldNotRunError, WithheldError
from contracts.target.system import EndpointTransport, is_loopback, parse_base_url, why
from tests.unit.contracts.fake import FakeTime


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


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> list[requests.PreparedRequest]:
    """The place behind the gate: what gets here would have been on the wire."""
    sent: list[requests.PreparedRequest] = []

    def send(self: HTTPAdapter, request: requests.PreparedRequest, **words: Any) -> Any:
        sent.append(request)
        response = requests.Response()
        response.status_code = 307
        response.headers["Location"] = "https://elsewhere.example/api/v1/activity/sms/"
        response.headers["Set-Cookie"] = "session=1; Path=/"
        response.raw = urllib3.HTTPResponse(body=io.BytesIO(), preload_content=False)
        response.request = request
        response.url = request.url or ""
        return response

    monkeypatch.setattr(HTTPAdapter, "send", send)
    return sent


def test_no_redirect_is_followed_and_no_cookie_kept(wire: list[Any]) -> None:
    transport = EndpointTransport("https://sms.example", FakeTime().piece(), lambda *a: None)
    for method in ("GET", "POST", "PUT", "GET"):
        assert transport.send(method, "/api/v1/me/", {"Authorization": "x"}, b"").status == 307
    assert len(wire) == 4
    assert {request.url for request in wire} == {"https://sms.example/api/v1/me/"}
    assert not any("Cookie" in request.headers for request in wire)


def test_the_gate_sees_what_is_about_to_be_on_the_wire(wire: list[Any]) -> None:
    seen: list[tuple[Any, ...]] = []
    transport = EndpointTransport(
        "https://sms.example", FakeTime().piece(), lambda *found: seen.append(found)
    )
    transport.send("POST", "/api/v1/x/../activity/sms/?a=b c", {"X-A": "b"}, b"{}")
    [(method, target, headers, content)] = seen
    assert (method, target, content) == ("POST", wire[0].path_url, b"{}")
    assert target == "/api/v1/activity/sms/?a=b%20c"
    assert headers["X-A"] == "b"


def test_what_the_gate_withholds_is_never_on_the_wire(wire: list[Any]) -> None:
    def gate(*found: Any) -> None:
        raise WithheldError("leave")

    transport = EndpointTransport("https://sms.example", FakeTime().piece(), gate)
    with pytest.raises(WithheldError):
        transport.send("GET", "/", {}, None)
    with pytest.raises(WithheldError):
        transport.session.post("https://sms.example/", data=b"{}")
    assert wire == []


@pytest.mark.parametrize(
    "url", ["https://elsewhere.example/", "http://sms.example/", "https://sms.example:444/"]
)
def test_nothing_goes_to_another_origin_whoever_asks(wire: list[Any], url: str) -> None:
    transport = EndpointTransport("https://sms.example", FakeTime().piece(), lambda *a: None)
    with pytest.raises(WithheldError, match="the target's own address"):
        transport.session.get(url, headers={"Authorization": "x"})
    assert wire == []


def test_a_body_that_can_only_be_read_once_is_withheld(wire: list[Any]) -> None:
    transport = EndpointTransport("https://sms.example", FakeTime().piece(), lambda *a: None)
    with pytest.raises(WithheldError):
        transport.session.post("https://sms.example/", data=iter([b"x"]))
    assert wire == []


def test_proxies_of_the_machine_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    transport = EndpointTransport("https://sms.example", FakeTime().piece(), lambda *a: None)
    found = transport.session.merge_environment_settings(
        "https://sms.example/", {}, True, None, None
    )
    assert not found["proxies"]
    assert found["verify"] is True


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (requests.ConnectionError("Connection aborted"), {"GET": 3, "POST": 1}),
        (requests.ConnectionError("NewConnectionError: refused"), {"GET": 3, "POST": 3}),
        (requests.ReadTimeout("timed out"), {"GET": 3, "POST": 1}),
        (requests.ConnectTimeout("timed out"), {"GET": 3, "POST": 3}),
        (requests.exceptions.SSLError("certificate verify failed: expired (x)"), {"GET": 1}),
    ],
    ids=str,
)
def test_only_what_is_safe_to_repeat_is_repeated(
    monkeypatch: pytest.MonkeyPatch, error: Exception, tries: dict[str, int]
) -> None:
    for method, count in tries.items():
        sent = []

        def send(self: HTTPAdapter, request: Any, sent: list[Any] = sent, **words: Any) -> Any:
            sent.append(request)
            raise error

        monkeypatch.setattr(HTTPAdapter, "send", send)
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
            requests.exceptions.SSLError("[SSL] certificate verify failed: self-signed (_ssl.c:1)"),
            "certificate that is not trusted: self-signed",
        ),
        (requests.exceptions.SSLError("wrong version"), "does not speak TLS"),
        (requests.ReadTimeout("read timed out"), "did not answer"),
        (requests.ConnectionError("Failed to resolve 'x'"), "does not resolve"),
        (requests.ConnectionError("Connection refused"), "nothing listens there"),
        (requests.exceptions.ProxyError("x"), "proxy"),
        (requests.exceptions.ContentDecodingError("gzip"), "not compressed as it says"),
        (requests.ConnectionError("Remote end closed"), "dropped the connection"),
    ],
    ids=str,
)
def test_each_failure_of_the_way_has_its_words(error: Exception, words: str) -> None:
    assert words in why(error)
