"""What the server is, what it serves, which rules it keeps, and how much of that was met."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Any

from mock_server.http.control.call import Call
from mock_server.http.control.errors import missing
from mock_server.http.control.interface import interface
from mock_server.spec.model import (
    BusinessRule,
    Compose,
    Document,
    Example,
    Lifecycle,
    Operation,
    Resource,
    View,
)
from mock_server.spec.pointers import nearest
from mock_server.spec.schemas import keyword_of, properties_of, required_of, types_of
from mock_server.spec.steps import in_words

PACKAGE = "mock-server-kit"


def health(call: Call) -> Any:
    plan = call.lane.plan
    return {
        "status": "ok",
        "server": "mock-server",
        "title": plan.title,
        "base_path": plan.base_path,
        "operations": len(plan.operations) + len(plan.plain),
        "rules": len(plan.rules),
        "enforced": sum(policy == "enforce" for policy in plan.policies.values()),
        "stale": call.lane.stale or None,
    }


def version(call: Call) -> Any:
    document = call.lane.document
    try:
        server = version_of(PACKAGE)
    except PackageNotFoundError:
        server = "unknown"
    return {"server": server, "document": document.version, "title": document.title}


def own_document(call: Call) -> Any:
    return interface()


def served_document(call: Call) -> Any:
    return dict(call.lane.document.raw)


def rules(call: Call) -> Any:
    plan = call.lane.plan
    return [rule_row(rule, plan.policies[rule.rule_id]) for rule in plan.rules.values()]


def rule(call: Call) -> Any:
    plan, rule_id = call.lane.plan, call.values["rule"]
    found = plan.rules.get(rule_id)
    if found is None:
        hint = nearest(rule_id, plan.rules) or "GET /__mock/rules lists them"
        raise missing("rule", rule_id, hint)
    document = call.lane.document
    return {
        **rule_row(found, plan.policies[rule_id]),
        "accepts": [steps_of(example, document) for example in found.accepts],
        "rejects": [steps_of(example, document) for example in found.rejects],
    }


def rule_row(rule: BusinessRule, policy: str) -> dict[str, Any]:
    return {
        "id": rule.rule_id,
        "says": rule.says,
        "source": rule.source,
        "certainty": rule.certainty,
        "policy": policy,
        "note": rule.note or None,
        "stated_at": [place.pointer for place in rule.places],
    }


def steps_of(example: Example, document: Document) -> list[dict[str, Any]]:
    rows = []
    for step in example.steps:
        operation = document.operations[step.operation_id]
        path = operation.path_template
        for name, value in step.path.items():
            path = path.replace("{" + name + "}", str(in_words(value)))
        row: dict[str, Any] = {
            "operation": step.operation_id,
            "method": operation.method,
            "path": f"{document.base_path}{path}",
            "query": in_words(step.query),
            "wait": step.wait,
        }
        if step.credentials != "default":
            row["credentials"] = step.credentials
        rows.append({**row, "body": in_words(step.body)} if step.has_body else row)
    return rows


def coverage(call: Call) -> Any:
    lane = call.lane
    counts = lane.coverage.counts(call.tenant)
    return {
        "rules": [rule_counts(rule_id, counts) for rule_id in lane.plan.rules],
        "transitions": [
            row
            for resource in lane.document.resources.values()
            if resource.lifecycle is not None
            for row in transition_counts(resource, resource.lifecycle, counts)
        ],
        "operations": [
            {
                "id": operation.operation_id,
                "method": operation.method,
                "path": f"{lane.plan.base_path}{operation.path_template}",
                "passed": counts["passed", operation.operation_id],
                "refused": counts["refused", operation.operation_id],
            }
            for operation in lane.document.iter_operations()
        ],
    }


def rule_counts(rule_id: str, counts: Mapping[Any, int]) -> dict[str, Any]:
    kept, broke, warned = (counts[word, rule_id] for word in ("kept", "broke", "warned"))
    refused = broke + warned
    met = "both" if kept and refused else "kept" if kept else "broke" if refused else "never"
    return {"id": rule_id, "met": met, "kept": kept, "broke": broke, "warned": warned}


def transition_counts(
    resource: Resource, lifecycle: Lifecycle, counts: Mapping[Any, int]
) -> list[dict[str, Any]]:
    rows = []
    for one in lifecycle.transitions:
        by = "time" if one.timed else "event" if one.event is not None else "request"
        asked = ("moved", resource.name, one.source, one.to)
        rows.append(
            {
                "resource": resource.name,
                "from": one.source,
                "to": one.to,
                "by": by,
                "event": one.event,
                "count": counts[asked if by == "request" else one.pointer],
                "rules": list(one.rule_ids),
            }
        )
    return rows


def forget_coverage(call: Call) -> Any:
    with call.tenant.store.transaction():
        call.tenant.tally.clear()
        call.tenant.counts.clear()


def model(call: Call) -> Any:
    document = call.lane.document
    return {
        "title": document.title,
        "base_path": document.base_path,
        "prefix": call.lane.tenants.prefix,
        "operations": [operation_row(one) for one in document.iter_operations()],
        "resources": [resource_row(one) for one in document.resources.values()],
        "views": [view_row(one, document) for one in document.views.values()],
    }


def view_row(view: View, document: Document) -> dict[str, Any]:
    return {
        "resource": view.resource,
        "collection": document.resources[view.resource].collection,
        "title": view.title,
        "thread": list(view.thread),
        "text": view.text,
        "side": view.side,
        "time": list(view.time),
        "carries": list(view.carries),
        "shows": [one.field for one in view.shows],
        "compose": [
            {
                "label": one.label,
                "operation": one.operation_id,
                "event": one.event or None,
                "facts": dict(one.facts),
                "needs": needs_of(one, document),
                "body": dict(one.body),
                "query": dict(one.query),
                "asks": list(one.asks),
            }
            for one in view.compose
        ],
    }


def needs_of(compose: Compose, document: Document) -> list[str]:
    """The fields without which an event tells too little."""
    happening = document.happenings.get(compose.event)
    needed = happening.facts.get("required", ()) if happening is not None else ()
    return [compose.facts[fact] for fact in needed if fact in compose.facts]


def operation_row(operation: Operation) -> dict[str, Any]:
    return {
        "id": operation.operation_id,
        "method": operation.method,
        "path": operation.path_template,
        "summary": operation.summary,
        "does": operation.does,
        "resource": operation.resource,
        "tags": list(operation.tags),
        "fields": list(operation.body_fields),
        "query": [one.name for one in operation.parameters if one.location == "query"],
    }


def resource_row(resource: Resource) -> dict[str, Any]:
    properties = properties_of(resource.schema)
    return {
        "name": resource.name,
        "collection": resource.collection,
        "title": resource.title,
        "fields": [
            {
                "name": name,
                "types": sorted(types_of(sub)),
                "format": keyword_of(sub, "format"),
                "reference": reference_to(resource, name),
            }
            for name, sub in properties.items()
        ],
        "lifecycle": lifecycle_row(resource.lifecycle) if resource.lifecycle else None,
    }


def reference_to(resource: Resource, field: str) -> dict[str, str] | None:
    reference = resource.references.get(field)
    return None if reference is None else {"to": reference.to, "by": reference.by}


def needed_in(lifecycle: Lifecycle, state: str) -> list[str]:
    """The fields that a record cannot be without in a state."""
    asked = (one.schema for one in lifecycle.requires if state in one.states)
    return sorted(frozenset().union(*map(required_of, asked)))


def lifecycle_row(lifecycle: Lifecycle) -> dict[str, Any]:
    return {
        "field": lifecycle.field,
        "states": list(lifecycle.states),
        "initial": list(lifecycle.initial),
        "final": list(lifecycle.final),
        "editable": list(lifecycle.editable),
        "needs": {state: needed_in(lifecycle, state) for state in lifecycle.states},
        "transitions": [
            {
                "from": one.source,
                "to": one.to,
                "by": "time" if one.timed else "event" if one.event is not None else "request",
                "event": one.event,
                "at": one.at,
                "after": one.after,
                "external": one.external,
                "label": one.label or None,
                "rules": list(one.rule_ids),
            }
            for one in lifecycle.transitions
        ],
    }


CALLS = {
    "health": health,
    "version": version,
    "interface": own_document,
    "document": served_document,
    "model": model,
    "rules": rules,
    "rule": rule,
    "coverage": coverage,
    "forgetCoverage": forget_coverage,
}
