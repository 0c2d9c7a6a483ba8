"""A target without a socket: WSGI behind an address that is never connected to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contracts.settings import Timepiece
from contracts.target.connect import Context
from contracts.target.system import StubTransport
from contracts.target.wire import Answer

KEYS = {"CONTRACTS_API_KEY": "peer_key_one", "CONTRACTS_OTHER_API_KEY": "peer_key_two"}
REMOTE = "https://sms.example/api/v1"


class FakeTime:
    """Passes only when something waits, and a little at every look."""

    def __init__(self) -> None:
        self.seconds = 1_790_000_000.0
        self.slept: list[float] = []

    def now(self) -> float:
        self.seconds += 0.0005
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def piece(self) -> Timepiece:
        return Timepiece(self.now, self.sleep, self.now)


class FakeTransport(StubTransport):
    """An application in this process that says that it is elsewhere; remembers what it was asked."""

    def __init__(self, app: Any, origin: str = "https://sms.example") -> None:
        super().__init__(app)
        self.name = self.origin = origin
        self.asked: list[tuple[str, str, bytes | None]] = []
        self.before: Callable[[str, str], Answer | None] = lambda method, path: None

    def send(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes | None
    ) -> Answer:
        instead = self.before(method, path)
        if instead is not None:
            return instead
        self.asked.append((method, path, content))
        return super().send(method, path, headers, content)


def elsewhere(transport: FakeTransport, **more: Any) -> Context:
    """As if the target were beyond this machine."""
    return Context(resolve=lambda host: ["192.0.2.1"], transport=transport, **more)
