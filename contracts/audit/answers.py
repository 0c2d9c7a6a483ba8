"""Defects of what comes back and of what stays: fields, status codes, credentials, writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contracts.audit.equivalent import (
    ONLY_SCHEME,
    error_reason,
    field_absent_reason,
    refusal_reason,
)
from contracts.audit.mutant import Mutant, Tampering, unique
from contracts.audit.records import wrong_value
from contracts.audit.tampering import example_of
from contracts.surface import (
    Surface,
    build_surfaces,
    echo_rules,
    refusal_status,
    response_rules,
    success_rules,
)
from mock_server.spec.model import Document, Operation
from mock_server.spec.schemas import keyword_of, properties_of, types_of

EVERYWHERE = ["create", "read", "update", "list"]


def mutants(document: Document) -> Iterator[Mutant]:
    for surface in build_surfaces(document).values():
        if any(True for _ in surface.operations()):
            yield from field_mutants(document, surface)
            yield from write_mutants(document, surface)
    for operation in document.operations.values():
        yield from status_mutants(document, operation)
        yield from credential_mutants(document, operation)
    yield from scheme_mutants(document)


def tampered(
    mutant_id: str,
    says: str,
    rules: tuple[str, ...],
    name: str,
    excluded: str = "",
    beside: tuple[str, ...] = (),
    **given: Any,
) -> Mutant:
    return Mutant(
        mutant_id, says, rules, tampering=Tampering(name, given), beside=beside, excluded=excluded
    )


# Fields


def field_mutants(document: Document, surface: Surface) -> Iterator[Mutant]:
    resource = surface.resource
    echo = echo_rules(surface)
    for field in resource.fields:
        if field in resource.hidden:
            continue
        schema = properties_of(resource.schema)[field]
        rules = unique(resource.rule_ids, rules_of_field(surface, field))
        where = f"{resource.name}/{field}"
        given: dict[str, Any] = {"resource": resource.name, "field": field}
        absent = field_absent_reason(resource, field)
        for ways in (EVERYWHERE, *([one] for one in used_ways(surface))):
            word = "every answer" if ways is EVERYWHERE else f"answers to {ways[0]}"
            end = "" if ways is EVERYWHERE else f":{ways[0]}"
            yield tampered(
                f"field-missing:{where}{end}", f"{field} is missing in {word}", rules,
                "field-missing", absent, does=ways, **given,
            )  # fmt: skip
        yield tampered(
            f"field-typed:{where}", f"{field} has another type", rules,
            "field-is", does=EVERYWHERE, value=of_another_type(schema), **given,
        )  # fmt: skip
        if types_of(schema) and "null" not in types_of(schema):
            yield tampered(
                f"field-null:{where}", f"{field} is null", rules,
                "field-is", does=EVERYWHERE, value=None, **given,
            )  # fmt: skip
        if is_echoed(surface, field):
            for way in ("read", "list"):
                if way in used_ways(surface):
                    yield tampered(
                        f"echo-lost:{where}:{way}", f"{field} is not shown in answers to {way}",
                        unique(echo, rules), "field-is", absent, does=[way],
                        value=blank(schema), **given,
                    )  # fmt: skip


def used_ways(surface: Surface) -> list[str]:
    return [one.does for one in surface.operations() if one.does in EVERYWHERE]


def rules_of_field(surface: Surface, field: str) -> tuple[str, ...]:
    """The rules that say what a field of an answer holds."""
    resource = surface.resource
    found = [derived.rule_ids for derived in resource.derived if derived.field == field]
    for operation in surface.operations():
        found += [default.rule_ids for default in operation.defaults if default.field == field]
    if any(field in operation.body_fields for operation in surface.operations()):
        found.append(echo_rules(surface))
    return unique(*found)


def is_echoed(surface: Surface, field: str) -> bool:
    """Whether what a client gives comes back under this name."""
    lifecycle = surface.resource.lifecycle
    return (
        surface.create is not None
        and field in surface.create.body_fields
        and (lifecycle is None or field != lifecycle.field)
    )


def of_another_type(schema: Any) -> Any:
    types = types_of(schema)
    return 5 if not types & {"integer", "number"} else "five"


def blank(schema: Any) -> Any:
    """What a field shows that has been forgotten."""
    types = types_of(schema)
    return None if not types or "null" in types else wrong_value(schema)


# Status codes


def status_mutants(document: Document, operation: Operation) -> Iterator[Mutant]:
    beside = rules_that_refuse(document, operation)

    def mutant(found: int, instead: int, rules: tuple[str, ...]) -> Mutant:
        return tampered(
            f"status:{operation.operation_id}/{found}-{instead}",
            f"{operation.operation_id} answers {instead} where it should answer {found}",
            rules,
            "status",
            refusal_reason(operation, found) if found >= 400 else "",
            beside,
            operation_id=operation.operation_id,
            found=found,
            instead=instead,
        )

    security = security_rules(document, operation)
    for status in operation.responses:
        if not status.isdigit():
            continue
        code, rules = int(status), response_rules(operation, status)
        if code == 404:
            for instead in (400, 200, 500):
                yield mutant(code, instead, rules)
        elif code == 401:
            for instead in (403, 400):
                yield mutant(code, instead, security)
        elif 400 <= code < 500:
            for instead in (422 if code == 400 else 400, 500, 200):
                # One that is not refused at all breaks the rule that should have it refused.
                usual = str(code) == refusal_status(operation) and instead in (200, 500)
                named = unique(rules, beside) if usual else rules
                yield mutant(code, instead, named if rules else ())
        elif code == operation.success:
            # That something comes into being is seen by reading it.
            made = made_by(document, operation.resource) if operation.does == "read" else ()
            yield mutant(code, 500, unique(rules, beside, made) if rules else ())
            yield from success_mutants(document, operation, status, rules)
        if 400 <= code < 500 and code != 401:
            yield tampered(
                f"error-body:{operation.operation_id}/{code}",
                f"{operation.operation_id} answers {code} without the documented body",
                rules, "error-body", refusal_reason(operation, code), beside,
                operation_id=operation.operation_id, status=code,
            )  # fmt: skip


def made_by(document: Document, resource: str) -> tuple[str, ...]:
    """The rules by which records of a resource come into being with others."""
    effects = (effect for one in document.operations.values() for effect in one.effects)
    return unique(*(one.rule_ids for one in effects if one.creates == resource))


def rules_that_refuse(document: Document, operation: Operation) -> tuple[str, ...]:
    """A few rules whose breaches make an operation refuse a request."""
    kinds = ("schema", "reference", "parameter")
    found = [
        rule.rule_id
        for rule in document.rules.values()
        if rule.policy == "enforce"
        and any(
            place.kind in kinds and operation.operation_id in place.operation_ids
            for place in rule.places
        )
    ]
    lifecycle = document.resources[operation.resource].lifecycle
    if lifecycle is not None and operation.does == "update":
        found = [*lifecycle.editable_rules, *found]
    return tuple(found[:3])


def success_mutants(
    document: Document, operation: Operation, status: str, rules: tuple[str, ...]
) -> Iterator[Mutant]:
    response = operation.responses[status]
    if response.schema is None or operation.does == "delete":
        return
    name = operation.operation_id
    yield tampered(
        f"success-empty:{name}", f"{name} answers without a body", rules,
        "empty-answer", operation_id=name,
    )  # fmt: skip
    refusal = next((s for s in operation.responses if s.startswith("4")), None)
    if refusal is not None:
        yield tampered(
            f"success-error:{name}", f"{name} answers with the body of an error", rules,
            "body-of-refusal", error_reason(document, operation, example_of(document, operation, refusal)),
            operation_id=name, status=refusal,
        )  # fmt: skip


# Credentials


def security_rules(document: Document, operation: Operation) -> tuple[str, ...]:
    return unique(
        *(
            document.security_schemes[name].rule_ids
            for name in operation.security
            if name in document.security_schemes
        )
    )


def credential_mutants(document: Document, operation: Operation) -> Iterator[Mutant]:
    rules = security_rules(document, operation)
    for unknown in (False, True) if rules else ():
        word = "unknown" if unknown else "no"
        yield tampered(
            f"credentials-{word}:{operation.operation_id}",
            f"{operation.operation_id} works with {word} credentials",
            rules,
            "no-credentials",
            operation_id=operation.operation_id,
            unknown=unknown,
        )


def scheme_mutants(document: Document) -> Iterator[Mutant]:
    layout = document.errors.get("401") or document.errors.get("default")
    for name, scheme in document.security_schemes.items():
        yield tampered(
            f"scheme-refused:{name}",
            f"{scheme.kind.capitalize()} credentials are refused",
            scheme.rule_ids,
            "scheme-refused",
            ONLY_SCHEME if len(document.security_schemes) == 1 else "",
            scheme=scheme.kind,
            body=layout.body if layout is not None else {},
        )


# Writes


def write_mutants(document: Document, surface: Surface) -> Iterator[Mutant]:
    name, echo = surface.resource.name, echo_rules(surface)
    read = surface.read
    gone = success_rules([surface.delete] if surface.delete is not None else [])
    pages = list_rules(surface)

    def mutant(label: str, says: str, rules: tuple[str, ...], fault: str, **given: Any) -> Mutant:
        return tampered(
            f"write-{label}:{name}", f"{surface.resource.title}: {says}", rules, fault,
            resource=name, **given,
        )  # fmt: skip

    if surface.update is not None and read is not None:
        yield mutant("lost", "a change is answered and not stored", echo, "lost-update")
        yield mutant("late", "a change shows at the second reading only", echo, "late-update")
        yield from update_mutants(document, surface, surface.update)
    if surface.create is not None and read is not None:
        yield mutant("id-differs", "readings show another id", echo, "id-differs")
        if surface.delete is not None:
            yield mutant(
                "not-made", "a new record is answered and not stored", echo, "lost-create",
            )  # fmt: skip
        yield from create_mutants(document, surface, surface.create)
    if surface.create is not None and surface.listing is not None:
        yield mutant("twice", "one create makes two records", unique(echo, pages), "stored-twice")
        yield mutant("list-lags", "lists show records as they were created",
                     unique(echo, pages), "list-lags")  # fmt: skip
    if surface.delete is not None:
        missing = response_rules(surface.delete, "404")
        rules = unique(gone, missing)
        yield mutant("kept", "a deletion is answered and not done", rules, "lost-delete")
        if surface.listing is not None:
            yield mutant("deleted-listed", "lists hold what was deleted", gone, "deleted-listed")
    for operation in (surface.read, surface.update, surface.delete):
        if operation is not None and surface.create is not None:
            yield mutant(
                f"foreign-{operation.does}", f"another account can {operation.does} it",
                response_rules(operation, "404"), "other-account", does=[operation.does],
            )  # fmt: skip
    if surface.listing is not None and surface.create is not None:
        yield tampered(
            f"write-foreign-list:{name}", f"{surface.resource.title}: lists hold other accounts' records",
            unique(response_rules(surface.listing, "404"), pages), "other-account-listed",
            operation_id=surface.listing.operation_id,
        )  # fmt: skip


def list_rules(surface: Surface) -> tuple[str, ...]:
    listing = surface.listing
    words = [p for p in listing.parameters if p.query is not None] if listing is not None else []
    return unique(*(p.rule_ids for p in words))


def create_mutants(document: Document, surface: Surface, create: Operation) -> Iterator[Mutant]:
    name = create.operation_id
    yield tampered(
        f"refused-stored:{name}", f"{name}: what is refused is stored all the same",
        response_rules(create, "400"), "refused-stored",
        beside=rules_that_refuse(document, create), operation_id=name,
    )  # fmt: skip
    for field in plain_texts(surface, create):
        yield from text_mutants(surface, create, field)


def update_mutants(document: Document, surface: Surface, update: Operation) -> Iterator[Mutant]:
    name, echo = update.operation_id, echo_rules(surface)
    refusals, beside = response_rules(update, "400"), rules_that_refuse(document, update)
    yield tampered(
        f"refused-applied:{name}", f"{name}: a refused change is done in part",
        refusals, "refused-applied", beside=beside, operation_id=name,
    )  # fmt: skip
    texts = plain_texts(surface, update)
    if texts:
        yield tampered(
            f"refused-touched:{name}", f"{name}: a refused change sets {texts[0]}",
            refusals, "refused-touched", beside=beside, operation_id=name, field=texts[0],
        )  # fmt: skip
        yield from text_mutants(surface, update, texts[0])
    lifecycle = surface.resource.lifecycle
    spared = {lifecycle.field if lifecycle is not None else None}
    properties = properties_of(update.body_schema)
    held = [f for f in update.body_fields if f not in spared and f in surface.resource.fields]
    fields = [f for f in held if "null" in types_of(properties[f])]  # others cannot be emptied
    if fields:
        derived = (one.rule_ids for one in surface.resource.derived if one.field in fields)
        yield tampered(
            f"replaced-whole:{name}", f"{name}: fields that a change leaves out are emptied",
            unique(echo, *derived), "replaced-whole", operation_id=name, fields=fields,
        )  # fmt: skip


def text_mutants(surface: Surface, operation: Operation, field: str) -> Iterator[Mutant]:
    for how in ("shortened", "stripped", "ascii", "lower", "escaped"):
        yield tampered(
            f"text-{how}:{operation.operation_id}/{field}",
            f"{operation.operation_id}: {field} is stored {how}",
            echo_rules(surface),
            "text-changed",
            operation_id=operation.operation_id,
            field=field,
            how=how,
        )


def plain_texts(surface: Surface, operation: Operation) -> list[str]:
    """Free text fields that come back."""
    properties = properties_of(operation.body_schema)
    return [
        name
        for name in operation.body_fields
        if name in surface.resource.fields
        and "string" in types_of(properties[name])
        and name not in operation.references
        and not any(
            keyword_of(properties[name], word)
            for word in ("pattern", "enum", "format", "const", "anyOf", "oneOf")
        )
    ]
