"""The target's time: moved where it offers that, else waited for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from threading import get_ident
from typing import Any, Protocol

from contracts.moments import format_moment, parse_moment
from contracts.settings import Timepiece
from contracts.target.wire import Answer

CONTROL = "/__mock"
LARGEST_SKEW = 2.0  # a Date header has whole seconds, and took its way


class Clock(Protocol):
    """`now` is the target's time in seconds since 1970."""

    virtual: bool

    def now(self) -> float: ...

    def wait(self, seconds: float) -> None: ...

    def restore(self) -> None:
        """Leaves the target's time as it was found."""


class OwnTime:
    """Time of a stub in this process: it passes as the stub looks at its clock, not by itself.

    So a run is the same on any machine, and on a slow one nothing falls due too early.
    Looks of other threads (of who delivers, of races) count for nothing, since they come by chance.
    """

    def __init__(self, began: float) -> None:
        self.instant = round(began) * 1_000_000  # microseconds since 1970
        self.thread = get_ident()

    def tick(self) -> int:
        """The time for the stub, whole milliseconds as its own clock has them."""
        if get_ident() == self.thread:
            self.instant += 100
        return self.instant // 1000 * 1000

    def now(self) -> float:
        return self.instant / 1_000_000


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

    def restore(self) -> None:
        """It was never moved."""


class ControlledClock:
    """Moves the clock of the key's tenant; `steer` asks the target's control API for it.

    `found` is the API's answer about the clock before anything moved it.
    """

    virtual = True

    def __init__(
        self, steer: Callable[[Mapping[str, Any]], object], timepiece: Timepiece, found: Answer
    ) -> None:
        self.steer = steer
        self.timepiece = timepiece
        self.found = found.body if isinstance(found.body, dict) else {}
        self.skew = self.ahead = told_skew(self.found, timepiece)

    def now(self) -> float:
        return self.timepiece.now() + self.ahead

    def wait(self, seconds: float) -> None:
        if seconds <= 0:
            return
        self.steer({"advance": seconds})
        self.ahead += seconds

    def restore(self) -> None:
        """So that the next run, and whoever else has the key, finds the time of before."""
        if self.ahead == self.skew:
            return
        match self.found.get("mode"):
            case "real":
                self.steer({"real": True})
            case "frozen":
                self.steer({"set": self.found["now"]})
            case _:
                self.steer({"set": format_moment(self.timepiece.now() + self.skew)})


def told_skew(found: Mapping[str, Any], timepiece: Timepiece) -> float:
    moment = parse_moment(found.get("now"))
    return 0.0 if moment is None else moment.timestamp() - timepiece.now()


def header_skew(answer: Answer, timepiece: Timepiece) -> float:
    """How far the target is ahead, by its Date header; small differences are its rounding."""
    try:
        ahead = parsedate_to_datetime(answer.headers["date"]).timestamp() - timepiece.now()
    except (KeyError, ValueError, TypeError):
        return 0.0
    return ahead if abs(ahead) > LARGEST_SKEW else 0.0
