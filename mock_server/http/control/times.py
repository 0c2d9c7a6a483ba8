"""The tenant's clock, and what happens at the provider's side."""

from __future__ import annotations

from typing import Any

from mock_server.clock import format_instant, parse_instant
from mock_server.http.control.call import Call
from mock_server.http.control.errors import ControlError, missing
from mock_server.http.control.interface import misfit
from mock_server.http.control.provider import come_in, happenings
from mock_server.pipeline.order import catch_up, cause
from mock_server.spec.pointers import nearest, one_of
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
        catch_up(call.lane.plan, tenant)
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
    known = [row["event"] for row in happenings(call)]
    if event not in known:
        raise missing("event", event, nearest(event, known) or one_of(known))
    named = facts.get("id")
    if not isinstance(named, str):
        fault = misfit("body/id", named, "the id of the record to which it happens")
        raise ControlError(409, "The facts do not fit.", [fault])
    record = cause(call.lane.plan, call.tenant, named, event, facts)
    if record is None:
        raise cannot_happen(call, event, named)
    return record.data


def cannot_happen(call: Call, event: str, record_id: str) -> ControlError:
    """Why an event cannot happen to a record: it is not there, or in another state."""
    for prototype in call.lane.plan.prototypes.values():
        machine = prototype.machine
        stored = call.tenant.store.get(prototype.collection, record_id)
        if machine is not None and stored is not None:
            sources = [source for name, source in machine.events if name == event]
            fault = misfit(machine.field, stored.data.get(machine.field), one_of(sources))
            return ControlError(409, f'"{event}" cannot happen to {record_id} now.', [fault])
    return missing("record", record_id, f'"{event}" happens to a record that is there')


CALLS = {"clock": read_clock, "moveClock": move_clock, "cause": happen}
