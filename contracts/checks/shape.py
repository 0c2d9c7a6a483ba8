"""Answers: every field that is documented, each of its type, in every answer that holds a record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contracts.cases import expect
from contracts.cases.acts import change, is_reachable, make, reach, remove, reread
from contracts.cases.bench import Bench
from contracts.cases.story import Case, Story
from contracts.checks.lifecycle import new_value, plain_fields
from contracts.oracle.schema import Breach, oracle_of
from contracts.strategies.bodies import calm_state
from contracts.strategies.values import constraints
from contracts.surface import Surface, response_rules, success_rules
from contracts.target.client import path_of
from contracts.target.live import everything
from contracts.target.wire import KEY, Exchange
from mock_server.spec.model import Operation, Schema
from mock_server.spec.schemas import properties_of


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        ids = shape_rules(bench, surface)
        if not bench.ledger.wants(ids):
            continue
        if surface.create is not None:
            for state in states_of(surface):
                word = f' as "{state}"' if state else ""
                yield Case(ids, f"answers{word}", made_shape(surface, state))
        for operation in (surface.listing, surface.read):
            if operation is not None:
                # Who reads has met nothing of what the other operations answer.
                own = record_rules(bench, surface) or response_rules(
                    operation, str(operation.success)
                )
                steps = read_shape(surface, operation, own)
                yield Case(ids, f"{operation.operation_id}", steps, counts=False)


def shape_rules(bench: Bench, surface: Surface) -> tuple[str, ...]:
    """The rules stated at the record's schema; without any, those of the answers."""
    return record_rules(bench, surface) or success_rules(surface.operations())


def record_rules(bench: Bench, surface: Surface) -> tuple[str, ...]:
    return tuple(
        rule.rule_id
        for rule in bench.document.rules.values()
        if any(
            place.kind == "record" and place.pointer == surface.resource.pointer
            for place in rule.places
        )
    )


def states_of(surface: Surface) -> list[str | None]:
    lifecycle = surface.resource.lifecycle
    if lifecycle is None:
        return [None]
    return [state for state in lifecycle.states if is_reachable(lifecycle, state)]


def made_shape(surface: Surface, state: str | None) -> Any:
    def steps(story: Story) -> None:
        name = surface.resource.name
        made = make(story, name) if state is None else reach(story, name, state)
        assert surface.create is not None
        hold(story, surface, surface.create, story.exchanges[-1])
        if surface.read is not None:
            reread(story, made)
            hold(story, surface, surface.read, story.exchanges[-1])
        if surface.update is not None and state == calm_state(surface.resource):
            fields = plain_fields(surface, surface.update)
            if fields:
                value = new_value(story, surface, surface.update, fields[0], made.record)
                exchange = change(story, made, {fields[0]: value})
                hold(story, surface, surface.update, exchange)
        if surface.delete is not None and state == calm_state(surface.resource):
            hold(story, surface, surface.delete, remove(story, made))

    return steps


def read_shape(surface: Surface, operation: Operation, met: tuple[str, ...]) -> Any:
    def steps(story: Story) -> None:
        provoke(story, surface)
        if operation.does == "list":
            exchange = story.send(operation, query=everything(operation))
        else:
            records = story.bench.live.records(surface.resource.name)
            if not records:
                story.block(f"the target has no {surface.resource.name}")
            exchange = story.send(operation, path=path_of(operation, str(records[0].get("id"))))
        hold(story, surface, operation, exchange)
        story.bench.ledger.count(met)

    return steps


def whole_breaches(
    surface: Surface, operation: Operation, schema: Schema, body: Any
) -> list[Breach]:
    """Those of records that are asked for whole, where their form may speak of some fields only."""
    if operation.does == "list":
        name = surface.resource.page.records
        schema = constraints(properties_of(schema).get(name, {})).get("items", {})
        body = body.get(name) if isinstance(body, dict) else None
    records = body if operation.does == "list" else [body]
    if surface.resource.schema not in constraints(schema).get("anyOf", []):
        return []
    holds = oracle_of(surface.resource.schema)
    listed = records if isinstance(records, list) else []
    return next((found for one in listed if (found := holds.breaches(one))), [])


def provoke(story: Story, surface: Surface) -> None:
    """Makes a record of which a log tells that is empty as yet."""
    bench, name = story.bench, surface.resource.name
    if surface.create is not None or bench.live.records(name):
        return
    for other in bench.surfaces.values():
        log = other.resource.log
        if log is not None and log.to == name and bench.make_record(other.resource.name):
            bench.live.kept.pop((name, KEY), None)
            return


def hold(
    story: Story,
    surface: Surface,
    operation: Operation,
    exchange: Exchange,
    shapes: tuple[str, ...] = (),
) -> None:
    """Holds an accepted answer against its documented schema; `shapes` are blamed beside a case."""
    answer = exchange.answer
    if not answer.accepted or (operation.does == "delete" and not answer.content):
        return
    response = operation.responses.get(str(answer.status))
    if response is None:
        response = operation.responses.get(str(operation.success))
    if response is None or response.schema is None:
        return
    # Of a record by itself it is known which part is wrong, and whose rule that is.
    broken = whole_breaches(surface, operation, response.schema, answer.body)
    broken = broken or oracle_of(response.schema).breaches(answer.body)
    if broken:
        first = broken[0]
        place = "/".join(first.path) or "the body"
        wanted = expect.body(response.schema)
        named = first.rule_ids or shapes or story.case.rule_ids
        if set(named) != set(story.case.rule_ids):
            story.note(named, f"{place} as documented", first.message, expect=wanted)
            return
        story.refute(f"{place} as documented: {first.keyword}", first.message, wanted)
