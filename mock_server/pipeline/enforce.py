"""Business rules beyond the body: references, lifecycle; then the verdict over all violations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mock_server.messages import article
from mock_server.pipeline.exchange import Exchange, Plan
from mock_server.problems import Problem, Violation


def enforce(exchange: Exchange) -> Problem | None:
    """Collects every violation; refuses unless policies let all of them through."""
    operation = exchange.operation.operation
    if operation.does == "create" and isinstance(exchange.body, dict):
        exchange.changes = exchange.given
        # A default hangs on its own condition, not on what else is wrong and let through.
        fill = exchange.operation.fill
        if fill is not None and not (exchange.violations and is_refused(exchange)):
            fill(exchange.given)
        exchange.tentative = {**exchange.operation.prototype.template, **exchange.given}
        check(exchange)
        if "id" in exchange.given:
            exchange.violations += taken(exchange, exchange.given["id"])
    elif operation.does == "update" and exchange.changes and exchange.stored is not None:
        exchange.tentative = {**exchange.stored.data, **exchange.stored.hidden, **exchange.changes}
        check(exchange)
    problem = judge(exchange) if exchange.violations else None
    if problem is None and exchange.operation.refusals:
        return refused(exchange)
    return problem


def is_refused(exchange: Exchange) -> bool:
    """Whether something that was found so far is not let through."""
    return any(policy_of(exchange.plan, v.rule_ids) == "enforce" for v in exchange.violations)


def taken(exchange: Exchange, record_id: object) -> Iterator[Violation]:
    """An id that the request itself gives is nobody else's."""
    prototype = exchange.operation.prototype
    if exchange.tenant.store.find(prototype.collection, "id", record_id) is not None:
        name = article(prototype.resource.title)
        message = f"{name[0].upper()}{name[1:]} has this id already."
        yield Violation((), "/body/id", "id", message, record_id, "another id, or none")


def refused(exchange: Exchange) -> Problem | None:
    """The first refusal with an answer of its own that holds and is enforced."""
    facts = {"query": exchange.query, "body": exchange.given, "record": exchange.tentative}
    for refusal, holds, violation in exchange.operation.refusals:
        if not holds(facts):
            continue
        if policy_of(exchange.plan, refusal.rule_ids) == "enforce":
            exchange.broken = (violation,)
            return Problem(refusal.status, violation.message, (violation,), body=refusal.body)
        exchange.warned = (*exchange.warned, violation)
    return None


def check(exchange: Exchange) -> None:
    """References and lifecycle, where the schema has not refused the same field already."""
    refused = {violation.field for violation in exchange.violations}
    found = [v for v in iter_references(exchange) if v.field not in refused]
    machine = exchange.operation.prototype.machine
    stored = exchange.stored
    if machine is not None and (machine.field not in refused or stored is not None):
        before = None if stored is None else {**stored.data, **stored.hidden}
        changes, record = exchange.changes, exchange.tentative
        if before is not None and machine.field in refused:
            # Nothing comes of a state that is none; what is changed beside it is judged all the same.
            changes = {name: one for name, one in changes.items() if name != machine.field}
            record = {**record, machine.field: before.get(machine.field)}
        wanted = exchange.operation.wanted
        seen = {(v.rule_ids, v.pointer) for v in exchange.violations}
        found += [
            violation
            for violation in machine.iter_violations(before, changes, record, wanted)
            if (violation.rule_ids, violation.pointer) not in seen
        ]
    exchange.violations += found


def iter_references(exchange: Exchange) -> Iterator[Violation]:
    store, record, changes = exchange.tenant.store, exchange.tentative, exchange.changes
    machine = exchange.operation.prototype.machine
    entered = changes.get(machine.field) if machine is not None else None
    for field, check, decisive, states in exchange.operation.references:
        value = record.get(field)
        # What is about to leave must not name what has gone meanwhile.
        if value is not None and (
            not decisive.isdisjoint(changes) or (entered.__class__ is str and entered in states)
        ):
            violation = check(value, record, store)
            if violation is not None:
                yield violation


def judge(exchange: Exchange) -> Problem | None:
    """Sorts violations by the policies of their rules."""
    plan = exchange.plan
    references = exchange.operation.operation.references
    exchange.broken = tuple(
        replace(v, reference=True) if v.field in references else v
        for v in exchange.violations
        if policy_of(plan, v.rule_ids) == "enforce"
    )
    exchange.warned = tuple(v for v in exchange.violations if policy_of(plan, v.rule_ids) == "warn")
    if exchange.broken:
        title = exchange.operation.prototype.resource.title
        return Problem(
            exchange.operation.refusal, "The request breaks rules.", exchange.broken, title
        )
    if exchange.body is not None and not isinstance(exchange.body, dict):
        return Problem(
            exchange.operation.refusal, "The body must be a JSON object.", exchange.broken
        )
    return None


def policy_of(plan: Plan, rule_ids: Iterable[str]) -> str:
    """The strictest policy of the rules that a violation breaks; what no rule names is enforced."""
    policies = {plan.policies.get(rule_id, "enforce") for rule_id in rule_ids}
    return next((p for p in ("enforce", "warn", "off") if p in policies), "enforce")
