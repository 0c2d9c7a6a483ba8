"""The sequences: every edge of every field, every move, lists and walks, in an order drawn by seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, zip_longest
from typing import Any

from contracts.cases.bench import Bench
from contracts.chance import Chance
from contracts.checks.lifecycle import states_of_requests
from contracts.drift.plan import LEFT_OUT, Excluded, Later, Live, Made, Nothing, Plan, Step
from contracts.strategies.bodies import FAR, calm_state, transition_after, transition_at
from contracts.strategies.edges import iter_edges
from contracts.surface import Surface
from contracts.target.wire import KEY, NONE, bearer
from mock_server.spec.model import Lifecycle, Operation
from mock_server.spec.schemas import keyword_of, properties_of

HOUR = 3_600.0
WALKS = 200
STEPS = (2, 6)  # of a walk
UNKNOWN_KEY = "unknown_key_0000000000000000"


class Generator:
    """Draws sequences for what a document and a side have."""

    def __init__(self, bench: Bench, can_write: bool, moves_time: bool) -> None:
        self.bench = bench
        self.can_write = can_write
        self.moves_time = moves_time
        self.random = Chance(bench.settings.seed)

    def plans(self) -> list[Plan]:
        """All sequences: one of each theme before a second of any, the kinds in turns."""
        decks = [list(deck) for deck in self.decks()]
        for deck in decks:
            self.random.shuffle(deck)
        parts = [new_and_repeated(deck) for deck in decks]
        new, repeated = ([part[n] for part in parts] for n in (0, 1))
        dealt = chain(in_turns(new), in_turns(repeated))
        return [plan for plan in dealt if plan is not None]

    def decks(self) -> Iterator[Iterator[Plan]]:
        surfaces = self.bench.judged()
        yield (plan for one in surfaces for plan in self.readings(one))
        yield (plan for one in surfaces for plan in self.strangers(one))
        if not self.can_write:
            return
        makers = [one for one in surfaces if one.create is not None]
        yield (plan for one in makers for plan in self.creations(one))
        yield (plan for one in makers for plan in self.moves(one))
        yield (plan for one in makers for plan in self.changes(one))
        yield (plan for one in makers for plan in self.listings(one))
        # Resources with a lifecycle have most to tell, and walk twice as often.
        alive = [one for one in makers if one.resource.lifecycle is not None]
        walkers = [*makers, *alive, *alive]
        if walkers:
            walks = (self.walk(self.random.choice(walkers)) for _ in range(WALKS))
            yield (plan for plan in walks if plan is not None)

    # Requests that make nothing

    def readings(self, surface: Surface) -> Iterator[Plan]:
        for operation in surface.operations():
            if operation.does == "list" or (
                operation.does == "read" and "{" not in operation.path_template
            ):
                yield (Step(operation.operation_id),)
                for name, value in self.queries(operation):
                    yield (Step(operation.operation_id, query=((name, value),)),)

    def queries(self, operation: Operation) -> Iterator[tuple[str, Any]]:
        """Values of query parameters, right and wrong ones."""
        for parameter in operation.parameters:
            if parameter.location != "query":
                continue
            for edge in iter_edges(parameter.schema, ()):
                if isinstance(edge.value, str | int) and len(str(edge.value)) < 100:
                    yield parameter.name, edge.value
            if parameter.query is not None and parameter.query.does in ("limit", "skip"):
                yield from ((parameter.name, value) for value in (0, 1, -1, "many"))

    def strangers(self, surface: Surface) -> Iterator[Plan]:
        """Ids that name nothing, and callers that are nobody."""
        nobody = f"{surface.resource.prefix}{'0' * 43}"
        for operation in surface.operations():
            named = "{" in operation.path_template
            if operation.does != "read" and operation.does != "list" and not self.can_write:
                continue
            plain: dict[str, Any] | None = {} if operation.body_schema is not None else None
            if named:
                yield (Step(operation.operation_id, nobody, plain=plain),)
            path = nobody if named else None
            for credentials in (NONE, bearer(UNKNOWN_KEY)):
                yield (Step(operation.operation_id, path, plain=plain, credentials=credentials),)

    # Requests that make a record

    def plain(self, operation: Operation, state: str | None) -> dict[str, Any] | None:
        """A plain valid body in which values of an account and moments are tokens."""
        body = self.bench.composer.base(operation, state)
        if body is None:
            return None
        return {name: self.abstract(operation, name, value) for name, value in body.items()}

    def abstract(self, operation: Operation, name: str, value: Any) -> Any:
        resource = self.bench.document.resources[operation.resource]
        if name in operation.references:
            return Live(name)
        return Later(FAR) if transition_at(resource, name) is not None else value

    def states(self, surface: Surface) -> list[str | None]:
        lifecycle = surface.resource.lifecycle
        create = surface.create
        if lifecycle is None or create is None or lifecycle.field not in create.body_fields:
            return [calm_state(surface.resource)]
        return list(lifecycle.initial)

    def made(self, surface: Surface, state: str | None, **changes: Any) -> Step | None:
        assert surface.create is not None
        plain = self.plain(surface.create, state)
        if plain is None:
            return None
        return Step(surface.create.operation_id, plain=plain, changes=changes)

    def creations(self, surface: Surface) -> Iterator[Plan]:
        create = surface.create
        assert create is not None
        calm = calm_state(surface.resource)
        for state in self.states(surface):
            step = self.made(surface, state)
            if step is None:
                continue
            yield (step, *self.looks(surface, 0))
            for name in step.plain or {}:
                for value in (LEFT_OUT, None):
                    yield (Step(create.operation_id, plain=step.plain, changes={name: value}),)
            for name in create.body_fields:
                timed = transition_after(surface.resource, name) or transition_at(
                    surface.resource, name
                )
                if state == calm or timed is not None:
                    for value in self.values(create, surface, name):
                        changed = Step(create.operation_id, plain=step.plain, changes={name: value})
                        yield (changed, *self.looks(surface, 0)[:1])
            for name, value in self.queries(create):
                query = ((name, value),)
                yield (Step(create.operation_id, query=query, plain=step.plain),)

    def looks(self, surface: Surface, step: int) -> tuple[Step, ...]:
        """Readings of a record just made: alone, and in the list."""
        found = []
        if surface.read is not None:
            found.append(Step(surface.read.operation_id, Made(step)))
        if surface.listing is not None:
            found.append(Step(surface.listing.operation_id))
        return tuple(found)

    def values(self, operation: Operation, surface: Surface, name: str) -> Iterator[Any]:
        """Values of one field: the edges of its schema, moments, and records of all sorts."""
        schema = properties_of(operation.body_schema)[name]
        recorded = properties_of(surface.resource.schema).get(name, {})
        if name in operation.references:
            yield from (Live(name), Live(name, 1), Excluded(name), Nothing(name))
        if transition_at(surface.resource, name) is not None:
            yield from (Later(HOUR), Later(-HOUR), Later(FAR))
        if transition_after(surface.resource, name) is not None:
            yield from (0, 1, 30)
        hints = self.bench.composer.hints.get(name, [])
        near = keyword_of(recorded, "enum") or []
        for edge in iter_edges(schema, (), hints, near):
            yield edge.value

    # Requests that change one

    def moves(self, surface: Surface) -> Iterator[Plan]:
        """Every state to every other, alone and with a change; then what becomes of it."""
        lifecycle, update = surface.resource.lifecycle, surface.update
        if lifecycle is None or update is None:
            return
        for source in lifecycle.initial:
            made = self.holding(surface, lifecycle, source)
            if made is None:
                continue
            for target in states_of_requests(update, lifecycle):
                move = {lifecycle.field: target}
                yield (made, self.change(update, move), *self.looks(surface, 0)[:1])
                later = {**move, **self.another(surface, update)}
                yield (made, self.change(update, later), *self.looks(surface, 0)[:1])
            if self.moves_time:
                for wait in (1.0, 31.0, 2 * HOUR, 2 * FAR):
                    look = self.looks(surface, 0)[:1]
                    yield (made, *(Step(one.operation_id, one.path, wait=wait) for one in look))

    def holding(self, surface: Surface, lifecycle: Lifecycle, state: str) -> Step | None:
        """A record in a state, with everything stored that another state needs."""
        create = surface.create
        assert create is not None
        changes: dict[str, Any] = {}
        for name in create.body_fields:
            if transition_at(surface.resource, name) is not None:
                changes[name] = Later(FAR)
            timed = transition_after(surface.resource, name)
            if timed is not None and timed.source == state:
                changes[name] = 30
        return self.made(surface, state, **changes)

    def change(self, update: Operation, changes: Mapping[str, Any], wait: float = 0.0) -> Step:
        return Step(update.operation_id, Made(0), plain={}, changes=changes, wait=wait)

    def another(self, surface: Surface, update: Operation) -> dict[str, Any]:
        for name in self.random.sample(update.body_fields, len(update.body_fields)):
            lifecycle = surface.resource.lifecycle
            if name in update.references or (lifecycle is not None and name == lifecycle.field):
                continue
            value = self.bench.composer.value(update, name, {})
            if isinstance(value, str) and transition_at(surface.resource, name) is None:
                return {name: value}
        return {}

    def changes(self, surface: Surface) -> Iterator[Plan]:
        """Every edge of every field of a change, on a record at rest and on others."""
        update = surface.update
        if update is None:
            return
        lifecycle = surface.resource.lifecycle
        for state in self.states(surface):
            made = self.made(surface, state)
            if made is None:
                continue
            for name in update.body_fields:
                if lifecycle is not None and name == lifecycle.field:
                    continue
                values = list(self.values(update, surface, name))
                if state != calm_state(surface.resource):
                    values = values[:1]
                for value in values:
                    yield (made, self.change(update, {name: value}), *self.looks(surface, 0)[:1])

    def listings(self, surface: Surface) -> Iterator[Plan]:
        """Two records and a list, filtered by what the first one holds; one of them deleted."""
        listing, made = surface.listing, self.made(surface, calm_state(surface.resource))
        if listing is None or made is None:
            return
        yield (made, made, Step(listing.operation_id))
        if surface.delete is not None:
            gone = Step(surface.delete.operation_id, Made(0))
            yield (made, made, gone, Step(listing.operation_id), *self.looks(surface, 0)[:1])
            yield (made, gone, gone)
        for name, value in self.queries(listing):
            yield (made, made, Step(listing.operation_id, query=((name, value),)))
        for parameter in listing.parameters:
            word = parameter.query
            if word is None or word.does != "filter":
                continue
            if word.field == "id":
                yield (made, made, Step(listing.operation_id, query=((parameter.name, Made(0)),)))
            for seconds in (-HOUR, HOUR) if word.field in surface.resource.date_times else ():
                query = ((parameter.name, Later(seconds)),)
                yield (made, Step(listing.operation_id, query=query))

    # Walks

    def walk(self, surface: Surface) -> Plan | None:
        """A record, and some steps with it, each drawn by chance."""
        made = self.made(surface, self.random.choice(self.states(surface)))
        if made is None:
            return None
        steps = [self.tweaked(surface, made)]
        for _ in range(self.random.randint(*STEPS)):
            steps.append(self.draw(surface))
        return tuple(steps)

    def tweaked(self, surface: Surface, step: Step) -> Step:
        create = surface.create
        assert create is not None
        changes = {}
        for name in self.random.sample(create.body_fields, self.random.randint(0, 2)):
            changes[name] = self.random.choice(list(self.values(create, surface, name)) or [None])
        return Step(step.operation_id, plain=step.plain, changes=changes)

    def draw(self, surface: Surface) -> Step:
        wait = self.random.choice((0.0, 0.0, 1.0, 31.0, HOUR)) if self.moves_time else 0.0
        update = surface.update
        if update is not None and self.random.random() < 0.6:
            name = self.random.choice(update.body_fields)
            values = list(self.values(update, surface, name)) or [None]
            return self.change(update, {name: self.random.choice(values)}, wait)
        looks = self.looks(surface, 0)
        if surface.delete is not None and self.random.random() < 0.1:
            return Step(surface.delete.operation_id, Made(0), wait=wait)
        look = self.random.choice(looks) if looks else None
        if look is None:
            return Step(surface.create.operation_id if surface.create else "", plain={})
        return Step(look.operation_id, look.path, wait=wait)


def in_turns(decks: list[list[Plan]]) -> Iterator[Plan | None]:
    return chain.from_iterable(zip_longest(*decks))


def new_and_repeated(deck: list[Plan]) -> tuple[list[Plan], list[Plan]]:
    """The first sequence of each theme, and all others."""
    seen: set[object] = set()
    new: list[Plan] = []
    repeated: list[Plan] = []
    for plan in deck:
        about = theme(plan)
        (repeated if about in seen else new).append(plan)
        seen.add(about)
    return new, repeated


def theme(plan: Plan) -> object:
    """What a sequence is about: which operations, and which kinds of values in which fields."""
    return tuple(
        (
            step.operation_id,
            step.credentials == KEY,
            frozenset((name, kind_of(value)) for name, value in step.changes.items()),
            frozenset(name for name, _ in step.query),
        )
        for step in plan
    )


def kind_of(value: object) -> object:
    """A token as it stands, but for its moment; of plain values their type."""
    return value if isinstance(value, Live | Excluded | Nothing) else type(value)
