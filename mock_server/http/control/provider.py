"""The other sides: what comes in from the provider, and what goes out to subscribers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mock_server.clock import format_instant
from mock_server.http.control.call import Call
from mock_server.http.control.errors import ControlError
from mock_server.http.control.interface import Form, iter_misfits
from mock_server.http.journal import explain
from mock_server.http.redaction import covered
from mock_server.messages import article
from mock_server.pipeline.exchange import Plan
from mock_server.pipeline.order import catch_up, perform
from mock_server.pipeline.tell import spread
from mock_server.spec.model import Expression, Value
from mock_server.state.delivery import Delivery


def magic(call: Call) -> Any:
    """The values that make the provider do something."""
    return [
        {
            "resource": resource.name,
            "field": one.field,
            "value": one.value,
            "says": one.says,
            "event": one.event or None,
            "after": one.after,
        }
        for resource in call.lane.document.resources.values()
        for one in resource.magic
    ]


def happenings(call: Call) -> Any:
    """What can happen at the provider's side, and what may be told of it."""
    found = [
        {"event": one.name, "says": one.says, "facts": one.facts}
        for one in call.lane.document.happenings.values()
    ]
    for resource in call.lane.document.resources.values():
        transitions = resource.lifecycle.transitions if resource.lifecycle else ()
        for event in dict.fromkeys(one.event for one in transitions if one.event):
            ways = [one for one in transitions if one.event == event]
            moves = ", ".join(dict.fromkeys(f"{one.source} to {one.to}" for one in ways))
            says = f"It happens to {article(resource.title)}, which goes from {moves}."
            properties: dict[str, Any] = {"id": {"type": "string"}}
            for one in ways:
                properties |= {name: {} for name in facts_read(one.sets.values())}
            facts = {"type": "object", "required": ["id"], "properties": properties}
            found.append({"event": event, "says": says, "facts": facts})
    return found


def facts_read(values: Iterable[Value]) -> list[str]:
    """The facts of an event that values are taken from."""
    return [
        one.tokens[0]
        for one in values
        if isinstance(one, Expression) and one.source == "event" and one.tokens
    ]


def come_in(call: Call, name: str, facts: Mapping[str, Any]) -> Any:
    """The request that a happening is: its record, or the rules that it breaks."""
    plan, tenant = call.lane.plan, call.tenant
    prepared, _ = plan.happenings[name]
    faults = list(iter_misfits(Form(dict(prepared.happening.facts), prepared.facts), facts, "body"))
    if faults:
        raise ControlError(409, "The facts do not fit.", faults)
    with tenant.store.transaction():
        now = catch_up(plan, tenant)
        exchange, problem = perform(plan, tenant, name, facts, now)
        spread(plan, tenant)
    if problem is not None:
        broken = [explain(violation, plan, "broken") for violation in problem.violations]
        raise ControlError(409, "What comes in breaks rules.", (), broken)
    return exchange.answer


def deliveries(call: Call) -> Any:
    """What went out to subscribers, the newest first."""
    return [delivery_row(one, call.lane.plan) for one in reversed(call.tenant.deliveries)]


def one_delivery(call: Call) -> Any:
    return delivery_row(find_delivery(call), call.lane.plan)


def find_delivery(call: Call) -> Delivery:
    kept = call.tenant.deliveries
    for one in kept:
        if one.number == call.values["id"]:
            return one
    raise ControlError(
        404,
        f"There is no delivery {call.values['id']}; the last {kept.maxlen} of a key are kept.",
    )


def send_again(call: Call) -> Any:
    """The same delivery once more, as a new one behind those that wait."""
    tenant, delivery = call.tenant, find_delivery(call)
    with tenant.store.transaction():
        now = tenant.clock.now()
        tenant.delivered += 1
        fresh = replace(
            delivery, number=tenant.delivered, made=now, due=now, state="waiting", attempts=[]
        )
        tenant.deliveries.append(fresh)
        assert tenant.dispatch is not None  # there was a delivery
        tenant.dispatch(tenant, [fresh])
    return delivery_row(fresh, call.lane.plan)


def delivery_row(delivery: Delivery, plan: Plan) -> dict[str, Any]:
    waits = delivery.state == "waiting" and delivery.attempts
    return {
        "id": delivery.number,
        "subscription": delivery.subscription,
        "entry": delivery.entry,
        "url": covered(delivery.url, plan, "url"),
        "state": delivery.state,
        "made": format_instant(delivery.made),
        "next": format_instant(delivery.due) if waits else None,
        "attempts": [
            {"at": format_instant(one.instant), "status": one.status, "error": one.error or None}
            for one in delivery.attempts
        ],
        "body": covered(json.loads(delivery.body), plan),
    }


CALLS = {
    "magic": magic,
    "happenings": happenings,
    "deliveries": deliveries,
    "delivery": one_delivery,
    "sendAgain": send_again,
}
