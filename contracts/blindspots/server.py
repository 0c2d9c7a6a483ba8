"""One address behind which the application is exchanged while a client's suite runs again and again."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from contracts.errors import CouldNotRunError
from contracts.target import WsgiApp

HOST = "127.0.0.1"


class Quiet(WSGIRequestHandler):
    """Says nothing of requests; the suite speaks."""

    def log(self, type: str, message: str, *args: Any) -> None:
        return


class Switch:
    """The application of the moment."""

    def __init__(self) -> None:
        self.app: WsgiApp | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        assert self.app is not None
        return self.app(environ, start_response)


@contextmanager
def serving(port: int) -> Iterator[tuple[Switch, str]]:
    """A switch and the origin at which it answers; raises CouldNotRunError where a port is taken."""
    switch = Switch()
    try:
        server = make_server(HOST, port, switch, threaded=True, request_handler=Quiet)
    except (OSError, SystemExit):
        raise CouldNotRunError(
            f"--port: found {port}, which is taken; expected a free one, or 0 for any"
        ) from None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield switch, f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
