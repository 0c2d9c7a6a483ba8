"""Faults on purpose: listed, added, removed."""

from __future__ import annotations

from typing import Any

from mock_server.http.control.call import Call
from mock_server.http.control.errors import ControlError, missing
from mock_server.http.control.interface import misfit
from mock_server.http.faults import Fault
from mock_server.spec.pointers import nearest, one_of

MOST = 200  # faults of a tenant


def row(fault: Fault) -> dict[str, Any]:
    return {
        "id": fault.number,
        **fault.wish,
        "matched": fault.matched,
        "happened": fault.happened,
        "left": fault.left,
    }


def listed(call: Call) -> Any:
    return [row(fault) for fault in call.tenant.faults]


def add(call: Call) -> Any:
    check(call)
    tenant = call.tenant
    if len(tenant.faults) >= MOST:
        raise ControlError(409, f"There are {MOST} faults already; remove some first.")
    try:
        fault = Fault(call.body)
    except ValueError as error:
        place = misfit("body/match", call.body.get("match"), "JSON Schemas 2020-12")
        raise ControlError(400, f"A schema is none: {error}.", [place]) from None
    with tenant.store.transaction():
        tenant.faults.append(fault)
    call.lane.steering.active = True
    if fault.does == "latency":
        call.lane.steering.on_wait()
    return row(fault), 201


def check(call: Call) -> None:
    """The operations that a fault names must exist."""
    document = call.lane.document
    operations = {**document.operations, **document.plain}
    named = call.body.get("match", {}).get("operation", [])
    faults = [
        misfit(
            "body/match/operation",
            name,
            f"an operation of the document; {nearest(name, operations) or one_of(operations)}",
        )
        for name in ([named] if isinstance(named, str) else named)
        if name not in operations
    ]
    if faults:
        raise ControlError(404, "There is no such operation.", faults)


def drop(call: Call) -> Any:
    number, tenant = call.values["id"], call.tenant
    with tenant.store.transaction():
        kept = [fault for fault in tenant.faults if fault.number != number]
        if len(kept) == len(tenant.faults):
            raise missing("fault", number, "GET /__mock/faults lists them")
        tenant.faults[:] = kept


def drop_all(call: Call) -> Any:
    with call.tenant.store.transaction():
        call.tenant.faults.clear()


CALLS = {"faults": listed, "addFault": add, "dropFault": drop, "dropFaults": drop_all}
