"""Rules inside one body: each is broken alone, and its allowed neighbours must be accepted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, islice
from types import MappingProxyType
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from contracts.cases.acts import (
    came,
    change,
    expect_accepted,
    expect_refused,
    instead_of_plain,
    is_documented,
    is_own_text,
    note_shape,
    standing,
    valid_body,
)
from contracts.cases.bench import Bench
from contracts.cases.story import Case, Made, Story
from contracts.checks.lifecycle import clearable, new_value, plain_fields
from contracts.oracle.schema import Breach
from contracts.strategies.bodies import calm_state, transition_after, transition_at
from contracts.strategies.edges import Edge, broken_values, iter_constraints, iter_edges
from contracts.strategies.values import constraints, is_allowed, typical, valid_values
from contracts.surface import Surface, refusal_status, response_rules
from mock_server.spec.model import BusinessRule, Operation, Resource
from mock_server.spec.schemas import (
    iter_subschemas,
    keyword_of,
    properties_of,
    rule_ids,
)

NO_OBJECTS: tuple[Any, ...] = ([], "text", 5, True, None)
MORE = ", and on" * 30  # with a mark more than 160 characters
BROKEN = (b'{"a": ', b"{'a': 1}", b"not json")


class Left:
    """In place of a value: the field is left out."""

    def __repr__(self) -> str:
        return "LEFT_OUT"


LEFT_OUT = Left()


@dataclass(frozen=True, slots=True)
class Probe:
    """One change of a plain valid body, and what must come of it."""

    operation: Operation
    state: str | None
    changes: Mapping[str, Any]
    rule_ids: tuple[str, ...]
    accepted: bool
    certain: bool
    why: str
    keyword: str = ""


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        create, update = surface.create, surface.update
        if create is not None and is_judged(bench, surface, create):
            yield from create_cases(bench, surface, create)
        if update is not None and is_judged(bench, surface, update):
            yield from update_cases(bench, surface, update)


def is_judged(bench: Bench, surface: Surface, operation: Operation) -> bool:
    """Whether a body could break a rule that is judged: working out how takes a while."""
    if operation.body_schema is None:
        return False
    lifecycle = surface.resource.lifecycle
    required = [one.schema for one in lifecycle.requires] if lifecycle is not None else []
    named = {
        rule_id
        for schema in (operation.body_schema, *required)
        for _, part in iter_subschemas(schema)
        for rule_id in rule_ids(part)
    }
    named |= {rule_id for one in operation.refusals for rule_id in one.rule_ids}
    return bench.ledger.wants((*named, *response_rules(operation, refusal_status(operation))))


# What a body comes to


def judge(
    rules: Mapping[str, BusinessRule], broken: Iterable[Breach]
) -> tuple[bool, tuple[str, ...]]:
    """Whether a body is valid, and the rules that it breaks by one field; none where that is open."""
    listed = list(broken)
    if not listed:
        return True, ()
    named = {
        i: rules[i]
        for breach in listed
        for i in breach.rule_ids
        if i in rules and rules[i].policy == "enforce"
    }
    documented = [i for i, rule in named.items() if rule.certainty == "documented"]
    if any(not breach.rule_ids for breach in listed):
        return False, ()
    if len(documented) == 1:
        return False, (documented[0],)
    if not documented and len(named) == 1:
        return False, tuple(named)
    if documented and (is_one(breach.rule_ids for breach in listed) or is_one_field(listed)):
        return False, tuple(documented)
    return False, ()


def is_one(values: Iterable[object]) -> bool:
    return len(set(values)) == 1


def is_one_field(broken: Iterable[Breach]) -> bool:
    """Whether one value breaks all: none of its rules can be broken alone."""
    return is_one(breach.field or breach for breach in broken)


def apply(body: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if name not in changes}
    return kept | {n: v for n, v in changes.items() if not isinstance(v, Left)}


def is_certain(
    resource: Resource, state: str | None, field: str, edge: Edge, default: bool
) -> bool:
    """Whether a document's words decide this, and not a reading of them.

    A null where there is a default, and the range of a delay or moment in a state that does not
    wait for it, are read differently by different implementations.
    """
    if edge.value is None and default:
        return False
    timed = transition_after(resource, field) or transition_at(resource, field)
    if timed is not None and timed.source != state and edge.keyword != "type":
        return False
    return edge.certain


# Create


def create_cases(bench: Bench, surface: Surface, create: Operation) -> Iterator[Case]:
    probes: list[Probe] = []
    for probe in iter_create_probes(bench, surface, create):
        if bench.ledger.wants(probe.rule_ids):
            probes.append(probe)
            yield create_case(bench, probe)
    yield from generated_cases(bench, surface, create, probes)
    ids = response_rules(create, refusal_status(create))
    if bench.ledger.wants(ids):
        sure = is_documented(bench, surface.resource.name)
        for content in BROKEN:
            name = f"{create.operation_id}: a body that is no JSON ({content.decode()})"
            yield Case(ids, name, unreadable(create, content, "no JSON"), sure)
        if bench.composer.breaches(create, {}):
            for value in NO_OBJECTS:
                name = f"{create.operation_id}: a body that is no object ({value!r})"
                yield Case(ids, name, unreadable(create, value, "no object"), sure)
            name = f"{create.operation_id}: an object with nothing in it"
            yield Case(ids, name, empty(create), False)
            name = f"{create.operation_id}: a valid body in a list"
            yield Case(ids, name, in_a_list(bench, create), sure)


def unreadable(create: Operation, content: Any, what: str) -> Any:
    def steps(story: Story) -> None:
        exchange = story.send(create, body=content)
        if not 400 <= exchange.answer.status < 500:
            story.refute(f"refused: the body is {what}", came(exchange.answer))
        note_shape(story, create, exchange.answer)

    return steps


def empty(create: Operation) -> Any:
    """Whatever rule wants a field, and where no rule does: the usual refusal."""

    def steps(story: Story) -> None:
        expect_refused(story, create, story.send(create, body={}), "fields are missing")

    return steps


def in_a_list(bench: Bench, create: Operation) -> Any:
    def steps(story: Story) -> None:
        base = valid_body(story, create, calm_state(bench.document.resources[create.resource]))
        unreadable(create, [base], "no object")(story)

    return steps


def create_case(bench: Bench, probe: Probe) -> Case:
    def steps(story: Story) -> None:
        body = valid_body(story, probe.operation, probe.state)
        send_probe(story, probe, apply(body, probe.changes))

    return Case(
        probe.rule_ids, f"{probe.operation.operation_id}: {probe.why}", steps, probe.certain
    )


def send_probe(story: Story, probe: Probe, body: Any) -> None:
    exchange = story.send(probe.operation, body=body)
    if probe.accepted:
        expect_accepted(story, exchange, probe.why)
        story.bench.live.notice(probe.operation.resource, exchange.answer.body)
    else:
        expect_refused(story, probe.operation, exchange, probe.why)


def iter_create_probes(bench: Bench, surface: Surface, create: Operation) -> Iterator[Probe]:
    lifecycle = surface.resource.lifecycle
    calm = calm_state(surface.resource)
    states: list[str | None] = [calm]
    if lifecycle is not None and lifecycle.field in create.body_fields:
        states += [state for state in lifecycle.initial if state != calm]
    for state in states:
        base = bench.composer.base(create, state)
        if base is None:
            continue
        yield from absence_probes(bench, surface, create, state, base)
        for name in create.body_fields:
            timed = transition_after(surface.resource, name)
            if timed is not None and timed.source == state and name not in base:
                delay = {name: bench.composer.value(create, name, base, state)}
                yield from absence_probes(bench, surface, create, state, base, delay)
        for field, value in instead_of_plain(bench, surface.resource.name).items():
            other = bench.composer.base(create, state, **{field: value})
            if state == calm and other is not None:
                gone = {name: LEFT_OUT for name in base if name not in other}
                instead = {field: value, **gone}
                yield from absence_probes(bench, surface, create, state, base, instead)
        yield from pair_probes(bench, create, state, base)
        for name, schema in properties_of(create.body_schema).items():
            probes = edge_probes(bench, surface, create, state, base, name)
            if state == calm or is_timed_in(surface.resource, name, state):
                yield from probes
            elif any(one.keyword == "pattern" for one in iter_constraints(schema)):
                # A form that holds in one state holds in all.
                forms = (p for p in probes if p.keyword == "pattern" and not p.accepted)
                yield from islice(forms, 1)
        if lifecycle is not None and state is not None and lifecycle.field in create.body_fields:
            yield from state_probes(create, lifecycle.field, state)


def state_probes(create: Operation, field: str, state: str) -> Iterator[Probe]:
    """Every state that a record can be made in is accepted."""
    schema = properties_of(create.body_schema)[field]
    ids = next((c.rule_ids for c in iter_constraints(schema) if c.keyword == "enum"), ())
    if ids:
        yield Probe(create, state, {}, ids, True, True, f'a plain "{state}"', "enum")


def is_timed_in(resource: Resource, field: str, state: str | None) -> bool:
    timed = transition_after(resource, field) or transition_at(resource, field)
    return timed is not None and timed.source == state


def absence_probes(
    bench: Bench,
    surface: Surface,
    create: Operation,
    state: str | None,
    base: dict[str, Any],
    given: Mapping[str, Any] = MappingProxyType({}),
) -> Iterator[Probe]:
    """Each field of a valid body left out and null, beside what is `given`; what need not be there may be left out."""
    shown = [name for name, value in given.items() if not isinstance(value, Left)]
    for name in base:
        if name in given:
            continue
        for value in (LEFT_OUT,) if given else (LEFT_OUT, None):
            body = apply(base, {**given, name: value})
            valid, ids = judge(bench.document.rules, bench.composer.breaches(create, body))
            own = rule_ids(properties_of(create.body_schema).get(name))
            if valid and value is LEFT_OUT and own and not given:
                why = f"{name} is left out" + (f' in "{state}"' if state else "")
                yield Probe(create, state, {name: LEFT_OUT}, own, True, False, why)
            if not valid and ids:
                what = "is missing" if value is LEFT_OUT else "is null"
                where = "".join(
                    [f' in "{state}"' if state else "", *(f" with {extra}" for extra in shown)]
                )
                changes = {**given, name: value}
                yield Probe(create, state, changes, ids, False, True, f"{name} {what}{where}")
                if value is LEFT_OUT and not given and name.capitalize() not in create.body_fields:
                    other = {name: LEFT_OUT, name.capitalize(): base[name]}
                    why = f"{name} {what}{where}, {name.capitalize()} is there"
                    yield Probe(create, state, other, ids, False, True, why)


def pair_probes(
    bench: Bench,
    operation: Operation,
    state: str | None,
    base: Mapping[str, Any],
    record: Mapping[str, Any] | None = None,
) -> Iterator[Probe]:
    """Two values that exclude each other, each allowed alone. With a `record`, in a change of it."""
    composer = bench.composer
    values = {
        name: base.get(name) or composer.value(operation, name, base, state)
        for name in operation.body_fields
    }
    there = {name: value for name, value in values.items() if value is not None}
    for one, two in combinations(there, 2):
        changes = {one: there[one], two: there[two]}
        whole = {**record, **changes} if record is not None else None
        broken = composer.breaches(operation, apply(base, changes), whole)
        if len(broken) == 1 and broken[0].keyword in ("not", "oneOf", "dependentRequired"):
            valid, ids = judge(bench.document.rules, broken)
            if not valid and ids:
                why = f"{one} together with {two}"
                yield Probe(operation, state, changes, ids, False, True, why)


def edge_probes(
    bench: Bench,
    surface: Surface,
    operation: Operation,
    state: str | None,
    base: Mapping[str, Any],
    name: str,
    record: Mapping[str, Any] | None = None,
) -> Iterator[Probe]:
    """Probes of one field. With a `record`, of a change of it."""
    resource = surface.resource
    defaulted = any(default.field == name for default in operation.defaults)
    for edge in field_edges(bench, surface, operation, name, base):
        same = record is not None and edge.value is not None and record.get(name) == edge.value
        if same and not isinstance(edge.value, list):
            continue
        whole = {**record, **base, name: edge.value} if record is not None else None
        body = apply(base, {name: edge.value})
        valid, ids = judge(bench.document.rules, bench.composer.breaches(operation, body, whole))
        if valid and name in operation.references and edge.value is not None:
            continue
        if valid and is_state_field(resource, name):
            continue
        named = edge.rule_ids if valid else ids
        if named:
            certain = is_certain(resource, state, name, edge, defaulted)
            if valid and record is not None and edge.value is None:
                certain = certain and name in clearable(surface, operation)
            why = f"{name}: {edge.why}"
            yield Probe(
                operation, state, {name: edge.value}, named, valid, certain, why, edge.keyword
            )


def is_state_field(resource: Resource, name: str) -> bool:
    return resource.lifecycle is not None and resource.lifecycle.field == name


def field_edges(
    bench: Bench, surface: Surface, operation: Operation, name: str, base: Mapping[str, Any]
) -> Iterator[Edge]:
    schema = properties_of(operation.body_schema)[name]
    recorded = properties_of(surface.resource.schema).get(name, {})
    own = base.get(name)
    hints = [own] if own is not None else bench.composer.hints.get(name, [])
    above = rule_ids(operation.body_schema)
    near = keyword_of(recorded, "enum") or []
    if is_own_text(operation, name, own) and is_allowed(schema, f"{own}{MORE}"):
        long, why = (
            f"{own}{MORE}",
            f"a text of {len(f'{own}{MORE}')} characters, as no limit is told",
        )
        for found in iter_constraints(schema, above):
            if found.keyword == "type":
                yield Edge(long, why, "type", found.rule_ids)
    for edge in iter_edges(schema, above, hints, near):
        yield later(edge) if transition_at(surface.resource, name) is not None else edge


def later(edge: Edge) -> Edge:
    """The same edge in the future: whether a moment that is past may be planned is another matter."""
    if isinstance(edge.value, str) and edge.value.startswith("2024-"):
        return replace(edge, value=edge.value.replace("2024-", "2044-", 1))
    return edge


# Update


def update_cases(bench: Bench, surface: Surface, update: Operation) -> Iterator[Case]:
    if surface.create is None:
        return
    ids = response_rules(update, refusal_status(update))
    if bench.ledger.wants(ids):
        for value in NO_OBJECTS:
            name = f"{update.operation_id}: a change that is no object ({value!r})"
            yield Case(ids, name, no_change(surface, update, value), False)
    calm = calm_state(surface.resource)
    lifecycle = surface.resource.lifecycle
    record = bench.composer.base(surface.create, calm) or {}
    for name in properties_of(update.body_schema):
        yield from change_cases(bench, surface, update, calm, {}, record, name)
    for probe in pair_probes(bench, update, calm, {}, record):
        if bench.ledger.wants(probe.rule_ids):
            yield change_case(probe, surface)
    moves = [t for t in lifecycle.transitions if t.source == calm] if lifecycle is not None else []
    for move in moves:
        if move.timed or move.event is not None or lifecycle is None:
            continue
        for name in properties_of(update.body_schema):
            if is_timed_in(surface.resource, name, move.to):
                base = {lifecycle.field: move.to}
                yield from change_cases(bench, surface, update, move.to, base, record, name)


def no_change(surface: Surface, update: Operation, value: Any) -> Any:
    def steps(story: Story) -> None:
        made = standing(story, surface.resource.name, calm_state(surface.resource))
        exchange = change(story, made, value)
        expect_refused(story, update, exchange, "the change is no object", made)

    return steps


def change_cases(
    bench: Bench,
    surface: Surface,
    update: Operation,
    state: str | None,
    base: dict[str, Any],
    record: Mapping[str, Any],
    name: str,
) -> Iterator[Case]:
    """Changes of one field of a record at rest; `base` is what goes with it."""
    refused = False
    for probe in edge_probes(bench, surface, update, state, base, name, record):
        if bench.ledger.wants(probe.rule_ids) and not (base and probe.changes[name] is None):
            yield change_case(replace(probe, changes={**base, **probe.changes}), surface)
            beside = None if refused or base else beside_case(bench, surface, probe)
            if beside is not None:
                refused = True
                yield beside


def beside_case(bench: Bench, surface: Surface, probe: Probe) -> Case | None:
    """The same refusal with a valid change of another field, which must not be taken either."""
    update = probe.operation
    others = [name for name in plain_fields(surface, update) if name not in probe.changes]
    ids = response_rules(update, refusal_status(update))
    if probe.accepted or not others or not bench.ledger.wants(ids):
        return None

    def steps(story: Story) -> None:
        made = standing(story, surface.resource.name, calm_state(surface.resource))
        text = new_value(story, surface, update, others[0], made.record)
        exchange = change(story, made, {others[0]: text, **probe.changes})
        if exchange.answer.accepted:
            story.block("it is accepted")
        expect_refused(story, update, exchange, probe.why, made)

    name = f"{update.operation_id}: {probe.why}, with another change"
    return Case(ids, name, steps, is_documented(bench, surface.resource.name))


def change_case(probe: Probe, surface: Surface) -> Case:
    def steps(story: Story) -> None:
        made = standing(story, surface.resource.name, calm_state(surface.resource))
        if probe.accepted:
            move_away(story, surface, probe, made)
        exchange = change(story, made, dict(probe.changes))
        if probe.accepted:
            expect_accepted(story, exchange, probe.why)
        else:
            expect_refused(story, probe.operation, exchange, probe.why, made)

    return Case(
        probe.rule_ids, f"{probe.operation.operation_id}: {probe.why}", steps, probe.certain
    )


def move_away(story: Story, surface: Surface, probe: Probe, made: Made) -> None:
    """Gives each field another value than the probe's, so that the probe changes it."""
    schemas = properties_of(probe.operation.body_schema)
    given: dict[str, Any] = {}
    for name, value in probe.changes.items():
        if made.record.get(name) != value or is_state_field(surface.resource, name):
            continue
        listed = constraints(schemas[name]).get("enum", ())
        other = story.bench.composer.value(probe.operation, name, made.record)
        longer = [value * 2] if isinstance(value, list) and value else []
        found = next((one for one in (*listed, other, *longer) if one not in (None, value)), None)
        if found is not None:
            given[name] = found
    if given:
        change(story, made, given)


# Generated


def generated_cases(
    bench: Bench, surface: Surface, create: Operation, probes: list[Probe]
) -> Iterator[Case]:
    grouped: dict[tuple[tuple[str, ...], bool], list[Probe]] = {}
    for probe in probes:
        if probe.certain and probe.changes.keys() <= set(create.body_fields):
            grouped.setdefault((probe.rule_ids, probe.accepted), []).append(probe)
    for (ids, accepted), group in grouped.items():
        if accepted:
            yield from generated_accepts(bench, surface, create, ids, group)
        else:
            yield generated_refusals(bench, surface, create, ids, group)


def generated_refusals(
    bench: Bench, surface: Surface, create: Operation, ids: tuple[str, ...], group: list[Probe]
) -> Case:
    @st.composite
    def broken_bodies(draw: st.DrawFn) -> tuple[Probe, dict[str, Any]]:
        probe = draw(st.sampled_from(group))
        base = bench.composer.base(create, probe.state)
        assume(base is not None)
        assert base is not None
        changes = dict(probe.changes)
        for name in changes:
            strategy = broken_strategy(create, name, probe.keyword, base)
            if strategy is not None and draw(st.booleans()):
                changes[name] = draw(strategy)
        body = apply(draw_more(draw, bench, create, base), changes)
        valid, found = judge(bench.document.rules, bench.composer.breaches(create, body))
        assume(not valid and found == ids)
        return probe, body

    def attempt(story: Story, drawn: tuple[Probe, dict[str, Any]]) -> None:
        send_probe(story, drawn[0], drawn[1])

    def steps(story: Story) -> None:
        bench.explore(story, broken_bodies(), attempt)

    return Case(ids, f"{create.operation_id}: generated bodies that break {ids[0]} alone", steps)


def broken_strategy(
    create: Operation, name: str, keyword: str, base: Mapping[str, Any]
) -> st.SearchStrategy[Any] | None:
    schema = properties_of(create.body_schema)[name]
    found = next((c for c in iter_constraints(schema) if c.keyword == keyword), None)
    if found is None:
        return None
    return broken_values(found, base.get(name) or typical(schema))


def draw_more(
    draw: st.DrawFn, bench: Bench, create: Operation, base: dict[str, Any]
) -> dict[str, Any]:
    """The body with some more valid fields."""
    optional = bench.composer.optional(create, base, sending=True)
    names = (
        draw(st.lists(st.sampled_from(sorted(optional)), unique=True, max_size=3))
        if optional
        else []
    )
    return base | {name: draw(optional[name]) for name in names if name not in base}


def generated_accepts(
    bench: Bench, surface: Surface, create: Operation, ids: tuple[str, ...], group: list[Probe]
) -> Iterator[Case]:
    """Valid values of the fields whose keywords a rule states."""
    fields = [
        (name, probe.state)
        for probe in group
        for name, value in probe.changes.items()
        if name not in create.references and value is not None
    ]
    pairs = list(dict.fromkeys(fields))
    if not pairs:
        return

    @st.composite
    def bodies(draw: st.DrawFn) -> tuple[Probe, dict[str, Any]]:
        name, state = draw(st.sampled_from(pairs))
        base = bench.composer.base(create, state)
        assume(base is not None)
        assert base is not None
        schema = properties_of(create.body_schema)[name]
        strategy = valid_values(schema, bench.composer.hints.get(name, ()))
        if transition_at(surface.resource, name) is not None:
            strategy = bench.composer.far_moments()
        value = draw(strategy)

        assume(is_allowed(schema, value))
        body = apply(base, {name: value})
        assume(not bench.composer.breaches(create, body))
        probe = Probe(create, state, {name: value}, ids, True, True, f"{name}: {value!r} is valid")
        return probe, body

    def attempt(story: Story, drawn: tuple[Probe, dict[str, Any]]) -> None:
        send_probe(story, drawn[0], drawn[1])

    def steps(story: Story) -> None:
        bench.explore(story, bodies(), attempt, max(4, bench.settings.examples // 2))

    yield Case(ids, f"{create.operation_id}: generated values that {ids[0]} allows", steps)
