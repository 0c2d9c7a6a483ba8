"""Ctrl-C and SIGTERM: the first one ends a run in good order, the second one at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from contracts.target.pace import Stop

NUMBERS = (signal.SIGINT, signal.SIGTERM)
ONCE = b"\ncontracts: stopping, and deleting what was created; once more leaves at once\n"


@contextmanager
def stopping() -> Iterator[Stop]:
    """A stop that the signals pull. What is under way is not torn apart: the next request is not sent."""
    stop = Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.reason is not None:
            stop.at_once = True
            raise KeyboardInterrupt
        stop.reason = f"stopped by {signal.Signals(number).name}"
        os.write(sys.stderr.fileno(), ONCE)  # a handler may not use what it may have interrupted

    before = {number: signal.signal(number, handle) for number in NUMBERS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
