"""`httpx` without a socket, for its client and its asynchronous one (`mock-server-kit[httpx]`)."""

from __future__ import annotations

import httpx

from mock_server.testing.wsgi import Application, call


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
