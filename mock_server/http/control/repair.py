"""The nearest request that would pass: the fewest changes, found by trying them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from heapq import heappop, heappush
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

from mock_server.clock import SECOND, format_instant
from mock_server.http.control.judging import Judge, Judged
from mock_server.http.control.sending import as_written, body_of, target_of
from mock_server.http.journal import as_meant
from mock_server.http.redaction import to_value
from mock_server.http.wire import Lane
from mock_server.problems import Violation
from mock_server.rules.lifecycle import state_of
from mock_server.rules.schema import build_condition
from mock_server.spec.model import Document, Operation, Reference
from mock_server.spec.pointers import parse_pointer
from mock_server.spec.samples import example_of, sample
from mock_server.spec.schemas import properties_of, types_of

TRIES = 300  # judgements; each takes some microseconds
CAREFUL, GREEDY = 1.0, 4.0  # what one thing that is wrong weighs beside one change
LEAVE_OUT: Any = object()
SOON = 3_600 * SECOND


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a request: a value in the place of another, or nothing in its place."""

    pointer: str
    value: Any
    why: str
    weight: float = 1.0


def nearest(judge: Judge, wish: Mapping[str, Any]) -> tuple[dict[str, Any], list[Edit]] | None:
    """The nearest wish that passes with the edits that make it, or None within the tries."""
    start = plain(judge.lane, wish)
    # Where much is wrong, the fewest changes would take all tries: any that pass are better than none.
    return next(
        filter(None, (search(judge, start, greed) for greed in (CAREFUL, GREEDY))),
        None,
    )


def search(
    judge: Judge, start: dict[str, Any], greed: float
) -> tuple[dict[str, Any], list[Edit]] | None:
    """The best of the tries; with greed one that has less wrong with it goes before one that is nearer."""
    order, tried = count(), set[str]()
    waiting: list[Try] = []
    judge_and_wait(judge, waiting, tried, order, greed, 0.0, start, [])
    while waiting and len(tried) < TRIES:
        _, _, weight, tentative, edits, judged = heappop(waiting)
        if judged.problem is None:
            return tentative, edits
        for edit in iter_edits(judge, judged, tentative):
            changed = apply(tentative, edit)
            judge_and_wait(
                judge, waiting, tried, order, greed, weight + edit.weight, changed, [*edits, edit]
            )
    return None


Try = tuple[float, int, float, dict[str, Any], list[Edit], Judged]


def judge_and_wait(
    judge: Judge,
    waiting: list[Try],
    tried: set[str],
    order: Iterator[int],
    greed: float,
    weight: float,
    wish: dict[str, Any],
    edits: list[Edit],
) -> None:
    """Puts a wish that was not tried yet in line, by its edits and by what is still wrong with it."""
    text = json.dumps(wish, sort_keys=True, default=str)
    if text in tried:
        return
    tried.add(text)
    judged = judge(wish)
    left = 0 if judged.problem is None else max(len(judged.violations), 1)
    heappush(waiting, (weight + greed * left, next(order), weight, wish, edits, judged))


def plain(lane: Lane, wish: Mapping[str, Any]) -> dict[str, Any]:
    """A wish with everything in its own place: method, path, query, headers, body."""
    method, path, query = target_of(lane.document, wish)
    body = to_value(body_of(wish)) if "raw" in wish else deepcopy(wish.get("body"))
    headers = {name.lower(): value for name, value in wish.get("headers", {}).items()}
    found = {
        "method": method,
        "path": as_written(path),
        "query": read_query(query),
        "headers": headers,
    }
    return {**found, "body": body} if "raw" in wish or "body" in wish else found


def read_query(query: str) -> dict[str, Any]:
    """Values by name; of one that is repeated, all."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in found:
            before = found[name]
            found[name] = [*(before if isinstance(before, list) else [before]), value]
        else:
            found[name] = value
    return found


def apply(wish: dict[str, Any], edit: Edit) -> dict[str, Any]:
    """The wish with an edit made."""
    changed = deepcopy(wish)
    *parents, last = parse_pointer(edit.pointer)
    node: Any = changed
    for token in parents:
        if isinstance(node, list) and token.isdigit() and int(token) < len(node):
            node = node[int(token)]
            continue
        if not isinstance(node, dict):
            return changed
        if not isinstance(node.get(token), dict | list):
            node[token] = {}
        node = node[token]
    if isinstance(node, list):
        if last.isdigit() and int(last) < len(node):
            if edit.value is LEAVE_OUT:
                del node[int(last)]
            else:
                node[int(last)] = edit.value
    elif edit.value is LEAVE_OUT:
        node.pop(last, None)
    else:
        node[last] = edit.value
    return changed


def iter_edits(judge: Judge, judged: Judged, wish: dict[str, Any]) -> Iterator[Edit]:
    """What might help against the first thing that is wrong."""
    problem, exchange = judged.problem, judged.exchange
    assert problem is not None
    if exchange is None:
        yield from other_targets(judge.lane, wish, problem.status)
    elif problem.status == 401:
        yield Edit("/headers/authorization", LEAVE_OUT, "the tenant's own key")
    elif problem.status == 404:
        yield from other_records(judge, judged, wish)
    elif problem.status == 415:
        yield Edit("/headers/content-type", "application/json", "a body is JSON")
    elif problem.violations:
        yield from against(judge, judged, problem.violations[0], wish)
    elif not isinstance(wish.get("body"), dict):
        yield Edit("/body", {}, "a JSON object")


def other_targets(lane: Lane, wish: dict[str, Any], status: int) -> Iterator[Edit]:
    """Paths and methods that there are, the nearest first."""
    base = lane.plan.base_path
    if status == 405:
        methods, _ = lane.router.find(wish["path"]) or ({}, {})
        for method in sorted(methods):
            yield Edit("/method", method, "a method that this path has")
        return
    answered = (*lane.plan.operations, *lane.plan.plain)
    paths = {base + plan.operation.path_template for plan in answered}
    slashed = {f"{wish['path'].rstrip('/')}/", wish["path"].rstrip("/")} & paths
    near = get_close_matches(wish["path"], paths, n=3, cutoff=0.5)
    for path in dict.fromkeys([*slashed, *near]):
        yield Edit("/path", path, "a path that there is")


def other_records(judge: Judge, judged: Judged, wish: dict[str, Any]) -> Iterator[Edit]:
    """Ids of records that there are."""
    exchange = judged.exchange
    assert exchange is not None
    store = exchange.tenant.store
    wanted = next(reversed(list(exchange.path.values())), "")
    ids = [one.record_id for one in store.iter_records(exchange.operation.prototype.collection)]
    near = get_close_matches(wanted, ids, n=2, cutoff=0.3)
    for number, record_id in enumerate(dict.fromkeys([*near, *ids[:20]])):
        path = wish["path"].replace(as_written(as_meant(wanted)), record_id)
        yield Edit("/path", path, "a record that there is", 1.0 + number / 10)


def against(
    judge: Judge, judged: Judged, violation: Violation, wish: dict[str, Any]
) -> Iterator[Edit]:
    """Values that one violation might accept, and leaving its place empty."""
    exchange = judged.exchange
    assert exchange is not None
    operation = exchange.operation.operation
    tokens = parse_pointer(violation.pointer)
    why = violation.message
    if tokens == ("body",):
        yield from whole_body(judge.lane, operation, wish, why)
        return
    there = is_there(wish, tokens)
    schema = schema_at(operation, tokens)
    values = list(values_for(judge, judged, violation, tokens, schema))
    meant = [value for value in values if is_near(violation.found, value)][:1]
    for number, value in enumerate(values):
        # What somebody has misspelt weights less than another choice, and makes that weight more.
        weight = 0.4 if value in meant else 1.0 + bool(meant) + number / 10
        yield Edit(violation.pointer, value, why, weight)
    if there:
        yield Edit(violation.pointer, LEAVE_OUT, why, 1.2)


def is_near(found: Any, value: Any) -> bool:
    """Whether a value is most likely what somebody meant to write."""
    if not isinstance(found, str) or not isinstance(value, str):
        return False
    return bool(get_close_matches(found, [value], cutoff=0.75))


def is_there(wish: Any, tokens: tuple[str, ...]) -> bool:
    for token in tokens:
        if isinstance(wish, dict) and token in wish:
            wish = wish[token]
        elif isinstance(wish, list) and token.isdigit() and int(token) < len(wish):
            wish = wish[int(token)]
        else:
            return False
    return True


def whole_body(lane: Lane, operation: Operation, wish: dict[str, Any], why: str) -> Iterator[Edit]:
    """For a body that is wrong as a whole: one field less, or another body altogether."""
    body = wish.get("body")
    if isinstance(body, dict):
        for name in reversed(body):
            yield Edit(f"/body/{name}", LEAVE_OUT, why)
    else:
        yield Edit("/body", {}, why)
    for example in accepted_bodies(lane.document, operation):
        yield Edit("/body", example, why, 3.0)


def accepted_bodies(document: Document, operation: Operation) -> Iterator[dict[str, Any]]:
    """Bodies of single requests that the catalogue says are accepted."""
    for rule in document.rules.values():
        for example in rule.accepts:
            step = example.steps[0]
            if step.operation_id == operation.operation_id and isinstance(step.body, dict):
                yield step.body


def schema_at(operation: Operation, tokens: tuple[str, ...]) -> Any:
    """The schema of a place in the request, as far as it is one of properties."""
    if tokens[0] == "query":
        named = (one for one in operation.parameters if one.location == "query")
        return next((one.schema for one in named if one.name == tokens[1]), None)
    schema: Any = operation.body_schema
    for token in tokens[1:]:
        properties = properties_of(schema)
        schema = (
            properties[token]
            if token in properties
            else (schema or {}).get("items")
            if isinstance(schema, dict)
            else None
        )
    return schema


def values_for(
    judge: Judge, judged: Judged, violation: Violation, tokens: tuple[str, ...], schema: Any
) -> Iterator[Any]:
    """Values that a place might take, the likeliest first."""
    exchange = judged.exchange
    assert exchange is not None
    operation = exchange.operation.operation
    field, found = tokens[-1], violation.found
    machine = exchange.operation.prototype.machine
    if tokens[0] == "body":
        reference = operation.references.get(field)
        if reference is not None:
            yield from referred(judged, reference)
        if machine is not None and field == machine.field and exchange.stored is not None:
            yield from sorted(machine.allowed.get(state_of(exchange.stored.data, field), ()))
        if field in exchange.operation.prototype.date_times:
            yield format_instant(exchange.now + SOON)
    for body in accepted_bodies(judge.lane.document, operation) if found is None else ():
        if tokens[0] == "body" and len(tokens) == 2 and body.get(field) is not None:
            yield body[field]
            break
    if isinstance(schema, dict):
        yield from by_schema(schema, found)


def referred(judged: Judged, reference: Reference) -> Iterator[Any]:
    """Values that name a record which the reference takes."""
    exchange = judged.exchange
    assert exchange is not None
    fits = build_condition(reference.where)
    target = exchange.plan.prototypes[reference.to]
    given = {**exchange.tentative, **exchange.given}
    found = 0
    for record in exchange.tenant.store.iter_records(target.collection):
        matching = all(
            given.get(ours) in (None, record.data.get(theirs))
            for theirs, ours in reference.match.items()
        )
        value = record.data.get(reference.by)
        if value is not None and matching and fits(record.data):
            yield value
            found += 1
            if found == 3:
                return


def by_schema(schema: dict[str, Any], found: Any) -> Iterator[Any]:
    """Values of a schema near to what was found."""
    options = next((one for one in keywords(schema, "enum")), None)
    if options is not None:
        texts = {str(option): option for option in options if option is not None}
        near = get_close_matches(str(found), texts, n=1, cutoff=0.4)
        yield from (texts[name] for name in dict.fromkeys([*near, *texts]))
        return
    yield from keywords(schema, "const")
    yield from converted(found, types_of(schema))
    for word, step in (
        ("exclusiveMaximum", -1),
        ("maximum", 0),
        ("minimum", 0),
        ("exclusiveMinimum", 1),
    ):
        yield from (limit + step for limit in keywords(schema, word))
    example = example_of(schema)
    yield (
        sample(schema, None)
        if example is None or not isinstance(example, str | int | float | list | dict)
        else example
    )


def keywords(schema: Any, word: str) -> Iterator[Any]:
    """The values of a keyword in a schema and in its `allOf` branches."""
    if isinstance(schema, dict):
        if word in schema:
            yield schema[word]
        for branch in schema.get("allOf", []):
            yield from keywords(branch, word)


def converted(found: Any, types: frozenset[str]) -> Iterator[Any]:
    """What was found, as the type that was meant."""
    if isinstance(found, bool):
        return
    if "string" in types and isinstance(found, int | float):
        yield str(found)
    if types & {"integer", "number"} and isinstance(found, str):
        try:
            yield int(found)
        except ValueError:
            return
    if "integer" in types and isinstance(found, float):
        yield round(found)
