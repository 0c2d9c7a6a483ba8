"""Snapshots: what a tenant holds, kept, brought back, compared; and the way back to the seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mock_server.clock import Clock, format_instant
from mock_server.http.control.call import Call
from mock_server.http.control.errors import ControlError, missing
from mock_server.http.control.records import fields_of, shown_of
from mock_server.pipeline.exchange import Plan
from mock_server.pipeline.order import catch_up
from mock_server.spec.pointers import nearest
from mock_server.state.store import Record, Store
from mock_server.state.tenant import Tenant, Tenants

MOST = 50  # snapshots that a tenant keeps
NOW = "now"
Records = Mapping[str, Mapping[str, Record]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A tenant's records and clock at a moment. Records never change, so they are only referred to."""

    name: str
    at: int
    offset: int
    frozen: int | None
    records: Records


def records_of(store: Store) -> Records:
    return {
        name: {record.record_id: record for record in store.iter_records(name)}
        for name in store.collections()
    }


def take(plan: Plan, tenant: Tenant, name: str) -> Snapshot:
    with tenant.store.transaction():
        now = catch_up(plan, tenant)
        clock = tenant.clock
        return Snapshot(name, now, clock.offset, clock.frozen, records_of(tenant.store))


def replace(store: Store, records: Records) -> None:
    """Makes a store hold these records and no others."""
    for name in store.collections():
        for record in list(store.iter_records(name)):
            store.delete(name, record.record_id)
        for record in sorted(records.get(name, {}).values(), key=lambda one: one.sequence):
            store.put(name, record)


def restore(tenant: Tenant, snapshot: Snapshot) -> None:
    with tenant.store.transaction():
        replace(tenant.store, snapshot.records)
        tenant.clock.offset, tenant.clock.frozen = snapshot.offset, snapshot.frozen


def reset(tenants: Tenants, tenant: Tenant) -> None:
    """The tenant as it was at first: records of the seed, real time, nothing noted."""
    fresh = opened_again(tenants, tenant)
    with tenant.store.transaction():
        replace(tenant.store, records_of(fresh.store))
        tenant.clock.real()
        tenant.ids = fresh.ids
        tenant.principals = fresh.principals
        tenant.journal.clear()
        tenant.tally.clear()
        tenant.counts.clear()
        tenant.faults.clear()
        tenant.limits.clear()
        tenant.deliveries.clear()


def opened_again(tenants: Tenants, tenant: Tenant) -> Tenant:
    for number, seeded in enumerate(tenants.seeded):
        if seeded is tenant:
            return tenants.open_seeded()[number]
    return tenants.open_fresh(tenant.name)


def row(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "name": snapshot.name,
        "at": format_instant(snapshot.at),
        "collections": {name: len(held) for name, held in snapshot.records.items()},
    }


def named(call: Call, name: str) -> Snapshot:
    found: Snapshot | None = call.tenant.snapshots.get(name)
    if found is None:
        known = list(call.tenant.snapshots)
        listed = ", ".join(known) or "none"
        raise missing("snapshot", name, nearest(name, known) or f"there are: {listed}")
    return found


def listed(call: Call) -> Any:
    return [row(snapshot) for snapshot in call.tenant.snapshots.values()]


def keep(call: Call) -> Any:
    tenant = call.tenant
    name = call.body.get("name") or free_name(tenant)
    if name in tenant.snapshots:
        raise ControlError(409, f'There is a snapshot "{name}" already; delete it first.')
    if len(tenant.snapshots) >= MOST:
        raise ControlError(409, f"There are {MOST} snapshots already; delete one first.")
    snapshot = tenant.snapshots[name] = take(call.lane.plan, tenant, name)
    return row(snapshot), 201


def free_name(tenant: Tenant) -> str:
    number = len(tenant.snapshots) + 1
    while f"snapshot-{number}" in tenant.snapshots:
        number += 1
    return f"snapshot-{number}"


def drop(call: Call) -> Any:
    del call.tenant.snapshots[named(call, call.values["snapshot"]).name]


def bring_back(call: Call) -> Any:
    snapshot = named(call, call.values["snapshot"])
    restore(call.tenant, snapshot)
    return row(snapshot)


def start_again(call: Call) -> Any:
    if call.values["only"] == "records":
        call.lane.tenants.renew(call.tenant)
    else:
        reset(call.lane.tenants, call.tenant)
        for journal in call.lane.journals(
            call.tenant
        ):  # with what came without a key that is known
            journal.clear()
    return {"collections": dict(call.tenant.store.collections())}


def diff(call: Call) -> Any:
    before = named(call, call.values["snapshot"])
    to = call.values["to"]
    after = take(call.lane.plan, call.tenant, NOW) if to == NOW else named(call, to)
    return {"from": before.name, "to": to, **compare(call.lane.plan, before.records, after.records)}


def compare(plan: Plan, before: Records, after: Records) -> dict[str, Any]:
    """What was created, changed and deleted between two states."""
    created, changed, deleted = [], [], []
    for prototype in plan.prototypes.values():
        name = prototype.collection
        old, new = before.get(name, {}), after.get(name, {})

        def shown(record: Record, prototype: Any = prototype) -> dict[str, Any]:
            return shown_of(plan, prototype, fields_of(record))

        created += [change_row(name, i, record=shown(r)) for i, r in new.items() if i not in old]
        deleted += [change_row(name, i, record=shown(r)) for i, r in old.items() if i not in new]
        for record_id, record in new.items():
            if record_id in old and record is not old[record_id]:
                # What is secret is compared as it is, and then not shown.
                names = differences(fields_of(old[record_id]), fields_of(record))
                was, became = shown(old[record_id]), shown(record)
                fields = {n: {"before": was.get(n), "after": became.get(n)} for n in names}
                if fields:
                    changed.append(change_row(name, record_id, fields=fields))
    return {"created": created, "changed": changed, "deleted": deleted}


def change_row(collection: str, record_id: str, **more: Any) -> dict[str, Any]:
    return {"collection": collection, "id": record_id, **more}


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The fields that differ."""
    names = dict.fromkeys((*old, *new))
    return [name for name in names if old.get(name) != new.get(name)]


def clock_of(snapshot: Snapshot, source: Any) -> Clock:
    """A clock that stands where the snapshot was taken."""
    clock = Clock(source)
    clock.frozen = snapshot.at
    return clock


CALLS = {
    "snapshots": listed,
    "takeSnapshot": keep,
    "dropSnapshot": drop,
    "restoreSnapshot": bring_back,
    "diffSnapshots": diff,
    "reset": start_again,
}
