"""Defaults: what is filled in where a field is absent, in each condition; a given value stays."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from contracts.cases import expect
from contracts.cases.acts import expect_accepted, made_from, reread, valid_body
from contracts.cases.bench import Bench
from contracts.cases.story import Case, Story
from contracts.oracle.schema import oracle_of
from contracts.strategies.bodies import calm_state
from contracts.strategies.edges import iter_edges
from contracts.strategies.values import constraints
from contracts.surface import Surface
from contracts.target.wire import Exchange
from mock_server.spec.model import Default, Operation
from mock_server.spec.schemas import properties_of


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        create = surface.create
        if create is None:
            continue
        for state in states_of(surface):
            fields = dict.fromkeys(default.field for default in create.defaults)
            for field in fields:
                if field in surface.resource.fields and field not in surface.resource.hidden:
                    yield from field_cases(bench, surface, create, field, state)
                    yield from other_cases(bench, create, field, state)


def states_of(surface: Surface) -> list[str | None]:
    lifecycle = surface.resource.lifecycle
    return list(lifecycle.initial) if lifecycle is not None else [calm_state(surface.resource)]


def applying(create: Operation, field: str, body: Any) -> Default | None:
    return next(
        (
            default
            for default in create.defaults
            if default.field == field
            and (default.condition is None or oracle_of(default.condition).is_valid(body))
        ),
        None,
    )


def field_cases(
    bench: Bench, surface: Surface, create: Operation, field: str, state: str | None
) -> Iterator[Case]:
    body = bench.composer.base(create, state)
    due = applying(create, field, body) if body is not None else None
    if body is None or due is None:
        return
    where = f"{create.operation_id}{f' as {state}' if state else ''}: {field}"
    expected = due.value

    def absent(story: Story) -> None:
        fill(story, create, body_without(story, create, state, field), field, expected)

    def null(story: Story) -> None:
        fill(
            story,
            create,
            {**body_without(story, create, state, field), field: None},
            field,
            expected,
        )

    yield Case(due.rule_ids, f"{where} left out", absent)
    lean = lightened(bench, create, body, field)
    if lean != body and applying(create, field, lean) == due:

        def alone(story: Story) -> None:
            exchange = story.send(create, body=lean)
            if not exchange.answer.accepted:
                story.block(f"so little is answered {exchange.answer.status}")
            compare(story, create, exchange, field, expected)

        yield Case(due.rule_ids, f"{where} left out, with nothing that can be spared", alone)
    if oracle_of(properties_of(create.body_schema)[field]).is_valid(None):
        yield Case(due.rule_ids, f"{where} null", null, False)
    for other in dict.fromkeys(default.field for default in create.defaults):
        for value in (
            other_values(create, other) if other not in (field, state_field(surface)) else ()
        ):

            def beside(story: Story, other: str = other, value: Any = value) -> None:
                sent = {**body_without(story, create, state, field), other: value}
                fill(story, create, sent, field, expected)

            if applying(create, field, {**body, other: value}) == due:
                yield Case(due.rule_ids, f"{where} left out, {other} {value!r}", beside)
    for value in other_values(create, field):

        def given(story: Story, value: Any = value) -> None:
            sent = {**body_without(story, create, state, field), field: value}
            fill(story, create, sent, field, value)

        yield Case(due.rule_ids, f"{where} given as {value!r}", given)


def lightened(
    bench: Bench,
    create: Operation,
    body: dict[str, Any],
    leave: str | None = None,
    keep: Collection[str] = (),
) -> dict[str, Any]:
    """As little of a body as no rule refuses, without the field to `leave`."""
    lean = {name: value for name, value in body.items() if name != leave}
    kept = {state_field(bench.surface(create.resource)), *keep}
    for name in [name for name in lean if name not in kept]:
        lighter = {other: value for other, value in lean.items() if other != name}
        if not bench.composer.enforced(create, lighter):
            lean = lighter
    return lean


def other_cases(bench: Bench, create: Operation, field: str, state: str | None) -> Iterator[Case]:
    """Defaults that a plain body does not have: their conditions are met by another value."""
    base = bench.composer.base(create, state)
    if base is None:
        return
    lighter = {name: value for name, value in base.items() if name != field}
    met = [applying(create, field, lighter)]
    for default in create.defaults:
        condition = default.condition or {}
        for name, schema in properties_of(condition.get("not", condition)).items():
            if default.field != field or default in met or name in (field, *create.references):
                continue
            for edge in iter_edges(schema, default.rule_ids):
                body = {**lighter, name: edge.value}
                if applying(create, field, body) != default:
                    continue
                if not bench.composer.breaches(create, body):
                    met.append(default)
                    where = f"{create.operation_id}: {field} left out, {name} {edge.value!r}"
                    yield Case(default.rule_ids, where, other(create, body, field, default.value))
                    break


def other(create: Operation, body: dict[str, Any], field: str, expected: Any) -> Any:
    def steps(story: Story) -> None:
        fill(story, create, body, field, expected)

    return steps


def state_field(surface: Surface) -> str | None:
    return surface.resource.lifecycle.field if surface.resource.lifecycle is not None else None


def body_without(story: Story, create: Operation, state: str | None, field: str) -> dict[str, Any]:
    body = valid_body(story, create, state)
    return {name: value for name, value in body.items() if name != field}


def other_values(create: Operation, field: str) -> list[Any]:
    """Every value that the field may be given, of a closed list; else none."""
    words = constraints(properties_of(create.body_schema)[field])
    return [value for value in words.get("enum", []) if value is not None]


def fill(story: Story, create: Operation, body: dict[str, Any], field: str, expected: Any) -> None:
    exchange = story.send(create, body=body)
    expect_accepted(story, exchange, f"{field} is {body.get(field, 'left out')!r}")
    compare(story, create, exchange, field, expected)


def compare(story: Story, create: Operation, exchange: Exchange, field: str, expected: Any) -> None:
    made = made_from(story, create, exchange)
    for record, when in ((made.record, "in the answer"), (reread(story, made), "on reading")):
        if record.get(field) != expected:
            wanted = expect.fields({field: expected})
            story.refute(f"{field} {expected!r} {when}", f"{field} {record.get(field)!r}", wanted)
