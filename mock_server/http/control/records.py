"""Records: looked at, and changed through the operations of the API or the rules of seeds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from mock_server.clock import format_instant
from mock_server.http.control.call import Call
from mock_server.http.control.errors import ControlError, missing
from mock_server.http.control.interface import misfit
from mock_server.http.control.sending import build_request
from mock_server.http.journal import explain
from mock_server.http.redaction import HIDDEN, covered, is_incomplete
from mock_server.pipeline.exchange import OperationPlan, Plan
from mock_server.pipeline.order import catch_up, run
from mock_server.pipeline.plant import complete
from mock_server.pipeline.tell import untold
from mock_server.rules.record import Prototype
from mock_server.rules.values import Context
from mock_server.spec.loader import Source
from mock_server.spec.pointers import escape, nearest, one_of
from mock_server.state.seed import build_fit, record_faults
from mock_server.state.store import Record
from mock_server.state.tenant import Tenant


def collections(call: Call) -> Any:
    with call.tenant.store.transaction():
        catch_up(call.lane.plan, call.tenant, reads="")
        # Counted, not made: the entries of a long log take more room than the records.
        held = Counter(call.tenant.store.collections()) + untold(call.lane.plan, call.tenant)
        return {"collections": {name: held[name] for name in call.tenant.store.collections()}}


def prototype_of(call: Call) -> Prototype:
    prototypes = {one.collection: one for one in call.lane.plan.prototypes.values()}
    name = call.values["collection"]
    if name not in prototypes:
        raise missing("collection", name, nearest(name, prototypes) or one_of(prototypes))
    return prototypes[name]


def stored_of(call: Call, prototype: Prototype) -> Record:
    record = call.tenant.store.get(prototype.collection, call.values["record"])
    if record is None:
        held = call.tenant.store.collections()[prototype.collection]
        raise missing("record", call.values["record"], f"{prototype.collection} holds {held}")
    return record


def keys_of(plan: Plan, prototype: Prototype) -> set[str]:
    """The fields of a resource that hold keys, which are never shown."""
    return {one.by for one in plan.schemes.values() if one.to == prototype.resource.name}


def fields_of(record: Record) -> dict[str, Any]:
    """All fields of a record, hidden ones too."""
    return {**record.data, **record.hidden}


def shown_of(plan: Plan, prototype: Prototype, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a record without what is secret in them."""
    keys = keys_of(plan, prototype)
    return {k: HIDDEN if k in keys and v else covered(v, plan, k) for k, v in fields.items()}


def row_of(plan: Plan, prototype: Prototype, record: Record) -> dict[str, Any]:
    return {
        "id": record.record_id,
        "record": shown_of(plan, prototype, fields_of(record)),
        "due": None if record.due is None else format_instant(record.due),
    }


def listed(call: Call) -> Any:
    prototype, plan = prototype_of(call), call.lane.plan
    store, text = call.tenant.store, (call.values["text"] or "").lower()
    skip, limit = call.values["skip"], call.values["limit"]
    made = call.values["order"] == "made"
    with store.transaction():
        catch_up(plan, call.tenant, prototype.resource.name)
        if not text and not made:
            found = store.select(prototype.collection, [], min(skip, 1 << 40), limit, None, True)
            rows = [row_of(plan, prototype, record) for record in found.records]
            return {"total": found.total, "records": rows}
        rows = [
            row
            for row in (
                row_of(plan, prototype, one) for one in store.iter_records(prototype.collection)
            )
            if text in json.dumps(row["record"], ensure_ascii=False, default=str).lower()
        ]
    if prototype.resource.descending and not made:
        rows.reverse()
    return {"total": len(rows), "records": rows[skip : skip + limit]}


def one(call: Call) -> Any:
    prototype = prototype_of(call)
    with call.tenant.store.transaction():
        catch_up(call.lane.plan, call.tenant, prototype.resource.name)
        return row_of(call.lane.plan, prototype, stored_of(call, prototype))


def create(call: Call) -> Any:
    prototype = prototype_of(call)
    check_whole(call.lane.plan, call.body)
    operation = operation_for(call, prototype, "create")
    if operation is not None:
        return through(call, prototype, operation, {}, call.body), 201
    return by_record(call, prototype, None, call.body), 201


def change(call: Call) -> Any:
    prototype = prototype_of(call)
    stored = stored_of(call, prototype)
    operation = operation_for(call, prototype, "update")
    # What comes back as it was shown, without its secrets, is no change of them.
    fields = fields_of(stored)
    shown = shown_of(call.lane.plan, prototype, fields)
    body = {
        name: value
        for name, value in call.body.items()
        if name not in fields or fields[name] == value or shown[name] != value
    }
    check_whole(call.lane.plan, body)
    check_id(stored, body)
    if operation is not None:
        return through(call, prototype, operation, path_of(operation, stored), body)
    return by_record(call, prototype, stored, body)


def check_whole(plan: Plan, body: Mapping[str, Any]) -> None:
    """Raises ControlError for values of which a part is still as it was shown, without its secret."""
    faults = [
        misfit(f"body/{escape(name)}", value, f"all of it: {HIDDEN} stands for what is not shown")
        for name, value in body.items()
        if is_incomplete(value, plan, name)
    ]
    if faults:
        raise ControlError(409, "A hidden value cannot be changed in part.", faults)


def check_id(stored: Record, body: Mapping[str, Any]) -> None:
    if body.get("id", stored.record_id) != stored.record_id:
        fault = misfit("body/id", body["id"], f'the id as it is, "{stored.record_id}"')
        raise ControlError(409, "An id stays.", [fault])


def remove(call: Call) -> Any:
    prototype = prototype_of(call)
    stored = stored_of(call, prototype)
    operation = operation_for(call, prototype, "delete")
    if operation is not None:
        through(call, prototype, operation, path_of(operation, stored), None)
    else:
        with call.tenant.store.transaction():
            call.tenant.store.delete(prototype.collection, stored.record_id)


def operation_for(call: Call, prototype: Prototype, does: str) -> OperationPlan | None:
    """The operation whose rules hold; none where the caller wants none.

    Raises ControlError where there is none: what the API cannot do would make records that it never has.
    """
    if call.values.get("by") == "record":
        return None
    named = prototype.resource.name
    for plan in call.lane.plan.operations:
        operation = plan.operation
        single = operation.path_template.count("{") <= 1
        if operation.resource == named and operation.does == does and single:
            return plan
    raise ControlError(
        409,
        f"The API has no operation that can {does} one of {prototype.collection}; "
        "?by=record does it by the rules of a seed.",
    )


def path_of(plan: OperationPlan, stored: Record) -> dict[str, Any]:
    names = [one.name for one in plan.operation.parameters if one.location == "path"]
    return dict.fromkeys(names, stored.record_id)


def through(
    call: Call,
    prototype: Prototype,
    operation: OperationPlan,
    path: dict[str, Any],
    body: Any,
) -> Any:
    """Carries a change out as the operation would; it leaves no entry in the journal."""
    lane, tenant = call.lane, call.tenant
    wish = {"operation": operation.operation.operation_id, "parameters": path}
    if operation.operation.does != "delete":
        check_fields(prototype, operation, body)
        wish["body"] = body
    _, exchange, problem = run(
        lane.plan, lane.tenants, operation, build_request(lane, tenant, wish), path
    )
    if problem is not None:
        raise ControlError(
            409,
            problem.message,
            [misfit(v.pointer, v.found, v.expected) for v in problem.violations],
            [explain(v, lane.plan, "broken") for v in problem.violations],
        )
    assert exchange.record is not None or operation.operation.does == "delete"
    return None if exchange.record is None else row_of(lane.plan, prototype, exchange.record)


def check_fields(prototype: Prototype, operation: OperationPlan, body: Mapping[str, Any]) -> None:
    """Raises ControlError for fields of another name: who arranges a record meant one that there is."""
    known = {*prototype.resource.fields, *operation.operation.body_fields}
    faults = [
        misfit(f"body/{escape(name)}", name, nearest(name, known) or one_of(known))
        for name in body
        if known and name not in known
    ]
    if faults:
        raise ControlError(409, f"A {prototype.resource.title} has no such field.", faults)


def by_record(
    call: Call, prototype: Prototype, stored: Record | None, body: Mapping[str, Any]
) -> Any:
    """Writes a record by no more rules than a seed keeps."""
    lane, tenant = call.lane, call.tenant
    given = prototype.canonical(body)
    with tenant.store.transaction():
        now = catch_up(lane.plan, tenant)
        known = {} if stored is None else fields_of(stored)
        check_given(call, prototype, known, given)
        if stored is None and tenant.store.get(prototype.collection, str(given.get("id"))):
            fault = misfit("body/id", given["id"], "an id of its own")
            raise ControlError(409, "There is such a record.", [fault])
        record = written(lane.plan, tenant, prototype, stored, given, now)
        tenant.store.put(prototype.collection, record)
        return row_of(lane.plan, prototype, record)


def check_given(
    call: Call, prototype: Prototype, known: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    """Holds fields against the record's own schema; raises ControlError."""
    source, fits = Source(None, "", None), build_fit(prototype.resource)
    field = prototype.machine.field if prototype.machine is not None else ""
    whole = {**({field: known[field]} if field in known else {}), **given}
    faults = [
        misfit(
            "body" + fault.pointer.removeprefix("#"),
            fault.found,
            f"{fault.expected}; {fault.hint}" if fault.hint else fault.expected,
        )
        for fault in record_faults(source, whole, prototype.resource, fits, "#", set())
    ]
    if faults:
        raise ControlError(409, "The record does not fit its schema.", faults)
    for field, reference in prototype.resource.references.items():
        target = call.lane.plan.prototypes[reference.to]
        value = given.get(field)
        if (
            value is not None
            and call.tenant.store.find(target.collection, reference.by, value) is None
        ):
            fault = misfit(
                f"body/{field}", value, f"the {reference.by} of one of {target.collection}"
            )
            raise ControlError(409, "The record does not fit its schema.", [fault])


def written(
    plan: Plan,
    tenant: Tenant,
    prototype: Prototype,
    stored: Record | None,
    given: dict[str, Any],
    now: int,
) -> Record:
    principal = next(iter(tenant.principals.values()), {})
    context = Context(tenant.store, tenant.ids, format_instant(now), {}, principal)
    if stored is None:
        return complete(plan, prototype, context, given, now)
    record = prototype.change(context, stored, given, now)
    # What is given stays as it is given, also where a rule would work it out.
    for field, value in given.items():
        if value is not None:
            (record.hidden if field in record.hidden else record.data)[field] = value
    return record


CALLS = {
    "state": collections,
    "records": listed,
    "putInRecord": create,
    "record": one,
    "changeRecord": change,
    "removeRecord": remove,
}
