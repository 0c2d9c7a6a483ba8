"""What answers say about rate limits: how long to wait, by any of the headers in use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from contracts.target.wire import Answer

SOME = 1.0  # where a limit does not say for how long
EPOCH = 1_000_000_000  # larger numbers are moments, not spans
RESETS = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")
REMAINING = ("ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining")


def pause_of(answer: Answer, now: float) -> float:
    """How many seconds a refusal asks to wait; `now` is in seconds since 1970."""
    return next(iter_pauses(answer, now), SOME)


def spent_pause(answer: Answer, now: float) -> float:
    """How long to wait after an answer that says that nothing is left; 0 where it does not."""
    told = re.search(r"(?:remaining|\br)=(\d+)", answer.headers.get("ratelimit", ""))
    left = [told[1] if told else None, *(answer.headers.get(name) for name in REMAINING)]
    if "0" not in [one.strip() for one in left if one is not None]:
        return 0.0
    return next(iter_pauses(answer, now), 0.0)


def iter_pauses(answer: Answer, now: float) -> Iterator[float]:
    body = answer.body if isinstance(answer.body, dict) else {}
    told = re.search(r"(?:reset|\bt)=([0-9.]+)", answer.headers.get("ratelimit", ""))
    for value in (
        answer.headers.get("retry-after"),
        told[1] if told else None,
        *(answer.headers.get(name) for name in RESETS),
        body.get("rate_reset"),
    ):
        seconds = to_seconds(value, now)
        if seconds is not None:
            yield seconds


def to_seconds(value: Any, now: float) -> float | None:
    """A span from a number of seconds, of milliseconds since 1970, a moment, or a date."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return date_to_seconds(str(value), now)
    if number != number or number < 0:
        return None
    if number >= EPOCH * 1000:
        number /= 1000
    return max(0.0, number - now) if number >= EPOCH else number


def date_to_seconds(text: str, now: float) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max(0.0, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now)
