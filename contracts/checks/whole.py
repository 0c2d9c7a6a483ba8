"""Whole records: with all that a request may hold at once, and beside others that are like them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contracts.cases import expect
from contracts.cases.acts import (
    came,
    change,
    expect_accepted,
    expect_refused,
    make,
    need,
    remove,
    reread,
)
from contracts.cases.bench import Bench
from contracts.cases.story import Case, Made, Steps, Story
from contracts.checks.derived import one_more
from contracts.checks.echo import (
    check_created,
    compare,
    echoed_fields,
    states_of,
)
from contracts.checks.lifecycle import new_value, plain_fields
from contracts.checks.listing import as_read
from contracts.checks.schema import judge
from contracts.strategies.bodies import calm_state
from contracts.surface import Surface, echo_rules
from contracts.target.client import path_of
from contracts.target.wire import GONE
from mock_server.spec.model import Operation


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        create = surface.create
        if create is None:
            continue
        yield from lacking_cases(bench, surface, create)
        ids = echo_rules(surface)
        if not bench.ledger.wants(ids):
            continue
        for state in states_of(surface):
            word = f' as "{state}"' if state else ""
            steps = full(surface, create, state)
            yield Case(ids, f"{create.operation_id}{word}: all fields at once", steps)
        if surface.update is not None:
            yield Case(ids, "a change of one of two alike", changed_alone(surface, surface.update))
        if surface.delete is not None:
            yield Case(ids, "a deletion of one of two alike", deleted_alone(surface))


# All fields at once


def full(surface: Surface, create: Operation, state: str | None) -> Any:
    def steps(story: Story) -> Steps | None:
        body = story.bench.composer.fullest(create, state)
        if body is None:
            story.block(f"no valid body for {create.operation_id} can be built")
        if state == calm_state(surface.resource):
            for name, reference in create.references.items():
                if reference.match and body.get(name) is not None:
                    owners = {ours: body.get(ours) for ours in reference.match.values()}
                    body |= one_more(story, create, name, {**owners, name: body[name]})
        names = [n for n in echoed_fields(surface, create) if body.get(n) is not None]
        made = check_created(story, surface, create, body, names)
        return as_read(story, surface, made) if state == calm_state(surface.resource) else None

    return steps


# Without one field that the state requires, whatever else is there


def lacking_cases(bench: Bench, surface: Surface, create: Operation) -> Iterator[Case]:
    lifecycle = surface.resource.lifecycle
    if lifecycle is None:
        return
    for state in lifecycle.initial:
        base = bench.composer.base(create, state) or {}
        for name in [name for name in base if name != lifecycle.field]:
            lighter = {key: value for key, value in base.items() if key != name}
            valid, ids = judge(bench.document.rules, bench.composer.breaches(create, lighter))
            if valid or not ids or not bench.ledger.wants(ids):
                continue
            what = f'{create.operation_id}: {name} is missing in "{state}" with all the others'
            yield Case(ids, what, lacking(create, state, name))


def lacking(create: Operation, state: str, name: str) -> Any:
    def steps(story: Story) -> None:
        composer = story.bench.composer
        body = composer.fullest(create, state)
        if body is None:
            story.block(f"no valid body for {create.operation_id} can be built")
        lighter = {key: value for key, value in body.items() if key != name}
        if not composer.breaches(create, lighter):
            story.block(f"{name} is not needed beside the others")
        exchange = story.send(create, body=lighter)
        expect_refused(story, create, exchange, f'"{state}" needs {name}')

    return steps


# Two that are alike


def alike(story: Story, surface: Surface) -> tuple[Made, Made]:
    """Two records that differ in nothing but their id, the older first."""
    name, create = surface.resource.name, need(surface.create, story, "create")
    body = story.bench.composer.fullest(create, calm_state(surface.resource))
    if body is None:
        story.block(f"no valid body for {create.operation_id} can be built")
    one, two = (make(story, name, calm_state(surface.resource), **body) for _ in "12")
    if one.record_id == two.record_id:
        story.block("two records that are alike are one")
    return one, two


def changed_alone(surface: Surface, update: Operation) -> Any:
    """A change goes to the record that it names, and to no other."""

    def steps(story: Story) -> None:
        fields = plain_fields(surface, update)
        if not fields:
            story.block("nothing can be changed")
        name = fields[0]
        pair = alike(story, surface)
        for made, other in (pair, (pair[1], pair[0])):
            kept = dict(reread(story, other))
            story.drop_last()
            value = new_value(story, surface, update, name, made.record)
            exchange = change(story, made, {name: value})
            expect_accepted(story, exchange, f"{name} is changed")
            shown = exchange.answer.body
            if isinstance(shown, dict) and shown.get("id") not in (None, made.record_id):
                story.refute(f"{made.record_id} in the answer to its change", f"{shown['id']}")
            compare(story, reread(story, other), kept, [name], "where another was changed")
            story.drop_last()
            compare(story, reread(story, made), {name: value}, [name], "on reading")
            story.drop_last()

    return steps


def deleted_alone(surface: Surface) -> Any:
    """A deletion takes the record that it names, and no other."""

    def steps(story: Story) -> None:
        read = need(surface.read, story, "read")
        one, two = alike(story, surface)
        if not remove(story, two).answer.accepted:
            story.block("deleting is refused")
        answer = story.send(read, path=path_of(read, one.record_id)).answer
        if answer.status in GONE:
            wanted = f"{one.record_id} is still there: another was deleted"
            story.refute(wanted, came(answer), expect.ACCEPTED)

    return steps
