"""`httpx` without a socket, for its client and its asynchronous one (`mock-server-kit[httpx]`)."""

from __future__ import annotations

import httpx

from mock_server.testing.wsgi import Application, call

PLAIN_HANDLE = httpx.HTTPTransport.handle_request
PLAIN_HANDLE_LATER = httpx.AsyncHTTPTransport.handle_async_request


class InProcessTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers a client's requests by calling an application in this process."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.answer(request, request.read())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.answer(request, await request.aread())

    def answer(self, request: httpx.Request, body: bytes) -> httpx.Response:
        headers = [(n.decode("ascii"), v.decode("latin-1")) for n, v in request.headers.raw]
        reply = call(self.application, request.method, str(request.url), headers, body)
        return httpx.Response(reply.status, headers=reply.headers, content=reply.body)


class ElsewhereTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers a client's requests by the server at one origin, whatever origin they name."""

    def __init__(self, origin: str) -> None:
        self.origin = httpx.URL(origin)
        self.now = httpx.HTTPTransport()
        self.later = httpx.AsyncHTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        # Not the methods of the class: they may be replaced while requests are intercepted.
        return PLAIN_HANDLE(self.now, self.there(request))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await PLAIN_HANDLE_LATER(self.later, self.there(request))

    def there(self, request: httpx.Request) -> httpx.Request:
        origin = self.origin
        url = request.url.copy_with(scheme=origin.scheme, host=origin.host, port=origin.port)
        headers = [(n, v) for n, v in request.headers.raw if n.lower() != b"host"]
        headers.append((b"Host", origin.netloc))
        return httpx.Request(
            request.method,
            url,
            headers=headers,
            stream=request.stream,
            extensions=request.extensions,
        )

    def close(self) -> None:
        self.now.close()

    async def aclose(self) -> None:
        await self.later.aclose()
