"""Bodies that satisfy every rule: those of the schema, of references and of the lifecycle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from contracts.chance import Chance
from contracts.moments import format_moment
from contracts.oracle.schema import Breach, oracle_of
from contracts.strategies.values import PLAIN, as_given, bounds, constraints, typical, valid_values
from contracts.target.clock import Clock
from contracts.target.live import Live
from contracts.target.safety import address_fields, sending_states
from mock_server.spec.model import Document, Lifecycle, Operation, Resource, Transition
from mock_server.spec.schemas import properties_of, types_of

DAY = 86_400
FAR = 40 * DAY
MAXIMUM_REPAIRS = 12


class Composer:
    """Builds bodies for one target, from its live records and the document's own examples."""

    def __init__(
        self,
        document: Document,
        live: Live,
        clock: Clock,
        recipients: tuple[str, ...],
        mark: str,
        random: Chance,
    ) -> None:
        self.document = document
        self.live = live
        self.clock = clock
        self.recipients = recipients
        self.mark = mark
        self.random = random
        self.hints = collect_hints(document)
        self.plain: dict[tuple[str, str | None], dict[str, Any]] = {}

    # What a body breaks

    def breaches(self, operation: Operation, body: Any, record: Any = None) -> list[Breach]:
        """What the document says against a body; for a change also the `record` it would make."""
        found = oracle_of(operation.body_schema).breaches(body)
        resource = self.document.resources[operation.resource]
        whole = record if record is not None else self.foresee(operation, body)
        if resource.lifecycle is not None and isinstance(whole, Mapping):
            found += requirement_breaches(resource.lifecycle, whole)
        if not found:  # a refusal of its own comes when nothing else is against a request
            found += refusal_breaches(operation, self.foresee(operation, body), whole)
        return found

    def enforced(self, operation: Operation, body: Any) -> list[Breach]:
        """The same without what only warns: there a target may do either."""
        rules = self.document.rules
        return [
            breach
            for breach in self.breaches(operation, body)
            if not breach.rule_ids
            or any(i in rules and rules[i].policy == "enforce" for i in breach.rule_ids)
        ]

    def foresee(self, operation: Operation, body: Any) -> Any:
        """The record that a create request would make, as far as requirements read it."""
        if not isinstance(body, Mapping):
            return body
        record = {name: value for name, value in body.items() if value is not None}
        for default in operation.defaults:
            if default.field not in record and (
                default.condition is None or oracle_of(default.condition).is_valid(body)
            ):
                record[default.field] = default.value
        return record

    # A body with nothing unusual in it

    def base(
        self, operation: Operation, state: str | None = None, **given: Any
    ) -> dict[str, Any] | None:
        """A plain valid body, as full as a sender would fill it; None where none can be built."""
        if not given:
            return self.plain_again(operation, state)
        return self.build(operation, state, given)

    def plain_again(self, operation: Operation, state: str | None) -> dict[str, Any] | None:
        """The plain body as it was built before, with texts and moments of its own.

        One that refers to a record by its id is built anew: the record may be gone.
        """
        known = self.plain.get((operation.operation_id, state))
        if known is None:
            body = self.build(operation, state, {})
            by_id = [name for name, one in operation.references.items() if one.by == "id"]
            if body is not None and body.keys().isdisjoint(by_id):
                self.plain[operation.operation_id, state] = deepcopy(body)
            return body
        resource = self.document.resources[operation.resource]
        body = deepcopy(known)
        for name, value in known.items():
            if isinstance(value, str) and value.startswith(f"{self.mark} "):
                body[name] = self.own_text()
            elif transition_at(resource, name) is not None:
                body[name] = self.far_moment()
        return body

    def own_text(self) -> str:
        """A text that no other request has."""
        return f"{self.mark} {self.random.getrandbits(32):08x}"

    def build(
        self, operation: Operation, state: str | None, given: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        resource = self.document.resources[operation.resource]
        body: dict[str, Any] = {}
        field = resource.lifecycle.field if resource.lifecycle is not None else ""
        if state is not None and field in operation.body_fields:
            body[field] = state
        body |= given
        needed = frozenset(body)
        self.fill_plain(operation, body)
        return self.repair(operation, body, state, needed)

    def fullest(
        self, operation: Operation, state: str | None = None, **given: Any
    ) -> dict[str, Any] | None:
        """A valid body with every field that has a place beside the others."""
        body = self.base(operation, state, **given)
        if body is None:
            return None
        references = operation.references
        # What belongs to another record comes first, and brings that one along.
        for name in sorted(
            operation.body_fields, key=lambda n: n not in references or not references[n].match
        ):
            value = self.value(operation, name, body, state) if body.get(name) is None else None
            trial = {**body, name: value, **self.owners(operation, name, value)}
            if value is not None and not self.breaches(operation, trial):
                body = trial
        return body

    def owners(self, operation: Operation, name: str, value: Any) -> dict[str, Any]:
        """What the record that a value names belongs to, by the body's fields."""
        reference = operation.references.get(name)
        if reference is None or value is None or not reference.match:
            return {}
        record = self.live.find(reference, value) or {}
        return {
            ours: record[theirs] for theirs, ours in reference.match.items() if theirs in record
        }

    def fill_plain(self, operation: Operation, body: dict[str, Any]) -> None:
        """Plain texts are filled, since an implementation may want them before it sends."""
        defaulted = {default.field for default in operation.defaults}
        for name, schema in properties_of(operation.body_schema).items():
            words = constraints(schema)
            plain = "string" in types_of(schema) and not {"enum", "const", "format"} & words.keys()
            if plain and name not in body and name not in defaulted:
                if name in operation.references and "pattern" not in words:
                    continue
                value = self.value(operation, name, body)
                if value is not None:
                    body[name] = value

    def repair(
        self,
        operation: Operation,
        body: dict[str, Any],
        state: str | None,
        needed: frozenset[str],
    ) -> dict[str, Any] | None:
        """Adds what is still wanted, and drops what stands against it."""
        for _ in range(MAXIMUM_REPAIRS):
            broken = self.breaches(operation, body)
            if not broken:
                return body
            field = broken[0].field
            if field is None:
                lighter = self.without_one(operation, body, needed, len(broken))
                if lighter is None:
                    return None
                body = lighter
            elif body.get(field) is not None or field in needed:
                return None
            else:
                body[field] = self.value(operation, field, body, state)
                if body[field] is None:
                    return None
        return None

    def without_one(
        self, operation: Operation, body: dict[str, Any], needed: frozenset[str], count: int
    ) -> dict[str, Any] | None:
        """The body without the one field that it can spare and that breaks something."""
        for name in body.keys() - needed:
            lighter = {key: value for key, value in body.items() if key != name}
            if len(self.breaches(operation, lighter)) < count:
                return lighter
        return None

    def value(
        self, operation: Operation, name: str, body: Mapping[str, Any], state: str | None = None
    ) -> Any:
        """A typical value of one field, fitting to the others; None where there is none."""
        schema = properties_of(operation.body_schema).get(name, {})
        reference = operation.references.get(name)
        if reference is not None:
            fitting = self.live.fitting(reference, body)
            return as_given(schema, fitting[0].get(reference.by)) if fitting else None
        resource = self.document.resources[operation.resource]
        if transition_at(resource, name) is not None:
            return self.far_moment()
        transition = transition_after(resource, name)
        if transition is not None:
            return ample_delay(schema)
        if name in address_fields(operation) and self.recipients:
            return self.recipients[0]
        hints = self.hints.get(name, ())
        if constraints(schema).get("format") == "date-time":
            hints = [PLAIN[0]]  # as plain as can be: other forms have cases of their own
        value = typical(schema, hints)
        if isinstance(value, str) and not {"pattern", "enum", "format", "const"} & set(
            constraints(schema)
        ):
            return self.own_text()
        return value

    def far_moment(self, seconds: float = FAR) -> str:
        return format_moment(self.clock.now() + seconds)

    # Many valid values

    def far_moments(self) -> st.SearchStrategy[str]:
        return st.integers(20, 60).map(lambda days: self.far_moment(days * DAY))

    def optional(
        self, operation: Operation, body: Mapping[str, Any], sending: bool
    ) -> dict[str, st.SearchStrategy[Any]]:
        """Strategies of the fields that a body may have beside what it has."""
        resource = self.document.resources[operation.resource]
        field = resource.lifecycle.field if resource.lifecycle is not None else None
        found: dict[str, st.SearchStrategy[Any]] = {}
        for name, schema in properties_of(operation.body_schema).items():
            if name == field:
                continue
            strategy = self.field_values(operation, name, schema, body, sending)
            if strategy is not None:
                found[name] = strategy
        return found

    def field_values(
        self,
        operation: Operation,
        name: str,
        schema: Any,
        body: Mapping[str, Any],
        sending: bool = False,
    ) -> st.SearchStrategy[Any] | None:
        reference = operation.references.get(name)
        if reference is not None:
            found = self.live.fitting(reference, body)
            values = [as_given(schema, record.get(reference.by)) for record in found]
            return st.sampled_from(values[:10]) if values else None
        resource = self.document.resources[operation.resource]
        if transition_at(resource, name) is not None:
            return self.far_moments()
        if transition_after(resource, name) is not None and sending:
            return None
        if name in address_fields(operation) and self.recipients:
            return st.sampled_from(self.recipients)
        return valid_values(schema, self.hints.get(name, ()))


def requirement_breaches(lifecycle: Lifecycle, record: Mapping[str, Any]) -> Iterable[Breach]:
    state = record.get(lifecycle.field)
    for requirement in lifecycle.requires:
        if state in requirement.states:
            yield from oracle_of(requirement.schema).breaches(dict(record))


def refusal_breaches(operation: Operation, body: Any, record: Any) -> Iterable[Breach]:
    """Refusals of their own kind that a body meets, once its defaults are filled in."""
    facts = {"query": {}, "body": body, "record": record}
    for refusal in operation.refusals:
        if isinstance(body, Mapping) and oracle_of(refusal.condition).is_valid(facts):
            yield Breach(
                refusal.rule_ids, "refusal", (), refusal.pointer, "refused with its own answer"
            )


def transition_at(resource: Resource, field: str) -> Transition | None:
    """The timed transition whose moment a field holds."""
    transitions = resource.lifecycle.transitions if resource.lifecycle is not None else ()
    return next((t for t in transitions if t.at == field), None)


def transition_after(resource: Resource, field: str) -> Transition | None:
    """The timed transition whose delay a field holds."""
    transitions = resource.lifecycle.transitions if resource.lifecycle is not None else ()
    return next((t for t in transitions if t.after == field), None)


def longest_delay(schema: Any) -> int:
    """The largest whole number of seconds that a delay may have."""
    high = bounds(schema)[1]
    return int(high) if high is not None else 300


def ample_delay(schema: Any) -> int:
    """A long delay that is not at the very limit, which has cases of its own."""
    longest = longest_delay(schema)
    return longest - 1 if longest > 2 else longest


def calm_state(resource: Resource) -> str | None:
    """The state in which a record can be made and changed, and from which nothing is sent."""
    lifecycle = resource.lifecycle
    if lifecycle is None:
        return None
    sending = sending_states(resource)
    preferred = [
        *(s for s in lifecycle.initial if s in lifecycle.editable and s not in sending),
        *(s for s in lifecycle.initial if s not in sending),
        *lifecycle.initial,
    ]
    return preferred[0] if preferred else None


def collect_hints(document: Document) -> dict[str, list[Any]]:
    """Values that the document's examples give to fields, in order of appearance."""
    hints: dict[str, dict[Any, None]] = {}
    for rule in document.rules.values():
        for example in rule.accepts:
            for step in example.steps:
                if isinstance(step.body, Mapping):
                    for name, value in step.body.items():
                        if isinstance(value, str | int) and not str(value).startswith("$"):
                            hints.setdefault(name, {})[value] = None
    return {name: list(values) for name, values in hints.items()}
