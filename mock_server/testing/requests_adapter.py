"""`requests` without a socket: an adapter to mount on a session, and a session that has it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse

from mock_server.testing.wsgi import Application, call

PLAIN_SEND = HTTPAdapter.send


class InProcessAdapter(HTTPAdapter):
    """Answers a session's requests by calling an application in this process."""

    def __init__(self, application: Application) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1)
        self.application = application

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        headers = [(name, text_of(value)) for name, value in request.headers.items()]
        assert request.method is not None and request.url is not None  # noqa: PT018 - it is prepared
        reply = call(self.application, request.method, request.url, headers, body_of(request.body))
        raw = HTTPResponse(
            BytesIO(reply.body),
            headers=HTTPHeaderDict(reply.headers),
            status=reply.status,
            reason=reply.reason,
            preload_content=False,
            request_method=request.method,
        )
        return self.build_response(request, raw)


def mount(session: Session, adapter: HTTPAdapter, at: str = "http") -> Session:
    """Has a session answered by an adapter: all of it, or what begins with a URL. Returns it."""
    for prefix in ("http://", "https://") if at == "http" else (at,):
        session.mount(prefix, adapter)
    return session


def text_of(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def body_of(body: Any) -> bytes:
    """The whole body of a request, whatever way it was given."""
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    if hasattr(body, "read"):
        return body_of(body.read())
    return b"".join(map(body_of, body))


class ElsewhereAdapter(HTTPAdapter):
    """Answers a session's requests by the server at one origin, whatever origin they name."""

    def __init__(self, origin: str) -> None:
        super().__init__()
        self.parts = urlsplit(origin)

    def send(self, request: PreparedRequest, *args: Any, **more: Any) -> Response:
        assert request.url is not None  # it is prepared
        there = urlsplit(request.url)._replace(scheme=self.parts.scheme, netloc=self.parts.netloc)
        named, request.url = request.url, there.geturl()
        request.headers["Host"] = self.parts.netloc
        # Not super(): the method of its class may be replaced while requests are intercepted.
        answer = PLAIN_SEND(self, request, *args, **more)
        answer.url = request.url = named
        return answer


class Client(Session):
    """A session with a key, whose paths are relative to the API's base."""

    def __init__(
        self, adapter: HTTPAdapter, origin: str, base_path: str, key: str, kinds: Collection[str]
    ) -> None:
        super().__init__()
        self.trust_env = False  # neither proxies nor a netrc are meant
        self.origin = origin
        self.base_path = base_path
        mount(self, adapter)
        if "basic" in kinds:
            self.auth = (key, "")
        elif "bearer" in kinds:
            self.headers["Authorization"] = f"Bearer {key}"

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **more: Any) -> Response:
        return super().request(method, self.whole(text_of(url)), *args, **more)

    def whole(self, url: str) -> str:
        """`things/`, `/things/` and `/api/v1/things/` as one URL."""
        if "://" in url:
            return url
        path = "/" + url.lstrip("/")
        if path.startswith((f"{self.base_path}/", "/__mock")):
            return self.origin + path
        return f"{self.origin}{self.base_path}{path}"
