"""Random sequences over several records: every answer is held against the lifecycle and the facts.

Hypothesis draws the steps. What fails is shortened by trying it without each of them: that takes
some hundred requests where shrinking what was drawn takes ten thousands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, seed, settings
from hypothesis import errors as hypothesis_errors
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from contracts.cases.acts import came, differing
from contracts.cases.bench import Bench
from contracts.cases.story import BlockedError, Case, RefutedError, Story
from contracts.checks.lifecycle import states_of_requests
from contracts.errors import WithheldError
from contracts.oracle.values import is_same
from contracts.shared import phases_with
from contracts.stateful.model import Fact, Model, Verdict
from contracts.strategies.bodies import transition_after, transition_at
from contracts.surface import Surface, refusal_status, response_rules
from contracts.target.client import path_of
from contracts.target.live import everything
from contracts.target.safety import sending_states
from contracts.target.wire import Answer, Exchange
from mock_server.spec.model import Operation

MOST_RECORDS = 4
STEPS = (*["change"] * 6, *["read"] * 3, *["create"] * 2, "list", "delete", "wait")


def cases(bench: Bench) -> Iterator[Case]:
    for surface in bench.judged():
        lifecycle = surface.resource.lifecycle
        create, update = surface.create, surface.update
        if lifecycle is None or create is None or update is None or surface.read is None:
            continue
        if lifecycle.field not in create.body_fields or lifecycle.field not in update.body_fields:
            continue  # who asks for nothing of it cannot be held to it
        ids = tuple(
            dict.fromkeys(
                (
                    *lifecycle.editable_rules,
                    *(i for t in lifecycle.transitions if t.event is None for i in t.rule_ids),
                    *(i for closed in lifecycle.closed for i in closed.rule_ids),
                )
            )
        )
        name = f"random sequences over several {surface.resource.title} records"
        yield Case(ids, name, exploration(bench, surface), counts=False)


def exploration(bench: Bench, surface: Surface) -> Any:
    def steps(story: Story) -> None:
        failing: list[Walk] = []
        database = bench.database_of(story.case)
        machine = build_machine(bench, surface, story, failing)
        seed(bench.settings.seed)(machine)
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=max(5, bench.settings.examples * 2),
                    stateful_step_count=bench.settings.steps,
                    database=database,
                    deadline=None,
                    phases=phases_with(database),
                    suppress_health_check=list(HealthCheck),
                    print_blob=False,
                    report_multiple_bugs=False,
                ),
            )
        except RefutedError:
            shortest = shorten(failing[-1])
            story.exchanges[:] = shortest.story.exchanges
            story.findings.extend(shortest.story.findings)
        except hypothesis_errors.Flaky as error:
            for finding in failing[-1].story.findings if failing else ():
                bench.ledger.record_flaky(finding)
            raise BlockedError("answers to one and the same sequence differed") from error

    return steps


def build_machine(
    bench: Bench, surface: Surface, origin: Story, failing: list[Walk]
) -> type[RuleBasedStateMachine]:
    """A machine whose steps are requests to one resource."""

    class Sequence(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.walk = Walk(bench, surface, Story(bench, origin.case), failing)

        @initialize(data=st.data())
        def begin(self, data: st.DataObject) -> None:
            with suppress(WithheldError, KnownError):
                self.walk.begin(data)

        # One rule that draws what is done, so that changes are more frequent than the rest.
        @rule(data=st.data())
        def step(self, data: st.DataObject) -> None:
            with suppress(WithheldError, KnownError):
                self.walk.step(data)

    return Sequence


class KnownError(Exception):
    """Something that other checks have found already: the sequence says no more."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a sequence: what is done, to which of its records, with what."""

    kind: str
    record: int = 0
    value: Any = None


def shorten(walk: Walk) -> Walk:
    """The sequence without the steps and the fields that its failure does not need."""
    best, place = walk, len(walk.taken) - 1
    while place >= 0:
        steps = [step for number, step in enumerate(best.taken) if number != place]
        best = retake(best, steps) or best
        place = min(place - 1, len(best.taken) - 1)
    for place, step in enumerate(best.taken):
        for name in list(step.value) if isinstance(step.value, dict) else ():
            steps = list(best.taken)
            value = {n: v for n, v in steps[place].value.items() if n != name}
            steps[place] = replace(step, value=value)
            shorter = retake(best, steps) if value else None
            if shorter is not None and len(shorter.taken) == len(steps):
                best = shorter
    return best


def retake(walk: Walk, steps: list[Step]) -> Walk | None:
    """The steps anew, up to where they fail by the same rules; None where they do not."""
    wanted = walk.story.findings[0].rule_ids
    again = Walk(walk.bench, walk.surface, Story(walk.bench, walk.story.case), [])
    with suppress(RefutedError, WithheldError, KnownError):
        for step in steps:
            again.perform(step)
    found = again.story.findings
    return again if found and found[0].rule_ids == wanted else None


class Walk:
    """One sequence: its requests, and what is known of the records that it made."""

    def __init__(self, bench: Bench, surface: Surface, story: Story, failing: list[Walk]) -> None:
        self.bench = bench
        self.surface = surface
        self.story = story
        self.failing = failing
        self.model = Model(bench.document.rules, bench.composer, surface)
        self.facts: list[Fact] = []
        self.taken: list[Step] = []
        self.over = False

    def begin(self, data: st.DataObject) -> None:
        drawn = self.draw_create(data)
        if drawn is not None:
            self.perform(drawn)

    def step(self, data: st.DataObject) -> None:
        """Whatever is drawn, as far as it can be done."""
        if self.over:
            return
        kind = data.draw(st.sampled_from(STEPS), label="step")
        drawn: Step | None = None
        if kind == "create" or not self.facts:
            if len(self.facts) < MOST_RECORDS:
                drawn = self.draw_create(data)
        elif kind == "change":
            drawn = self.draw_change(data)
        elif kind in ("read", "delete"):
            drawn = Step(kind, self.pick(data))
        elif kind == "wait":
            drawn = Step(kind, 0, data.draw(st.sampled_from([5, 61, 3_600]), label="seconds"))
        else:
            drawn = Step(kind)
        if drawn is not None:
            self.perform(drawn)

    # Steps

    def perform(self, step: Step) -> None:
        """Takes a step, and remembers it so that the sequence can be repeated without some of it."""
        self.taken.append(step)
        if step.kind == "create":
            self.create(step.value)
        elif step.kind == "list" and self.surface.listing is not None:
            self.list()
        elif step.kind == "wait" and self.bench.clock.virtual:
            self.bench.clock.wait(step.value)
        elif step.record < len(self.facts):
            fact = self.facts[step.record]
            if step.kind == "change":
                self.change(fact, step.value)
            elif step.kind == "read":
                self.read(fact)
            elif step.kind == "delete" and self.surface.delete is not None:
                self.delete(fact)

    def create(self, body: dict[str, Any]) -> None:
        exchange = self.story.send(needed(self.surface.create), body=body)
        answer = exchange.answer
        if not answer.accepted or not isinstance(answer.body, dict):
            return  # why a valid body is refused is other checks' matter
        fact = Fact(str(answer.body.get("id")), answer.body, exchange.came)
        fact.ask(self.model.delay_fields(), body)
        self.facts.append(fact)
        before = replace(fact, record=dict(body), entered=exchange.sent)
        self.hold_state(fact, exchange, before)

    def change(self, fact: Fact, changes: dict[str, Any]) -> None:
        operation = needed(self.surface.update)
        self.refresh(fact)
        verdict = self.model.predict(operation, fact.record, changes)
        if verdict.outcome != "accepted" and not fact.seen and not fact.deleted:
            # Else what was never stored would look like something that a refusal has changed.
            self.read(fact)
        before = dict(fact.record)
        exchange = self.story.send(operation, path=path_of(operation, fact.record_id), body=changes)
        if fact.deleted:
            self.expect_missing(operation, exchange.answer)
        elif len(self.states_now(fact)) == 1:
            self.hold_outcome(operation, fact, verdict, exchange, before, changes)
        else:
            self.refresh(fact, anew=True)

    def read(self, fact: Fact) -> None:
        operation = needed(self.surface.read)
        before = replace(fact)
        exchange = self.story.send(operation, path=path_of(operation, fact.record_id))
        if fact.deleted:
            self.expect_missing(operation, exchange.answer)
        else:
            self.hold_reading(fact, before, exchange)

    def list(self) -> None:
        listing = needed(self.surface.listing)
        body = self.story.send(listing, query=everything(listing)).answer.body
        listed = body.get(self.surface.resource.page.records) if isinstance(body, dict) else None
        if not isinstance(listed, list):
            return
        shown = {record.get("id") for record in listed if isinstance(record, dict)}
        rules = delete_rules(self.surface)
        for fact in self.facts:
            if fact.deleted and fact.record_id in shown:
                self.fail(rules, "a deleted record is in no list", fact.record_id, False)

    def delete(self, fact: Fact) -> None:
        operation = needed(self.surface.delete)
        answer = self.story.send(operation, path=path_of(operation, fact.record_id)).answer
        if fact.deleted:
            self.expect_missing(operation, answer)
        elif answer.accepted:
            fact.deleted = True

    # What is drawn

    def pick(self, data: st.DataObject) -> int:
        return data.draw(st.integers(0, len(self.facts) - 1), label="record")

    def draw_create(self, data: st.DataObject) -> Step | None:
        operation = needed(self.surface.create)
        state = data.draw(st.sampled_from(sorted(self.model.lifecycle.initial)), label="state")
        body = self.bench.composer.base(operation, state, **self.timing(operation, state, data))
        if body is None:
            return None
        body |= self.some_fields(operation, body, data, state)
        return None if self.bench.composer.breaches(operation, body) else Step("create", 0, body)

    def draw_change(self, data: st.DataObject) -> Step | None:
        record = self.pick(data)
        changes = self.draw_changes(needed(self.surface.update), self.facts[record], data)
        return Step("change", record, changes) if changes else None

    def timing(self, operation: Operation, state: str, data: st.DataObject) -> dict[str, Any]:
        """A short or the longest delay, a near or a far moment; none of it where it is not read."""
        resource, composer = self.surface.resource, self.bench.composer
        values: dict[str, Any] = {}
        for name in operation.body_fields:
            after, at = transition_after(resource, name), transition_at(resource, name)
            if after is not None and after.source == state:
                longest = composer.value(operation, name, {}, state)
                short = 10 if self.bench.clock.virtual else longest
                values[name] = data.draw(st.sampled_from([longest, min(short, longest)]))
            elif at is not None and at.source == state:
                near = 600 if self.bench.clock.virtual else 30 * 86_400
                values[name] = composer.far_moment(data.draw(st.sampled_from([near, 86_400 * 30])))
        return values

    def some_fields(
        self, operation: Operation, body: dict[str, Any], data: st.DataObject, state: str
    ) -> dict[str, Any]:
        sending = state in sending_states(self.surface.resource)
        optional = self.bench.composer.optional(operation, body, sending)
        names = sorted(
            name
            for name in optional
            if name not in body
            and name not in operation.references
            and transition_at(self.surface.resource, name) is None
            and transition_after(self.surface.resource, name) is None
        )
        if not names:
            return {}
        chosen = data.draw(st.lists(st.sampled_from(names), unique=True, max_size=2))
        return {name: data.draw(optional[name]) for name in chosen}

    def draw_changes(self, operation: Operation, fact: Fact, data: st.DataObject) -> dict[str, Any]:
        """A move, an edit, both, or the record as it is written back."""
        kind = data.draw(st.sampled_from(["move", "edit", "both", "back"]), label="change")
        if kind == "back":
            names = [n for n in operation.body_fields if fact.record.get(n) is not None]
            return {name: fact.record[name] for name in names}
        changes: dict[str, Any] = {}
        field = self.model.lifecycle.field
        targets = sorted(states_of_requests(operation, self.model.lifecycle))
        if kind in ("move", "both") and targets:
            changes[field] = data.draw(st.sampled_from(targets), label="target")
            changes |= self.timing(operation, changes[field], data)
        if kind in ("edit", "both"):
            changes |= self.some_fields(operation, {}, data, "")
        return changes

    # What must hold

    def states_now(self, fact: Fact) -> frozenset[str]:
        grace = self.bench.settings.grace
        return self.model.possible_states(fact, self.bench.clock.now(), grace)

    def refresh(self, fact: Fact, anew: bool = False) -> None:
        """Reads a record that time may have moved, so that its state is known."""
        current = frozenset({fact.record.get(self.model.lifecycle.field)})
        if fact.deleted or (not anew and self.states_now(fact) == current):
            return
        operation = needed(self.surface.read)
        before = replace(fact)
        exchange = self.story.send(operation, path=path_of(operation, fact.record_id))
        self.hold_reading(fact, before, exchange, anew)

    def hold_reading(
        self, fact: Fact, before: Fact, exchange: Exchange, anew: bool = False
    ) -> None:
        answer = exchange.answer
        if not answer.accepted or not isinstance(answer.body, dict):
            rules = response_rules(needed(self.surface.read), "200")
            self.fail(rules, "the record, which was made before", came(answer))
        fact.record, fact.seen = answer.body, True
        if anew:
            return
        self.hold_state(fact, exchange, before)
        changed = [
            name
            for name in differing(self.surface, before.record, answer.body)
            if name in before.record
        ]
        if changed:
            shown = {name: answer.body.get(name) for name in changed}
            rules = response_rules(needed(self.surface.read), "200")
            kept = ", ".join(f"{name} {before.record.get(name)!r}" for name in changed)
            self.fail(rules, f"as it was before: {kept}", f"{shown}")

    def hold_state(self, fact: Fact, exchange: Exchange, before: Fact) -> None:
        """The state is one that time explains."""
        field, grace = self.model.lifecycle.field, self.bench.settings.grace
        early = self.model.possible_states(before, exchange.sent, grace)
        late = self.model.possible_states(before, exchange.came, grace)
        found = fact.record.get(field)
        if found in early | late:
            if found != before.record.get(field):
                fact.entered = exchange.came
            return
        before_state = str(before.record.get(field))
        lost = found == fact.left and found not in early
        rules = fact.move_rules if lost else timed_rules(self.model, before_state, found)
        ways = " or ".join(sorted(f'"{state}"' for state in early | late))
        self.fail(rules, f"{field} {ways}", f"{found!r}")

    def hold_outcome(
        self,
        operation: Operation,
        fact: Fact,
        verdict: Verdict,
        exchange: Exchange,
        before: dict[str, Any],
        changes: Mapping[str, Any],
    ) -> None:
        answer = exchange.answer
        if verdict.outcome == "accepted" and not answer.accepted:
            if not fact.seen:
                self.read(fact)  # it may never have become what the answer before said
            self.fail(verdict.rule_ids, f"accepted: {verdict.why}", came(answer), verdict.certain)
        if verdict.outcome == "refused" and not 400 <= answer.status < 500:
            status = refusal_status(operation)
            expected = f"refused with {status}: {verdict.why}"
            self.fail(verdict.rule_ids, expected, came(answer), verdict.certain)
        if verdict.outcome != "open" and verdict.certain:
            self.count(verdict.rule_ids)
        if not answer.accepted:
            self.refresh_unchanged(operation, fact, before)
            return
        moved = changes.get(self.model.lifecycle.field, before.get(self.model.lifecycle.field))
        if moved != before.get(self.model.lifecycle.field):
            fact.entered = exchange.came
            fact.left = str(before.get(self.model.lifecycle.field))
            fact.move_rules = verdict.rule_ids
            fact.ask(self.model.delay_fields(), changes)
        if isinstance(answer.body, dict) and answer.body.get("id") == fact.record_id:
            fact.record, fact.seen = answer.body, False
        else:
            self.refresh(fact, anew=True)
        if verdict.outcome == "accepted":
            self.hold_given(fact, changes)

    def count(self, rule_ids: tuple[str, ...]) -> None:
        """What was predicted and came is a case of the rules that say so."""
        self.bench.ledger.count(rule_ids)

    def hold_given(self, fact: Fact, changes: Mapping[str, Any]) -> None:
        """What was given is what the record holds now; a state may have gone on with time."""
        rules = response_rules(needed(self.surface.update), "200")
        for name, value in changes.items():
            if name == self.model.lifecycle.field or value is None or name not in fact.record:
                continue
            if name in self.surface.resource.hidden or is_same(fact.record[name], value):
                continue
            self.fail(rules, f"{name} {value!r} after the change", f"{fact.record[name]!r}")

    def refresh_unchanged(
        self, operation: Operation, fact: Fact, before: Mapping[str, Any]
    ) -> None:
        read = needed(self.surface.read)
        answer = self.story.send(read, path=path_of(read, fact.record_id)).answer
        if not answer.accepted or not isinstance(answer.body, dict):
            return
        changed = differing(self.surface, before, answer.body)
        if changed:
            rules = response_rules(operation, refusal_status(operation))
            shown = {name: answer.body.get(name) for name in changed}
            self.fail(rules, f"a refused change changes nothing: {sorted(changed)}", f"{shown}")
        fact.record = answer.body

    def expect_missing(self, operation: Operation, answer: Answer) -> None:
        if answer.status not in (404, 405, 501):
            rules = response_rules(operation, "404")
            self.fail(rules, "404: it was deleted", came(answer), False)

    def fail(
        self, rule_ids: tuple[str, ...], expected: str, found: str, certain: bool = True
    ) -> None:
        if not rule_ids:
            return
        if self.bench.ledger.has_heard(rule_ids, certain):
            self.over = True  # what follows from it would accuse other rules
            raise KnownError(expected)
        self.story.note(rule_ids, expected, found, certain)
        self.failing.append(self)
        raise RefutedError(expected)


def needed(operation: Operation | None) -> Operation:
    assert operation is not None
    return operation


def timed_rules(model: Model, state: str, came: object = None) -> tuple[str, ...]:
    """The rules of what time does to a state; of nothing happening where it does nothing.

    Of several the first speaks where it did not happen, and the last where it came too soon.
    """
    found = next((t for t in model.lifecycle.transitions if t.timed and t.source == state), None)
    if found is None:
        return model.lifecycle.editable_rules
    if came == found.to:
        return found.rule_ids[-1:]
    return found.rule_ids[:1] if came == found.source else found.rule_ids


def delete_rules(surface: Surface) -> tuple[str, ...]:
    operation = surface.delete
    return () if operation is None else response_rules(operation, str(operation.success))
