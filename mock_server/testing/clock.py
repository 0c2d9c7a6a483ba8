"""A tenant's time, for tests to move: what is due fires at once, in order, each at its own due time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mock_server.clock import EPOCH, LATEST, MICROSECOND, SECOND, parse_instant
from mock_server.errors import MockServerError
from mock_server.pipeline.exchange import Plan
from mock_server.pipeline.order import catch_up
from mock_server.state.tenant import Tenant


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
        seconds = (by.total_seconds() if isinstance(by, timedelta) else by) + timedelta(
            **units
        ).total_seconds()
        if not 0 <= seconds <= LATEST / SECOND:
            raise MockServerError(f"advance: found {seconds:g} seconds; expected no less than 0")
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


def to_instant(moment: datetime | str) -> int:
    """Microseconds since 1970; without an offset it is UTC."""
    if isinstance(moment, datetime):
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (aware - EPOCH) // MICROSECOND
    instant = parse_instant(moment)
    if instant is None:
        raise MockServerError(
            f'found the moment "{moment}"; expected a datetime, or text such as 2030-01-31T09:00:00Z'
        )
    return instant
