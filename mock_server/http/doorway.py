"""The way in: documented operations are answered at once, everything else by an application behind."""

from __future__ import annotations

import threading
from typing import Any

from mock_server.http.wire import Lane

PATIENCE = 10.0  # seconds that a request may hold up the next version


class Doorway:
    """Answers documented operations at once; the application behind them is imported at need.

    Most of a start would be the import of a framework that only the control API uses.
    """

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.lock = threading.Lock()
        self.application: Any = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if self.lane.answers(environ["PATH_INFO"]):
            return self.lane(environ, start_response)
        with self.lock:
            if self.application is None:
                from mock_server.http.app import MockServer

                self.application = MockServer(self.lane)
        return self.application(environ, start_response)

    def close(self) -> None:
        """Ends answers that would go on for ever."""
        self.lane.closed.set()


class SwingDoor(Doorway):
    """A doorway whose lane may be replaced: requests wait while nobody is inside and it is done."""

    def __init__(self, lane: Lane) -> None:
        super().__init__(lane)
        self.changed = threading.Condition()
        self.inside = 0
        self.swinging = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        with self.changed:
            self.changed.wait_for(lambda: not self.swinging)
            self.inside += 1
        try:
            return super().__call__(environ, start_response)
        finally:
            with self.changed:
                self.inside -= 1
                self.changed.notify_all()

    def swing(self, lane: Lane) -> list[str]:
        """Lets another lane go on where this one is; says what could not be carried over."""
        with self.changed:
            self.swinging = True
            try:
                self.changed.wait_for(lambda: not self.inside, PATIENCE)
                dropped = lane.follow(self.lane)
                self.lane, self.application = lane, None
            finally:
                self.swinging = False
                self.changed.notify_all()
        return dropped
