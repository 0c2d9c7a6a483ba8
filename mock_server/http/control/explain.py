"""Why: a request judged without being performed, told stage by stage, with the nearest that passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from mock_server.errors import SettingsError
from mock_server.http.compose import build_lane
from mock_server.http.control.call import Call
from mock_server.http.control.errors import ControlError
from mock_server.http.control.judging import Judge, Judged
from mock_server.http.control.repair import LEAVE_OUT, TRIES, Edit, is_there, nearest
from mock_server.http.control.requests import entry_of, whole
from mock_server.http.control.sending import body_of
from mock_server.http.control.snapshots import named
from mock_server.http.coverage import to_sighting
from mock_server.http.journal import explain as explain_violation
from mock_server.http.journal import ignored_rows
from mock_server.http.redaction import covered, covered_at, to_value, without_keys
from mock_server.http.wire import Lane
from mock_server.pipeline.exchange import Exchange, Plan
from mock_server.pipeline.respond import refuse
from mock_server.spec.model import Document
from mock_server.spec.pointers import parse_pointer
from mock_server.state.tenant import Tenant


def explain(call: Call) -> Any:
    wish = whole(call, {name: said for name, said in call.body.items() if name != "snapshot"})
    wanted = call.body.get("snapshot")
    snapshot = None if wanted is None else named(call, wanted)
    found = judgement(call.lane, call.tenant, wish, Judge(call.lane, call.tenant, snapshot))
    if "request" in call.body:  # somebody else's, of which only what the journal shows is told
        found["steered"] = steered_before(call) + found["steered"]
        found["nearest"] = wish_shown(found["nearest"], call.lane.plan)
        for row in found["changes"]:
            place = row["pointer"]
            row |= {end: covered_at(place, row[end], call.lane.plan) for end in ("from", "to")}
    return found


def wish_shown(wish: dict[str, Any] | None, plan: Plan) -> dict[str, Any] | None:
    """A wish as the journal would show it."""
    if wish is None:
        return None
    shown: dict[str, Any] = dict(wish)
    for name in ("body", "raw"):
        if name in wish:
            shown[name] = covered(wish[name], plan)
    query = wish.get("query")
    if isinstance(query, str):
        shown["query"] = without_keys(query, plan)
    elif query is not None:
        shown["query"] = {n: covered_at(f"/query/{n}", value, plan) for n, value in query.items()}
    return shown


def judgement_of(
    document: Document, seeds: Sequence[Path] | None, wish: Mapping[str, Any]
) -> dict[str, Any]:
    """The judgement of a server that has only its seed; raises what a start would raise."""
    lane = build_lane(document, {"seeds": seeds})
    tenant = lane.tenants.find(lane.tenants.default_key)
    assert tenant is not None
    try:
        return judgement(lane, tenant, wish, Judge(lane, tenant, None))
    except ControlError as error:
        raise SettingsError(error.words()) from None


def judgement(lane: Lane, tenant: Tenant, wish: Mapping[str, Any], judge: Judge) -> dict[str, Any]:
    """Everything that can be said of a request before it is sent."""
    judged, plan = judge(wish), lane.plan
    refused = judged.problem is not None
    found = nearest(judge, wish) if refused else None
    exchange, sent = judged.exchange, body_of(wish)
    warned = () if exchange is None else exchange.warned
    return {
        "verdict": "refused" if refused else "passes",
        "status": judged.status,
        "operation": None if exchange is None else exchange.operation.operation.operation_id,
        "stages": judged.stages,
        "violations": [
            explain_violation(violation, plan, outcome, sent)
            for outcome, listed in (("broken", judged.violations), ("warned", warned))
            for violation in listed
        ],
        "ignored": ignored_in(lane, judged),
        "met": sorted(met_by(lane, judged)),
        "facts": covered(
            facts_of(exchange) if exchange is not None and hasattr(exchange, "tenant") else [], plan
        ),
        "would": would(lane, judged),
        "steered": steered(lane, tenant, judged, wish),
        "nearest": None if found is None else shown(found[0]),
        "why_none": why_none(judged) if refused and found is None else None,
        "changes": [] if found is None else changes_of(lane, wish, found[1]),
    }


def steered(lane: Lane, tenant: Tenant, judged: Judged, wish: Mapping[str, Any]) -> list[str]:
    """What would make its answer another than the API's own: faults, a limit, what it prefers."""
    operation = None if judged.exchange is None else judged.exchange.operation
    return lane.steering.foresee(judged.request, tenant, operation, body_of(wish))


def steered_before(call: Call) -> list[str]:
    """What made the answer of a request of the journal another than the API's own."""
    told = entry_of(call, call.body["request"]).steered
    return [f"{told} made the answer that it had"] if told else []


def why_none(judged: Judged) -> str:
    """Why no request is told that would pass."""
    many = len(judged.violations)
    wrong = "1 thing is" if many == 1 else f"{many} things are"
    return (
        f"{wrong} wrong with it, and none of {TRIES} requests near to it passes; "
        "mend what is told and ask again."
    )


def ignored_in(lane: Lane, judged: Judged) -> list[dict[str, Any]]:
    """What of it nothing would come of."""
    exchange = judged.exchange
    if exchange is None:
        return []
    answer = None if judged.stored is None else judged.stored.data
    operation_id = exchange.operation.operation.operation_id
    body = to_value(exchange.raw_body)
    return ignored_rows(lane.plan, operation_id, exchange.request.query, body, answer)


def met_by(lane: Lane, judged: Judged) -> frozenset[str]:
    """The rules that it meets and keeps, as coverage would count it."""
    exchange = judged.exchange
    if exchange is None:
        return frozenset()
    watch = lane.coverage.watches[exchange.operation.operation.operation_id]
    if judged.problem is not None:
        return watch.met(to_sighting(watch.see(exchange, judged.problem, judged.status)))
    exchange.record = judged.stored
    return watch.met(to_sighting(watch.see(exchange, None, judged.status)))


def facts_of(exchange: Exchange) -> list[dict[str, Any]]:
    """The facts of state that a judgement has looked at."""
    rows: list[dict[str, Any]] = [{"what": "now", "value": exchange.now_text}]
    prototype, stored = exchange.operation.prototype, exchange.stored
    if stored is not None and prototype.machine is not None:
        field = prototype.machine.field
        rows.append(
            {"what": f"{prototype.resource.title} {field}", "value": stored.data.get(field)}
        )
    tentative = exchange.tentative or exchange.changes
    for field, reference in exchange.operation.operation.references.items():
        value = tentative.get(field)
        if value is None:
            continue
        target = exchange.plan.prototypes[reference.to]
        found = exchange.tenant.store.find(target.collection, reference.by, value)
        title = target.resource.title
        rows.append(
            {
                "what": f"{title} with {reference.by} {covered(value, exchange.plan, field)}",
                "value": found.record_id if found else None,
            }
        )
        if found is not None:
            names = (reference.where or {}).get("properties", {})
            rows += [{"what": f"{title} {name}", "value": found.data.get(name)} for name in names]
    return rows


def would(lane: Lane, judged: Judged) -> dict[str, Any]:
    """The answer that it would have."""
    if judged.problem is None:
        return {
            "status": judged.status,
            "body": None if judged.stored is None else covered(judged.stored.data, lane.plan),
        }
    warned = () if judged.exchange is None else judged.exchange.warned
    answer = refuse(lane.plan, judged.problem, warned)
    return {"status": answer.status, "body": covered(orjson.loads(answer.body), lane.plan)}


def shown(wish: Mapping[str, Any]) -> dict[str, Any]:
    """A wish as people write it: without what is empty, and without credentials."""
    headers = {k: v for k, v in wish.get("headers", {}).items() if k != "authorization"}
    kept = {name: value for name, value in wish.items() if name != "headers" and value != {}}
    if "body" in wish:
        kept["body"] = wish["body"]
    return {**kept, "headers": headers} if headers else kept


def changes_of(lane: Lane, wish: Mapping[str, Any], edits: list[Edit]) -> list[dict[str, Any]]:
    from mock_server.http.control.repair import plain

    start = plain(lane, wish)
    rows = []
    for edit in edits:
        tokens = parse_pointer(edit.pointer)
        secret = tokens[:2] == ("headers", "authorization")
        rows.append(
            {
                "pointer": edit.pointer,
                "from": "…" if secret else value_at(start, tokens),
                "to": None if edit.value is LEAVE_OUT else edit.value,
                "why": edit.why,
            }
        )
    return rows


def value_at(value: Any, tokens: tuple[str, ...]) -> Any:
    if not is_there(value, tokens):
        return None
    for token in tokens:
        value = value[int(token)] if isinstance(value, list) else value[token]
    return value


CALLS = {"explain": explain}
