"""A tenant's time, for tests to move: what is due fires at once, in order, each at its own due time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from mock_server.clock import EPOCH, LATEST, MICROSECOND, SECOND, parse_instant
from mock_server.errors import MockServerError
from mock_server.pipeline.exchange import Plan
from mock_server.pipeline.order import catch_up
from mock_server.state.tenant import Tenant

UNITS = {
    "weeks": 604_800,
    "days": 86_400,
    "hours": 3_600,
    "minutes": 60,
    "seconds": 1,
    "milliseconds": 0.001,
    "microseconds": 0.000_001,
}


class MockClock:
    """Time as one account sees it; it is real until it is moved."""

    def __init__(self, tenant: Tenant, plan: Plan) -> None:
        self.tenant = tenant
        self.plan = plan

    @property
    def now(self) -> datetime:
        """What time it is, in UTC."""
        return EPOCH + timedelta(microseconds=self.tenant.clock.now())

    def freeze(self, at: datetime | str | None = None) -> datetime:
        """Stops the clock, now or at a moment (a datetime, or ISO 8601)."""
        with self.tenant.store.transaction():
            self.tenant.clock.freeze(None if at is None else to_instant(at))
            return self.settled()

    def set(self, at: datetime | str) -> datetime:
        """Makes it that moment; the clock runs on unless it is frozen."""
        with self.tenant.store.transaction():
            self.tenant.clock.set(to_instant(at))
            return self.settled()

    def advance(self, by: float | timedelta = 0, **units: float) -> datetime:
        """Moves time on by seconds, a timedelta, or units of one (`minutes=5`)."""
        seconds = to_seconds(by, units)
        with self.tenant.store.transaction():
            self.tenant.clock.advance(seconds)
            return self.settled()

    def real(self) -> datetime:
        """Lets the clock show the machine's time again."""
        with self.tenant.store.transaction():
            self.tenant.clock.real()
            return self.settled()

    def settled(self) -> datetime:
        catch_up(self.plan, self.tenant)
        return self.now


def to_seconds(by: float | timedelta, units: Mapping[str, float]) -> float:
    """How far time is moved on; raises MockServerError for what is no time, or no time to come."""
    wrong = [one for one in units.values() if not isinstance(one, int | float)]
    wrong += [] if isinstance(by, int | float | timedelta) else [by]
    unknown = [name for name in units if name not in UNITS]
    if wrong or unknown:
        found = [*map(repr, wrong), *(f"the unit {name}" for name in unknown)]
        raise MockServerError(
            f"advance: found {', '.join(found)}; expected seconds, a timedelta, or a number of "
            f"{', '.join(UNITS)}"
        )
    seconds = by.total_seconds() if isinstance(by, timedelta) else float(by)
    seconds += sum(number * UNITS[name] for name, number in units.items())
    if not 0 <= seconds <= LATEST / SECOND:
        raise MockServerError(f"advance: found {seconds:g} seconds; expected no less than 0")
    return seconds


def to_instant(moment: datetime | str) -> int:
    """Microseconds since 1970; without an offset it is UTC."""
    if isinstance(moment, datetime):
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (aware - EPOCH) // MICROSECOND
    instant = parse_instant(moment) if isinstance(moment, str) else None
    if instant is None:
        found = f'"{moment}"' if isinstance(moment, str) else repr(moment)
        raise MockServerError(
            f"found the moment {found}; expected a datetime, or text such as 2030-01-31T09:00:00Z"
        )
    return instant
