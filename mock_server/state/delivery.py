"""What is to be delivered to a subscriber, and how that went."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: the status of the answer, or why there was none."""

    instant: int
    status: int | None
    error: str = ""

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(slots=True, eq=False)
class Delivery:
    """One entry for one subscriber.

    `state`: waiting, delivered, blocked (its host is not allowed), failed (given up),
    dropped (its subscriber is gone or paused).
    """

    number: int
    resource: str  # of the subscription
    subscription: str  # id
    entry: str  # id
    url: str
    body: bytes
    made: int  # instant
    state: str = "waiting"
    due: int = 0
    attempts: list[Attempt] = field(default_factory=list)
