"""The system under test: the stub in this process, or an endpoint behind an address."""

from __future__ import annotations

import io
import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from certifi import where
from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, Timeout
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    SSLError,
)
from urllib3.util import make_headers, parse_url

from contracts.errors import CouldNotRunError, WithheldError
from contracts.settings import Timepiece
from contracts.target.wire import Answer, parse_json

CONNECT_TIMEOUT, READ_TIMEOUT = 10.0, 30.0
LONGEST_ANSWER = 60.0  # seconds for the whole of it
LARGEST_ANSWER = 32 * 2**20
IDLE = 2.0  # seconds after which the other side may have closed a connection
PAUSES = (0.2, 1.0)  # before a request is tried again that is safe to repeat
SAFE = ("GET", "HEAD", "OPTIONS")
OWN_HEADERS = {
    "User-Agent": "contracts (mock-server-kit)",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
}

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Gate = Callable[[str, str, Mapping[str, str], bytes | None], object]


class Transport(Protocol):
    """Carries bytes to a target and back; `path` is whole, from the root of the origin."""

    name: str
    origin: str

    def send(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes | None
    ) -> Answer: ...


class StubTransport:
    """The stub in this process: WSGI without a socket."""

    def __init__(self, app: WsgiApp) -> None:
        self.app = app
        self.name = "stub"
        self.origin = "http://stub.example"

    def send(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes | None
    ) -> Answer:
        environ = build_environ(method, path, headers, content)
        started: list[Any] = []

        written: list[bytes] = []

        def start_response(status: str, listed: list[tuple[str, str]], *rest: Any) -> Any:
            started[:] = [status, listed]
            return written.append

        chunks = self.app(environ, start_response)
        try:
            rest = b"".join(chunks)  # which may write too
            body = b"".join(written) + rest
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        status, listed = started
        lowered = {name.lower(): value for name, value in listed}
        return Answer(int(status.split(" ")[0]), lowered, body, parse_json(body))


def build_environ(
    method: str, path: str, headers: Mapping[str, str], content: bytes | None
) -> dict[str, Any]:
    bare, _, query = path.partition("?")
    body = content or b""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(bare, encoding="latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": path,
        "SERVER_NAME": "stub.example",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if content is not None:
        environ["CONTENT_LENGTH"] = str(len(body))
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


def origin_of(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


class EndpointTransport:
    """An endpoint over HTTP, on kept connections.

    Redirects are never followed, cookies never kept; proxies and settings of the machine are not
    used unless `proxy` and `ca_bundle` name them. What is safe to repeat is, after a short pause.
    """

    def __init__(
        self,
        origin: str,
        timepiece: Timepiece,
        gate: Gate,
        proxy: str | None = None,
        ca_bundle: str | None = None,
    ) -> None:
        self.name = self.origin = origin
        self.timepiece = timepiece
        self.gate = gate
        self.pool = open_pool(proxy, ca_bundle)
        self.used = timepiece.monotonic()

    def send(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes | None
    ) -> Answer:
        for pause in (*PAUSES, None):
            try:
                return self.perform(method, path, headers, content)
            except (HTTPError, OSError, ValueError) as error:
                if pause is None or not may_repeat(method, error):
                    raise CouldNotRunError(f"{self.origin} {why(error)}") from None
                self.timepiece.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def perform(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes | None
    ) -> Answer:
        self.refresh()
        headers = {**OWN_HEADERS, **headers}
        url = parse_url(f"{self.origin}{path}")  # as it is about to be on the wire
        if origin_of(url.url) != origin_of(self.origin):
            raise WithheldError("the target's own address")
        self.gate(method, url.request_uri, headers, content)
        response = self.pool.urlopen(
            method, url.url, redirect=False, headers=headers, body=content, preload_content=False
        )
        try:
            body = b"".join(self.iter_chunks(response))
        except BaseException:
            response.close()  # what is left of an answer must not be read for the next one
            raise
        response.release_conn()
        lowered = {name.lower(): value for name, value in response.headers.itermerged()}
        return Answer(response.status, lowered, body, parse_json(body))

    def iter_chunks(self, response: BaseHTTPResponse) -> Iterator[bytes]:
        """The body; an answer without end ends the run."""
        began, size = self.timepiece.monotonic(), 0
        for chunk in response.stream(65_536, decode_content=True):
            size += len(chunk)
            if size > LARGEST_ANSWER:
                raise CouldNotRunError(f"{self.origin} answers with more than {size} bytes")
            if self.timepiece.monotonic() - began > LONGEST_ANSWER:
                raise CouldNotRunError(f"{self.origin} {NO_END}")
            yield chunk

    def refresh(self) -> None:
        """Begins new connections after a pause, so that none is stale."""
        now = self.timepiece.monotonic()
        if now - self.used > IDLE:
            self.pool.clear()
        self.used = now


def open_pool(proxy: str | None, ca_bundle: str | None) -> PoolManager:
    """Connections that stay open, know no setting of the machine, and try nothing twice."""
    trusted = ca_bundle or where()
    words: dict[str, Any] = {
        "retries": False,
        "timeout": Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT),
        "ca_cert_dir" if Path(trusted).is_dir() else "ca_certs": trusted,
    }
    if proxy is None:
        return PoolManager(**words)
    login = unquote(parse_url(proxy).auth or "")
    given = make_headers(proxy_basic_auth=login) if login else None
    return ProxyManager(proxy, proxy_headers=given, **words)


NO_END = f"did not end its answer within {LONGEST_ANSWER:.0f} seconds"
REASONS = (
    (
        r"certificate verify failed: ([^(\]]*)",
        "has a certificate that is not trusted: {}; --ca-bundle names others to trust",
    ),
    (r"ssl|tls", "does not speak TLS as it should"),
    (r"proxy", "cannot be reached through the proxy"),
    (r"timed? ?out", f"did not answer within {READ_TIMEOUT:.0f} seconds"),
    (r"refused", "refused the connection: nothing listens there"),
    (r"resol|name or service", "has a name that does not resolve"),
    (r"decod", "sent a body that is not compressed as it says"),
    (r"unreachable", "cannot be reached from here"),
)


def why(error: Exception) -> str:
    """What went wrong, in words and without anything of the request."""
    for pattern, words in REASONS:
        found = re.search(pattern, f"{type(error).__name__} {error}", re.IGNORECASE)
        if found is not None:
            return words.format(*(one.strip() for one in found.groups()))
    return f"dropped the connection ({type(error).__name__})"


def may_repeat(method: str, error: Exception) -> bool:
    """Whether a request can go out again: it only asks, or nothing of it can have arrived."""
    if isinstance(error, SSLError | LocationValueError):
        return False
    if not isinstance(error, HTTPError | OSError):
        return False
    return method in SAFE or isinstance(error, ConnectTimeoutError | NewConnectionError)


# Addresses

Resolve = Callable[[str], Iterable[str]]


def resolve(host: str) -> list[str]:
    """The addresses that a name has here."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, None)]


def is_loopback(host: str, ask: Resolve = resolve) -> bool:
    """Whether a host can only be this machine; a name must say so itself and resolve so too."""
    if host == "localhost" or host.endswith(".localhost"):
        try:
            found = list(ask(host))
        except (OSError, UnicodeError):
            return False
        return bool(found) and all(is_loopback_address(one) for one in found)
    return is_loopback_address(host.strip("[]"))


def is_loopback_address(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Address:
    """A base URL, taken apart."""

    origin: str
    path: str
    loopback: bool


def parse_base_url(text: str, ask: Resolve = resolve) -> Address:
    """Raises CouldNotRunError for what is no base URL; never repeats credentials that are in it."""
    if "@" in text:
        raise CouldNotRunError(
            "--base-url: found credentials in the address; "
            "expected none there: set CONTRACTS_API_KEY instead"
        )
    if "?" in text or "#" in text:
        raise CouldNotRunError(
            f'--base-url: found "{re.split("[?#]", text)[0]}" with a query or fragment; '
            "expected an address below which the document's paths begin"
        )
    try:
        parts = urlsplit(text)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise CouldNotRunError(
            f'--base-url: found "{text}"; expected http://HOST[:PORT][/PATH] with a port below 65536'
        ) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or "\\" in text:
        raise CouldNotRunError(
            f'--base-url: found "{text}"; expected http://HOST[:PORT][/PATH] or https://…'
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    loopback = is_loopback(parts.hostname, ask)
    return Address(f"{parts.scheme}://{host}{port}", parts.path.rstrip("/"), loopback)
