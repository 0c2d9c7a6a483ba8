"""Records that go with others: shown inside them, gone with them, and the log that tells of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contracts.cases.acts import (
    change,
    demanded,
    expect_accepted,
    made_from,
    make,
    need,
    reach,
    remove,
)
from contracts.cases.bench import Bench
from contracts.cases.passage import POLL
from contracts.cases.story import Case, Made, Steps, Story
from contracts.checks.effect import belongs, due_query, id_inside, listed_values
from contracts.checks.lifecycle import new_value, plain_fields
from contracts.checks.listing import page_of
from contracts.moments import format_moment, is_same_moment
from contracts.oracle.values import Facts, Unknown, evaluate
from contracts.strategies.bodies import calm_state
from contracts.surface import Surface
from contracts.target.client import path_of
from contracts.target.wire import GONE
from mock_server.spec.model import Embedded, Expression, Log, Reference, Transition

SOON = 1.0  # seconds until what time does is done


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        for embedded in surface.resource.embedded:
            if bench.ledger.wants(embedded.rule_ids):
                name = f"{surface.resource.title}: {embedded.field} holds what belongs to it"
                yield Case(embedded.rule_ids, name, shown(surface, embedded))
        for reference in surface.resource.references.values():
            ids = reference.cascade_rules
            if reference.cascade and bench.ledger.wants(ids):
                name = f"{surface.resource.title} goes with its {reference.to}"
                yield Case(ids, name, gone_with(surface, reference))
        log = surface.resource.log
        if log is not None and surface.create is not None and bench.ledger.wants(log.rule_ids):
            for what in ("created", "updated", "deleted"):
                name = f"a {surface.resource.title} that is {what} is told of once"
                yield Case(log.rule_ids, name, told(surface, log, what))


def last_cases(bench: Bench) -> Iterator[Case]:
    """Moves with a name of their own; when nothing else goes on, so that lists hold what they made."""
    for surface in bench.judged():
        log, lifecycle = surface.resource.log, surface.resource.lifecycle
        if log is None or surface.create is None or lifecycle is None:
            continue
        for move in lifecycle.transitions if bench.ledger.wants(log.action_rules) else ():
            if move.action and move.event is None:
                name = f'"{move.source}" to "{move.to}" is told of once as {move.action}'
                yield Case(log.action_rules, name, told(surface, log, move.action, move))


# Shown inside another


def shown(surface: Surface, embedded: Embedded) -> Any:
    def steps(story: Story) -> None:
        bench = story.bench
        inner = bench.surface(embedded.of)
        reference = inner.resource.references.get(embedded.by)
        by = reference.by if reference is not None else "id"
        owner = owner_of(story, surface)
        child = make(story, embedded.of, calm_state(inner.resource), **{embedded.by: owner.get(by)})
        if child.record.get(embedded.by) != owner.get(by):
            story.block(f"the {inner.resource.title} names another {surface.resource.title}")
        if not holds(story, surface, embedded, owner, child):
            story.refute(f"{child.record_id} in {embedded.field}", "it is missing")
        others = [
            r for r in bench.live.records(surface.resource.name) if r.get(by) != owner.get(by)
        ]
        for other in others[:1]:
            if holds(story, surface, embedded, other, child):
                story.refute(f"{child.record_id} not in another's {embedded.field}", "it is there")
        removed = inner.delete is not None and remove(story, child).answer.accepted
        if removed and holds(story, surface, embedded, owner, child):
            story.refute(f"{child.record_id} not in {embedded.field}: it is deleted", "it is")

    return steps


def owner_of(story: Story, surface: Surface) -> Mapping[str, Any]:
    """A new record, or one of the target's where none can be made."""
    name = surface.resource.name
    if surface.create is not None:
        return make(story, name, calm_state(surface.resource)).record
    found = story.bench.live.records(name)
    if not found:
        story.block(f"the target has no {name}")
    return found[0]


def holds(
    story: Story, surface: Surface, embedded: Embedded, owner: Mapping[str, Any], child: Made
) -> bool:
    """Whether a record shows another inside, asked for anew."""
    record: Any = None
    if surface.read is not None:
        record = story.send(surface.read, path=path_of(surface.read, str(owner.get("id")))).answer
        record = record.body if record.accepted else None
    elif surface.listing is not None:
        listed = listing_of(story, surface)
        record = next((one for one in listed if one.get("id") == owner.get("id")), None)
    inside = record.get(embedded.field) if isinstance(record, Mapping) else None
    if not isinstance(inside, list):
        story.block(f"no {embedded.field} can be seen")
    return any(isinstance(one, Mapping) and one.get("id") == child.record_id for one in inside)


def listing_of(story: Story, surface: Surface) -> list[Mapping[str, Any]]:
    return page_of(story, surface, need(surface.listing, story, "list"), {})


# Gone with another


def gone_with(surface: Surface, reference: Reference) -> Any:
    def steps(story: Story) -> None:
        owner = story.bench.surface(reference.to)
        need(owner.delete, story, "delete")
        made, child = family(story, surface, owner, reference)
        if not is_there(story, surface, child):
            story.block(f"the {surface.resource.title} is not to be seen")
        expect_accepted(story, remove(story, made), f"the {owner.resource.title} is deleted")
        if is_there(story, surface, child):
            expected = f"{child} is gone with its {owner.resource.title}"
            story.refute(expected, "it is still there")

    return steps


def family(
    story: Story, surface: Surface, owner: Surface, reference: Reference
) -> tuple[Made, str]:
    """A record with one that belongs to it: made for it, or by an effect of its creation."""
    state = calm_state(owner.resource)
    if surface.create is not None and reference.field in surface.create.body_fields:
        made = make(story, owner.resource.name, state)
        given = {reference.field: made.record.get(reference.by)}
        child = make(story, surface.resource.name, calm_state(surface.resource), **given)
        return made, child.record_id
    create = need(owner.create, story, "create")
    for effect in create.effects:
        due = due_query(story.bench, owner, create, effect)
        if effect.creates != surface.resource.name or due is None:
            continue
        body = story.bench.composer.base(create, due[0], **listed_values(create, effect))
        if body is not None:
            made = made_from(story, create, story.send(create, query=due[1], body=body))
            inside = id_inside(effect, made.record)
            if inside is not None:
                return made, inside
            for one in listing_of(story, surface) if surface.listing is not None else ():
                if belongs(one, effect, made.record):
                    return made, str(one.get("id"))
    story.block(f"no {surface.resource.title} that belongs to a new record can be made")


def is_there(story: Story, surface: Surface, record_id: str) -> bool:
    if surface.read is not None:
        answer = story.send(surface.read, path=path_of(surface.read, record_id)).answer
        return answer.status not in GONE
    return any(one.get("id") == record_id for one in listing_of(story, surface))


# Told in a log


def told(surface: Surface, log: Log, what: str, move: Transition | None = None) -> Any:
    """One entry for what has happened, with the values that the document says."""

    def steps(story: Story) -> Steps:
        observer = story.bench.surface(log.to)
        marks = {
            one.values[0].tokens[0]: one.field
            for one in observer.resource.derived
            if isinstance(one.values[0], Expression) and one.values[0].source == "change"
        }
        if "action" not in marks or observer.listing is None:
            story.block("the log does not say what was done")
        given = told_of(story, surface, log)
        if move is not None:
            made = begin(story, surface, move, given)
        else:
            made = make(story, surface.resource.name, calm_state(surface.resource), **given)
        record = dict(made.record)
        known: set[Any] = set()
        if move is not None:
            carry_out(story, surface, made, move)
        elif what != "created":
            known = {one.get("id") for one in listing_of(story, observer)}
            story.drop_last()
            record = act(story, surface, made, what)
        found: list[Mapping[str, Any]] = []
        for _ in range(int(story.bench.settings.grace / POLL) + 1):
            found = [
                entry
                for entry in listing_of(story, observer)
                if entry.get("id") not in known and entry.get(marks["action"]) == what
                if says(entry, log, record) and is_of(entry, marks, made)
            ]
            if found:
                break
            story.drop_last()
            yield POLL
        if len(found) != 1:
            listing_of(story, observer)
            if not found and not observer.resource.descending and goes_on(story, observer):
                story.block("the newest entries are not on the first page")
            story.refute(f"one {observer.resource.title} of it", f"{len(found)} of them")

    return steps


def begin(story: Story, surface: Surface, move: Transition, given: dict[str, Any]) -> Made:
    """A record from which a transition leads; one of time comes soon."""
    moment = {move.at: format_moment(story.bench.clock.now() + SOON)} if move.at else {}
    holding = not move.timed
    return reach(story, surface.resource.name, move.source, holding, **given, **moment)


def carry_out(story: Story, surface: Surface, made: Made, move: Transition) -> None:
    """Asks for a transition, or waits for it, while nothing else adds to the log."""
    if move.timed:
        story.bench.clock.wait(SOON)
        return
    field = surface.resource.lifecycle.field if surface.resource.lifecycle is not None else ""
    exchange = change(story, made, {field: move.to, **demanded(story, made, move.to)})
    expect_accepted(story, exchange, f'it becomes "{move.to}"')


def told_of(story: Story, surface: Surface, log: Log) -> dict[str, Any]:
    """Values for the fields that the log takes over, so that there is something to tell."""
    create = need(surface.create, story, "create")
    values: dict[str, Any] = {}
    for value in log.values.values():
        name = value.tokens[0] if isinstance(value, Expression) and value.tokens else ""
        if name in create.body_fields and name not in values:
            trial = {**values, name: story.bench.composer.value(create, name, values)}
            fits = story.bench.composer.base(create, calm_state(surface.resource), **trial)
            values = trial if trial[name] is not None and fits is not None else values
    return values


def goes_on(story: Story, observer: Surface) -> bool:
    """Whether the last page says that there is another."""
    body, page = story.exchanges[-1].answer.body, observer.resource.page
    names = [name for name in (page.more, page.next) if name]
    return isinstance(body, Mapping) and any(body.get(name) for name in names)


def act(story: Story, surface: Surface, made: Made, what: str) -> dict[str, Any]:
    """Changes or deletes a record; the record as the log tells of it."""
    if what == "deleted":
        need(surface.delete, story, "delete")
        expect_accepted(story, remove(story, made), "it is deleted")
        return dict(made.record)
    update = need(surface.update, story, "change")
    fields = plain_fields(surface, update)
    if not fields:
        story.block("nothing can be changed")
    value = new_value(story, surface, update, fields[0], made.record)
    expect_accepted(story, change(story, made, {fields[0]: value}), f"{fields[0]} is changed")
    return {**made.record, fields[0]: value}


def is_of(entry: Mapping[str, Any], marks: Mapping[str, str], made: Made) -> bool:
    return "id" not in marks or entry.get(marks["id"]) == made.record_id


def says(entry: Mapping[str, Any], log: Log, record: Mapping[str, Any]) -> bool:
    """Whether an entry has the values that the document has it take over."""
    for name, value in log.values.items():
        expected = evaluate(value, Facts(record))
        if isinstance(expected, Unknown) or name not in entry:
            continue
        if entry[name] != expected and not is_same_moment(entry[name], expected):
            return False
    return True
