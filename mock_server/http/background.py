"""An application on a socket of this process, in a thread, for as long as a test run needs it."""

from __future__ import annotations

import threading
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

PATIENCE = 0.05  # seconds until it notices that it is closed


class QuietHandler(WSGIRequestHandler):
    """Keeps connections alive and writes no log: the server has its own."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        return


class BackgroundServer:
    """Serves on a free port of the loopback address until it is closed."""

    def __init__(self, application: Any) -> None:
        self.server = make_server(
            "127.0.0.1", 0, application, threaded=True, request_handler=QuietHandler
        )
        self.thread = threading.Thread(
            target=self.server.serve_forever, args=(PATIENCE,), name="mock-server", daemon=True
        )
        self.thread.start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(timeout=5)
