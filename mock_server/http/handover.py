"""What tests have arranged when a document changes: faults and snapshots stay where they still fit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mock_server.http.control.errors import ControlError
from mock_server.http.control.names import check_names
from mock_server.http.control.snapshots import Snapshot, records_of
from mock_server.http.control.snapshots import replace as put_back
from mock_server.pipeline.carry import carry

if TYPE_CHECKING:
    from mock_server.http.faults import Fault
    from mock_server.http.wire import Lane
    from mock_server.state.tenant import Journal, Tenant


def hand_over(lane: Lane, before: Lane, old: Tenant, heir: Tenant) -> list[str]:
    """Gives a tenant's journal, faults, limits and snapshots to who follows it.

    Says what was dropped.
    """
    dropped = []
    hand_over_journal(lane, before, old.journal, heir.journal)
    for fault in old.faults:
        why = unfit(lane, fault)
        if why:
            dropped.append(f"fault {fault.number}: {fault.does}: {why}")
        else:
            heir.faults.append(fault)
    heir.limits = {
        (key, name): count
        for (key, name), count in old.limits.items()
        if name in lane.document.operations
    }
    for name, snapshot in old.snapshots.items():
        heir.snapshots[name], lost = refit(lane, snapshot, old, heir)
        dropped += [f"snapshot {name}: {line}" for line in lost]
    return [f"{old.name}: {line}" for line in dropped]


def hand_over_journal(lane: Lane, before: Lane, old: Journal, heir: Journal) -> None:
    """Requests stay while the document still has their operation and every rule that they broke."""
    known = {one.operation_id for one in lane.document.iter_operations()} | {""}
    for entry in tuple(old):
        broken = {name for one in (*entry.broken, *entry.warned) for name in one.rule_ids}
        if entry.operation_id not in known or not broken <= lane.plan.rules.keys():
            continue
        if entry.sighting is not None:
            entry.kept = before.coverage.met(entry.sighting) & lane.plan.rules.keys()
            entry.sighting = None
        heir.append(entry)


def unfit(lane: Lane, fault: Fault) -> str:
    """Why a fault can meet no request any more; nothing where it can."""
    try:
        check_names(lane, {"match/": fault.wish.get("match", {})})
    except ControlError as error:
        return error.words()
    return ""


def refit(lane: Lane, snapshot: Snapshot, old: Tenant, heir: Tenant) -> tuple[Snapshot, list[str]]:
    """A snapshot as the new document has its records."""
    held: Any = old.planting.store.copy()
    put_back(held, snapshot.records)
    fresh = heir.planting.store.copy()
    lost = carry(lane.plan, old.planting.store, held, fresh)
    return replace(snapshot, records=records_of(fresh)), lost
