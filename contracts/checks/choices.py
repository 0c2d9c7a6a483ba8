"""The choices of a mixture: what a document and a target offer for each place of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
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
from contracts.cases.story import BlockedError, Case, Made, Story
from contracts.checks import derived, reference, schema
from contracts.checks.derived import source_of
from contracts.checks.effect import values_of
from contracts.checks.lifecycle import closed_rules, new_value, states_of_requests
from contracts.checks.mixture import NOTHING, ORIGIN, SOON, WHO, Choice, Mixture
from contracts.strategies.bodies import calm_state, transition_after, transition_at
from contracts.strategies.values import ODD, as_given, constraints, is_allowed
from contracts.surface import Surface
from contracts.target.wire import BEARER, KEY
from mock_server.spec.model import Operation, Transition
from mock_server.spec.schemas import properties_of, types_of


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

    def states(self) -> Iterator[tuple[str | None, dict[str, Any]]]:
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
        for _, base in self.states():
            for value, word in ((schema.LEFT_OUT, "missing"), (None, "null")):
                body = schema.apply(base, {name: value})
                broken = self.bench.composer.breaches(self.operation, body)
                valid, ids = schema.judge(self.bench.document.rules, broken)
                if name in base and not valid and self.is_new((name, word), ids):
                    yield Choice(value, f"{name} {word}", ids)

    def wrong(self, name: str) -> Iterator[Choice]:
        """One wrong value for each way in which a field can break one documented rule."""
        found: dict[object, list[Choice]] = {}
        for state, base in self.states():
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
