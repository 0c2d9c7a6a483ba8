"""Which rules speak of a difference between the stub and an endpoint."""

from __future__ import annotations

from contracts.audit.bodies import rules_of_field
from contracts.audit.mutant import unique
from contracts.drift.compare import Difference
from contracts.drift.plan import Plan, Step
from contracts.drift.play import Played
from contracts.surface import response_rules
from mock_server.spec.model import Document, Operation

BROKEN = "mock-broken-rules"


def covering_rules(
    document: Document, difference: Difference, plan: Plan, played: Played
) -> tuple[str, ...]:
    """The rules that decide; empty where none does."""
    operation = document.operations[difference.operation_id]
    if difference.kind == "operation":
        return ()
    if difference.kind == "status":
        return rules_of_status(document, operation, difference, plan[-1], played)
    if not played.left[-1].answer.accepted or difference.kind == "header":
        return response_rules(operation, str(played.left[-1].answer.status))
    return rules_of_value(document, operation, difference)


def rules_of_status(
    document: Document, operation: Operation, difference: Difference, step: Step, played: Played
) -> tuple[str, ...]:
    """Those that the stub names where it refuses; else those of what the endpoint refuses."""
    told = played.left[-1].answer.headers.get(BROKEN, "")
    refusing = tuple(name.strip() for name in told.split(",") if name.strip())
    if difference.left >= "400" and difference.right >= "400":
        # Both refuse: it is the status that differs.
        return unique(response_rules(operation, difference.left), refusing)
    if refusing or difference.left >= "400":
        return unique(refusing, response_rules(operation, difference.left))
    queried = [p.rule_ids for p in operation.parameters if p.name in dict(step.query)]
    telling = telling_fields(document, operation, step)
    fields = [rules_of_field(document, operation, name) for name in telling]
    found = unique(*queried, *fields)
    return found or response_rules(operation, str(operation.success))


def telling_fields(document: Document, operation: Operation, step: Step) -> list[str]:
    """The fields that a shrunk request is about: its changes, else all but the state."""
    if step.changes:
        return list(step.changes)
    lifecycle = document.resources[operation.resource].lifecycle
    state = lifecycle.field if lifecycle is not None else ""
    return [name for name in step.fields if name != state] or list(step.fields)


def rules_of_value(
    document: Document, operation: Operation, difference: Difference
) -> tuple[str, ...]:
    resource = document.resources[operation.resource]
    field = difference.place.rpartition("/")[2]
    worked_out = [one.rule_ids for one in resource.derived if one.field == field]
    worked_out += [one.rule_ids for one in operation.defaults if one.field == field]
    lifecycle = resource.lifecycle
    if lifecycle is not None:
        timed = [t for t in lifecycle.transitions if t.timed]
        if field == lifecycle.field:
            worked_out += [t.rule_ids for t in timed]
        worked_out += [t.rule_ids for t in timed if field in t.sets]
    success = response_rules(operation, str(operation.success))
    if difference.kind in ("presence", "type"):
        return unique(resource.rule_ids, *worked_out)
    if operation.does == "list" and "/" not in difference.place:
        words = [p.rule_ids for p in operation.parameters if p.query is not None]
        return unique(*words, success)
    known = any(field in one.body_fields for one in document.operations.values())
    return unique(*worked_out) or (success if known else ())
