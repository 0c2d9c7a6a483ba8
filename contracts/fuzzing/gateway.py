"""A WSGI application in front of the target: whatever sends through it passes the guard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from hypothesis.errors import UnsatisfiedAssumption
from schemathesis.transport.wsgi import WSGI_TRANSPORT

from contracts.errors import EndedError, WithheldError
from contracts.target.client import Client
from contracts.target.wire import Answer

StartResponse = Callable[..., Any]
OF_THE_CONNECTION = frozenset(
    {"connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"}
)

OF_A_SOCKET = ("max_redirects", "verify", "cert", "proxies", "timeout")


@contextmanager
def without_socket_settings() -> Iterator[None]:
    """Keeps settings of sockets from applications, which take none.

    Schemathesis (4.32.5) passes them on when a check repeats a request without a session.
    """
    send = WSGI_TRANSPORT.send

    def send_without(case: Any, *, session: Any = None, **kwargs: Any) -> Any:
        kept = {name: value for name, value in kwargs.items() if name not in OF_A_SOCKET}
        return send(case, session=session, **kept)

    WSGI_TRANSPORT.send = send_without  # type: ignore[method-assign]
    try:
        yield
    finally:
        del WSGI_TRANSPORT.send


@contextmanager
def as_schemathesis_ends() -> Iterator[None]:
    """What is kept back is as if it had not been generated; the end of the run ends Schemathesis'."""
    try:
        yield
    except WithheldError:
        raise UnsatisfiedAssumption from None
    except EndedError:
        raise KeyboardInterrupt from None


class Gateway:
    """Carries requests of other tools to a client's transport, and the answers back."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = quote(environ["PATH_INFO"].encode("latin-1"), safe="/:@!$&'()*+,;=~")
        path = path.removeprefix(self.client.document.base_path)
        if environ.get("QUERY_STRING"):
            path = f"{path}?{environ['QUERY_STRING']}"
        with as_schemathesis_ends():
            answer = self.client.send_raw(
                environ["REQUEST_METHOD"], path, headers_of(environ), body_of(environ)
            )
        start_response(status_line(answer), list(answer_headers(answer)))
        return [answer.content]


def headers_of(environ: dict[str, Any]) -> dict[str, str]:
    named = {
        name.removeprefix("HTTP_").replace("_", "-").title(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") and name not in ("HTTP_HOST", "HTTP_CONNECTION")
    }
    if environ.get("CONTENT_TYPE"):
        named["Content-Type"] = environ["CONTENT_TYPE"]
    return named


def body_of(environ: dict[str, Any]) -> bytes | None:
    length = environ.get("CONTENT_LENGTH")
    return environ["wsgi.input"].read(int(length)) if length else None


def status_line(answer: Answer) -> str:
    known = answer.status in HTTPStatus._value2member_map_
    return f"{answer.status} {HTTPStatus(answer.status).phrase if known else 'Unknown'}"


def answer_headers(answer: Answer) -> Iterable[tuple[str, str]]:
    return (item for item in answer.headers.items() if item[0] not in OF_THE_CONNECTION)
