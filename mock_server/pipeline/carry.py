"""State when a document or a seed changes: what an account has done is carried over where it still fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema_rs import Draft202012Validator

from mock_server.pipeline.exchange import Plan
from mock_server.rules.improvised import Improvised
from mock_server.rules.record import Prototype
from mock_server.spec.loader import Source
from mock_server.state.seed import build_fit, record_faults
from mock_server.state.store import Keyed, Record, Store

NOWHERE = Source(None, "", None)


def carry(plan: Plan, base: Store, mine: Store, theirs: Store) -> list[str]:
    """Puts into `theirs`, planted anew, what `mine` has done since it was planted as `base` was.

    Untouched records of the seed are the new seed's; what was created, changed or deleted stays so.
    Returns what was dropped and why, a line each.
    """
    dropped: list[str] = []
    known = {prototype.collection: prototype for prototype in plan.prototypes.values()}
    for name in mine.collections():
        planted = {}
        if name in base.collections():
            planted = {record.record_id: record for record in base.iter_records(name)}
        touched = [one for one in mine.iter_records(name) if planted.get(one.record_id) is not one]
        if name not in known:
            if touched:
                dropped.append(
                    f"{name}: {len(touched)} records: the document has no such collection"
                )
            continue
        dropped += carry_collection(known[name], touched, theirs)
        for record_id in planted:
            if mine.get(name, record_id) is None:
                theirs.delete(name, record_id)
    return dropped


def carry_collection(prototype: Prototype, touched: list[Record], theirs: Store) -> Iterator[str]:
    fits = build_fit(prototype.resource)
    lost: dict[str, int] = {}
    for record in touched:
        values = {**record.data, **record.hidden}
        for field, value in values.items():
            if field not in prototype.template and value is not None:
                lost[field] = lost.get(field, 0) + 1
        kept = {field: value for field, value in values.items() if field in prototype.template}
        fault = first_fault(prototype, kept, fits)
        if fault:
            yield f"{prototype.collection}: {record.record_id}: {fault}"
        else:
            theirs.put(prototype.collection, refit(prototype, record, kept))
    for field, times in lost.items():
        yield f"{prototype.collection}: the field {field} of {times} records: the document has no such field"


def first_fault(prototype: Prototype, values: Mapping[str, Any], fits: Draft202012Validator) -> str:
    """Why a record fits its resource no longer, or nothing. Nobody has to have given a field."""
    given = {field: value for field, value in values.items() if value is not None}
    for fault in record_faults(NOWHERE, given, prototype.resource, fits, "#", set()):
        return f"{fault.pointer}: found {fault.found}; expected {fault.expected}"
    return ""


def refit(prototype: Prototype, record: Record, values: Mapping[str, Any]) -> Record:
    """The record in the shape that the document has now."""
    if isinstance(prototype, Improvised):  # by which a record has no more than it was given
        hidden = {field: values[field] for field in prototype.hidden if field in values}
        shown = {field: value for field, value in values.items() if field not in hidden}
        above = record.above if isinstance(record, Keyed) else {}
        return Keyed(record.record_id, shown, hidden, above, record.entered, record.sequence)
    data = {**prototype.template, **values, "id": record.record_id}
    machine = prototype.machine
    due = machine.due(data, record.entered) if machine is not None else None
    hidden = {field: data.pop(field) for field in prototype.hidden}
    explicit = record.explicit & data.keys()
    return Record(data, hidden, explicit, record.entered, due, record.sequence)
