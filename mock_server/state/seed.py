"""Seeds: an account's records in a file, held against the document before the start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError

from mock_server.clock import is_date_time
from mock_server.errors import Fault, SeedError
from mock_server.messages import article, quoted, say, such_as
from mock_server.spec.loader import Source, load_source, with_lines
from mock_server.spec.model import Document, Policy, Reference, Resource
from mock_server.spec.pointers import escape, nearest, one_of
from mock_server.spec.schemas import properties_of, rule_ids, rules_along

SHOWN = 3  # values that would do


@dataclass(frozen=True, slots=True)
class Seed:
    """Records by collection, as the file has them."""

    path: Path | None
    records: Mapping[str, tuple[Mapping[str, Any], ...]]


def load_seed(path: Path, document: Document, policies: Mapping[str, Policy] | None = None) -> Seed:
    """Reads a seed; raises SeedError with every fault, each with its line."""
    return check_seed(load_source(path), document, policies)


def check_seed(
    source: Source, document: Document, policies: Mapping[str, Policy] | None = None
) -> Seed:
    """Holds a seed's values against the document; raises SeedError.

    `policies` are those of the rules; without them the document's own.
    """
    if source.faults:
        raise SeedError(source.path, list(source.faults))
    value = source.value
    if not isinstance(value, dict):
        expected = "a mapping of collections to lists of records"
        if value is None:
            fault = source.fault("#", "nothing", f"{expected}; {{}} is an account without any")
        else:
            fault = source.fault("#", quoted(value), expected)
        raise SeedError(source.path, with_lines(source, [fault]))
    if policies is None:
        policies = {name: rule.policy for name, rule in document.rules.items()}
    faults = list(iter_faults(source, value, document, policies))
    if faults:
        raise SeedError(source.path, with_lines(source, faults))
    return Seed(source.path, {name: tuple(records) for name, records in value.items()})


def iter_faults(
    source: Source, value: dict[str, Any], document: Document, policies: Mapping[str, Policy]
) -> Iterator[Fault]:
    resources = {resource.collection: resource for resource in document.resources.values()}
    ids: set[Any] = set()
    for name, records in value.items():
        pointer = f"#/{escape(name)}"
        if name not in resources:
            yield source.fault(
                pointer, f'the collection "{name}"', one_of(resources), nearest(name, resources)
            )
        elif not isinstance(records, list):
            yield source.fault(pointer, quoted(records), "a list of records")
        else:
            fits, takes = (
                build_fit(resources[name]),
                build_takes(resources[name], document, policies),
            )
            for position, record in enumerate(records):
                place = f"{pointer}/{position}"
                faults = list(record_faults(source, record, resources[name], fits, place, ids))
                yield from faults
                told = {fault.pointer for fault in faults}
                if not told:
                    yield from lacking(source, record, resources[name], policies, place)
                for error in takes(record):
                    fault = mismatch(source, error, place)
                    if fault.pointer not in told:
                        yield fault
    yield from reference_faults(source, value, document, policies)
    yield from key_faults(source, value, document)


def key_faults(source: Source, value: dict[str, Any], document: Document) -> Iterator[Fault]:
    """What credentials name is nobody else's. Keys are not told: some are real ones."""
    held: dict[str, str] = {}
    for place, key in iter_keys(value, document):
        if held.setdefault(key, place) != place:
            yield again(source, place, f"of {held[key]}")


def iter_keys(value: Mapping[str, Any], document: Document) -> Iterator[tuple[str, str]]:
    """Where keys stand, with the keys."""
    schemes = document.security_schemes.values()
    kinds = {(one.to, one.by) for one in schemes if one.to in document.resources}
    for to, by in sorted(kinds):
        resource = document.resources[to]
        for position, record in records_of(value, resource):
            key = record.get(by)
            if isinstance(key, str) and key:
                yield f"#/{escape(resource.collection)}/{position}/{escape(by)}", key


def again(source: Source, place: str, whose: str) -> Fault:
    name = place.rpartition("/")[2]
    return source.fault(place, f"the {name} {whose} again", f"the {name} of nobody else")


def check_apart(seeds: Sequence[Seed], document: Document) -> None:
    """Each seed is an account of its own; raises SeedError where a file or a key comes twice."""
    held: dict[str, Seed] = {}
    files: set[Path] = set()
    for seed in seeds:
        source = Source(seed.path, "", None)
        path = None if seed.path is None else seed.path.resolve()
        if path in files:
            expected = "each file once: a file is an account, and its keys are its own"
            raise SeedError(seed.path, [source.fault("", "the same file a second time", expected)])
        if path is not None:
            files.add(path)
        faults = []
        for place, key in iter_keys(seed.records, document):
            other = held.setdefault(key, seed)
            if other is not seed:
                faults.append(again(source, place, f"of an account in {other.path or 'a seed'}"))
        if faults:
            located = load_source(seed.path) if seed.path is not None else source
            raise SeedError(seed.path, with_lines(located, faults) if located.text else faults)


def with_callers(seeds: Sequence[Seed], document: Document) -> list[Seed]:
    """Where no seed says who calls, the first one is as the document's own seed in what no request makes.

    Raises SeedError where it has such records, and none with a key.
    """
    schemes = document.security_schemes.values()
    callers = {document.resources[one.to].collection: one.by for one in schemes if one.to}
    if not seeds or not callers or any(any(iter_keys(one.records, document)) for one in seeds):
        return list(seeds)
    first, *others = seeds
    for name, by in callers.items():
        if first.records.get(name):
            found = f"{len(first.records[name])} of {name}, none with {by}"
            expected = f"one with {by}: a key says who calls"
            source = Source(None, "", None) if first.path is None else load_source(first.path)
            fault = source.fault(f"#/{escape(name)}", found, expected)
            raise SeedError(first.path, with_lines(source, [fault]) if source.text else [fault])
    if callers.keys() & first.records.keys() or not document.seeds:
        return list(seeds)
    made = {one.resource for one in document.operations.values() if one.does == "create"}
    fixed = {one.collection for name, one in document.resources.items() if name not in made}
    base = load_seed(document.seeds[0], document).records
    taken = {name: base[name] for name in base if name in fixed and name not in first.records}
    return [Seed(first.path, {**taken, **first.records}), *others]


def in_order(needs: Mapping[str, Set[str]]) -> list[str]:
    """Names so that each comes behind those that it needs, where that can be."""
    waiting = dict(needs)
    ordered: list[str] = []
    while waiting:
        ready = [name for name, needed in waiting.items() if not needed & waiting.keys()]
        ready = ready or [next(iter(waiting))]
        ordered += ready
        for name in ready:
            del waiting[name]
    return ordered


def build_fit(resource: Resource) -> Draft202012Validator:
    """A validator of what a record's fields hold; which fields it has is left to the document."""
    schema = {
        "properties": properties_of(resource.schema),
        "$defs": resource.schema.get("$defs", {}),
    }
    return build_validator(schema)


def build_validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema, validate_formats=True, formats={"date-time": is_date_time})


Breaches = Callable[[Mapping[str, Any]], Iterator[ValidationError]]


def build_takes(resource: Resource, document: Document, policies: Mapping[str, Policy]) -> Breaches:
    """What a creation would refuse of single values, as far as its rules are enforced.

    Lists of values are not held to: a record may have others than a creation takes.
    """
    given: dict[str, Any] = {}
    shared: dict[str, Any] = {}
    for one in document.operations.values():
        if one.does == "create" and one.resource == resource.name and one.body_schema is not None:
            given |= properties_of(one.body_schema)
            shared |= one.body_schema.get("$defs", {})
    names = given.keys() & properties_of(resource.schema).keys()
    schema = {"properties": {name: given[name] for name in names}, "$defs": shared}
    validator = build_validator(schema)

    def breaches(record: Any) -> Iterator[ValidationError]:
        named = record.items() if isinstance(record, dict) else ()
        for error in validator.iter_errors({k: v for k, v in named if v is not None}):
            ids = rules_along(schema, tuple(error.schema_path))
            if error.kind.name in ("enum", "const"):
                continue
            if not ids or any(policies[one] == "enforce" for one in ids):
                yield error

    return breaches


def record_faults(
    source: Source,
    record: Any,
    resource: Resource,
    fits: Draft202012Validator,
    pointer: str,
    ids: set[Any],
) -> Iterator[Fault]:
    if not isinstance(record, dict):
        yield source.fault(pointer, quoted(record), f"{article(resource.title)} as a mapping")
        return
    properties = properties_of(resource.schema)
    for field in record:
        if field not in properties:
            place = f"{pointer}/{escape(field)}"
            yield source.fault(
                place, f'the field "{field}"', one_of(properties), nearest(field, properties)
            )
    refused = set()
    for error in fits.iter_errors(record):
        refused.add(str(error.instance_path[0]) if error.instance_path else "")
        yield mismatch(source, error, pointer)
    record_id = record.get("id")
    if record_id is not None and isinstance(record_id, str):
        if record_id in ids:
            yield source.fault(f"{pointer}/id", f'the id "{record_id}" again', "an id of its own")
        ids.add(record_id)
    lifecycle = resource.lifecycle
    worked_out = {one.field for one in resource.derived} - record.keys()
    if lifecycle is None or lifecycle.field in worked_out | refused:
        return
    state = record.get(lifecycle.field)
    if state not in lifecycle.states:
        place = f"{pointer}/{lifecycle.field}"
        hint = nearest(str(state), lifecycle.states)
        yield source.fault(place, quoted(state), one_of(lifecycle.states), hint)
    required = {
        name
        for needed in lifecycle.requires
        if state in needed.states
        for name in needed.schema.get("required", ())
    }
    for transition in lifecycle.transitions:
        at = transition.at
        if transition.source == state and at in required and record.get(at) is None:
            why = f"a value for {at}, at which it leaves the {lifecycle.field} {state}"
            yield source.fault(pointer, f"nothing under {at}", why)


def lacking(
    source: Source,
    record: Mapping[str, Any],
    resource: Resource,
    policies: Mapping[str, Policy],
    pointer: str,
) -> Iterator[Fault]:
    """What the state that a record is in requires, as far as that is enforced."""
    lifecycle = resource.lifecycle
    for needed in lifecycle.requires if lifecycle is not None else ():
        if lifecycle is None or record.get(lifecycle.field) not in needed.states:
            continue
        for name in needed.schema.get("required", ()):
            ids = rule_ids(needed.schema)
            if record.get(name) is None and any(policies[one] == "enforce" for one in ids):
                state = f"the {lifecycle.field} {record[lifecycle.field]}"
                why = f"a value for {name}, which {state} requires ({', '.join(ids)})"
                yield source.fault(pointer, f"nothing under {name}", why)


def mismatch(source: Source, error: ValidationError, pointer: str) -> Fault:
    """What a value is, and what its schema wants in its place."""
    keyword, limit, found = error.kind.name, error.kind.value, error.instance
    place = pointer + "".join(f"/{escape(str(token))}" for token in error.instance_path)
    hint = ""
    if keyword == "enum" and isinstance(found, str):
        hint = nearest(found, [one for one in limit if isinstance(one, str)])
    return source.fault(place, quoted(found), say(keyword, limit)[1], hint)


def reference_faults(
    source: Source, value: dict[str, Any], document: Document, policies: Mapping[str, Policy]
) -> Iterator[Fault]:
    """References of seeded records name seeded records, and such as serve."""
    for resource in document.resources.values():
        for reference in references_of(resource, document):
            target = document.resources[reference.to]
            known = {str(one.get(reference.by)): one for _, one in records_of(value, target)}
            serves = build_serves(reference, document, policies)
            kind = f"the {reference.by} of one of {target.collection}"
            for position, record in records_of(value, resource):
                held = record.get(reference.field)
                place = f"#/{escape(resource.collection)}/{position}/{escape(reference.field)}"
                for named in held if isinstance(held, list) else [held]:
                    other = known.get(str(named))
                    if named is None or (other is not None and serves(other)):
                        continue
                    if other is None:
                        found = f"{quoted(named)}, which names nothing"
                        yield source.fault(place, found, kind, nearest(str(named), known))
                        continue
                    names = properties_of(reference.where)
                    has = " and ".join(f"the {name} {quoted(other[name])}" for name in names)
                    which = f"{kind} that {' and '.join(rules_of(reference)) or 'it'} takes"
                    better = [one[reference.by] for one in known.values() if serves(one)]
                    yield source.fault(
                        place, f"{quoted(named)}, which has {has}", which + such_as(better[:SHOWN])
                    )


def build_serves(
    reference: Reference, document: Document, policies: Mapping[str, Policy]
) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a reference may name a record, as far as what a request has named then serves still.

    What a change of the other record may undo is left open, and so is what no rule enforces.
    """
    names = properties_of(reference.where)
    changed = {
        field
        for one in document.operations.values()
        if one.does == "update" and one.resource == reference.to
        for field in one.body_fields
    }
    ids = rules_of(reference)
    is_enforced = not ids or any(policies[one] == "enforce" for one in ids)
    if not names or names.keys() & changed or not is_enforced:
        return lambda record: True
    fits = Draft202012Validator(dict(reference.where or {}))
    # What a seed leaves out is worked out later.
    return lambda record: not names.keys() <= record.keys() or fits.is_valid(record)


def rules_of(reference: Reference) -> tuple[str, ...]:
    """The rules that say which records serve."""
    return rule_ids(reference.where) or reference.rule_ids


def references_of(resource: Resource, document: Document) -> list[Reference]:
    """What a record's fields name: by the resource, or by the request that makes one."""
    found: dict[str, Reference] = {}
    for operation in document.operations.values():
        if operation.does == "create" and operation.resource == resource.name:
            found |= operation.references
    own = properties_of(resource.schema)
    return [one for name, one in {**found, **resource.references}.items() if name in own]


def records_of(value: Mapping[str, Any], resource: Resource) -> list[tuple[int, dict[str, Any]]]:
    """The well-formed records of a collection with their positions."""
    listed = value.get(resource.collection)
    if not isinstance(listed, list | tuple):
        return []
    return [(number, record) for number, record in enumerate(listed) if isinstance(record, dict)]
