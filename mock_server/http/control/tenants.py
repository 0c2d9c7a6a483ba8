"""Tenants: which worlds are open, one more, one less."""

from __future__ import annotations

import re
from typing import Any

from mock_server.clock import SECOND, format_instant
from mock_server.http.control.call import Call
from mock_server.http.control.errors import ControlError, missing
from mock_server.http.control.interface import misfit
from mock_server.http.control.times import clock_row
from mock_server.http.wire import Lane
from mock_server.ids import IdFactory
from mock_server.state.tenant import Tenant

INVENTED = 16  # characters of an invented key
KEY = re.compile(r"[!-9;-~]+")  # what Basic and Bearer credentials can hold


def row(lane: Lane, tenant: Tenant) -> dict[str, Any]:
    tenants = lane.tenants
    expires = lane.steering.expiries.get(tenant.name)
    return {
        "name": tenant.name,
        "keys": [key for key in tenant.principals if key.startswith(tenants.prefix)],
        "seeded": tenant in tenants.seeded,
        "records": sum(tenant.store.collections().values()),
        "requests": len(tenant.journal),
        "faults": len(tenant.faults),
        "clock": clock_row(tenant),
        "expires": None if expires is None else format_instant(expires),
    }


def listed(call: Call) -> Any:
    return [row(call.lane, tenant) for tenant in call.lane.tenants.iter_tenants()]


def open_one(call: Call) -> Any:
    lane, tenants = call.lane, call.lane.tenants
    key = call.body.get("key") or tenants.prefix + IdFactory().new("")[:INVENTED]
    if not key.startswith(tenants.prefix) and key not in tenants.keys:
        fault = misfit("body/key", key, f"a key that begins with {tenants.prefix}")
        raise ControlError(409, "This key opens no tenant.", [fault])
    if not KEY.fullmatch(key):
        fault = misfit(
            "body/key", key, "letters, digits and signs that a header can hold, no colon"
        )
        raise ControlError(409, "This key opens no tenant.", [fault])
    if key in tenants.keys or any(tenant.name == key for tenant in tenants.iter_tenants()):
        raise ControlError(409, "There is a tenant with this key already.")
    tenant = tenants.find(key)
    assert tenant is not None
    if "ttl" in call.body:
        lane.steering.expiries[key] = tenants.real_now() + round(call.body["ttl"] * SECOND)
        lane.steering.active = True
    return row(lane, tenant), 201


def drop(call: Call) -> Any:
    lane, name = call.lane, call.values["tenant"]
    if name in lane.tenants.keys or any(one.name == name for one in lane.tenants.seeded):
        raise ControlError(409, "A tenant of a seed stays; POST /__mock/reset makes it as it was.")
    if not lane.tenants.drop(name):
        raise missing("tenant", name, "GET /__mock/tenants lists them")
    lane.steering.expiries.pop(name, None)


CALLS = {"tenants": listed, "openTenant": open_one, "dropTenant": drop}
