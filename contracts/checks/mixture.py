"""What may stand in each place of a request, right and wrong, and which of it goes together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from contracts.cases.acts import (
    fillings,
    is_asked,
    is_own_text,
    lead,
    made_from,
    make,
    make_full,
    reach,
)
from contracts.cases.bench import Bench
from contracts.cases.passage import usual_delay
from contracts.cases.story import BlockedError, Case, Made, Story
from contracts.checks import derived, reference, schema
from contracts.checks.effect import values_of
from contracts.checks.lifecycle import closed_rules, new_value, states_of_requests
from contracts.moments import format_moment, read_moment
from contracts.oracle.schema import Breach
from contracts.strategies.bodies import calm_state, transition_after, transition_at
from contracts.strategies.edges import Edge
from contracts.strategies.pairs import Row
from contracts.strategies.values import ODD, as_given, constraints, is_allowed
from contracts.surface import Surface
from contracts.target.wire import BEARER, KEY, Exchange
from mock_server.spec.model import Call, Derived, Expression, Operation, Reference, Transition
from mock_server.spec.schemas import properties_of, types_of

WHO = "@"  # the place of the credentials; those of the query begin with a question mark
ORIGIN = "#"  # the place of how a record came to be that is changed
MAXIMUM_REPAIRS = 12
SOON = 2  # seconds that are waited for


@dataclass(frozen=True, slots=True)
class Choice:
    """What may stand in one place of a request.

    `rule_ids`: those that it breaks, where it is wrong; `edge` is the value that does, `names` the
    reference that it breaks. `setup`: the requests that made what it names. `soon`: the value is a
    moment, so many seconds from now. `make`: how a record comes to be.
    """

    value: Any
    word: str
    rule_ids: tuple[str, ...] = ()
    edge: Edge | None = None
    names: Reference | None = None
    setup: tuple[Exchange, ...] = ()
    soon: float | None = None
    make: Callable[[Story], Made] = lambda story: story.block("it comes from nowhere")

    @property
    def is_given(self) -> bool:
        return not isinstance(self.value, schema.Left)

    @property
    def is_set(self) -> bool:
        return self.is_given and self.value is not None


NOTHING = Choice(schema.LEFT_OUT, "")


@dataclass(slots=True)
class Mixture:
    """The places of a request that makes or changes a record, and what may stand in each.

    `stored` is a plain record of those that are changed; empty where one is made.
    """

    bench: Bench
    surface: Surface
    operation: Operation
    places: dict[str, list[Choice]]
    stored: Mapping[str, Any]
    unwelcome: list[dict[str, int]] = field(default_factory=list)  # what a target refuses together
    shared: dict[int, Made] = field(default_factory=dict)  # records that refusals have in common
    # The place of a breach -> the field that was dropped for it
    rivals: dict[str, str] = field(default_factory=dict)
    judged: dict[frozenset[tuple[str, int]], list[Breach]] = field(default_factory=dict)

    # What a row says

    def chosen(self, row: Row) -> dict[str, Choice]:
        return {name: self.places[name][number] for name, number in row.items()}

    def body(self, row: Row) -> dict[str, Any]:
        """The body of a row, with texts and moments of its own."""
        return {
            name: self.own(name, choice)
            for name, choice in self.chosen(row).items()
            if name in self.operation.body_fields and choice.is_given
        }

    def own(self, name: str, choice: Choice) -> Any:
        if choice.soon is not None:
            return format_moment(self.bench.clock.now() + choice.soon)
        own = is_own_text(self.operation, name, choice.value)
        return self.bench.composer.own_text() if own else choice.value

    def query(self, row: Row) -> dict[str, str]:
        return {
            name[1:]: choice.value
            for name, choice in self.chosen(row).items()
            if name.startswith("?") and choice.is_given
        }

    def credentials(self, row: Row) -> str:
        return str(self.places[WHO][row[WHO]].value) if WHO in row else KEY

    def origin(self, row: Row) -> Choice:
        return self.places[ORIGIN][row[ORIGIN]]

    def words(self, row: Row) -> str:
        return ", ".join(c.word for c in self.chosen(row).values() if c.word) or "nothing"

    def state(self, row: Row) -> str | None:
        """The state that is asked for, or stays."""
        lifecycle = self.surface.resource.lifecycle
        if lifecycle is None:
            return None
        found = self.body(row).get(lifecycle.field, self.stored.get(lifecycle.field))
        return found if isinstance(found, str) else None

    def move(self, row: Row) -> Transition | None:
        """The transition that a change asks for."""
        lifecycle = self.surface.resource.lifecycle
        source = self.stored.get(lifecycle.field) if lifecycle is not None else None
        moves = lifecycle.transitions if lifecycle is not None and source is not None else ()
        state = self.state(row)
        return next((t for t in moves if is_asked(t) and (t.source, t.to) == (source, state)), None)

    def wrong(self, row: Row) -> tuple[str, Choice] | None:
        return next(((n, c) for n, c in self.chosen(row).items() if c.rule_ids), None)

    def all_wrong(self) -> frozenset[tuple[str, int]]:
        return frozenset(
            (name, number)
            for name, choices in self.places.items()
            for number, choice in enumerate(choices)
            if choice.rule_ids
        )

    # What a row comes to

    def breaches(self, row: Row) -> list[Breach]:
        """What the document says against a row; what is asked beside the body is of no account."""
        key = frozenset((n, k) for n, k in row.items() if k and n in self.operation.body_fields)
        found = self.judged.get(key)
        if found is None:
            body = self.body(row)
            whole = {**self.stored, **body} if self.stored else None
            found = self.bench.composer.breaches(self.operation, body, whole)
            self.judged[key] = found
        return found

    def settle(self, row: Row, stay: frozenset[str]) -> Row | None:
        """The row with what its state needs, and without what it excludes; None where it cannot be."""
        found: Row | None = dict(row)
        for _ in range(MAXIMUM_REPAIRS):
            if found is None:
                break
            bad, broken = self.wrong(found), self.breaches(found)
            lonely = self.without_owner(found)
            if lonely is not None:
                found = self.given(found, *lonely, stay)
            elif not self.is_as_wished(found, bad, broken):
                found = self.repaired(found, stay, bad, broken)
            elif (together := self.refused_together(found)) is not None:
                spare = next((n for n in together if n not in stay), None)
                found = None if spare is None else {**found, spare: 0}
            else:
                return found
        return None

    def is_as_wished(self, row: Row, bad: tuple[str, Choice] | None, broken: list[Breach]) -> bool:
        """Whether it breaks nothing, or by its wrong choice alone what that is to break."""
        if bad is None:
            return not broken
        name, choice = bad
        own = set(choice.rule_ids)
        if any(one.field != name and own.isdisjoint(one.rule_ids) for one in broken):
            return False
        if not self.is_certain(row, name, choice):
            return False
        lifecycle = self.surface.resource.lifecycle
        if choice.names is not None or (self.stored and lifecycle and name == lifecycle.field):
            return not broken  # no schema speaks of what a name stands for, nor of a move
        valid, ids = schema.judge(self.bench.document.rules, broken)
        return not valid and ids == choice.rule_ids

    def is_certain(self, row: Row, name: str, choice: Choice) -> bool:
        """Whether a document's words refuse the choice in this state."""
        state = self.state(row)
        if choice.names is not None:
            return reference.is_certain(self.surface, state)
        if choice.edge is None:
            return True
        defaulted = any(one.field == name for one in self.operation.defaults)
        return schema.is_certain(self.surface.resource, state, name, choice.edge, defaulted)

    def refused_together(self, row: Row) -> dict[str, int] | None:
        return next((one for one in self.unwelcome if one.items() <= row.items()), None)

    def repaired(
        self, row: Row, stay: frozenset[str], bad: tuple[str, Choice] | None, broken: list[Breach]
    ) -> Row | None:
        for breach in broken:
            if breach.field is not None and (bad is None or breach.field != bad[0]):
                return self.given(row, breach.field, False, stay)
        known = [self.rivals[one.place] for one in broken if one.place in self.rivals]
        for name in dict.fromkeys((*known, *row)):
            for number in self.lighter(row, name) if name not in stay and name in row else ():
                trial = {**row, name: number}
                if len(self.breaches(trial)) < len(broken):
                    self.rivals[broken[0].place] = name
                    return trial
        return None

    def lighter(self, row: Row, name: str) -> list[int]:
        """What may stand in a place instead: what a plain request has there, or nothing."""
        nothing = [n for n, choice in enumerate(self.places[name]) if not choice.is_given]
        return [n for n in dict.fromkeys((0, *nothing)) if n != row[name]]

    def given(self, row: Row, name: str, is_null: bool, stay: frozenset[str]) -> Row | None:
        """The row with a value, or null, in a place that has none."""
        if name in stay or name not in row or self.places[name][row[name]].is_set:
            return None
        listed = self.places[name]
        fits = [n for n, c in enumerate(listed) if c.is_given and c.is_set != is_null]
        number = next((n for n in fits if not listed[n].rule_ids), None)
        return None if number in (None, row[name]) else {**row, name: number}

    def without_owner(self, row: Row) -> tuple[str, bool] | None:
        """What a change has to name as well: whose the new one is, or one that the new owner has.

        Whether it is null: nothing belongs to nobody.
        """
        for one in self.operation.references.values() if self.stored else ():
            owners = [ours for ours in one.match.values() if ours in row]
            if one.field not in row:
                continue
            choice = self.places[one.field][row[one.field]]
            for ours in owners:
                owner = self.places[ours][row[ours]]
                if choice.is_set and not owner.is_set:
                    return ours, False
                if owner.is_given and not choice.is_given:
                    return one.field, not owner.is_set
        return None

    def is_free(self, row: Row, name: str) -> bool:
        """Whether nothing but a document's own words could speak against a value here.

        A choice may belong to a state, a moment to another one, and a null may mean much.
        """
        if name not in self.operation.body_fields or not self.places[name][row[name]].is_set:
            return False
        resource = self.surface.resource
        timed = transition_after(resource, name) or transition_at(resource, name)
        if timed is not None:
            return timed.source == self.state(row)
        return "enum" not in constraints(properties_of(self.operation.body_schema)[name])


# Which places there are


def of_create(bench: Bench, surface: Surface, create: Operation) -> Mixture:
    lifecycle, calm = surface.resource.lifecycle, calm_state(surface.resource)
    setting = Setting(bench, surface, create, bench.composer.base(create, calm) or {})
    places: dict[str, list[Choice]] = {}
    for name in create.body_fields:
        if lifecycle is not None and name == lifecycle.field:
            valid = [Choice(state, state) for state in lifecycle.initial]
        else:
            valid = [NOTHING, *setting.valid(name)]
            if name in setting.base:  # what a plain request has comes first
                valid = [*valid[1:], Choice(schema.LEFT_OUT, f"no {name}")]
        wrong = [*setting.missing(name), *setting.wrong(name), *setting.misnamed(name)]
        if len(valid) > 1 or wrong:
            places[name] = [*valid, *wrong]
    places |= query_places(create) | credential_places(bench, surface)
    return Mixture(bench, surface, create, places, {})


def of_update(bench: Bench, surface: Surface, create: Operation, update: Operation) -> Mixture:
    lifecycle, calm = surface.resource.lifecycle, calm_state(surface.resource)
    stored = bench.composer.base(create, calm) or {}
    setting = Setting(bench, surface, update, stored)
    places = {ORIGIN: [*iter_origins(bench, surface)]}
    for name in update.body_fields:
        if lifecycle is not None and name == lifecycle.field:
            places[name] = [NOTHING, *setting.moves()]
            continue
        valid = [NOTHING, *setting.valid(name)]
        wrong = [*setting.wrong(name), *setting.misnamed(name)]
        if len(valid) > 1 or wrong:
            places[name] = [*valid, *wrong]
    places |= query_places(update) | credential_places(bench, surface)
    return Mixture(bench, surface, update, places, stored)


def query_places(operation: Operation) -> dict[str, list[Choice]]:
    return {
        f"?{one.name}": [NOTHING, *(Choice(str(v), f"{one.name}={v}") for v in values_of(one))]
        for one in operation.parameters
        if one.location == "query" and values_of(one)
    }


def credential_places(bench: Bench, surface: Surface) -> dict[str, list[Choice]]:
    schemes = bench.document.security_schemes.values()
    listing = surface.listing
    if listing is None or not any(one.kind == "bearer" for one in schemes):
        return {}
    if not bench.client.call(listing, credentials=BEARER).answer.accepted:
        return {}
    return {WHO: [Choice(KEY, ""), Choice(BEARER, "a Bearer token")]}


def iter_origins(bench: Bench, surface: Surface) -> Iterator[Choice]:
    """Ways in which a record at rest came to be: plain, full, or back from another state."""
    name, calm = surface.resource.name, calm_state(surface.resource)
    lifecycle = surface.resource.lifecycle
    yield Choice(schema.LEFT_OUT, "", make=lambda story: make(story, name, calm))
    for word, given, files in fillings(bench, name):
        yield Choice(None, f"a full record{word}", make=full(bench, surface, given, files))
    moves = [t for t in lifecycle.transitions if is_asked(t)] if lifecycle is not None else []
    for back in moves:
        if back.to == calm and any((t.source, t.to) == (calm, back.source) for t in moves):
            yield Choice(None, f'a record back from "{back.source}"', make=returned(name, back))


def returned(name: str, back: Transition) -> Callable[[Story], Made]:
    """Makes records that were in another state before."""

    def make_one(story: Story) -> Made:
        made = reach(story, name, back.source)
        lead(story, made, back)
        return made

    return make_one


def full(
    bench: Bench, surface: Surface, given: Mapping[str, Any], files: bool
) -> Callable[[Story], Made]:
    """Makes full records, all but the first with what the first was made with and texts of their own."""
    known: list[Mapping[str, Any]] = []
    name, calm, create = surface.resource.name, calm_state(surface.resource), surface.create
    assert create is not None

    def make_one(story: Story) -> Made:
        if not known:
            made = make_full(story, name, calm, files, **given)
            known.append(made.given)
            return made
        body = {
            n: f"{bench.composer.own_text()} {ODD}" if is_own_text(create, n, v) else v
            for n, v in known[0].items()
        }
        return made_from(story, create, story.send(create, body=body))

    return make_one


# What may stand in them


class Setting:
    """What the choices of one operation are made from: a plain body, and records that go together."""

    def __init__(
        self, bench: Bench, surface: Surface, operation: Operation, base: Mapping[str, Any]
    ) -> None:
        self.bench = bench
        self.surface = surface
        self.operation = operation
        self.base = base
        self.story = Story(bench, Case((), "", lambda story: None))
        self.properties = properties_of(operation.body_schema)
        self.given = self.together()
        self.seen: set[object] = set()

    def together(self) -> dict[str, Any]:
        """Records to refer to that belong together, rather not the one who calls."""
        bench, references = self.bench, self.operation.references
        me = (bench.principal() or {}).get("id")
        found: dict[str, Any] = {}
        # What belongs to another record comes first, and brings that one along.
        for name in sorted(references, key=lambda name: not references[name].match):
            one = references[name]
            fitting = bench.live.fitting(one, found) if name not in found else []
            fitting = sorted(fitting, key=lambda record: record.get("id") == me)
            fresh = [r for r in fitting if r.get(one.by) != self.base.get(name)] or fitting
            chosen = fresh if self.operation.does == "update" else fitting
            if chosen:
                value = chosen[0].get(one.by)
                found |= {name: value, **bench.composer.owners(self.operation, name, value)}
        return found

    def valid(self, name: str) -> Iterator[Choice]:
        resource, composer = self.surface.resource, self.bench.composer
        listed = constraints(self.properties[name]).get("enum")
        if listed is not None:
            yield from (Choice(value, f"{name} {value}") for value in listed if value is not None)
        elif name in self.given:
            yield self.named(name)
        else:
            yield from (Choice(value, name) for value in self.fresh(name))
        if transition_at(resource, name) is not None:
            yield Choice(composer.far_moment(), f"{name} soon", soon=SOON)
        if transition_after(resource, name) is not None and is_allowed(self.properties[name], SOON):
            yield Choice(SOON, f"{name} {SOON}")
        nullable = "null" in types_of(self.properties[name]) and is_allowed(
            self.properties[name], None
        )
        if nullable and not any(one.field == name for one in self.operation.defaults):
            yield Choice(None, f"{name} null")

    def fresh(self, name: str) -> Iterator[Any]:
        """A plain value; in a change another one than a plain record has."""
        if self.operation.does == "update":
            with suppress(BlockedError):
                yield new_value(self.story, self.surface, self.operation, name, self.base)
            return
        value = self.base.get(name)
        if value is None:
            value = self.bench.composer.value(self.operation, name, self.base)
        if value is not None:
            yield value

    def named(self, name: str) -> Choice:
        """A reference; a text to fill in is made for the records that it is filled in with."""
        create = self.surface.create
        for one in self.surface.resource.derived if create is not None else ():
            if name not in source_of(one) or create is None:
                continue
            reads = [n for n in derived.iter_reads(one) if n in self.given and n != name]
            part = Story(self.bench, self.story.case)
            with suppress(BlockedError, KeyError):
                others = {n: self.given[n] for n in reads}
                value = derived.template_values(part, create, one, others)[name]
                return Choice(value, name, setup=tuple(part.exchanges))
        return Choice(as_given(self.properties[name], self.given[name]), name)

    def moves(self) -> Iterator[Choice]:
        """The states that a record at rest may be asked to take, and those that it may not."""
        lifecycle = self.surface.resource.lifecycle
        if lifecycle is None:
            return
        source = str(self.base.get(lifecycle.field))
        for state in sorted(states_of_requests(self.operation, lifecycle)):
            to = {t.to for t in lifecycle.transitions if is_asked(t) and t.source == source}
            if state in to:
                yield Choice(state, state)
            elif state != source:
                ids = closed_rules(lifecycle, source, state)
                if self.is_new(state, ids):
                    yield Choice(state, state, ids)

    # Wrong ones

    def is_new(self, key: object, ids: tuple[str, ...]) -> bool:
        """Whether a documented rule could be broken so for the first time."""
        rules = self.bench.document.rules
        if (key, ids) in self.seen or not ids:
            return False
        if not all(i in rules and rules[i].certainty == "documented" for i in ids):
            return False
        self.seen.add((key, ids))
        return self.bench.ledger.wants(ids)

    def states(self, name: str) -> Iterator[tuple[str | None, dict[str, Any]]]:
        """The states in which a value may be wrong, each with a plain body for it."""
        resource, lifecycle = self.surface.resource, self.surface.resource.lifecycle
        calm = calm_state(resource)
        if self.operation.does == "update":
            yield calm, {}
            return
        for state in (calm, *(s for s in (lifecycle.initial if lifecycle else ()) if s != calm)):
            base = self.bench.composer.base(self.operation, state)
            if base is not None:
                yield state, base

    def missing(self, name: str) -> Iterator[Choice]:
        for _, base in self.states(name):
            for value, word in ((schema.LEFT_OUT, "missing"), (None, "null")):
                body = schema.apply(base, {name: value})
                broken = self.bench.composer.breaches(self.operation, body)
                valid, ids = schema.judge(self.bench.document.rules, broken)
                if name in base and not valid and self.is_new((name, word), ids):
                    yield Choice(value, f"{name} {word}", ids)

    def wrong(self, name: str) -> Iterator[Choice]:
        """One wrong value for each way in which a field can break one documented rule."""
        found: dict[object, list[Choice]] = {}
        for state, base in self.states(name):
            calm = state == calm_state(self.surface.resource)
            if not calm and not schema.is_timed_in(self.surface.resource, name, state):
                continue
            for edge in schema.field_edges(
                self.bench, self.surface, self.operation, name, {**self.base, **base}
            ):
                if edge.value is None or not edge.certain:
                    continue
                body = schema.apply(base, {name: edge.value})
                whole = {**self.base, **body} if self.operation.does == "update" else None
                broken = self.bench.composer.breaches(self.operation, body, whole)
                valid, ids = schema.judge(self.bench.document.rules, broken)
                if not valid and ids:
                    choice = Choice(edge.value, f"{name}: {edge.why}", ids, edge)
                    found.setdefault((name, edge.keyword, ids), []).append(choice)
        for key, choices in found.items():
            if self.is_new(key, choices[0].rule_ids):
                # Each field is wrong in another way.
                yield choices[len(self.seen) % len(choices)]

    def misnamed(self, name: str) -> Iterator[Choice]:
        found = self.operation.references.get(name)
        if found is None or not self.is_new((name, "names nothing"), found.rule_ids):
            return
        with suppress(BlockedError):
            value = reference.unused(self.story, self.operation, found)
            yield Choice(value, f"{name} of no {found.to}", found.rule_ids, names=found)
        for record in reference.one_of_each(self.bench.live.excluded(found), found):
            word = f"{name} of another kind of {found.to}"
            yield Choice(record.get(found.by), word, found.rule_ids, names=found)


def source_of(one: Derived) -> list[str]:
    """The field that names what a value is rendered from."""
    return [
        part.name
        for value in one.values
        if isinstance(value, Call) and value.function == "template.render"
        for part in value.of
        if isinstance(part, Expression)
    ]


def wait_of(
    surface: Surface, timed: Transition, given: Mapping[str, Any], made: Made, now: float
) -> float | None:
    """In how many seconds time moves a record; None where that is too long, or nobody knows.

    A delay that was given earlier may have stayed with the record, or not.
    """
    wait: float | None = None
    if timed.at is not None:
        moment = read_moment(made.record.get(timed.at))
        wait = None if moment is None else max(0.0, moment.timestamp() - now)
    elif timed.after is not None and (timed.after in given or timed.after not in made.given):
        asked = given.get(timed.after)
        wait = float(usual_delay(surface, timed.after) if asked is None else asked)
    return wait if wait is not None and wait <= 2 * SOON else None
