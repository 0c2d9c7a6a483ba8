"""What may stand in each place of a request, right and wrong, and which of it goes together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.cases.acts import is_asked, is_own_text
from contracts.cases.bench import Bench
from contracts.cases.story import Made, Story
from contracts.checks import reference, schema
from contracts.moments import format_moment
from contracts.oracle.schema import Breach
from contracts.strategies.bodies import transition_after, transition_at
from contracts.strategies.edges import Edge
from contracts.strategies.pairs import Row
from contracts.strategies.values import constraints
from contracts.surface import Surface
from contracts.target.wire import KEY, Exchange
from mock_server.spec.model import Operation, Reference, Transition
from mock_server.spec.schemas import properties_of

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
