"""References: what they name must exist, be of the right kind, and belong to the account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from contracts.cases.acts import (
    change,
    demanded,
    expect_accepted,
    expect_refused,
    is_asked,
    make,
    remove,
    standing,
    valid_body,
)
from contracts.cases.bench import Bench
from contracts.cases.story import Case, Story
from contracts.strategies.bodies import calm_state
from contracts.strategies.values import as_given, constraints
from contracts.surface import Surface
from contracts.target.client import path_of
from contracts.target.live import matches
from mock_server.spec.model import Operation, Reference, Transition
from mock_server.spec.schemas import properties_of

VALID_ONES = 3


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        for operation in (surface.create, surface.update):
            if operation is None:
                continue
            for reference in operation.references.values():
                if bench.ledger.wants(reference.rule_ids):
                    yield from reference_cases(bench, surface, operation, reference)


def reference_cases(
    bench: Bench, surface: Surface, operation: Operation, reference: Reference
) -> Iterator[Case]:
    for state in states_of(surface, operation):
        certain = is_certain(surface, state)
        place = f"{operation.operation_id}{f' as {state}' if state else ''}: {reference.field}"

        def case(what: str, steps: Any, sure: bool = certain, place: str = place) -> Case:
            return Case(reference.rule_ids, f"{place} {what}", steps, sure)

        yield case("names nothing", missing(surface, operation, reference, state))
        if reference.by != "id" and state == calm_state(surface.resource):
            steps = missing(surface, operation, reference, state, behind=True)
            yield case("is like one but for its beginning", steps)
        if reference.where is not None:
            yield case("is of the wrong kind", excluded(surface, operation, reference, state))
        if state == calm_state(surface.resource):
            yield case(
                "names a record deleted before", deleted(surface, operation, reference, state)
            )
            if bench.client.keys.other is not None:
                steps = foreign(surface, operation, reference, state)
                yield replace(case("is another account's", steps), always=True)
            if reference.match:
                yield case("does not belong", mismatched(surface, operation, reference, state))
        yield case("is valid", valid(surface, operation, reference, state))
    for move in moves_of(surface, operation):
        place = f'{operation.operation_id} to "{move.to}": {reference.field}'
        steps = missing(surface, operation, reference, move.source, move)
        yield Case(reference.rule_ids, f"{place} names nothing", steps)
        if reference.where is not None:
            steps = excluded(surface, operation, reference, move.source, move)
            yield Case(reference.rule_ids, f"{place} is of the wrong kind", steps)


def moves_of(surface: Surface, operation: Operation) -> list[Transition]:
    """The moves that may bring other changes along."""
    lifecycle = surface.resource.lifecycle
    if lifecycle is None or operation.does != "update":
        return []
    return [
        t for t in lifecycle.transitions if is_asked(t) and t.source == calm_state(surface.resource)
    ]


def states_of(surface: Surface, operation: Operation) -> list[str | None]:
    lifecycle = surface.resource.lifecycle
    calm = calm_state(surface.resource)
    if operation.does != "create" or lifecycle is None:
        return [calm]
    if lifecycle.field not in operation.body_fields:
        return [calm]
    return [calm, *(state for state in lifecycle.initial if state != calm)]


def is_certain(surface: Surface, state: str | None) -> bool:
    """In a final state nothing works with the value any more; whether it is held to is inferred."""
    lifecycle = surface.resource.lifecycle
    return lifecycle is None or state is None or state not in lifecycle.final


def attempt(
    story: Story,
    surface: Surface,
    operation: Operation,
    state: str | None,
    field: str,
    value: Any,
    why: str,
    accepted: bool = False,
    move: Transition | None = None,
) -> bool:
    """A create or a change with one reference set to a value; the change may be part of a move.

    False where there was nothing to ask, as the record holds the value already.
    """
    if value is None:
        story.block(f"no value for {field} is known that names one")
    value = as_given(properties_of(operation.body_schema).get(field), value)
    values = {field: value}
    if accepted:
        values |= story.bench.composer.owners(operation, field, value)
    if operation.does == "create":
        body = valid_body(story, operation, state, **values)
        exchange = story.send(operation, body=body)
        if accepted:
            expect_accepted(story, exchange, why)
            story.bench.live.notice(operation.resource, exchange.answer.body)
        else:
            expect_refused(story, operation, exchange, why)
        return True
    made = standing(story, surface.resource.name, state, "full" if move is not None else "")
    if move is not None and surface.resource.lifecycle is not None:
        values = {**demanded(story, made, move.to), **values}
        values[surface.resource.lifecycle.field] = move.to
    if accepted and made.record.get(field) == value:
        return False
    exchange = change(story, made, values)
    if accepted:
        expect_accepted(story, exchange, why)
    else:
        expect_refused(story, operation, exchange, why, made)
    return True


def missing(
    surface: Surface,
    operation: Operation,
    reference: Reference,
    state: str | None,
    move: Transition | None = None,
    behind: bool = False,
) -> Any:
    def steps(story: Story) -> None:
        value = unused(story, operation, reference, behind)
        why = f"{reference.field} {value} names no {reference.to}"
        attempt(story, surface, operation, state, reference.field, value, why, move=move)

    return steps


def unused(story: Story, operation: Operation, reference: Reference, behind: bool = False) -> Any:
    """A value of the right form that names no record of the target; `behind` one that ends as one."""
    bench = story.bench
    if reference.by == "id":
        prefix = bench.document.resources[reference.to].prefix
        return prefix + "".join(
            bench.random.choice("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789")
            for _ in range(43)
        )
    schema = properties_of(operation.body_schema)[reference.field]
    good = bench.composer.value(operation, reference.field, {})
    hints = bench.composer.hints.get(reference.field, [])
    tried = [*nearby(good), *(v for hint in hints for v in nearby(hint))]
    known = bench.live.values(reference)
    for candidate in begun_otherwise(good) if behind else tried:
        if candidate not in known and is_of_form(schema, candidate):
            return candidate
    story.block(f"no unused {reference.by} of a {reference.to} could be thought of")


def nearby(value: Any) -> Iterator[str]:
    """Values that differ in their last digits."""
    if isinstance(value, str) and len(value) > 3:
        for number in range(99, 0, -1):
            yield f"{value[:-2]}{number:02d}"


def begun_otherwise(value: Any) -> Iterator[str]:
    """Values that differ in one of their first letters, or begin with one more."""
    for place, letter in enumerate(value[:4] if isinstance(value, str) else ""):
        if letter.isalnum():
            yield f"{value[:place]}9{value[place:]}"
            yield f"{value[:place]}{'3' if letter != '3' else '4'}{value[place + 1 :]}"


def is_of_form(schema: Any, value: str) -> bool:
    from contracts.oracle.schema import compile_pattern

    pattern = constraints(schema).get("pattern")
    return pattern is None or bool(compile_pattern(pattern).search(value))


def excluded(
    surface: Surface,
    operation: Operation,
    reference: Reference,
    state: str | None,
    move: Transition | None = None,
) -> Any:
    def steps(story: Story) -> None:
        found = story.bench.live.excluded(reference)
        if not found:
            story.block(f"the target has no {reference.to} that the reference excludes")
        for record in one_of_each(found, reference)[:VALID_ONES]:
            value = record.get(reference.by)
            why = f"{reference.field} {value} names a {reference.to} of another kind"
            attempt(story, surface, operation, state, reference.field, value, why, move=move)

    return steps


def one_of_each(found: list[Mapping[str, Any]], reference: Reference) -> list[Mapping[str, Any]]:
    """One record for each combination of the fields that `where` speaks of."""
    names = list(properties_of(reference.where))
    kinds = {repr([record.get(name) for name in names]): record for record in reversed(found)}
    return list(reversed(kinds.values()))


def deleted(surface: Surface, operation: Operation, reference: Reference, state: str | None) -> Any:
    def steps(story: Story) -> None:
        target = story.bench.surface(reference.to)
        if target.create is None or target.delete is None:
            story.block(f"a {reference.to} cannot be made and deleted")
        other = make(story, reference.to)
        value = other.record.get(reference.by)
        gone = remove(story, other)
        if not gone.answer.accepted:
            story.block(f"{target.delete.operation_id} answered {gone.answer.status}")
        story.bench.live.forget(reference.to, other.record_id)
        if reference.by != "id" and value in story.bench.live.values(reference):
            story.block(f"another {reference.to} has the same {reference.by}")
        why = f"the {reference.to} that {reference.field} names was deleted"
        attempt(story, surface, operation, state, reference.field, value, why)

    return steps


def foreign(surface: Surface, operation: Operation, reference: Reference, state: str | None) -> Any:
    def steps(story: Story) -> None:
        record = story.bench.live.foreign(reference)
        if record is None:
            story.block(f"the other account has no {reference.to} of its own")
        why = f"{reference.field} names another account's {reference.to}"
        attempt(story, surface, operation, state, reference.field, record.get(reference.by), why)

    return steps


def mismatched(
    surface: Surface, operation: Operation, reference: Reference, state: str | None
) -> Any:
    """The reference alone is fine, and so is what it should belong to; they do not fit."""

    def steps(story: Story) -> None:
        live = story.bench.live
        for theirs, ours in reference.match.items():
            other = operation.references.get(ours)
            if other is None:
                continue
            for record in live.wanted(reference):
                for rival in live.wanted(other):
                    own = {ours: rival.get(other.by)}
                    if record.get(theirs) is not None and not matches(reference, record, own):
                        body = {**own, reference.field: record.get(reference.by)}
                        refuse_pair(story, surface, operation, state, body, reference.field)
                        return
        story.block("the target has no two records that do not belong together")

    return steps


def refuse_pair(
    story: Story,
    surface: Surface,
    operation: Operation,
    state: str | None,
    values: dict[str, Any],
    field: str,
) -> None:
    why = f"{field} does not belong to the other"
    if operation.does == "create":
        body = valid_body(story, operation, state, **values)
        exchange = story.send(operation, body=body)
        expect_refused(story, operation, exchange, why)
    else:
        made = standing(story, surface.resource.name, state)
        expect_refused(story, operation, change(story, made, values), why, made)


def valid(surface: Surface, operation: Operation, reference: Reference, state: str | None) -> Any:
    def steps(story: Story) -> None:
        found = story.bench.live.wanted(reference)
        if not found:
            story.block(f"the target has no {reference.to} to refer to")
        left = VALID_ONES if reference.where is not None else 1
        for record in found:
            value = record.get(reference.by)
            why = f"{reference.field} {value} names a {reference.to} as it should"
            left -= attempt(story, surface, operation, state, reference.field, value, why, True)
            if not left:
                return

    return steps


__all__ = ["cases", "path_of"]
