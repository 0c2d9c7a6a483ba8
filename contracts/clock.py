"""The target's time: moved where it offers that, else waited for."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Protocol

from contracts.moments import parse_moment
from contracts.settings import Timepiece
from contracts.wire import Answer

CONTROL = "/__mock"
LARGEST_SKEW = 2.0  # a Date header has whole seconds, and took its way


class Clock(Protocol):
    """`now` is the target's time in seconds since 1970."""

    virtual: bool

    def now(self) -> float: ...

    def wait(self, seconds: float) -> None: ...


class RealClock:
    """Waits; `skew` is how far the target's clock is ahead of this machine's."""

    virtual = False

    def __init__(self, timepiece: Timepiece, skew: float = 0.0) -> None:
        self.timepiece = timepiece
        self.skew = skew

    def now(self) -> float:
        return self.timepiece.now() + self.skew

    def wait(self, seconds: float) -> None:
        self.timepiece.sleep(max(0.0, seconds))


class ControlledClock:
    """Moves the clock of the key's tenant; `move` asks the target's control API for it."""

    virtual = True

    def __init__(self, move: Callable[[float], object], timepiece: Timepiece, skew: float) -> None:
        self.move = move
        self.timepiece = timepiece
        self.ahead = skew

    def now(self) -> float:
        return self.timepiece.now() + self.ahead

    def wait(self, seconds: float) -> None:
        if seconds <= 0:
            return
        self.move(seconds)
        self.ahead += seconds


def told_skew(answer: Answer, timepiece: Timepiece) -> float:
    body = answer.body if isinstance(answer.body, dict) else {}
    moment = parse_moment(body.get("now"))
    return 0.0 if moment is None else moment.timestamp() - timepiece.now()


def header_skew(answer: Answer, timepiece: Timepiece) -> float:
    """How far the target is ahead, by its Date header; small differences are its rounding."""
    try:
        ahead = parsedate_to_datetime(answer.headers["date"]).timestamp() - timepiece.now()
    except (KeyError, ValueError, TypeError):
        return 0.0
    return ahead if abs(ahead) > LARGEST_SKEW else 0.0
