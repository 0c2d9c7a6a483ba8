"""Coverage: which rules, transitions and operations requests have met, counted as they come.

A request leaves a sighting, a small tuple that says what it was like; equal ones are counted, not
kept. Which rules a sighting meets is worked out when somebody asks, once for each kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Any, NamedTuple

from mock_server.pipeline.exchange import Exchange, Plan
from mock_server.problems import Problem, Violation
from mock_server.rules.schema import build_condition
from mock_server.spec.model import (
    BusinessRule,
    Call,
    Document,
    Expression,
    Lifecycle,
    Operation,
    Place,
    Transition,
    Value,
)
from mock_server.spec.schemas import iter_subschemas, properties_of, rule_ids
from mock_server.state.tenant import Tenant

SIGHTINGS_KEPT = 4_096  # kinds of requests that are told apart before they become plain counts
WRITING = ("create", "update")
CAUSED = ("timed", "event", "effect", "action")  # what also happens without a client's request


class Sighting(NamedTuple):
    """What a request was like, as far as rules care."""

    operation_id: str
    status: int
    broken: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    fields: frozenset[str] = frozenset()  # body fields with a value that is not null
    query: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()  # of the fields that conditions read
    before: Any = None  # states of the lifecycle
    after: Any = None


Seen = tuple[Any, ...]  # the values of a sighting, from the first on
Met = Callable[[Sighting], bool]


class Watch:
    """One operation: which values its conditions read, and when each rule is met."""

    __slots__ = (
        "answers",
        "machine_field",
        "name",
        "named_moves",
        "of_body",
        "of_query",
        "operation",
        "read_body",
        "read_query",
        "reads",
        "ways",
        "writes",
    )

    def __init__(self, document: Document, operation: Operation) -> None:
        self.operation = operation
        resource = document.resources.get(operation.resource)
        lifecycle = resource.lifecycle if resource is not None else None
        self.machine_field = lifecycle.field if lifecycle is not None else ""
        self.named_moves = frozenset((one.source, one.to) for one in named_moves(lifecycle))
        self.name = operation.operation_id
        self.writes = operation.does in WRITING and operation.improvised is None
        body, query = names_read(operation)
        self.of_body, self.of_query = tuple(sorted(body)), tuple(sorted(query))
        self.read_body, self.read_query = build_reader(self.of_body), build_reader(self.of_query)
        self.reads = bool(body or query)
        # Rules that only say how a request is answered are kept by the answer, also by a refusal.
        self.answers = frozenset(
            rule.rule_id
            for rule in document.rules.values()
            if rule.places and all(place.kind == "response" for place in rule.places)
        )
        self.ways: list[tuple[str, Met]] = [
            (rule.rule_id, way)
            for rule in document.rules.values()
            for place in rule.places
            if concerns(operation, place)
            for way in WAYS.get(place.kind, anyhow)(rule, place, self)
        ]

    def see(self, exchange: Exchange, problem: Problem | None, status: int) -> Seen:
        """A request of this operation, as the values of a sighting; on the way of every request."""
        warned = ids_of(exchange.warned) if exchange.warned else ()
        if problem is not None:
            return (self.name, status, ids_of(problem.violations), warned)
        query = exchange.query
        names = tuple(query) if query else ()
        if not self.writes:
            return (self.name, status, (), warned, (), names)
        record, stored, field = exchange.record, exchange.stored, self.machine_field
        # The body as it came: defaults have not filled it yet.
        given = exchange.body if stored is None else exchange.changes
        if record is None or not given:
            return (self.name, status, (), warned, (), names)
        return (
            self.name,
            status,
            (),
            warned,
            tuple(given) if None not in given.values() else fields_of(given),
            names,
            (*self.read_body(given), *self.read_query(query)) if self.reads else (),
            stored.data.get(field) if stored is not None else None,
            record.data.get(field),
        )

    def facts(self, seen: Sighting) -> dict[str, Any]:
        """What is known of a sighting's body and query, for conditions."""
        body: dict[str, Any] = dict.fromkeys(seen.fields)
        query: dict[str, Any] = dict.fromkeys(seen.query)
        known = len(self.of_body)
        for target, names, values in (
            (body, self.of_body, seen.values[:known]),
            (query, self.of_query, seen.values[known:]),
        ):
            target.update(pair for pair in zip(names, values, strict=False) if pair[1] is not None)
        record = {self.machine_field: seen.after} if self.machine_field else {}
        return {"body": body, "query": query, "record": {**body, **record}}

    def met(self, seen: Sighting) -> frozenset[str]:
        """The rules that a request meets and keeps."""
        kept = {rule_id for rule_id, way in self.ways if way(seen)}
        return frozenset(kept.difference(seen.broken, seen.warned) | (kept & self.answers))


def hashable(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple([value if value.__hash__ else None for value in values])


def fields_of(given: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields with a value that is not null."""
    return tuple([name for name, value in given.items() if value is not None])


def to_sighting(seen: Seen) -> Sighting:
    sighting = Sighting(*seen)
    return sighting._replace(fields=frozenset(sighting.fields))


def build_reader(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """The values under some names; one name is what most operations have."""
    if not names:
        return lambda values: ()
    if len(names) == 1:
        (name,) = names
        return lambda values: (values.get(name),)
    return lambda values: tuple([values.get(name) for name in names])


def ids_of(violations: Iterable[Violation]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rule_id for one in violations for rule_id in one.rule_ids))


def names_read(operation: Operation) -> tuple[set[str], set[str]]:
    """The fields of the body and of the query that an operation's conditions read."""
    conditions: list[Any] = [one.condition for one in operation.defaults]
    conditions += [node["if"] for _, node in iter_subschemas(operation.body_schema) if "if" in node]
    body = {name for one in conditions for name in names_in(one)}
    query: set[str] = set()
    for effect in operation.effects:
        parts = properties_of(effect.condition)
        body |= names_in(parts.get("body")) | names_in(parts.get("record"))
        query |= names_in(parts.get("query"))
    return body & set(operation.body_fields), query


def names_in(condition: Any) -> set[str]:
    """The properties that a condition reads, however it is put together."""
    if not isinstance(condition, dict):
        return set()
    found = {*condition.get("properties", ()), *condition.get("required", ())}
    for word in ("allOf", "anyOf", "oneOf"):
        found |= {name for one in condition.get(word, ()) for name in names_in(one)}
    return found | names_in(condition.get("not"))


def concerns(operation: Operation, place: Place) -> bool:
    """Whether a place that states a rule speaks of an operation."""
    if place.operation_ids:
        return operation.operation_id in place.operation_ids
    if place.kind == "security":
        return place.field in operation.security
    if place.kind == "response":
        return True
    if place.kind == "cascade":
        return operation.does == "delete" and operation.resource == place.detail.to
    return place.resource == operation.resource


def never(rule: BusinessRule, place: Place, watch: Watch) -> list[Met]:
    """Time and events are counted where they happen, not where they are looked at."""
    return []


def schema_ways(rule: BusinessRule, place: Place, watch: Watch) -> list[Met]:
    schema = watch.operation.body_schema
    return [
        schema_way(watch, path, node, conditions_on(schema, path))
        for path, node in iter_subschemas(schema)
        if rule.rule_id in rule_ids(node)
    ]


def schema_way(watch: Watch, path: tuple[str, ...], node: Any, conditions: list[Any]) -> Met:
    """A part of the body's schema is met where what it speaks of is given and its conditions hold."""
    inside = "properties" in path[:-1]
    read = {path[path.index("properties") + 1]} if inside else names_in(node)
    holds = [build_condition(one) for one in conditions]
    does = watch.operation.does

    def way(seen: Sighting) -> bool:
        there = not read.isdisjoint(seen.fields) if read else bool(seen.fields) or does == "create"
        return (
            seen.status < 400
            and there
            and (not holds or all(hold(watch.facts(seen)["body"]) for hold in holds))
        )

    return way


def conditions_on(schema: Any, path: tuple[str, ...]) -> list[Any]:
    """The conditions under which a subschema counts: the `if` beside each `then` and `else`."""
    found = []
    node = schema
    for word in path:
        if word == "then":
            found.append(node["if"])
        elif word == "else":
            found.append({"not": node["if"]})
        node = node[int(word)] if isinstance(node, list) else node[word]
    return found


def default_ways(rule: BusinessRule, place: Place, watch: Watch) -> list[Met]:
    default = place.detail
    holds = build_condition(default.condition)
    return [
        lambda seen: (
            seen.status < 400
            and watch.operation.does == "create"
            and default.field not in seen.fields
            and holds(watch.facts(seen)["body"])
        )
    ]


def derived_ways(rule: BusinessRule, place: Place, watch: Watch) -> list[Met]:
    """A value is worked out where the client does not give it, and what it follows is given."""
    derived, does = place.detail, watch.operation.does
    moments = ("create",) if derived.on == "create" else WRITING
    follows = frozenset(derived.on) if isinstance(derived.on, tuple) else None
    if derived.inside:
        follows = frozenset({derived.inside})
    elif follows is None:
        follows = followed(derived.values, watch.operation)

    def way(seen: Sighting) -> bool:
        return (
            seen.status < 400
            and does in moments
            and derived.field not in seen.fields
            and (follows is None or not follows.isdisjoint(seen.fields))
        )

    return [way]


def followed(values: Iterable[Value], operation: Operation) -> frozenset[str] | None:
    """The body's fields that a value is worked out from; None where it needs none of them."""
    found: set[str] = set()
    for value in values:
        parts = (*value.of, *value.named.values()) if isinstance(value, Call) else (value,)
        read = {field_of(part) for part in parts}
        if not read & set(operation.body_fields):
            return None
        found |= read
    return frozenset(found)


def field_of(value: Value) -> str:
    """The field of the record that an expression reads or follows, or nothing."""
    if not isinstance(value, Expression) or value.source not in ("record", "follow"):
        return ""
    return value.name or (value.tokens[0] if value.tokens else "")


def effect_ways(rule: BusinessRule, place: Place, watch: Watch) -> list[Met]:
    holds, each = build_condition(place.detail.condition), place.detail.each
    listed = field_of(each) if each is not None else ""
    if isinstance(each, Expression) and each.source == "body":
        listed = each.tokens[0]
    return [
        lambda seen: (
            seen.status < 400 and (not listed or listed in seen.fields) and holds(watch.facts(seen))
        )
    ]


def response_ways(rule: BusinessRule, place: Place, watch: Watch) -> list[Met]:
    statuses = statuses_of(place)
    return [lambda seen: str(seen.status) in statuses]


def statuses_of(place: Place) -> tuple[str, ...]:
    """The statuses of the answers that a rule speaks of: of one answer, or of a layout."""
    return getattr(place.detail, "statuses", None) or (place.detail.status,)


def causes(document: Document, place: Place) -> list[str]:
    """The pointers under which it is counted what time or an event has caused of a place."""
    if place.kind != "action":
        return [place.detail.pointer]
    assert place.resource is not None
    return [one.pointer for one in named_moves(document.resources[place.resource].lifecycle)]


def named_moves(lifecycle: Lifecycle | None) -> list[Transition]:
    """The transitions that a log calls by a name of their own."""
    return [one for one in lifecycle.transitions if one.action] if lifecycle is not None else []


Ways = Callable[[BusinessRule, Place, Watch], list[Met]]


def plain(test: Callable[[Sighting, Place, Watch], bool]) -> Ways:
    """A way that only looks at what went through."""

    def ways(rule: BusinessRule, place: Place, watch: Watch) -> list[Met]:
        return [lambda seen: seen.status < 400 and test(seen, place, watch)]

    return ways


# A kind of place that is not told more exactly is met by whatever of its operation goes through.
anyhow: Ways = plain(lambda seen, place, watch: True)
WAYS: Mapping[str, Ways] = {
    "timed": never,
    "event": never,
    "schema": schema_ways,
    "default": default_ways,
    "derived": derived_ways,
    "effect": effect_ways,
    "response": response_ways,
    "parameter": plain(lambda seen, place, watch: place.field in seen.query),
    "record": plain(
        lambda seen, place, watch: (
            watch.operation.does != "delete" and (not place.field or place.field in seen.fields)
        )
    ),
    "reference": plain(lambda seen, place, watch: place.detail.field in seen.fields),
    "refusal": plain(lambda seen, place, watch: True),
    "embedded": plain(lambda seen, place, watch: watch.operation.does != "delete"),
    "cascade": plain(lambda seen, place, watch: True),
    "log": plain(lambda seen, place, watch: watch.operation.does not in ("list", "read")),
    "action": plain(lambda seen, place, watch: (seen.before, seen.after) in watch.named_moves),
    "subscription": plain(lambda seen, place, watch: watch.operation.does in WRITING),
    "editable": plain(
        lambda seen, place, watch: (
            watch.operation.does == "update" and bool(seen.fields - {watch.machine_field})
        )
    ),
    "transition": plain(
        lambda seen, place, watch: (
            (seen.before, seen.after) == (place.detail.source, place.detail.to)
        )
    ),
    "closed": plain(lambda seen, place, watch: seen.before not in (None, seen.after)),
    "final": plain(lambda seen, place, watch: seen.after in place.detail.final),
    "requires": plain(
        lambda seen, place, watch: (
            watch.operation.does in WRITING and seen.after in place.detail.states
        )
    ),
}


class Coverage:
    """Counts of a tenant's requests, turned into what they say of rules."""

    def __init__(self, document: Document, plan: Plan) -> None:
        self.document = document
        self.watches = {
            operation.operation_id: Watch(document, operation)
            for operation in document.iter_operations()
        }
        self.known: dict[Seen, frozenset[str]] = {}
        self.lock = Lock()

    def count(self, tenant: Tenant, seen: Seen) -> Seen:
        """Notes one request; kinds of requests that have become too many are added up."""
        tally = tenant.tally
        with self.lock:
            try:
                row = tally.get(seen)
            except TypeError:
                # A condition reads a list or an object, or a policy lets one be a state: it tells no kinds apart.
                seen = (*seen[:6], hashable(seen[6]), *hashable(seen[7:]))
                row = tally.get(seen)
            if row is None:
                if len(tally) >= SIGHTINGS_KEPT:
                    tenant.counts = self.added(tenant)
                    tally.clear()
                row = tally[seen] = [seen, 0]
            row[1] += 1
        return row[0]  # type: ignore[no-any-return]

    def met(self, seen: Seen) -> frozenset[str]:
        """The rules that a request meets and keeps."""
        found = self.known.get(seen)
        if found is None:
            if len(self.known) > SIGHTINGS_KEPT:
                self.known.clear()
            found = self.known[seen] = self.watches[seen[0]].met(to_sighting(seen))
        return found

    def counts(self, tenant: Tenant) -> Counter[Any]:
        """("kept", rule), ("broke", rule), ("warned", rule), ("passed", operation),
        ("refused", operation), ("moved", resource, before, after), and places of transitions
        and effects that time or an event has caused."""
        with self.lock:
            counts = self.added(tenant)
        for rule in self.document.rules.values():
            for place in rule.places:
                if place.kind in CAUSED:
                    caused = causes(self.document, place)
                    counts["kept", rule.rule_id] += sum(counts[pointer] for pointer in caused)
        return counts

    def added(self, tenant: Tenant) -> Counter[Any]:
        counts = tenant.counts.copy()
        for seen, number in tenant.tally.values():
            self.add(counts, seen, number)
        return counts

    def add(self, counts: Counter[Any], values: Seen, number: int) -> None:
        seen = to_sighting(values)
        for word, ids in (
            ("kept", self.met(values)),
            ("broke", seen.broken),
            ("warned", seen.warned),
        ):
            for rule_id in ids:
                counts[word, rule_id] += number
        counts["passed" if seen.status < 400 else "refused", seen.operation_id] += number
        if seen.before is not None and seen.before != seen.after:
            resource = self.watches[seen.operation_id].operation.resource
            counts["moved", resource, seen.before, seen.after] += number
