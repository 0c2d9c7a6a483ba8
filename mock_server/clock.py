"""Time as an input: instants are whole microseconds since 1970 in UTC."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
EARLIEST = (datetime.min.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
LATEST = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MICROSECOND

DATE_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?"
    r"(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2}))?"
)


def system_now() -> int:
    """The machine's time, cut to milliseconds as the API writes it."""
    return time.time_ns() // 1_000_000 * 1_000


@lru_cache(maxsize=4_096)
def parse_instant(text: str) -> int | None:
    """An ISO 8601 date-time as an instant; None where it is none.

    Without an offset it is UTC. A leap second counts as the second after it.
    Instants before year 1 or after year 9999 in UTC become the nearest that can be written.
    """
    match = DATE_TIME.fullmatch(text)
    if match is None:
        return None
    day, minutes, seconds, fraction, _, sign, hours, more = match.groups()
    leap = seconds == "60"
    try:
        moment = datetime.fromisoformat(
            f"{day}T{minutes}:{'59' if leap else seconds or '00'}+00:00"
        )
    except ValueError:
        return None
    instant = (moment - EPOCH) // MICROSECOND + (SECOND if leap else 0)
    if fraction:
        instant += int(fraction[:6].ljust(6, "0"))
    if sign:
        if int(hours) > 23 or int(more) > 59:
            return None
        offset = (int(hours) * 3600 + int(more) * 60) * SECOND
        instant += -offset if sign == "+" else offset
    return min(max(instant, EARLIEST), LATEST)


def parse_moment(text: str) -> int | None:
    """The instant of a date-time, or the first one of a date; None where it is neither."""
    instant = parse_instant(text)
    return parse_instant(f"{text}T00:00:00Z") if instant is None and "T" not in text else instant


@lru_cache(maxsize=1_024)
def format_instant(instant: int) -> str:
    """As the API writes date-times: `2019-02-05T13:18:43.186000+00:00`."""
    return (EPOCH + timedelta(microseconds=instant)).isoformat(timespec="microseconds")


def is_date_time(text: str) -> bool:
    return parse_instant(text) is not None


class Clock:
    """A tenant's time: real, shifted or frozen."""

    __slots__ = ("frozen", "moved", "offset", "source")

    def __init__(self, source: Callable[[], int] = system_now) -> None:
        self.source = source
        self.offset = 0
        self.frozen: int | None = None
        self.moved: Callable[[], None] = do_nothing  # is told when time makes a leap

    def now(self) -> int:
        if self.frozen is not None:
            return self.frozen
        return min(self.source() + self.offset, LATEST)

    def advance(self, seconds: float) -> None:
        """Moves time on; a frozen clock stays frozen, later."""
        step = round(seconds * SECOND)
        if self.frozen is not None:
            self.frozen = min(self.frozen + step, LATEST)
        else:
            self.offset = min(self.offset + step, LATEST - self.source())
        self.moved()

    def freeze(self, instant: int | None = None) -> None:
        self.frozen = self.now() if instant is None else instant
        self.moved()

    def set(self, instant: int) -> None:
        """Makes it that time now, and lets it run on unless it is frozen."""
        if self.frozen is not None:
            self.frozen = instant
        else:
            self.offset = instant - self.source()
        self.moved()

    def real(self) -> None:
        self.offset = 0
        self.frozen = None
        self.moved()


def do_nothing() -> None:
    """Where nobody has to be told."""
