"""The tenant's clock, and what happens at the provider's side."""

from __future__ import annotations

from typing import Any

from mock_server.clock import format_instant, parse_instant
from mock_server.http.control.call import Call
from mock_server.http.control.errors import ControlError
from mock_server.http.control.provider import come_in
from mock_server.pipeline.order import cause, settle
from mock_server.state.tenant import Tenant


def read_clock(call: Call) -> Any:
    return clock_row(call.tenant)


def clock_row(tenant: Tenant) -> dict[str, Any]:
    clock = tenant.clock
    mode = "frozen" if clock.frozen is not None else "shifted" if clock.offset else "real"
    return {"now": format_instant(clock.now()), "mode": mode}


def move_clock(call: Call) -> Any:
    tenant = call.tenant
    ((word, value),) = call.body.items()
    with tenant.store.transaction():
        steer(tenant, word, value)
        settle(call.lane.plan, tenant, tenant.clock.now())
        return clock_row(tenant)


def steer(tenant: Tenant, word: str, value: Any) -> None:
    clock = tenant.clock
    instant = parse_instant(value) if isinstance(value, str) else None
    if word == "advance":
        clock.advance(value)
    elif word == "set" and instant is not None:
        clock.set(instant)
    elif word == "freeze":
        clock.freeze(instant)
    else:
        clock.real()


def happen(call: Call) -> Any:
    event, facts = call.values["event"], call.body
    if event in call.lane.document.happenings:
        return come_in(call, event, facts)
    if not isinstance(facts.get("id"), str):
        raise ControlError(
            409, 'Nothing is named to which it happens; the "id" of a record is expected.'
        )
    known = {
        one.event
        for resource in call.lane.document.resources.values()
        if resource.lifecycle is not None
        for one in resource.lifecycle.transitions
        if one.event is not None
    }
    record = cause(call.lane.plan, call.tenant, facts["id"], event, facts)
    if record is None:
        listed = ", ".join(sorted(known)) or "none"
        raise ControlError(
            409,
            f'no record {facts["id"]} is in a state in which "{event}" can happen; '
            f"events of this document: {listed}",
        )
    return record.data


CALLS = {"clock": read_clock, "moveClock": move_clock, "cause": happen}
