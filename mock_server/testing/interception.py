"""Requests to an origin, whoever sends them, are answered by somebody else for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from requests.adapters import HTTPAdapter


@contextmanager
def intercepted(origin: str, adapter: HTTPAdapter, transport: Callable[[], Any]) -> Iterator[None]:
    """Meanwhile `requests` is answered by an adapter there, and `httpx`, where installed, by a transport."""
    with ExitStack() as stack:
        for patched in iter_patches(urlsplit(origin)[:2], adapter, transport):
            stack.enter_context(patched)
        yield


def iter_patches(
    origin: tuple[str, str], adapter: HTTPAdapter, transport: Callable[[], Any]
) -> Iterator[Any]:
    """Replacements of the ways out of the libraries that are installed."""
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send

    def send_there(self: Any, request: Any, *args: Any, **more: Any) -> Any:
        there = urlsplit(request.url)[:2] == origin
        return adapter.send(request) if there else send(self, request, *args, **more)

    yield patch.object(HTTPAdapter, "send", send_there)
    try:
        import httpx
    except ImportError:
        return
    other = transport()
    plain, later = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request

    def handle(self: Any, request: Any) -> Any:
        there = urlsplit(str(request.url))[:2] == origin
        return other.handle_request(request) if there else plain(self, request)

    async def handle_later(self: Any, request: Any) -> Any:
        there = urlsplit(str(request.url))[:2] == origin
        answer = other.handle_async_request if there else later.__get__(self)
        return await answer(request)

    yield patch.object(httpx.HTTPTransport, "handle_request", handle)
    yield patch.object(httpx.AsyncHTTPTransport, "handle_async_request", handle_later)
