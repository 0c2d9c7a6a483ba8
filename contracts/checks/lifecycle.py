"""Lifecycles: every pair of states, what may be edited in which, and what a state requires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from contracts.cases import expect
from contracts.cases.acts import (
    change,
    demanded,
    expect_accepted,
    expect_refused,
    fillings,
    full_values,
    holding,
    is_asked,
    is_reachable,
    lead,
    made_from,
    make,
    make_full,
    need,
    note_kept,
    reach,
    reread,
    standing,
    valid_body,
)
from contracts.cases.bench import Bench
from contracts.cases.passage import led_by_itself, way_by_itself
from contracts.cases.story import BlockedError, Case, Made, Steps, Story
from contracts.checks.listing import as_read
from contracts.moments import is_same_moment
from contracts.oracle.schema import oracle_of
from contracts.strategies.bodies import transition_after, transition_at
from contracts.strategies.values import PLAIN, as_given, constraints
from contracts.surface import Surface, response_rules
from mock_server.spec.model import Lifecycle, Operation, Requirement, Transition
from mock_server.spec.schemas import keyword_of, properties_of, rule_ids, types_of

AGAIN = 50 * 86_400  # seconds; other moments are nearer


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        lifecycle = surface.resource.lifecycle
        if lifecycle is None or surface.create is None or surface.update is None:
            continue
        yield from requirement_cases(bench, surface, lifecycle, surface.create, surface.update)
        for source in lifecycle.states:
            if not is_reachable(lifecycle, source) and not way_by_itself(lifecycle, source):
                continue
            yield from row_cases(bench, surface, lifecycle, surface.update, source)
            yield from edit_cases(bench, surface, lifecycle, surface.update, source)


# Every pair of states


def row_cases(
    bench: Bench, surface: Surface, lifecycle: Lifecycle, update: Operation, source: str
) -> Iterator[Case]:
    allowed = states_of_requests(update, lifecycle)
    by_itself = not is_reachable(lifecycle, source)
    for target in lifecycle.states:
        if target not in allowed or (target == source and by_itself):
            continue
        move = next(
            (
                t
                for t in lifecycle.transitions
                if is_asked(t) and (t.source, t.to) == (source, target)
            ),
            None,
        )
        if source == target:
            ids = closed_rules(lifecycle, source, target)
            yield Case(ids, f'"{source}" to itself', same_state(surface, lifecycle, source), False)
        elif move is not None:
            yield from move_cases(bench, surface, lifecycle, update, move)
        else:
            ids = closed_rules(lifecycle, source, target)
            yield Case(
                ids,
                f'from "{source}" to "{target}"',
                forbidden(surface, lifecycle, update, source, target),
            )
            yield Case(
                ids,
                f'from "{source}" to "{target}" with other changes',
                forbidden(surface, lifecycle, update, source, target, True),
            )


def states_of_requests(update: Operation, lifecycle: Lifecycle) -> frozenset[str]:
    """The states that a change may name at all; others are the schema's matter."""
    schema = properties_of(update.body_schema).get(lifecycle.field)
    if schema is None:
        return frozenset()
    listed = constraints(schema).get("enum")
    return frozenset(lifecycle.states if listed is None else listed)


def closed_rules(lifecycle: Lifecycle, source: str, target: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for entry in lifecycle.closed:
        if (entry.sources is None or source in entry.sources) and (
            entry.targets is None or target in entry.targets
        ):
            found.update(dict.fromkeys(entry.rule_ids))
    return tuple(found)


def same_state(surface: Surface, lifecycle: Lifecycle, source: str) -> Any:
    def steps(story: Story) -> None:
        made = standing(story, surface.resource.name, source, "full")
        exchange = change(story, made, {lifecycle.field: source})
        expect_accepted(story, exchange, "nothing is changed")

    return steps


def forbidden(
    surface: Surface,
    lifecycle: Lifecycle,
    update: Operation,
    source: str,
    target: str,
    has_others: bool = False,
) -> Any:
    """Only the move is wrong: everything that the target state needs is stored already.

    With other changes beside it, none of those is made either.
    """

    def steps(story: Story) -> Steps:
        if is_reachable(lifecycle, source):
            made = standing(story, surface.resource.name, source, "full")
        else:
            made = yield from led_by_itself(story, surface, source)
        others = other_changes(story, surface, update, made) if has_others else {}
        exchange = change(story, made, {**others, lifecycle.field: target})
        why = f'"{source}" does not become "{target}" on request'
        expect_refused(story, update, exchange, why, made)

    return steps


def move_cases(
    bench: Bench, surface: Surface, lifecycle: Lifecycle, update: Operation, move: Transition
) -> Iterator[Case]:
    name, ids = surface.resource.name, move.rule_ids
    path = f'from "{move.source}" to "{move.to}"'

    def stored(story: Story) -> None:
        made = fresh(story, surface, move.source)
        moved(story, lifecycle, made, {}, move)

    def now(story: Story) -> None:
        made = reach(story, name, move.source)
        moved(story, lifecycle, made, timing(story, surface, update, move.to), move)

    def twice(story: Story) -> None:
        made = fresh(story, surface, move.source)
        moved(story, lifecycle, made, timing(story, surface, update, move.to), move)
        back_changes = {
            lifecycle.field: move.source,
            **demanded(story, made, move.source),
            **timing(story, surface, update, move.source),
        }
        if not change(story, made, back_changes).answer.accepted:
            story.block("the way back is refused")
        given = timing(story, surface, update, move.to, again=True)
        moved(story, lifecycle, made, given, move)

    def plain(story: Story) -> None:
        made = reach(story, name, move.source)
        moved(story, lifecycle, made, {}, move)

    def together(story: Story) -> None:
        only(story, ids)
        made = fresh(story, surface, move.source)
        given = other_changes(story, surface, update, made)
        if not given:
            story.block("nothing else can be changed")
        # Another time than the stored one comes with it.
        for field in timing_fields(surface, update, move.to):
            given[field] = new_value(story, surface, update, field, made.record)
        moved(story, lifecycle, made, given, move)

    yield Case(ids, path, stored)
    if move.source in lifecycle.initial:
        for word, given, files in fillings(bench, name):
            steps = with_everything(surface, lifecycle, update, move, given, files)
            both = tuple(dict.fromkeys((*ids, *read_rules(surface))))
            yield Case(both, f"{path}, with everything{word}", steps)
    if move.source in lifecycle.editable:
        if timing_fields(surface, update, move.to):
            yield Case(ids, f"{path}, with its time", now)
        if not needs_time(surface, lifecycle, move.to):
            yield Case(ids, f"{path}, without its time", plain)
        both = tuple(dict.fromkeys((*ids, *read_rules(surface))))
        yield Case(both, f"{path}, with other changes", together)
        for reference in update.references.values():
            if reference.where is not None:
                steps = with_other(surface, lifecycle, update, move, reference.field)
                yield Case(ids, f"{path}, with another {reference.field}", steps)
    if any(
        is_asked(t) and (t.source, t.to) == (move.to, move.source) for t in lifecycle.transitions
    ):
        yield Case(ids, f"{path}, for the second time", twice)


def with_other(
    surface: Surface, lifecycle: Lifecycle, update: Operation, move: Transition, name: str
) -> Any:
    """A move that brings another record to refer to, with which it is done."""

    def steps(story: Story) -> None:
        made = fresh(story, surface, move.source)
        given = {name: new_value(story, surface, update, name, made.record)}
        moved(story, lifecycle, made, given, move)

    return steps


def read_rules(surface: Surface) -> tuple[str, ...]:
    """The rules of what reading shows."""
    return () if surface.read is None else response_rules(surface.read, str(surface.read.success))


def with_everything(
    surface: Surface,
    lifecycle: Lifecycle,
    update: Operation,
    move: Transition,
    given: Mapping[str, Any],
    files: bool,
) -> Any:
    """A full record moves and keeps all that it has; where a way leads back, there too."""

    def steps(story: Story) -> Steps:
        only(story, move.rule_ids)
        name = surface.resource.name
        held = {**full_values(story, name, move.source), **given}
        made = make_full(story, name, move.source, files, **held)
        back = next(
            (t for t in lifecycle.transitions if (t.source, t.to) == (move.to, move.source)), None
        )
        ways = [move, back] if back is not None and is_asked(back) else [move]
        reread(story, made)
        for way in ways:
            if way is not move:
                only(story, way.rule_ids)
            moved(story, lifecycle, made, timing(story, surface, update, way.to), way)
            yield from as_read(story, surface, made)

    return steps


def only(story: Story, ids: tuple[str, ...]) -> None:
    """From here on a failure of a case with several rules speaks of these alone."""
    story.case = replace(story.case, rule_ids=ids)


def timing_fields(surface: Surface, update: Operation, state: str) -> list[str]:
    found = []
    for name in update.body_fields:
        timed = transition_after(surface.resource, name) or transition_at(surface.resource, name)
        if timed is not None and timed.source == state:
            found.append(name)
    return found


def needs_time(surface: Surface, lifecycle: Lifecycle, state: str) -> bool:
    """Whether a state's time is a moment, which must be known; a delay may be left out."""
    return any(t.source == state and t.at is not None for t in lifecycle.transitions)


def timing(
    story: Story, surface: Surface, update: Operation, state: str, again: bool = False
) -> dict[str, Any]:
    """Values for the fields that say when a state ends; a moment `again` is another one."""
    composer = story.bench.composer
    return {
        name: composer.far_moment(AGAIN)
        if again and transition_at(surface.resource, name) is not None
        else composer.value(update, name, {}, state)
        for name in timing_fields(surface, update, state)
    }


def fresh(story: Story, surface: Surface, state: str) -> Made:
    """A record of its own in a state, with everything stored that another state needs."""
    name = surface.resource.name
    lifecycle = surface.resource.lifecycle
    assert lifecycle is not None
    if state in lifecycle.initial:
        values = full_values(story, name, state)
        return make(story, name, state, **values)
    return reach(story, name, state)


def moved(
    story: Story, lifecycle: Lifecycle, made: Made, given: dict[str, Any], move: Transition
) -> None:
    """The move is accepted, and shows in the answer and on reading; time may have gone on."""
    changes = {**demanded(story, made, move.to), **given, lifecycle.field: move.to}
    before = dict(made.record)
    exchange = change(story, made, changes)
    why = f'"{move.source}" becomes "{move.to}"'
    if not exchange.answer.accepted:
        now = reread(story, made).get(lifecycle.field)
        if any(t.timed and (t.source, t.to) == (move.source, now) for t in lifecycle.transitions):
            story.block(f'time had led it to "{now}" before')  # too soon or not is another matter
        story.drop_last()
    expect_accepted(story, exchange, why)
    later = {move.to, *(t.to for t in lifecycle.transitions if t.timed and t.source == move.to)}
    for record in (made.record, reread(story, made)):
        if record.get(lifecycle.field) not in later:
            story.refute(
                f'{lifecycle.field} "{move.to}" after the change',
                f"{lifecycle.field} {record.get(lifecycle.field)!r}",
                expect.body({"properties": {lifecycle.field: {"enum": sorted(later)}}}),
            )
        for field, value in given.items():
            if field not in record or value is None:
                continue
            if record[field] != value and not is_same_moment(record[field], value, 1.0):
                surface = story.bench.surface(made.resource)
                if field not in timing_fields(surface, update_of(surface), move.to):
                    only(story, read_rules(surface) or move.rule_ids)
                wanted = expect.fields({field: value})
                story.refute(f"{field} {value!r} with the move", f"{record[field]!r}", wanted)
        note_kept(story, made, before, record, {*changes, *move.sets})


def update_of(surface: Surface) -> Operation:
    assert surface.update is not None
    return surface.update


def another_change(story: Story, surface: Surface, update: Operation, made: Made) -> dict[str, Any]:
    """One plain field with another value."""
    for name in plain_fields(surface, update):
        value = story.bench.composer.value(update, name, {})
        if value is not None and made.record.get(name) != value:
            return {name: value}
    return {}


def other_changes(story: Story, surface: Surface, update: Operation, made: Made) -> dict[str, Any]:
    """Every plain field with another value, those that say when a state ends left out."""
    found: dict[str, Any] = {}
    for name in plain_fields(surface, update):
        if transition_at(surface.resource, name) is None:
            with suppress(BlockedError):
                found[name] = new_value(story, surface, update, name, made.record)
    return found


def plain_fields(surface: Surface, update: Operation) -> list[str]:
    """Text fields of a change that stand in answers, free ones first."""
    lifecycle = surface.resource.lifecycle
    properties = properties_of(update.body_schema)
    named = [
        name
        for name in properties
        if (lifecycle is None or name != lifecycle.field)
        and name not in update.references
        and name in surface.resource.fields
        and name not in surface.resource.hidden
        and "string" in types_of(properties[name])
    ]
    return sorted(
        named,
        key=lambda name: len(constraints(properties[name]).keys() & {"pattern", "format", "enum"}),
    )


# What may be edited in which state


def edit_cases(
    bench: Bench, surface: Surface, lifecycle: Lifecycle, update: Operation, source: str
) -> Iterator[Case]:
    ids = lifecycle.editable_rules
    if not bench.ledger.wants(ids):
        return
    allowed = source in lifecycle.editable
    kinds = [""] if is_reachable(lifecycle, source) else []
    if way_by_itself(lifecycle, source) is not None and not allowed:
        kinds.append("by itself")
    for name in update.body_fields:
        if name == lifecycle.field:
            continue
        for kind in kinds:
            steps = (
                edit_accepted(surface, update, source, name)
                if allowed
                else edit_refused(surface, update, source, name, kind)
            )
            word = "may be changed" if allowed else "may not be changed"
            yield Case(
                ids,
                f'{name} {word} in "{source}"{" after it came to it by itself" * bool(kind)}',
                steps,
            )
    if not is_reachable(lifecycle, source):
        return
    for name in clearable(surface, update) if not allowed and source in lifecycle.initial else ():
        steps = clearing_refused(surface, update, source, name)
        yield Case(ids, f'{name} may not be emptied in "{source}"', steps)
    yield Case(
        ids, f'a "{source}" record written back', written_back(surface, update, source), False
    )
    moves = [move for move in lifecycle.transitions if is_asked(move)]
    if not allowed:
        for name in update.body_fields:
            if name != lifecycle.field:
                steps = edit_in_its_state(surface, lifecycle, update, source, name)
                yield Case(
                    ids, f'{name} may not be changed in "{source}" with its own state', steps
                )
        for move in moves:
            if move.source == source:
                steps = move_with_change(surface, lifecycle, update, move)
                yield Case(ids, f'"{source}" to "{move.to}" with another change', steps, False)
    for move in moves:
        if allowed and move.to == source and is_reachable(lifecycle, move.source):
            steps = edit_afterwards(surface, update, move)
            yield Case(ids, f'"{source}" may be changed after "{move.source}"', steps)


def new_value(
    story: Story, surface: Surface, update: Operation, name: str, record: Mapping[str, Any]
) -> Any:
    """A valid value of a field that differs from the stored one."""
    composer = story.bench.composer
    reference = update.references.get(name)
    if reference is not None:
        for other in story.bench.live.wanted(reference):
            value = other.get(reference.by)
            fits = all(
                record.get(ours) in (None, other.get(theirs))
                for theirs, ours in reference.match.items()
            )
            value = as_given(properties_of(update.body_schema)[name], value)
            if value is not None and value != record.get(name) and fits:
                return value
        story.block(f"the target has no other record for {name}")
    schema = properties_of(update.body_schema)[name]
    if transition_at(surface.resource, name) is not None:
        return composer.far_moment(AGAIN)
    if transition_after(surface.resource, name) is not None:
        longest = composer.value(update, name, {})
        return longest - 1 if longest else None
    plain = PLAIN if constraints(schema).get("format") == "date-time" else ()
    for value in (composer.value(update, name, {}), *plain, *composer.hints.get(name, [])):
        same = value == record.get(name) or is_same_moment(value, record.get(name))
        if value is not None and not same and oracle_of(schema).is_valid(value):
            return value
    pattern = constraints(schema).get("pattern")
    stored = record.get(name)
    if pattern and isinstance(stored, str):
        beside = stored[:-1] + ("3" if stored[-1] != "3" else "4")
        if oracle_of(schema).is_valid(beside):
            return beside
    story.block(f"no other value of {name} is known")


def edit_refused(surface: Surface, update: Operation, source: str, name: str, kind: str) -> Any:
    def steps(story: Story) -> Steps | None:
        if kind == "by itself":
            return after_time(story)
        made = standing(story, surface.resource.name, source)
        attempt(story, made)
        return None

    def attempt(story: Story, made: Made) -> None:
        value = new_value(story, surface, update, name, made.record)
        if name not in made.record:
            # What answers do not show may be what it is already, or nothing that is stored.
            story.case = replace(story.case, certain=False)
        exchange = change(story, made, {name: value})
        why = f'{name} of a "{source}" record may not be changed'
        expect_refused(story, update, exchange, why, made)

    def after_time(story: Story) -> Steps:
        made = yield from led_by_itself(story, surface, source)
        attempt(story, made)

    return steps


def clearable(surface: Surface, update: Operation) -> list[str]:
    """Fields of a change that may be null, that answers show, and of which no state speaks."""
    lifecycle = surface.resource.lifecycle
    demanded_of = {
        name
        for requirement in (lifecycle.requires if lifecycle is not None else ())
        for name in required_fields(requirement)
    }
    timed = {n for t in (lifecycle.transitions if lifecycle else ()) for n in (t.at, t.after)}
    state = {lifecycle.field} if lifecycle is not None else set()
    operations = (update, surface.create) if surface.create is not None else (update,)
    defaulted = {default.field for one in operations for default in one.defaults}
    recorded = properties_of(surface.resource.schema)
    return [
        name
        for name, schema in properties_of(update.body_schema).items()
        if name in surface.resource.fields
        and types_of(recorded.get(name, {})) & {"null", "array"}
        and keyword_of(recorded.get(name, {}), "default") in (None, [])
        and name not in surface.resource.hidden
        and name not in demanded_of | timed | state
        and name not in defaulted
        and "null" in types_of(schema)
        and oracle_of(schema).is_valid(None)
    ]


def clearing_refused(surface: Surface, update: Operation, source: str, name: str) -> Any:
    """Taking a value away is a change as well; a null that changes nothing may be taken for none."""

    def steps(story: Story) -> None:
        made = standing(story, surface.resource.name, source, "filled")
        before = made.record.get(name)
        if before in (None, []):
            story.block(f"no {name} is there to be emptied")
        exchange = change(story, made, {name: None})
        if exchange.answer.accepted and reread(story, made).get(name) == before:
            story.case = replace(story.case, certain=False)
        why = f'{name} of a "{source}" record may not be changed'
        expect_refused(story, update, exchange, why, made)

    return steps


def edit_accepted(surface: Surface, update: Operation, source: str, name: str) -> Any:
    def steps(story: Story) -> None:
        made = standing(story, surface.resource.name, source)
        value = new_value(story, surface, update, name, made.record)
        exchange = change(story, made, {name: value})
        expect_accepted(story, exchange, f'{name} of a "{source}" record may be changed')

    return steps


def edit_in_its_state(
    surface: Surface, lifecycle: Lifecycle, update: Operation, source: str, name: str
) -> Any:
    """Naming the state that it is in makes no move of a change."""

    def steps(story: Story) -> None:
        made = standing(story, surface.resource.name, source)
        value = new_value(story, surface, update, name, made.record)
        if name not in made.record:
            story.case = replace(story.case, certain=False)  # as where it is changed alone
        exchange = change(story, made, {lifecycle.field: source, name: value})
        why = f'{name} of a "{source}" record may not be changed'
        expect_refused(story, update, exchange, why, made)

    return steps


def edit_afterwards(surface: Surface, update: Operation, move: Transition) -> Any:
    """A state that may be edited is that as well for a record that comes back to it."""

    def steps(story: Story) -> None:
        made = reach(story, surface.resource.name, move.source)
        lead(story, made, move)
        exchange = change(story, made, another_change(story, surface, update, made))
        expect_accepted(story, exchange, f'a "{move.to}" record may be changed')

    return steps


def written_back(surface: Surface, update: Operation, source: str) -> Any:
    def steps(story: Story) -> None:
        made = standing(story, surface.resource.name, source)
        before = made.record
        exchange = change(story, made, dict(before))
        expect_accepted(story, exchange, "the whole record as it was read changes nothing")

    return steps


def move_with_change(
    surface: Surface, lifecycle: Lifecycle, update: Operation, move: Transition
) -> Any:
    def steps(story: Story) -> None:
        made = standing(story, surface.resource.name, move.source, "full")
        changes = {lifecycle.field: move.to, **another_change(story, surface, update, made)}
        exchange = change(story, made, changes)
        why = "a change together with the move away from a state that may not be edited"
        expect_refused(story, update, exchange, why, made)

    return steps


# What a state requires of the record


def requirement_cases(
    bench: Bench, surface: Surface, lifecycle: Lifecycle, create: Operation, update: Operation
) -> Iterator[Case]:
    """Moves into a state by a record that lacks what the state requires; others do without it."""
    for requirement in lifecycle.requires:
        for state in lifecycle.initial:
            for name in () if state in requirement.states else required_fields(requirement):
                ids = rules_of(requirement, name)
                if ids and bench.ledger.wants(ids):
                    steps = spared(create, state, name)
                    yield Case(ids, f'{create.operation_id}: "{state}" without {name}', steps)
        for move in lifecycle.transitions:
            if not is_asked(move) or move.to not in requirement.states:
                continue
            for name in required_fields(requirement):
                ids = rules_of(requirement, name)
                if not ids or not bench.ledger.wants(ids):
                    continue
                enforced = all(bench.document.rules[i].policy == "enforce" for i in ids)
                if not enforced or move.source not in lifecycle.initial:
                    continue
                for word in LACKING:
                    steps = lacking(surface, lifecycle, create, update, move, name, word)
                    yield Case(ids, f'"{move.source}" to "{move.to}", {name} {word}', steps)
                yield Case(
                    ids,
                    f'"{move.source}" to "{move.to}" with {name} set to null',
                    emptied(surface, lifecycle, update, move, name),
                )
                yield Case(
                    ids,
                    f'"{move.source}" to "{move.to}" with {name}',
                    satisfied(surface, lifecycle, create, update, move, name),
                )


MISSING, NULL, MADE_NULL = LACKING = ("missing", "null", "missing and set to null")


def spared(create: Operation, state: str, name: str) -> Any:
    """A record of a state that does not require a field is made without it."""

    def steps(story: Story) -> None:
        composer = story.bench.composer
        body = composer.base(create, state) or {}
        lighter = {key: value for key, value in body.items() if key != name}
        if not body or composer.breaches(create, lighter):
            story.block(f'"{state}" without {name} is refused for another reason')
        exchange = story.send(create, body=lighter)
        expect_accepted(story, exchange, f'"{state}" does not need {name}')

    return steps


def required_fields(requirement: Requirement) -> list[str]:
    schema = requirement.schema
    listed = constraints(schema).get("required", [])
    return list(listed)


def rules_of(requirement: Requirement, name: str) -> tuple[str, ...]:
    named: dict[str, None] = {}
    for breach in oracle_of(requirement.schema).breaches({}):
        if breach.field == name:
            named.update(dict.fromkeys(breach.rule_ids))
    return tuple(named) or rule_ids(requirement.schema)


def lacking(
    surface: Surface,
    lifecycle: Lifecycle,
    create: Operation,
    update: Operation,
    move: Transition,
    name: str,
    how: str,
) -> Any:
    """A record that never had the field is moved; everything else is in order."""

    def steps(story: Story) -> None:
        body = valid_body(story, create, move.source)
        others = {k: v for k, v in timing(story, surface, update, move.to).items() if k != name}
        body = {k: v for k, v in {**body, **others}.items() if k != name}
        if how == NULL:
            body[name] = None
        made = made_from(story, create, story.send(create, body=body))
        if made.record.get(name) is not None:
            story.block(f"the target fills {name} itself")
        made.record = reread(story, made)
        # What comes with a move that is refused is not taken either.
        editable = move.source in lifecycle.editable and how == MISSING
        more = another_change(story, surface, update, made) if editable else {}
        more.pop(name, None)
        if how == MADE_NULL:
            more[name] = None
        exchange = change(story, made, {**more, lifecycle.field: move.to})
        why = f'"{move.to}" needs {name}'
        expect_refused(story, update, exchange, why, made)

    return steps


def emptied(
    surface: Surface, lifecycle: Lifecycle, update: Operation, move: Transition, name: str
) -> Any:
    """A record has the field, and the very change takes it away."""

    def steps(story: Story) -> None:
        made = fresh(story, surface, move.source)
        reread(story, made)
        exchange = change(story, made, {lifecycle.field: move.to, name: None})
        why = f'"{move.to}" needs {name}'
        if exchange.answer.accepted and reread(story, made).get(name) is not None:
            story.case = replace(story.case, certain=False)  # it has it: the null was passed over
        expect_refused(story, update, exchange, why, made)

    return steps


def satisfied(
    surface: Surface,
    lifecycle: Lifecycle,
    create: Operation,
    update: Operation,
    move: Transition,
    name: str,
) -> Any:
    """The field comes with the move itself."""

    def steps(story: Story) -> None:
        body = story.bench.composer.base(create, move.source)
        if body is None or name not in update.body_fields:
            story.block("no such change can be built")
        value = body.get(name) or story.bench.composer.value(update, name, body, move.to)
        rest = {key: inner for key, inner in body.items() if key != name}
        made = made_from(story, create, story.send(create, body=rest))
        given = {**timing(story, surface, update, move.to), name: value}
        exchange = change(story, made, {lifecycle.field: move.to, **given})
        expect_accepted(story, exchange, f'{name} is given with the move to "{move.to}"')

    return steps


__all__ = ["cases", "holding", "need"]
