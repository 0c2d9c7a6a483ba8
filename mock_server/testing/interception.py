"""Requests to an origin, whoever sends them, are answered by somebody else for a while."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from unittest.mock import patch
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from requests import Session
    from requests.adapters import HTTPAdapter


class Answering(ABC):
    """What answers for others: sessions and clients are sent to it, whoever makes them."""

    @abstractmethod
    def adapter(self) -> HTTPAdapter:
        """What a `requests` session sends by."""

    @property
    @abstractmethod
    def transport(self) -> Any:
        """For `httpx.Client(transport=…)` and `httpx.AsyncClient(transport=…)`."""

    @abstractmethod
    def close(self) -> None:
        """Ends what was opened for it."""

    def mount(self, session: Session, at: str = "http") -> Session:
        """Has a `requests` session answered here: all of it, or what begins with a URL. Returns it."""
        from mock_server.testing.requests_adapter import mount

        return mount(session, self.adapter(), at)

    @contextmanager
    def intercept(self, origin: str) -> Iterator[None]:
        """Meanwhile requests of `requests` and `httpx` to an origin are answered here, whoever sends them."""
        with intercepted(origin, self.adapter(), lambda: self.transport):
            yield

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


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
