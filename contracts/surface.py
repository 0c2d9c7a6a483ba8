"""What can be done with each resource, and which rules the document ties to what comes back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mock_server.spec.model import BusinessRule, Document, Operation, Resource


@dataclass(frozen=True, slots=True)
class Surface:
    """The operations of one resource; None where the document has none."""

    resource: Resource
    create: Operation | None
    listing: Operation | None
    read: Operation | None
    update: Operation | None
    delete: Operation | None

    def operations(self) -> Iterator[Operation]:
        for one in (self.create, self.listing, self.read, self.update, self.delete):
            if one is not None:
                yield one


def build_surfaces(document: Document) -> Mapping[str, Surface]:
    return {name: build_surface(document, name) for name in document.resources}


def build_surface(document: Document, name: str) -> Surface:
    own = [one for one in document.operations.values() if one.resource == name]
    create = first(own, "create", None)
    beside = create.path_template if create is not None else None
    return Surface(
        document.resources[name],
        create,
        first(own, "list", beside),
        first([one for one in own if takes_id(one)], "read", beside),
        first([one for one in own if takes_id(one)], "update", beside),
        first([one for one in own if takes_id(one)], "delete", beside),
    )


def takes_id(operation: Operation) -> bool:
    return any(parameter.location == "path" for parameter in operation.parameters)


def first(operations: Iterable[Operation], does: str, beside: str | None) -> Operation | None:
    """The operation that does it; of several the one beside the create operation."""
    found = [one for one in operations if one.does == does]
    near = [one for one in found if beside is not None and one.path_template.startswith(beside)]
    return next(iter([*near, *found]), None)


def rules_at(
    rules: Mapping[str, BusinessRule], kind: str, resource: str | None = None
) -> Iterator[tuple[BusinessRule, str]]:
    """Rules stated at places of a kind, with the place's pointer."""
    for rule in rules.values():
        for place in rule.places:
            if place.kind == kind and (resource is None or place.resource == resource):
                yield rule, place.pointer


def response_rules(operation: Operation, status: str) -> tuple[str, ...]:
    """The rules that speak of an answer with this status."""
    response = operation.responses.get(status) or operation.responses.get(f"{status[0]}XX")
    return response.rule_ids if response is not None else ()


def refusal_status(operation: Operation) -> str:
    """The documented status of a request that breaks a rule, and has no answer of its own."""
    others = {"401", "403", "404", *(str(refusal.status) for refusal in operation.refusals)}
    listed = [s for s in operation.responses if s.startswith("4") and s not in others]
    return next(iter(sorted(listed)), "400")


def success_rules(operations: Iterable[Operation]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for operation in operations:
        for rule_id in response_rules(operation, str(operation.success)):
            found[rule_id] = None
    return tuple(found)


def echo_rules(surface: Surface) -> tuple[str, ...]:
    """The rules that the document ties to what create, read and update answer."""
    return success_rules(
        one for one in (surface.create, surface.read, surface.update) if one is not None
    )
