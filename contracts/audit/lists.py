"""Defects of lists: filters, pages, order and selection."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.audit.equivalent import default_reason
from contracts.audit.mutant import REMOVED, Edit, Mutant, Tampering, unique
from mock_server.spec.model import Document, Operation, Parameter
from mock_server.spec.pointers import follow, parse_pointer

OTHER_COMPARISON = {"gt": "gte", "gte": "gt", "lt": "lte", "lte": "lt", "in": "eq"}
OPPOSITE = {"gt": "lt", "gte": "lte", "lt": "gt", "lte": "gte"}


def mutants(document: Document) -> Iterator[Mutant]:
    for operation in document.operations.values():
        for parameter in operation.parameters:
            if parameter.query is not None:
                yield from word_mutants(document, operation, parameter)
        if operation.does == "list":
            yield from envelope_mutants(document, operation)
    for resource in document.resources.values():
        listings = [
            o
            for o in document.operations.values()
            if o.does == "list" and o.resource == resource.name
        ]
        if resource.order and listings:
            order = f"{'' if resource.descending else '-'}{resource.order}"
            place = (*parse_pointer(resource.pointer), "x-resource", "order")
            yield Mutant(
                f"order-reversed:{resource.name}",
                f"{listings[0].operation_id}: the list is in the opposite order",
                unique(*(list_rules(one, "filter") for one in listings)),
                (Edit(place, order),),
            )


def list_rules(listing: Operation, does: str) -> tuple[str, ...]:
    return unique(
        *(p.rule_ids for p in listing.parameters if p.query is not None and p.query.does == does)
    )


def word_mutants(
    document: Document, operation: Operation, parameter: Parameter
) -> Iterator[Mutant]:
    word = parameter.query
    assert word is not None
    place = (*parse_pointer(parameter.pointer), "x-query")
    written = follow(document.raw, place)
    where = f"{operation.operation_id}/{parameter.name}"

    def mutant(label: str, says: str, edit: Edit, excluded: str = "") -> Mutant:
        return Mutant(
            f"query-{label}:{where}",
            f"{operation.operation_id}: {parameter.name} {says}",
            parameter.rule_ids,
            (edit,),
            excluded=excluded,
        )

    yield mutant("ignored", "is ignored", Edit(place, REMOVED))
    if word.op in OTHER_COMPARISON:
        other = OTHER_COMPARISON[word.op]
        yield mutant("compared", f"means {other}, not {word.op}", Edit((*place, "op"), other))
    if word.op in OPPOSITE:
        opposite = OPPOSITE[word.op]
        yield mutant("turned", f"means {opposite}, not {word.op}", Edit((*place, "op"), opposite))
    if word.does == "filter" and word.any is not None:
        edit = Edit(place, {k: v for k, v in written.items() if k != "any"})
        yield mutant("any", f"takes {word.any!r} for a value like all others", edit)
    if word.unless:
        edit = Edit(place, {k: v for k, v in written.items() if k != "unless"})
        yield mutant("unless", f"counts beside {word.unless} too", edit)
    if word.does in ("limit", "skip"):
        for by, label in ((1, "one more"), (-1, "one less")):
            yield Mutant(
                f"query-{label.replace(' ', '-')}:{where}",
                f"{operation.operation_id}: {parameter.name} counts {label}",
                parameter.rule_ids,
                tampering=Tampering(
                    "query-moved",
                    {"operation_id": operation.operation_id, "name": parameter.name, "by": by},
                ),
            )
    default = parameter.default
    if isinstance(default, str | int) and not isinstance(default, bool):
        other_default = default + 1 if isinstance(default, int) else f"{default} too"
        edit = Edit((*parse_pointer(parameter.pointer), "schema", "default"), other_default)
        says = f"is {other_default!r} by default, not {default!r}"
        yield mutant("default", says, edit, default_reason(parameter))


def envelope_mutants(document: Document, listing: Operation) -> Iterator[Mutant]:
    page = document.resources[listing.resource].page
    pages, filters = list_rules(listing, "skip"), list_rules(listing, "filter")

    def mutant(label: str, says: str, rules: tuple[str, ...], name: str, **given: str) -> Mutant:
        arguments = {"operation_id": listing.operation_id, **given}
        return Mutant(
            f"list-{label}:{listing.operation_id}",
            f"{listing.operation_id}: {says}",
            rules,
            tampering=Tampering(name, arguments),
        )

    if page.more is not None:
        for how in ("opposite", "always", "never", "missing"):
            says = f"{page.more} is {how}" if how != "opposite" else f"{page.more} is the opposite"
            yield mutant(f"more-{how}", says, pages, "envelope", field=page.more, how=how)
    if page.total is not None:
        for how in ("more", "missing"):
            says = f"{page.total} is {'one too many' if how == 'more' else how}"
            yield mutant(f"total-{how}", says, pages, "envelope", field=page.total, how=how)
    yield mutant("twice", "every record comes twice", unique(pages, filters), "listed-twice")
