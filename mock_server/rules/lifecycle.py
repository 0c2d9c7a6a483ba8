"""Lifecycles: which changes of a record are allowed, and what time does to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from mock_server.clock import LATEST, SECOND, parse_moment
from mock_server.messages import REQUIRED, quoted
from mock_server.problems import Violation
from mock_server.rules.happening import PreparedMagic, build_magic, row_for
from mock_server.rules.schema import build_condition, build_validator, iter_violations
from mock_server.rules.values import NOTHING, Compute, Context, build_value
from mock_server.spec.model import BusinessRule, Closed, Lifecycle, Resource, Transition

IsActive = Callable[[Iterable[str]], bool]


class StateMachine:
    """A lifecycle, prepared: every decision is a look-up."""

    __slots__ = (
        "allowed",
        "closed",
        "editable",
        "editable_rules",
        "events",
        "field",
        "following",
        "hindering",
        "requires",
        "rules",
        "schema",
        "sets",
        "timed",
    )

    def __init__(
        self,
        lifecycle: Lifecycle,
        resource: Resource,
        resources: Mapping[str, Resource],
        rules: Mapping[str, BusinessRule],
        is_active: IsActive,
    ) -> None:
        self.field = lifecycle.field
        self.schema = resource.schema
        self.rules = rules
        self.editable = frozenset(
            lifecycle.editable if is_active(lifecycle.editable_rules) else lifecycle.states
        )
        self.editable_rules = lifecycle.editable_rules
        self.allowed: dict[str, dict[str, Transition]] = {}
        self.timed: dict[str, Transition] = {}
        self.events: dict[tuple[str, str], Transition] = {}
        self.sets: dict[str, list[tuple[str, Compute]]] = {}
        for transition in lifecycle.transitions:
            self.sets[transition.pointer] = [
                (name, build_value(value, resource, resources))
                for name, value in transition.sets.items()
            ]
            if transition.event is not None:
                self.events[transition.event, transition.source] = transition
            elif not transition.timed:
                self.allowed.setdefault(transition.source, {})[transition.to] = transition
            elif is_active(transition.rule_ids):
                self.timed[transition.source] = transition
        # Magic values: what follows upon a state, and what gets into a timed transition's way.
        self.following = build_magic(resource, resources, lambda magic: magic.state is not None)
        self.hindering = build_magic(resource, resources, lambda magic: magic.state is None)
        self.closed = [one for one in lifecycle.closed if is_active(one.rule_ids)]
        self.requires = [
            (frozenset(one.states), build_condition(one.schema), one.schema)
            for one in lifecycle.requires
        ]

    def iter_violations(
        self,
        stored: Mapping[str, Any] | None,
        changes: Mapping[str, Any],
        record: Mapping[str, Any],
        wanted: Mapping[str, str],
    ) -> Iterator[Violation]:
        """What is wrong with a change of `stored` (None: a creation) that makes it `record`.

        `wanted` says by field what is accepted, where that is more than the field's schema says.
        """
        if stored is not None:
            yield from self.iter_closed(stored, changes)
            yield from self.iter_locked(stored, changes)
        if stored is None or changes:
            state = state_of(record, self.field)
            for states, holds, schema in self.requires:
                if state in states and not holds(record):
                    validator = build_validator(schema)
                    for found in iter_violations(
                        validator, schema, record, "/body", self.rules, self.schema
                    ):
                        yield self.on_record(found, stored, changes, wanted)

    def on_record(
        self,
        found: Violation,
        stored: Mapping[str, Any] | None,
        changes: Mapping[str, Any],
        wanted: Mapping[str, str],
    ) -> Violation:
        """A violation of what a state requires: what is stored counts for what is not given."""
        name = found.field or ""
        if stored is not None and name in stored and name not in changes:
            facts = {self.field: stored.get(self.field), name: stored[name]}
            found = replace(found, facts=facts)
        found = replace(found, expected=wanted.get(name, found.expected))
        # A record has null where nothing was given, of which no client knows.
        return found if found.found is not None else replace(found, message=REQUIRED)

    def iter_closed(
        self, stored: Mapping[str, Any], changes: Mapping[str, Any]
    ) -> Iterator[Violation]:
        state, target = stored.get(self.field), changes.get(self.field)
        moves = self.allowed.get(state_of(stored, self.field), {})
        if target is None or target == state or state_of(changes, self.field) in moves:
            return
        ways = sorted(moves)
        expected = f"{self.field} stays {quoted(state)}" + (
            f", or becomes {' or '.join(ways)}" if ways else ""
        )
        message = f"It cannot change from {state} to {target}."
        told = False
        for closed in self.closed:
            if is_matching(closed, state, target):
                says = self.sentence(closed.rule_ids).strip()
                yield Violation(
                    closed.rule_ids,
                    f"/body/{self.field}",
                    self.field,
                    says if told and says else f"{message} {says}".strip(),
                    target,
                    expected,
                    {self.field: state},
                )
                told = True  # messages of one field are put together: once is enough

    def iter_locked(
        self, stored: Mapping[str, Any], changes: Mapping[str, Any]
    ) -> Iterator[Violation]:
        state = stored.get(self.field)
        if state_of(stored, self.field) in self.editable:
            return
        moves = self.allowed.get(state_of(stored, self.field), {})
        ways = " or ".join(sorted(self.editable & moves.keys()))
        first = f", or {self.field} {ways} first" if ways else ""
        for name, value in changes.items():
            if name != self.field:
                yield Violation(
                    self.editable_rules,
                    f"/body/{name}",
                    name,
                    f"It cannot be changed while {self.field} is {state}.{self.sentence(self.editable_rules)}",
                    value,
                    f"no change of {name}{first}",
                    {self.field: state, name: stored.get(name)},
                )

    def sentence(self, rule_ids: tuple[str, ...]) -> str:
        return "".join(f" {self.rules[i].says}" for i in rule_ids[:1] if i in self.rules)

    def due(self, record: Mapping[str, Any], entered: int) -> int | None:
        """The instant at which the record's timed transition fires, never before its state began."""
        transition = self.timed.get(state_of(record, self.field))
        if transition is None:
            row = self.follower(record) if self.following else None
            return None if row is None else entered + round(row.magic.after * SECOND)
        row = row_for(self.hindering, record) if self.hindering else None
        late = 0 if row is None else round(row.magic.after * SECOND)
        if transition.at is not None:
            moment = record.get(transition.at)
            instant = parse_moment(moment) if isinstance(moment, str) else None
            return None if instant is None else max(instant, entered) + late
        waits = wait(record.get(transition.after or ""))
        return min(entered + waits + late, LATEST)

    def follower(self, record: Mapping[str, Any]) -> PreparedMagic | None:
        """What a magic value lets follow upon the state that the record is in."""
        row = row_for(self.following, record)
        return row if row is not None and row.magic.state == record.get(self.field) else None

    def fired(
        self, record: Mapping[str, Any], context: Context
    ) -> tuple[Transition, Mapping[str, Any]] | None:
        """The transition that is due, with what is told of it; None where something else follows."""
        state = state_of(record, self.field)
        transition = self.timed.get(state)
        if transition is None:
            return None
        row = row_for(self.hindering, record) if self.hindering else None
        instead = None if row is None else self.events.get((row.magic.event, state))
        if row is None or instead is None:
            return transition, NOTHING
        return instead, row.told(context)


def state_of(values: Mapping[str, Any], field: str) -> str:
    """The state that a value names; none where a policy has let something else than a text through."""
    value = values.get(field)
    return value if value.__class__ is str else ""


def wait(seconds: Any) -> int:
    """Microseconds to wait: what is no number of seconds, or less than none, is no time at all."""
    if seconds.__class__ not in (int, float) or not seconds > 0:
        return 0
    return round(min(seconds * SECOND, LATEST))


def is_matching(closed: Closed, state: Any, target: Any) -> bool:
    return (closed.sources is None or state in closed.sources) and (
        closed.targets is None or target in closed.targets
    )
