"""One address behind which the application is exchanged while a client's suite runs again and again."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from contracts.blindspots.coverage import Met, add_all
from contracts.errors import CouldNotRunError
from contracts.target.clock import CONTROL
from contracts.target.system import WsgiApp

HOST = "127.0.0.1"
TENANTS = f"{CONTROL}/tenants/"


class Quiet(WSGIRequestHandler):
    """Says nothing of requests; the suite speaks."""

    def log(self, type: str, message: str, *args: Any) -> None:
        return


class Switch:
    """The application of the moment.

    `gone` counts what tenants had met that were dropped or reset, as a suite does that gives each
    test one of its own; None while nobody wants to know.
    """

    def __init__(self) -> None:
        self.app: WsgiApp | None = None
        self.gone: Met | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        assert self.app is not None
        if self.gone is not None and forgets(environ):
            add_all(self.gone, self.app, named(environ))
        return self.app(environ, start_response)


def forgets(environ: dict[str, Any]) -> bool:
    """Whether a call of the control API ends what a tenant has counted."""
    path = environ["PATH_INFO"]
    if environ["REQUEST_METHOD"] == "DELETE":
        return bool(path.startswith(TENANTS))
    return bool(path == f"{CONTROL}/reset" and "only=" not in environ.get("QUERY_STRING", ""))


def named(environ: dict[str, Any]) -> str | None:
    """The tenant that is dropped; a reset may be anybody's, and counting one twice does no harm."""
    path: str = environ["PATH_INFO"]
    return path.removeprefix(TENANTS) if path.startswith(TENANTS) else None


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
