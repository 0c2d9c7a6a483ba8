"""Races: records are made and changed from several connections at once; some order explains it all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import permutations
from threading import Barrier
from typing import Any

from contracts.cases.acts import (
    body_of_another,
    came,
    demanded,
    full_values,
    is_asked,
    make,
    need,
    reread,
    valid_body,
)
from contracts.cases.bench import Bench
from contracts.cases.story import Case, Made, Story
from contracts.checks.echo import compare, echoed_fields
from contracts.checks.lifecycle import closed_rules, new_value, plain_fields, timing
from contracts.oracle.values import is_same
from contracts.stateful.model import Model
from contracts.strategies.bodies import calm_state
from contracts.surface import Surface, response_rules
from contracts.target.client import path_of
from contracts.target.wire import KEY, OTHER, OUTAGE, Exchange
from mock_server.spec.model import Operation, Transition

ROUNDS = 6
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Race:
    """Changes that are asked for at once, of a record in one state."""

    state: str
    name: str
    changes: tuple[dict[str, Any], ...]
    rule_ids: tuple[str, ...]


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        lifecycle = surface.resource.lifecycle
        if lifecycle is None or surface.create is None or surface.update is None:
            continue
        for state in lifecycle.initial:
            moves = [t for t in lifecycle.transitions if t.source == state and is_asked(t)]
            if moves:
                yield from race_cases(bench, surface, surface.update, state, moves)
        ids = (
            () if surface.read is None else response_rules(surface.read, str(surface.read.success))
        )
        name = f"{surface.create.operation_id} from several connections at once"
        yield Case(ids, name, made_at_once(surface, surface.create))


def race_cases(
    bench: Bench, surface: Surface, update: Operation, state: str, moves: list[Transition]
) -> Iterator[Case]:
    lifecycle = surface.resource.lifecycle
    assert lifecycle is not None
    between = [
        i for a in moves for b in moves if a != b for i in closed_rules(lifecycle, a.to, b.to)
    ]
    if len(moves) > 1:
        targets = [move.to for move in moves]
        ids = tuple(dict.fromkeys(between))
        yield Case(
            ids,
            f'"{state}" to {" and ".join(targets)} at once',
            raced(surface, update, state, [*targets, targets[0]], edit=0),
        )
    edited = plain_fields(surface, update)[:2]
    if state in lifecycle.editable and len(edited) > 1 and surface.read is not None:
        ids = response_rules(surface.read, str(surface.read.success))
        name = f'{" and ".join(edited)} of a "{state}" record at once'
        yield Case(ids, name, raced(surface, update, state, [], edit=2))
    if plain_fields(surface, update):
        ids = lifecycle.editable_rules
        name = f'"{state}" to "{moves[0].to}" while it is edited'
        yield Case(ids, name, raced(surface, update, state, [moves[0].to], edit=1))


def raced(surface: Surface, update: Operation, state: str, targets: list[str], edit: int) -> Any:
    def steps(story: Story) -> None:
        lifecycle = surface.resource.lifecycle
        assert lifecycle is not None
        story.require(update)
        for _ in range(ROUNDS):
            del story.exchanges[:]
            name = surface.resource.name
            made = make(story, name, state, **full_values(story, name, state))
            before = dict(reread(story, made))
            changes = [
                {
                    lifecycle.field: target,
                    **demanded(story, made, target),
                    **timing(story, surface, update, target),
                }
                for target in targets
            ]
            for field in plain_fields(surface, update)[:edit]:
                changes.append({field: new_value(story, surface, update, field, before)})
            answered = at_once(story, update, made, changes)
            story.exchanges.extend(answered)
            made.spoiled = True
            hold(story, surface, update, before, answered, dict(reread(story, made)))

    return steps


def at_once(
    story: Story, update: Operation, made: Made, changes: list[dict[str, Any]]
) -> list[Exchange]:
    """The exchanges of changes that are sent from as many threads at one moment."""
    client = story.bench.client
    gate = Barrier(len(changes))

    def send(body: dict[str, Any]) -> Exchange:
        gate.wait(PATIENCE)
        return client.call(update, path=path_of(update, made.record_id), body=body)

    with ThreadPoolExecutor(len(changes)) as pool:
        return list(pool.map(send, changes))


def made_at_once(surface: Surface, create: Operation) -> Any:
    """Who makes a record gets that one, and finds it again; with a second account where one is known."""

    def steps(story: Story) -> None:
        client, state = story.bench.client, calm_state(surface.resource)
        read = need(surface.read, story, "read")
        names = echoed_fields(surface, create)

        def send(asked: tuple[Barrier, str, dict[str, Any]]) -> Exchange:
            gate, who, body = asked
            gate.wait(PATIENCE)
            return client.call(create, body=body, credentials=who)

        story.require(create)
        for _ in range(ROUNDS):
            del story.exchanges[:]
            bodies = [(KEY, valid_body(story, create, state)) for _ in range(2)]
            if client.keys.other is not None:
                bodies += [(OTHER, body_of_another(story, create, state)) for _ in range(2)]
            gate = Barrier(len(bodies))
            with ThreadPoolExecutor(len(bodies)) as pool:
                made = list(pool.map(send, [(gate, who, body) for who, body in bodies]))
            story.exchanges.extend(made)
            for (who, body), exchange in zip(bodies, made, strict=True):
                shown = exchange.answer.body
                if not exchange.answer.accepted or not isinstance(shown, dict):
                    refuse_by_itself(story, create, who, body, exchange)
                    continue
                given = [name for name in names if name in body]
                compare(story, shown, body, given, "in the answer", surface)
                path = path_of(read, str(shown.get("id")))
                answer = story.send(read, path=path, credentials=who).answer
                if not answer.accepted or not isinstance(answer.body, dict):
                    story.refute("the record, which was made before", came(answer))
                compare(story, answer.body, body, given, "on reading", surface)
                story.drop_last()

    return steps


def refuse_by_itself(
    story: Story, create: Operation, who: str, body: Mapping[str, Any], exchange: Exchange
) -> None:
    """What is refused among others is refused alone too, or others have to do with it."""
    answer = exchange.answer
    if answer.status in OUTAGE or answer.status == 401:
        story.block(f"{create.operation_id} answered {answer.status}")
    if story.send(create, body=body, credentials=who).answer.accepted:
        story.refute("accepted, as it is without others at the same time", came(answer))
    story.drop_last()


def hold(
    story: Story,
    surface: Surface,
    update: Operation,
    before: Mapping[str, Any],
    answered: list[Exchange],
    after: Mapping[str, Any],
) -> None:
    """Refutes the case where no order of the requests explains answers and record."""
    model = Model(story.bench.document.rules, story.bench.composer, surface)
    statuses = {exchange.answer.status for exchange in answered}
    if statuses & set(OUTAGE):  # what stands before the target; which of them it did is not known
        story.block("the target was away for a moment")
    if any(status >= 500 for status in statuses):
        story.refute("an answer, also when others change the record", "a server error")
    if not any(explains(model, update, before, order, after) for order in permutations(answered)):
        shown = ", ".join(
            f"{exchange.request.body} → {exchange.answer.status}" for exchange in answered
        )
        field = model.lifecycle.field
        expected = "an outcome that comes of one request after the other, in some order"
        if surface.read is not None and any(
            explains(model, update, before, order, after, fields=False)
            for order in permutations(answered)
        ):  # only what was written is not there: that is not the lifecycle's matter
            rules = response_rules(surface.read, str(surface.read.success))
            story.case = replace(story.case, rule_ids=rules or story.case.rule_ids)
        story.refute(expected, f"{shown}; then {field} {after.get(field)!r}")


def explains(
    model: Model,
    update: Operation,
    before: Mapping[str, Any],
    order: tuple[Exchange, ...],
    after: Mapping[str, Any],
    fields: bool = True,
) -> bool:
    """Whether requests in this order come to these answers and to this record."""
    record = dict(before)
    for exchange in order:
        verdict = model.predict(update, record, exchange.request.body)
        accepted = exchange.answer.accepted
        predicted = verdict.certain and verdict.outcome != "open"
        if predicted and accepted != (verdict.outcome == "accepted"):
            return False
        if accepted:
            record |= exchange.request.body
    field = model.lifecycle.field
    later = {
        record[field],
        *(t.to for t in model.lifecycle.transitions if t.timed and t.source == record[field]),
    }
    given = {name for exchange in order for name in exchange.request.body if name != field}
    return after.get(field) in later and all(
        not fields or is_same(after.get(name), record.get(name)) for name in given if name in after
    )
