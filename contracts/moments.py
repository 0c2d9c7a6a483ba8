"""Date-times as the wire writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

STRICT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


def parse_moment(text: Any) -> datetime | None:
    """The moment, or None for what is no date-time with an offset."""
    if not isinstance(text, str) or not STRICT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return None


def read_moment(text: Any) -> datetime | None:
    """As `parse_moment`, and one without an offset is in UTC."""
    moment = parse_moment(text)
    return moment if moment is not None or not isinstance(text, str) else parse_moment(f"{text}Z")


def format_moment(seconds: float) -> str:
    """Whole seconds since 1970 as a UTC date-time."""
    moment = datetime.fromtimestamp(int(seconds), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def is_same_moment(left: Any, right: Any, tolerance: float = 0.0015) -> bool:
    """Whether two texts mean one moment; what is finer than a millisecond is not asked for."""
    first, second = read_moment(left), read_moment(right)
    if first is None or second is None:
        return False
    return abs(first - second) <= timedelta(seconds=tolerance)


def with_offset(value: Any, offset: timezone) -> Any:
    """The same moment as a clock elsewhere shows it."""
    moment = read_moment(value)
    return value if moment is None else moment.astimezone(offset).isoformat()
