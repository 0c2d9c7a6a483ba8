"""Two answers to the same request, held against each other: status, headers, fields, types, values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.cases.bench import Bench
from contracts.drift.binding import Binding
from contracts.moments import read_moment
from contracts.oracle.values import Facts, Unknown, evaluate
from contracts.target.wire import Answer
from mock_server.spec.model import Call, Derived, Document, Expression, Operation, Resource
from mock_server.spec.pointers import follow, parse_pointer

ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which two answers differ. `kind`: operation, status, header, presence, type, value."""

    operation_id: str
    kind: str
    place: str
    left: str
    right: str


@dataclass(slots=True)
class Pair:
    """What both sides are compared with."""

    document: Document
    benches: tuple[Bench, Bench]
    binding: Binding


def compare(pair: Pair, operation: Operation, left: Answer, right: Answer) -> Iterator[Difference]:
    """Every difference; bodies are only compared where both accept or both refuse."""

    def found(kind: str, place: str, ours: Any, theirs: Any) -> Difference:
        return Difference(operation.operation_id, kind, place, shown(ours), shown(theirs))

    if left.status != right.status:
        yield found("status", "", left.status, right.status)
    if left.accepted != right.accepted:
        return
    for name in documented_headers(pair.document, operation, left):
        ours, theirs = header(left, name), header(right, name)
        if ours != theirs:
            yield found("header", name, ours, theirs)
    resource = pair.document.resources[operation.resource]
    if not left.accepted:
        for place, kind, ours, theirs in walk_form(left.body, right.body):
            yield found(kind, place, ours, theirs)
        return
    for place, kind, ours, theirs in walk_answer(pair, operation, resource, left, right):
        yield found(kind, place, ours, theirs)


def documented_headers(document: Document, operation: Operation, answer: Answer) -> list[str]:
    """The names of the headers that the document speaks of, the media type among them."""
    response = operation.responses.get(str(answer.status))
    if response is None:
        return []
    node = follow(document.raw, parse_pointer(response.pointer))
    if "$ref" in node:
        node = follow(document.raw, parse_pointer(node["$ref"]))
    named = [name.lower() for name in node.get("headers", {})]
    return ["content-type", *named] if node.get("content") else named


def header(answer: Answer, name: str) -> str:
    """A header as far as it can be the same on both sides: a media type, or that it is there."""
    value = answer.headers.get(name)
    if value is None:
        return ABSENT
    return value.partition(";")[0].strip().lower() if name == "content-type" else "there"


Found = tuple[str, str, Any, Any]  # place, kind, left, right


def walk_form(left: Any, right: Any) -> Iterator[Found]:
    """Refusals: the members and their types; the words are each side's own."""
    if type_of(left) != type_of(right):
        yield "body", "type", type_of(left), type_of(right)
    elif isinstance(left, dict):
        for name in dict.fromkeys((*left, *right)):
            if (name in left) != (name in right):
                yield (
                    name,
                    "presence",
                    "there" if name in left else ABSENT,
                    "there" if name in right else ABSENT,
                )
            elif type_of(left[name]) != type_of(right[name]):
                yield name, "type", type_of(left[name]), type_of(right[name])


def walk_answer(
    pair: Pair, operation: Operation, resource: Resource, left: Answer, right: Answer
) -> Iterator[Found]:
    if operation.does == "list":
        yield from walk_page(pair, resource, left.body, right.body)
    elif isinstance(left.body, dict) and isinstance(right.body, dict):
        yield from walk_record(pair, resource, left.body, right.body)
    elif type_of(left.body) != type_of(right.body):
        yield "body", "type", type_of(left.body), type_of(right.body)


def walk_page(pair: Pair, resource: Resource, left: Any, right: Any) -> Iterator[Found]:
    """The frame's form, and those records of it that the sequence itself has made, in order."""
    yield from walk_form(left, right)
    records = resource.page.records
    ours = own_records(left, records, pair.binding.forth)
    theirs = own_records(right, records, pair.binding.back)
    names = [pair.binding.forth[one["id"]] for one in ours]
    found = [one["id"] for one in theirs]
    if names != found:
        kind = "order" if sorted(names) == sorted(found) else "records"
        yield records, "value", f"{kind}: {len(names)} of the sequence's", f"{len(found)} of them"
        return
    for one, other in zip(ours, theirs, strict=True):
        for place, kind, a, b in walk_record(pair, resource, one, other):
            yield f"{records}/{place}", kind, a, b


def own_records(body: Any, name: str, known: Mapping[Any, Any]) -> list[dict[str, Any]]:
    """Those records of a page whose ids the sequence knows."""
    listed = body.get(name) if isinstance(body, dict) else None
    return [
        one
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and one.get("id") in known
    ]


def walk_record(
    pair: Pair, resource: Resource, left: Mapping[str, Any], right: Mapping[str, Any]
) -> Iterator[Found]:
    for name in dict.fromkeys((*left, *right)):
        if (name in left) != (name in right):
            ours = type_of(left[name]) if name in left else ABSENT
            yield name, "presence", ours, type_of(right[name]) if name in right else ABSENT
        elif not is_alike(pair, resource, name, left, right):
            ours, theirs = type_of(left[name]), type_of(right[name])
            if ours != theirs:
                yield name, "type", ours, theirs
            else:
                yield name, "value", left[name], right[name]


def is_alike(
    pair: Pair, resource: Resource, name: str, left: Mapping[str, Any], right: Mapping[str, Any]
) -> bool:
    """Whether a field means the same on both sides; ids and account values become pairs."""
    ours, theirs = left[name], right[name]
    if pair.binding.is_same(ours, theirs):
        return True
    if isinstance(ours, list | dict):
        return is_alike_inside(pair, ours, theirs)
    if type_of(ours) != type_of(theirs):
        return False
    derived = next((one for one in resource.derived if one.field == name), None)
    if derived is not None and is_worked_out(derived):
        answers = [
            worked_out(bench, resource, derived, record)
            for bench, record in zip(pair.benches, (left, right), strict=True)
        ]
        if not any(isinstance(one, Unknown) for one in answers):
            return bool(answers[0] == ours and answers[1] == theirs)
        # Each side may have drawn it for itself.
        return isinstance(ours, str) and pair.binding.bind(ours, theirs)
    if not isinstance(ours, str) or not is_bindable(resource, name, derived):
        return False
    if read_moment(ours) is not None or read_moment(theirs) is not None:
        return False
    return pair.binding.bind(ours, theirs)


def is_alike_inside(pair: Pair, left: Any, right: Any) -> bool:
    """Lists and objects: the same members, whose texts may be of each account."""
    if type_of(left) != type_of(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(
            is_alike_inside(pair, a, b) for a, b in zip(left, right, strict=True)
        )
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(
            is_alike_inside(pair, left[name], right[name]) for name in left
        )
    if pair.binding.is_same(left, right):
        return True
    is_text = isinstance(left, str) and read_moment(left) is None
    return is_text and pair.binding.bind(left, right)


def is_worked_out(derived: Derived) -> bool:
    """Whether a value is worked out from others by a function, so that each side's can be checked."""
    return any(isinstance(value, Call) for value in derived.values)


def worked_out(
    bench: Bench, resource: Resource, derived: Derived, record: Mapping[str, Any]
) -> Any:
    """What the judge itself makes of a side's own record; UNKNOWN where it cannot say."""

    def look_up(name: str, value: Any) -> Mapping[str, Any] | None:
        reference = resource.references.get(name)
        return bench.live.find(reference, value) if reference is not None else None

    for value in derived.values:
        found = evaluate(value, Facts(record, follow=look_up))
        if found is not None:
            return found
    return None


def is_bindable(resource: Resource, name: str, derived: Derived | None) -> bool:
    """Whether a text is of the account: an id, a reference, or what follows from who calls."""
    if name == "id" or name in resource.references:
        return True
    return derived is not None and any(
        isinstance(value, Expression) and value.source in ("principal", "follow", "id")
        for value in derived.values
    )


def type_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names = {int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]


def shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
