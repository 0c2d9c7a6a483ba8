"""States that no request leads to: time does, or the provider's side."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeGuard

from contracts.cases.acts import is_asked, is_reachable, reach, reread
from contracts.cases.story import Made, Story
from contracts.moments import format_moment
from contracts.strategies.values import constraints
from contracts.surface import Surface
from contracts.target.provider import cause
from mock_server.spec.model import Expression, Lifecycle, Transition, Value
from mock_server.spec.schemas import keyword_of, properties_of

Led = Generator[float, None, Made]
SOON = 3.0  # seconds after which time moves a record
POLL = 0.25  # seconds between two looks at what may lag


def way_by_itself(lifecycle: Lifecycle, state: str) -> Transition | None:
    """The move by time or event that leads to a state from one that requests lead to."""
    found = [
        t
        for t in lifecycle.transitions
        if t.to == state and not is_asked(t) and is_reachable(lifecycle, t.source)
    ]
    return next(iter(sorted(found, key=lambda t: t.event is not None)), None)


def led_by_itself(story: Story, surface: Surface, state: str) -> Led:
    """A record that came to a state by itself; shared by the cases that need one."""
    bench = story.bench
    key = (surface.resource.name, state, "by itself")
    made = bench.standing.get(key)
    if made is None or made.spoiled:
        made = yield from lead(story, surface, state)
        made.exchanges = tuple(story.exchanges)
        made.key = key
        bench.standing[key] = made
        story.used.append(made)
    else:
        story.adopt(made)
    return made


def lead(story: Story, surface: Surface, state: str) -> Led:
    lifecycle = surface.resource.lifecycle
    assert lifecycle is not None
    move = way_by_itself(lifecycle, state)
    if move is None:
        story.block(f'nothing leads to "{state}"')
    made, wait = begin(story, surface, move)
    if wait:
        yield wait
    for _ in range(int(story.bench.settings.grace / POLL) + 1):
        if reread(story, made).get(lifecycle.field) == state:
            return made
        yield POLL
    story.block(f'the record did not become "{state}"')


def begin(story: Story, surface: Surface, move: Transition) -> tuple[Made, float]:
    """A record that will move by itself, and in how many seconds."""
    name, create, clock = surface.resource.name, surface.create, story.bench.clock
    fields = create.body_fields if create is not None else ()
    given = demands(story, surface)
    if move.event is not None:
        made = reach(story, name, move.source, **given)
        happen(story, made, move)
        return made, 0.0
    if move.at is not None:
        if move.at not in fields:
            story.block(f"{move.at} cannot be given")
        given[move.at] = format_moment(clock.now() + SOON)
        return reach(story, name, move.source, **given), SOON
    field = move.after or ""
    if not usual_delay(surface, field):
        return reach(story, name, move.source, False, **given), 0.0
    if field not in fields:
        story.block(f"{field} cannot be given")
    given[field] = int(SOON)
    return reach(story, name, move.source, **given), SOON


def demands(story: Story, surface: Surface) -> dict[str, Any]:
    """What any state requires, so that no move is refused for the lack of it."""
    lifecycle, create = surface.resource.lifecycle, surface.create
    timed = {name for t in lifecycle.transitions for name in (t.at, t.after)} if lifecycle else ()
    found: dict[str, Any] = {}
    for requirement in lifecycle.requires if lifecycle is not None else ():
        for name in constraints(requirement.schema).get("required", []):
            if create is not None and name in create.body_fields and name not in timed:
                found[name] = story.bench.composer.value(create, name, found)
    return {name: value for name, value in found.items() if value is not None}


def happen(story: Story, made: Made, move: Transition) -> dict[str, str]:
    """Has the provider's side do something to a record, and returns the facts that go with it."""
    if not story.bench.clock.virtual:
        story.block("it is the provider's side that makes it happen")
    facts = {name: f"Contract check: {name}" for name in event_facts(move)}
    answer = cause(story.bench.client, move.event or "", {"id": made.record_id, **facts})
    made.spoiled = True
    if not answer.accepted:
        story.block(f'the control API answered {answer.status} to "{move.event}"')
    return facts


def event_facts(move: Transition) -> list[str]:
    """The names of the facts that an event may bring along."""
    return [value.tokens[0] for value in move.sets.values() if is_of_event(value)]


def is_of_event(value: Value) -> TypeGuard[Expression]:
    return isinstance(value, Expression) and value.source == "event" and bool(value.tokens)


def usual_delay(surface: Surface, field: str) -> float:
    """The seconds that a record waits where nobody says how long."""
    default = keyword_of(properties_of(surface.resource.schema).get(field, {}), "default")
    return float(default) if isinstance(default, int | float) else 0.0
