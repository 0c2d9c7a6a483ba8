"""What must come of a change, worked out by the judge from the document and the facts so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from contracts.cases.acts import is_asked
from contracts.checks.lifecycle import closed_rules
from contracts.checks.schema import judge
from contracts.moments import is_same_moment, read_moment
from contracts.oracle.values import is_same
from contracts.strategies.bodies import Composer
from contracts.surface import Surface
from mock_server.spec.model import BusinessRule, Lifecycle, Operation, Transition

MARGIN = 1.0  # seconds around a due time in which either state is right

Outcome = Literal["accepted", "refused", "open"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a request must come to, and the rules that say so; `certain` as in a case."""

    outcome: Outcome
    rule_ids: tuple[str, ...] = ()
    why: str = ""
    certain: bool = True


OPEN = Verdict("open")


@dataclass(slots=True)
class Fact:
    """A record as it was last seen, and when its state began (seconds of the target's clock).

    `left` is the state before the last move that was asked for, `move_rules` the rules of that move.
    `seen` is whether it is as it was read, and not as the answer to a change had it.
    `delays` are seconds that were asked for, by field; None where it is open which ones count.
    """

    record_id: str
    record: Mapping[str, Any]
    entered: float
    deleted: bool = False
    seen: bool = False
    left: str | None = None
    move_rules: tuple[str, ...] = ()
    delays: dict[str, float | None] = field(default_factory=dict)

    def ask(self, names: Iterable[str], given: Mapping[str, Any]) -> None:
        """Notes the delays of a request that leads into a state."""
        for name in names:
            value = given.get(name)
            if isinstance(value, int | float):
                self.delays[name] = float(value)
            elif name in self.delays:
                self.delays[name] = None  # an earlier one may have stayed with the record
            else:
                self.delays[name] = 0.0


class Model:
    """The judge's own reading of one resource."""

    def __init__(
        self, rules: Mapping[str, BusinessRule], composer: Composer, surface: Surface
    ) -> None:
        assert surface.resource.lifecycle is not None
        self.rules = rules
        self.composer = composer
        self.surface = surface
        self.lifecycle: Lifecycle = surface.resource.lifecycle

    # Time

    def possible_states(self, fact: Fact, now: float, grace: float) -> frozenset[str]:
        """The states in which a record may be by now."""
        state = str(fact.record.get(self.lifecycle.field))
        timed = next((t for t in self.lifecycle.transitions if t.timed and t.source == state), None)
        if timed is None:
            return frozenset({state})
        due = due_time(timed, fact)
        if due is None:
            return frozenset({state, timed.to})
        if now < due - MARGIN:
            return frozenset({state})
        if now > due + grace:
            return frozenset({timed.to})
        return frozenset({state, timed.to})

    def delay_fields(self) -> list[str]:
        return [t.after for t in self.lifecycle.transitions if t.after is not None]

    # Changes

    def predict(self, update: Operation, record: Mapping[str, Any], changes: Any) -> Verdict:
        """What a change of a record in a known state must come to."""
        name = self.lifecycle.field
        state, target = record.get(name), changes.get(name, record.get(name))
        seen = {k for k in changes if k != name and k in record}
        edits = {k for k in seen if not is_same(record[k], changes[k])}
        broken = self.composer.breaches(update, changes, {**record, **changes})
        if broken:
            valid, ids = judge(self.rules, broken)
            return OPEN if valid or not ids else Verdict("refused", ids, "the body breaks a rule")
        hidden = len(seen) < len(changes.keys() - {name})
        if not self.refer_rightly(update, record, changes):
            return OPEN
        if hidden and not edits and state not in self.lifecycle.editable:
            return OPEN  # what answers do not show may be what it is already
        if target != state:
            return self.predict_move(str(state), str(target), edits)
        if any(k not in edits and not is_exactly(record[k], changes[k]) for k in seen):
            return OPEN  # whether moments that close differ is a matter of precision
        if not edits:
            return Verdict("accepted", self.lifecycle.editable_rules, "nothing is changed", False)
        if state in self.lifecycle.editable:
            why = f'a "{state}" record may be changed'
            return Verdict("accepted", self.lifecycle.editable_rules, why)
        why = f'a "{state}" record may not be changed'
        return Verdict("refused", self.lifecycle.editable_rules, why)

    def predict_move(self, state: str, target: str, edits: set[str]) -> Verdict:
        move = next(
            (
                t
                for t in self.lifecycle.transitions
                if is_asked(t) and (t.source, t.to) == (state, target)
            ),
            None,
        )
        if move is None:
            ids = closed_rules(self.lifecycle, state, target)
            return Verdict("refused", ids, f'"{state}" does not become "{target}" on request')
        if edits and state not in self.lifecycle.editable:
            why = "a change together with the move"
            return Verdict("refused", self.lifecycle.editable_rules, why, False)
        return Verdict("accepted", move.rule_ids, f'"{state}" becomes "{target}"')

    def refer_rightly(
        self, update: Operation, record: Mapping[str, Any], changes: Mapping[str, Any]
    ) -> bool:
        """Whether every reference that is changed names a record that fits to the others."""
        whole = {**record, **changes}
        for reference in update.references.values():
            value = changes.get(reference.field)
            if value is None:
                continue
            own = {k: v for k, v in whole.items() if k != reference.field}
            fitting = self.composer.live.fitting(reference, own)
            known = [one.get(reference.by) for one in fitting]
            named = value if isinstance(value, list) else [value]
            if any(one not in known for one in named):
                return False
        return True


def due_time(timed: Transition, fact: Fact) -> float | None:
    """When time moves a record; None where nobody outside can tell."""
    if timed.at is not None:
        moment = read_moment(fact.record.get(timed.at))
        return None if moment is None else max(moment.timestamp(), fact.entered)
    delay = fact.delays.get(timed.after or "")
    return None if delay is None else fact.entered + delay


def is_exactly(left: Any, right: Any) -> bool:
    return left == right or is_same_moment(left, right)
