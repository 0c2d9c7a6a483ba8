"""A document and its policies become a plan: everything that can be decided at start is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from mock_server.pipeline.exchange import Fixed, OperationPlan, ParameterPlan, Plan
from mock_server.pipeline.policies import decide_policies
from mock_server.pipeline.query import build_convert
from mock_server.pipeline.script import build_script
from mock_server.rules.default import build_defaults
from mock_server.rules.effect import build_effects
from mock_server.rules.happening import PreparedHappening, build_happening
from mock_server.rules.improvised import Improvised
from mock_server.rules.lifecycle import IsActive
from mock_server.rules.record import Prototype
from mock_server.rules.reference import build_reference, wanted
from mock_server.rules.refusal import build_refusals
from mock_server.rules.schema import build_validator
from mock_server.rules.subscription import PreparedSubscription
from mock_server.rules.values import Compute, build_value
from mock_server.spec.model import (
    Content,
    Document,
    Expression,
    Find,
    Operation,
    Page,
    Policy,
    Reference,
    Resource,
    Schema,
    SecurityScheme,
)
from mock_server.spec.schemas import keyword_of, properties_of, required_of, rule_ids, types_of
from mock_server.state.store import CollectionSpec

REFUSALS = (400, 422, 409)
BODY_LIMIT = 5 * 1024 * 1024


def build_plan(
    document: Document, chosen: Mapping[str, Policy] | None = None, body_limit: int = BODY_LIMIT
) -> Plan:
    """Prepares every operation; raises SettingsError for policies that cannot be."""
    policies = decide_policies(document, chosen or {})

    def is_active(rule_ids: Iterable[str]) -> bool:
        listed = [policies.get(rule_id, "enforce") for rule_id in rule_ids]
        return not listed or any(policy != "off" for policy in listed)

    kind = Improvised if document.wordless else Prototype
    prototypes: dict[str, Prototype] = {
        name: kind(
            resource, document.resources, document.rules, is_active, writable_of(document, name)
        )
        for name, resource in document.resources.items()
    }
    operations = tuple(
        build_operation(document, operation, prototypes, is_active)
        for operation in document.operations.values()
    )
    auth_rules = {i for scheme in document.security_schemes.values() for i in scheme.rule_ids}
    return Plan(
        document.title,
        document.base_path,
        document.rules,
        policies,
        prototypes,
        operations,
        document.errors,
        document.security_schemes,
        bool(auth_rules) and all(policies.get(rule_id) != "enforce" for rule_id in auth_rules),
        body_limit,
        build_subscriptions(document, is_active),
        build_happenings(document, operations),
        dependents_of(document, is_active),
        document.wordless,
        tuple(
            build_operation(document, operation, {"": nowhere(is_active)}, is_active)
            for operation in document.plain.values()
        ),
        cache(
            lambda: frozenset(iter_secrets(document.raw)).union(keys_of(document.security_schemes))
        ),
    )


def iter_secrets(node: Any) -> Iterator[str]:
    """The properties that a document gives the format `password`, which is for what is not shown."""
    if isinstance(node, Mapping):
        properties = node.get("properties")
        if isinstance(properties, Mapping):
            for name, schema in properties.items():
                if isinstance(schema, Mapping) and schema.get("format") == "password":
                    yield name
    for child in node.values() if isinstance(node, Mapping) else node:
        if isinstance(child, Mapping | list):
            yield from iter_secrets(child)


def keys_of(schemes: Mapping[str, SecurityScheme]) -> frozenset[str]:
    """The names under which requests carry keys."""
    places = (one.place for one in schemes.values())
    return frozenset(place[1] for place in places if place is not None)


def writable_of(document: Document, resource: str) -> frozenset[str]:
    """The fields that some operation lets a client write."""
    operations = (one for one in document.operations.values() if one.resource == resource)
    return frozenset(field for one in operations for field in one.body_fields)


def nowhere(is_active: IsActive) -> Prototype:
    """What stands for a resource where an operation has none."""
    resource = Resource(
        *("", "", "", "", {}, (), frozenset(), frozenset(), "", False),
        *(Page("", None, None), {}, None, (), (), ""),
    )
    return Improvised(resource, {}, {}, is_active)


def build_subscriptions(document: Document, is_active: IsActive) -> dict[str, PreparedSubscription]:
    return {
        name: PreparedSubscription(resource.subscription, resource, document.resources)
        for name, resource in document.resources.items()
        if resource.subscription is not None and is_active(resource.subscription.rule_ids)
    }


def build_happenings(
    document: Document, operations: Iterable[OperationPlan]
) -> dict[str, tuple[PreparedHappening, OperationPlan]]:
    by_id = {plan.operation.operation_id: plan for plan in operations}
    found = {}
    for name, one in document.happenings.items():
        plan = by_id[one.operation_id]
        found[name] = build_happening(one, plan.prototype.resource, document.resources), plan
    return found


def kept(reference: Reference, is_active: IsActive) -> Reference:
    """The reference without a `where` whose own rule is off."""
    return reference if is_active(rule_ids(reference.where)) else replace(reference, where=None)


def dependents_of(
    document: Document, is_active: IsActive
) -> dict[str, tuple[tuple[str, Reference], ...]]:
    """The references by which records go when what they name is deleted."""
    found: dict[str, tuple[tuple[str, Reference], ...]] = {}
    for name, resource in document.resources.items():
        for reference in resource.references.values():
            if reference.cascade and is_active(reference.cascade_rules):
                found[reference.to] = (*found.get(reference.to, ()), (name, reference))
    return found


def build_operation(
    document: Document,
    operation: Operation,
    prototypes: Mapping[str, Prototype],
    is_active: IsActive,
) -> OperationPlan:
    resources, prototype = document.resources, prototypes[operation.resource]
    references = tuple(
        (
            field,
            build_reference(kept(reference, is_active), resources, document.rules),
            frozenset({field, *reference.match.values()}),
            states_in_need(prototype.resource, field),
        )
        for field, reference in operation.references.items()
        if is_active(reference.rule_ids)
    )
    resource = prototype.resource
    effects = build_effects(
        (one for one in operation.effects if is_active(one.rule_ids)), resource, resources
    )
    success = operation.responses.get(str(operation.success))
    return OperationPlan(
        operation,
        prototype,
        build_validator(operation.body_schema) if operation.body_schema is not None else None,
        tuple(
            ParameterPlan(parameter, build_convert(parameter), build_validator(parameter.schema))
            for parameter in operation.parameters
            if parameter.location == "query" and is_active(parameter.rule_ids)
        ),
        build_defaults(one for one in operation.defaults if is_active(one.rule_ids)),
        references,
        {field: wanted(one, resources) for field, one in operation.references.items()},
        tuple(effect for effect in effects if not effect.into),
        build_value(operation.record_id, resource, resources),
        writable_fields(operation, resource),
        frozenset(nullable_fields(operation.body_schema)),
        tuple(
            document.security_schemes[name]
            for name in operation.security
            if name in document.security_schemes
        ),
        operation.body_required,
        success is not None and success.schema is None and operation.content is None,
        operation.success,
        next((code for code in REFUSALS if str(code) in operation.responses), 400),
        build_refusals(
            (one for one in operation.refusals if is_active(one.rule_ids)), document.rules
        ),
        tuple(effect for effect in effects if effect.into),
        tuple(operation.revealed),
        # Who subscribes is not told what was before.
        resource.subscription is not None
        or any(one.log and one.log.to == resource.name for one in resources.values()),
        added_fields(operation, resource),
        frozenset(resource.fields) - writable_fields(operation, resource),
        build_fixed(document, operation),
        tuple(
            (field, one.field)
            for one in resource.derived
            if isinstance(one.on, tuple) and one.inside is None and is_active(one.rule_ids)
            for field in one.on
        ),
        build_content(operation.content, resource, resources),
        build_script(operation),
    )


def states_in_need(resource: Resource, field: str) -> frozenset[str]:
    """The states that require a field and from which something leaves the system with it."""
    lifecycle = resource.lifecycle
    if lifecycle is None:
        return frozenset()
    leaving = {one.source for one in lifecycle.transitions if one.external}
    return frozenset(
        state
        for one in lifecycle.requires
        if field in required_of(one.schema)
        for state in leaving.intersection(one.states)
    )


def build_content(
    content: Content | None, resource: Resource, resources: Mapping[str, Resource]
) -> tuple[Compute, Compute] | None:
    if content is None:
        return None
    parts = (content.type, content.data)
    kind, data = (build_value(part, resource, resources) for part in parts)
    return kind, data


def writable_fields(operation: Operation, resource: Resource) -> frozenset[str]:
    """The fields of the record that the body's schema lists, or all where it lists none."""
    listed = properties_of(operation.body_schema)
    fields = set(resource.fields) & listed.keys() if listed else set(resource.fields)
    fixed = {name for name in fields if keyword_of(listed.get(name), "readOnly") is True}
    return frozenset(fields - fixed - ({"id"} if operation.does == "update" else set()))


def build_fixed(document: Document, operation: Operation) -> Fixed | None:
    """What a creation takes and this change of the same record does not."""
    if operation.does != "update":
        return None
    for one in document.operations.values():
        if one.does == "create" and one.path_template == parent_of(operation.path_template):
            listed = properties_of(one.body_schema)
            fields = listed.keys() - set(operation.body_fields) - {"id"}
            if fields:
                known = {name: only_type(listed[name]) for name in sorted(fields)}
                schema: Schema = {"properties": known}
                return Fixed(frozenset(fields), schema, build_validator(schema))
    return None


def parent_of(path_template: str) -> str:
    """The path of the list that an item's path belongs to."""
    tail = "/" if path_template.endswith("/") else ""
    return path_template.rstrip("/").rpartition("/")[0] + tail


def only_type(schema: Any) -> Any:
    """What a property's schema says of its type, with the rules that say so."""
    if not isinstance(schema, dict):
        return schema
    kept = {name: schema[name] for name in ("x-rule", "type", "format") if name in schema}
    parts = [only_type(one) for one in schema.get("allOf", ()) if isinstance(one, dict)]
    parts = [one for one in parts if one.keys() - {"x-rule"}]
    return {**kept, "allOf": parts} if parts else kept


def added_fields(operation: Operation, resource: Resource) -> dict[str, frozenset[str]]:
    """What the server adds to the items of a body's lists, by list."""
    added: dict[str, frozenset[str]] = {}
    for one in resource.derived:
        if one.inside is not None:
            added[one.inside] = added.get(one.inside, frozenset()) | {one.field}
    for effect in operation.effects:
        if effect.into and isinstance(effect.each, Expression):
            name = effect.each.tokens[0]
            added[name] = added.get(name, frozenset()) | {effect.into}
    return added


def nullable_fields(schema: Schema | None) -> list[str]:
    """The body fields that may be null."""
    return [
        name
        for name, sub in properties_of(schema).items()
        if not types_of(sub) or "null" in types_of(sub)
    ]


def collection_specs(document: Document, plan: Plan) -> list[CollectionSpec]:
    """How each collection is kept: fields that references or filters look up get an index."""
    indexed: dict[str, set[str]] = {name: set() for name in document.resources}
    references = [
        r for resource in document.resources.values() for r in resource.references.values()
    ]
    references += [
        r for operation in document.operations.values() for r in operation.references.values()
    ]
    for reference in references:
        indexed[reference.to].add(reference.by)
    for name, resource in document.resources.items():
        indexed[name] |= {r.field for r in resource.references.values() if r.cascade}
        indexed[name] |= {one.field for one in resource.derived if one.unique}
        for one in resource.embedded:
            indexed[one.of].add(one.by)
    for operation in document.operations.values():
        for parameter in operation.parameters:
            word = parameter.query
            if word is not None and word.does == "filter" and word.op in ("eq", "in"):
                indexed[operation.resource].add(word.field)
    for happening in document.happenings.values():
        for choice in (one for choices in happening.body.values() for one in choices):
            if isinstance(choice, Find):
                indexed[choice.lookup.to].add(choice.lookup.by)
    for scheme in document.security_schemes.values():
        if scheme.to:
            indexed[scheme.to].add(scheme.by)
    return [
        prototype.collection_spec(indexed[name] - {"id"})
        for name, prototype in plan.prototypes.items()
    ]
