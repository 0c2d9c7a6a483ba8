"""Which defects nobody can see by what the catalogue promises, and why.

Every reason is worked out from the document; none leans on what the judge happens to try.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from contracts.audit.mutant import Mutant
from contracts.oracle.schema import oracle_of
from contracts.oracle.values import FUNCTIONS
from mock_server.spec.loader import load_source
from mock_server.spec.model import (
    BusinessRule,
    Call,
    Closed,
    Constant,
    Derived,
    Document,
    Effect,
    Expression,
    Lifecycle,
    Operation,
    Parameter,
    Place,
    Reference,
    Requirement,
    Resource,
    Transition,
    Value,
)
from mock_server.spec.schemas import keyword_of, properties_of, rule_ids, types_of

NO_RULE = "no rule of the catalogue promises it"
ONLY_WARNS = "the rule that speaks of it only warns"
STAYS = "what the rule states stays as it is when it is off, or is stated by another rule too"
SAME_VALUES = "other keywords beside it leave the same values"
BY_REFERENCE = "the reference refuses what the schema lets through"
KEYS_FIT = "every record that may be named is still taken"
BY_STATE = "what the state requires of the record says the same"
BY_MOVES = "the lifecycle decides which states a change may name"
NULL_IN_NO_STATE = "in no state is null taken without a word"
TEXT = "what stands in a query is a text, and never null"
SAME_CALLER = "it is worked out from what does not change"
NEVER_NULL = "a value before it is never null"
NO_RECORD = "the operation names no record"
CANNOT_FAIL = "no rule can refuse what the operation is asked"
UNNAMED = "no request can name the state"
EMPTIED = "every way to the state empties what the other one requires"
UNASKED = "no request leads to the state, or changes a record that is in it"
HELD = "the states before it require the same, and keep it"
OPTIONAL = "the documented form of the answer may lack it"
ONLY_SCHEME = "whom no scheme lets in cannot judge: a run ends before it begins"
SAME_MOMENT = "the other moment is worked out from the one that counts"
WORKED_OUT = "it is worked out to the same from another value"
FALSE_BY_TYPE = "what must be true or false is false where nobody gives it"
UNLIMITED = "the stub refuses nobody for asking often, unless it is given a limit"
ONLY_OBJECTS = "a body that is no object is refused, whatever its schema says"
UNSEEN = "no answer shows it: the record is a file, of which only the kind is promised"
UNKNOWN = "what a right one would be is known to whoever works it out, and to nobody else"
HIDDEN = "no answer after the first shows it"
NO_DEFAULT = "no rule says how long a page is unasked"


def reason_not_to_plant(document: Document, mutant: Mutant) -> str:
    """Empty for a defect that can be seen."""
    if mutant.excluded:
        return mutant.excluded
    if not mutant.rule_ids:
        return NO_RULE
    if all(document.rules[rule_id].policy != "enforce" for rule_id in mutant.rule_ids):
        return ONLY_WARNS
    return ""


# Rules that are off

IDLE_KINDS = frozenset({"record", "response", "transition", "final", "event"})


def off_reason(document: Document, rule: BusinessRule) -> str:
    return "" if any(is_switched(document, rule, place) for place in rule.places) else STAYS


def is_switched(document: Document, rule: BusinessRule, place: Place) -> bool:
    """Whether the stub behaves otherwise at a place when the rule is off."""
    if place.kind in IDLE_KINDS:
        return False
    if isinstance(place.detail, Closed):
        return decides_alone(document, rule, place, place.detail)
    if isinstance(place.detail, Lifecycle):
        return place.detail.editable_rules == (rule.rule_id,)
    if isinstance(place.detail, Mapping):
        return rule_ids(place.detail) == (rule.rule_id,)
    named = getattr(place.detail, "rule_ids", None)
    return named is None or tuple(named) in ((rule.rule_id,), ())


def decides_alone(document: Document, rule: BusinessRule, place: Place, closed: Closed) -> bool:
    """Whether some move is refused by this entry and by no other rule's."""
    lifecycle = document.resources[place.resource or ""].lifecycle
    assert lifecycle is not None
    others = [one for one in lifecycle.closed if set(one.rule_ids) - {rule.rule_id}]
    return any(
        matches(closed, source, target) and not any(matches(o, source, target) for o in others)
        for source in lifecycle.states
        for target in lifecycle.states
    )


def matches(closed: Closed, source: str, target: str) -> bool:
    return (closed.sources is None or source in closed.sources) and (
        closed.targets is None or target in closed.targets
    )


# Bodies


def body_reason(
    document: Document,
    operation: Operation,
    path: tuple[str, ...],
    before: Any,
    after: Any,
    weaker: bool,
) -> str:
    """`before` and `after` are whole body schemas that differ in one keyword behind `path`."""
    place = value_place(path)
    old, new = at(before, place), at(after, place)
    if leaves_same_values(old, new):
        return SAME_VALUES
    if weaker and not place and path[-1] == "type":
        return ONLY_OBJECTS
    if weaker and is_required_by_state(document, operation, path, before):
        return BY_STATE
    if weaker and place[-1:] == ("items",) and place[-2] in operation.references:
        return BY_REFERENCE  # each item names a record
    if len(place) < 2 or place[-2] != "properties" or "items" in place:
        return ""
    return field_reason(document, operation, place[-1], old, new, weaker)


def field_reason(
    document: Document, operation: Operation, field: str, old: Any, new: Any, weaker: bool
) -> str:
    lifecycle = document.resources[operation.resource].lifecycle
    same_null = oracle_of(old).is_valid(None) == oracle_of(new).is_valid(None)
    reference = operation.references.get(field)
    if reference is not None and same_null:
        if weaker:
            return BY_REFERENCE
        if keys_fit(document, reference, new):
            return KEYS_FIT
    if lifecycle is None:
        return ""
    is_move = field == lifecycle.field and operation.does == "update" and same_null
    if is_move and (weaker or not loses_target(lifecycle, old, new)):
        return BY_MOVES
    nowhere = all(refuses_null(lifecycle, state, field) for state in lifecycle.initial)
    return NULL_IN_NO_STATE if nowhere and not weaker and loses_only_null(old, new) else ""


def value_place(path: tuple[str, ...]) -> tuple[str, ...]:
    """The part of a path that leads to a value of its own: a member or an item."""
    for length in range(len(path), 0, -1):
        if path[length - 1] == "items" or (length > 1 and path[length - 2] == "properties"):
            return path[:length]
    return ()


def at(schema: Any, path: Iterable[str]) -> Any:
    for token in path:
        schema = schema[int(token)] if isinstance(schema, list) else schema.get(token, {})
    return schema


def conjuncts(schema: Any) -> list[Mapping[str, Any]]:
    if not isinstance(schema, Mapping):
        return []
    return [schema, *(inner for branch in schema.get("allOf", []) for inner in conjuncts(branch))]


def leaves_same_values(old: Any, new: Any) -> bool:
    """Whether two schemas surely allow the same: closed lists compared, or sets of types."""
    lists = [finite(conjuncts(one)) for one in (old, new)]
    if lists[0] is not None and lists[1] is not None:
        values = [*lists[0], *lists[1]]
        return all(oracle_of(old).is_valid(v) == oracle_of(new).is_valid(v) for v in values)
    if required_names(old) != required_names(new):
        return False
    if without("type", without("required", old)) != without("type", without("required", new)):
        return False
    return allowed_types(old) == allowed_types(new)


def required_names(schema: Any) -> frozenset[str]:
    """The members that some part of a schema asks for; those further in belong to other values."""
    return frozenset(name for part in conjuncts(schema) for name in part.get("required", []))


def finite(parts: list[Mapping[str, Any]]) -> list[Any] | None:
    listed = [part["enum"] for part in parts if "enum" in part]
    listed += [[part["const"]] for part in parts if "const" in part]
    return [value for values in listed for value in values] if listed else None


def without_types(schema: Any) -> Any:
    if isinstance(schema, Mapping):
        return {key: without_types(value) for key, value in schema.items() if key != "type"}
    return [without_types(one) for one in schema] if isinstance(schema, list) else schema


def without(keyword: str, schema: Any) -> Any:
    """A schema whose own parts lack a keyword; what is further in stays."""
    if not isinstance(schema, Mapping):
        return schema
    rest = {key: value for key, value in schema.items() if key not in (keyword, "allOf")}
    parts = [without(keyword, branch) for branch in schema.get("allOf", [])]
    return rest | ({"allOf": [part for part in parts if part]} if any(parts) else {})


ALL_TYPES = frozenset({"string", "integer", "broken", "boolean", "array", "object", "null"})


def allowed_types(schema: Any) -> frozenset[str]:
    """The types that every part of a schema allows; numbers are whole or broken ones."""
    found = ALL_TYPES
    for part in conjuncts(schema):
        if "type" in part:
            names = set(types_of({"type": part["type"]}))
            if "number" in names:
                names |= {"integer", "broken"}
            found &= names
    return found


def is_required_by_state(
    document: Document, operation: Operation, path: tuple[str, ...], schema: Any
) -> bool:
    """Whether a branch of a body repeats what the lifecycle requires in the same states."""
    lifecycle = document.resources[operation.resource].lifecycle
    for length, word in enumerate(path):
        if word not in ("then", "else") or lifecycle is None:
            continue
        holder = at(schema, path[:length])
        condition = holder["if"] if word == "then" else {"not": holder["if"]}
        states = [
            state
            for state in lifecycle.initial
            if oracle_of(condition).is_valid({lifecycle.field: state})
        ]
        if any(
            requirement.schema == holder[word] and set(states) <= set(requirement.states)
            for requirement in lifecycle.requires
        ):
            return True
    return False


def keys_fit(document: Document, reference: Reference, schema: Any) -> bool:
    """Whether every record of the seeds that a reference may name passes a schema."""
    collection = document.resources[reference.to].collection
    holds = oracle_of(reference.where)
    keys = [
        record[reference.by]
        for path in document.seeds
        for record in (load_source(path).value or {}).get(collection, [])
        if isinstance(record, Mapping) and record.get(reference.by) and holds.is_valid(record)
    ]
    return bool(keys) and all(oracle_of(schema).is_valid(key) for key in keys)


def loses_target(lifecycle: Lifecycle, old: Any, new: Any) -> bool:
    """Whether a state that some request may lead to cannot be named any more."""
    asked = {t.to for t in lifecycle.transitions if not t.timed and t.event is None}
    return any(oracle_of(old).is_valid(s) and not oracle_of(new).is_valid(s) for s in asked)


def loses_only_null(old: Any, new: Any) -> bool:
    return (
        oracle_of(old).is_valid(None)
        and not oracle_of(new).is_valid(None)
        and allowed_types(old) - {"null"} == allowed_types(new) - {"null"}
        and without_types(old) == without_types(new)
    )


def refuses_null(lifecycle: Lifecycle, state: str, field: str) -> bool:
    return any(
        state in requirement.states
        and any(b.field == field for b in oracle_of(requirement.schema).breaches({field: None}))
        for requirement in lifecycle.requires
    )


# Query parameters


def parameter_reason(parameter: Parameter, keyword: str, label: str) -> str:
    if keyword == "type" and (label == "with-null" or types_of(parameter.schema) == {"string"}):
        return TEXT if label in ("with-null", "gone") else ""
    return ""


def default_reason(parameter: Parameter) -> str:
    is_limit = parameter.query is not None and parameter.query.does == "limit"
    return NO_DEFAULT if is_limit else ""


# Derived values


def is_steady(document: Document, resource: Resource, field: str, seen: frozenset[str]) -> bool:
    """Whether a field of a record keeps its value for good, whatever its caller may change."""
    if field in seen or is_changeable(document, resource, field):
        return False
    lifecycle = resource.lifecycle
    if lifecycle is not None and any(field in t.sets for t in lifecycle.transitions):
        return False
    derived = next((one for one in resource.derived if one.field == field), None)
    if derived is None or derived.on == "create":
        return True
    return all(
        is_steady_value(document, resource, value, seen | {field}) for value in derived.values
    )


def is_steady_value(
    document: Document, resource: Resource, value: Value, seen: frozenset[str]
) -> bool:
    if isinstance(value, Constant):
        return True
    if not isinstance(value, Expression):
        parts = (*value.of, *value.named.values())
        return all(is_steady_value(document, resource, part, seen) for part in parts)
    if value.source == "principal":
        return True
    if value.source == "record":
        own = value.tokens[0]
        return own in seen or is_steady(document, resource, own, seen)
    if value.source == "follow":
        other = document.resources[resource.references[value.name].to]
        return is_steady(document, resource, value.name, seen) and not is_ever_changed(
            document, other
        )
    return False


def is_changeable(document: Document, resource: Resource, field: str) -> bool:
    return any(
        operation.does == "update"
        and operation.resource == resource.name
        and field in operation.body_fields
        for operation in document.operations.values()
    )


def is_ever_changed(document: Document, resource: Resource) -> bool:
    return any(
        operation.does == "update" and operation.resource == resource.name
        for operation in document.operations.values()
    )


def stale_reason(document: Document, resource: Resource, derived: Derived) -> str:
    """It is not worked out again, but would come to the same."""
    steady = all(
        is_steady_value(document, resource, value, frozenset({derived.field}))
        for value in derived.values
    )
    return SAME_CALLER if steady else ""


def moving_reason(document: Document, resource: Resource, derived: Derived) -> str:
    """It is worked out at every change, but comes to the same as long as its inputs do."""
    if derived.inside is not None and all(map(is_of_item, derived.values)):
        return SAME_CALLER
    if derived.field in resource.hidden:
        return HIDDEN
    if calls(derived.values) and moves_by_itself(resource):
        return ""
    if isinstance(derived.on, tuple):
        followed = [v for v in derived.values if isinstance(v, Expression)]
        same = len(followed) == len(derived.values) and all(
            value.source == "follow"
            and value.name in derived.on
            and not is_ever_changed(
                document, document.resources[resource.references[value.name].to]
            )
            for value in followed
        )
        return SAME_CALLER if same else ""
    return stale_reason(document, resource, derived)


def is_of_item(value: Value) -> bool:
    """Whether a value follows from nothing but the item of a list that it stands in."""
    if isinstance(value, Call):
        return all(map(is_of_item, (*value.of, *value.named.values())))
    return isinstance(value, Constant) or (isinstance(value, Expression) and value.source == "item")


def wrong_reason(derived: Derived, wrong: Any) -> str:
    """Nothing shows that a number is wrong where a function of the server's own works it out."""
    unknown = any(isinstance(v, Call) and v.function not in FUNCTIONS for v in derived.values)
    return UNKNOWN if derived.inside is not None and unknown and isinstance(wrong, int) else ""


def calls(values: Iterable[Value]) -> bool:
    """Whether values are of who calls."""
    return any(isinstance(value, Expression) and value.source == "principal" for value in values)


def moves_by_itself(resource: Resource) -> bool:
    """Whether records change while nobody calls."""
    lifecycle = resource.lifecycle
    return lifecycle is not None and any(t.timed or t.event for t in lifecycle.transitions)


def fewer_reason(resource: Resource, derived: Derived, position: int) -> str:
    """A value further back is never reached where one before it is always there."""
    before = derived.values[:position]
    if derived.on != "create" and moves_by_itself(resource) and calls(before):
        return ""
    always = any(
        isinstance(value, Constant)
        or (isinstance(value, Expression) and value.source in ("now", "id"))
        or (
            isinstance(value, Expression)
            and value.source == "principal"
            and value.tokens == ("id",)
        )
        for value in before
    )
    return NEVER_NULL if always else ""


# Answers


def refusal_reason(operation: Operation, code: int) -> str:
    """Whether an operation can come to a refusal with this status at all."""
    if code == 404:
        named = any(parameter.location == "path" for parameter in operation.parameters)
        return "" if named else NO_RECORD
    if code == 429:
        return UNLIMITED
    if code in (401, 403):
        return ""
    if operation.body_schema is not None or any(map(can_be_wrong, operation.parameters)):
        return ""
    return CANNOT_FAIL


def can_be_wrong(parameter: Parameter) -> bool:
    """Whether some text is no value of a query parameter."""
    words = ("enum", "pattern", "format", "const", "minLength", "maxLength")
    types = types_of(parameter.schema)
    return parameter.location == "query" and (
        bool(types and "string" not in types)
        or any(keyword_of(parameter.schema, word) is not None for word in words)
    )


def error_reason(document: Document, operation: Operation, body: Any) -> str:
    """Whether the body of an error could be that of the record, of which nothing else is known."""
    schema = operation.responses[str(operation.success)].schema
    is_made = any(
        one.does == "create" and one.resource == operation.resource
        for one in document.operations.values()
    )
    return "" if is_made or not oracle_of(schema).is_valid(body) else OPTIONAL


def worked_out_reason(resource: Resource, effect: Effect, field: str) -> str:
    """Whether a value that an effect gives is there without it too."""
    given, schema = effect.values.get(field), properties_of(resource.schema).get(field, {})
    if isinstance(given, Constant) and given.value is False and types_of(schema) == {"boolean"}:
        return FALSE_BY_TYPE
    for derived in resource.derived:
        value = derived.values[0]
        own = isinstance(value, Expression) and value.source == "record"
        if derived.field == field and own and isinstance(value, Expression):
            source = effect.values.get(value.tokens[0])
            if source is not None and source == effect.values.get(field):
                return WORKED_OUT
    return ""


def unseen_reason(document: Document, resource: Resource, field: str) -> str:
    """Whether a field stands in no answer: the record is shown as a file, if at all."""
    if is_embedded(document, resource):
        return ""
    for operation in document.operations.values():
        if operation.resource != resource.name or operation.does == "delete":
            continue
        if operation.content is None or field in read_by(operation.content.type):
            return ""
    return UNSEEN


def read_by(value: Value) -> frozenset[str]:
    """The fields of a record that a value comes from."""
    own = isinstance(value, Expression) and value.source == "record"
    return frozenset(value.tokens[:1]) if own and isinstance(value, Expression) else frozenset()


def is_embedded(document: Document, resource: Resource) -> bool:
    """Whether records of a resource are shown in others."""
    shown = (one.of for other in document.resources.values() for one in other.embedded)
    return resource.name in shown


def field_absent_reason(resource: Resource, field: str) -> str:
    required = keyword_of(resource.schema, "required")
    return "" if isinstance(required, list) and field in required else OPTIONAL


def is_emptied(lifecycle: Lifecycle, source: str, target: str) -> bool:
    """Whether every way to a state empties what another one requires, and nobody may fill it in."""
    wanted = {
        name
        for requirement in lifecycle.requires
        if target in requirement.states
        for name in keyword_of(requirement.schema, "required") or []
    }
    ways = [t for t in lifecycle.transitions if t.to == source]
    if source in lifecycle.initial or source in lifecycle.editable or not ways:
        return False
    return any(
        all(isinstance(v := t.sets.get(name), Constant) and v.value is None for t in ways)
        for name in wanted
    )


def same_moment_reason(resource: Resource, transition: Transition, field: str) -> str:
    """Whether another moment is worked out from the one of a transition, and is always the same."""
    for derived in resource.derived:
        value = derived.values[0]
        if derived.field == field and derived.on == "change" and derived.condition is None:
            own = isinstance(value, Expression) and value.source == "record"
            if own and isinstance(value, Expression) and value.tokens == (transition.at,):
                return SAME_MOMENT
    return ""


def requires_reason(
    document: Document, lifecycle: Lifecycle, requirement: Requirement, state: str
) -> str:
    """Whether it can make a difference that another state requires something too."""
    wanted = set(keyword_of(requirement.schema, "required") or [])
    warned = {
        name
        for other in lifecycle.requires
        if state in other.states
        and {document.rules[i].policy for i in rule_ids(other.schema)} == {"warn"}
        for name in keyword_of(other.schema, "required") or []
    }
    if wanted and wanted <= warned:
        return ONLY_WARNS
    if state in lifecycle.initial or state in lifecycle.editable:
        return ""
    asked = [t for t in lifecycle.transitions if t.to == state and not t.timed and t.event is None]
    if not asked:
        return UNASKED
    kept = all(t.source in requirement.states and t.source not in lifecycle.editable for t in asked)
    return HELD if kept else ""


def target_reason(operation: Operation | None, field: str, state: str) -> str:
    """Whether a change could ask for a state."""
    if operation is None or operation.body_schema is None:
        return UNNAMED
    schema = properties_of(operation.body_schema).get(field)
    return "" if schema is not None and oracle_of(schema).is_valid(state) else UNNAMED
