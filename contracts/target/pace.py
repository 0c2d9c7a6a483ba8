"""How fast and how long a run goes on: its budget, its rate, and pauses that can be cut short."""

from __future__ import annotations

import threading
import time

from contracts.errors import EndedError
from contracts.settings import Timepiece

CLEANING_REQUESTS, CLEANING_SECONDS = 50, 60.0  # the least that cleaning up may take
REQUESTS_FOR_EACH = 3  # a deletion, and being told to wait
LONGEST_SLEEP = 0.25  # between two looks at whether the run is to end


class Stop:
    """Says from outside, at any moment and in any thread, that a run shall end."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.at_once = False  # without cleaning up
        self.remedy = ""  # the command that cleans up afterwards

    def sleep(self, seconds: float) -> None:
        """Lets real time pass; a stop cuts it short."""
        before, end = self.reason, time.monotonic() + seconds
        while self.reason is before and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, LONGEST_SLEEP))


class Pace:
    """Lets requests through one by one; raises EndedError when the run is over.

    The rate is kept by the moments at which requests may leave, each one `1 / rate` after the one
    before, on a clock that never jumps: so it neither drifts nor bursts.
    """

    def __init__(
        self,
        timepiece: Timepiece,
        max_requests: int | None = None,
        max_seconds: float | None = None,
        rate: float | None = None,
        stop: Stop | None = None,
    ) -> None:
        self.timepiece = timepiece
        self.max_requests = max_requests
        self.max_seconds = max_seconds
        self.rate = rate
        self.stop = stop or Stop()
        self.started = timepiece.monotonic()
        self.count = 0
        self.free_at = self.started
        self.ended: EndedError | None = None
        self.cleaning = False
        self.lock = threading.Lock()

    def take(self) -> None:
        """Returns when the next request may go out."""
        with self.lock:
            self.check()
            if self.max_requests is not None and self.count >= self.max_requests:
                raise self.end(f"--max-requests {self.max_requests} are spent")
            self.count += 1
            now = self.timepiece.monotonic()
            pause = max(0.0, self.free_at - now)
            self.free_at = max(self.free_at, now) + (1 / self.rate if self.rate else 0.0)
        self.sleep(pause)

    def check(self) -> None:
        """Raises EndedError when the run is over."""
        if self.stop.at_once or (self.stop.reason is not None and not self.cleaning):
            raise self.end(self.stop.reason or "stopped")
        if self.ended is not None and not self.cleaning:
            raise self.ended
        if self.left() <= 0:
            raise self.end(f"--max-seconds {self.max_seconds:g} are over")

    def end(self, reason: str, lost: bool = False) -> EndedError:
        """The error that this and every later request comes to."""
        self.ended = EndedError(reason, lost)
        return self.ended

    def left(self) -> float:
        if self.max_seconds is None:
            return float("inf")
        return self.started + self.max_seconds - self.timepiece.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits; cut short by the end of the run."""
        if seconds > 0:
            self.timepiece.sleep(max(0.0, min(seconds, self.left())))
            self.check()

    def hold(self, seconds: float) -> None:
        """No request goes out for so long."""
        with self.lock:
            self.free_at = max(self.free_at, self.timepiece.monotonic() + seconds)

    def reserve(self, records: int) -> None:
        """From here on the run cleans up, with a budget of its own."""
        self.cleaning = True
        self.ended = None
        if self.max_requests is not None:
            self.max_requests = self.count + max(CLEANING_REQUESTS, REQUESTS_FOR_EACH * records)
        if self.max_seconds is not None:
            spent = self.timepiece.monotonic() - self.started
            pace = records / self.rate if self.rate else records * 0.5
            self.max_seconds = spent + CLEANING_SECONDS + pace
