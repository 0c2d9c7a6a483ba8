"""Faults on purpose: listed, added, removed."""

from __future__ import annotations

from typing import Any

from mock_server.http.control.call import Call
from mock_server.http.control.errors import ControlError, missing
from mock_server.http.control.interface import misfit
from mock_server.http.control.names import check_names
from mock_server.http.control.search import prepared
from mock_server.http.faults import Fault

MOST = 200  # faults of a tenant
FRAMING = ("content-length", "transfer-encoding", "connection")
BODYLESS = (204, 304)


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
    fault = Fault(call.body)
    with tenant.store.transaction():
        tenant.faults.append(fault)
    call.lane.steering.active = True
    if fault.does == "latency":
        call.lane.steering.on_wait()
    return row(fault), 201


def check(call: Call) -> None:
    """The names that a fault holds must exist, and its schemas must be some."""
    match = call.body.get("match", {})
    for name in ("query", "body"):
        if name in match:
            prepared(match[name], f"body/match/{name}")
    for name, schema in match.get("headers", {}).items():
        prepared(schema, f"body/match/headers/{name}")
    check_names(call.lane, {"body/match/": match})
    faults = [
        misfit(f"body/headers/{name}", name, "a header that is no part of how the answer is framed")
        for name in call.body.get("headers", {})
        if name.lower() in FRAMING
    ]
    if call.body.get("status") in BODYLESS and "body" in call.body:
        faults.append(misfit("body/body", call.body["body"], "no body: this status has none"))
    if faults:
        raise ControlError(409, "Such an answer cannot be sent.", faults)


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
